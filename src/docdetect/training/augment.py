"""Augmentation of pages that Ultralytics does not do: RandAugment, random erasing, and boxes that stay tight.

Ultralytics has settings for RandAugment and random erasing, but applies them in classification only.

When a page is turned, Ultralytics draws the new box around the turned old box. That box is too large for a mark that
does not fill the corners of its box: at 5 degrees by 8 % for a round stamp, and in height by 4 % for each time that a
signature is wider than it is high. Networks learn such boxes and draw them on straight pages, too. Kalra et al. 2021,
"Towards Rotation Invariance in Object Detection", turn an ellipse in place of the box. Here the outline of the ink in
the box is turned, and the new box is drawn around that outline.

All functions take arrays and return arrays; all chance comes from the generator that is passed in. This module is
imported after `prepare_ultralytics` only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from ultralytics.data.augment import Compose, RandomPerspective
from ultralytics.utils.instance import Instances

from docdetect import boxes as box_arithmetic
from docdetect.boxes import clip
from docdetect.types import BoolArray, ByteArray, FloatArray, SizeWH

# The usual setting of RandAugment, two operations at magnitude 9 of 30: Cubuk et al. 2019, arXiv:1909.13719.
OPERATIONS_PER_PAGE = 2
MAGNITUDE = 9 / 30

# The largest share of a mark that all patches together may hide.
MOST_COVERED = 0.5

# Smallest and largest number of patches on a page.
_PATCHES = (1, 4)

# Smallest and largest area of a patch that is laid anywhere, as a share of the page.
_PAGE_SHARE = (0.002, 0.03)

# Smallest and largest side of a patch that is laid on a mark, as a share of the side of the mark.
_MARK_SHARE = (0.2, 0.7)

# How often a patch that would hide too much of a mark is drawn again.
_TRIES = 10

_Operation = Callable[[Image.Image, float], Image.Image]


_Enhancer = (
    type[ImageEnhance.Brightness]
    | type[ImageEnhance.Color]
    | type[ImageEnhance.Contrast]
    | type[ImageEnhance.Sharpness]
)


def _enhanced(kind: _Enhancer) -> _Operation:
    return lambda picture, change: kind(picture).enhance(1 + 0.9 * change)


# RandAugment's photometric operations: no geometry (boxes stay), no solarize or invert (ink would become paper).
_OPERATIONS: tuple[_Operation, ...] = (
    lambda picture, change: picture,
    lambda picture, change: ImageOps.autocontrast(picture),
    lambda picture, change: ImageOps.equalize(picture),
    lambda picture, change: ImageOps.posterize(picture, 8 - round(4 * abs(change))),
    _enhanced(ImageEnhance.Brightness),
    _enhanced(ImageEnhance.Color),
    _enhanced(ImageEnhance.Contrast),
    _enhanced(ImageEnhance.Sharpness),
)


def rand_augment(pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
    """The page under two operations drawn at random, each at RandAugment's magnitude 9 of 30 and a random sign.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        rng: the only source of chance.

    Returns:
        A new array of the same shape.
    """
    picture = Image.fromarray(pixels)
    for position in rng.integers(len(_OPERATIONS), size=OPERATIONS_PER_PAGE):
        change = MAGNITUDE * float(rng.choice((-1.0, 1.0)))
        picture = _OPERATIONS[int(position)](picture, change)
    return np.array(picture, np.uint8)


def random_erase(
    pixels: ByteArray, boxes: FloatArray, probability: float, rng: np.random.Generator
) -> tuple[ByteArray, BoolArray]:
    """With `probability`, one to four patches of the page painted over; never more than half of any box is hidden.

    About half of the patches are laid on marks (so that the network learns parts of them), the others anywhere. A
    patch that would hide too much is drawn again, and left out after ten tries.

    Args:
        pixels: uint8 (H, W, 3).
        boxes: float32 (N, 4) xyxy px.
        probability: share of pages that are touched, in [0, 1].
        rng: the only source of chance.

    Returns:
        The page (a new array where it was touched), and bool (H, W), True where it was painted over.
    """
    height, width = pixels.shape[:2]
    erased: BoolArray = np.zeros((height, width), np.bool_)
    if rng.random() >= probability:
        return pixels, erased
    page = pixels.copy()
    marks = box_arithmetic.clip(boxes, (width, height))
    marks = marks[box_arithmetic.has_area(marks)]
    for _ in range(int(rng.integers(_PATCHES[0], _PATCHES[1] + 1))):
        for _ in range(_TRIES):
            top, bottom, left, right = _patch(marks, (width, height), rng)
            candidate = erased.copy()
            candidate[top:bottom, left:right] = True
            if _most_hidden(candidate, marks) <= MOST_COVERED:
                page[top:bottom, left:right] = _paint(pixels, (bottom - top, right - left), rng)
                erased = candidate
                break
    return page, erased


def _patch(marks: FloatArray, size_wh: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of a patch of at least one px inside the page."""
    width, height = size_wh
    if len(marks) and rng.random() < 0.5:
        mark = marks[rng.integers(len(marks))]
        sides = (mark[2:] - mark[:2]) * rng.uniform(*_MARK_SHARE, size=2)
        centre = rng.uniform(mark[:2], mark[2:])
    else:
        area = width * height * rng.uniform(*_PAGE_SHARE)
        ratio = np.exp(rng.uniform(np.log(0.3), np.log(3.3)))  # width to height, as torchvision's RandomErasing
        sides = np.sqrt((area * ratio, area / ratio))
        centre = rng.uniform((0, 0), (width, height))
    left, top = np.clip(centre - sides / 2, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(centre + sides / 2), (left + 1, top + 1), (width, height)).astype(int)
    return int(top), int(bottom), int(left), int(right)


