"""Views of pages: which part of a page is seen how large and how turned, computed here and drawn on the device.

A view is a canvas of the network's size. A `Placement` maps points of the page to points of the canvas; pixels are
drawn through its inverse, and boxes are moved along. Chance comes from the NumPy generator that is passed in, so that
the same generator gives the same view on any device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from docdetect.config.schema import TrainConfig
from docdetect.training.partial_labels import region_class
from docdetect.training.resident.pages import StoredPage
from docdetect.types import FloatArray, IntArray, SizeWH

Float64Array: TypeAlias = NDArray[np.float64]

# Grey levels of what lies beside a page, each as often as it stands here.
_BESIDE = (114, 255, 114, 40)
# Probability that a window is cut around a mark, and around a distractor where no mark was chosen.
_P_AROUND_MARK = 0.68
_P_AROUND_DISTRACTOR = 0.7
# Standard deviation of the middle of such a window around the middle of the mark, as a share of the window.
_OFF_MIDDLE = 0.12
# Standard deviation of the logarithm by which width and height of a view are stretched apart.
_STRETCH = 0.04
# A mark counts in a view if this share of its box, and this many px of each side, are seen.
_VISIBLE_FRAC, _VISIBLE_PX = 0.35, 4.0
# Scales below this are drawn from a copy that was shrunk with care, since single pixels of the page would be skipped.
_SHRUNK_BELOW = 0.8
# Largest enlargement of a whole page.
_WHOLE_AT_MOST = 1.25


@dataclass(frozen=True)
class Placement:
    """Where a page lies on a canvas: a point p of the page, in px, is at `matrix @ p + offset` on the canvas.

    Attributes:
        matrix: float64 (2, 2).
        offset: float64 (2,) px.
    """

    matrix: Float64Array
    offset: Float64Array

    def boxes(self, xyxy: FloatArray) -> FloatArray:
        """Boxes of the page on the canvas, float32 (N, 4) px.

        A turned box is laid around the ellipse in the box and not around its corners, which marks do not fill.
        """
        middles, halves = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 2
        moved = middles @ self.matrix.T + self.offset
        reach = np.sqrt((halves**2) @ (self.matrix.T**2))
        return np.asarray(np.concatenate([moved - reach, moved + reach], axis=1), np.float32)

    def region(self, size_wh: SizeWH) -> FloatArray:
        """The box on the canvas that holds the whole page of this size: float32 (4,)."""
        corners = np.array([[0, 0], [size_wh[0], 0], [0, size_wh[1]], list(size_wh)]) @ self.matrix.T + self.offset
        return np.asarray(np.concatenate([corners.min(axis=0), corners.max(axis=0)]), np.float32)


@dataclass(frozen=True)
class View:
    """A canvas and what is labelled on it.

    Attributes:
        pixels: float32 (3, H, W) in 0..1 on the device.
        rows: float32 (N, 5): class id and left, top, right, bottom px; a class id beyond the classes is a region, see
            `docdetect.training.partial_labels`.
    """

    pixels: torch.Tensor
    rows: FloatArray


def whole_placement(page: StoredPage, canvas_wh: SizeWH, recipe: TrainConfig, rng: np.random.Generator) -> Placement:
    """The whole page, half of the times as `infer` shows it, else smaller or a little larger."""
    size, canvas = np.array(page.size_wh, np.float64), np.array(canvas_wh, np.float64)
    fit = float((canvas / size).min())
    low, high = min(recipe.scales[0], 1.0), min(max(recipe.scales[1], 1.0), _WHOLE_AT_MOST)
    usual = rng.random() < 0.5
    scale = fit * (rng.uniform(max(low, 0.92), min(high, 1.04)) if usual else _log_uniform(low, high, rng))
    matrix = scale * _linear(recipe, rng)
    reach = np.abs(matrix) @ size  # width and height of the page on the canvas
    free = canvas - reach
    corner = rng.uniform(np.minimum(0, free), np.maximum(0, free))
    return Placement(matrix, corner + reach / 2 - matrix @ (size / 2))


def window_placement(page: StoredPage, canvas_wh: SizeWH, recipe: TrainConfig, rng: np.random.Generator) -> Placement:
    """A part of the page at any scale of `recipe.scales`, most often around a mark or a distractor."""
    size, canvas = np.array(page.size_wh, np.float64), np.array(canvas_wh, np.float64)
    scale = _log_uniform(*recipe.scales, rng) * recipe.imgsz / float(size.max())
    matrix = scale * _linear(recipe, rng)
    boxes = page.ground_truth.xyxy if rng.random() < _P_AROUND_MARK else np.zeros((0, 4), np.float32)
    if not len(boxes) and rng.random() < _P_AROUND_DISTRACTOR:
        boxes = page.distractors
    if len(boxes):
        box = boxes[rng.integers(len(boxes))]
        middle = (box[:2] + box[2:]) / 2 + rng.normal(0, _OFF_MIDDLE, 2) * canvas / scale
    else:
        middle = rng.uniform(0, 1, 2) * size
    offset = canvas / 2 - matrix @ middle
    reach = np.abs(matrix) @ size
    corner = matrix @ (size / 2) + offset - reach / 2
    # A page that is larger than the canvas leaves no empty border.
    inside = np.clip(corner, np.minimum(0, canvas - reach), 0)
    return Placement(matrix, offset + np.where(reach > canvas, inside - corner, 0))


def draw_view(
    page: StoredPage, placement: Placement, canvas_wh: SizeWH, class_count: int, rng: np.random.Generator
) -> View:
    """The view of a page: pixels and labels."""
    beside = float(rng.choice(_BESIDE)) / 255
    pixels = draw_pixels(page.pixels, placement, canvas_wh, beside)
    return View(pixels, _rows(page, placement, canvas_wh, class_count))


def mosaic_view(
    pages: tuple[StoredPage, ...], canvas_wh: SizeWH, recipe: TrainConfig, class_count: int, rng: np.random.Generator
) -> View:
    """Four views beside each other, which meet anywhere in the middle of the canvas."""
    width, height = canvas_wh
    x, y = round(width * rng.uniform(0.3, 0.7)), round(height * rng.uniform(0.3, 0.7))
    parts = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
    views = []
    for page, (left, top, right, bottom) in zip(pages, parts, strict=True):
        part_wh = right - left, bottom - top
        views.append(draw_view(page, window_placement(page, part_wh, recipe, rng), part_wh, class_count, rng))
    upper = torch.cat([views[0].pixels, views[1].pixels], 2)
    lower = torch.cat([views[2].pixels, views[3].pixels], 2)
    moved = [
        view.rows + np.array([0, left, top, left, top], np.float32)
        for view, (left, top, _, _) in zip(views, parts, strict=True)
    ]
    return View(torch.cat([upper, lower], 1), np.concatenate(moved))


def draw_pixels(pixels: torch.Tensor, placement: Placement, canvas_wh: SizeWH, beside: float) -> torch.Tensor:
    """The canvas, float32 (3, H, W) in 0..1: drawn by OpenCV on a CPU, where PyTorch is much slower.

    Args:
        pixels: uint8 (3, h, w), the page; on a CPU its memory is laid out as OpenCV wants it, (h, w, 3).
        placement: where it lies.
        canvas_wh: width and height of the canvas in px.
        beside: grey in 0..1 of what lies beside the page.
    """
    width, height = canvas_wh
    part = seen_part(pixels, placement, canvas_wh)
    if part is None:
        return pixels.new_full((3, height, width), beside, dtype=torch.float32)
    draw = draw_with_opencv if pixels.device.type == "cpu" else draw_with_torch
    return draw(pixels, placement, canvas_wh, beside, part)


@dataclass(frozen=True)
class Part:
    """What of a page is seen on a canvas.

    Attributes:
        low, high: int64 (2,) px of the page: left and top, right and bottom.
        shrunk_wh: size to which it is shrunk before it is drawn; None where it is drawn as it is.
    """

    low: IntArray
    high: IntArray
    shrunk_wh: SizeWH | None


def draw_with_opencv(
    pixels: torch.Tensor, placement: Placement, canvas_wh: SizeWH, beside: float, part: Part
) -> torch.Tensor:
    """What `draw_pixels` says, by OpenCV on bytes."""
    image = pixels.permute(1, 2, 0).numpy()[part.low[1] : part.high[1], part.low[0] : part.high[0]]
    factor = np.ones(2)
    if part.shrunk_wh is not None:
        image = cv2.resize(image, part.shrunk_wh, interpolation=cv2.INTER_AREA)
        factor = part.shrunk_wh / (part.high - part.low)
    matrix = placement.matrix / factor
    # OpenCV counts from the middle of the first pixel, placements from its corner.
    shift = placement.offset + placement.matrix @ part.low + matrix @ np.full(2, 0.5) - 0.5
    to_canvas = np.concatenate([matrix, shift[:, None]], axis=1)
    drawn = cv2.warpAffine(image, to_canvas, canvas_wh, flags=cv2.INTER_LINEAR, borderValue=(round(255 * beside),) * 3)
    return torch.stack([torch.from_numpy(plane).float() for plane in cv2.split(drawn)]).div_(255)


def draw_with_torch(
    pixels: torch.Tensor, placement: Placement, canvas_wh: SizeWH, beside: float, part: Part
) -> torch.Tensor:
    """What `draw_pixels` says, by PyTorch on any device."""
    width, height = canvas_wh
    low, high = part.low, part.high
    image = pixels[:, low[1] : high[1], low[0] : high[0]][None].float()
    if part.shrunk_wh is not None:
        image = functional.interpolate(image, size=part.shrunk_wh[::-1], mode="bilinear", antialias=True)
    # From coordinates of the canvas in -1..1 to coordinates of the part in -1..1, as grid_sample counts them.
    inverse = np.linalg.inv(placement.matrix)
    canvas_half, part_half = np.array([width, height]) / 2, (high - low) / 2
    turn = inverse * canvas_half / part_half[:, None]
    shift = (inverse @ (canvas_half - placement.offset) - low) / part_half - 1
    theta = torch.tensor(np.concatenate([turn, shift[:, None]], axis=1)[None], dtype=torch.float32)
    grid = functional.affine_grid(theta.to(pixels.device), [1, 3, height, width], align_corners=False)
    drawn = functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)[0] / 255
    inside = (grid[0].abs() <= 1).all(dim=2)
    return torch.where(inside[None], drawn, torch.full_like(drawn, beside))


def seen_part(pixels: torch.Tensor, placement: Placement, canvas_wh: SizeWH) -> Part | None:
    """The part of a page that is seen; None where nothing of it is."""
    width, height = canvas_wh
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - placement.offset
    seen = corners @ np.linalg.inv(placement.matrix).T
    size = np.array([pixels.shape[2], pixels.shape[1]])
    low = np.clip(np.floor(seen.min(axis=0)) - 3, 0, size).astype(np.int64)
    high = np.clip(np.ceil(seen.max(axis=0)) + 3, 0, size).astype(np.int64)
    if (high - low < 1).any():
        return None
    scale = float(np.sqrt(abs(np.linalg.det(placement.matrix))))
    if scale >= _SHRUNK_BELOW:
        return Part(low, high, None)
    wide, tall = (max(1, round(float(side) * scale)) for side in high - low)
    return Part(low, high, (wide, tall))


def _rows(page: StoredPage, placement: Placement, canvas_wh: SizeWH, class_count: int) -> FloatArray:
    """Class ids and boxes of the marks that can be seen, and the region of a page that is labelled in part."""
    limits = np.array([*canvas_wh, *canvas_wh], np.float32)
    boxes = placement.boxes(page.ground_truth.xyxy)
    clipped = np.clip(boxes, 0, limits)
    sides, seen = boxes[:, 2:] - boxes[:, :2], clipped[:, 2:] - clipped[:, :2]
    kept = (seen.prod(axis=1) > _VISIBLE_FRAC * sides.prod(axis=1)) & (seen > _VISIBLE_PX).all(axis=1)
    rows = np.concatenate([page.ground_truth.class_ids[kept, None].astype(np.float32), clipped[kept]], axis=1)
    if page.labelled is None:
        return rows
    region = np.clip(placement.region(page.size_wh), 0, limits)
    head = np.array([region_class(page.labelled, class_count)], np.float32)
    return np.concatenate([rows, np.concatenate([head, region])[None]])


def _linear(recipe: TrainConfig, rng: np.random.Generator) -> Float64Array:
    """Stretch, mirroring, shear and turn as the recipe wants them: float64 (2, 2) of determinant about 1 or -1."""
    stretch = np.exp(rng.normal(0, _STRETCH, 2))
    if recipe.flips:
        stretch *= np.where(rng.random(2) < (recipe.fliplr, recipe.flipud), -1, 1)
    shear = np.tan(np.deg2rad(rng.uniform(-recipe.shear, recipe.shear, 2)))
    angle = np.deg2rad(rng.uniform(-recipe.degrees, recipe.degrees))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ np.array([[1, shear[0]], [shear[1], 1]]) @ np.diag(stretch), np.float64)


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
