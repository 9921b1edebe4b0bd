"""Cuts stamps with straight lines of text: framed boxes, plain lines, dates, and triangles."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas, text_strip
from docdetect.synth.stamps.text import attestation_lines, company_text, pick, receipt_lines

Rng = np.random.Generator

# Thickness of the inner line of a double frame.
_INNER_FRAME_MM = 0.4 * 0.6


@dataclass(frozen=True)
class _LineSetting:
    """How the lines of a stamp are set.

    Attributes:
        letter_mm: height of the letters.
        leading: distance of two lines as a multiple of the letters' height.
        centred: whether the lines are centred; otherwise they begin at the left.
        max_width_mm: width to which longer lines are shrunk.
    """

    letter_mm: float
    leading: float
    centred: bool
    max_width_mm: float


def framed_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts lines of text in a frame: "RECEIVED" with a date and a number, or an attestation or address.

    Args:
        rng: random generator.
        fonts: font faces for the text.
        script: script of the text.
        px_per_mm: resolution of the page.

    Returns:
        The stamp, and its kind: "stamp_company", "stamp_official" or "stamp_notary".
    """
    receipt = rng.random() < 0.65
    lines = receipt_lines(rng, script) if receipt else attestation_lines(rng, script)
    faces = _faces(rng, fonts, script, len(lines), p_bold=0.5)
    letter_mm = float(rng.uniform(2.6, 5.0)) if receipt else float(rng.uniform(2.0, 3.4))
    setting = _LineSetting(letter_mm, 1.55, True, 68.0)
    margin_mm = float(rng.uniform(1.8, 3.6))
    canvas = _set_lines(lines, faces, setting, px_per_mm, margin_mm)
    _draw_frame(rng, canvas, margin_mm)
    return canvas, "stamp_company" if receipt else _kind(lines)


def line_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts plain lines without a frame: "ATTESTED", a notary's name and number.

    Arguments and results are those of `framed_stamp`.
    """
    lines = attestation_lines(rng, script)
    faces = _faces(rng, fonts, script, len(lines), p_bold=0.55)
    largest_mm = 4.2 if len(lines) < 5 else 2.8
    leading = float(rng.uniform(1.35, 1.75)) if len(lines) < 5 else float(rng.uniform(1.2, 1.5))
    setting = _LineSetting(float(rng.uniform(1.8, largest_mm)), leading, rng.random() < 0.7, 72.0)
    return _set_lines(lines, faces, setting, px_per_mm, 0.6), _kind(lines)


def date_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts a word and a date, or a date alone between two bars. Arguments and results are those of `framed_stamp`."""
    lines = receipt_lines(rng, script)[:2]
    if rng.random() < 0.4:
        lines = lines[1:]
    faces = _faces(rng, fonts, script, len(lines), p_bold=0.6)
    setting = _LineSetting(float(rng.uniform(3.4, 6.0)), 1.45, True, 65.0)
    canvas = _set_lines(lines, faces, setting, px_per_mm, 1.2)
    if len(lines) == 1 or rng.random() < 0.3:
        half_w, half_h = _half_size_mm(canvas)
        for y in (-half_h + 0.4, half_h - 0.4):
            canvas.line(np.array([[-half_w + 0.4, y], [half_w - 0.4, y]]), 0.4)
    return canvas, "stamp_company"


