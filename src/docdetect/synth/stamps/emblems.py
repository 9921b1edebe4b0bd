"""Emblems: small heraldic pictures in the middle of seals, on logos and on coats of arms, drawn as ink masks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.stamps.canvas import StampCanvas
from docdetect.types import ByteArray

Points = NDArray[np.float64]
Rng = np.random.Generator

# Fractional bits of the coordinates that OpenCV draws with.
_SUBPIXEL_BITS = 4


def emblem(rng: Rng, size_px: int) -> ByteArray:
    """Draws a random emblem: an eagle, sun, pillar, scales, book, star, gear, tree or coat of arms.

    Returns:
        Mask of ink, uint8 (size_px, size_px).
    """
    # An emblem that stands twice is twice as likely.
    drawings: tuple[Callable[[Rng, ByteArray], None], ...] = (
        _eagle, _sun, _pillar, _scales, _book, _star, _gear, _tree, _arms, _arms, _eagle, _sun,
    )  # fmt: skip
    mask = np.zeros((size_px, size_px), np.uint8)
    drawings[int(rng.integers(len(drawings)))](rng, mask)
    return mask


def set_emblem(rng: Rng, canvas: StampCanvas, centre_mm: tuple[float, float], size_mm: float) -> None:
    """Sets a random emblem, `size_mm` wide and high, on a canvas around `centre_mm`."""
    picture = emblem(rng, max(8, round(size_mm * canvas.scale)))
    left, top = (
        round(middle + (at - size_mm / 2) * canvas.scale) for middle, at in zip(canvas.centre, centre_mm, strict=True)
    )
    canvas.add(picture, left, top)


# The functions below draw on a mask in place. Lengths are in units of half the mask's side, the origin is the middle of
# the mask, and y points down.


def _polygon(mask: ByteArray, points: Points, *, value: int = 255, line: float = 0.0, closed: bool = True) -> None:
    """Draws a polygon with corners (N, 2), filled, or as an outline `line` wide; a `value` of 0 cuts it out."""
    half = len(mask) / 2
    fixed = np.rint((points + 1) * half * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)
    if line:
        cv2.polylines(mask, [fixed], closed, value, max(1, round(line * half)), cv2.LINE_AA, _SUBPIXEL_BITS)
    else:
        cv2.fillPoly(mask, [fixed], value, cv2.LINE_AA, _SUBPIXEL_BITS)


def _mirrored(mask: ByteArray, points: Points, *, line: float = 0.0) -> None:
    """Draws a polygon and its mirror image to the left."""
    _polygon(mask, points, line=line)
    _polygon(mask, points * np.array([-1.0, 1.0]), line=line)


def _disc(mask: ByteArray, x: float, y: float, radius: float, *, value: int = 255, line: float = 0.0) -> None:
    """Draws a disc around (x, y), filled, or as an outline `line` wide."""
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    _polygon(mask, np.stack([x + np.cos(angles) * radius, y + np.sin(angles) * radius], axis=1), value=value, line=line)


def _points(*points: tuple[float, float]) -> Points:
    """Points given one by one, as an array (N, 2)."""
    return np.array(points, np.float64)


def _eagle(rng: Rng, mask: ByteArray) -> None:
    """An eagle with two heads, spread feathers, and a shield on its breast."""
    feathers = int(rng.integers(5, 9))
    for number in range(feathers):
        angle = -1.0 + 2.1 * number / (feathers - 1)
        reach = 0.92 - 0.25 * number / feathers
        tip = (0.16 + np.cos(angle) * reach * 0.85, -0.05 + np.sin(angle) * reach * 0.75)
        _mirrored(mask, _points((0.12, -0.3), (0.1, 0.12), tip, (tip[0] - 0.02, tip[1] - 0.13)), line=0.045)
    _polygon(mask, _points((-0.2, -0.35), (0.2, -0.35), (0.24, 0.2), (0, 0.55), (-0.24, 0.2)))
    _mirrored(mask, _points((0.04, -0.3), (0.1, -0.75), (0.3, -0.8), (0.42, -0.68), (0.26, -0.66), (0.22, -0.3)))
    _mirrored(mask, _points((0.08, 0.4), (0.4, 0.78), (0.3, 0.86), (0.14, 0.7)))
    _polygon(mask, _points((-0.08, 0.5), (0.08, 0.5), (0.2, 0.95), (-0.2, 0.95)))
    _polygon(mask, _points((-0.1, -0.15), (0.1, -0.15), (0.1, 0.1), (0, 0.25), (-0.1, 0.1)), value=0)
    _disc(mask, 0, -0.85, 0.09)


def _sun(rng: Rng, mask: ByteArray) -> None:
    """A sun of many rays around a wheel with spokes, held by two wings."""
    _disc(mask, 0, 0, 0.9, line=0.05)
    _disc(mask, 0, 0, 0.34, line=0.07)
    for angle in np.linspace(0, np.pi, int(rng.integers(3, 5)), endpoint=False):
        direction = np.array([np.cos(angle), np.sin(angle)]) * 0.34
        _polygon(mask, np.stack([direction, -direction]), line=0.045, closed=False)
    rays = int(rng.integers(20, 36))
    for number in range(rays):
        angle = 2 * np.pi * number / rays
        direction = np.array([np.cos(angle), np.sin(angle)])
        _polygon(mask, np.stack([direction * 0.42, direction * 0.62]), line=0.035, closed=False)
    _mirrored(mask, _points((0.1, 0.8), (0.55, 0.6), (0.82, 0.1), (0.74, -0.3), (0.62, 0.25), (0.4, 0.6)))
    _disc(mask, 0, -0.72, 0.1)


def _pillar(rng: Rng, mask: ByteArray) -> None:
    """Animals on the capital of a pillar, and a motto below."""
    _disc(mask, 0, -0.62, 0.22)
    _mirrored(mask, _points((0.1, -0.7), (0.4, -0.6), (0.44, -0.2), (0.3, 0.0), (0.14, -0.1)))
    _polygon(mask, _points((-0.16, -0.6), (0.16, -0.6), (0.2, 0.0), (-0.2, 0.0)))
    _polygon(mask, _points((-0.5, 0.05), (0.5, 0.05), (0.5, 0.25), (-0.5, 0.25)))
    _disc(mask, 0, 0.15, 0.08, value=0)
    _polygon(mask, _points((-0.4, 0.28), (0.4, 0.28), (0.24, 0.62), (-0.24, 0.62)), line=0.07)
    for x in np.linspace(-0.6, 0.6, int(rng.integers(5, 9))):
        _polygon(mask, _points((x, 0.76), (x + 0.08, 0.9)), line=0.06, closed=False)


def _scales(rng: Rng, mask: ByteArray) -> None:
    """A pair of scales."""
    _polygon(mask, _points((0, -0.8), (0, 0.7)), line=0.09, closed=False)
    tilt = float(rng.normal(0, 0.06))
    _polygon(mask, _points((-0.65, -0.6 + tilt), (0.65, -0.6 - tilt)), line=0.07, closed=False)
    _mirrored(mask, _points((0.65, -0.6), (0.42, 0.1), (0.88, 0.1)), line=0.05)
    _mirrored(mask, _points((0.4, 0.1), (0.9, 0.1), (0.78, 0.28), (0.52, 0.28)))
    _polygon(mask, _points((-0.35, 0.85), (0.35, 0.85), (0.2, 0.7), (-0.2, 0.7)))


def _book(rng: Rng, mask: ByteArray) -> None:
    """An open book under a flame."""
    lift = float(rng.uniform(0.1, 0.3))
    _mirrored(mask, _points((0, -0.2), (0.75, -0.2 - lift), (0.75, 0.5 - lift), (0, 0.55)), line=0.07)
    for y in np.linspace(-0.1, 0.35, 4):
        _mirrored(mask, _points((0.12, y), (0.62, y - lift * 0.8)), line=0.04)
    _polygon(mask, _points((-0.02, -0.9), (0.1, -0.6), (0.0, -0.4), (-0.1, -0.6)))


def _star(rng: Rng, mask: ByteArray) -> None:
    """A star of five, six or eight points, filled or in outline."""
    points = int(rng.choice([5, 5, 5, 6, 8]))
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    radii = np.where(np.arange(2 * points) % 2 == 0, 0.9, 0.38 if points == 5 else 0.55)
    outline = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)
    _polygon(mask, outline, line=0.0 if rng.random() < 0.6 else 0.09)


def _gear(rng: Rng, mask: ByteArray) -> None:
    """A gear wheel."""
    teeth = int(rng.integers(8, 16))
    angles = np.arange(4 * teeth) * 2 * np.pi / (4 * teeth)
    radii = np.where(np.arange(4 * teeth) % 4 < 2, 0.88, 0.7)
    _polygon(mask, np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1))
    _disc(mask, 0, 0, float(rng.uniform(0.4, 0.55)), value=0)
    _disc(mask, 0, 0, float(rng.uniform(0.12, 0.3)))


def _tree(rng: Rng, mask: ByteArray) -> None:
    """A tree with a crown of round leaves."""
    _polygon(mask, _points((-0.06, 0.9), (0.06, 0.9), (0.05, -0.2), (-0.05, -0.2)))
    for _ in range(int(rng.integers(9, 22))):
        x, y = rng.normal(0, 0.3), rng.normal(-0.3, 0.27)
        _disc(mask, float(np.clip(x, -0.8, 0.8)), float(np.clip(y, -0.85, 0.4)), float(rng.uniform(0.08, 0.2)))


def _arms(rng: Rng, mask: ByteArray) -> None:
    """A coat of arms: a shield with supporters and a crown, made of mirrored random shapes."""
    _polygon(mask, _points((-0.4, -0.45), (0.4, -0.45), (0.4, 0.2), (0, 0.62), (-0.4, 0.2)), line=0.08)
    for _ in range(int(rng.integers(2, 6))):
        centre = rng.uniform((0.0, -0.3), (0.3, 0.3))
        _mirrored(mask, centre + rng.uniform(-0.16, 0.16, (4, 2)))
    for _ in range(int(rng.integers(2, 5))):
        centre = np.array([rng.uniform(0.5, 0.75), rng.uniform(-0.5, 0.6)])
        _mirrored(mask, centre + rng.uniform(-0.22, 0.22, (5, 2)))
    if rng.random() < 0.7:
        peaks = _points(
            (-0.3, -0.55), (-0.36, -0.9), (-0.14, -0.7), (0, -0.95), (0.14, -0.7), (0.36, -0.9), (0.3, -0.55)
        )
        _polygon(mask, peaks)
    if rng.random() < 0.6:
        _mirrored(mask, _points((0.0, 0.72), (0.6, 0.62), (0.75, 0.8), (0.0, 0.88)))
