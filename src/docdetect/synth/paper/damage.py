"""The damage itself: uint8 (H, W, 3) RGB pages in, the same out. Each step draws its own chance from the generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.paper.processes import RGB, Finish
from docdetect.types import ByteArray, SizeWH

_TILE = 384  # px of the noise that is repeated over a page


def bleed_through(rng: np.random.Generator, pixels: ByteArray, strength: float) -> ByteArray:
    """The print with another page's, mirrored, seen through the paper; it serves as that other page itself.

    Marks are laid on later, so that no ghosts of unlabelled marks appear.
    """
    other = cv2.flip(pixels, 1 if rng.random() < 0.6 else 0)
    other = cv2.blur(other, (5, 5))
    table = np.rint(255 - (255 - np.arange(256)) * strength).astype(np.uint8)
    return np.asarray(cv2.multiply(pixels, cv2.LUT(other, table), scale=1 / 255), np.uint8)


def damage_sheet(rng: np.random.Generator, pixels: ByteArray, finish: Finish) -> ByteArray:
    """What happens to the sheet itself, before it is copied: fading, paper colour, stains, folds, holes."""
    if finish.ink < 1 or finish.tint != (255, 255, 255):
        pixels = np.asarray(cv2.LUT(pixels, _fading_table(finish)), np.uint8)
    for _ in range(finish.stains):
        _stain(rng, pixels)
    for _ in range(finish.folds):
        _fold(rng, pixels)
    if finish.holes:
        _punch(rng, pixels, finish)
    return pixels


def background(rng: np.random.Generator, size_wh: SizeWH, finish: Finish) -> ByteArray | RGB:
    """What the picture shows around the sheet: the one colour of a scanner's lid, or a desk with some grain."""
    if finish.kind != "camera":
        return finish.desk
    coarse = rng.normal(0, 14, (24, 4 if rng.random() < 0.5 else 24)).astype(np.float32)
    grain = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)
    picture = np.full((size_wh[1], size_wh[0], 3), finish.desk, np.uint8)
    return np.asarray(cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)


def damage_picture(rng: np.random.Generator, pixels: ByteArray, finish: Finish) -> ByteArray:
    """What the copying machine does to the picture: light, dirt, blur, resolution, noise, loss of colours and greys."""
    if finish.shade > 0.01 or finish.edge > 0:
        pixels = cv2.multiply(pixels, _light(rng, (pixels.shape[1], pixels.shape[0]), finish), scale=1 / 255)
    if finish.blur_px > 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), finish.blur_px)
    if finish.coarse < 1:
        pixels = _coarser(pixels, finish)
    if finish.grey:
        pixels = cv2.merge([cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)] * 3)
    if finish.noise > 0.3 or finish.texture > 0.3:
        pixels = _noisy(rng, pixels, finish)
    if finish.threshold is not None:
        pixels = _bilevel(pixels, finish.threshold)
    if finish.dirt:
        _specks(rng, pixels, finish.dirt)
    return np.asarray(pixels, np.uint8)


