"""Distractors written by hand: dates, notes, entries in forms, ticks, corrections, blacked-out lines.

They are ink from a pen as signatures are, and are no signatures. Lengths are in x-heights until `_scaled` brings the
traces to mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

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
    swift_hand,
    write,
    write_capital,
    write_digits,
    write_word,
)
from docdetect.synth.ink import Ink, Pen, pen_ink, random_pen
from docdetect.synth.patch import Patch
from docdetect.types import ByteArray

Rng = np.random.Generator

# x-height of recorded words: people write large on a digitising tablet.
_RECORDED_X_HEIGHT_MM = 6.5

# Probability that a note is written with recorded words, where there are any.
_P_RECORDED_NOTE = 0.5

# A hand that is more fluent than this joins its digits and writes months as words.
_SWIFT_OVERLAP = 0.45

_BLACK_MARKER = Ink((22, 22, 24), 1.0)


class ScribbleKind(str, Enum):
    """Kinds of handwriting that are no signature."""

    DATE = "date"
    NOTE = "note"  # several words, often on several lines
    NUMBER = "number"
    PHRASE = "phrase"  # three to five words, such as a greeting, an office or a place
    BLOCK = "block"  # separate capitals and digits, as people fill in forms
    TICK = "tick"
    CROSS = "cross"
    STRIKE = "strike"  # a line or wave through printed text
    CIRCLE = "circle"  # a ring around a word or a number
    BRACKET = "bracket"  # a bracket or a line in the margin
    REDACTION = "redaction"  # a blacked-out line


# Probability of each kind in the usual mixture.
_P_KINDS = {
    ScribbleKind.DATE: 0.18,
    ScribbleKind.NOTE: 0.22,
    ScribbleKind.PHRASE: 0.04,
    ScribbleKind.NUMBER: 0.13,
    ScribbleKind.BLOCK: 0.12,
    ScribbleKind.TICK: 0.08,
    ScribbleKind.CROSS: 0.05,
    ScribbleKind.STRIKE: 0.05,
    ScribbleKind.CIRCLE: 0.03,
    ScribbleKind.BRACKET: 0.03,
    ScribbleKind.REDACTION: 0.07,
}


def make_scribble(
    rng: Rng,
    px_per_mm: float,
    *,
    kind: ScribbleKind | None = None,
    ink: Ink | None = None,
    pen: Pen | None = None,
    recorded: RecordedInk | None = None,
    swift: bool = False,
) -> Patch:
    """Draws handwriting that is no signature.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the patch is for.
        kind: what is written; None for the usual mixture.
        ink, pen: None for the usual mixture; a redaction has its own.
        recorded: recorded words, or None. Notes are written with the words that are never used in signatures.
        swift: whether the hand is that of somebody who signs, slanted and fast, and not one that fills in forms.
    """
    kinds = list(_P_KINDS)
    chosen = kind or kinds[int(rng.choice(len(kinds), p=list(_P_KINDS.values())))]
    if chosen is ScribbleKind.REDACTION:
        return _redaction(rng, px_per_mm)
    hand = swift_hand(rng) if swift else noting_hand(rng)
    traces = _note(rng, hand, recorded) if chosen is ScribbleKind.NOTE else _DRAWN[chosen](rng, hand)
    return draw_traces(rng, traces, pen or random_pen(rng), ink or pen_ink(rng), px_per_mm)


def make_strike(rng: Rng, px_per_mm: float, size_mm: tuple[float, float], ink: Ink, pen: Pen) -> Patch:
    """Draws one or two lines, or a wave, with which somebody strikes out something of this (width, height) in mm."""
    width, height = size_mm
    hand = noting_hand(rng)
    if rng.random() < 0.2:
        steps = max(3, int(width / float(rng.uniform(2, 5))))
        wave = [(width * (n + 1) / steps, height * 0.5 * (n % 2), float(rng.normal(0, 0.4))) for n in range(steps)]
        return draw_traces(rng, [write(rng, hand, (0, 0), wave)], pen, ink, px_per_mm)
    tilt = float(rng.normal(0, 0.25)) * height
    gap = height * float(rng.uniform(0.1, 0.3))
    lines = [
        write(rng, hand, (0, gap * row), [(width, gap * row + tilt, float(rng.normal(0, 0.05)))])
        for row in range(1 + int(rng.random() < 0.25))
    ]
    return draw_traces(rng, lines, pen, ink, px_per_mm)


def _scaled(rng: Rng, traces: Sequence[Trace], low_mm: float, high_mm: float) -> list[Trace]:
    """The traces in mm, with a random x-height from `low_mm` to `high_mm`."""
    scale = np.eye(2) * float(rng.uniform(low_mm, high_mm))
    return [one.moved(scale, np.zeros(2)) for one in traces]


def _date(rng: Rng, hand: Hand) -> list[Trace]:
    """A date in digits, or with the month as a word."""
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1990, 2027))
    forms = (
        f"{day:02d}.{month:02d}.{year}",
        f"{day}/{month}/{year % 100:02d}",
        f"{day:02d}-{month:02d}-{year}",
        f"{day:02d}.{month:02d}.{year % 100:02d}",
    )
    if rng.random() < (0.25 if hand.overlap < _SWIFT_OVERLAP else 0.5):
        return _worded_date(rng, hand, day, year)
    traces, _ = write_digits(rng, hand, forms[int(rng.integers(len(forms)))])
    return _scaled(rng, traces, 1.4, 3.4)


def _worded_date(rng: Rng, hand: Hand, day: int, year: int) -> list[Trace]:
    """A word of random letters in place of the month, then the day and the year."""
    traces, x = write_capital(rng, hand, random_capital(rng))
    word, x = write_word(rng, hand, random_letters(rng, int(rng.integers(2, 8))), x)
    date = f"{day}, {year}" if rng.random() < 0.7 else f"{day}-{year % 100:02d}"
    digits, _ = write_digits(rng, hand, date, x + float(rng.uniform(0.3, 1.2)))
    return _scaled(rng, [*traces, *word, *digits], 1.3, 2.4 if hand.overlap < _SWIFT_OVERLAP else 3.2)


def _number(rng: Rng, hand: Hand) -> list[Trace]:
    """A number of one to eight digits, longer ones at times with two decimals."""
    text = "".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(1, 9))))
    if len(text) > 4 and rng.random() < 0.4:
        text = f"{text[:-2]},{text[-2:]}"
    traces, _ = write_digits(rng, hand, text)
    return _scaled(rng, traces, 1.4, 2.6)


def _block(rng: Rng, hand: Hand) -> list[Trace]:
    """Separate capitals and digits, as the cells of forms ask for."""
    traces: list[Trace] = []
    x, pitch = 0.0, float(rng.uniform(1.9, 2.7))
    letters = list("ABCEFHIKLMNOPRSTUVWYZ")
    for _ in range(int(rng.integers(3, 12))):
        if rng.random() < 0.15:
            x += pitch
            continue
        if rng.random() < 0.25:
            more, _ = write_digits(rng, hand, str(int(rng.integers(10))), x)
        else:
            more, _ = write_capital(rng, hand, letters[int(rng.integers(len(letters)))], x)
        traces.extend(more)
        x += pitch
    if not traces:
        traces, _ = write_capital(rng, hand, "A")
    return _scaled(rng, traces, 1.3, 2.1)


def _note(rng: Rng, hand: Hand, recorded: RecordedInk | None) -> list[Trace]:
    """One to three lines of at least three words each.

    A lone word, or a first and a last name, would look like a signature to anybody.
    """
    use_recorded = recorded is not None and len(recorded.note_words) > 0 and rng.random() < _P_RECORDED_NOTE
    traces: list[Trace] = []
    for line in range(int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))):
        x = float(rng.uniform(0, 1.5))
        for _ in range(int(rng.integers(3, 7))):
            if use_recorded and recorded is not None:
                more, width = _recorded_word(rng, recorded)
                end = x + width
                more = [one.moved(np.eye(2), np.array([x, 0.0])) for one in more]
            else:
                more, end = _drawn_word(rng, hand, x)
            drop = np.array([0.0, line * 3.3 + float(rng.normal(0, 0.08))])
            traces.extend(one.moved(np.eye(2), drop) for one in more)
            x = end + float(rng.uniform(0.7, 1.3))
    return _scaled(rng, traces, 1.2, 2.1 if rng.random() < 0.6 else 3.6)


def _phrase(rng: Rng, hand: Hand) -> list[Trace]:
    """Three to five words on a line or two, only the first with a capital; a comma often ends them.

    With fewer words, or with a capital for each, it would look like a signature to anybody.
    """
    traces: list[Trace] = []
    x, y = 0.0, 0.0
    for number in range(int(rng.integers(3, 6))):
        if number == 0 and rng.random() < 0.7:
            head, x = write_capital(rng, hand, random_capital(rng), x)
        else:
            head = []
        tail, x = write_word(rng, hand, random_letters(rng, int(rng.integers(2, 9))), x)
        traces += [one.moved(np.eye(2), np.array([0.0, y])) for one in [*head, *tail]]
        x += float(rng.uniform(0.6, 1.2))
        if number == 1 and rng.random() < 0.25:
            x, y = float(rng.uniform(0, 2)), 3.0
    if rng.random() < 0.4:
        traces += [one.moved(np.eye(2), np.array([0.0, y])) for one in write_digits(rng, hand, ",", x - 0.5)[0]]
    return _scaled(rng, traces, 1.2, 2.6)


def _drawn_word(rng: Rng, hand: Hand, x: float) -> tuple[list[Trace], float]:
    """A number, a word with a capital or a word of small letters from `x` on, and the x where it ends."""
    uniform = rng.random()
    if uniform < 0.15:
        return write_digits(rng, hand, str(int(rng.integers(1, 2030))), x)
    if uniform < 0.3:
        head, x = write_capital(rng, hand, random_capital(rng), x)
        tail, x = write_word(rng, hand, random_letters(rng, int(rng.integers(2, 6))), x)
        return head + tail, x
    return write_word(rng, hand, random_letters(rng, int(rng.integers(2, 9))), x)


def _recorded_word(rng: Rng, recorded: RecordedInk) -> tuple[list[Trace], float]:
    """A recorded word on the baseline with an x-height of about 1, and its width."""
    word = recorded.note_words[int(rng.integers(len(recorded.note_words)))]
    left, top, right, bottom = extent(word)
    unit = max((bottom - top) / 4.5, _RECORDED_X_HEIGHT_MM)
    matrix = np.eye(2) / unit
    return [one.moved(matrix, np.array([-left, -bottom]) / unit) for one in word], float((right - left) / unit)


def _tick(rng: Rng, hand: Hand) -> list[Trace]:
    """A tick: a short stroke down and a long one up to the right."""
    high = float(rng.uniform(1.5, 4))
    return _scaled(
        rng,
        [write(rng, hand, (0, 0.8), [(0.5, 0, 0.2), (0.6 + high * 0.6, high, float(rng.uniform(-0.6, 0.1)))])],
        1.2,
        2.4,
    )


def _cross(rng: Rng, hand: Hand) -> list[Trace]:
    """Two crossing strokes."""
    side = float(rng.uniform(1.2, 2.6))
    strokes = [write(rng, hand, (0, side), [(side, 0, 0.1)]), write(rng, hand, (0, 0), [(side * 1.05, side, -0.1)])]
    return _scaled(rng, strokes, 1.2, 2.6)


def _strike(rng: Rng, hand: Hand) -> list[Trace]:
    """One or two straight lines, or a wave, through a line of print."""
    length = float(rng.uniform(8, 45))
    if rng.random() < 0.35:
        steps = int(length / float(rng.uniform(0.9, 2.0)))
        wave = [
            (length * (step + 1) / steps, float(step % 2) * 1.3, float(rng.normal(0, 0.5))) for step in range(steps)
        ]
        return _scaled(rng, [write(rng, hand, (0, 0), wave)], 1.4, 2.2)
    lines = [
        write(rng, hand, (0, 0.6 * row), [(length, 0.6 * row + float(rng.normal(0, 0.2)), float(rng.normal(0, 0.06)))])
        for row in range(int(rng.integers(1, 3)))
    ]
    return _scaled(rng, lines, 1.4, 2.2)


def _circle(rng: Rng, hand: Hand) -> list[Trace]:
    """A ring, closed a little beyond its beginning."""
    wide, high = float(rng.uniform(2, 10)), float(rng.uniform(2, 3.5))
    targets = [
        (0.0, high / 2, 1.5),
        (wide / 2, 0.0, 1.5),
        (wide, high / 2, 1.5),
        (wide * 0.45, high * 1.05, 1.5),
        (wide * 0.2, high * 0.9, 0.4),
    ]
    return _scaled(rng, [write(rng, hand, (wide / 2, high), targets)], 1.8, 2.4)


def _bracket(rng: Rng, hand: Hand) -> list[Trace]:
    """A bracket or an upright line, as people set it in the margin."""
    high = float(rng.uniform(5, 22))
    targets = (
        [(-0.7, high / 2, 0.5), (0.0, 0.0, 0.5)] if rng.random() < 0.6 else [(float(rng.normal(0, 0.2)), 0.0, 0.1)]
    )
    return _scaled(rng, [write(rng, hand, (0.0, high), targets)], 1.6, 2.4)


def _redaction(rng: Rng, px_per_mm: float) -> Patch:
    """A black rectangle, or two or three strokes of a marker, which make a line of print unreadable."""
    width_mm, height_mm = float(rng.uniform(10, 80)), float(rng.uniform(3.2, 6.0))
    if rng.random() < 0.6:
        size_hw = max(2, round(height_mm * px_per_mm)), max(4, round(width_mm * px_per_mm))
        cover: ByteArray = np.full(size_hw, 255, np.uint8)
        return Patch.of_ink(cover, _BLACK_MARKER, "")
    hand = noting_hand(rng)
    rows = int(rng.integers(2, 4))
    traces = []
    for row in range(rows):
        y = -height_mm * row / rows
        sides = (0.0, width_mm) if row % 2 == 0 else (width_mm, 0.0)
        begin, end = (side + float(rng.normal(0, 1.0)) for side in sides)
        traces.append(write(rng, hand, (begin, y), [(end, y + float(rng.normal(0, 0.3)), float(rng.normal(0, 0.03)))]))
    marker = Pen(height_mm / rows * 1.25, 0.1, 0.1, 0.1)
    return draw_traces(rng, traces, marker, _BLACK_MARKER, px_per_mm)


# The functions that draw all kinds but notes, which may use recorded words, and redactions, which have a size in mm.
_DRAWN: dict[ScribbleKind, Callable[[Rng, Hand], list[Trace]]] = {
    ScribbleKind.DATE: _date,
    ScribbleKind.NUMBER: _number,
    ScribbleKind.PHRASE: _phrase,
    ScribbleKind.BLOCK: _block,
    ScribbleKind.TICK: _tick,
    ScribbleKind.CROSS: _cross,
    ScribbleKind.STRIKE: _strike,
    ScribbleKind.CIRCLE: _circle,
    ScribbleKind.BRACKET: _bracket,
}
