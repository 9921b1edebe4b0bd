"""What people add to a signature: lines under it, through it and around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from docdetect.synth.handwriting import Hand, extent
from docdetect.synth.kinematics import Floats, Trace, plan_strokes, trace

Rng = np.random.Generator


def add_flourish(rng: Rng, hand: Hand, traces: Sequence[Trace]) -> list[Trace]:
    """The traces (y down), in about half of all cases with a flourish of some kind, seldom with two."""
    result = list(traces)
    kinds = (_underline, _underline_and_back, _tail, _cross, _ring, _double_slash, _zigzag, _lying_loop)
    chances = np.array([0.19, 0.15, 0.19, 0.1, 0.08, 0.06, 0.08, 0.15])
    for _ in range(int(rng.choice([0, 1, 2], p=[0.42, 0.48, 0.1]))):
        flourish = kinds[int(rng.choice(len(kinds), p=chances))]
        result.append(flourish(rng, extent(result), result[-1].xy[-1], hand))
    return result


def _line(rng: Rng, start: tuple[float, float], targets: list[tuple[float, float, float]], hand: Hand) -> Trace:
    origin = np.array(start, np.float64)
    return trace(plan_strokes(rng, origin, np.array(targets, np.float64), max(hand.overlap, 0.4)), origin)


def _underline(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    y = bottom + height * rng.uniform(-0.3, 0.12)
    start = (left + width * rng.uniform(-0.1, 0.3), y + height * rng.normal(0.05, 0.05))
    return _line(rng, start, [(right + width * rng.uniform(-0.2, 0.2), y, rng.normal(0, 0.35))], hand)


def _underline_and_back(rng: Rng, box: Floats, end: Floats, hand: Hand) -> Trace:
    """From the end of the name back under it and to the right again."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    low = bottom + height * rng.uniform(-0.15, 0.25)
    return _line(
        rng,
        (float(end[0]), float(end[1])),
        [
            (left + width * rng.uniform(0, 0.4), low, rng.uniform(0.6, 2.2)),
            (right + width * rng.uniform(-0.3, 0.3), low + height * rng.normal(0.02, 0.1), rng.uniform(-3.0, 0.5)),
        ],
        hand,
    )


def _tail(rng: Rng, box: Floats, end: Floats, hand: Hand) -> Trace:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    reach = (right + width * rng.uniform(0.1, 0.6), end[1] + height * rng.normal(-0.05, 0.25), rng.normal(0, 0.5))
    return _line(rng, (float(end[0]), float(end[1])), [reach], hand)


def _cross(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    """A long stroke right through the name."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    middle = top + height * rng.uniform(0.35, 0.75)
    start = (left + width * rng.uniform(-0.2, 0.3), middle + height * rng.uniform(-0.1, 0.3))
    reach = (right + width * rng.uniform(-0.1, 0.4), middle - height * rng.uniform(-0.1, 0.4), rng.normal(0, 0.4))
    return _line(rng, start, [reach], hand)


def _ring(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    """A flat loop around most of the name."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    x_mid = left + width * rng.uniform(0.3, 0.7)
    grow = float(rng.uniform(0.85, 1.2))
    y_mid = (top + bottom) / 2
    sides = [
        (x_mid - width / 2 * grow, y_mid, -1.5),
        (x_mid, y_mid + height / 2 * grow, -1.5),
        (x_mid + width / 2 * grow, y_mid - height * 0.1, -1.5),
        (x_mid + width * rng.uniform(-0.3, 0.3), y_mid - height / 2 * grow, -1.3),
    ]
    return _line(rng, (x_mid, y_mid - height / 2 * grow), sides[: int(rng.integers(2, 5))], hand)


def _double_slash(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    """Two quick strokes at the end."""
    _, top, right, bottom = box
    height = bottom - top
    start = (right - height * 0.1, bottom - height * 0.2)
    length = height * rng.uniform(0.3, 0.7)
    return _line(
        rng,
        start,
        [
            (start[0] + length * 0.6, start[1] - length, 0.1),
            (start[0] + length * 0.3, start[1] + length * 0.1, -0.4),
            (start[0] + length, start[1] - length * 0.9, 0.3),
        ],
        hand,
    )


def _zigzag(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    """A swift zigzag under the name."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    y = bottom + height * rng.uniform(-0.25, 0.1)
    targets = []
    for number in range(int(rng.integers(2, 5))):
        x = (right if number % 2 == 0 else left) + width * rng.uniform(-0.25, 0.15)
        targets.append((x, y + height * 0.08 * (number + rng.normal(0, 0.4)), rng.normal(0, 0.3)))
    return _line(rng, (left + width * rng.uniform(-0.05, 0.3), y), targets, hand)


def _lying_loop(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    """A long narrow loop that lies aslant across the name and runs out to one side."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    middle = np.array([left + width * rng.uniform(0.3, 0.7), bottom - height * rng.uniform(0.1, 0.5)])
    along = np.array([np.cos(rng.normal(-0.25, 0.2)), np.sin(rng.normal(-0.25, 0.15))]) * width * rng.uniform(0.4, 0.8)
    start, far = middle + along * rng.uniform(0.3, 1.0), middle - along
    across = np.array([0.0, height * rng.uniform(0.1, 0.3)])
    sense = rng.choice([-1.0, 1.0])
    targets = [
        (*(far - sense * across * 0.5), rng.normal(0, 0.3)),
        (*(far + sense * across * 0.5), -sense * rng.uniform(1.8, 2.8)),
        (*(middle + along * rng.uniform(0.9, 1.7) + sense * across), -sense * rng.uniform(0.0, 0.7)),
    ]
    return _line(rng, (float(start[0]), float(start[1])), [(float(x), float(y), float(t)) for x, y, t in targets], hand)
