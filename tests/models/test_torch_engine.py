"""The PyTorch engine: boxes on the page, whatever its size and its neighbours, and as Ultralytics itself has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docdetect.models.engine import Engine
from docdetect.models.loading import load_engine
from docdetect.types import ByteArray

IMGSZ = 160
CONF, IOU = 0.3, 0.537  # boxes of an untrained network overlap by round shares


@pytest.fixture(scope="module")
def engine(weights: Path) -> Engine:
    return load_engine(weights, imgsz=IMGSZ, device="cpu")


def page(seed: int, width: int, height: int) -> ByteArray:
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 250, np.uint8)
    for _ in range(12):
        left, top = rng.integers(0, width // 2 + 1), rng.integers(0, height // 2 + 1)
        pixels[top : top + height // 4, left : left + width // 4] = rng.integers(0, 256, 3)
    return pixels


PAGES = [page(1, 240, 339), page(2, 339, 240), page(3, 100, 100), page(4, 240, 339), page(5, 30, 400)]


def test_it_is_an_engine_and_knows_its_classes(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert engine.class_names == ("qr", "signature", "stamp")


def test_boxes_lie_on_their_page_by_descending_score(engine: Engine) -> None:
    results = engine.detect(PAGES, CONF, IOU)
    assert sum(len(found) for found in results) > 5
    for found, pixels in zip(results, PAGES, strict=True):
        height, width = pixels.shape[:2]
        assert found.size_wh == (width, height)
        assert found.scores is not None
        assert (np.diff(found.scores) <= 0).all()
        assert (found.scores > CONF).all()
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= (width, height, width, height)).all()


def test_same_results_whatever_the_batch(engine: Engine) -> None:
    together = engine.detect(PAGES, CONF, IOU)
    alone = [engine.detect([pixels], CONF, IOU)[0] for pixels in PAGES]
    backwards = engine.detect(PAGES[::-1], CONF, IOU)[::-1]
    for one, two, three in zip(together, alone, backwards, strict=True):
        for other in (two, three):
            np.testing.assert_array_equal(one.xyxy, other.xyxy)
            np.testing.assert_array_equal(one.class_ids, other.class_ids)
            assert one.scores is not None
            assert other.scores is not None
            np.testing.assert_array_equal(one.scores, other.scores)


def test_no_pages_and_nothing_found(engine: Engine) -> None:
    assert engine.detect([], CONF, IOU) == []
    (found,) = engine.detect([PAGES[0]], 1.0, IOU)
    assert len(found) == 0
    assert found.scores is not None


def test_same_boxes_as_ultralytics_itself(engine: Engine, weights: Path) -> None:
    from ultralytics import YOLO

    model = YOLO(str(weights))
    for pixels in PAGES:
        (found,) = engine.detect([pixels], CONF, IOU)
        bgr = np.ascontiguousarray(pixels[..., ::-1])
        options = {"imgsz": IMGSZ, "conf": CONF, "iou": IOU, "device": "cpu", "verbose": False, "save": False}
        boxes = model.predict(bgr, **options)[0].boxes
        assert len(found) == len(boxes)
        assert found.scores is not None
        ours = np.column_stack([found.xyxy, found.scores * 100, found.class_ids * 1000])  # 1 px, 0.01, one class
        theirs = np.column_stack([boxes.xyxy.numpy(), boxes.conf.numpy() * 100, boxes.cls.numpy() * 1000])
        apart = np.abs(ours[:, None] - theirs[None, :]).max(axis=2)
        assert (apart.min(axis=1) <= 1).all()
        assert (apart.min(axis=0) <= 1).all()


def test_channel_order_matters_and_is_rgb(engine: Engine) -> None:
    (as_is,) = engine.detect([PAGES[0]], CONF, IOU)
    (swapped,) = engine.detect([np.ascontiguousarray(PAGES[0][..., ::-1])], CONF, IOU)
    assert as_is.scores is not None
    assert swapped.scores is not None
    assert len(as_is) != len(swapped) or not np.allclose(as_is.scores, swapped.scores)


def test_a4_is_letterboxed_to_a_rectangle(engine: Engine) -> None:
    letterbox = engine._letterbox  # type: ignore[attr-defined]
    letterbox.new_shape = (1024, 1024)
    try:
        assert letterbox(image=np.zeros((2339, 1654, 3), np.uint8)).shape == (1024, 736, 3)
    finally:
        letterbox.new_shape = (IMGSZ, IMGSZ)
