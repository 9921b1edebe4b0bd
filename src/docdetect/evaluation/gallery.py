"""Pictures of errors: a piece of the page with its marks dashed and the detection in the colour of its class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from docdetect.boxes import union_box
from docdetect.documents.drawing import Colour, class_colour
from docdetect.metrics.errors import Mistake, MistakeKind
from docdetect.metrics.matching import Sample
from docdetect.reports.page import Picture, jpeg_uri
from docdetect.types import ByteArray, FloatArray, SizeWH

ReadPage: TypeAlias = Callable[[int], ByteArray]
"""Position of a sample -> pixels of its page, uint8 (H, W, 3) RGB, of the size that its boxes refer to."""

_TRUE_COLOUR = (20, 24, 32)
# Long side of a picture of an error.
_LONG_SIDE_PX = 460
# Margin around the boxes of an error, as a share of their longer side.
_MARGIN = 0.6
# Smallest side of the piece of the page that is shown.
_LEAST_PX = 160
_DASH_PX = 7


def error_pictures(
    samples: Sequence[Sample], mistakes: Sequence[Mistake], names: Sequence[str], read_page: ReadPage
) -> tuple[Picture, ...]:
    """A captioned picture of each error, in their order. Raises what `read_page` raises."""
    pictures = []
    for mistake in mistakes:
        sample = samples[mistake.sample]
        crop = error_crop(sample, mistake, names, read_page(mistake.sample))
        pictures.append(Picture(jpeg_uri(crop), caption(mistake, names), f"{sample.document}, page {sample.page}"))
    return tuple(pictures)


def worst_of_each_kind(mistakes: Sequence[Mistake], each: int) -> tuple[Mistake, ...]:
    """At most `each` errors of every kind, the worst first."""
    return tuple(mistake for kind in MistakeKind for mistake in [one for one in mistakes if one.kind is kind][:each])


def caption(mistake: Mistake, names: Sequence[str]) -> str:
    """What the picture shows, e.g. "false stamp, 0.93"."""
    name = names[mistake.class_id]
    if mistake.kind is MistakeKind.MISSED:
        near = f", {mistake.score:.2f} below the threshold" if mistake.score else ", nothing found there"
        return f"missed {name}{near}"
    if mistake.kind in (MistakeKind.LOOSE, MistakeKind.CONFUSED):
        return f"{mistake.kind.value} {name}, {mistake.score:.2f}, IoU {mistake.iou:.2f}"
    return f"{mistake.kind.value} {name}, {mistake.score:.2f}"


def error_crop(sample: Sample, mistake: Mistake, names: Sequence[str], pixels: ByteArray) -> ByteArray:
    """The piece of the page around an error with its boxes drawn: uint8 (h, w, 3) RGB, its long side 460 px.

    Args:
        sample: the page.
        mistake: the error.
        names: class names in the order of ids.
        pixels: uint8 (H, W, 3) RGB of the page, of the size that its boxes refer to.
    """
    window = _window(_focus(sample, mistake), sample.ground_truth.size_wh)
    left, top = window[:2]
    crop = Image.fromarray(pixels).crop(window)
    scale = _LONG_SIDE_PX / max(crop.size)
    crop = crop.resize(
        (max(1, round(crop.width * scale)), max(1, round(crop.height * scale))), Image.Resampling.LANCZOS
    )
    draw = ImageDraw.Draw(crop)

    def placed(box: FloatArray) -> tuple[float, float, float, float]:
        moved = (np.asarray(box, np.float64) - [left, top, left, top]) * scale
        return float(moved[0]), float(moved[1]), float(moved[2]), float(moved[3])

    for position, box in enumerate(sample.ground_truth.xyxy):
        missed = mistake.kind is MistakeKind.MISSED and position == mistake.ground_truth
        line = class_colour(mistake.class_id, names[mistake.class_id]) if missed else _TRUE_COLOUR
        _dashed(draw, placed(box), line, 4 if position == mistake.ground_truth else 2)
    if mistake.found >= 0:
        class_id = int(sample.found.class_ids[mistake.found])
        colour = class_colour(class_id, names[class_id])
        draw.rectangle(placed(sample.found.xyxy[mistake.found]), outline=colour, width=3)
    return np.array(crop)


def _focus(sample: Sample, mistake: Mistake) -> FloatArray:
    boxes = [sample.found.xyxy[mistake.found]] if mistake.found >= 0 else []
    boxes += [sample.ground_truth.xyxy[mistake.ground_truth]] if mistake.ground_truth >= 0 else []
    return union_box(np.stack(boxes))


def _window(box: FloatArray, size_wh: SizeWH) -> tuple[int, int, int, int]:
    """The piece of the page around a box, whole px, inside the page."""
    x0, y0, x1, y1 = (float(value) for value in box)
    margin = max(x1 - x0, y1 - y0) * _MARGIN
    margin_x, margin_y = (max(margin, (_LEAST_PX - side) / 2) for side in (x1 - x0, y1 - y0))
    width, height = size_wh
    left, top = int(max(0, x0 - margin_x)), int(max(0, y0 - margin_y))
    right, bottom = int(min(width, x1 + margin_x + 1)), int(min(height, y1 + margin_y + 1))
    return min(left, width - 1), min(top, height - 1), max(right, left + 1), max(bottom, top + 1)


def _dashed(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colour: Colour, width_px: int) -> None:
    x0, y0, x1, y1 = box
    for y in (y0, y1):
        for x in np.arange(x0, x1, 2 * _DASH_PX):
            draw.line([(x, y), (min(x + _DASH_PX, x1), y)], fill=colour, width=width_px)
    for x in (x0, x1):
        for y in np.arange(y0, y1, 2 * _DASH_PX):
            draw.line([(x, y), (x, min(y + _DASH_PX, y1))], fill=colour, width=width_px)
