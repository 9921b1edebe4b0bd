"""Stamps with straight lines: boxes, triangles, dates and receipts, plain lines of text."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas, text_strip
from docdetect.synth.stamps.text import attestation_lines, company_text, pick, receipt_lines

Rng = np.random.Generator
_BORDER_MM = 0.4


@dataclass(frozen=True)
class _Layout:
    """How lines are set: letter height in mm, line pitch as a multiple, whether centred, width limit in mm."""

    letter: float
    leading: float
    centred: bool
    limit: float


def box_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Lines of text in a frame: "RECEIVED", a date, a number; or a company's address."""
    receipt = rng.random() < 0.65
    lines = receipt_lines(rng, script) if receipt else attestation_lines(rng, script)
    faces = _faces(rng, fonts, script, len(lines), bold=0.5)
    layout = _Layout(float(rng.uniform(2.6, 5.0)) if receipt else float(rng.uniform(2.0, 3.4)), 1.55, True, 68.0)
    margin = float(rng.uniform(1.8, 3.6))
    canvas = _set_lines(lines, faces, layout, px_per_mm, margin)
    _frame(rng, canvas, margin)
    return canvas, "stamp_company" if receipt else _kind(lines)


def line_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Plain lines without any border: "ATTESTED", a notary's name and number."""
    lines = attestation_lines(rng, script)
    faces = _faces(rng, fonts, script, len(lines), bold=0.55)
    most = 4.2 if len(lines) < 5 else 2.8
    leading = float(rng.uniform(1.35, 1.75)) if len(lines) < 5 else float(rng.uniform(1.2, 1.5))
    layout = _Layout(float(rng.uniform(1.8, most)), leading, rng.random() < 0.7, 72.0)
    return _set_lines(lines, faces, layout, px_per_mm, 0.6), _kind(lines)


def date_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """A word and a date, or the date alone between two bars."""
    lines = receipt_lines(rng, script)[:2]
    if rng.random() < 0.4:
        lines = lines[1:]
    faces = _faces(rng, fonts, script, len(lines), bold=0.6)
    layout = _Layout(float(rng.uniform(3.4, 6.0)), 1.45, True, 65.0)
    canvas = _set_lines(lines, faces, layout, px_per_mm, 1.2)
    if len(lines) == 1 or rng.random() < 0.3:
        half_w, half_h = _halves(canvas)
        for y in (-half_h + 0.4, half_h - 0.4):
            canvas.line(np.array([[-half_w + 0.4, y], [half_w - 0.4, y]]), 0.4)
    return canvas, "stamp_company"


def triangle_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """A triangle with words along its sides or in its middle, as clinics and post offices use."""
    side = float(rng.uniform(36, 50))
    height = side * np.sqrt(3) / 2
    canvas = StampCanvas(side + 2, height + 2, px_per_mm)
    face = _faces(rng, fonts, script, 1, bold=0.5)[0]
    corners = np.array([[0, -height / 2], [side / 2, height / 2], [-side / 2, height / 2]])
    canvas.line(corners, float(rng.uniform(0.4, 0.9)), closed=True)
    heart = corners.mean(axis=0)
    text = company_text(rng, script)
    if rng.random() < 0.7:
        canvas.line(heart + (corners - heart) * float(rng.uniform(0.55, 0.62)), 0.25, closed=True)
        _side_texts(canvas, [*text.rings, text.centre[0]], face, (corners, heart))
        size = 0.09
    else:
        canvas.line(heart + (corners - heart) * 0.9, 0.25, closed=True)
        size = 0.11
    for number, line in enumerate(text.centre[:2]):
        at = (float(heart[0]), float(heart[1]) + (number + 0.1) * height * size * 1.35)
        canvas.text(line, face, at, height * size, side * (0.3 + 0.1 * number))
    return canvas, "stamp_company"


