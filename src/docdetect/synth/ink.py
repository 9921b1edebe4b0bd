"""Inks and pens: colours as they come out on paper, line widths in mm, evenness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

RGB: TypeAlias = tuple[int, int, int]

# Means of what scanners make of the common inks.
_PEN_COLOURS: dict[str, RGB] = {
    "blue": (52, 72, 172),
    "dark blue": (32, 38, 104),
    "black": (26, 26, 30),
    "grey": (92, 92, 96),
    "violet": (86, 56, 150),
}
_STAMP_COLOURS: dict[str, RGB] = {
    "blue": (46, 94, 196),
    "dark blue": (48, 58, 150),
    "violet": (98, 74, 168),
    "red": (198, 50, 52),
    "green": (34, 130, 90),
    "black": (34, 34, 38),
    "grey": (112, 112, 114),
    "light blue": (84, 152, 208),
}


@dataclass(frozen=True)
class Ink:
    """A colour and how much of it covers the paper (0..1)."""

    rgb: RGB
    opacity: float = 1.0


@dataclass(frozen=True)
class Pen:
    """How a pen writes.

    Attributes:
        width_mm: mean line width.
        contrast: how much the width follows the speed (0: always the same, 1: hairlines at full speed).
        pressure: how much the ink fades with speed (0..1).
        streaks: how grainy the line is (0..1), as a ballpoint's is.
        blot: how much ink gathers where the pen rests (0..1).
    """

    width_mm: float
    contrast: float
    pressure: float
    streaks: float
    blot: float = 0.0


def pen_ink(rng: np.random.Generator, colour: str | None = None) -> Ink:
    """Ink of a pen; `colour` is blue, dark blue, black, grey or violet, or None for the usual mixture."""
    names = list(_PEN_COLOURS)
    name = colour or names[int(rng.choice(len(names), p=[0.36, 0.14, 0.32, 0.08, 0.10]))]
    return Ink(_varied(rng, _PEN_COLOURS[name], 16), float(rng.uniform(0.55, 1.0)))


def stamp_ink(rng: np.random.Generator, colour: str | None = None) -> Ink:
    """Ink of a stamp pad; `colour` is one of blue, dark blue, light blue, violet, red, green, black, grey, or None."""
    names = list(_STAMP_COLOURS)
    name = colour or names[int(rng.choice(len(names), p=[0.26, 0.14, 0.20, 0.10, 0.05, 0.11, 0.05, 0.09]))]
    return Ink(_varied(rng, _STAMP_COLOURS[name], 18), float(rng.uniform(0.7, 1.0)))


def grey_ink(ink: Ink) -> Ink:
    """The same ink as a black-and-white scanner sees it (ITU-R BT.601 luma)."""
    luma = round(0.299 * ink.rgb[0] + 0.587 * ink.rgb[1] + 0.114 * ink.rgb[2])
    return Ink((luma, luma, luma), ink.opacity)


def make_pen(rng: np.random.Generator, kind: str | None = None) -> Pen:
    """A pen of `kind` ballpoint, gel, fountain or felt, or of a random kind."""
    kinds = ("ballpoint", "gel", "fountain", "felt")
    chosen = kind or kinds[int(rng.choice(4, p=[0.58, 0.20, 0.12, 0.10]))]
    if chosen == "ballpoint":
        return Pen(float(rng.uniform(0.17, 0.43)), 0.25, 0.4, float(rng.uniform(0.1, 0.45)), 0.1)
    if chosen == "gel":
        return Pen(float(rng.uniform(0.27, 0.55)), 0.15, 0.1, 0.03, 0.2)
    if chosen == "fountain":
        return Pen(float(rng.uniform(0.32, 0.7)), 0.65, 0.2, 0.05, 0.35)
    return Pen(float(rng.uniform(0.6, 1.05)), 0.2, 0.1, 0.06, 0.3)


def _varied(rng: np.random.Generator, rgb: RGB, spread: float) -> RGB:
    shade = rng.normal(0, spread)
    red, green, blue = (int(np.clip(value + shade + rng.normal(0, spread / 2), 0, 235)) for value in rgb)
    return red, green, blue
