"""Damages pages as copying does: fading, stains, folds, uneven light, blur, noise, the loss of colours and of greys.

All pages are uint8 (H, W, 3) RGB. `copying.py` decides the damage of a page; random details come from the generator
that each function is given.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.ink import RGB
from docdetect.synth.paper.copying import PageDamage
from docdetect.types import ByteArray, SizeWH

# Side of the tile of noise that is repeated over a page.
_NOISE_TILE_PX = 384

# Levels of the black and the white of a photostat.
_NEGATIVE_LEVELS = (44, 236)

# Long side of A4, from which the size of punched holes follows.
_LONG_SIDE_MM = 297


def bleed_through(rng: np.random.Generator, pixels: ByteArray, strength: float) -> ByteArray:
    """The page with the print of its other side shining through the paper, mirrored and blurred.

    The page's own print stands for that of the other side. Marks are laid on the page later, so that nothing that
    shines through is a mark without a label.

    Args:
        rng: random generator.
        pixels: the page, without marks.
        strength: how dark the other side's black print is, from 0 to 1.
    """
    other = cv2.flip(pixels, 1 if rng.random() < 0.6 else 0)
    other = cv2.blur(other, (5, 5))
    table = np.rint(255 - (255 - np.arange(256)) * strength).astype(np.uint8)
    return np.asarray(cv2.multiply(pixels, cv2.LUT(other, table), scale=1 / 255), np.uint8)


def damage_sheet(rng: np.random.Generator, pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """Damages the sheet before it is copied: fading, the paper's colour, stains, folds, holes. May change `pixels`."""
    if damage.contrast < 1 or damage.tint != (255, 255, 255):
        pixels = np.asarray(cv2.LUT(pixels, _fading_table(damage)), np.uint8)
    for _ in range(damage.stains):
        _stain(rng, pixels)
    for _ in range(damage.folds):
        _fold(rng, pixels)
    if damage.holes:
        _punch(rng, pixels, damage)
    return pixels


def background(rng: np.random.Generator, size_wh: SizeWH, damage: PageDamage) -> ByteArray | RGB:
    """What the picture of `size_wh` px shows around the sheet: one colour, or in photographs a desk with some grain."""
    if damage.kind != "camera":
        return damage.surround
    coarse = rng.normal(0, 14, (24, 4 if rng.random() < 0.5 else 24)).astype(np.float32)
    grain = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)
    picture = np.full((size_wh[1], size_wh[0], 3), damage.surround, np.uint8)
    return np.asarray(cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)


def damage_picture(rng: np.random.Generator, pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """Damages the picture as a copier or camera does: light, blur, resolution, colours, noise, greys, specks."""
    if damage.uneven_light > 0.01 or damage.edge_shadow > 0:
        pixels = cv2.multiply(pixels, _light(rng, (pixels.shape[1], pixels.shape[0]), damage), scale=1 / 255)
    if damage.light != (255, 255, 255) and not damage.negative:
        pixels = _lit(pixels, damage)
    if damage.blur_px > 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), damage.blur_px)
    if damage.resolution < 1:
        pixels = _coarser(pixels, damage)
    if damage.grey:
        pixels = cv2.merge([cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)] * 3)
    if damage.noise_std > 0.3 or damage.texture > 0.3:
        pixels = _noisy(rng, pixels, damage)
    if damage.threshold is not None:
        pixels = _bilevel(rng, pixels, damage)
    if damage.negative:
        pixels = _negative(pixels, damage)
    if damage.specks:
        _specks(rng, pixels, damage.specks)
    return np.asarray(pixels, np.uint8)


def jpeg_bytes(pixels: ByteArray, quality: int) -> bytes:
    """The picture, encoded as JPEG with `quality` from 0 to 100."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data)


def after_jpeg(pixels: ByteArray, quality: int) -> ByteArray:
    """The picture as it is after it was encoded as JPEG and decoded again."""
    return jpeg_pixels(jpeg_bytes(pixels, quality))


def jpeg_pixels(data: bytes) -> ByteArray:
    """The picture, uint8 (H, W, 3) RGB, that `jpeg_bytes` encoded."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _fading_table(damage: PageDamage) -> ByteArray:
    """Lookup table uint8 (1, 256, 3) that fades ink to the damage's contrast and tints paper."""
    levels = 255 - (255 - np.arange(256)) * damage.contrast
    table = levels[:, None] * np.array(damage.tint) / 255
    return np.asarray(np.rint(table)[None], np.uint8)


def _stain(rng: np.random.Generator, pixels: ByteArray) -> None:
    """Adds the ring of a cup or a brown blot, in place."""
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
    """Adds a crease across the page, a dark and a light line side by side, in place."""
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


def _punch(rng: np.random.Generator, pixels: ByteArray, damage: PageDamage) -> None:
    """Punches holes of 6 mm along the left edge, or three along the top, in place.

    Photocopies show holes black; scans show them black or in the colour of the lid.
    """
    height, width = pixels.shape[:2]
    px_per_mm = max(height, width) / _LONG_SIDE_MM
    dark = damage.kind == "copy" or rng.random() < 0.4
    colour = (20, 20, 22) if dark else tuple(int(value * 0.93) for value in damage.surround)
    distance, gap = rng.uniform(9, 14) * px_per_mm, 80 * px_per_mm
    for number in range(damage.holes):
        along = (height if damage.holes != 3 else width) / 2 + (number - (damage.holes - 1) / 2) * gap
        x, y = (distance, along) if damage.holes != 3 else (along, distance)
        cv2.circle(pixels, (round(x), round(y)), round(3 * px_per_mm), colour, -1, cv2.LINE_AA)


