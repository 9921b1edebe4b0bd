"""From the movement of a pen to ink on paper."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from docdetect.synth.handwriting.kinematics import Floats, Trace
from docdetect.synth.handwriting.writing import extent
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.patch import Patch
from docdetect.types import ByteArray

_FINE_PX_PER_MM = 13.0  # a line of 0.3 mm is then 4 px wide, enough for smooth edges after shrinking
_WIDTH_LEVELS = 12
_INK_LEVELS = 6
_SUBPIXEL_BITS = 4


def draw_traces(
    rng: np.random.Generator, traces: Sequence[Trace], pen: Pen, ink: Ink, px_per_mm: float, kind: str = ""
) -> Patch:
    """Traces in mm drawn by a pen, as a patch at `px_per_mm`.

    Raises:
        ValueError: nothing visible came out.
    """
    alpha = pen_alpha(rng, traces, pen, px_per_mm)
    return coloured(alpha, ink, kind)


def coloured(alpha: ByteArray, ink: Ink, kind: str) -> Patch:
    """A patch of one ink where `alpha` (H, W) says how much of it there is. Raises ValueError without any."""
    rgba = np.empty((*alpha.shape, 4), np.uint8)
    rgba[:, :, :3] = ink.rgb
    rgba[:, :, 3] = np.rint(alpha * ink.opacity).astype(np.uint8)
    return Patch.cropped(rgba, kind)


def pen_alpha(rng: np.random.Generator, traces: Sequence[Trace], pen: Pen, px_per_mm: float) -> ByteArray:
    """Cover (H, W) 0..255 of the paper by the pen's line, with a margin around it."""
    factor = max(1, round(_FINE_PX_PER_MM / px_per_mm))
    scale = px_per_mm * factor
    left, top, right, bottom = extent(traces)
    margin_mm = 2 * pen.width_mm + 1.5 / px_per_mm
    width = int(np.ceil((right - left + 2 * margin_mm) * px_per_mm))
    height = int(np.ceil((bottom - top + 2 * margin_mm) * px_per_mm))
    fine = np.zeros((height * factor, width * factor), np.uint8)
    origin = np.array([left - margin_mm, top - margin_mm])
    reference = float(np.median(np.concatenate([one.speed for one in traces]))) + 1e-9
    for one in traces:
        _draw_trace(fine, (one.xy - origin) * scale, one.speed / reference, _line(rng, one, pen, scale))
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _line(rng: np.random.Generator, one: Trace, pen: Pen, scale: float) -> tuple[Floats, Floats, float]:
    """Width in fine px and cover in 0..1 at each point, and the radius of a blot at rest."""
    count = len(one.xy)
    relative = one.speed / (float(np.median(one.speed)) + 1e-9)
    fast = np.clip(relative / 2.5, 0, 1)
    width = pen.width_mm * scale * (1 - pen.contrast * (fast - 0.3))
    grain = np.interp(np.arange(count), np.arange(0, count + 7, 7), rng.normal(0, 1, len(np.arange(0, count + 7, 7))))
    cover = np.clip(1 - pen.pressure * 0.6 * fast - pen.streaks * np.abs(grain) * 0.8, 0.12, 1)
    # A pen lands and leaves in flight: the line thins out at its ends.
    ramp = min(max(count // 8, 1), 10)
    taper = np.ones(count)
    taper[:ramp] = np.linspace(0.55, 1, ramp)
    taper[count - ramp :] = np.minimum(taper[count - ramp :], np.linspace(1, 0.3, ramp))
    return np.maximum(width * taper, 1), cover * (0.4 + 0.6 * taper), pen.blot * pen.width_mm * scale


def _draw_trace(fine: ByteArray, xy: Floats, speed: Floats, line: tuple[Floats, Floats, float]) -> None:
    """Draws one trace as runs of equal width and cover, which takes far fewer calls than segments."""
    widths, covers, blot_px = line
    thickness = np.maximum(1, np.rint(widths)).astype(np.int64)
    levels = np.rint(covers * _INK_LEVELS).astype(np.int64)
    points = np.rint(xy * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    codes = thickness * (_INK_LEVELS + 1) + levels
    borders = np.flatnonzero(np.diff(codes)) + 1
    starts = np.concatenate([[0], borders])
    ends = np.concatenate([borders, [len(points) - 1]])
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        value = int(levels[first]) * 255 // _INK_LEVELS
        part = points[first : last + 1].reshape(-1, 1, 2)
        cv2.polylines(fine, [part], False, value, int(thickness[first]), cv2.LINE_AA, _SUBPIXEL_BITS)
    if blot_px > 0.5:
        radius = int(blot_px * 0.9 * (1 << _SUBPIXEL_BITS))
        for point in (points[0], points[-1]):
            cv2.circle(fine, (int(point[0]), int(point[1])), radius, 255, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
