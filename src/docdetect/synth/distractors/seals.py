"""Distractors of stamps in letterheads: printed seals of authorities, and firms' logos in rings and boxes.

They are as round or framed as stamps are. What tells them apart is print: even, upright, sharp, often in gold or in
several colours, at the head or the foot of the page.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from docdetect.synth.distractors.painter import WHITE, Maker, Painter, draw_kind, polygon, print_colour
from docdetect.synth.fonts import FontBook, FontStyle, Script
from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.text import BRANDS, CITIES, OFFICES, STATES, number, pick

Rng = np.random.Generator

_GOLD: RGB = (176, 138, 52)


class SealDistractorKind(str, Enum):
    """Kinds of printed seals and logos."""

    SEAL = "seal"  # the seal of an authority: rings, text along them, an emblem
    RING_LOGO = "ring_logo"  # a firm's name or letters in a thin ring
    BOXED_LOGO = "boxed_logo"  # a firm's name in a box, filled or not
    STACKED_LOGO = "stacked_logo"  # an emblem with a name and a line of small print below
    CERTIFIED = "certified"  # the mark of a certifying body: letters, a number, a frame


def make_seal_distractor(
    rng: Rng, px_per_mm: float, fonts: FontBook, *, kind: SealDistractorKind | None = None
) -> Patch:
    """Draws a printed seal or logo.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for names.
        kind: what the picture shows; None for the usual mixture.
    """
    return draw_kind(_P_AND_MAKERS, rng, px_per_mm, fonts, kind)


def _ink(rng: Rng) -> RGB:
    """A colour of seals and logos: black and grey, blue, gold, red, green."""
    return _GOLD if rng.random() < 0.12 else print_colour(rng)


def _seal(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Two or three rings, text between them, an emblem in the middle; at times a band of colour behind the text."""
    size = float(rng.uniform(14, 34))
    painter = Painter(size + 1, size + 1, px_per_mm)
    radius, colour = size / 2, _ink(rng)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SERIF if rng.random() < 0.7 else FontStyle.SANS)
    inner = radius * float(rng.uniform(0.62, 0.74))
    banded = rng.random() < 0.4
    if banded:
        painter.fill(polygon(90, radius), colour)
        painter.fill(polygon(80, inner), WHITE)
    if rng.random() < 0.3:
        painter.fill(polygon(80, inner * 0.95), print_colour(rng) if rng.random() < 0.5 else (230, 236, 244))
    layer = painter.layer()
    layer.ring(radius * 0.985, float(rng.uniform(0.15, 0.5)))
    layer.ring(inner, float(rng.uniform(0.12, 0.35)), dashes=int(rng.choice([0, 0, 60, 90])))
    if rng.random() < 0.4:
        layer.teeth(radius * 0.93, radius * 0.985, int(rng.integers(60, 120)), 0.14)
    painter.paint(layer.alpha, WHITE if banded else colour)
    words = painter.layer()
    band = inner * 1.08, radius * 0.9
    words.arc_text(pick(rng, STATES[Script.LATIN]).upper(), face, band, (0.0, 3.4))
    below = pick(rng, (pick(rng, OFFICES[Script.LATIN]).upper(), f"* {int(rng.integers(1700, 1999))} *"))
    words.arc_text(below, face, band, (np.pi, 2.2), upright_below=True)
    painter.paint(words.alpha, WHITE if banded else colour)
    painter.emblem(rng, (0, 0), inner * 1.5, colour)
    return painter.patch()