def _light(rng: np.random.Generator, size_wh: SizeWH, damage: PageDamage) -> ByteArray:
    """How much light falls on each px, uint8 (H, W, 3): a slope, before a camera a soft shadow, and a dark edge."""
    grid = 48
    y, x = np.mgrid[0:grid, 0:grid].astype(np.float32) / (grid - 1)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5
    light = 1 - damage.uneven_light * np.clip(slope, 0, 1)
    if damage.kind == "camera" and rng.random() < 0.6:
        # The shadow of the hand or the head of the person who takes the photograph.
        centre, reach = rng.uniform(-0.3, 1.3, 2), rng.uniform(0.2, 0.7)
        distance = np.hypot(x - centre[0], y - centre[1]) / reach
        light *= 1 - damage.uneven_light * 0.7 / (1 + np.exp((distance - 1) * rng.uniform(4, 16)))
    if damage.edge_shadow > 0:
        side = int(rng.integers(4))
        from_edge = (x, 1 - x, y, 1 - y)[side]
        light *= 1 - damage.edge_shadow * np.exp(-from_edge * rng.uniform(30, 120))
    levels = np.clip(light * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.merge([cv2.resize(levels, size_wh, interpolation=cv2.INTER_LINEAR)] * 3), np.uint8)


def _coarser(pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """The picture after it was kept at a lower resolution.

    In colour and in grey the smaller picture was a JPEG, whose blocks grow with the picture.
    """
    height, width = pixels.shape[:2]
    size_wh = round(width * damage.resolution), round(height * damage.resolution)
    small = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
    if damage.threshold is None:
        small = after_jpeg(np.asarray(small, np.uint8), max(damage.jpeg_quality, 60))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _noisy(rng: np.random.Generator, pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """The picture with sensor noise and paper grain, the same in all channels, from one tile that is repeated."""
    height, width = pixels.shape[:2]
    tile = rng.standard_normal((_NOISE_TILE_PX, _NOISE_TILE_PX), np.float32) * damage.noise_std
    if damage.texture > 0.3:
        grain = rng.standard_normal((_NOISE_TILE_PX // 3, _NOISE_TILE_PX // 3), np.float32) * damage.texture * 1.5
        tile += cv2.resize(grain, (_NOISE_TILE_PX, _NOISE_TILE_PX), interpolation=cv2.INTER_LINEAR)
    field = _repeated(np.rint(tile).astype(np.int16), width, height)
    return np.asarray(cv2.add(pixels, cv2.merge([field] * 3), dtype=cv2.CV_8U), np.uint8)


def _repeated(tile: NDArray[np.int16], width: int, height: int) -> NDArray[np.int16]:
    """The tile, repeated to (height, width)."""
    rows, columns = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    return np.tile(tile, (rows, columns))[:height, :width]


def _bilevel(rng: np.random.Generator, pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """The picture in black and white at twice the resolution, then averaged.

    1-bit scans have a higher resolution than the pictures that networks are trained on. Greys become dots where the
    damage says so, and each further copy is a little blurred, thicker or thinner, and brought to black and white again.
    """
    grey = pixels[:, :, 0]
    fine = np.asarray(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    threshold = damage.threshold or 128
    if damage.dither:
        grain = rng.integers(-damage.dither, damage.dither + 1, (_NOISE_TILE_PX, _NOISE_TILE_PX)).astype(np.int16)
        fine = np.asarray(cv2.add(fine, _repeated(grain, fine.shape[1], fine.shape[0]), dtype=cv2.CV_8U), np.uint8)
    _, fine = cv2.threshold(fine, threshold, 255, cv2.THRESH_BINARY)
    # A copier makes everything thicker or everything thinner, again with each copy.
    level = float(rng.uniform(95, 165))
    for _ in range(damage.generations - 1):
        fine = cv2.GaussianBlur(fine, (0, 0), float(rng.uniform(1.0, 1.7)))
        _, fine = cv2.threshold(fine, level, 255, cv2.THRESH_BINARY)
    black = cv2.resize(fine, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.merge([black] * 3), np.uint8)


def _lit(pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """The picture under coloured light."""
    table = np.arange(256)[:, None] * np.array(damage.light) / 255
    return np.asarray(cv2.LUT(pixels, np.rint(table)[None].astype(np.uint8)), np.uint8)


def _negative(pixels: ByteArray, damage: PageDamage) -> ByteArray:
    """The negative of the picture: black paper is dark grey, and white print has the tint of the photographic paper."""
    dark, light = _NEGATIVE_LEVELS
    levels = dark + (255 - np.arange(256)[:, None]) / 255 * (np.array(damage.light) - 25 - dark)
    levels = np.clip(levels, 0, light)
    return np.asarray(cv2.LUT(pixels, np.rint(levels)[None].astype(np.uint8)), np.uint8)


def _specks(rng: np.random.Generator, pixels: ByteArray, count: int) -> None:
    """Adds `count` dark specks of one to four px, in place, denser in one part of the page."""
    height, width = pixels.shape[:2]
    spread = rng.uniform(0.15, 1.0)
    centre = rng.uniform(0, 1, 2)
    points = np.mod(centre + rng.uniform(-0.5, 0.5, (count, 2)) * spread, 1) * (width - 2, height - 2)
    for x, y in points.astype(int):
        shade = int(rng.integers(0, 150))
        pixels[y : y + int(rng.integers(1, 3)), x : x + int(rng.integers(1, 3))] = shade
