"""How a sheet of paper lies in the picture of it: one mapping for the page and for the ink of every mark.

A homography takes px of the flat sheet to px of the picture; bent paper is displaced a little more. Quarter turns come
last and are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.ink import RGB
from docdetect.types import ByteArray, SizeWH

Matrix: TypeAlias = NDArray[np.float64]
_IDENTITY = np.eye(3)

# Control points of the bend of a sheet along each side of the picture.
_NODES = 5

# Probability that a scan was brought to another format by a program that did not keep its proportions.
_P_STRETCHED = 0.18

# Probability that a scan is turned by a small angle, and the largest such angle.
_P_SKEWED = 0.8
_MAX_SKEW_DEGREES = 5

# Probability that a photographed sheet is bent.
_P_BENT = 0.5


@dataclass(frozen=True)
class Geometry:
    """How the sheet lies in the picture.

    Attributes:
        sheet_wh: (width, height) px of the flat sheet.
        picture_wh: (width, height) px of the picture before the quarter turns.
        matrix: float64 (3, 3), the homography from px of the sheet to px of the picture.
        bend: float32 (5, 5, 2), px by which bent paper is displaced at points spread evenly over the picture; None for
            straight paper.
        quarter_turns: counterclockwise turns of 90 degrees, applied last.
    """

    sheet_wh: SizeWH
    picture_wh: SizeWH
    matrix: Matrix
    bend: NDArray[np.float32] | None = None
    quarter_turns: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether the picture before the quarter turns is the sheet itself."""
        return self.bend is None and self.sheet_wh == self.picture_wh and np.array_equal(self.matrix, _IDENTITY)

    def warp_page(self, pixels: ByteArray, behind: ByteArray | RGB) -> ByteArray:
        """The picture of a sheet before the quarter turns.

        Args:
            pixels: uint8 (H, W, 3), the flat sheet.
            behind: what the picture shows around the sheet: uint8 (H, W, 3) of the picture's size, or one colour.

        Returns:
            uint8 (H, W, 3) of the picture's size.
        """
        if self.is_plain:
            return pixels
        if not isinstance(behind, np.ndarray):
            if self.bend is None and np.array_equal(self.matrix[2], (0, 0, 1)):
                affine = self.matrix[:2]
                return np.asarray(cv2.warpAffine(pixels, affine, self.picture_wh, borderValue=behind), np.uint8)
            behind = np.full((self.picture_wh[1], self.picture_wh[0], 3), behind, np.uint8)
        moved = behind.copy()
        if self.bend is None:
            cv2.warpPerspective(pixels, self.matrix, self.picture_wh, moved, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        else:
            sources = self._sources((0, 0, *self.picture_wh))
            cv2.remap(pixels, sources, None, cv2.INTER_LINEAR, moved, cv2.BORDER_TRANSPARENT)
        return np.asarray(moved, np.uint8)

    def warp_mask(self, mask: ByteArray, xy_px: tuple[int, int]) -> tuple[ByteArray, tuple[int, int]]:
        """Moves the mask of a mark as the sheet is moved.

        Args:
            mask: uint8 (H, W).
            xy_px: where the mask's left top corner lies on the sheet.

        Returns:
            The moved mask and its left top corner in the picture before the quarter turns; parts outside of the
            picture are cut off.
        """
        left, top, right, bottom = self.picture_box(mask.shape[1], mask.shape[0], xy_px)
        if left >= right or top >= bottom:
            return np.zeros((0, 0), np.uint8), (0, 0)
        if self.is_plain:
            x, y = xy_px
            return mask[top - y : bottom - y, left - x : right - x], (left, top)
        if self.bend is None:
            moved = cv2.warpPerspective(
                mask, _shift(-left, -top) @ self.matrix @ _shift(*xy_px), (right - left, bottom - top)
            )
        else:
            sources = self._sources((left, top, right, bottom)) - np.array(xy_px, np.float32)
            moved = cv2.remap(mask, sources, None, cv2.INTER_LINEAR)
        return np.asarray(moved, np.uint8), (left, top)

    def turn_pixels(self, pixels: ByteArray) -> ByteArray:
        """The picture (H, W, 3) after the quarter turns."""
        return np.ascontiguousarray(np.rot90(pixels, self.quarter_turns)) if self.quarter_turns % 4 else pixels

    def turn_box(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """A box of the picture (left, top, right, bottom px, right and bottom exclusive) after the quarter turns."""
        (left, top, right, bottom), (width, height) = box, self.picture_wh
        for _ in range(self.quarter_turns % 4):
            left, top, right, bottom = top, width - right, bottom, width - left
            width, height = height, width
        return left, top, right, bottom

    def picture_box(self, width: int, height: int, xy_px: tuple[int, int]) -> tuple[int, int, int, int]:
        """The part of the picture, before the quarter turns, that a rectangle of the sheet can cover.

        Args:
            width, height: size of the rectangle, px of the sheet.
            xy_px: where its left top corner lies on the sheet.

        Returns:
            Left, top, right, bottom px (right and bottom exclusive); an empty box (right <= left or bottom <= top)
            where the rectangle lies outside of the picture.
        """
        x, y = xy_px
        corners = np.array([[(x, y), (x + width, y), (x + width, y + height), (x, y + height)]], np.float64)
        moved = cv2.perspectiveTransform(corners, self.matrix)[0]
        slack = 0 if self.is_plain else 2
        if self.bend is not None:
            slack += int(np.ceil(np.abs(self.bend).max() * 1.5))
        left, top = (int(value) - slack for value in np.floor(moved.min(axis=0)))
        right, bottom = (int(value) + slack for value in np.ceil(moved.max(axis=0)))
        return max(left, 0), max(top, 0), min(right, self.picture_wh[0]), min(bottom, self.picture_wh[1])

    def _sources(self, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """For each px of the picture in `box` the (x, y) px of the sheet that is seen there, float32 (H, W, 2)."""
        left, top, right, bottom = box
        xs, ys = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
        assert self.bend is not None
        scale = (_NODES - 1) / np.array([self.picture_wh[0] - 1, self.picture_wh[1] - 1], np.float32)
        nodes = xs * scale[0], ys * scale[1]
        offset = cv2.remap(self.bend, *nodes, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        x, y = xs + offset[:, :, 0], ys + offset[:, :, 1]
        inverse = np.linalg.inv(self.matrix).astype(np.float32)
        depth = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
        sheet_x = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / depth
        sheet_y = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / depth
        return np.stack([sheet_x, sheet_y], axis=2)


def close_up(rng: np.random.Generator, geometry: Geometry, factor: float) -> Geometry:
    """The part of a picture that is `factor` times smaller than the picture, anywhere in it.

    Args:
        rng: random generator.
        geometry: how the sheet lies in the whole picture, whose bend, if any, is kept.
        factor: how many times smaller the part is, at least 1.
    """
    if factor <= 1:
        return geometry
    width, height = geometry.picture_wh
    part_wh = round(width / factor), round(height / factor)
    left, top = float(rng.uniform(0, width - part_wh[0])), float(rng.uniform(0, height - part_wh[1]))
    matrix = _shift(-round(left), -round(top)) @ geometry.matrix
    return Geometry(geometry.sheet_wh, part_wh, matrix, geometry.bend, geometry.quarter_turns)


def flat(size_wh: SizeWH, quarter_turns: int = 0) -> Geometry:
    """The sheet as it is, for pages of PDFs that programs made and for perfect scans."""
    return Geometry(size_wh, size_wh, _IDENTITY, None, quarter_turns)


def on_scanner(rng: np.random.Generator, size_wh: SizeWH, quarter_turns: int = 0) -> Geometry:
    """A sheet on a scanner: skewed by a degree or so, shifted, a little too large or too small, at times stretched.

    Args:
        rng: random generator.
        size_wh: (width, height) px of the sheet.
        quarter_turns: counterclockwise turns of 90 degrees of the picture.
    """
    width, height = size_wh
    skew_degrees = 0.0
    if rng.random() < _P_SKEWED:
        skew_degrees = float(np.clip(rng.standard_t(3) * 0.6, -_MAX_SKEW_DEGREES, _MAX_SKEW_DEGREES))
    scale = float(rng.uniform(0.94, 1.015))
    matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), skew_degrees, scale), [0, 0, 1]])
    shift = rng.normal(0, 0.008, 2) * size_wh
    picture_wh = size_wh
    if rng.random() < _P_STRETCHED:
        factor = float(np.exp(rng.normal(0, 0.14)))
        picture_wh = (min(round(width * factor), height), height) if width < height else (width, round(height * factor))
        picture_wh = picture_wh[0], min(picture_wh[1], max(size_wh))
        matrix = np.diag([picture_wh[0] / width, picture_wh[1] / height, 1.0]) @ matrix
    return Geometry(size_wh, picture_wh, _shift(float(shift[0]), float(shift[1])) @ matrix, None, quarter_turns)


