"""Names drawn as trade marks draw them: joined letters of a broad nib."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from docdetect.synth.handwriting import extent, random_capital, random_letters, signing_hand, write_capital, write_word
from docdetect.synth.kinematics import Floats

_STEPS = 2  # points of a trace to a segment of one width


def lettering(rng: np.random.Generator, width_mm: float, height_mm: float) -> Iterator[tuple[Floats, float]]:
    """A name as short lines, centred on (0, 0): points (N, 2) in mm with y down, and the line's width in mm.

    The line is broad across the nib's edge and narrow along it. No letter loses height towards the end, as in a
    signature; all lean alike.
    """
    hand = replace(
        signing_hand(rng),
        slant=float(rng.uniform(0.0, 0.6)),
        overlap=float(rng.uniform(0.1, 0.5)),
        wobble=0.02,
        decay=0.0,
        climb=float(rng.choice([0.0, rng.uniform(0.0, 0.15)])),
        gap=0.0,
    )
    traces, x = write_capital(rng, hand, random_capital(rng))
    more, _ = write_word(rng, hand, random_letters(rng, int(rng.integers(3, 9))), x)
    traces += more
    left, top, right, bottom = extent(traces)
    scale = min(width_mm / max(right - left, 1e-6), height_mm / max(bottom - top, 1e-6))
    middle = np.array([left + right, top + bottom]) / 2
    broad = height_mm * float(rng.uniform(0.05, 0.13))
    thin = broad * float(rng.uniform(0.25, 0.9))
    edge = float(rng.uniform(0.3, 1.0))
    for one in traces:
        points = (one.xy - middle) * scale
        for first in range(0, len(points) - 1, _STEPS):
            piece = points[first : first + _STEPS + 1]
            dx, dy = piece[-1] - piece[0]
            across = abs(np.sin(np.arctan2(-dy, dx) - edge))
            yield piece, float(thin + (broad - thin) * across)
