"""Writes letters, words and digits as movements of one person's hand.

Lengths are in x-heights (the height of a small x). Positions are given with y up, as in `letterforms.py`; the traces
that come out have y down, as pixels have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from docdetect.synth.handwriting.kinematics import Floats, Trace, plan_strokes, trace
from docdetect.synth.handwriting.letterforms import (
    ACCENTS,
    ALIKE,
    ASCENDERS,
    CAPITALS,
    DESCENDERS,
    DIGITS,
    LOWER,
    Movement,
    Targets,
)

Rng = np.random.Generator


# Least fluency of a swift hand.
_SWIFT = 0.45


@dataclass(frozen=True)
class Hand:
    """How one person writes.

    Attributes:
        slant: horizontal shift of a letter per unit of height (0.3 leans right by 17 degrees).
        width: factor of the letters' width.
        capital: factor of the capitals' height.
        tall: factor of the height of ascenders and descenders.
        overlap: how fast and fluent the hand is, from 0 to 1; see `kinematics.plan_strokes`.
        wobble: standard deviation of the points that the pen reaches from those it aims at, in x-heights.
        decay: share of the letters' height that is lost by the end of a word, from 0 to 1.
        climb: rise of the baseline per unit of length.
        p_pen_lift: probability that the pen is lifted between two letters.
    """

    slant: float
    width: float
    capital: float
    tall: float
    overlap: float
    wobble: float
    decay: float
    climb: float
    p_pen_lift: float


def signing_hand(rng: Rng) -> Hand:
    """The hand of a person who signs: fast and slanted, with large capitals."""
    return Hand(
        slant=float(np.clip(rng.normal(0.5, 0.3), -0.35, 1.2)),
        width=float(rng.uniform(0.75, 1.45)),
        capital=float(rng.uniform(0.9, 1.9)),
        tall=float(rng.uniform(0.8, 1.5)),
        overlap=float(rng.uniform(0.15, 1.0)),
        wobble=float(rng.uniform(0.04, 0.14)),
        decay=float(rng.choice([0.0, rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.9)])),
        climb=float(rng.normal(0.06, 0.08)),
        p_pen_lift=float(rng.choice([0.0, 0.1, 0.3])),
    )


def noting_hand(rng: Rng) -> Hand:
    """The hand of a person who fills in a form: upright, even and legible, along the line."""
    return Hand(
        slant=float(np.clip(rng.normal(0.15, 0.15), -0.25, 0.5)),
        width=float(rng.uniform(0.8, 1.15)),
        capital=float(rng.uniform(0.7, 1.0)),
        tall=float(rng.uniform(0.7, 1.0)),
        overlap=float(rng.uniform(0.0, 0.4)),
        wobble=float(rng.uniform(0.02, 0.07)),
        decay=0.0,
        climb=float(rng.normal(0.0, 0.015)),
        p_pen_lift=float(rng.choice([0.1, 0.4, 0.9])),
    )


def swift_hand(rng: Rng) -> Hand:
    """The hand of a person who writes a date or a word as fast as the signature beside it: slanted, large, fluent."""
    signing = signing_hand(rng)
    return replace(
        signing,
        slant=signing.slant * 0.8,
        capital=min(signing.capital, 1.3),
        overlap=float(rng.uniform(_SWIFT, 0.9)),
        wobble=min(signing.wobble, 0.1),
        decay=min(signing.decay, 0.3),
    )


def write(rng: Rng, hand: Hand, start: tuple[float, float], targets: Sequence[tuple[float, float, float]]) -> Trace:
    """One movement of the pen on the paper.

    Args:
        rng: random generator.
        hand: the person's hand.
        start: where the pen goes down, in x-heights with y up.
        targets: x, y and turn of each target as in `letterforms.py`.
    """
    planned = np.array(targets, np.float64).reshape(-1, 3)
    planned[:, :2] += rng.normal(0, hand.wobble, (len(planned), 2))
    planned[:, 2] *= rng.normal(1, 0.12, len(planned))
    origin = _slanted(np.array([start], np.float64), hand)[0]
    planned[:, :2] = _slanted(planned[:, :2], hand)
    # A turn that is counterclockwise with y up is clockwise with y down.
    planned[:, 2] *= -1
    return trace(plan_strokes(rng, origin, planned, hand.overlap), origin)


def write_word(rng: Rng, hand: Hand, letters: str, x: float = 0.0) -> tuple[list[Trace], float]:
    """Writes a joined word. The dots and bars of its letters come last.

    Args:
        rng: random generator.
        hand: the person's hand.
        letters: small letters of `letterforms.LOWER` or `letterforms.ALIKE`.
        x: where the word begins.

    Returns:
        The word's traces, and the x where it ends.
    """
    traces: list[Trace] = []
    run: list[tuple[float, float, float]] = []
    late: list[Trace] = []
    begin = (x, 0.15)
    for position, letter in enumerate(letters):
        fade = 1 - hand.decay * position / max(len(letters) - 1, 1)
        if run and rng.random() < hand.p_pen_lift:
            traces.append(write(rng, hand, begin, run))
            x, run = x + 0.15, []
            begin = (x, 0.2)
        form = ALIKE.get(letter, letter)
        shape = _shaped(form, LOWER[form], hand, fade)
        run.extend((x + dx * hand.width, y + hand.climb * (x + dx), turn) for dx, y, turn in shape)
        late.extend(_dots_and_bars(rng, hand, letter, x))
        x += shape[-1][0] * hand.width
    traces.append(write(rng, hand, begin, run))
    return traces + late, x


def write_capital(rng: Rng, hand: Hand, letter: str, x: float = 0.0) -> tuple[list[Trace], float]:
    """Writes a capital of `letterforms.CAPITALS` or `ALIKE` from `x` on; returns its traces and the next letter's x."""
    return _write_movements(rng, hand, CAPITALS[ALIKE.get(letter, letter)], x, hand.capital)


