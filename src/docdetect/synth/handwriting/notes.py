"""Ink from a pen that is no signature: dates, notes, filled-in forms, ticks, corrections, blackouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

import numpy as np

from docdetect.synth.handwriting.kinematics import Trace
from docdetect.synth.handwriting.pen import coloured, draw_traces
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.handwriting.writing import (
    Hand,
    extent,
    noting_hand,
    random_capital,
    random_letters,
    write,
    write_capital,
    write_digits,
    write_word,
)
from docdetect.synth.ink import Ink, Pen, make_pen, pen_ink
from docdetect.synth.patch import Patch
from docdetect.types import ByteArray

Rng = np.random.Generator
_RECORDED_X_HEIGHT_MM = 6.5  # people write large on a digitising tablet
_BLACK_MARKER = Ink((22, 22, 24), 1.0)


class ScribbleKind(str, Enum):
    """What is scribbled."""

    DATE = "date"
    NOTE = "note"  # several words, often several lines
    NUMBER = "number"
    BLOCK = "block"  # a form filled in with separate capitals and digits
    TICK = "tick"
    CROSS = "cross"
    STRIKE = "strike"  # through a line of print
    CIRCLE = "circle"  # around a word or number
    BRACKET = "bracket"  # in the margin
    REDACTION = "redaction"  # a blacked-out line


_CHANCES = {
    ScribbleKind.DATE: 0.18,
    ScribbleKind.NOTE: 0.26,
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
) -> Patch:
    """Something written by hand that is no signature (kind "").

    Args:
        px_per_mm: resolution of the page it is meant for.
        kind: what it is; None for the usual mixture.
        ink, pen: fixed ones; None for the usual mixture.
        recorded: recorded words; notes are written with those that are never used in signatures.
    """
    kinds = list(_CHANCES)
    chosen = kind or kinds[int(rng.choice(len(kinds), p=list(_CHANCES.values())))]
    if chosen is ScribbleKind.REDACTION:
        return _redaction(rng, px_per_mm)
    hand = noting_hand(rng)
    traces = _note(rng, hand, recorded) if chosen is ScribbleKind.NOTE else _DRAWN[chosen](rng, hand)
    return draw_traces(rng, traces, pen or make_pen(rng), ink or pen_ink(rng), px_per_mm)


def _sized(rng: Rng, traces: Sequence[Trace], low_mm: float, high_mm: float) -> list[Trace]:
    """Traces in x-heights with an x-height between the bounds."""
    scale = np.eye(2) * float(rng.uniform(low_mm, high_mm))
    return [one.moved(scale, np.zeros(2)) for one in traces]


def _date(rng: Rng, hand: Hand) -> list[Trace]:
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1990, 2027))
    forms = (
        f"{day:02d}.{month:02d}.{year}",
        f"{day}/{month}/{year % 100:02d}",
        f"{day:02d}-{month:02d}-{year}",
        f"{day:02d}.{month:02d}.{year % 100:02d}",
    )
    if rng.random() < 0.25:
        return _worded_date(rng, hand, day, year)
    traces, _ = write_digits(rng, hand, forms[int(rng.integers(len(forms)))])
    return _sized(rng, traces, 1.4, 3.4)


def _worded_date(rng: Rng, hand: Hand, day: int, year: int) -> list[Trace]:
    """A month as a word (any letters will do), then the day and the year."""
    traces, x = write_capital(rng, hand, random_capital(rng))
    word, x = write_word(rng, hand, random_letters(rng, int(rng.integers(2, 8))), x)
    digits, _ = write_digits(rng, hand, f"{day}, {year}", x + float(rng.uniform(0.6, 1.2)))
    return _sized(rng, [*traces, *word, *digits], 1.3, 2.4)


def _number(rng: Rng, hand: Hand) -> list[Trace]:
    text = "".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(1, 9))))
    if len(text) > 4 and rng.random() < 0.4:
        text = f"{text[:-2]},{text[-2:]}"
    traces, _ = write_digits(rng, hand, text)
    return _sized(rng, traces, 1.4, 2.6)


def _block(rng: Rng, hand: Hand) -> list[Trace]:
    """Separate capitals and digits, as printed boxes of forms ask for."""
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
    return _sized(rng, traces, 1.3, 2.1)


def _note(rng: Rng, hand: Hand, recorded: RecordedInk | None) -> list[Trace]:
    """Lines of at least three words; a lone word, or a first and a last name, would be a signature to anyone."""
    from_people = recorded is not None and len(recorded.note_words) > 0 and rng.random() < 0.5
    traces: list[Trace] = []
    for line in range(int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))):
        x = float(rng.uniform(0, 1.5))
        for _ in range(int(rng.integers(3, 7))):
            if from_people and recorded is not None:
                more, width = _recorded_word(rng, recorded)
                end = x + width
                more = [one.moved(np.eye(2), np.array([x, 0.0])) for one in more]
            else:
                more, end = _drawn_word(rng, hand, x)
            drop = np.array([0.0, line * 3.3 + float(rng.normal(0, 0.08))])
            traces.extend(one.moved(np.eye(2), drop) for one in more)
            x = end + float(rng.uniform(0.7, 1.3))
    return _sized(rng, traces, 1.2, 2.1 if rng.random() < 0.6 else 3.6)


def _drawn_word(rng: Rng, hand: Hand, x: float) -> tuple[list[Trace], float]:
    draw = rng.random()
    if draw < 0.15:
        return write_digits(rng, hand, str(int(rng.integers(1, 2030))), x)
    if draw < 0.3:
        head, x = write_capital(rng, hand, random_capital(rng), x)
        tail, x = write_word(rng, hand, random_letters(rng, int(rng.integers(2, 6))), x)
        return head + tail, x
    return write_word(rng, hand, random_letters(rng, int(rng.integers(2, 9))), x)


def _recorded_word(rng: Rng, recorded: RecordedInk) -> tuple[list[Trace], float]:
    """A recorded word on the baseline, x-height about 1, and its width."""
    word = recorded.note_words[int(rng.integers(len(recorded.note_words)))]
    left, top, right, bottom = extent(word)
    unit = max((bottom - top) / 4.5, _RECORDED_X_HEIGHT_MM)
    matrix = np.eye(2) / unit
    return [one.moved(matrix, np.array([-left, -bottom]) / unit) for one in word], float((right - left) / unit)


def _tick(rng: Rng, hand: Hand) -> list[Trace]:
    high = float(rng.uniform(1.5, 4))
    return _sized(
        rng,
        [write(rng, hand, (0, 0.8), [(0.5, 0, 0.2), (0.6 + high * 0.6, high, float(rng.uniform(-0.6, 0.1)))])],
        1.2,
        2.4,
    )


def _cross(rng: Rng, hand: Hand) -> list[Trace]:
    side = float(rng.uniform(1.2, 2.6))
    strokes = [write(rng, hand, (0, side), [(side, 0, 0.1)]), write(rng, hand, (0, 0), [(side * 1.05, side, -0.1)])]
    return _sized(rng, strokes, 1.2, 2.6)


def _strike(rng: Rng, hand: Hand) -> list[Trace]:
    """One straight line, two, or a wave."""
    length = float(rng.uniform(8, 45))
    if rng.random() < 0.35:
        steps = int(length / float(rng.uniform(0.9, 2.0)))
        wave = [
            (length * (step + 1) / steps, float(step % 2) * 1.3, float(rng.normal(0, 0.5))) for step in range(steps)
        ]
        return _sized(rng, [write(rng, hand, (0, 0), wave)], 1.4, 2.2)
    lines = [
        write(rng, hand, (0, 0.6 * row), [(length, 0.6 * row + float(rng.normal(0, 0.2)), float(rng.normal(0, 0.06)))])
        for row in range(int(rng.integers(1, 3)))
    ]
    return _sized(rng, lines, 1.4, 2.2)


def _circle(rng: Rng, hand: Hand) -> list[Trace]:
    wide, high = float(rng.uniform(2, 10)), float(rng.uniform(2, 3.5))
    targets = [
        (0.0, high / 2, 1.5),
        (wide / 2, 0.0, 1.5),
        (wide, high / 2, 1.5),
        (wide * 0.45, high * 1.05, 1.5),
        (wide * 0.2, high * 0.9, 0.4),
    ]
    return _sized(rng, [write(rng, hand, (wide / 2, high), targets)], 1.8, 2.4)


def _bracket(rng: Rng, hand: Hand) -> list[Trace]:
    high = float(rng.uniform(5, 22))
    targets = (
        [(-0.7, high / 2, 0.5), (0.0, 0.0, 0.5)] if rng.random() < 0.6 else [(float(rng.normal(0, 0.2)), 0.0, 0.1)]
    )
    return _sized(rng, [write(rng, hand, (0.0, high), targets)], 1.6, 2.4)


def _redaction(rng: Rng, px_per_mm: float) -> Patch:
    """A name or line made unreadable: a clean black box, or a marker drawn over it a few times."""
    width_mm, height_mm = float(rng.uniform(10, 80)), float(rng.uniform(3.2, 6.0))
    if rng.random() < 0.6:
        size = max(2, round(height_mm * px_per_mm)), max(4, round(width_mm * px_per_mm))
        box: ByteArray = np.full(size, 255, np.uint8)
        return coloured(box, _BLACK_MARKER, "")
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


_DRAWN: dict[ScribbleKind, Callable[[Rng, Hand], list[Trace]]] = {
    ScribbleKind.DATE: _date,
    ScribbleKind.NUMBER: _number,
    ScribbleKind.BLOCK: _block,
    ScribbleKind.TICK: _tick,
    ScribbleKind.CROSS: _cross,
    ScribbleKind.STRIKE: _strike,
    ScribbleKind.CIRCLE: _circle,
    ScribbleKind.BRACKET: _bracket,
}
