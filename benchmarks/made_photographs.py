"""Makes photographs of rendered pages whose marks are known: a sheet on a desk, seen at a slant.

This module is used by `benchmarks.photographs` and is no program of its own. Desks, light, lens and noise are drawn by
chance; the marks' boxes in the photograph are those of their ink, not of the corners of their boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.types import ByteArray, Detections, SizeWH

Picture: TypeAlias = NDArray[np.float32]

# Sizes of photographs as messengers and applications send them, px.
_SIZES: tuple[SizeWH, ...] = ((1200, 1600), (1536, 2048), (1080, 1920), (2048, 1536))


@dataclass(frozen=True)
class Photograph:
    """A photograph of a page.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        marks: in px of the photograph, without scores.
        corners: float64 (4, 2) px, where the sheet's corners are, from the top left one clockwise.
        is_bent: the sheet is not flat.
    """

    pixels: ByteArray
    marks: Detections
    corners: NDArray[np.float64]
    is_bent: bool


def photograph(rng: np.random.Generator, page: ByteArray, marks: Detections, hard: float = 1.0) -> Photograph:
    """A page as a camera might see it.

    Args:
        rng: random generator.
        page: uint8 (H, W, 3) RGB.
        marks: in px of the page.
        hard: how slanted, turned and unevenly lit; 1 is usual, 0 straight from above.
    """
    picture_wh = _SIZES[int(rng.integers(len(_SIZES)))]
    corners = _corners(rng, (page.shape[1], page.shape[0]), picture_wh, hard)
    source = np.array([[0, 0], [page.shape[1], 0], [page.shape[1], page.shape[0]], [0, page.shape[0]]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    is_bent = bool(rng.random() < 0.4)
    bend = _bend(rng, picture_wh) if is_bent else None
    desk = _desk(rng, picture_wh, page)
    sheet = _warped(page, matrix, picture_wh, bend)
    mask = _warped(np.full(page.shape, 255, np.uint8), matrix, picture_wh, bend)[:, :, :1].astype(np.float32) / 255
    shadow = cv2.GaussianBlur(mask[:, :, 0], (0, 0), 0.012 * max(picture_wh))
    shift = rng.normal(0, 0.006, 2) * max(picture_wh)
    shadow = cv2.warpAffine(shadow, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), picture_wh)
    desk = desk * (1 - rng.uniform(0.1, 0.5) * shadow[:, :, None])
    tint = np.array([1, 1, 1]) - rng.uniform(0, 0.08, 3)
    lit = (desk * (1 - mask) + sheet.astype(np.float32) * tint.astype(np.float32) * mask) * _light(
        rng, picture_wh, hard
    )
    blur = float(rng.uniform(0.4, 1.3))
    lit = cv2.GaussianBlur(lit, (0, 0), blur) + rng.normal(0, rng.uniform(1, 5), lit.shape)
    quality = int(rng.integers(60, 93))
    _, data = cv2.imencode(
        ".jpg", np.clip(lit, 0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    pixels = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    found = _marks_in(page, marks, matrix, picture_wh, bend)
    return Photograph(np.asarray(pixels, np.uint8), found, corners, is_bent)


def _corners(rng: np.random.Generator, page_wh: SizeWH, picture_wh: SizeWH, hard: float) -> NDArray[np.float64]:
    """Where the corners of the sheet are: inside the picture with a margin, slanted as by a camera that is tilted."""
    width, height = page_wh
    while True:
        flat = np.array([[-width, -height], [width, -height], [width, height], [-width, height]], np.float64) / 2
        flat /= max(page_wh)
        degrees = rng.normal(0, 6 * hard) if rng.random() < 0.9 else rng.uniform(-40, 40) * hard
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        flat = flat @ turn.T
        tilts = np.radians(rng.normal(0, 12 * hard, 2).clip(-35, 35))
        space = np.concatenate([flat, np.zeros((4, 1))], axis=1)
        for axis, tilt in enumerate(tilts):
            other = 1 - axis
            rotation = np.eye(3)
            rotation[other, other] = rotation[2, 2] = np.cos(tilt)
            rotation[other, 2], rotation[2, other] = -np.sin(tilt), np.sin(tilt)
            space = space @ rotation.T
        seen = space[:, :2] / (space[:, 2:] + rng.uniform(1.3, 2.2))
        seen -= (seen.max(axis=0) + seen.min(axis=0)) / 2
        fill = rng.uniform(0.55, 0.96)
        seen *= fill * min(np.array(picture_wh) / (seen.max(axis=0) - seen.min(axis=0)))
        room = (np.array(picture_wh) - (seen.max(axis=0) - seen.min(axis=0))) / 2
        seen += np.array(picture_wh) / 2 + rng.uniform(-0.8, 0.8, 2) * room
        if (seen > 2).all() and (seen < np.array(picture_wh) - 2).all():
            return np.asarray(seen, np.float64)


def _bend(rng: np.random.Generator, picture_wh: SizeWH) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Displaces points of the picture as a sheet that does not lie quite flat does."""
    strength = rng.uniform(0.002, 0.008) * max(picture_wh)
    waves = rng.uniform(0.5, 1.5, 2) * np.pi / np.array(picture_wh)
    phases, directions = rng.uniform(0, 2 * np.pi, 2), rng.normal(0, 1, (2, 2))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def move(points: NDArray[np.float32]) -> NDArray[np.float32]:
        moved = points.copy()
        for axis in (0, 1):
            wave = np.sin(points[..., axis] * waves[axis] + phases[axis])[..., None] * strength / 2
            moved += (wave * directions[axis]).astype(np.float32)
        return np.asarray(moved, np.float32)

    return move


