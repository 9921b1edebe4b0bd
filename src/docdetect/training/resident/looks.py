"""What light, ink, copying and dirt do to views, on the device: colour, blur, noise, 1-bit copies, erased patches.

All chance comes from the two generators that are passed in, one of NumPy for what is decided once for a view, and one
of PyTorch for what is drawn on the device.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from docdetect.config.schema import TrainConfig
from docdetect.types import BoolArray, FloatArray

Float64Array: TypeAlias = NDArray[np.float64]

# Shares of red, green and blue in the brightness of a pixel.
_GREY = (0.299, 0.587, 0.114)
# Probability that a view becomes black and white, and that it becomes grey.
_P_BILEVEL, _P_GREY = 0.07, 0.22
# Probability that saturation, and brightness, are changed.
_P_SATURATION, _P_BRIGHTNESS = 0.6, 0.4
# Smallest and largest share of the height and of the width of a view that a patch takes.
_PATCH_HEIGHT, _PATCH_WIDTH = (0.02, 0.08), (0.02, 0.12)
# A patch may hide this share of any box.
_MOST_HIDDEN = 0.5
# Contrast in 0..1 within 8 px below which nothing can be seen.
_LEAST_CONTRAST = 0.1
_CELL_PX = 8


def changed_looks(
    views: torch.Tensor, recipe: TrainConfig, rng: np.random.Generator, generator: torch.Generator
) -> torch.Tensor:
    """The views under other light, ink and copying, as far as the recipe wants it; they are changed in place.

    Only what is drawn for a view is computed for it, one view after the other, which a processor's cache can hold.

    Args:
        views: float32 (n, 3, H, W) in 0..1.
        recipe: `hsv_h`, `hsv_s` and `hsv_v` change colours; `auto_augment` all else.
        rng: decides what is done to which view.
        generator: of the device of the views, for noise.
    """
    for view in views:
        copied = recipe.auto_augment is not None
        colours = _colour_matrix(recipe, rng, grey=copied and rng.random() < _P_GREY)
        if colours is not None:
            mixed = torch.tensor(colours, dtype=torch.float32, device=view.device) @ view.flatten(1)
            view.copy_(mixed.view_as(view).clamp_(0, 1))
        if copied:
            _copy(view, rng, generator)
    return views


def _colour_matrix(recipe: TrainConfig, rng: np.random.Generator, *, grey: bool) -> Float64Array | None:
    """(3, 3) that turns hues, changes saturation and brightness, and may take all colour away; None for no change."""
    turn = rng.uniform(-recipe.hsv_h, recipe.hsv_h) * 2 * math.pi
    saturation = 1 + rng.uniform(-recipe.hsv_s, recipe.hsv_s) * (rng.random() < _P_SATURATION)
    brightness = 1 + rng.uniform(-recipe.hsv_v, 0.25 * recipe.hsv_v) * (rng.random() < _P_BRIGHTNESS)
    if grey:
        saturation = 0.0
    if turn == 0 and saturation == 1 and brightness == 1:
        return None
    # Rodrigues' formula for a turn around the axis of greys.
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    mean = np.full((3, 3), 1 / 3)
    hue = mean + (np.eye(3) - mean) * math.cos(turn) + across * math.sin(turn)
    to_grey = np.tile(np.array(_GREY), (3, 1))
    return np.asarray(brightness * (to_grey + saturation * (np.eye(3) - to_grey)) @ hue, np.float64)


def _copy(view: torch.Tensor, rng: np.random.Generator, generator: torch.Generator) -> None:
    """Faint and heavy ink, tinted paper, poor focus, low resolution, noise, 1-bit copies; in place."""
    if rng.random() < 0.6:
        view.clamp_(1e-4, 1).pow_(1 + rng.uniform(-0.45, 0.8))
    contrast = 1 + rng.uniform(-0.45, 0.25) * (rng.random() < 0.4)
    tint = rng.uniform(0.82, 1, 3) if rng.random() < 0.3 else np.ones(3)
    if contrast != 1 or tint[0] != 1:  # against white, then on tinted paper
        factors = torch.tensor(np.stack([tint * contrast, tint * (1 - contrast)]), dtype=torch.float32)
        scale, shift = factors.to(view.device)[:, :, None, None]
        view.mul_(scale).add_(shift)
    if rng.random() < 0.3:
        view.lerp_(blurred(view), rng.uniform(0, 1))
    if rng.random() < 0.075:
        factor = rng.uniform(0.5, 0.85)
        small = functional.interpolate(view[None], scale_factor=factor, mode="bilinear", antialias=True)
        view.copy_(functional.interpolate(small, size=view.shape[1:], mode="bilinear")[0])
    if rng.random() < 0.35:
        noise = torch.randn(view.shape, device=view.device, generator=generator)
        view.add_(noise, alpha=rng.uniform(0, 0.06))
    view.clamp_(0, 1)
    if rng.random() < _P_BILEVEL:
        grey = view.mean(0)
        threshold = rng.uniform(0.5, 0.88) * grey[::16, ::16].flatten().quantile(0.85)
        view.copy_(torch.sigmoid((grey - threshold) * 40).expand_as(view))


def blurred(view: torch.Tensor) -> torch.Tensor:
    """The mean of each pixel and its eight neighbours; sums of rows and columns are faster than PyTorch's pooling."""
    padded = functional.pad(view[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, :, :-2] + padded[:, :, 1:-1]).add_(padded[:, :, 2:])
    return (across[:, :-2] + across[:, 1:-1]).add_(across[:, 2:]).div_(9)


def visible(views: torch.Tensor, rows: FloatArray) -> BoolArray:
    """Which boxes still hold something that can be seen: bool (N,).

    Args:
        views: float32 (n, 3, H, W) in 0..1.
        rows: float32 (N, 6): position of the view, class id, and left, top, right, bottom px.
    """
    count, _, height, width = views.shape
    down, across = height // _CELL_PX, width // _CELL_PX
    grey = (views[:, 0] + views[:, 1]).add_(views[:, 2]).div_(3)[:, : down * _CELL_PX, : across * _CELL_PX]
    rows_of_cells = grey.reshape(count, down, _CELL_PX, across * _CELL_PX)
    high, low = (extreme(rows_of_cells, 2).view(count, down, across, _CELL_PX) for extreme in (torch.amax, torch.amin))
    cells = (high.amax(3) - low.amin(3)).cpu().numpy()
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
