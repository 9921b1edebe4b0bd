"""Turns the movement of a pen into ink on paper: lines whose width and cover follow the pen's speed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from docdetect.synth.handwriting.kinematics import Floats, Trace
from docdetect.synth.handwriting.writing import extent
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.patch import Patch
from docdetect.types import ByteArray

# Resolution at which lines are drawn before they are averaged down to the page's: a line of 0.3 mm is then 4 px wide,
# enough for smooth edges.
_DRAWN_PX_PER_MM = 13.0

# Number of levels to which the cover of a line is rounded, so that long parts of it can be drawn in one call.
_COVER_LEVELS = 12

# Cover and width that are left at the end of a line that fades, as shares of the line's own.
_FADED_COVER, _FADED_WIDTH = 0.08, 0.35

# Points of a trace between two random values of the grain of a line.
_GRAIN_STEP = 7

# Fractional bits of the coordinates that OpenCV draws with.
_SUBPIXEL_BITS = 4


def draw_traces(
    rng: np.random.Generator, traces: Sequence[Trace], pen: Pen, ink: Ink, px_per_mm: float, kind: str = ""
) -> Patch:
    """Draws traces with a pen.

    Args:
        rng: random generator for the grain of the line.
        traces: the pen's movements, in mm.
        pen: widths and evenness of the line.
        ink: colour and opacity.
        px_per_mm: resolution of the page that the patch is for.
        kind: finest class of the mark, "" for a distractor.
    """
    return Patch.of_ink(pen_cover(rng, traces, pen, px_per_mm), ink, kind)


def pen_cover(rng: np.random.Generator, traces: Sequence[Trace], pen: Pen, px_per_mm: float) -> ByteArray:
    """How much of the paper the pen's line covers: uint8 (H, W), with a margin around the line."""
    factor = max(1, round(_DRAWN_PX_PER_MM / px_per_mm))
    drawn_px_per_mm = px_per_mm * factor
    left, top, right, bottom = extent(traces)
    margin_mm = 2 * pen.width_mm + 1.5 / px_per_mm
    width = int(np.ceil((right - left + 2 * margin_mm) * px_per_mm))
    height = int(np.ceil((bottom - top + 2 * margin_mm) * px_per_mm))
    drawn = np.zeros((height * factor, width * factor), np.uint8)
    origin = np.array([left - margin_mm, top - margin_mm])
    for one in traces:
        _draw_trace(drawn, (one.xy - origin) * drawn_px_per_mm, _line(rng, one, pen, drawn_px_per_mm))
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _line(rng: np.random.Generator, one: Trace, pen: Pen, drawn_px_per_mm: float) -> tuple[Floats, Floats, float]:
    """The line's width (T,) in px and its cover (T,) in [0, 1] along a trace, and the radius of its blots in px."""
    count = len(one.xy)
    relative = one.speed / (float(np.median(one.speed)) + 1e-9)
    fast = np.clip(relative / 2.5, 0, 1)
    width = pen.width_mm * drawn_px_per_mm * (1 - pen.contrast * (fast - 0.3))
    knots = np.arange(0, count + _GRAIN_STEP, _GRAIN_STEP)
    grain = np.interp(np.arange(count), knots, rng.normal(0, 1, len(knots)))
    cover = np.clip(1 - pen.pressure * 0.6 * fast - pen.streaks * np.abs(grain) * 0.8, 0.12, 1)
    # The line thins out at its ends, since a pen lands on the paper and leaves it while it moves.
    ramp = min(max(count // 8, 1), 10)
    taper = np.ones(count)
    taper[:ramp] = np.linspace(0.55, 1, ramp)
    taper[count - ramp :] = np.minimum(taper[count - ramp :], np.linspace(1, 0.3, ramp))
    fading = max(1, round(count * pen.fade))
    left = np.ones(count)
    left[count - fading :] = np.linspace(1, 0, fading) ** 1.3 if pen.fade else 1.0
    width = width * taper * (_FADED_WIDTH + (1 - _FADED_WIDTH) * left)
    cover = cover * (0.4 + 0.6 * taper) * (_FADED_COVER + (1 - _FADED_COVER) * left)
    return np.maximum(width, 1), cover, pen.blot * pen.width_mm * drawn_px_per_mm


def _draw_trace(drawn: ByteArray, xy: Floats, line: tuple[Floats, Floats, float]) -> None:
    """Draws one trace on `drawn` (H, W), in place.

    Runs of points with equal width and cover are drawn in one call each, which takes far fewer calls than segments.
    """
    widths, covers, blot_px = line
    thickness = np.maximum(1, np.rint(widths)).astype(np.int64)
    levels = np.maximum(np.rint(covers * _COVER_LEVELS), 1).astype(np.int64)
    points = np.rint(xy * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    width_and_cover = thickness * (_COVER_LEVELS + 1) + levels
    borders = np.flatnonzero(np.diff(width_and_cover)) + 1
    starts = np.concatenate([[0], borders])
    ends = np.concatenate([borders, [len(points) - 1]])
    values = levels[starts] * 255 // _COVER_LEVELS
    # Lists, since a page has thousands of runs and numbers of arrays are slow to take out one by one.
    runs = zip(starts.tolist(), ends.tolist(), values.tolist(), thickness[starts].tolist(), strict=True)
    for first, last, value, width in runs:
        cv2.polylines(drawn, [points[first : last + 1]], False, value, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    if blot_px > 0.5:
        radius = int(blot_px * 0.9 * (1 << _SUBPIXEL_BITS))
        for point in (points[0], points[-1]):
            cv2.circle(drawn, (int(point[0]), int(point[1])), radius, 255, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
