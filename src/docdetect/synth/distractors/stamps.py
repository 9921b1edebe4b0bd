"""Distractors of stamps: logos, coats of arms, rosettes, badges, buttons and ornaments, which are printed."""

from __future__ import annotations

from enum import Enum

import numpy as np

from docdetect.synth.distractors.painter import WHITE, Maker, Painter, Points, draw_kind, polygon
from docdetect.synth.fonts import FontBook, FontStyle, Script
from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.text import brand

Rng = np.random.Generator


class StampDistractorKind(str, Enum):
    """Kinds of printed pictures that resemble stamps."""

    WORDMARK = "wordmark"  # a logo of a shape and a name beside it
    ROUND_LOGO = "round_logo"  # a filled disc or ring with a name
    ARMS = "arms"  # a coat of arms as letterheads have it
    ROSETTE = "rosette"  # fine interlaced curves as certificates have them
    BADGE = "badge"  # a golden or red seal, often with ribbons
    BUTTON = "button"  # a button of a printed web page
    ORNAMENT = "ornament"  # mirrored spirals


def make_stamp_distractor(
    rng: Rng, px_per_mm: float, fonts: FontBook, *, kind: StampDistractorKind | None = None
) -> Patch:
    """Draws a printed picture that resembles a stamp.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for names.
        kind: what the picture shows; None for the usual mixture.
    """
    return draw_kind(_P_AND_MAKERS, rng, px_per_mm, fonts, kind)


def _colour(rng: Rng) -> RGB:
    """A colour of logos; blues and reds, which stamps have too, are common."""
    bases = (
        (0, 82, 165),
        (200, 30, 45),
        (0, 130, 90),
        (240, 140, 20),
        (30, 30, 34),
        (90, 50, 140),
        (0, 150, 190),
        (150, 115, 40),
    )
    base = bases[int(rng.choice(8, p=[0.26, 0.18, 0.12, 0.1, 0.14, 0.06, 0.08, 0.06]))]
    red, green, blue = (int(np.clip(value + rng.normal(0, 18), 0, 245)) for value in base)
    return red, green, blue


def _starburst(count: int, outer: float, inner: float) -> Points:
    """The corners (2 * count, 2) of a star with `count` points; `outer` and `inner` are radii in mm."""
    angles = np.arange(2 * count) * np.pi / count
    radii = np.where(np.arange(2 * count) % 2 == 0, outer, inner)
    return np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)


def _paint_symbol(rng: Rng, painter: Painter, x: float, size: float) -> None:
    """Paints an abstract symbol of one to three overlapping shapes, `size` mm wide, around (x, 0)."""
    for _ in range(int(rng.integers(1, 4))):
        sides = int(rng.choice([3, 4, 5, 6, 40]))
        middle = np.array([x, 0.0]) + rng.normal(0, size * 0.12, 2)
        shape = polygon(sides, size * float(rng.uniform(0.25, 0.5)), float(rng.uniform(0, 6.28))) + middle
        painter.fill(shape, _colour(rng), _colour(rng) if rng.random() < 0.3 else None)
        if rng.random() < 0.4:
            painter.fill((shape - middle) * float(rng.uniform(0.3, 0.7)) + middle, WHITE)


def _wordmark(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A symbol and a firm's name to the right of it."""
    high = float(rng.uniform(6, 18))
    wide = high * float(rng.uniform(2.5, 5))
    painter = Painter(wide + 2, high + 2, px_per_mm)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SANS if rng.random() < 0.7 else FontStyle.SERIF)
    _paint_symbol(rng, painter, -wide / 2 + high / 2, high)
    name = brand(rng, Script.LATIN)
    painter.text(name, face, (high / 2, 0.0, high * float(rng.uniform(0.3, 0.55)), wide - high * 1.2), _colour(rng))
    return painter.patch()


