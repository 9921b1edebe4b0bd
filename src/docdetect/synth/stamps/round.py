"""Cuts round and oval seals and round date stamps: rings, text along arcs, and the emblem or text in the middle."""

from __future__ import annotations

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas, arc_points
from docdetect.synth.stamps.emblems import emblem
from docdetect.synth.stamps.text import StampText, company_text, date_text, notary_text, official_text

Rng = np.random.Generator

# Probability that a seal is a notary's, by script.
_P_NOTARY_LATIN = 0.5
_P_NOTARY_OTHER_SCRIPT = 0.12

# Probability that a seal which is no notary's is a company's; all others belong to public bodies.
_P_COMPANY_AMONG_OTHERS = 0.6


def round_seal(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts a round seal, 30 to 50 mm wide.

    Args:
        rng: random generator.
        fonts: font faces for the text.
        script: script of the text.
        px_per_mm: resolution of the page.

    Returns:
        The seal, and its kind: "stamp_company", "stamp_official" or "stamp_notary".
    """
    diameter = float(np.clip(rng.normal(40, 3.6), 30, 50))
    text = _seal_text(rng, script)
    canvas = StampCanvas(diameter + 1, diameter + 1, px_per_mm)
    face = _seal_face(rng, fonts, text.script)
    inner = _border(rng, canvas, diameter / 2)
    if text.kind == "stamp_notary" and text.script in (Script.LATIN, Script.DEVANAGARI):
        middle = _two_arcs(rng, canvas, text, face, inner)
    else:
        middle = _full_rings(rng, canvas, text, face, inner)
    _middle(rng, canvas, text, face, middle)
    return canvas, text.kind


def oval_seal(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts an oval seal: a round seal, made wider and lower. Arguments and results are those of `round_seal`."""
    canvas, kind = round_seal(rng, fonts, script, px_per_mm)
    wide, flat = float(rng.uniform(1.05, 1.3)), float(rng.uniform(0.62, 0.85))
    height, width = canvas.alpha.shape
    canvas.alpha = _resized(canvas, (round(width * wide), round(height * flat)))
    return canvas, kind


def round_dater(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts a round stamp like a postmark, 26 to 40 mm wide, with a date between two bars.

    Arguments and results are those of `round_seal`.
    """
    diameter = float(rng.uniform(26, 40))
    canvas = StampCanvas(diameter + 1, diameter + 1, px_per_mm)
    text = official_text(rng, script)
    face = _seal_face(rng, fonts, script)
    radius = diameter / 2
    canvas.ring(radius - 0.3, float(rng.uniform(0.25, 0.6)), dashes=int(rng.choice([0, 0, 24, 40])))
    letter = radius * float(rng.uniform(0.2, 0.28))
    canvas.arc_text(text.rings[1][:26], face, (radius - 1 - letter, radius - 1), (0.0, 3.6))
    canvas.arc_text(
        text.rings[0].split(" * ")[-1][:18], face, (radius - 1 - letter, radius - 1), (np.pi, 2.0), upright_below=True
    )
    inner = radius - letter - 1.6
    if rng.random() < 0.6:
        canvas.ring(inner, 0.25)
    bar = inner * 0.26
    for y in (-bar, bar) if rng.random() < 0.7 else ():
        half = np.sqrt(max(inner**2 - y**2, 0.1))
        canvas.line(np.array([[-half, y], [half, y]]), 0.3)
    canvas.text(date_text(rng), face, (0, 0), bar * 1.2, inner * 1.8)
    return canvas, "stamp_official"


def _resized(canvas: StampCanvas, size_wh: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(cv2.resize(canvas.alpha, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _seal_text(rng: Rng, script: Script) -> StampText:
    """The text of a notary, a company or a public body."""
    p_notary = _P_NOTARY_LATIN if script is Script.LATIN else _P_NOTARY_OTHER_SCRIPT
    uniform = rng.random()
    if uniform < p_notary:
        return notary_text(rng, script)
    p_company = (1 - p_notary) * _P_COMPANY_AMONG_OTHERS
    return company_text(rng, script) if uniform < p_notary + p_company else official_text(rng, script)


def _seal_face(rng: Rng, fonts: FontBook, script: Script) -> FontFace:
    """A face for a seal: mostly an upright face without serifs, often a bold one."""
    style = FontStyle.SANS if rng.random() < 0.75 else FontStyle.SERIF
    family = fonts.choose(rng, script, style).family
    faces = [face for face in fonts.matching(script, style, italic=False) if face.family == family]
    if not faces:
        return fonts.choose(rng, script, style)
    bold = [face for face in faces if face.bold]
    pool = bold if bold and rng.random() < 0.45 else faces
    return pool[int(rng.integers(len(pool)))]


def _border(rng: Rng, canvas: StampCanvas, radius: float) -> float:
    """Draws the outer rim of a seal of `radius` mm: a ring, two rings, ticks, waves or dashes.

    Returns:
        The radius within which there is room, mm.
    """
    style = int(rng.choice(6, p=[0.3, 0.26, 0.14, 0.12, 0.08, 0.1]))
    thick = float(rng.uniform(0.35, 1.0))
    canvas.ring(radius - thick / 2, thick, dashes=int(rng.integers(20, 60)) if style == 4 else 0)
    if style == 0:
        return radius - thick
    if style == 1:
        gap = float(rng.uniform(0.35, 0.8))
        canvas.ring(radius - thick - gap, float(rng.uniform(0.15, 0.4)))
        return radius - thick - gap - 0.2
    if style == 2:
        canvas.teeth(radius - thick - 1.0, radius, int(rng.integers(60, 140)), 0.22)
        canvas.ring(radius - thick - 1.1, 0.2)
        return radius - thick - 1.3
    if style == 3:
        _guilloche(rng, canvas, radius - thick - 0.9)
        canvas.ring(radius - thick - 1.8, 0.2)
        return radius - thick - 2.0
    return radius - thick - 0.1


def _guilloche(rng: Rng, canvas: StampCanvas, radius: float) -> None:
    """Draws two interlaced waves along a circle of `radius` mm."""
    waves = int(rng.integers(24, 48))
    angles = np.linspace(0, 2 * np.pi, waves * 10)
    for phase in (0.0, np.pi):
        radii = radius + 0.7 * np.sin(waves * angles + phase)
        canvas.line(np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1), 0.15, closed=True)


def _full_rings(rng: Rng, canvas: StampCanvas, text: StampText, face: FontFace, radius: float) -> float:
    """Draws texts that run all around, ring within ring; returns the radius of the middle, mm."""
    count = int(rng.integers(1, len(text.rings) + 1)) if rng.random() < 0.5 else min(2, len(text.rings))
    separator = float(rng.uniform(0.15, 0.4)) if rng.random() < 0.75 else 0.0
    letter = float(rng.uniform(2.0, 3.1))
    for number, words in enumerate(text.rings[:count]):
        outer = radius - float(rng.uniform(0.3, 0.7))
        inner = outer - letter
        # The text begins and ends at the bottom, where stars fill the gap that it leaves.
        taken = canvas.arc_text(words, face, (inner, outer), (0.0, 2 * np.pi * 0.955))
        _fill_gap(rng, canvas, (inner + outer) / 2, letter, 2 * np.pi - taken)
        radius = inner - float(rng.uniform(0.3, 0.6))
        if separator and (number + 1 < count or rng.random() < 0.8):
            canvas.ring(radius, separator)
            radius -= separator / 2
        letter *= float(rng.uniform(0.62, 0.85))
        if radius < 8.5:
            break
    return radius


def _fill_gap(rng: Rng, canvas: StampCanvas, radius: float, letter: float, gap: float) -> None:
    """Draws one to three stars at the bottom of a ring, in the part that its text leaves free.

    Args:
        rng: random generator.
        canvas: the surface, changed.
        radius: radius of the middle of the ring, mm.
        letter: height of the ring's letters, mm.
        gap: angle of the free part, radians.
    """
    signs = int(np.clip(gap * radius / (letter * 1.6), 1, 3))
    points = int(rng.choice([5, 5, 6, 8]))
    for number in range(signs):
        angle = np.pi / 2 + (number - (signs - 1) / 2) * gap / (signs + 0.5)
        at = (radius * float(np.cos(angle)), radius * float(np.sin(angle)))
        canvas.star(at, letter * min(0.42, gap * radius / letter * 0.3), points, angle + np.pi / 2)


def _two_arcs(rng: Rng, canvas: StampCanvas, text: StampText, face: FontFace, radius: float) -> float:
    """Draws one text above, another below, and stars between them; returns the radius of the middle, mm."""
    letter = float(rng.uniform(3.0, 4.6))
    outer = radius - float(rng.uniform(0.5, 1.0))
    inner = outer - letter
    top = canvas.arc_text(text.rings[0], face, (inner, outer), (0.0, float(rng.uniform(1.5, 2.6))))
    canvas.arc_text(text.rings[1], face, (inner, outer), (np.pi, float(rng.uniform(2.4, 3.0))), upright_below=True)
    for side in (-1, 1):
        angle = side * (top / 2 + 0.35)
        middle = (inner + outer) / 2
        canvas.star((middle * float(np.sin(angle)), -middle * float(np.cos(angle))), letter * 0.38)
    if rng.random() < 0.85:
        canvas.ring(inner - 0.5, float(rng.uniform(0.2, 0.6)))
    return inner - 0.8


def _middle(rng: Rng, canvas: StampCanvas, text: StampText, face: FontFace, radius: float) -> None:
    """Draws the middle of a seal, of `radius` mm: an emblem, an emblem above a name, or lines of text."""
    uniform = rng.random()
    if text.kind == "stamp_official" and uniform < 0.75:
        size = radius * 2 * float(rng.uniform(0.72, 0.95))
        picture = emblem(rng, max(8, round(size * canvas.scale)))
        left, top = (round(canvas.centre[axis] - picture.shape[0] / 2) for axis in (0, 1))
        canvas.add(picture, left, top)
    elif text.kind == "stamp_company" and uniform < 0.12:
        picture = emblem(rng, max(8, round(radius * 1.0 * canvas.scale)))
        canvas.add(
            picture,
            round(canvas.centre[0] - picture.shape[0] / 2),
            round(canvas.centre[1] - radius * 0.85 * canvas.scale),
        )
        canvas.text(text.centre[0], face, (0, radius * 0.42), radius * 0.32, radius * 1.5)
    else:
        _centre_lines(rng, canvas, text.centre, face, radius * 0.94)
        if uniform > 0.9:
            for sign in (-1, 1):
                span = arc_points(radius * 0.9, sign * 1.0, sign * (np.pi - 1.0))
                canvas.line(span, 0.25)


def _centre_lines(rng: Rng, canvas: StampCanvas, lines: tuple[str, ...], face: FontFace, radius: float) -> None:
    """Draws lines of text that fit into a circle of `radius` mm, the first of several often larger than the others."""
    shown = [line for line in lines if line]
    sizes = np.array(
        [1.0 if number or len(shown) == 1 else float(rng.uniform(1.0, 1.5)) for number in range(len(shown))]
    )
    leading = float(rng.uniform(1.25, 1.6))
    unit = min(radius * 1.7 / (sizes.sum() * leading), radius * float(rng.uniform(0.28, 0.42)))
    top = -unit * leading * sizes.sum() / 2
    for line, size in zip(shown, sizes.tolist(), strict=True):
        height = unit * size
        middle = top + height * leading / 2
        farthest = min(abs(middle) + height / 2, radius * 0.96)
        canvas.text(line, face, (0, middle), height, 2 * float(np.sqrt(radius**2 - farthest**2)))
        top += height * leading