def _warped(
    page: ByteArray,
    matrix: NDArray[np.float64],
    picture_wh: SizeWH,
    bend: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None,
) -> ByteArray:
    if bend is None:
        return np.asarray(cv2.warpPerspective(page, matrix, picture_wh, flags=cv2.INTER_AREA), np.uint8)
    grid = np.stack(np.meshgrid(np.arange(picture_wh[0]), np.arange(picture_wh[1])), axis=2).astype(np.float32)
    sources = cv2.perspectiveTransform(bend(grid).reshape(-1, 1, 2), np.linalg.inv(matrix))
    sources = sources.reshape(*grid.shape).astype(np.float32)
    return np.asarray(cv2.remap(page, sources, None, cv2.INTER_LINEAR), np.uint8)


def _marks_in(
    page: ByteArray,
    marks: Detections,
    matrix: NDArray[np.float64],
    picture_wh: SizeWH,
    bend: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None,
) -> Detections:
    """The boxes around what of each mark is not paper, in px of the photograph."""
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    boxes, kept = [], []
    for number, box in enumerate(marks.xyxy):
        left, top, right, bottom = (round(float(value)) for value in box)
        part = grey[max(top, 0) : bottom, max(left, 0) : right]
        if part.size == 0:
            continue
        level, _ = cv2.threshold(part, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        ys, xs = np.nonzero(part <= level)
        points = np.stack([xs + max(left, 0) + 0.5, ys + max(top, 0) + 0.5], axis=1)
        if len(points) < 8:
            continue
        moved = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), matrix)[:, 0]
        if bend is not None:  # the picture shows at p what lies at bend(p): solved by going back and forth
            target = moved.astype(np.float32)
            guess = target.copy()
            for _ in range(4):
                guess += target - bend(guess)
            moved = guess
        boxes.append(np.concatenate([moved.min(axis=0), moved.max(axis=0)]))
        kept.append(number)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, marks.class_ids[np.array(kept, np.int64)], picture_wh)


def _noise(rng: np.random.Generator, size_wh: SizeWH, cells: tuple[int, int]) -> Picture:
    """Smooth noise with so many cells across and down, mean 0, deviation about 1."""
    coarse = rng.normal(0, 1, (max(2, cells[1]), max(2, cells[0]))).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC), np.float32)


def _desk(rng: np.random.Generator, size_wh: SizeWH, page: ByteArray) -> Picture:
    """What the sheet lies on, float32 (H, W, 3): wood, stone, cloth, a plain surface, or other papers."""
    kind = rng.choice(["wood", "stone", "cloth", "plain", "papers"], p=[0.35, 0.15, 0.15, 0.2, 0.15])
    if kind == "wood":
        colour = np.array([[181, 135, 90], [120, 80, 50], [205, 170, 125], [70, 50, 38]])[rng.integers(4)]
        grain = sum(
            _noise(rng, size_wh, (int(3 * 2**octave), int(30 * 2**octave))) * 0.6**octave for octave in range(4)
        )
        return _coloured(colour, np.asarray(grain, np.float32) * rng.uniform(6, 16))
    if kind == "stone":
        grain = sum(_noise(rng, size_wh, (int(8 * 3**octave),) * 2) * 0.7**octave for octave in range(4))
        level = rng.uniform(50, 190)
        return _coloured(
            np.array([level, level, level * rng.uniform(0.9, 1.05)]), np.asarray(grain, np.float32) * rng.uniform(5, 14)
        )
    if kind == "cloth":
        across, down = np.meshgrid(np.arange(size_wh[0]), np.arange(size_wh[1]))
        pitch = rng.uniform(5, 14)
        weave = np.sin(across * 2 * np.pi / pitch) + np.sin(down * 2 * np.pi / pitch)
        folds = _noise(rng, size_wh, (4, 4)) * 14
        return _coloured(rng.uniform(30, 190, 3), (weave * rng.uniform(3, 10) + folds).astype(np.float32))
    if kind == "papers":
        under = cv2.resize(page, size_wh, interpolation=cv2.INTER_AREA)
        turn = cv2.getRotationMatrix2D((size_wh[0] / 2, size_wh[1] / 2), float(rng.uniform(20, 160)), 1.3)
        under = cv2.warpAffine(under, turn, size_wh, borderValue=(90, 80, 70))
        shade = rng.uniform(0.6, 0.85, 3) + _noise(rng, size_wh, (4, 4))[:, :, None] * 0.04
        return np.asarray(cv2.GaussianBlur(under, (0, 0), 2) * shade, np.float32)
    return _coloured(rng.uniform(20, 215, 3), _noise(rng, size_wh, (5, 5)) * rng.uniform(2, 8))


def _coloured(colour: NDArray[np.float64], grain: Picture) -> Picture:
    return np.asarray(np.clip(colour[None, None] + grain[:, :, None], 0, 255), np.float32)


def _light(rng: np.random.Generator, size_wh: SizeWH, hard: float) -> Picture:
    """How bright each px is, float32 (H, W, 1): a lamp on one side, and now and then the shadow of a hand."""
    across, down = np.meshgrid(np.linspace(-1, 1, size_wh[0]), np.linspace(-1, 1, size_wh[1]))
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 - rng.uniform(0.05, 0.3) * hard * (1 + across * np.cos(angle) + down * np.sin(angle)) / 2
    light *= rng.uniform(0.75, 1.0)
    if rng.random() < 0.3 * hard:
        edge = across * np.cos(angle + 1) + down * np.sin(angle + 1) + rng.uniform(-0.6, 0.6)
        light *= 1 - rng.uniform(0.15, 0.4) / (1 + np.exp(-edge / rng.uniform(0.02, 0.15)))
    return np.asarray(light[:, :, None], np.float32)
