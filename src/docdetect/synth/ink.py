"""Inks and pens: colours as they come out on paper, widths of lines in mm, and how evenly a pen writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

RGB: TypeAlias = tuple[int, int, int]

# Mean colours of the common inks as scanners see them.
_PEN_COLOURS: dict[str, RGB] = {
    "blue": (52, 72, 172),
    "dark blue": (32, 38, 104),
    "black": (26, 26, 30),
    "grey": (92, 92, 96),
    "violet": (86, 56, 150),
}
_P_PEN_COLOURS = (0.36, 0.14, 0.32, 0.08, 0.10)

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
_P_STAMP_COLOURS = (0.26, 0.14, 0.20, 0.10, 0.05, 0.11, 0.05, 0.09)

_PEN_KINDS = ("ballpoint", "gel", "fountain", "felt")
_P_PEN_KINDS = (0.58, 0.20, 0.12, 0.10)


@dataclass(frozen=True)
class Ink:
    """An ink: its colour, and how much of the paper below it covers (0 to 1)."""

    rgb: RGB
    opacity: float = 1.0


@dataclass(frozen=True)
class Pen:
    """How a pen writes.

    Attributes:
        width_mm: mean line width.
        contrast: how much the line's width follows the speed, from 0 (always the same) to 1 (hairlines at full speed).
        pressure: how much the ink fades with the speed, from 0 to 1.
        streaks: how grainy the line is, from 0 to 1; a ballpoint's line is grainy.
        blot: how much ink gathers where the pen rests, from 0 to 1.
        fade: share of a stroke over which a swift hand lifts the pen at its end, so that the line thins and fades.
    """

    width_mm: float
    contrast: float
    pressure: float
    streaks: float
    blot: float = 0.0
    fade: float = 0.0


def pen_ink(rng: np.random.Generator) -> Ink:
    """The ink of a pen, of a random colour."""
    names = list(_PEN_COLOURS)
    name = names[int(rng.choice(len(names), p=_P_PEN_COLOURS))]
    return Ink(_varied(rng, _PEN_COLOURS[name], 16), float(rng.uniform(0.55, 1.0)))


def stamp_ink(rng: np.random.Generator) -> Ink:
    """The ink of a stamp pad, of a random colour."""
    names = list(_STAMP_COLOURS)
    name = names[int(rng.choice(len(names), p=_P_STAMP_COLOURS))]
    return Ink(_varied(rng, _STAMP_COLOURS[name], 18), float(rng.uniform(0.7, 1.0)))


def random_pen(rng: np.random.Generator, kind: str | None = None) -> Pen:
    """A pen.

    Args:
        rng: random generator.
        kind: ballpoint, gel, fountain or felt; None for the usual mixture.
    """
    chosen = kind or _PEN_KINDS[int(rng.choice(len(_PEN_KINDS), p=_P_PEN_KINDS))]
    if chosen == "ballpoint":
        return Pen(float(rng.uniform(0.17, 0.43)), 0.25, 0.4, float(rng.uniform(0.1, 0.45)), 0.1)
    if chosen == "gel":
        return Pen(float(rng.uniform(0.27, 0.55)), 0.15, 0.1, 0.03, 0.2)
    if chosen == "fountain":
        return Pen(float(rng.uniform(0.32, 0.7)), 0.65, 0.2, 0.05, 0.35)
    return Pen(float(rng.uniform(0.6, 1.05)), 0.2, 0.1, 0.06, 0.3)


def _varied(rng: np.random.Generator, rgb: RGB, spread: float) -> RGB:
    """The colour, lighter or darker by a normal amount of standard deviation `spread`, and slightly off in hue."""
    shade = rng.normal(0, spread)
    red, green, blue = (int(np.clip(value + shade + rng.normal(0, spread / 2), 0, 235)) for value in rgb)
    return red, green, blue
