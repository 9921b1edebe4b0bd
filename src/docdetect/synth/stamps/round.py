"""Round and oval seals.

Small pictures in the middle of seals, drawn as ink masks.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas, arc_points
from docdetect.synth.stamps.text import StampText, company_text, date_text, notary_text, official_text
from docdetect.types import ByteArray

Points = NDArray[np.float64]

_SUBPIXEL_BITS = 4


def emblem(rng: Rng, size_px: int) -> ByteArray:
    """A mask (size_px, size_px) of a random emblem: eagle, sun, pillar, scales, book, star, gear, tree or arms."""
    drawings: tuple[Callable[[Rng, ByteArray], None], ...] = (
        _eagle, _sun, _pillar, _scales, _book, _star, _gear, _tree, _arms, _arms, _eagle, _sun,
    )  # fmt: skip
    mask = np.zeros((size_px, size_px), np.uint8)
    drawings[int(rng.integers(len(drawings)))](rng, mask)
    return mask


def _put(mask: ByteArray, points: Points, *, value: int = 255, line: float = 0.0, closed: bool = True) -> None:
    """A polygon (filled, or outlined `line` wide) in units of half the mask, origin in the middle, y down."""
    half = len(mask) / 2
    fixed = np.rint((points + 1) * half * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)
    if line:
        cv2.polylines(mask, [fixed], closed, value, max(1, round(line * half)), cv2.LINE_AA, _SUBPIXEL_BITS)
    else:
        cv2.fillPoly(mask, [fixed], value, cv2.LINE_AA, _SUBPIXEL_BITS)


def _both(mask: ByteArray, points: Points, *, value: int = 255, line: float = 0.0) -> None:
    """The polygon and its mirror image."""
    _put(mask, points, value=value, line=line)
    _put(mask, points * np.array([-1.0, 1.0]), value=value, line=line)


def _disc(mask: ByteArray, x: float, y: float, radius: float, *, value: int = 255, line: float = 0.0) -> None:
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    _put(mask, np.stack([x + np.cos(angles) * radius, y + np.sin(angles) * radius], axis=1), value=value, line=line)


def _path(*points: tuple[float, float]) -> Points:
    return np.array(points, np.float64)


def _eagle(rng: Rng, mask: ByteArray) -> None:
    """Two heads, spread feathers, a shield on the breast."""
    feathers = int(rng.integers(5, 9))
    for number in range(feathers):
        angle = -1.0 + 2.1 * number / (feathers - 1)
        reach = 0.92 - 0.25 * number / feathers
        tip = (0.16 + np.cos(angle) * reach * 0.85, -0.05 + np.sin(angle) * reach * 0.75)
        _both(mask, _path((0.12, -0.3), (0.1, 0.12), tip, (tip[0] - 0.02, tip[1] - 0.13)), line=0.045)
    _put(mask, _path((-0.2, -0.35), (0.2, -0.35), (0.24, 0.2), (0, 0.55), (-0.24, 0.2)))
    _both(mask, _path((0.04, -0.3), (0.1, -0.75), (0.3, -0.8), (0.42, -0.68), (0.26, -0.66), (0.22, -0.3)))
    _both(mask, _path((0.08, 0.4), (0.4, 0.78), (0.3, 0.86), (0.14, 0.7)))
    _put(mask, _path((-0.08, 0.5), (0.08, 0.5), (0.2, 0.95), (-0.2, 0.95)))
    _put(mask, _path((-0.1, -0.15), (0.1, -0.15), (0.1, 0.1), (0, 0.25), (-0.1, 0.1)), value=0)
    _disc(mask, 0, -0.85, 0.09)


def _sun(rng: Rng, mask: ByteArray) -> None:
    """A round frame with spokes, held by two wings."""
    _disc(mask, 0, 0, 0.9, line=0.05)
    _disc(mask, 0, 0, 0.34, line=0.07)
    for angle in np.linspace(0, np.pi, int(rng.integers(3, 5)), endpoint=False):
        direction = np.array([np.cos(angle), np.sin(angle)]) * 0.34
        _put(mask, np.stack([direction, -direction]), line=0.045, closed=False)
    rays = int(rng.integers(20, 36))
    for number in range(rays):
        angle = 2 * np.pi * number / rays
        direction = np.array([np.cos(angle), np.sin(angle)])
        _put(mask, np.stack([direction * 0.42, direction * 0.62]), line=0.035, closed=False)
    _both(mask, _path((0.1, 0.8), (0.55, 0.6), (0.82, 0.1), (0.74, -0.3), (0.62, 0.25), (0.4, 0.6)))
    _disc(mask, 0, -0.72, 0.1)


def _pillar(rng: Rng, mask: ByteArray) -> None:
    """Animals on a capital, a motto below."""
    _disc(mask, 0, -0.62, 0.22)
    _both(mask, _path((0.1, -0.7), (0.4, -0.6), (0.44, -0.2), (0.3, 0.0), (0.14, -0.1)))
    _put(mask, _path((-0.16, -0.6), (0.16, -0.6), (0.2, 0.0), (-0.2, 0.0)))
    _put(mask, _path((-0.5, 0.05), (0.5, 0.05), (0.5, 0.25), (-0.5, 0.25)))
    _disc(mask, 0, 0.15, 0.08, value=0)
    _put(mask, _path((-0.4, 0.28), (0.4, 0.28), (0.24, 0.62), (-0.24, 0.62)), line=0.07)
    for x in np.linspace(-0.6, 0.6, int(rng.integers(5, 9))):
        _put(mask, _path((x, 0.76), (x + 0.08, 0.9)), line=0.06, closed=False)


def _scales(rng: Rng, mask: ByteArray) -> None:
    _put(mask, _path((0, -0.8), (0, 0.7)), line=0.09, closed=False)
    tilt = float(rng.normal(0, 0.06))
    _put(mask, _path((-0.65, -0.6 + tilt), (0.65, -0.6 - tilt)), line=0.07, closed=False)
    _both(mask, _path((0.65, -0.6), (0.42, 0.1), (0.88, 0.1)), line=0.05)
    _both(mask, _path((0.4, 0.1), (0.9, 0.1), (0.78, 0.28), (0.52, 0.28)))
    _put(mask, _path((-0.35, 0.85), (0.35, 0.85), (0.2, 0.7), (-0.2, 0.7)))


def _book(rng: Rng, mask: ByteArray) -> None:
    lift = float(rng.uniform(0.1, 0.3))
    _both(mask, _path((0, -0.2), (0.75, -0.2 - lift), (0.75, 0.5 - lift), (0, 0.55)), line=0.07)
    for y in np.linspace(-0.1, 0.35, 4):
        _both(mask, _path((0.12, y), (0.62, y - lift * 0.8)), line=0.04)
    _put(mask, _path((-0.02, -0.9), (0.1, -0.6), (0.0, -0.4), (-0.1, -0.6)))


def _star(rng: Rng, mask: ByteArray) -> None:
    points = int(rng.choice([5, 5, 5, 6, 8]))
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    radii = np.where(np.arange(2 * points) % 2 == 0, 0.9, 0.38 if points == 5 else 0.55)
    outline = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)
    _put(mask, outline, line=0.0 if rng.random() < 0.6 else 0.09)


def _gear(rng: Rng, mask: ByteArray) -> None:
    teeth = int(rng.integers(8, 16))
    angles = np.arange(4 * teeth) * 2 * np.pi / (4 * teeth)
    radii = np.where(np.arange(4 * teeth) % 4 < 2, 0.88, 0.7)
    _put(mask, np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1))
    _disc(mask, 0, 0, float(rng.uniform(0.4, 0.55)), value=0)
    _disc(mask, 0, 0, float(rng.uniform(0.12, 0.3)))


def _tree(rng: Rng, mask: ByteArray) -> None:
    _put(mask, _path((-0.06, 0.9), (0.06, 0.9), (0.05, -0.2), (-0.05, -0.2)))
    for _ in range(int(rng.integers(9, 22))):
        x, y = rng.normal(0, 0.3), rng.normal(-0.3, 0.27)
        _disc(mask, float(np.clip(x, -0.8, 0.8)), float(np.clip(y, -0.85, 0.4)), float(rng.uniform(0.08, 0.2)))


def _arms(rng: Rng, mask: ByteArray) -> None:
    """A shield with supporters and a crown, made of mirrored random shapes."""
    _put(mask, _path((-0.4, -0.45), (0.4, -0.45), (0.4, 0.2), (0, 0.62), (-0.4, 0.2)), line=0.08)
    for _ in range(int(rng.integers(2, 6))):
        centre = rng.uniform((0.0, -0.3), (0.3, 0.3))
        _both(mask, centre + rng.uniform(-0.16, 0.16, (4, 2)))
    for _ in range(int(rng.integers(2, 5))):
        centre = np.array([rng.uniform(0.5, 0.75), rng.uniform(-0.5, 0.6)])
        _both(mask, centre + rng.uniform(-0.22, 0.22, (5, 2)))
    if rng.random() < 0.7:
        peaks = _path((-0.3, -0.55), (-0.36, -0.9), (-0.14, -0.7), (0, -0.95), (0.14, -0.7), (0.36, -0.9), (0.3, -0.55))
        _put(mask, peaks)
    if rng.random() < 0.6:
        _both(mask, _path((0.0, 0.72), (0.6, 0.62), (0.75, 0.8), (0.0, 0.88)))


Rng = np.random.Generator


def round_seal(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """A round seal of 30 to 50 mm and its kind."""
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
    """A round seal drawn flat, 40 to 55 mm wide."""
    canvas, kind = round_seal(rng, fonts, script, px_per_mm)
    wide, flat = float(rng.uniform(1.05, 1.3)), float(rng.uniform(0.62, 0.85))
    height, width = canvas.alpha.shape
    canvas.alpha = _resized(canvas, (round(width * wide), round(height * flat)))
    return canvas, kind


def round_dater(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """A postmark-like round stamp with a date between two bars."""
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
    notary = 0.5 if script is Script.LATIN else 0.12
    draw = rng.random()
    if draw < notary:
        return notary_text(rng, script)
    return company_text(rng, script) if draw < notary + (1 - notary) * 0.6 else official_text(rng, script)


def _seal_face(rng: Rng, fonts: FontBook, script: Script) -> FontFace:
    """Seals are mostly cut in an upright sans serif, often a bold one."""
    style = FontStyle.SANS if rng.random() < 0.75 else FontStyle.SERIF
    family = fonts.choose(rng, script, style).family
    faces = [face for face in fonts.matching(script, style, italic=False) if face.family == family]
    if not faces:
        return fonts.choose(rng, script, style)
    bold = [face for face in faces if face.bold]
    pool = bold if bold and rng.random() < 0.45 else faces
    return pool[int(rng.integers(len(pool)))]


def _border(rng: Rng, canvas: StampCanvas, radius: float) -> float:
    """The outer rim; returns the radius within which there is room."""
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
    waves = int(rng.integers(24, 48))
    angles = np.linspace(0, 2 * np.pi, waves * 10)
    for phase in (0.0, np.pi):
        radii = radius + 0.7 * np.sin(waves * angles + phase)
        canvas.line(np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1), 0.15, closed=True)


def _full_rings(rng: Rng, canvas: StampCanvas, text: StampText, face: FontFace, radius: float) -> float:
    """Texts that run all around, ring within ring; returns the radius of the middle."""
    count = int(rng.integers(1, len(text.rings) + 1)) if rng.random() < 0.5 else min(2, len(text.rings))
    separator = float(rng.uniform(0.15, 0.4)) if rng.random() < 0.75 else 0.0
    letter = float(rng.uniform(2.0, 3.1))
    for number, words in enumerate(text.rings[:count]):
        outer = radius - float(rng.uniform(0.3, 0.7))
        inner = outer - letter
        # The text begins and ends at the bottom, where a star fills what is left.
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
    """Stars or dots in the part of a ring without text."""
    signs = int(np.clip(gap * radius / (letter * 1.6), 1, 3))
    points = int(rng.choice([5, 5, 6, 8]))
    for number in range(signs):
        angle = np.pi / 2 + (number - (signs - 1) / 2) * gap / (signs + 0.5)
        at = (radius * float(np.cos(angle)), radius * float(np.sin(angle)))
        canvas.star(at, letter * min(0.42, gap * radius / letter * 0.3), points, angle + np.pi / 2)


def _two_arcs(rng: Rng, canvas: StampCanvas, text: StampText, face: FontFace, radius: float) -> float:
    """A word above, another below, stars between; returns the radius of the middle."""
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
    """An emblem, lines of text, or lines between two bars."""
    draw = rng.random()
    if text.kind == "stamp_official" and draw < 0.75:
        size = radius * 2 * float(rng.uniform(0.72, 0.95))
        picture = emblem(rng, max(8, round(size * canvas.scale)))
        left, top = (round(canvas.centre[axis] - picture.shape[0] / 2) for axis in (0, 1))
        canvas.stamp_in(picture, left, top)
    elif text.kind == "stamp_company" and draw < 0.12:
        picture = emblem(rng, max(8, round(radius * 1.0 * canvas.scale)))
        canvas.stamp_in(
            picture,
            round(canvas.centre[0] - picture.shape[0] / 2),
            round(canvas.centre[1] - radius * 0.85 * canvas.scale),
        )
        canvas.text(text.centre[0], face, (0, radius * 0.42), radius * 0.32, radius * 1.5)
    else:
        centre_lines(rng, canvas, text.centre, face, radius * 0.94)
        if draw > 0.9:
            for sign in (-1, 1):
                span = arc_points(radius * 0.9, sign * 1.0, sign * (np.pi - 1.0))
                canvas.line(span, 0.25)


def centre_lines(rng: Rng, canvas: StampCanvas, lines: tuple[str, ...], face: FontFace, radius: float) -> None:
    """Lines of text that fit into a circle, the first often larger."""
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