def _round_logo(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A filled disc with a name or an emblem on it, or a ring in two colours with a name along it."""
    diameter = float(rng.uniform(14, 42))
    painter = Painter(diameter + 1, diameter + 1, px_per_mm)
    radius = diameter / 2
    colour, second = _colour(rng), _colour(rng)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SANS)
    painter.fill(polygon(80, radius), colour, second if rng.random() < 0.3 else None)
    if rng.random() < 0.5:
        inner = radius * float(rng.uniform(0.55, 0.72))
        painter.fill(polygon(80, inner), WHITE if rng.random() < 0.6 else second)
        layer = painter.layer()
        layer.arc_text(brand(rng, Script.LATIN).upper(), face, (inner * 1.06, radius * 0.93), (0.0, 3.2))
        painter.paint(layer.alpha, WHITE)
        painter.emblem(rng, (0, 0), inner * 1.4, colour)
    elif rng.random() < 0.5:
        painter.emblem(rng, (0, 0), radius * 1.5, WHITE)
    else:
        painter.outline(polygon(80, radius * 0.88), 0.4, WHITE)
        painter.text(brand(rng, Script.LATIN), face, (0, 0, radius * 0.4, radius * 1.6), WHITE)
    return painter.patch()


def _arms(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A coat of arms: an emblem alone, or a quartered shield in colours, often with a ribbon below."""
    size = float(rng.uniform(12, 30))
    painter = Painter(size + 1, size * 1.25 + 1, px_per_mm)
    if rng.random() < 0.5:
        black: RGB = (25, 25, 28)
        painter.emblem(rng, (0, 0), size, black if rng.random() < 0.6 else _colour(rng))
        return painter.patch()
    half = size * 0.4
    shield = np.array([[-1, -1], [1, -1], [1, 0.35], [0.55, 1.0], [0, 1.3], [-0.55, 1.0], [-1, 0.35]]) * half
    painter.fill(shield, _colour(rng))
    painter.fill(np.array([[-1, -1], [0, -1], [0, 0.1], [-1, 0.1]]) * half, _colour(rng))
    if rng.random() < 0.5:
        painter.fill(np.array([[0, 0.1], [1, 0.1], [1, 0.35], [0.55, 1.0], [0, 1.3]]) * half, _colour(rng))
    painter.outline(shield, 0.4, (40, 36, 30))
    painter.emblem(rng, (0, -half * 0.1), half * 1.2, WHITE if rng.random() < 0.5 else (215, 175, 60))
    if rng.random() < 0.6:
        ribbon = np.array([[-1.15, 1.2], [1.15, 1.2], [1.0, 1.5], [-1.0, 1.5]]) * half
        painter.fill(ribbon, (215, 175, 60))
        face = fonts.choose(rng, Script.LATIN, FontStyle.SERIF)
        painter.text(brand(rng, Script.LATIN).upper(), face, (0, half * 1.35, half * 0.18, half * 1.6), (40, 36, 30))
    return painter.patch()


def _rosette(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Fine interlaced curves in pale colours, as on certificates and banknotes."""
    del fonts
    size = float(rng.uniform(20, 60))
    painter = Painter(size + 2, size + 2, px_per_mm)
    angles = np.linspace(0, 2 * np.pi, 720)
    petals = int(rng.integers(6, 24))
    tint = _colour(rng)
    pale: RGB = tuple(int(value + (255 - value) * float(rng.uniform(0.2, 0.6))) for value in tint)  # type: ignore[assignment]
    layer = painter.layer()
    for number in range(int(rng.integers(4, 10))):
        swing = size * float(rng.uniform(0.04, 0.14))
        middle = size / 2 * (0.3 + 0.55 * float(rng.random()))
        radii = np.minimum(middle + swing * np.cos(petals * angles + number * 0.7), size / 2)
        layer.line(np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1), 0.16, closed=True)
    painter.paint(layer.alpha, pale)
    return painter.patch()


def _badge(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A golden or red star of many points with a disc on it, often with ribbons that hang from it."""
    size = float(rng.uniform(18, 42))
    painter = Painter(size + 2, size * 1.5 + 2, px_per_mm)
    gold: tuple[RGB, RGB] = ((232, 194, 84), (166, 120, 30))
    red: tuple[RGB, RGB] = ((206, 40, 46), (140, 16, 26))
    light, dark = gold if rng.random() < 0.65 else red
    radius = size / 2
    if rng.random() < 0.5:
        for side in (-1, 1):
            tail = np.array([[0.1, 0.5], [0.6, 0.5], [0.75, 1.45], [0.45, 1.25], [0.2, 1.45]]) * radius
            painter.fill(tail * np.array([side, 1.0]), dark)
    painter.fill(_starburst(int(rng.integers(16, 40)), radius, radius * 0.9), light, dark)
    painter.fill(polygon(60, radius * 0.74), dark, light)
    painter.outline(polygon(60, radius * 0.68), 0.4, light)
    if rng.random() < 0.5:
        painter.emblem(rng, (0, 0), radius, (250, 240, 210))
    else:
        words = ("CERTIFIED", "QUALITY", "No. 1", "AWARD", "BEST OF YEAR")
        face = fonts.choose(rng, Script.LATIN, FontStyle.SERIF)
        painter.text(words[int(rng.integers(len(words)))], face, (0, 0, radius * 0.28, radius * 1.15), (250, 240, 210))
    return painter.patch()


def _button(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A button of a printed web page, filled or in outline."""
    wide, high = float(rng.uniform(18, 50)), float(rng.uniform(6, 13))
    painter = Painter(wide + 2, high + 2, px_per_mm)
    corner = high * float(rng.choice([0.1, 0.3, 0.5]))
    quarter = np.linspace(0, np.pi / 2, 8)
    corners = []
    for number, (x, y) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        turned = quarter + number * np.pi / 2
        middle = np.array([x * (wide / 2 - corner), y * (high / 2 - corner)])
        corners.append(middle + np.stack([np.cos(turned), np.sin(turned)], axis=1) * corner)
    outline = np.vstack(corners)
    colour = _colour(rng)
    words = ("Submit", "Sign here", "Buy now", "Оплатить", "Подписать", "Download", "OK", "Отправить", "Next >")
    face = fonts.choose(rng, Script.CYRILLIC if fonts.covers(Script.CYRILLIC) else Script.LATIN, FontStyle.SANS)
    label = words[int(rng.integers(len(words)))]
    if rng.random() < 0.3:
        painter.outline(outline, 0.4, colour)
        painter.text(label, face, (0, 0, high * 0.36, wide * 0.8), colour)
    else:
        painter.fill(outline, colour, _colour(rng) if rng.random() < 0.3 else None)
        painter.text(label, face, (0, 0, high * 0.36, wide * 0.8), WHITE)
    return painter.patch()


def _ornament(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Mirrored spirals, as certificates have them at their corners and between their parts."""
    del fonts
    wide = float(rng.uniform(20, 70))
    painter = Painter(wide + 2, wide * 0.4 + 2, px_per_mm)
    layer = painter.layer()
    for _ in range(int(rng.integers(2, 5))):
        turns = np.linspace(0, float(rng.uniform(3, 9)), 80)
        radius = wide * 0.02 + wide * 0.016 * turns
        centre = np.array([float(rng.uniform(0.05, 0.34)) * wide, float(rng.normal(0, 0.04)) * wide])
        spiral = centre + np.stack([np.cos(turns) * radius, np.sin(turns) * radius], axis=1)
        for side in (-1.0, 1.0):
            layer.line(spiral * np.array([side, 1.0]), float(rng.uniform(0.3, 0.9)))
    layer.star((0.0, 0.0), wide * 0.05, int(rng.choice([4, 5, 8])))
    painter.paint(layer.alpha, _colour(rng))
    return painter.patch()


# Each kind with its probability and the function that draws it.
_P_AND_MAKERS: dict[StampDistractorKind, tuple[float, Maker]] = {
    StampDistractorKind.WORDMARK: (0.24, _wordmark),
    StampDistractorKind.ROUND_LOGO: (0.26, _round_logo),
    StampDistractorKind.ARMS: (0.2, _arms),
    StampDistractorKind.ROSETTE: (0.08, _rosette),
    StampDistractorKind.BADGE: (0.1, _badge),
    StampDistractorKind.BUTTON: (0.06, _button),
    StampDistractorKind.ORNAMENT: (0.06, _ornament),
}