def _ring_logo(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Letters or a name in a circle, an ellipse or a polygon of thin or thick line."""
    size = float(rng.uniform(10, 30))
    painter = Painter(size * 1.6, size + 2, px_per_mm)
    colour = _ink(rng)
    shape = polygon(int(rng.choice([80, 80, 80, 6, 8, 4])), size / 2, float(rng.choice([0.0, np.pi / 4])))
    shape = shape * np.array([float(rng.choice([1.0, 1.0, 1.5])), 1.0])
    width = float(rng.uniform(0.3, 2.2))
    if rng.random() < 0.35:
        painter.fill(shape, colour)
        text_colour = WHITE
        painter.outline(shape * 0.88, 0.3, WHITE)
    else:
        painter.outline(shape * 0.95, width, colour)
        text_colour = colour if rng.random() < 0.7 else _ink(rng)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SANS if rng.random() < 0.6 else None)
    if rng.random() < 0.5:
        letters = "".join(pick(rng, "ABCDEFGHKLMNPRSTUVWX") for _ in range(int(rng.integers(1, 4))))
        painter.text(letters, face, (0, 0, size * float(rng.uniform(0.3, 0.5)), size * 0.75), text_colour)
    else:
        painter.text(pick(rng, BRANDS[Script.LATIN]), face, (0, 0, size * 0.22, size * 0.85), text_colour)
    return painter.patch()


def _boxed_logo(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A name in a rectangle, white on colour or coloured in a frame, often with a second line."""
    wide, high = float(rng.uniform(14, 50)), float(rng.uniform(7, 22))
    painter = Painter(wide + 2, high + 2, px_per_mm)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([wide / 2, high / 2])
    colour = _ink(rng)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SANS if rng.random() < 0.7 else FontStyle.SERIF)
    filled = rng.random() < 0.5
    if filled:
        painter.fill(box, colour, _ink(rng) if rng.random() < 0.2 else None)
    else:
        painter.outline(box * 0.97, float(rng.uniform(0.3, 1.6)), colour)
    two = rng.random() < 0.5
    tint = WHITE if filled else colour
    name = pick(rng, BRANDS[Script.LATIN]).upper()
    painter.text(name, face, (0, -high * (0.14 if two else 0.0), high * (0.36 if two else 0.46), wide * 0.88), tint)
    if two:
        painter.text(pick(rng, CITIES[Script.LATIN]), face, (0, high * 0.28, high * 0.16, wide * 0.8), tint)
    return painter.patch()


def _stacked_logo(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """An emblem or a shape with a name and a line of small print below it."""
    size = float(rng.uniform(10, 26))
    painter = Painter(size * 2.6, size * 2.0, px_per_mm)
    colour = _ink(rng)
    if rng.random() < 0.6:
        painter.emblem(rng, (0, -size * 0.35), size, colour)
    else:
        for _ in range(int(rng.integers(1, 4))):
            shape = polygon(int(rng.choice([3, 4, 5, 6, 60])), size * float(rng.uniform(0.2, 0.5)), float(rng.random()))
            painter.fill(shape + np.array([float(rng.normal(0, size * 0.12)), -size * 0.35]), _ink(rng))
    face = fonts.choose(rng, Script.LATIN)
    painter.text(pick(rng, BRANDS[Script.LATIN]), face, (0, size * 0.38, size * 0.22, size * 2.2), colour)
    small = f"{pick(rng, CITIES[Script.LATIN])} - Tel. {number(rng, 6)}"
    painter.text(small, face, (0, size * 0.68, size * 0.1, size * 2.2), colour)
    return painter.patch()


def _certified(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """The mark of a certifying body: large letters over a bar or in a frame, with a number below."""
    size = float(rng.uniform(10, 22))
    painter = Painter(size * 1.3, size * 1.5, px_per_mm)
    colour = _ink(rng)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SANS)
    frame = np.array([[-0.5, -0.62], [0.5, -0.62], [0.5, 0.62], [-0.5, 0.62]]) * size
    painter.outline(frame, float(rng.uniform(0.3, 0.9)), colour)
    letters = "".join(pick(rng, "ABCDEIKMNQSTUV") for _ in range(int(rng.integers(2, 5))))
    painter.text(letters, face, (0, -size * 0.22, size * 0.42, size * 0.8), colour)
    painter.fill(np.array([[-0.5, 0.12], [0.5, 0.12], [0.5, 0.38], [-0.5, 0.38]]) * size, colour)
    word = pick(rng, ("ISO 9001", "TESTED", "MEMBER", "CERTIFIED"))
    painter.text(word, face, (0, size * 0.25, size * 0.13, size * 0.8), WHITE)
    painter.text(number(rng, 5), face, (0, size * 0.5, size * 0.11, size * 0.8), colour)
    return painter.patch()


# Each kind with its probability and the function that draws it.
_P_AND_MAKERS: dict[SealDistractorKind, tuple[float, Maker]] = {
    SealDistractorKind.SEAL: (0.36, _seal),
    SealDistractorKind.RING_LOGO: (0.2, _ring_logo),
    SealDistractorKind.BOXED_LOGO: (0.2, _boxed_logo),
    SealDistractorKind.STACKED_LOGO: (0.16, _stacked_logo),
    SealDistractorKind.CERTIFIED: (0.08, _certified),
}