def jpeg_bytes(pixels: ByteArray, quality: int) -> bytes:
    """The picture as JPEG, RGB in."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data)


def after_jpeg(pixels: ByteArray, quality: int) -> ByteArray:
    """The picture as it comes back from JPEG."""
    data = np.frombuffer(jpeg_bytes(pixels, quality), np.uint8)
    return np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def _fading_table(finish: Finish) -> ByteArray:
    """(1, 256, 3) lookup table: ink * finish.ink on paper of colour finish.tint."""
    levels = 255 - (255 - np.arange(256)) * finish.ink
    table = levels[:, None] * np.array(finish.tint) / 255
    return np.asarray(np.rint(table)[None], np.uint8)


def _stain(rng: np.random.Generator, pixels: ByteArray) -> None:
    """A cup's ring or a blot of something brown, in place."""
    height, width = pixels.shape[:2]
    radius = int(rng.uniform(0.04, 0.14) * width)
    x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
    mask = np.zeros((height, width), np.float32)
    thickness = int(max(2, radius * rng.uniform(0.04, 0.2))) if rng.random() < 0.6 else -1
    cv2.circle(mask, (x, y), radius, float(rng.uniform(0.08, 0.3)), thickness)
    mask = cv2.blur(mask, (radius // 6 * 2 + 3, radius // 6 * 2 + 3))
    colour = np.array([rng.uniform(120, 190), rng.uniform(80, 140), rng.uniform(30, 90)], np.float32)
    pixels[:] = np.rint(pixels * (1 - mask[:, :, None] * (1 - colour / 255))).astype(np.uint8)


def _fold(rng: np.random.Generator, pixels: ByteArray) -> None:
    """A crease across the page: a dark and a light line side by side, in place."""
    height, width = pixels.shape[:2]
    level = rng.choice([0.333, 0.5, 0.667, rng.uniform(0.1, 0.9)])
    lean = rng.normal(0, 0.008)
    upright = rng.random() < 0.3
    length, across = (height, width) if upright else (width, height)
    middle = across * level + (np.arange(length) - length / 2) * lean
    depth = int(rng.integers(12, 60))
    for offset, change in ((0, -depth), (1, depth // 2), (2, depth // 4)):
        line = np.clip(np.rint(middle).astype(int) + offset, 0, across - 1)
        index = (np.arange(length), line) if upright else (line, np.arange(length))
        pixels[index] = np.clip(pixels[index].astype(np.int16) + change, 0, 255).astype(np.uint8)


def _punch(rng: np.random.Generator, pixels: ByteArray, finish: Finish) -> None:
    """Holes of 6 mm along the left edge (or the top), in place; copies show them black, scans like the lid."""
    height, width = pixels.shape[:2]
    px_per_mm = max(height, width) / 297
    dark = finish.kind == "copy" or rng.random() < 0.4
    colour = (20, 20, 22) if dark else tuple(int(value * 0.93) for value in finish.desk)
    distance, gap = rng.uniform(9, 14) * px_per_mm, 80 * px_per_mm
    for number in range(finish.holes):
        along = (height if finish.holes != 3 else width) / 2 + (number - (finish.holes - 1) / 2) * gap
        x, y = (distance, along) if finish.holes != 3 else (along, distance)
        cv2.circle(pixels, (round(x), round(y)), round(3 * px_per_mm), colour, -1, cv2.LINE_AA)


def _light(rng: np.random.Generator, size_wh: SizeWH, finish: Finish) -> ByteArray:
    """uint8 (H, W, 3) of how much light falls where: a slope, a soft shadow, dark edges."""
    small = 48
    y, x = np.mgrid[0:small, 0:small].astype(np.float32) / (small - 1)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5
    light = 1 - finish.shade * np.clip(slope, 0, 1)
    if finish.kind == "camera" and rng.random() < 0.6:  # the shadow of a hand or a head
        centre, reach = rng.uniform(-0.3, 1.3, 2), rng.uniform(0.2, 0.7)
        distance = np.hypot(x - centre[0], y - centre[1]) / reach
        light *= 1 - finish.shade * 0.7 / (1 + np.exp((distance - 1) * rng.uniform(4, 16)))
    if finish.edge > 0:
        side = int(rng.integers(4))
        from_edge = (x, 1 - x, y, 1 - y)[side]
        light *= 1 - finish.edge * np.exp(-from_edge * rng.uniform(30, 120))
    levels = np.clip(light * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.merge([cv2.resize(levels, size_wh, interpolation=cv2.INTER_LINEAR)] * 3), np.uint8)


def _coarser(pixels: ByteArray, finish: Finish) -> ByteArray:
    """Kept at a lower resolution for a while, in colour or grey as JPEG, whose blocks then grow with the picture."""
    height, width = pixels.shape[:2]
    size_wh = round(width * finish.coarse), round(height * finish.coarse)
    small = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
    if finish.threshold is None:
        small = after_jpeg(np.asarray(small, np.uint8), max(finish.quality, 60))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _noisy(rng: np.random.Generator, pixels: ByteArray, finish: Finish) -> ByteArray:
    """Sensor noise and paper grain, the same in all channels, from one tile that is repeated."""
    height, width = pixels.shape[:2]
    tile = rng.standard_normal((_TILE, _TILE), np.float32) * finish.noise
    if finish.texture > 0.3:
        grain = rng.standard_normal((_TILE // 3, _TILE // 3), np.float32) * finish.texture * 1.5
        tile += cv2.resize(grain, (_TILE, _TILE), interpolation=cv2.INTER_LINEAR)
    field = _repeated(np.rint(tile).astype(np.int16), width, height)
    return np.asarray(cv2.add(pixels, cv2.merge([field] * 3), dtype=cv2.CV_8U), np.uint8)


def _repeated(tile: NDArray[np.int16], width: int, height: int) -> NDArray[np.int16]:
    rows, columns = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    return np.tile(tile, (rows, columns))[:height, :width]


def _bilevel(pixels: ByteArray, threshold: int) -> ByteArray:
    """Black or white at twice the resolution, then averaged: 1-bit scans are finer than the page that is looked at."""
    grey = pixels[:, :, 0]
    fine = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    _, fine = cv2.threshold(fine, threshold, 255, cv2.THRESH_BINARY)
    black = cv2.resize(fine, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.merge([black] * 3), np.uint8)


def _specks(rng: np.random.Generator, pixels: ByteArray, count: int) -> None:
    """Dark specks of one px to a few, in place, thicker in one part of the page."""
    height, width = pixels.shape[:2]
    spread = rng.uniform(0.15, 1.0)
    centre = rng.uniform(0, 1, 2)
    points = np.mod(centre + rng.uniform(-0.5, 0.5, (count, 2)) * spread, 1) * (width - 2, height - 2)
    for x, y in points.astype(int):
        shade = int(rng.integers(0, 150))
        pixels[y : y + int(rng.integers(1, 3)), x : x + int(rng.integers(1, 3))] = shade
