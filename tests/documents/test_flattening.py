"""Sheets that are laid flat: points and boxes come back to where they were in the photograph."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from docdetect.documents.flattening import FlatSheet, Sheet, area_of, homography
from tests.support.photographs import CORNERS, PICTURE_WH, SHEET_WH, photographed, sheet_with

SHARES = CORNERS / np.array(PICTURE_WH)


def random_sheet(rng: np.random.Generator) -> tuple[Sheet, tuple[int, int]]:
    picture_wh = int(rng.integers(300, 5000)), int(rng.integers(300, 5000))
    square = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]])
    return Sheet(square + rng.uniform(-0.15, 0.15, (4, 2)), 1.0, picture_wh), picture_wh


@pytest.mark.parametrize("seed", range(60))
def test_points_come_back_within_a_pixel(seed: int) -> None:
    """The same mapping by OpenCV, at any size of the picture and of the flat sheet."""
    rng = np.random.default_rng(seed)
    sheet, picture_wh = random_sheet(rng)
    flat = FlatSheet.of(sheet, int(rng.integers(200, 2000)))
    width, height = flat.size_wh
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    assert np.abs(flat.on_picture(corners, picture_wh) - sheet.corners_px(picture_wh)).max() < 1e-6
    points = rng.uniform(0, 1, (50, 2)) * flat.size_wh
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), sheet.corners_px(picture_wh).astype(np.float32))
    expected = cv2.perspectiveTransform(points.reshape(-1, 1, 2), matrix)[:, 0]
    on_picture = flat.on_picture(points, picture_wh)
    assert np.abs(on_picture - expected).max() < 0.5
    assert np.abs(flat.from_picture(on_picture, picture_wh) - points).max() < 1e-6
    resized = flat.resized((2 * width, 3 * height))
    assert np.abs(resized.on_picture(points * np.array([2, 3]), picture_wh) - on_picture).max() < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_a_box_is_the_one_around_its_quadrilateral(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sheet, picture_wh = random_sheet(rng)
    flat = FlatSheet.of(sheet, 1024)
    box = np.sort(rng.uniform(0, 1, (2, 2)), axis=0) * flat.size_wh
    (left, top), (right, bottom) = box
    corners = flat.on_picture(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), picture_wh)
    (found,) = flat.boxes_on_picture(np.array([[left, top, right, bottom]], np.float32), picture_wh)
    assert found[:2] == pytest.approx(corners.min(axis=0), abs=0.05)
    assert found[2:] == pytest.approx(corners.max(axis=0), abs=0.05)
    (back,) = flat.boxes_from_picture(found[None], picture_wh)
    assert (back[:2] <= np.array([left, top]) + 0.05).all()
    assert (back[2:] >= np.array([right, bottom]) - 0.05).all()
    assert flat.boxes_on_picture(np.zeros((0, 4), np.float32), picture_wh).shape == (0, 4)


def test_the_flat_sheet_shows_the_marks_where_they_are() -> None:
    box = (250.0, 400.0, 330.0, 450.0)
    picture = photographed(sheet_with([("stamp", box)]))
    flat = FlatSheet.of(Sheet(SHARES, 1.0, PICTURE_WH), SHEET_WH[1])
    pixels = flat.flatten(picture)
    assert pixels.shape == (flat.size_wh[1], flat.size_wh[0], 3)
    ys, xs = np.nonzero((pixels[:, :, 0] > 180) & (pixels[:, :, 1] < 70))
    scale = np.array(flat.size_wh) / SHEET_WH
    assert [xs.min(), ys.min()] == pytest.approx((np.array(box[:2]) * scale).tolist(), abs=1.5)
    assert [xs.max() + 1, ys.max() + 1] == pytest.approx((np.array(box[2:]) * scale).tolist(), abs=1.5)


def test_what_lies_outside_the_picture_is_white() -> None:
    sheet = Sheet(np.array([[-0.1, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), 1.0, (100, 100))
    pixels = FlatSheet.of(sheet, 200).flatten(np.zeros((100, 100, 3), np.uint8))
    assert pixels[2, 2].tolist() == [255, 255, 255]
    assert pixels[150, 150].tolist() == [0, 0, 0]


def test_tilt_and_skew() -> None:
    def sheet(corners: list[list[float]]) -> Sheet:
        return Sheet(np.array(corners) / 100, 1.0, (100, 100))

    straight = sheet([[10, 10], [80, 10], [80, 90], [10, 90]])
    assert (straight.tilt_degrees, straight.skew_degrees) == pytest.approx((0, 0), abs=1e-9)
    turned = sheet([[20, 10], [80, 20], [70, 80], [10, 70]])
    assert turned.tilt_degrees == pytest.approx(0, abs=1e-9)
    assert turned.skew_degrees == pytest.approx(9.46, abs=0.01)
    slanted = sheet([[20, 10], [80, 10], [90, 90], [10, 90]])
    assert slanted.tilt_degrees == pytest.approx(14.25, abs=0.01)
    assert slanted.skew_degrees == pytest.approx(0, abs=1e-9)
    assert slanted.area_frac == pytest.approx(0.56)


def test_a_homography_takes_four_points_to_four_others() -> None:
    source, target = np.array([[0, 0], [4, 0], [4, 6], [0, 6]], np.float64), CORNERS
    moved = np.concatenate([source, np.ones((4, 1))], axis=1) @ homography(source, target).T
    assert moved[:, :2] / moved[:, 2:] == pytest.approx(target)
    assert area_of(source) == 24