def write_digits(rng: Rng, hand: Hand, text: str, x: float = 0.0) -> tuple[list[Trace], float]:
    """Writes digits, dots, commas, slashes, dashes and blanks from `x` on; returns the traces and where they end."""
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
    """A made-up word of `count` small letters, in which consonants and vowels take turns."""
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
    """The box around all traces: left, top, right, bottom (4,) in the traces' unit."""
    points = np.vstack([one.xy for one in traces])
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _shaped(letter: str, targets: Targets, hand: Hand, fade: float) -> list[tuple[float, float, float]]:
    """The targets of a letter as the hand forms them; `fade` is the share of its height that is left."""
    tall = hand.tall if letter in ASCENDERS + DESCENDERS else 1.0
    return [(x, y * (tall if y > 1.2 or y < -0.2 else 1.0) * fade, turn) for x, y, turn in targets]


def _dots_and_bars(rng: Rng, hand: Hand, letter: str, x: float) -> list[Trace]:
    """The dot of an i, the bar of a t, or an accent; it often lies too far to the right, since it is set last."""
    drift = float(rng.normal(0.15, 0.2)) * (1 + hand.overlap)
    if letter in ACCENTS:
        return _write_movements(rng, hand, ACCENTS[letter], x + 0.5 * drift, 1.0)[0]
    if letter == "i" and rng.random() < 0.6:
        return [write(rng, hand, (x + 0.4 + drift, 1.6), [(x + 0.5 + drift, 1.5, 0.0)])]
    if letter == "t" and rng.random() < 0.8:
        length = float(rng.uniform(0.6, 1.8))
        return [write(rng, hand, (x + drift, 1.2), [(x + drift + length, 1.25 + hand.climb, -0.2)])]
    return []


def _write_movements(
    rng: Rng, hand: Hand, movements: Sequence[Movement], x: float, height: float
) -> tuple[list[Trace], float]:
    """Writes a capital or digit from `x` on, `height` times as high as its form; returns its traces and right end."""
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
    """The points (N, 2) with the hand's slant, and with y down."""
    return np.stack([points[:, 0] + hand.slant * points[:, 1], -points[:, 1]], axis=1)
