"""Handwriting: letters and loops as movements of one writer's hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docdetect.synth.handwriting.kinematics import Floats, Trace, plan_strokes, trace
from docdetect.synth.handwriting.letterforms import ASCENDERS, CAPITALS, DESCENDERS, DIGITS, LOWER, Movement, Targets

Rng = np.random.Generator


@dataclass(frozen=True)
class Hand:
    """A writer's habits; lengths in x-heights.

    Attributes:
        slant: horizontal shift per unit of height (0.3 leans right by 17 degrees).
        width: letter width factor.
        capital: height factor of capitals.
        tall: height factor of ascenders and descenders.
        overlap: how fast and fluent (see `kinematics.plan_strokes`).
        wobble: standard deviation of where targets are hit.
        decay: how much of the letter height is lost by the end of a word (0..1).
        climb: rise of the baseline per unit of length.
        gap: chance that the pen is lifted between two letters.
    """

    slant: float
    width: float
    capital: float
    tall: float
    overlap: float
    wobble: float
    decay: float
    climb: float
    gap: float


def signing_hand(rng: Rng) -> Hand:
    """The hand of somebody who signs: fast, leaning, with large capitals."""
    return Hand(
        slant=float(np.clip(rng.normal(0.5, 0.3), -0.35, 1.2)),
        width=float(rng.uniform(0.75, 1.45)),
        capital=float(rng.uniform(0.9, 1.9)),
        tall=float(rng.uniform(0.8, 1.5)),
        overlap=float(rng.uniform(0.15, 1.0)),
        wobble=float(rng.uniform(0.04, 0.14)),
        decay=float(rng.choice([0.0, rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.9)])),
        climb=float(rng.normal(0.06, 0.08)),
        gap=float(rng.choice([0.0, 0.1, 0.3])),
    )


def noting_hand(rng: Rng) -> Hand:
    """The hand of somebody who fills in a form: upright, even, legible, along the line."""
    return Hand(
        slant=float(np.clip(rng.normal(0.15, 0.15), -0.25, 0.5)),
        width=float(rng.uniform(0.8, 1.15)),
        capital=float(rng.uniform(0.7, 1.0)),
        tall=float(rng.uniform(0.7, 1.0)),
        overlap=float(rng.uniform(0.0, 0.4)),
        wobble=float(rng.uniform(0.02, 0.07)),
        decay=0.0,
        climb=float(rng.normal(0.0, 0.015)),
        gap=float(rng.choice([0.1, 0.4, 0.9])),
    )


def write(rng: Rng, hand: Hand, start: tuple[float, float], targets: Sequence[tuple[float, float, float]]) -> Trace:
    """One pen-down movement; `start` and `targets` in letter coordinates (x-heights, y up), the trace with y down."""
    planned = np.array(targets, np.float64).reshape(-1, 3)
    planned[:, :2] += rng.normal(0, hand.wobble, (len(planned), 2))
    planned[:, 2] *= rng.normal(1, 0.12, len(planned))
    origin = _slanted(np.array([start], np.float64), hand)[0]
    planned[:, :2] = _slanted(planned[:, :2], hand)
    planned[:, 2] *= -1  # counterclockwise with y up is clockwise with y down
    return trace(plan_strokes(rng, origin, planned, hand.overlap), origin)


def write_word(rng: Rng, hand: Hand, letters: str, x: float = 0.0) -> tuple[list[Trace], float]:
    """A joined word of the letters of `letterforms.LOWER`, and the x where it ends; dots and bars come last."""
    traces: list[Trace] = []
    run: list[tuple[float, float, float]] = []
    late: list[Trace] = []
    begin = (x, 0.15)
    for position, letter in enumerate(letters):
        fade = 1 - hand.decay * position / max(len(letters) - 1, 1)
        if run and rng.random() < hand.gap:
            traces.append(write(rng, hand, begin, run))
            x, run = x + 0.15, []
            begin = (x, 0.2)
        shape = _shaped(letter, LOWER[letter], hand, fade)
        run.extend((x + dx * hand.width, y + hand.climb * (x + dx), turn) for dx, y, turn in shape)
        late.extend(_late_strokes(rng, hand, letter, x))
        x += shape[-1][0] * hand.width
    traces.append(write(rng, hand, begin, run))
    return traces + late, x


def write_capital(rng: Rng, hand: Hand, letter: str, x: float = 0.0) -> tuple[list[Trace], float]:
    """A capital of `letterforms.CAPITALS`, and the x where the next letter begins."""
    return _write_movements(rng, hand, CAPITALS[letter], x, hand.capital)


def write_digits(rng: Rng, hand: Hand, text: str, x: float = 0.0) -> tuple[list[Trace], float]:
    """Digits with dots, slashes, dashes, commas and blanks between them, and the x where they end."""
    traces: list[Trace] = []
    for sign in text:
        if sign in DIGITS:
            more, x = _write_movements(rng, hand, DIGITS[sign], x, 0.95)
            traces.extend(more)
            x += 0.38
        elif sign in ".,":
            traces.append(write(rng, hand, (x, 0.05), [(x + 0.06, -0.05 if sign == "." else -0.4, 0.0)]))
            x += 0.55
        elif sign in "/-":
            low, high = (-0.3, 2.0) if sign == "/" else (0.8, 0.85)
            traces.append(write(rng, hand, (x, low), [(x + 0.6, high, 0.0)]))
            x += 0.95
        else:
            x += 0.8
    return traces, x


def random_capital(rng: Rng) -> str:
    """Any capital that `write_capital` can write."""
    names = list(CAPITALS)
    return names[int(rng.integers(len(names)))]


def random_letters(rng: Rng, count: int) -> str:
    """A word that could be one: consonants and vowels take turns."""
    vowels, consonants = "aeiou", "bcdfghklmnprstvwyzлшвяж"
    weights = np.array([0.5 if sign in "bfzж" else 1.0 for sign in consonants])
    first = int(rng.integers(2))
    signs = []
    for position in range(count):
        vowel = (position + first) % 2 == 0
        pool = vowels if vowel else consonants
        signs.append(pool[int(rng.choice(len(pool), p=None if vowel else weights / weights.sum()))])
    return "".join(signs)


def extent(traces: Sequence[Trace]) -> Floats:
    """left, top, right, bottom of all traces, (4,)."""
    points = np.vstack([one.xy for one in traces])
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _shaped(letter: str, targets: Targets, hand: Hand, fade: float) -> list[tuple[float, float, float]]:
    tall = hand.tall if letter in ASCENDERS + DESCENDERS else 1.0
    return [(x, y * (tall if y > 1.2 or y < -0.2 else 1.0) * fade, turn) for x, y, turn in targets]


def _late_strokes(rng: Rng, hand: Hand, letter: str, x: float) -> list[Trace]:
    """The dot of an i and the bar of a t, often placed late and too far to the right."""
    drift = float(rng.normal(0.15, 0.2)) * (1 + hand.overlap)
    if letter == "i" and rng.random() < 0.6:
        return [write(rng, hand, (x + 0.4 + drift, 1.6), [(x + 0.5 + drift, 1.5, 0.0)])]
    if letter == "t" and rng.random() < 0.8:
        length = float(rng.uniform(0.6, 1.8))
        return [write(rng, hand, (x + drift, 1.2), [(x + drift + length, 1.25 + hand.climb, -0.2)])]
    return []


def _write_movements(
    rng: Rng, hand: Hand, movements: Sequence[Movement], x: float, height: float
) -> tuple[list[Trace], float]:
    width = hand.width * (0.4 + 0.6 * height)
    rise = hand.climb * x
    traces = []
    end = x
    for (start_x, start_y), targets in movements:
        start = (x + start_x * width, start_y * height + rise)
        placed = [(x + dx * width, y * height + rise, turn) for dx, y, turn in targets]
        traces.append(write(rng, hand, start, placed))
        end = max(end, placed[-1][0], start[0])
    return traces, end


def _slanted(points: Floats, hand: Hand) -> Floats:
    """Leans the points and turns y down."""
    return np.stack([points[:, 0] + hand.slant * points[:, 1], -points[:, 1]], axis=1)