def before_camera(rng: np.random.Generator, size_wh: SizeWH, quarter_turns: int = 0) -> Geometry:
    """A sheet on a desk, photographed from above at a slant, often bent.

    Args:
        rng: random generator.
        size_wh: (width, height) px of the sheet.
        quarter_turns: counterclockwise turns of 90 degrees of the picture.
    """
    width, height = size_wh
    aspect = (
        float(rng.choice([0.75, 0.5625, width / height]))
        if width <= height
        else float(rng.choice([1.333, width / height]))
    )
    long_side = max(size_wh)
    picture_wh = (round(long_side * aspect), long_side) if aspect < 1 else (long_side, round(long_side / aspect))
    fill = float(rng.uniform(0.8, 1.06))
    scale = fill * min(picture_wh[0] / width, picture_wh[1] / height)
    half = np.array([width, height]) * scale / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    angle = np.deg2rad(rng.normal(0, 3))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # The side of the sheet that is farther from the camera appears smaller.
    tilt = rng.uniform(-0.07, 0.07, 2)
    corners = corners * (1 + (corners / half) @ tilt[:, None] * 0.9)
    target = corners @ turn.T + np.array(picture_wh) / 2 + rng.normal(0, 0.01, 2) * picture_wh
    target += rng.normal(0, 0.006, (4, 2)) * long_side
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    bend = None
    if rng.random() < _P_BENT:
        bend = (rng.normal(0, 1, (_NODES, _NODES, 2)) * rng.uniform(0.5, 4.0)).astype(np.float32)
    return Geometry(size_wh, picture_wh, np.asarray(matrix, np.float64), bend, quarter_turns)


def _shift(x: float, y: float) -> NDArray[Any]:
    """The matrix (3, 3) that moves points by (x, y)."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