def _side_texts(
    canvas: StampCanvas,
    words: list[str],
    face: FontFace,
    triangle: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...],
) -> None:
    """A text along each side, letters upright to the one who turns the triangle."""
    corners, heart = triangle
    height, width = canvas.alpha.shape
    for number, text in enumerate(words):
        start, end = corners[(number + 2) % 3], corners[number % 3]
        if number == 2:
            start, end = end, start
        along = end - start
        degrees = float(np.degrees(np.arctan2(along[1], along[0])))
        middle = (start + end) / 2 + (heart - (start + end) / 2) * 0.2
        length = float(np.hypot(*along)) * 0.6
        strip = text_strip(text, face, max(5, round(2.1 * canvas.scale)), 0)
        squeeze = min(1.0, length * canvas.scale / strip.shape[1])
        matrix = cv2.getRotationMatrix2D((0, 0), -degrees, 1.0)
        matrix[:, 0] *= squeeze
        place = np.array(canvas.centre) + middle * canvas.scale
        matrix[:, 2] = place - matrix[:, :2] @ np.array([strip.shape[1] / 2, strip.shape[0] / 2])
        np.maximum(canvas.alpha, cv2.warpAffine(strip, matrix, (width, height)), out=canvas.alpha)


def _kind(lines: tuple[str, ...]) -> str:
    text = " ".join(lines).upper()
    if "NOTARY" in text or "ATTESTED" in text:
        return "stamp_notary"
    return "stamp_company" if "PVT" in text or "&" in text else "stamp_official"


def _faces(rng: Rng, fonts: FontBook, script: Script, count: int, *, bold: float) -> list[FontFace]:
    """A face for each line, of one family; the first line is often bold."""
    style = (FontStyle.SANS, FontStyle.SERIF, FontStyle.MONO)[int(rng.choice(3, p=[0.66, 0.24, 0.1]))]
    first = fonts.choose(rng, script, style)
    family = [face for face in fonts.matching(script, style) if face.family == first.family] or [first]
    heavy = [face for face in family if face.bold] or family
    rest = family[int(rng.integers(len(family)))]
    head = heavy[int(rng.integers(len(heavy)))] if rng.random() < bold else rest
    return [head] + [rest] * (count - 1)


def _set_lines(
    lines: tuple[str, ...], faces: list[FontFace], layout: _Layout, px_per_mm: float, margin: float
) -> StampCanvas:
    """A canvas just large enough for the lines."""
    probe = StampCanvas(1, 1, px_per_mm)
    rows = [
        (
            line,
            face,
            text_strip(line or " ", face, max(5, round(layout.letter * probe.scale)), 0).shape[1] / probe.scale,
        )
        for line, face in zip(lines, faces, strict=True)
    ]
    shrink = min(1.0, layout.limit / max(width for _, _, width in rows))
    letter = layout.letter * shrink
    width = max(width for _, _, width in rows) * shrink
    pitch = letter * layout.leading
    canvas = StampCanvas(width + 2 * margin, pitch * len(lines) - (layout.leading - 1) * letter + 2 * margin, px_per_mm)
    y = -pitch * (len(lines) - 1) / 2
    for line, face, natural in rows:
        x = 0.0 if layout.centred else (natural * shrink - width) / 2
        if line:
            canvas.text(line, face, (x, y), letter, width)
        y += pitch
    return canvas


def _frame(rng: Rng, canvas: StampCanvas, margin: float) -> None:
    half_w, half_h = _halves(canvas)
    thick = float(rng.uniform(0.3, 0.9))
    insets = [thick / 2] if rng.random() < 0.65 else [thick / 2, thick / 2 + min(0.9, margin * 0.4)]
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
        canvas.line(np.array(outline), thick if inset == insets[0] else _BORDER_MM * 0.6, closed=True)


def _halves(canvas: StampCanvas) -> tuple[float, float]:
    return canvas.alpha.shape[1] / canvas.scale / 2, canvas.alpha.shape[0] / canvas.scale / 2
