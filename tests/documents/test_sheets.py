"""The sheet of paper in a picture is found where there is one, to the pixel, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from docdetect.documents.sheets import find_sheet
from docdetect.types import ByteArray
from tests.support.photographs import CORNERS, PICTURE_WH, photographed, sheet_with

MARKS = [("stamp", (250.0, 400.0, 330.0, 450.0)), ("qr", (60.0, 70.0, 140.0, 150.0))]


def corners_of(pixels: ByteArray) -> np.ndarray:
    found = find_sheet(pixels)
    assert found is not None
    return found.corners_px((pixels.shape[1], pixels.shape[0]))


@pytest.mark.parametrize("desk", [(120, 85, 60), (40, 40, 45), (60, 90, 150), (170, 160, 150)])
def test_corners_are_found_within_two_pixels(desk: tuple[int, int, int]) -> None:
    picture = photographed(sheet_with(MARKS), desk=desk)
    assert np.abs(corners_of(picture) - CORNERS).max() < 2


@pytest.mark.parametrize("seed", range(8))
def test_sheets_at_any_slant(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = CORNERS + rng.uniform(-45, 45, (4, 2))
    assert np.abs(corners_of(photographed(sheet_with(MARKS), corners)) - corners).max() < 3


def test_a_dark_photograph_with_a_shadow_across_the_sheet() -> None:
    picture = photographed(sheet_with(MARKS)).astype(np.float32)
    light = np.linspace(0.95, 0.45, PICTURE_WH[0])[None, :, None]
    dark = np.clip(picture * light, 0, 255).astype(np.uint8)
    assert np.abs(corners_of(dark) - CORNERS).max() < 3


def test_a_large_photograph() -> None:
    large = cv2.resize(photographed(sheet_with(MARKS)), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert np.abs(corners_of(np.asarray(large, np.uint8)) / 3 - CORNERS).max() < 2


def test_a_sheet_that_was_photographed_lying_on_its_side() -> None:
    turned = np.ascontiguousarray(np.rot90(photographed(sheet_with(MARKS))))
    found = corners_of(turned)
    assert found[0].sum() == found.sum(axis=1).min()  # the top left one comes first
    upright = np.stack([PICTURE_WH[0] - found[:, 1], found[:, 0]], axis=1)
    assert np.abs(np.roll(upright, 1, axis=0) - CORNERS).max() < 3


@pytest.mark.parametrize(
    "pixels",
    [
        sheet_with(MARKS),
        np.full((400, 300, 3), 255, np.uint8),
        np.zeros((400, 300, 3), np.uint8),
        np.random.default_rng(0).integers(0, 255, (400, 300, 3), np.uint8),
        np.full((3, 400, 3), 90, np.uint8),
        np.full((1, 1, 3), 90, np.uint8),
    ],
    ids=["scan", "white", "black", "noise", "line", "pixel"],
)
def test_pictures_without_a_sheet(pixels: ByteArray) -> None:
    assert find_sheet(pixels) is None


def test_a_frame_that_is_printed_on_a_page_is_no_sheet() -> None:
    page = np.full((800, 600, 3), 228, np.uint8)
    cv2.rectangle(page, (60, 80), (540, 720), (30, 30, 30), 3)
    assert find_sheet(page) is None