def _most_hidden(erased: BoolArray, marks: FloatArray) -> float:
    """The largest share of any mark's pixels that is erased."""
    shares = [0.0]
    for left, top, right, bottom in marks:
        region = erased[
            int(top) : max(int(np.ceil(bottom)), int(top) + 1), int(left) : max(int(np.ceil(right)), int(left) + 1)
        ]
        if region.size:
            shares.append(float(region.mean()))
    return max(shares)


def _paint(pixels: ByteArray, size_hw: tuple[int, int], rng: np.random.Generator) -> ByteArray:
    """The pixels of a patch: the colour of the page's paper, a random colour, or noise."""
    kind = rng.integers(3)
    if kind == 0:
        colour = np.median(pixels[::8, ::8].reshape(-1, 3), axis=0)
    elif kind == 1:
        colour = rng.integers(0, 256, 3).astype(np.float64)
    else:
        return rng.integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    patch: ByteArray = np.empty((*size_hw, 3), np.uint8)
    patch[:] = colour.astype(np.uint8)
    return patch


# Grey levels between ink and paper below which the outline of the ink is noise.
_LEAST_CONTRAST = 24

# Share of the width and of the height of a box that the ink must span, since it belongs to something else otherwise.
_LEAST_SPAN_FRAC = 0.5


