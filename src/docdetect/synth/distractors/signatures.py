"""Distractors of signatures: firms' names printed as trade marks, in script type or bold capitals, and engravings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

import cv2
import numpy as np

from docdetect.synth.distractors.painter import Maker, Painter, Points, draw_kind, print_colour
from docdetect.synth.fonts import FontBook, FontStyle, Script
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
from docdetect.synth.stamps.text import brand, pick
from docdetect.types import ByteArray

Rng = np.random.Generator

# Probability that a name in script is drawn as letters of a broad nib, and not set in a script typeface.
_P_DRAWN_LETTERS = 0.45

# Points of a pen's trace in each segment that is drawn with one line width.
_POINTS_PER_SEGMENT = 2

# Capitals as polylines in a square of side 1, y down; some lack their bar, as trade marks often draw them.
_CAPITALS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
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

# fmt: off
# Syllables of made-up names.
_SYLLABLES = (
    "lo", "ril", "lard", "ma", "ven", "tor", "sel", "wick", "gra", "del", "ho", "ney", "ber", "kins", "al", "stra",
)
# fmt: on


class SignatureDistractorKind(str, Enum):
    """Kinds of printed pictures that resemble signatures."""

    SCRIPT_NAME = "script_name"  # a firm's name in script, often with small print below
    LETTER_NAME = "letter_name"  # a firm's name in bold geometric capitals
    ENGRAVING = "engraving"  # a picture of fine strokes


def make_signature_distractor(
    rng: Rng, px_per_mm: float, fonts: FontBook, *, kind: SignatureDistractorKind | None = None
) -> Patch:
    """Draws a printed picture that resembles a signature.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for names.
        kind: what the picture shows; None for the usual mixture of letterheads.
    """
    return draw_kind(_P_AND_MAKERS, rng, px_per_mm, fonts, kind)


def _script_name(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A firm's name in script: letters of a broad nib, or a script or slanted typeface made bolder and sheared."""
    if rng.random() < _P_DRAWN_LETTERS:
        return _broad_nib_name(rng, px_per_mm, fonts)
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
    colour = print_colour(rng)
    painter.paint(mask, colour)
    _swash_and_small_print(rng, painter, fonts, (wide, high), colour)
    return painter.patch()


def _broad_nib_name(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A firm's name in letters that somebody drew with a broad nib for its trade mark."""
    wide, high = float(rng.uniform(18, 60)), float(rng.uniform(5, 14))
    painter = Painter(wide * 1.3 + 6, high * 3 + 6, px_per_mm)
    layer = painter.layer()
    for points, width_mm in lettering(rng, wide, high):
        layer.line(points, width_mm)
    colour = print_colour(rng)
    painter.paint(layer.alpha, colour)
    _swash_and_small_print(rng, painter, fonts, (wide, high * 0.8), colour)
    return painter.patch()


def lettering(rng: Rng, width_mm: float, height_mm: float) -> Iterator[tuple[Floats, float]]:
    """Draws a made-up name with a broad nib, as large as `width_mm` x `height_mm` allow.

    The line is broad across the nib's edge and narrow along it. All letters lean alike, and none loses height towards
    the end of the name as the letters of a signature do.

    Yields:
        Short segments of the line: points (N, 2) in mm, centred on (0, 0) with y down, and the line's width in mm.
    """
    hand = replace(
        signing_hand(rng),
        slant=float(rng.uniform(0.0, 0.6)),
        overlap=float(rng.uniform(0.1, 0.5)),
        wobble=0.02,
        decay=0.0,
        climb=float(rng.choice([0.0, rng.uniform(0.0, 0.15)])),
        p_pen_lift=0.0,
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
        for first in range(0, len(points) - 1, _POINTS_PER_SEGMENT):
            segment = points[first : first + _POINTS_PER_SEGMENT + 1]
            dx, dy = segment[-1] - segment[0]
            across = abs(np.sin(np.arctan2(-dy, dx) - edge))
            yield segment, float(thin + (broad - thin) * across)


def _swash_and_small_print(
    rng: Rng, painter: Painter, fonts: FontBook, size_mm: tuple[float, float], colour: RGB
) -> None:
    """Paints what often stands below a name of `size_mm` (width, height): a swash, and an address in small print."""
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


def _letter_name(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A firm's name of two to seven thick capitals, from which stripes may be cut out."""
    del fonts
    letters = list(_CAPITALS)
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
        for stroke in _CAPITALS[pick(rng, letters)]:
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
    painter.paint(mask, print_colour(rng))
    return painter.patch()


def _engraving(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Fans of curved strokes with blots and an outline, which look like feathers, leaves, hair or a crest."""
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
    painter.paint(layer.alpha, print_colour(rng))
    return painter.patch()


def _made_up_name(rng: Rng) -> str:
    """A name of two to four syllables: there are so many of them that a network cannot learn trade marks by heart."""
    return "".join(
        _SYLLABLES[int(index)] for index in rng.integers(0, len(_SYLLABLES), int(rng.integers(2, 5)))
    ).title()


def _bolder(rng: Rng, mask: ByteArray, px_per_mm: float, most_mm: float) -> ByteArray:
    """The mask with strokes that are thicker by up to `most_mm`."""
    px = round(float(rng.uniform(0, most_mm)) * px_per_mm)
    if px < 2:
        return mask
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (px, px))), np.uint8)


def _slanted(mask: ByteArray, shear: float, degrees: float) -> ByteArray:
    """The mask, sheared to the right by `shear` px per px of height and turned counterclockwise about its middle."""
    height, width = mask.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    tilt = np.array([[1, -shear, shear * height / 2], [0, 1, 0], [0, 0, 1]], np.float64)
    return np.asarray(cv2.warpAffine(mask, matrix @ tilt, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def _blob(rng: Rng, radius: float) -> Points:
    """The corners (24, 2) of a blot with a wavy outline around the origin; `radius` is its mean radius in mm."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radii = radius * (1 + 0.3 * np.sin(angles * 2 + rng.uniform(0, 6)) + 0.2 * np.sin(angles * 3 + rng.uniform(0, 6)))
    return np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)


# Each kind with its probability and the function that draws it.
_P_AND_MAKERS: dict[SignatureDistractorKind, tuple[float, Maker]] = {
    SignatureDistractorKind.SCRIPT_NAME: (0.55, _script_name),
    SignatureDistractorKind.LETTER_NAME: (0.27, _letter_name),
    SignatureDistractorKind.ENGRAVING: (0.18, _engraving),
}
