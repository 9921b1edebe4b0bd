"""Photographs of sheets of paper that nobody took: a white sheet with coloured marks on a brown desk, at a slant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from docdetect.documents.flattening import Points, homography
from docdetect.types import ByteArray
from tests.support.fakes import COLOURS, Box

SHEET_WH = (420, 594)
PICTURE_WH = (600, 800)
CORNERS = np.array([[90.0, 80.0], [500.0, 110.0], [540.0, 700.0], [50.0, 730.0]])


def sheet_with(marks: Sequence[tuple[str, Box]]) -> ByteArray:
    """A flat sheet of SHEET_WH with lines of print and rectangles of the colours of classes."""
    sheet = np.full((SHEET_WH[1], SHEET_WH[0], 3), 240, np.uint8)
    for line_px in range(60, 500, 24):
        sheet[line_px : line_px + 3, 50:370] = 60
    for name, (left, top, right, bottom) in marks:
        sheet[int(top) : int(bottom), int(left) : int(right)] = COLOURS[name]
    return sheet


def photographed(sheet: ByteArray, corners: Points = CORNERS, desk: tuple[int, int, int] = (120, 85, 60)) -> ByteArray:
    """The sheet as a camera sees it, with its corners at these px of a picture of PICTURE_WH."""
    height, width = sheet.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ homography(flat, corners) @ half
    wide = PICTURE_WH[0] * 4, PICTURE_WH[1] * 4  # drawn larger and averaged, as a lens and a sensor do
    finer = np.diag([4.0, 4.0, 1.0]) @ half
    matrix = np.linalg.inv(half) @ finer @ matrix
    grain = np.random.default_rng(0).normal(0, 4, (PICTURE_WH[1] // 4, PICTURE_WH[0] // 4)).astype(np.float32)
    behind = np.clip(np.array(desk) + cv2.resize(grain, wide)[:, :, None], 0, 255).astype(np.uint8)
    cv2.warpPerspective(sheet, matrix, wide, behind, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    return np.asarray(cv2.resize(behind, PICTURE_WH, interpolation=cv2.INTER_AREA), np.uint8)


def make_photograph(path: Path, marks: Sequence[tuple[str, Box]]) -> Path:
    """A photograph as a file, without anything that a camera notes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photographed(sheet_with(marks))).save(path)
    return path


def box_in_photograph(box: Box) -> tuple[float, float, float, float]:
    """The box around a rectangle of the sheet, in px of the photograph."""
    flat = np.array([[0, 0], [SHEET_WH[0], 0], list(SHEET_WH), [0, SHEET_WH[1]]], np.float64)
    left, top, right, bottom = box
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]])
    moved = corners @ homography(flat, CORNERS).T
    xy = moved[:, :2] / moved[:, 2:]
    (x1, y1), (x2, y2) = xy.min(axis=0).tolist(), xy.max(axis=0).tolist()
    return x1, y1, x2, y2
