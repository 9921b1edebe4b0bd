"""What light, ink, copying and dirt do to views, on the device: colour, blur, noise, 1-bit copies, erased patches.

All chance comes from the two generators that are passed in, one of NumPy for what is decided once for a view, and one
of PyTorch for what is drawn on the device.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from docdetect.config.schema import TrainConfig
from docdetect.types import BoolArray, FloatArray

# Shares of red, green and blue in the brightness of a pixel.
_GREY = (0.299, 0.587, 0.114)
# Probability that a view becomes black and white, and that it becomes grey.
_P_BILEVEL, _P_GREY = 0.07, 0.22
# Smallest and largest share of the height and of the width of a view that a patch takes.
_PATCH_HEIGHT, _PATCH_WIDTH = (0.02, 0.08), (0.02, 0.12)
# A patch may hide this share of any box.
_MOST_HIDDEN = 0.5
# Contrast in 0..1 within 8 px below which nothing can be seen.
_LEAST_CONTRAST = 0.1
_CELL_PX = 8


class _Chance:
    """Random numbers for each view of a batch: (n, 1, 1, 1) on the device."""

    def __init__(self, count: int, device: torch.device, generator: torch.Generator) -> None:
        self._count, self._device, self._generator = count, device, generator

    def between(self, low: float, high: float, channels: int = 1) -> torch.Tensor:
        drawn = torch.rand(self._count, channels, 1, 1, device=self._device, generator=self._generator)
        return low + (high - low) * drawn

    def yes(self, probability: float) -> torch.Tensor:
        return (self.between(0, 1) < probability).float()


def changed_looks(
    views: torch.Tensor, recipe: TrainConfig, rng: np.random.Generator, generator: torch.Generator
) -> torch.Tensor:
    """The views under other light, ink and copying, as far as the recipe wants it.

    Args:
        views: float32 (n, 3, H, W) in 0..1.
        recipe: `hsv_h`, `hsv_s` and `hsv_v` change colours; `auto_augment` all else.
        rng: what is decided for the whole batch.
        generator: of the device of the views.
    """
    chance = _Chance(len(views), views.device, generator)
    weights = torch.tensor(_GREY, device=views.device)[None, :, None, None]
    grey = (views * weights).sum(1, keepdim=True)
    if recipe.hsv_h:
        views = _turned_hue(views, chance.between(-recipe.hsv_h, recipe.hsv_h) * 2 * math.pi)
    if recipe.hsv_s:
        views = grey + (views - grey) * (1 + chance.yes(0.6) * chance.between(-recipe.hsv_s, recipe.hsv_s))
    if recipe.hsv_v:
        views = views * (1 + chance.yes(0.4) * chance.between(-recipe.hsv_v, 0.25 * recipe.hsv_v))
    if recipe.auto_augment is not None:
        views = _copied(views, chance, rng, generator)
    return views.clamp(0, 1)


def _turned_hue(views: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Colours turned around the axis of greys by an angle (n, 1, 1, 1) in radians."""
    cosine, sine = torch.cos(angle), torch.sin(angle) / math.sqrt(3)
    mean = views.mean(1, keepdim=True)
    across = torch.roll(views, -1, 1) - torch.roll(views, 1, 1)
    return mean + (views - mean) * cosine + across * sine


def _copied(views: torch.Tensor, chance: _Chance, rng: np.random.Generator, generator: torch.Generator) -> torch.Tensor:
    """Grey copies, faint and heavy ink, tinted paper, poor focus, low resolution, noise, 1-bit copies."""
    grey = (views * torch.tensor(_GREY, device=views.device)[None, :, None, None]).sum(1, keepdim=True)
    views = torch.lerp(views, grey.expand_as(views), chance.yes(_P_GREY))
    views = views.clamp(1e-4, 1) ** (1 + chance.yes(0.6) * chance.between(-0.45, 0.8))
    views = 1 - (1 - views) * (1 + chance.yes(0.4) * chance.between(-0.45, 0.25))
    tint = chance.between(0.82, 1, channels=3)
    views = views * torch.lerp(torch.ones_like(tint), tint, chance.yes(0.3))
    blurred = functional.avg_pool2d(functional.pad(views, (1, 1, 1, 1), mode="replicate"), 3, 1)
    views = torch.lerp(views, blurred, chance.yes(0.3) * chance.between(0, 1))
    if rng.random() < 0.15:
        small = functional.interpolate(views, scale_factor=rng.uniform(0.5, 0.85), mode="bilinear", antialias=True)
        again = functional.interpolate(small, size=views.shape[2:], mode="bilinear")
        views = torch.lerp(views, again, chance.yes(0.5))
    noise = torch.randn(views.shape, device=views.device, generator=generator)
    views = (views + noise * chance.yes(0.35) * chance.between(0, 0.06)).clamp(0, 1)
    return _bilevel(views, chance)


def _bilevel(views: torch.Tensor, chance: _Chance) -> torch.Tensor:
    grey = views.mean(1, keepdim=True)
    paper = grey[:, :, ::16, ::16].flatten(1).quantile(0.85, 1)[:, None, None, None]
    black_and_white = torch.sigmoid((grey - chance.between(0.5, 0.88) * paper) * 40)
    return torch.lerp(views, black_and_white.expand_as(views), chance.yes(_P_BILEVEL))


def visible(views: torch.Tensor, rows: FloatArray) -> BoolArray:
    """Which boxes still hold something that can be seen: bool (N,).

    Args:
        views: float32 (n, 3, H, W) in 0..1.
        rows: float32 (N, 6): position of the view, class id, and left, top, right, bottom px.
    """
    grey = views.mean(1, keepdim=True)
    cells = (functional.max_pool2d(grey, _CELL_PX) + functional.max_pool2d(-grey, _CELL_PX))[:, 0].cpu().numpy()
    seen = np.zeros(len(rows), np.bool_)
    for k, (view, _, *box) in enumerate(rows):
        left, top, right, bottom = (int(value / _CELL_PX) for value in box)
        found = np.sort(cells[int(view), top : bottom + 1, left : right + 1].ravel())
        seen[k] = len(found) > 0 and found[-max(1, len(found) // 12)] > _LEAST_CONTRAST
    return seen


def erase_patches(views: torch.Tensor, rows: FloatArray, probability: float, rng: np.random.Generator) -> None:
    """Paints a patch of one grey over some views, in place; none hides more than half of a box.

    Args:
        views: float32 (n, 3, H, W) in 0..1.
        rows: float32 (N, 6) as in `visible`, of marks only.
        probability: that a view gets a patch.
        rng: where chance comes from.
    """
    _, _, height, width = views.shape
    for view in range(len(views)):
        if rng.random() >= probability:
            continue
        patch_height = max(1, int(height * rng.uniform(*_PATCH_HEIGHT)))
        patch_width = max(1, int(width * rng.uniform(*_PATCH_WIDTH)))
        top, left = int(rng.integers(height - patch_height + 1)), int(rng.integers(width - patch_width + 1))
        boxes = rows[rows[:, 0] == view, 2:]
        low = np.maximum(boxes[:, :2], (left, top))
        high = np.minimum(boxes[:, 2:], (left + patch_width, top + patch_height))
        hidden = np.clip(high - low, 0, None).prod(axis=1)
        areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
        grey = float(rng.random())
        if not (hidden > _MOST_HIDDEN * areas).any():
            views[view, :, top : top + patch_height, left : left + patch_width] = grey
