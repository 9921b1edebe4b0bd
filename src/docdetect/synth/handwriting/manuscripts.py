"""Distractors that fill space with handwriting: whole handwritten pages, scribbled formulas, sketches and doodles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docdetect.synth.handwriting.kinematics import Trace
from docdetect.synth.handwriting.pen import draw_traces
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.handwriting.writing import (
    Hand,
    extent,
    noting_hand,
    random_capital,
    random_letters,
    signing_hand,
    write,
    write_capital,
    write_digits,
    write_word,
)
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.patch import Patch

Rng = np.random.Generator

# Different words that somebody writes on a page; they are repeated, since writing each anew would take long.
_WORDS = 46

# Height of a recorded word with ascenders and descenders, in x-heights.
_RECORDED_HEIGHT = 4.5

# Probability that a page is written in recorded words, where there are any.
_P_RECORDED = 0.5


def writing_hand(rng: Rng) -> Hand:
    """The hand of a person who writes letters: between one that fills in forms and one that signs."""
    if rng.random() < 0.4:
        return noting_hand(rng)
    signing = signing_hand(rng)
    return replace(signing, slant=signing.slant * 0.8, decay=0.0, climb=float(rng.normal(0, 0.01)), capital=1.0,
                   overlap=min(signing.overlap, 0.7), wobble=min(signing.wobble, 0.09))  # fmt: skip


def make_manuscript(
    rng: Rng, px_per_mm: float, size_mm: tuple[float, float], tool: tuple[Ink, Pen], recorded: RecordedInk | None = None
) -> Patch:
    """Draws lines of handwriting that fill (width, height) mm.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page.
        size_mm: room for the writing.
        tool: ink and pen.
        recorded: recorded words, or None; only the words that are never used in signatures are taken.
    """
    width, height = size_mm
    hand = writing_hand(rng)
    x_height = float(rng.uniform(1.5, 3.6))
    words = _words(rng, hand, recorded)
    step = float(rng.uniform(3.0, 4.2))
    traces: list[Trace] = []
    y = step
    while y * x_height < height - x_height:
        x = float(rng.uniform(0, 1.5)) + (4.0 if rng.random() < 0.12 else 0.0)
        end = width / x_height * (1.0 if rng.random() < 0.85 else float(rng.uniform(0.2, 0.9)))
        while True:
            word, wide = words[int(rng.integers(len(words)))]
            if x + wide > end:
                break
            shift = np.array([x, y + float(rng.normal(0, 0.08))])
            traces.extend(one.moved(np.eye(2), shift) for one in word)
            x += wide + float(rng.uniform(0.6, 1.4))
        y += step
    scale = np.eye(2) * x_height
    return draw_traces(rng, [one.moved(scale, np.zeros(2)) for one in traces], tool[1], tool[0], px_per_mm)


def make_formula(rng: Rng, px_per_mm: float, tool: tuple[Ink, Pen]) -> Patch:
    """Draws scribbled formulas: letters, digits, fractions, roots, arrows, on one to four lines."""
    hand = noting_hand(rng)
    traces: list[Trace] = []
    for line in range(int(rng.integers(1, 5))):
        x, y = float(rng.uniform(0, 3)), 5.0 * line
        row: list[Trace] = []
        for _ in range(int(rng.integers(4, 12))):
            more, x = _term(rng, hand, x)
            row += more
        traces += [one.moved(np.eye(2), np.array([0.0, y])) for one in row]
    scale = np.eye(2) * float(rng.uniform(1.4, 2.8))
    return draw_traces(rng, [one.moved(scale, np.zeros(2)) for one in traces], tool[1], tool[0], px_per_mm)


def make_sketch(rng: Rng, px_per_mm: float, tool: tuple[Ink, Pen]) -> Patch:
    """Draws a sketch by hand: boxes, circles, arrows, axes with a curve, or a doodle of loops."""
    hand = noting_hand(rng)
    traces: list[Trace] = []
    if rng.random() < 0.35:
        points = np.cumsum(rng.normal(0, 1.6, (int(rng.integers(6, 20)), 2)), axis=0)
        loops = [(float(x), float(y), float(rng.normal(0, 1.6))) for x, y in points]
        traces.append(write(rng, hand, (0.0, 0.0), loops))
    for _ in range(int(rng.integers(2, 8))):
        x, y = (float(value) for value in rng.uniform(0, 18, 2))
        wide, high = (float(value) for value in rng.uniform(2, 9, 2))
        corners = [(x + wide, y, 0.05), (x + wide, y + high, 0.05), (x, y + high, 0.05), (x, y, 0.05)]
        ring = [(x + wide, y, 1.5), (x + wide / 2, y + high, 1.5), (x, y, 1.5), (x + wide / 2, y - high / 2, 1.5)]
        arrow = [(x + wide, y + high, 0.1), (x + wide - 1.2, y + high - 0.3, 0.0)]
        traces.append(write(rng, hand, (x, y), (corners, ring, arrow)[int(rng.integers(3))]))
    scale = np.eye(2) * float(rng.uniform(1.2, 3.0))
    return draw_traces(rng, [one.moved(scale, np.zeros(2)) for one in traces], tool[1], tool[0], px_per_mm)


def _words(rng: Rng, hand: Hand, recorded: RecordedInk | None) -> list[tuple[list[Trace], float]]:
    """Words on the baseline in x-heights, each with its width."""
    found: list[tuple[list[Trace], float]] = []
    use_recorded = recorded is not None and len(recorded.note_words) > 0 and rng.random() < _P_RECORDED
    for _ in range(_WORDS):
        if use_recorded and recorded is not None:
            word = recorded.note_words[int(rng.integers(len(recorded.note_words)))]
            left, top, right, bottom = extent(word)
            unit = max((bottom - top) / _RECORDED_HEIGHT, 5.0)
            matrix, offset = np.eye(2) / unit, np.array([-left, -bottom]) / unit
            found.append(([one.moved(matrix, offset) for one in word], float((right - left) / unit)))
            continue
        head: list[Trace] = []
        x = 0.0
        if rng.random() < 0.15:
            head, x = write_capital(rng, hand, random_capital(rng))
        if rng.random() < 0.06:
            tail, x = write_digits(rng, hand, str(int(rng.integers(1, 2030))), x)
        else:
            tail, x = write_word(rng, hand, random_letters(rng, int(rng.integers(1, 10))), x)
        found.append(([*head, *tail], x))
    return found


def _term(rng: Rng, hand: Hand, x: float) -> tuple[list[Trace], float]:
    """A part of a formula from `x` on, and where it ends: a letter, a number, a sign, a fraction, a root, an arrow."""
    uniform = rng.random()
    if uniform < 0.3:
        traces, end = write_word(rng, hand, random_letters(rng, 1), x)
        return traces, end + 0.3
    if uniform < 0.6:
        return write_digits(rng, hand, str(int(rng.integers(1, 300))), x)
    if uniform < 0.75:
        bars = [write(rng, hand, (x, y), [(x + 1.2, y, 0.0)]) for y in ((0.7, 1.1) if rng.random() < 0.6 else (0.9,))]
        return bars, x + 1.8
    if uniform < 0.88:
        above, right = write_digits(rng, hand, str(int(rng.integers(1, 99))), x)
        below, other = write_digits(rng, hand, str(int(rng.integers(1, 99))), x)
        end = max(right, other)
        lifted = [one.moved(np.eye(2) * 0.8, np.array([x * 0.2, -1.6])) for one in above]
        lowered = [one.moved(np.eye(2) * 0.8, np.array([x * 0.2, 1.0])) for one in below]
        return [*lifted, *lowered, write(rng, hand, (x, 0.9), [(end, 0.9, 0.0)])], end + 0.5
    root = [(x + 0.4, -0.2, 0.1), (x + 1.0, 2.4, 0.0), (x + 4.5, 2.4, 0.0)]
    arrow = [(x + 3.0, 1.0, 0.1), (x + 2.2, 1.5, 0.0)]
    return [write(rng, hand, (x, 0.8), root if rng.random() < 0.5 else arrow)], x + (1.4 if rng.random() < 0.5 else 3.4)
