"""Draws signatures and initials, with the flourishes that people add: lines under a name, through it and around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

import numpy as np

from docdetect.synth.handwriting.kinematics import Floats, Trace, plan_strokes, trace
from docdetect.synth.handwriting.pen import draw_traces
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.handwriting.writing import (
    Hand,
    extent,
    random_capital,
    random_letters,
    signing_hand,
    write,
    write_capital,
    write_word,
)
from docdetect.synth.ink import Ink, Pen, pen_ink, random_pen
from docdetect.synth.patch import Patch

Rng = np.random.Generator

# Probability that a signature is made of recorded words, where there are any.
_P_RECORDED = 0.35

# Probability that people write out their whole name where there is room for it, and the width from which there is.
_P_FULL_NAME = 0.55
_FULL_NAME_ROOM_MM = 66.0

# Height of a recorded word with ascenders and descenders, in x-heights.
_WORD_HEIGHT = 2.6


class SignatureStyle(str, Enum):
    """How people sign."""

    NAME = "name"  # a name written out, more or less legibly
    FULL = "full"  # first and last name written out, as under English letters: long and low
    SCRAWL = "scrawl"  # a capital, some waves and a tail
    LOOPS = "loops"  # large loops over each other
    STEEP = "steep"  # steep strokes up and down, higher than wide
    HAIRLINE = "hairline"  # a small scrawl with a long swift stroke that fades
    RECORDED = "recorded"  # a recorded word as the name
    RECORDED_FULL = "recorded full"  # two recorded words


# Median width of each style of signature.
_MEDIAN_WIDTH_MM = {
    SignatureStyle.NAME: 50,
    SignatureStyle.FULL: 58,
    SignatureStyle.SCRAWL: 36,
    SignatureStyle.LOOPS: 36,
    SignatureStyle.STEEP: 20,
    SignatureStyle.HAIRLINE: 56,
    SignatureStyle.RECORDED: 50,
    SignatureStyle.RECORDED_FULL: 58,
}

# Narrowest signature, in mm, by style; the others are at least 18 mm wide.
_LEAST_WIDTH_MM = {SignatureStyle.STEEP: 8}

# Broadest pen of a signature with a hairline.
_HAIRLINE_PEN_MM = 0.4

# Probability that the pen is lifted so slowly that the line's end fades, and that initials are tall and narrow.
_P_FADING_END = 0.3
_P_TALL_INITIALS = 0.3

_RECORDED = (SignatureStyle.RECORDED, SignatureStyle.RECORDED_FULL)


def make_signature(
    rng: Rng,
    px_per_mm: float,
    *,
    style: SignatureStyle | None = None,
    ink: Ink | None = None,
    pen: Pen | None = None,
    recorded: RecordedInk | None = None,
    within_mm: tuple[float, float] | None = None,
) -> Patch:
    """Draws a signature of kind "handwritten_signature", 18 to 85 mm wide where there is room.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the patch is for.
        style: how the signature is built; None for the usual mixture, which has recorded words if there are any.
        ink: colour and opacity; None for the usual mixture of pens.
        pen: width and evenness of the line; None for the usual mixture.
        recorded: recorded words; the styles RECORDED and RECORDED_FULL need them.
        within_mm: (width, height) that the signature must not exceed. People sign smaller where there is little room,
            though not with a finer pen, and write out their whole name where there is much.
    """
    roomy = within_mm is None or within_mm[0] >= _FULL_NAME_ROOM_MM
    chosen = style or _choose_style(rng, recorded, roomy=roomy)
    hand = signing_hand(rng)
    if chosen in _RECORDED and recorded is not None:
        traces = _recorded_name(rng, hand, recorded, 1 + (chosen is SignatureStyle.RECORDED_FULL))
    else:
        build = {
            SignatureStyle.SCRAWL: _scrawl,
            SignatureStyle.LOOPS: _loops,
            SignatureStyle.FULL: _full_name,
            SignatureStyle.STEEP: _steep,
            SignatureStyle.HAIRLINE: _hairline,
        }
        traces = build.get(chosen, _name)(rng, hand)
        traces = (
            traces if chosen in (SignatureStyle.STEEP, SignatureStyle.HAIRLINE) else add_flourish(rng, hand, traces)
        )
    least_mm = _LEAST_WIDTH_MM.get(chosen, 18)
    width_mm = float(np.clip(rng.lognormal(np.log(_MEDIAN_WIDTH_MM[chosen]), 0.33), least_mm, 85))
    height_mm = float(np.clip(rng.lognormal(np.log(20), 0.35), 8, 38))
    if within_mm is not None:
        width_mm, height_mm = min(width_mm, within_mm[0]), min(height_mm, within_mm[1])
    traces = fitted(traces, width_mm, height_mm)
    pen = pen or random_pen(rng)
    if chosen is SignatureStyle.HAIRLINE:
        pen = replace(pen, width_mm=min(pen.width_mm, _HAIRLINE_PEN_MM), fade=float(rng.uniform(0.5, 1.0)))
    elif rng.random() < _P_FADING_END:
        pen = replace(pen, fade=float(rng.uniform(0.15, 0.6)))
    return _inked(rng, traces, px_per_mm, "handwritten_signature", (pen, ink))


def make_initials(rng: Rng, px_per_mm: float, *, ink: Ink | None = None, pen: Pen | None = None) -> Patch:
    """Draws initials of kind "initials": two or three capitals, or a capital and a letter or two, 7 to 22 mm wide.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the patch is for.
        ink, pen: None for the usual mixture.
    """
    hand = signing_hand(rng)
    if rng.random() < 0.6:
        traces, x = [], 0.0
        for _ in range(int(rng.integers(2, 4))):
            more, end = write_capital(rng, hand, random_capital(rng), x)
            traces.extend(more)
            x += (end - x) * float(rng.uniform(0.4, 1.0))
    else:
        traces, x = write_capital(rng, hand, random_capital(rng))
        more, _ = write_word(rng, hand, random_letters(rng, int(rng.integers(1, 3))), x * 0.8)
        traces.extend(more)
    if rng.random() < 0.3:
        traces = add_flourish(rng, hand, traces)
    width_mm, height_mm = float(rng.uniform(7, 22)), float(rng.uniform(5, 14))
    if rng.random() < _P_TALL_INITIALS:
        traces, width_mm, height_mm = _narrowed(rng, traces), float(rng.uniform(5, 12)), float(rng.uniform(9, 22))
    if rng.random() < _P_FADING_END:
        pen = replace(pen or random_pen(rng), fade=float(rng.uniform(0.1, 0.4)))
    traces = fitted(traces, width_mm, height_mm)
    return _inked(rng, traces, px_per_mm, "initials", (pen, ink))


def fitted(traces: Sequence[Trace], width_mm: float, height_mm: float) -> list[Trace]:
    """The traces, scaled to a width of `width_mm`, or to less where they would become higher than `height_mm`."""
    left, top, right, bottom = extent(traces)
    scale = min(width_mm / max(right - left, 1e-6), height_mm / max(bottom - top, 1e-6))
    return [one.moved(np.eye(2) * scale, np.zeros(2)) for one in traces]


def _choose_style(rng: Rng, recorded: RecordedInk | None, *, roomy: bool) -> SignatureStyle:
    """A random style; whole names only where there is room (`roomy`), recorded ones only where there are any."""
    full = roomy and rng.random() < _P_FULL_NAME
    if recorded is not None and rng.random() < _P_RECORDED:
        return SignatureStyle.RECORDED_FULL if full else SignatureStyle.RECORDED
    if full:
        return SignatureStyle.FULL
    drawn = (
        SignatureStyle.NAME,
        SignatureStyle.SCRAWL,
        SignatureStyle.LOOPS,
        SignatureStyle.STEEP,
        SignatureStyle.HAIRLINE,
    )
    return drawn[int(rng.choice(5, p=[0.35, 0.34, 0.11, 0.09, 0.11]))]


def _inked(
    rng: Rng, traces: Sequence[Trace], px_per_mm: float, kind: str, tool: tuple[Pen | None, Ink | None]
) -> Patch:
    """The traces as a patch; `tool` is the pen and its ink, each None for the usual mixture."""
    pen, ink = tool
    return draw_traces(rng, traces, pen or random_pen(rng), ink or pen_ink(rng), px_per_mm, kind)


def _name(rng: Rng, hand: Hand) -> list[Trace]:
    """A name of capitals and joined letters, such as "J. H. Winder", "Ernie" or "K. Ahmet"."""
    traces, x = _initial_capitals(rng, hand, int(rng.choice([0, 1, 2], p=[0.35, 0.4, 0.25])), 0.0)
    for _ in range(int(rng.choice([1, 2], p=[0.65, 0.35]))):
        more, x = _written_word(rng, hand, int(rng.integers(2, 8)), x)
        traces.extend(more)
    return traces


def _full_name(rng: Rng, hand: Hand) -> list[Trace]:
    """A first name, often a middle initial, and a last name, such as "Arthur D. Eisen"; legible and even."""
    hand = replace(hand, decay=hand.decay * 0.4, capital=max(hand.capital, 1.2))
    traces, x = _written_word(rng, hand, int(rng.integers(3, 8)), 0.0)
    middle, x = _initial_capitals(rng, hand, int(rng.random() < 0.5), x)
    last, _ = _written_word(rng, hand, int(rng.integers(4, 10)), x)
    return [*traces, *middle, *last]


def _initial_capitals(rng: Rng, hand: Hand, count: int, x: float) -> tuple[list[Trace], float]:
    """Writes `count` capitals from `x` on, at times with dots; returns the traces and where the next letter begins."""
    traces: list[Trace] = []
    for _ in range(count):
        more, x = write_capital(rng, hand, random_capital(rng), x)
        traces.extend(more)
        if rng.random() < 0.4:
            traces.append(write(rng, hand, (x + 0.2, 0.1), [(x + 0.28, 0.0, 0.0)]))
        x += float(rng.uniform(0.1, 0.8))
    return traces, x


def _written_word(rng: Rng, hand: Hand, letters: int, x: float) -> tuple[list[Trace], float]:
    """Writes a capital and `letters` small letters from `x` on; returns the traces and where the next word begins."""
    traces, x = write_capital(rng, hand, random_capital(rng), x)
    more, x = write_word(rng, hand, random_letters(rng, letters), x + float(rng.uniform(-0.2, 0.1)))
    return [*traces, *more], x + float(rng.uniform(0.2, 1.0))


def _scrawl(rng: Rng, hand: Hand) -> list[Trace]:
    """A capital that runs into a few waves, which are sharp peaks with some people, and often into a tail."""
    peaked = rng.random() < 0.3
    if peaked:
        hand = replace(hand, overlap=hand.overlap * 0.4, slant=hand.slant + 0.3)
    traces, x = write_capital(rng, hand, random_capital(rng)) if rng.random() < 0.8 else ([], 0.0)
    waves: list[tuple[float, float, float]] = []
    height = float(rng.uniform(0.7, 2.0))
    pitch = float(rng.uniform(0.3, 0.9)) * hand.width
    sense, spread = rng.normal(0, 0.2 if peaked else 0.9, 2), 0.15 if peaked else 0.7
    position = x * float(rng.uniform(0.5, 1.0))
    begin = (position, float(rng.uniform(0, 0.6)))
    fade = float(rng.uniform(0.65, 1.0))
    for number in range(int(rng.integers(2, 9))):
        top = height * fade**number * float(rng.uniform(0.6, 1.2))
        position += pitch * float(rng.uniform(0.2, 1.1))
        waves.append((position, top + hand.climb * position, float(sense[0] + rng.normal(0, spread))))
        position += pitch * float(rng.uniform(0.0, 0.9))
        low = float(rng.normal(0, 0.12)) - (height if rng.random() < 0.1 else 0)
        waves.append((position, low + hand.climb * position, float(sense[1] + rng.normal(0, spread))))
    if rng.random() < 0.5:
        reach = float(rng.uniform(1, 5))
        waves.append((position + reach, hand.climb * position + float(rng.normal(0.3, 0.5)), float(rng.normal(0, 0.5))))
    return [*traces, write(rng, hand, begin, waves)]


def _loops(rng: Rng, hand: Hand) -> list[Trace]:
    """Large loops that lie over each other, drawn without lifting the pen, and often a stroke out of them."""
    sign = 1.0 if rng.random() < 0.7 else -1.0
    targets: list[tuple[float, float, float]] = []
    x = 0.0
    for _ in range(int(rng.integers(2, 6))):
        rise, breadth = float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.3, 2.2))
        targets.append((x + breadth, rise, sign * float(rng.uniform(1.2, 3.0))))
        x += float(rng.uniform(-0.4, 1.2))
        targets.append((x, float(rng.normal(-0.2, 0.5)), sign * float(rng.uniform(1.2, 3.0))))
    if rng.random() < 0.6:
        targets.append((x + float(rng.uniform(2, 6)), float(rng.uniform(-0.5, 1.5)), float(rng.normal(0, 0.6))))
    traces = [write(rng, hand, (0.0, float(rng.uniform(0, 1))), targets)]
    if rng.random() < 0.5:
        more, _ = write_word(rng, hand, random_letters(rng, int(rng.integers(2, 5))), x * 0.5)
        traces.extend(more)
    return traces


def _steep(rng: Rng, hand: Hand) -> list[Trace]:
    """A few long strokes up and down beside each other, often with a loop and a stroke across."""
    targets: list[tuple[float, float, float]] = []
    x, height = 0.0, float(rng.uniform(4, 8))
    lean, bow = float(rng.normal(0.1, 0.12)), float(rng.normal(0, 0.4))
    for _ in range(int(rng.integers(1, 4))):
        top = height * float(rng.uniform(0.6, 1.0))
        targets.append((x + lean * top + float(rng.uniform(0.1, 0.9)), top, bow + float(rng.normal(0, 0.3))))
        x += float(rng.uniform(0.2, 1.3))
        turn = float(rng.choice([0.2, 1.6, 2.4])) * (1 if rng.random() < 0.6 else -1)
        targets.append((x, float(rng.normal(0, 0.6)) - (height * 0.4 if rng.random() < 0.2 else 0), turn))
    traces = [write(rng, hand, (float(rng.normal(0, 0.5)), float(rng.uniform(0, height * 0.6))), targets)]
    if rng.random() < 0.6:
        y = height * float(rng.uniform(0.25, 0.7))
        reach = (x + float(rng.uniform(0.5, 3)), y + float(rng.normal(0.5, 0.6)), float(rng.normal(0, 0.6)))
        traces.append(write(rng, hand, (float(rng.uniform(-2, 0)), y), [reach]))
    return traces


def _hairline(rng: Rng, hand: Hand) -> list[Trace]:
    """A small scrawl or name that ends in a stroke several times as long, to the right, upwards, or back and forth."""
    traces = _scrawl(rng, hand) if rng.random() < 0.6 else _written_word(rng, hand, int(rng.integers(1, 5)), 0.0)[0]
    left, top, right, bottom = extent(traces)
    wide, high = max(right - left, 1.0), max(bottom - top, 1.0)
    end_x, end_y = traces[-1].xy[-1]
    reach = end_x + wide * float(rng.uniform(0.6, 2.4))
    targets = [(reach, end_y - high * float(rng.normal(0.2, 0.5)), float(rng.normal(0, 0.5)))]
    if rng.random() < 0.35:
        back = left + wide * float(rng.uniform(-0.3, 0.6))
        targets.append((back, bottom + high * float(rng.uniform(-0.2, 0.4)), float(rng.uniform(1.5, 2.8))))
        targets.append((reach + wide * float(rng.uniform(-0.3, 0.8)), bottom, float(rng.normal(0, 0.5))))
    return [*traces, _line(rng, (float(end_x), float(end_y)), targets, hand)]


def _narrowed(rng: Rng, traces: Sequence[Trace]) -> list[Trace]:
    """The traces, squeezed in width and sheared, so that they stand tall and thin."""
    squeeze, shear = float(rng.uniform(0.25, 0.6)), float(rng.normal(0.0, 0.15))
    return [one.moved(np.array([[squeeze, -shear], [0.0, 1.0]]), np.zeros(2)) for one in traces]


def _recorded_name(rng: Rng, hand: Hand, recorded: RecordedInk, count: int) -> list[Trace]:
    """A name of `count` recorded words, slanted, stretched and bent alike, often with a capital and a flourish."""
    stretch = float(rng.uniform(0.7, 1.5))
    phase, bend = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0, 0.25))
    words = recorded.signature_words
    traces: list[Trace] = []
    x = 0.0
    if rng.random() < 0.45:
        traces, x = write_capital(rng, hand, random_capital(rng))
        x += float(rng.uniform(-0.3, 0.4))
    for _ in range(count):
        more = _recorded_word(words[int(rng.integers(len(words)))], hand, stretch, (phase, bend))
        traces.extend(one.moved(np.eye(2), np.array([x, 0.0])) for one in more)
        x = float(extent(traces)[2] + rng.uniform(0.2, 1.2))
    return add_flourish(rng, hand, traces)


def _recorded_word(word: Sequence[Trace], hand: Hand, stretch: float, wave: tuple[float, float]) -> list[Trace]:
    """A recorded word as the hand would write it, in x-heights from x = 0 on.

    Args:
        word: the recorded traces, in mm.
        hand: slant, climb and decay of the word.
        stretch: factor of the word's width.
        wave: phase (radians) and height (x-heights) of the sine that bends the baseline.
    """
    left, top, right, bottom = extent(word)
    unit = max((bottom - top) / _WORD_HEIGHT, 0.5)
    matrix = np.array([[stretch, -hand.slant * 0.7], [-hand.climb, 1.0]]) / unit
    fade = hand.decay * 0.5
    phase, bend = wave
    traces = []
    for one in word:
        moved = one.moved(matrix, np.array([-left, -bottom]) / unit)
        along = (one.xy[:, 0] - left) / max(right - left, 1e-6)
        xy = moved.xy.copy()
        xy[:, 1] = xy[:, 1] * (1 - fade * along) + bend * np.sin(phase + 4 * along)
        traces.append(Trace(xy, moved.speed))
    return traces


def add_flourish(rng: Rng, hand: Hand, traces: Sequence[Trace]) -> list[Trace]:
    """The traces (y down), in about half of all cases with one flourish, seldom with two."""
    result = list(traces)
    kinds = (_underline, _underline_and_back, _tail, _cross, _ring, _double_slash, _zigzag, _lying_loop)
    p_kinds = np.array([0.19, 0.15, 0.19, 0.1, 0.08, 0.06, 0.08, 0.15])
    for _ in range(int(rng.choice([0, 1, 2], p=[0.42, 0.48, 0.1]))):
        flourish = kinds[int(rng.choice(len(kinds), p=p_kinds))]
        result.append(flourish(rng, extent(result), result[-1].xy[-1], hand))
    return result


def _line(rng: Rng, start: tuple[float, float], targets: list[tuple[float, float, float]], hand: Hand) -> Trace:
    """A swift movement from `start` through targets (x, y, turn), all with y down."""
    origin = np.array(start, np.float64)
    return trace(plan_strokes(rng, origin, np.array(targets, np.float64), max(hand.overlap, 0.4)), origin)


# Each function below draws a flourish around a name. Its arguments are the random generator, the box of the name (left,
# top, right, bottom, y down), the point where the name ended, and the hand.


def _underline(rng: Rng, box: Floats, _end: Floats, hand: Hand) -> Trace:
    """A line under the name."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    y = bottom + height * rng.uniform(-0.3, 0.12)
    start = (left + width * rng.uniform(-0.1, 0.3), y + height * rng.normal(0.05, 0.05))
    return _line(rng, start, [(right + width * rng.uniform(-0.2, 0.2), y, rng.normal(0, 0.35))], hand)


def _underline_and_back(rng: Rng, box: Floats, end: Floats, hand: Hand) -> Trace:
    """A line from the end of the name back under the name and to the right again."""
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
    """A line from the end of the name to the right."""
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
    """Two quick strokes at the end of the name."""
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
