"""Boxes stay tight around the ink when pages are turned in training."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from docdetect.datasets.reader import read_dataset
from docdetect.models.ultralytics_setup import prepare_ultralytics

_SIDE = 320
_MARGIN = 12  # px around a box in which its ink is looked for
_BOXES = ((40, 50, 120, 130), (150, 60, 290, 90), (60, 200, 140, 280))  # a disc, a slanted stroke, a square


def _page() -> Any:
    pixels = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
    cv2.circle(pixels, (80, 90), 39, (40, 60, 200), -1)
    cv2.line(pixels, (152, 88), (287, 62), (200, 30, 30), 3)
    cv2.rectangle(pixels, (60, 200), (139, 279), (0, 0, 0), -1)
    return pixels


@pytest.fixture
def turning(tmp_path: Path) -> Any:
    """A loader of that page, turned by up to ten degrees and nothing else."""
    prepare_ultralytics()
    from ultralytics.cfg import get_cfg

    from docdetect.training.pages import Pages

    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / kind / split).mkdir(parents=True)
        Image.fromarray(_page()).save(tmp_path / "images" / split / "a.png")
        rows = [
            f"{k} {(x0 + x1) / 2 / _SIDE} {(y0 + y1) / 2 / _SIDE} {(x1 - x0) / _SIDE} {(y1 - y0) / _SIDE}"
            for k, (x0, y0, x1, y1) in enumerate(_BOXES)
        ]
        (tmp_path / "labels" / split / "a.txt").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "data.yaml").write_text(
        "train: images/train\nval: images/val\nnames: [stamp, signature, qr]\n", encoding="utf-8"
    )
    found = read_dataset(str(tmp_path))
    data = {"names": dict(enumerate(found.class_names)), "channels": 3, "pages": found.splits}
    still = {"mosaic": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0, "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0}
    hyp = get_cfg(overrides={**still, "degrees": 10.0, "erasing": 0.0, "auto_augment": None})
    return Pages(img_path="train", imgsz=_SIDE, augment=True, hyp=hyp, data=data, task="detect", batch_size=1)


def _looseness(pages: Any, seed: int) -> list[float]:
    """For each mark, by how many px its box is larger than its ink, the worst of the four sides."""
    random.seed(seed)
    np.random.seed(seed)
    item = pages[0]
    pixels = item["img"].numpy().transpose(1, 2, 0)
    worst = []
    for middle_x, middle_y, width, height in item["bboxes"].numpy() * _SIDE:
        box = np.array([middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2])
        left, top = np.maximum(0, box[:2].astype(int) - _MARGIN)
        right, bottom = box[2:].astype(int) + _MARGIN
        ys, xs = np.nonzero(pixels[top:bottom, left:right].min(axis=2) < 100)
        ink = np.array([left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1])
        worst.append(float(np.abs(ink - box).max()))
    return worst


def test_boxes_are_tight_around_turned_marks(turning: Any) -> None:
    for seed in range(25):
        assert max(_looseness(turning, seed)) < 3.5


def test_without_outlines_they_are_not(turning: Any) -> None:
    turning.turns = False
    worst = np.array([_looseness(turning, seed) for seed in range(25)]).max(axis=0)
    disc, stroke, square = worst
    assert disc > 5
    assert stroke > 7
    assert square < 3.5


def test_outlines_touch_all_sides_of_their_boxes() -> None:
    from docdetect.training.augment import outlines

    boxes = np.array([*_BOXES, (0, 0, 30, 30), (300, 300, 302, 302), (140, 50, 310, 100)], np.float32)
    for box, outline in zip(boxes, outlines(_page(), boxes), strict=True):
        np.testing.assert_allclose([*outline.min(axis=0), *outline.max(axis=0)], box, atol=1e-3)
    faint = np.full((_SIDE, _SIDE, 3), 250, np.uint8)
    faint[60:80, 60:80] = 240
    np.testing.assert_array_equal(outlines(faint, boxes[:1])[0], [[40, 50], [120, 50], [120, 130], [40, 130]])


def test_slivers_at_the_edge_are_no_marks() -> None:
    from docdetect.training.augment import TightPerspective

    before = np.array([[0, 0, 100, 100]], np.float32).T
    sliver, part = np.array([[0, 0, 5, 100]], np.float32).T, np.array([[0, 0, 30, 100]], np.float32).T
    assert not TightPerspective.box_candidates(box1=before, box2=sliver, area_thr=0.01).any()
    assert TightPerspective.box_candidates(box1=before, box2=part, area_thr=0.01).all()


def test_pages_that_are_not_turned_need_no_outlines(turning: Any) -> None:
    assert turning.turns
    assert len(turning.get_image_and_label(0)["instances"].segments) == 3
    turning.turns = False
    assert len(turning.get_image_and_label(0)["instances"].segments) == 0
