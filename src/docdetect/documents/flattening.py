"""A sheet of paper in a photograph is laid flat, and boxes on the flat sheet are brought back to the photograph.

    flat = FlatSheet.of(sheet, long_side_px=1024)
    pixels = flat.flatten(picture)                       # the sheet as a scanner would see it
    boxes = flat.boxes_on_picture(boxes, picture_wh)     # in px of the photograph

One homography says how the sheet lies in the picture. The box of a mark in the photograph is the box around the
quadrilateral that its box on the flat sheet becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.types import ByteArray, FloatArray, SizeWH

Points: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """A sheet of paper in a picture.

    Attributes:
        corners: float64 (4, 2), the top left, top right, bottom right and bottom left corner as displayed, in shares
            of the width and height of the picture; a corner that is cut off lies a little outside.
        support: share of the points on the sides where an edge of paper is seen, in [0, 1].
        size_wh: (width, height) px of the picture that it was found in; only their ratio matters.
    """

    corners: Points
    support: float
    size_wh: SizeWH

    def corners_px(self, size_wh: SizeWH) -> Points:
        """The corners in px of the picture at `size_wh`."""
        return self.corners * np.array(size_wh, np.float64)

    def long_side_px(self, size_wh: SizeWH) -> float:
        """The mean of the two longer opposite sides, px of the picture at `size_wh`."""
        corners = self.corners_px(size_wh)
        sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        return float(max(sides[0] + sides[2], sides[1] + sides[3]) / 2)

    @property
    def area_frac(self) -> float:
        """Share of the picture that the sheet covers, with what is cut off."""
        return area_of(self.corners)

    @property
    def tilt_degrees(self) -> float:
        """Largest angle between two opposite sides, in degrees: 0 for a sheet that was seen from straight above."""
        sides = np.roll(self._square_px(), -1, axis=0) - self._square_px()
        directions = [float(np.degrees(np.arctan2(side[1], side[0]))) for side in sides]
        return max(_between(directions[0], directions[2] + 180), _between(directions[1], directions[3] + 180))

    @property
    def skew_degrees(self) -> float:
        """Angle by which the sheet lies turned in the picture, in degrees from 0 to 45."""
        corners = self._square_px()
        across, down = (
            corners[1] + corners[2] - corners[0] - corners[3],
            corners[2] + corners[3] - corners[0] - corners[1],
        )
        angles = np.degrees([np.arctan2(across[1], across[0]), np.arctan2(-down[0], down[1])])
        return float(np.abs(np.mean(angles)))

    def _square_px(self) -> Points:
        return self.corners_px(self.size_wh)


@dataclass(frozen=True)
class FlatSheet:
    """How a sheet in a picture is laid flat.

    Attributes:
        matrix: float64 (3, 3), the homography from px of the flat sheet to shares of the picture's width and height.
        size_wh: (width, height) px of the flat sheet.
    """

    matrix: Points
    size_wh: SizeWH

    @classmethod
    def of(cls, sheet: Sheet, long_side_px: int) -> FlatSheet:
        """The sheet with a long side of `long_side_px`; its shape is that of the mean of its opposite sides."""
        corners = sheet.corners_px(sheet.size_wh)
        sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        shape = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
        scale = long_side_px / max(shape)
        width, height = (max(1, round(float(side * scale))) for side in shape)
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        return cls(homography(flat, sheet.corners), (width, height))

    def resized(self, size_wh: SizeWH) -> FlatSheet:
        """The same sheet flat at another size."""
        scale: Points = np.diag([self.size_wh[0] / size_wh[0], self.size_wh[1] / size_wh[1], 1.0])
        return FlatSheet(self.matrix @ scale, size_wh)

    def flatten(self, picture: ByteArray) -> ByteArray:
        """The flat sheet, uint8 (H, W, 3), from the whole picture, uint8 (H', W', 3), at any size.

        What lies outside the picture is white.
        """
        to_px = np.diag([picture.shape[1], picture.shape[0], 1.0]) @ self.matrix
        # Pixels are squares: the centre of the first one lies at (0.5, 0.5) of the plane that boxes are measured in.
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        inverse = np.linalg.inv(half) @ to_px @ half
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        flat = cv2.warpPerspective(picture, inverse, self.size_wh, None, flags, cv2.BORDER_CONSTANT, (255, 255, 255))
        return np.asarray(flat, np.uint8)

    def on_picture(self, points: Points, picture_wh: SizeWH) -> Points:
        """Points (N, 2) in px of the flat sheet -> px of the picture at `picture_wh`."""
        return _moved(points, np.diag([*picture_wh, 1.0]) @ self.matrix)

    def from_picture(self, points: Points, picture_wh: SizeWH) -> Points:
        """Points (N, 2) in px of the picture at `picture_wh` -> px of the flat sheet."""
        to_picture: Points = np.diag([*picture_wh, 1.0]) @ self.matrix
        return _moved(points, np.asarray(np.linalg.inv(to_picture), np.float64))

    def boxes_on_picture(self, xyxy: FloatArray, picture_wh: SizeWH) -> FloatArray:
        """Boxes (N, 4) in px of the flat sheet -> the boxes around their quadrilaterals, in px of the picture."""
        return _around(xyxy, lambda corners: self.on_picture(corners, picture_wh))

    def boxes_from_picture(self, xyxy: FloatArray, picture_wh: SizeWH) -> FloatArray:
        """Boxes (N, 4) in px of the picture -> the boxes around their quadrilaterals, in px of the flat sheet."""
        return _around(xyxy, lambda corners: self.from_picture(corners, picture_wh))


def homography(source: Points, target: Points) -> Points:
    """The matrix (3, 3) that takes four points (4, 2) to four others."""
    rows = []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    equations = np.array(rows, np.float64)
    solved = np.linalg.solve(equations[:, :8], -equations[:, 8])
    return np.append(solved, 1.0).reshape(3, 3)


def area_of(corners: Points) -> float:
    """Area of a polygon (N, 2)."""
    following = np.roll(corners, -1, axis=0)
    return float(abs(np.sum(corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1])) / 2)


def _moved(points: Points, matrix: Points) -> Points:
    with_one = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    return np.asarray(with_one[:, :2] / with_one[:, 2:], np.float64)


def _around(xyxy: FloatArray, move: Callable[[Points], Points]) -> FloatArray:
    """The boxes (N, 4) around the moved corners of boxes."""
    corners = xyxy.astype(np.float64)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    moved = move(corners).reshape(-1, 4, 2)
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1).astype(np.float32)


def _between(one_degrees: float, other_degrees: float) -> float:
    """The angle between two directions, from 0 to 180 degrees."""
    return abs((one_degrees - other_degrees + 180) % 360 - 180)
