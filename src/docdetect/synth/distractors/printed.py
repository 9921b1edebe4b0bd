"""Printed pictures that resemble signatures or codes and are none: trade marks in script type or in bold letters,
engravings, pictograms, years in outline.

Names drawn as trade marks draw them: joined letters of a broad nib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum

import cv2
import numpy as np

from docdetect.synth.distractors.pictures import Painter, Points, polygon
from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.handwriting.kinematics import Floats
from docdetect.synth.handwriting.writing import (
    extent,
    random_capital,
    random_letters,
    signing_hand,
    write_capital,
    write_word,
)
from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.canvas import text_strip
from docdetect.synth.stamps.text import brand, pick
from docdetect.types import ByteArray

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


Rng = np.random.Generator

_WHITE: RGB = (255, 255, 255)

_LETTERED = 0.45  # of script marks: drawn by hand once, no type

_Maker = Callable[[Rng, float, FontBook], Patch]

# Capitals as strokes in a square of side 1, y down; some without a bar, as trade marks draw them.
_LETTERS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "A": (((0, 1), (0.5, 0), (1, 1)), ((0.25, 0.65), (0.75, 0.65))),
    "Λ": (((0, 1), (0.5, 0), (1, 1)),),
    "E": (((1, 0), (0, 0), (0, 1), (1, 1)), ((0, 0.5), (0.85, 0.5))),
    "Ξ": (((0, 0), (1, 0)), ((0, 0.5), (1, 0.5)), ((0, 1), (1, 1))),
    "F": (((1, 0), (0, 0), (0, 1)), ((0, 0.5), (0.8, 0.5))),
    "H": (((0, 0), (0, 1)), ((1, 0), (1, 1)), ((0, 0.5), (1, 0.5))),
    "I": (((0.5, 0), (0.5, 1)),),
    "K": (((0, 0), (0, 1)), ((1, 0), (0.1, 0.5), (1, 1))),
    "L": (((0, 0), (0, 1), (1, 1)),),
    "M": (((0, 1), (0, 0), (0.5, 0.7), (1, 0), (1, 1)),),
    "N": (((0, 1), (0, 0), (1, 1), (1, 0)),),
    "O": (((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)),),
    "R": (((0, 1), (0, 0), (0.9, 0), (0.9, 0.5), (0.1, 0.5), (1, 1)),),
    "S": (((1, 0), (0, 0), (0, 0.5), (1, 0.5), (1, 1), (0, 1)),),
    "T": (((0, 0), (1, 0)), ((0.5, 0), (0.5, 1))),
    "V": (((0, 0), (0.5, 1), (1, 0)),),
    "X": (((0, 0), (1, 1)), ((1, 0), (0, 1))),
    "Z": (((0, 0), (1, 0), (0, 1), (1, 1)),),
}

_CALLS = ("TIP", "NEW", "STOP", "NOTE", "CAUTION", "INFO", "PDF", "FAX", "24h")

_SIGNS = ("!", "i", "?", "A", "P", "!")
# fmt: off
_SYLLABLES = (
    "lo", "ril", "lard", "ma", "ven", "tor", "sel", "wick", "gra", "del", "ho", "ney", "ber", "kins", "al", "stra",
)
# fmt: on


class DistractorKind(str, Enum):
    """What is printed."""

    SCRIPT_MARK = "script_mark"  # a firm's name in script type, often with small print below
    LETTER_MARK = "letter_mark"  # a firm's name in bold geometric capitals
    ENGRAVING = "engraving"  # a picture of fine strokes
    PICTOGRAM = "pictogram"  # a dark sign with a word or an exclamation mark
    YEAR = "year"  # two digits in outline, two filled


def make_distractor(rng: Rng, px_per_mm: float, fonts: FontBook, *, kind: DistractorKind | None = None) -> Patch:
    """A printed picture (kind ""), of `kind`, or a random one of those that stand in letterheads."""
    heads = (DistractorKind.SCRIPT_MARK, DistractorKind.LETTER_MARK, DistractorKind.ENGRAVING)
    return _MAKERS[kind or heads[int(rng.choice(3, p=[0.55, 0.27, 0.18]))]](rng, px_per_mm, fonts)


def _tone(rng: Rng) -> RGB:
    """A printing colour: mostly black, else dark."""
    if rng.random() < 0.65:
        shade = int(rng.integers(8, 60))
        return shade, shade, shade
    hues = ((0, 70, 150), (170, 25, 40), (0, 100, 70), (85, 45, 120), (120, 80, 20))
    red, green, blue = (int(np.clip(value + rng.normal(0, 15), 0, 220)) for value in hues[int(rng.integers(5))])
    return red, green, blue


def _script_mark(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A name in script or slanted type, made bolder, sheared and climbing, at times underlined by a swash."""
    if rng.random() < _LETTERED:
        return _lettered_mark(rng, px_per_mm, fonts)
    script = Script.CYRILLIC if rng.random() < 0.25 and fonts.covers(Script.CYRILLIC) else Script.LATIN
    style = FontStyle.SCRIPT if rng.random() < 0.75 else FontStyle.SERIF
    faces = fonts.matching(script, style, italic=None if style is FontStyle.SCRIPT else True)
    face = faces[int(rng.integers(len(faces)))]
    high = float(rng.uniform(5, 13))
    name = brand(rng, script) if script is Script.CYRILLIC or rng.random() < 0.3 else _made_up_name(rng)
    if rng.random() < 0.3:
        name = f"{pick(rng, ('The', 'Mc', 'St.', 'La', 'De'))} {name}"
    wide = high * (1.0 + 0.62 * len(name))
    painter = Painter(wide + 6, high * 3 + 6, px_per_mm)
    layer = painter.layer()
    layer.text(name, face, (0.0, 0.0), high, wide)
    mask = _bolder(rng, layer.alpha, layer.scale, 0.35)
    mask = _slanted(mask, float(rng.normal(0.05, 0.15)), float(rng.normal(3, 4)))
    colour = _tone(rng)
    painter.paint(mask, colour)
    _swash_and_small_print(rng, painter, fonts, (wide, high), colour)
    return painter.patch()


