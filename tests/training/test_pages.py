"""Pages as Ultralytics' loader gives them: scaled as it does, read as infer reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from ultralytics.data.base import BaseDataset
from ultralytics.utils import DEFAULT_CFG

from docdetect.datasets.reader import LabelledImage
from docdetect.documents.pictures import read_picture
from docdetect.models.letterbox import boxes_to_page, fitted_letterbox, page_to_picture
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.pages import Pages, ValidationPages
from docdetect.types import Detections


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare_ultralytics()


def pages_of(path: Path, *, augment: bool = False, kind: type[Pages] = Pages) -> Any:
    size_wh = read_picture(path).size_wh
    truth = Detections(np.array([[5, 5, 20, 20]], np.float32), np.array([0]), size_wh)
    data = {"pages": {"images": (LabelledImage(path, path.name, truth),)}, "names": {0: "stamp"}, "channels": 3}
    return kind(img_path="images", data=data, task="detect", imgsz=64, augment=augment, hyp=DEFAULT_CFG, batch_size=1)


def noise(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(np.random.default_rng(2).integers(0, 255, (150, 101, 3), np.uint8)).convert(mode)


def test_plain_pictures_are_scaled_as_ultralytics_scales_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    noise().save(path)
    pages = pages_of(path)
    page, stored_hw, page_hw = pages.load_image(0)
    expected, *sizes = BaseDataset.load_image(pages, 0)
    np.testing.assert_array_equal(page, expected)
    assert [stored_hw, page_hw] == sizes == [(150, 101), (64, 44)]


def test_a_transparent_picture_is_seen_on_white_paper(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture = noise("RGBA")
    picture.putalpha(0)
    picture.save(path)
    page, _, _ = pages_of(path).load_image(0)
    assert (page == 255).all()


def test_a_stale_array_beside_a_picture_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise().save(path)
    np.save(tmp_path / "a.npy", np.zeros((150, 101, 3), np.uint8))
    page, _, _ = pages_of(path).load_image(0)
    expected = cv2.resize(np.asarray(noise())[..., ::-1].copy(), (44, 64), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(page, expected)


def test_pages_stay_in_memory_for_mosaics_and_leave_it_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    noise().save(path)
    pages = pages_of(path, augment=True)
    pages.load_image(0)
    assert pages.buffer == [0]
    pages.ims[0][:] = 7
    assert (pages.load_image(0)[0] == 7).all()
    pages.max_buffer_length = 2
    pages._remember(0, pages.ims[0], (150, 101))
    assert pages.buffer == [0]


def test_validation_shows_the_network_the_picture_that_val_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise().save(path)
    pages = pages_of(path, kind=ValidationPages)
    fit = fitted_letterbox((101, 150), 64, 32)
    assert pages.picture_sizes == [fit.picture_wh] == [(64, 64)]
    batch = pages[0]
    picture = batch["img"].numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(picture, page_to_picture(read_picture(path).pixels, fit))
    centre, sides = np.split(batch["bboxes"].numpy()[0] * 64, 2)
    box = np.concatenate([centre - sides / 2, centre + sides / 2])[None].astype(np.float32)
    np.testing.assert_allclose(boxes_to_page(box, fit), [[5, 5, 20, 20]], atol=1e-3)
