"""Ink and paper told apart: how much light each px of a page lacks beside the paper around it, and in which colour.

Ink multiplies what lies below. A page divided by its paper is therefore the ink alone: 1 on bare paper, 0 under black
ink, whatever the colour of the paper and the light on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from docdetect.types import BoolArray, ByteArray, FloatArray

# Side of the cells in which the level of the paper is measured: a share of the picture's longer side, and px at least.
_CELL_FRAC = 0.06
_LEAST_CELL_PX = 6

# Share of the px of a cell that are darker than its paper: even beside dense print and in seals a fifth stays bare.
_PAPER_QUANTILE = 0.85

# Least darkness that counts as ink, where the paper is perfectly even, and how many deviations of its grain it needs.
_LEAST_WEAK, _LEAST_STRONG = 0.11, 0.18
_WEAK_DEVIATIONS, _STRONG_DEVIATIONS = 3.5, 6.0

# Darkness of the soft edges of strokes, which lie within a px of darker ink.
_LEAST_EDGE = 0.06

# Optical density beyond which darkness says nothing about colour: scanners see black there.
_MOST_DENSITY = 3.0

# Deviation over which the colour of ink is averaged, px: JPEG halves the resolution of colours.
_COLOUR_BLUR_PX = 1.6

# Saturation of optical density (0 grey, 1 pure) from which ink counts as coloured where a page holds one ink alone.
# Grey scans have below 0.05, blue ballpoint 0.3 and more, the fringes that JPEG leaves around black print up to 0.1.
COLOURED = 0.2

# Lowest and highest limit between grey and coloured ink where a page holds both; how much of the variance the two must
# explain, and how far their means must lie apart.
_LIMITS = (0.09, 0.3)
_LEAST_EXPLAINED = 0.6
_LEAST_APART = 0.1


@dataclass(frozen=True)
class Ink:
    """The ink of a part of a page.

    Attributes:
        ratio: float32 (H, W, 3), the page over its paper, from 0 to 1.
        darkness: float32 (H, W), one minus the darkest channel of `ratio`.
        visible: (H, W), px that belong to ink: dark ones, and paler ones that touch them.
        saturation: float32 (H, W), 0 for grey and 1 for pure colours; 0 where there is no ink.
        hue: float32 (H, W), angle of the ink's colour in degrees (red 0, green 120, blue 240).
    """

    ratio: FloatArray
    darkness: FloatArray
    visible: BoolArray
    saturation: FloatArray
    hue: FloatArray


def ink_of(pixels: ByteArray) -> Ink:
    """The ink of a part of a page, uint8 (H, W, 3) RGB, with some paper around what is looked at."""
    ratio = _over_paper(pixels)
    darkness = np.asarray(1 - ratio.min(axis=2), np.float32)
    grain = _grain(darkness)
    visible = _visible(darkness, grain)
    saturation, hue = _colour(ratio, visible)
    return Ink(ratio, darkness, visible, saturation, hue)


def _over_paper(pixels: ByteArray) -> FloatArray:
    """The page over its paper, float32 (H, W, 3) from 0 to 1."""
    height, width = pixels.shape[:2]
    cell = max(_LEAST_CELL_PX, round(max(height, width) * _CELL_FRAC))
    rows, columns = max(1, round(height / cell)), max(1, round(width / cell))
    ys = np.linspace(0, height, rows + 1).astype(int)
    xs = np.linspace(0, width, columns + 1).astype(int)
    level = np.empty((rows, columns, 3), np.float32)
    for row in range(rows):
        for column in range(columns):
            part = pixels[ys[row] : ys[row + 1], xs[column] : xs[column + 1]].reshape(-1, 3)
            level[row, column] = np.quantile(part, _PAPER_QUANTILE, axis=0)
    # A cell that ink fills takes the paper of the cells around it.
    padded = np.pad(level, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = np.stack([padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)])
    level = np.maximum(level, np.quantile(around, 0.6, axis=0).astype(np.float32))
    paper = cv2.resize(level, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 3)
    return np.asarray(np.clip(pixels / np.maximum(paper, 1.0), 0, 1), np.float32)


def _grain(darkness: FloatArray) -> float:
    """Standard deviation of the darkness of bare paper, from the half of the px that are palest."""
    pale = np.sort(darkness, axis=None)[: max(1, darkness.size // 2)]
    return float(np.quantile(pale, 0.9) / 0.6) if pale.size else 0.0


def _visible(darkness: FloatArray, grain: float) -> BoolArray:
    """Dark px, and paler px that touch them: the grain of the paper has no dark px in it."""
    strong = darkness > max(_LEAST_STRONG, min(_STRONG_DEVIATIONS * grain, 0.4))
    weak = darkness > max(_LEAST_WEAK, min(_WEAK_DEVIATIONS * grain, 0.25))
    count, labels = cv2.connectedComponents((weak | strong).astype(np.uint8), connectivity=8)
    holds_strong = np.zeros(count, bool)
    holds_strong[np.unique(labels[strong])] = True
    holds_strong[0] = False
    mask: BoolArray = holds_strong[labels]
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    with_edges: BoolArray = mask | (beside & (darkness > max(_LEAST_EDGE, grain)))
    return with_edges


def _colour(ratio: FloatArray, visible: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Saturation and hue of the ink, each px averaged with the ink around it."""
    density = np.minimum(-np.log(np.maximum(ratio, 1e-3)), _MOST_DENSITY) * visible[:, :, None]
    density = cv2.GaussianBlur(density.astype(np.float32), (0, 0), _COLOUR_BLUR_PX)
    high, low = density.max(axis=2), density.min(axis=2)
    saturation = np.where(visible & (high > 1e-3), (high - low) / np.maximum(high, 1e-3), 0)
    # Density of red light makes ink cyan: the hue of the ink is that of the light which it lets through.
    light = (high[:, :, None] - density).astype(np.float32)
    red, green, blue = light[:, :, 0], light[:, :, 1], light[:, :, 2]
    hue = np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)) % 360
    return np.asarray(saturation, np.float32), np.asarray(hue, np.float32)


def colour_limit(saturation: FloatArray, darkness: FloatArray) -> float:
    """The saturation from which ink is coloured: between the two inks of a page (Otsu), if there are two."""
    if not saturation.size:
        return COLOURED
    edges = np.linspace(0, 1, 65)
    weight, _ = np.histogram(saturation, edges, weights=darkness)
    middle = (edges[:-1] + edges[1:]) / 2
    weight = weight / max(float(weight.sum()), 1e-9)
    below = np.cumsum(weight)[:-1]
    mass = np.cumsum(weight * middle)
    total = float(mass[-1])
    variance = float((weight * (middle - total) ** 2).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = mass[:-1] / below, (total - mass[:-1]) / (1 - below)
        between = below * (1 - below) * (high - low) ** 2
    between = np.nan_to_num(between)
    best = int(np.argmax(between))
    if variance <= 0 or between[best] < _LEAST_EXPLAINED * variance or high[best] - low[best] < _LEAST_APART:
        return COLOURED if total >= COLOURED else max(COLOURED, _LIMITS[1])
    return float(np.clip(edges[best + 1], *_LIMITS))