def _lettered_mark(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A firm's name in letters that were drawn with a broad nib once and are printed on each sheet."""
    wide, high = float(rng.uniform(18, 60)), float(rng.uniform(5, 14))
    painter = Painter(wide * 1.3 + 6, high * 3 + 6, px_per_mm)
    layer = painter.layer()
    for points, width_mm in lettering(rng, wide, high):
        layer.line(points, width_mm)
    colour = _tone(rng)
    painter.paint(layer.alpha, colour)
    _swash_and_small_print(rng, painter, fonts, (wide, high * 0.8), colour)
    return painter.patch()


def _swash_and_small_print(
    rng: Rng, painter: Painter, fonts: FontBook, size_mm: tuple[float, float], colour: RGB
) -> None:
    """What often stands below a name of that width and height: a line that swings, the firm's address in small type."""
    wide, high = size_mm
    if rng.random() < 0.35:
        along = np.linspace(-0.5, 0.5, 40)
        lift = -along * float(rng.uniform(0, 0.25)) * wide + 0.03 * wide * np.sin(along * 5)
        swash = np.stack([along * wide * 0.9, high * 0.75 + lift], axis=1)
        layer = painter.layer()
        layer.line(swash, float(rng.uniform(0.2, 0.9)))
        painter.paint(layer.alpha, colour)
    if rng.random() < 0.6:
        small = fonts.choose(rng, Script.LATIN, FontStyle.SANS)
        line = f"{brand(rng, Script.LATIN)}, Inc.   {brand(rng, Script.LATIN)} Center, {int(rng.integers(1, 990))}"
        place = (float(rng.uniform(-0.1, 0.2)) * wide, high * 1.25, float(rng.uniform(1.2, 2.0)), wide * 0.9)
        painter.text(line, small, place, colour)


def _letter_mark(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Two to seven thick capitals; stripes may be cut out of them."""
    del fonts
    letters = list(_LETTERS)
    count = int(rng.integers(2, 8))
    high = float(rng.uniform(5, 14))
    each = high * float(rng.uniform(0.7, 1.15))
    gap = high * float(rng.uniform(0.2, 0.5))
    pitch = each + gap
    painter = Painter(pitch * count + high, high * 2, px_per_mm)
    layer = painter.layer()
    thick = high * float(rng.uniform(0.12, 0.3))
    for number in range(count):
        left = (number - count / 2) * pitch + gap / 2
        for stroke in _LETTERS[pick(rng, letters)]:
            points = np.array(stroke) * np.array([each, high]) + np.array([left, -high / 2])
            layer.line(points, thick)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            y = float(rng.uniform(-0.4, 0.4)) * high
            slope = float(rng.choice([0.0, 0.0, 0.3])) * high
            band = np.array(
                [[-1, y + slope], [1, y - slope], [1, y - slope + thick * 0.35], [-1, y + slope + thick * 0.35]]
            )
            layer.fill(band * np.array([pitch * count, 1.0]), 0)
    mask = _slanted(layer.alpha, float(rng.choice([0.0, 0.0, 0.25])), 0.0)
    painter.paint(mask, _tone(rng))
    return painter.patch()


def _engraving(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Fans of curved strokes around an outline or two: feathers, leaves, hair, a crest."""
    del fonts
    size = float(rng.uniform(12, 34))
    painter = Painter(size * 1.5, size * 1.5, px_per_mm)
    layer = painter.layer()
    for _ in range(int(rng.integers(2, 6))):
        root = rng.uniform(-0.3, 0.3, 2) * size
        start, span = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.6, 3.5))
        reach, bend = size * float(rng.uniform(0.2, 0.6)), float(rng.normal(0, 0.8))
        count = int(rng.integers(6, 26))
        width = float(rng.uniform(0.12, 0.6))
        for number in range(count):
            angle = start + span * number / count + float(rng.normal(0, 0.04))
            along = np.linspace(float(rng.uniform(0.0, 0.3)), float(rng.uniform(0.75, 1.0)), 12)
            turn = angle + bend * along
            points = root + np.stack([np.cos(turn), np.sin(turn)], axis=1) * (along * reach)[:, None]
            layer.line(points, width * float(rng.uniform(0.6, 1.4)))
    for _ in range(int(rng.integers(0, 4))):
        layer.fill(_blob(rng, size * float(rng.uniform(0.05, 0.16))) + rng.uniform(-0.35, 0.35, 2) * size)
    if rng.random() < 0.5:
        outline = _blob(rng, size * float(rng.uniform(0.2, 0.45))) + rng.uniform(-0.15, 0.15, 2) * size
        layer.line(outline, float(rng.uniform(0.2, 0.7)), closed=True)
    painter.paint(layer.alpha, _tone(rng))
    return painter.patch()