class TightPerspective(RandomPerspective):  # type: ignore[misc]
    """Ultralytics' rotation, shift and scale, for marks with outlines.

    Of a mark with an outline Ultralytics keeps what lies on the page down to a hundredth of its area. Here a mark must
    keep a tenth of its area, as marks without outlines must.
    """

    first_region: float = float("inf")

    @staticmethod
    def box_candidates(*arguments: Any, area_thr: float = 0.1, **keywords: Any) -> Any:
        """As in Ultralytics, with an `area_thr` of at least 0.1."""
        return RandomPerspective.box_candidates(*arguments, area_thr=max(area_thr, 0.1), **keywords)

    def apply_instances(self, labels: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        """As in Ultralytics; regions, whose class ids are `first_region` and above, are never dropped for their size.

        Regions say which classes are not labelled, see `docdetect.training.partial_labels`.
        """
        region = labels["cls"].reshape(-1) >= self.first_region
        if not region.any():
            return dict(super().apply_instances(labels, params))
        assert params is not None
        classes, instances = labels["cls"], labels["instances"]
        instances.convert_bbox("xyxy")
        instances.denormalize(*params["orig_shape"][::-1])
        moved = self.apply_bboxes(instances.bboxes[region], params["M"])
        kept = super().apply_instances({**labels, "cls": classes[~region], "instances": instances[~region]}, params)
        outlined = instances.segments[region] if len(instances.segments) else instances.segments  # not read again
        regions = Instances(clip(moved, params["size"]), outlined, bbox_format="xyxy", normalized=False)
        labels["instances"] = Instances.concatenate([kept["instances"], regions])
        labels["cls"] = np.concatenate([kept["cls"], classes[region]])
        return labels


def turn_outlines(transforms: Compose, class_count: int) -> None:
    """Replaces Ultralytics' geometric step by `TightPerspective`, wherever it stands in `transforms`.

    Args:
        transforms: changed in place.
        class_count: of the dataset; rows of labels with higher class ids are regions.
    """
    for k, step in enumerate(transforms.transforms):
        if isinstance(step, Compose):
            turn_outlines(step, class_count)
        elif type(step) is RandomPerspective:
            tight = TightPerspective()
            tight.__dict__.update(step.__dict__)
            tight.first_region = class_count
            transforms.transforms[k] = tight


def set_size(transforms: Compose, size_wh: SizeWH) -> None:
    """Sets the size in px of what `TightPerspective` makes, which is square in Ultralytics, wherever it stands."""
    for step in transforms.transforms:
        if isinstance(step, Compose):
            set_size(step, size_wh)
        elif isinstance(step, TightPerspective):
            step.size = size_wh


def outlines(pixels: ByteArray, boxes: FloatArray) -> list[FloatArray]:
    """The convex outline of each mark, which touches all four sides of its box.

    Args:
        pixels: uint8 (H, W, 3), a page as it is displayed.
        boxes: float32 (N, 4) xyxy px.

    Returns:
        For each box float32 (K, 2) px, K >= 3: the convex hull of what is darker than the paper in it, stretched to the
        box; the box's corners where it is too faint to tell, or spans less than half of the box.
    """
    return [_outline(pixels, box) for box in boxes]


def unit_outlines(pixels: ByteArray, centred: FloatArray) -> Sequence[FloatArray]:
    """As `outlines`, for boxes as centre, width and height in 0..1 of the page, and outlines in 0..1."""
    size = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
    middles, halves = centred[:, :2] * size, centred[:, 2:] * size / 2
    boxes = np.concatenate([middles - halves, middles + halves], axis=1)
    return [outline / size for outline in outlines(pixels, boxes)]


def _outline(pixels: ByteArray, box: FloatArray) -> FloatArray:
    height, width = pixels.shape[:2]
    left, top = (max(0, int(value)) for value in np.floor(box[:2]))
    right, bottom = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    corners = np.array([box[[0, 1]], box[[2, 1]], box[[2, 3]], box[[0, 3]]], np.float32)
    if right - left < 3 or bottom - top < 3:
        return corners
    darkness = 255 - pixels[top:bottom, left:right].min(axis=2)  # the darkest channel: coloured ink is dark in one
    _, ink = cv2.threshold(darkness, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark, light = darkness[ink > 0], darkness[ink == 0]
    if not len(dark) or not len(light) or dark.mean() - light.mean() < _LEAST_CONTRAST:
        return corners
    hull = cv2.convexHull(cv2.findNonZero(ink)).reshape(-1, 2).astype(np.float32)
    low, high = hull.min(axis=0), hull.max(axis=0)
    span = high - low
    if len(hull) < 3 or (span + 1 < _LEAST_SPAN_FRAC * np.array([right - left, bottom - top])).any():
        return corners
    return np.asarray(box[:2] + (hull - low) / span * (box[2:] - box[:2]), np.float32)