def triangle_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts a triangle with words along its sides or in its middle, as clinics and post offices use it.

    Arguments and results are those of `framed_stamp`.
    """
    side = float(rng.uniform(36, 50))
    height = side * np.sqrt(3) / 2
    canvas = StampCanvas(side + 2, height + 2, px_per_mm)
    face = _faces(rng, fonts, script, 1, p_bold=0.5)[0]
    corners = np.array([[0, -height / 2], [side / 2, height / 2], [-side / 2, height / 2]])
    canvas.line(corners, float(rng.uniform(0.4, 0.9)), closed=True)
    middle = corners.mean(axis=0)
    text = company_text(rng, script)
    if rng.random() < 0.7:
        canvas.line(middle + (corners - middle) * float(rng.uniform(0.55, 0.62)), 0.25, closed=True)
        _draw_texts_along_sides(canvas, [*text.rings, text.centre[0]], face, (corners, middle))
        size = 0.09
    else:
        canvas.line(middle + (corners - middle) * 0.9, 0.25, closed=True)
        size = 0.11
    for number, line in enumerate(text.centre[:2]):
        at = (float(middle[0]), float(middle[1]) + (number + 0.1) * height * size * 1.35)
        canvas.text(line, face, at, height * size, side * (0.3 + 0.1 * number))
    return canvas, "stamp_company"


def _draw_texts_along_sides(
    canvas: StampCanvas,
    words: list[str],
    face: FontFace,
    triangle: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...],
) -> None:
    """Draws one text along each side of a triangle, squeezed where the side is too short for it.

    Args:
        canvas: the surface, changed.
        words: three texts.
        face: font face.
        triangle: the corners (3, 2) and the middle (2,), in mm.
    """
    corners, centre = triangle
    height, width = canvas.alpha.shape
    for number, text in enumerate(words):
        start, end = corners[(number + 2) % 3], corners[number % 3]
        if number == 2:
            start, end = end, start
        along = end - start
        degrees = float(np.degrees(np.arctan2(along[1], along[0])))
        middle = (start + end) / 2 + (centre - (start + end) / 2) * 0.2
        length = float(np.hypot(*along)) * 0.6
        strip = text_strip(text, face, max(5, round(2.1 * canvas.scale)), 0)
        squeeze = min(1.0, length * canvas.scale / strip.shape[1])
        matrix = cv2.getRotationMatrix2D((0, 0), -degrees, 1.0)
        matrix[:, 0] *= squeeze
        place = np.array(canvas.centre) + middle * canvas.scale
        matrix[:, 2] = place - matrix[:, :2] @ np.array([strip.shape[1] / 2, strip.shape[0] / 2])
        np.maximum(canvas.alpha, cv2.warpAffine(strip, matrix, (width, height)), out=canvas.alpha)


def _kind(lines: tuple[str, ...]) -> str:
    """The kind of a stamp, as its words say."""
    text = " ".join(lines).upper()
    if "NOTARY" in text or "ATTESTED" in text:
        return "stamp_notary"
    return "stamp_company" if "PVT" in text or "&" in text else "stamp_official"


def _faces(rng: Rng, fonts: FontBook, script: Script, count: int, *, p_bold: float) -> list[FontFace]:
    """A face for each of `count` lines, of one family; the first line is bold with probability `p_bold`."""
    style = (FontStyle.SANS, FontStyle.SERIF, FontStyle.MONO)[int(rng.choice(3, p=[0.66, 0.24, 0.1]))]
    first = fonts.choose(rng, script, style)
    family = [face for face in fonts.matching(script, style) if face.family == first.family] or [first]
    heavy = [face for face in family if face.bold] or family
    rest = family[int(rng.integers(len(family)))]
    head = heavy[int(rng.integers(len(heavy)))] if rng.random() < p_bold else rest
    return [head] + [rest] * (count - 1)


def _set_lines(
    lines: tuple[str, ...], faces: list[FontFace], setting: _LineSetting, px_per_mm: float, margin_mm: float
) -> StampCanvas:
    """Draws lines of text on a canvas that is just large enough for them and a margin."""
    probe = StampCanvas(1, 1, px_per_mm)
    rows = [
        (
            line,
            face,
            text_strip(line or " ", face, max(5, round(setting.letter_mm * probe.scale)), 0).shape[1] / probe.scale,
        )
        for line, face in zip(lines, faces, strict=True)
    ]
    shrink = min(1.0, setting.max_width_mm / max(width for _, _, width in rows))
    letter = setting.letter_mm * shrink
    width = max(width for _, _, width in rows) * shrink
    pitch = letter * setting.leading
    height = pitch * len(lines) - (setting.leading - 1) * letter
    canvas = StampCanvas(width + 2 * margin_mm, height + 2 * margin_mm, px_per_mm)
    y = -pitch * (len(lines) - 1) / 2
    for line, face, natural in rows:
        x = 0.0 if setting.centred else (natural * shrink - width) / 2
        if line:
            canvas.text(line, face, (x, y), letter, width)
        y += pitch
    return canvas


def _draw_frame(rng: Rng, canvas: StampCanvas, margin_mm: float) -> None:
    """Draws a single or double frame along the border of the canvas, with square or cut corners."""
    half_w, half_h = _half_size_mm(canvas)
    thick = float(rng.uniform(0.3, 0.9))
    insets = [thick / 2] if rng.random() < 0.65 else [thick / 2, thick / 2 + min(0.9, margin_mm * 0.4)]
    for inset in insets:
        x, y = half_w - inset, half_h - inset
        cut = float(rng.uniform(0.8, 2.0)) if pick(rng, ("square", "square", "cut")) == "cut" else 0.0
        outline = [
            (-x + cut, -y),
            (x - cut, -y),
            (x, -y + cut),
            (x, y - cut),
            (x - cut, y),
            (-x + cut, y),
            (-x, y - cut),
            (-x, -y + cut),
        ]
        canvas.line(np.array(outline), thick if inset == insets[0] else _INNER_FRAME_MM, closed=True)


def _half_size_mm(canvas: StampCanvas) -> tuple[float, float]:
    """Half the width and half the height of the canvas."""
    return canvas.alpha.shape[1] / canvas.scale / 2, canvas.alpha.shape[0] / canvas.scale / 2