def _pictogram(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A dark square or disc with a white disc or triangle in it, a word or a sign, and now and then a word below."""
    side = float(rng.uniform(5, 13))
    painter = Painter(side + 1, side + 1, px_per_mm)
    half = side / 2
    dark = _tone(rng)
    face = _heavy(rng, fonts) if rng.random() < 0.6 else fonts.choose(rng, Script.LATIN, FontStyle.SANS)
    outer = _rounded(half) if rng.random() < 0.7 else polygon(60, half)
    painter.fill(outer, dark)
    below = rng.random() < 0.4
    middle = -half * 0.18 if below else 0.0
    shape = int(rng.choice(3, p=[0.4, 0.35, 0.25]))
    inner = half * float(rng.uniform(0.6, 0.94)) * (0.82 if below else 1.0)
    if shape == 0:
        painter.fill(polygon(60, inner) + np.array([0, middle]), _WHITE)
    elif shape == 1:
        triangle = np.array([[0, -1], [0.95, 0.75], [-0.95, 0.75]]) * inner
        painter.fill(triangle + np.array([0, middle]), _WHITE)
    signs = _SIGNS if shape == 1 or rng.random() < 0.5 else _CALLS[:6]
    sign = pick(rng, signs)
    colour = dark if shape < 2 else _WHITE
    tall = inner * (0.85 if len(sign) == 1 else 0.5)
    painter.text(sign, face, (0.0, middle + (inner * 0.2 if shape == 1 else 0.0), tall, inner * 1.5), colour)
    if below:
        call = pick(rng, _CALLS)
        painter.text(call, face, (0.0, half * 0.78, half * 0.22, side * 0.8), _WHITE)
    return painter.patch()


def _year(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """The year of a form in heavy type, its first half in outline."""
    high = float(rng.uniform(5, 11))
    painter = Painter(high * 4.5, high * 1.6, px_per_mm)
    face = _heavy(rng, fonts)
    first = painter.layer()
    strip = text_strip("20", face, max(8, round(high * first.scale)), 0)
    second_strip = text_strip(f"{int(rng.integers(0, 60)):02d}", face, strip.shape[0], 0)
    top = round(first.centre[1] - strip.shape[0] / 2)
    first.stamp_in(strip, round(first.centre[0] - strip.shape[1] * 0.98), top)
    second = painter.layer()
    second.stamp_in(second_strip, round(second.centre[0]), top)
    kernel = np.ones((3, 3), np.uint8)
    grown = cv2.dilate(first.alpha, kernel, iterations=max(1, round(0.2 * first.scale)))
    outlined = rng.random() < 0.75
    painter.paint(np.asarray(cv2.subtract(grown, first.alpha), np.uint8) if outlined else first.alpha, _tone(rng))
    painter.paint(second.alpha, _tone(rng))
    return painter.patch()


def _heavy(rng: Rng, fonts: FontBook) -> FontFace:
    """A bold face without serifs, where there is one."""
    faces = fonts.matching(Script.LATIN, FontStyle.SANS)
    heavy = [face for face in faces if face.bold] or list(faces)
    return heavy[int(rng.integers(len(heavy)))]


def _made_up_name(rng: Rng) -> str:
    """Two to four syllables, so that no trade mark is learnt by heart."""
    return "".join(
        _SYLLABLES[int(index)] for index in rng.integers(0, len(_SYLLABLES), int(rng.integers(2, 5)))
    ).title()


def _bolder(rng: Rng, mask: ByteArray, scale: float, most_mm: float) -> ByteArray:
    px = round(float(rng.uniform(0, most_mm)) * scale)
    if px < 2:
        return mask
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (px, px))), np.uint8)


def _slanted(mask: ByteArray, shear: float, degrees: float) -> ByteArray:
    """The mask sheared to the right and turned counterclockwise about its middle."""
    height, width = mask.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    tilt = np.array([[1, -shear, shear * height / 2], [0, 1, 0], [0, 0, 1]], np.float64)
    return np.asarray(cv2.warpAffine(mask, matrix @ tilt, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def _rounded(half: float) -> Points:
    """A square with slightly cut corners."""
    cut = half * 0.12
    x, y = half, half - cut
    return np.array([[-y, -x], [y, -x], [x, -y], [x, y], [y, x], [-y, x], [-x, y], [-x, -y]])


def _blob(rng: Rng, radius: float) -> Points:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radii = radius * (1 + 0.3 * np.sin(angles * 2 + rng.uniform(0, 6)) + 0.2 * np.sin(angles * 3 + rng.uniform(0, 6)))
    return np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)


_MAKERS: dict[DistractorKind, _Maker] = {
    DistractorKind.SCRIPT_MARK: _script_mark,
    DistractorKind.LETTER_MARK: _letter_mark,
    DistractorKind.ENGRAVING: _engraving,
    DistractorKind.PICTOGRAM: _pictogram,
    DistractorKind.YEAR: _year,
}
