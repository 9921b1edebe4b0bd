"""Cuts office stamps: words, dates, names and numbers without a frame, or with a plain one, and grids of empty fields.

They are set in the type of rubber stamps: heavy letters without serifs, typewriter letters, letters in outline, and
digits on bands that do not quite line up.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas, text_strip
from docdetect.synth.stamps.office_text import OfficeKind, OfficeText, office_text, stamp_date
from docdetect.synth.stamps.text import pick
from docdetect.types import ByteArray

Rng = np.random.Generator

# Height of the capitals in mm for each kind: the median and the spread of its logarithm.
_LETTERS_MM = {
    OfficeKind.WORD: (5.0, 0.38),
    OfficeKind.CLASSIFIED: (5.0, 0.3),
    OfficeKind.DATE: (3.6, 0.28),
    OfficeKind.TIME: (3.2, 0.22),
    OfficeKind.RECEIVED: (3.8, 0.3),
    OfficeKind.NUMBER: (4.2, 0.25),
    OfficeKind.NAME: (2.8, 0.25),
    OfficeKind.DEPARTMENT: (3.2, 0.3),
    OfficeKind.ADDRESS: (2.4, 0.2),
    OfficeKind.CLAUSE: (1.9, 0.15),
}

# Probability that the stamp has a frame, by kind; most office stamps have none.
_P_FRAMED = {
    OfficeKind.WORD: 0.25,
    OfficeKind.CLASSIFIED: 0.08,
    OfficeKind.DATE: 0.05,
    OfficeKind.TIME: 0.05,
    OfficeKind.RECEIVED: 0.4,
    OfficeKind.NUMBER: 0.04,
    OfficeKind.NAME: 0.03,
    OfficeKind.DEPARTMENT: 0.06,
    OfficeKind.ADDRESS: 0.08,
    OfficeKind.CLAUSE: 0.1,
}

# Probability that large letters are cut in outline, and that the digits of a number or date jump up and down.
_P_OUTLINED = 0.12
_P_JUMPING_DIGITS = 0.45

# Largest width of an office stamp, in mm.
_MAX_WIDTH_MM = 105.0

_FIELDS = (
    "Eingang", "Geprüft", "Gebucht", "Bezahlt", "Projekt", "Datum", "Konto", "Received", "Checked", "Approved", "Date",
    "No.", "Amount", "Account", "Reçu le", "Visa", "Réf.", "Compte", "Sachl. richtig", "Rechn. richtig", "Kostenstelle",
    "Bearbeiter", "SEARCHED", "INDEXED", "SERIALIZED", "FILED", "By", "Paid", "Cheque No.", "Entered", "Posted",
    "Ledger", "Beleg-Nr.", "Soll", "Haben", "Fällig", "Skonto", "Expediente", "Folio", "Firma", "Fecha", "Hora",
    "Data", "Podpis",
    "L.p.", "Dział", "Code", "Price O.K.", "Ext. O.K.", "Goods Rec'd", "Kst.", "Zahlung", "angewiesen", "erhalten am",
)  # fmt: skip
_FIELDS_CYRILLIC = (
    "Вх. №",
    "Дата",
    "Подпись",
    "Получено",
    "Проверил",
    "Счёт",
    "Сумма",
    "Отдел",
    "Исполнитель",
    "Листов",
)


@dataclass(frozen=True)
class Field:
    """An empty field of a grid stamp: its centre from the middle of the rubber and its size, in mm."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float


def office_stamp(
    rng: Rng, fonts: FontBook, script: Script, px_per_mm: float, kind: OfficeKind | None = None
) -> tuple[StampCanvas, OfficeText]:
    """Cuts an office stamp.

    Args:
        rng: random generator.
        fonts: font faces for the text.
        script: script of the words.
        px_per_mm: resolution of the page.
        kind: what the stamp says; None for the usual mixture.
    """
    text = office_text(rng, script, kind)
    middle, spread = _LETTERS_MM[text.kind]
    letters_mm = float(np.clip(rng.lognormal(np.log(middle), spread), 1.5, 13.0))
    canvas, half = _lines_of_text(rng, fonts, (script, px_per_mm), text, letters_mm)
    if rng.random() < _P_FRAMED[text.kind]:
        _frame(rng, canvas, half)
    elif rng.random() < 0.06:
        # A bar above and below, as round daters without a ring have them.
        for y in (-half[1] - 0.5, half[1] + 0.5):
            canvas.line(np.array([[-half[0], y], [half[0], y]]), float(rng.uniform(0.25, 0.6)))
    return canvas, text


def grid_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, tuple[Field, ...]]:
    """Cuts a grid of fields with small labels ("received", "checked", "booked"), to be filled in by hand.

    Returns:
        The stamp, and its empty fields.
    """
    width, rows = float(rng.uniform(34, 78)), int(rng.integers(2, 8))
    row_mm = float(rng.uniform(5.0, 10.0)) if rng.random() < 0.7 else float(rng.uniform(10, 16))
    head_mm = row_mm * float(rng.uniform(0.8, 1.3)) if rng.random() < 0.45 else 0.0
    height = rows * row_mm + head_mm
    canvas = StampCanvas(width + 3, height + 3, px_per_mm)
    thin, thick = float(rng.uniform(0.12, 0.3)), float(rng.uniform(0.2, 0.7))
    left, top = -width / 2, -height / 2
    style = FontStyle.SANS if rng.random() < 0.75 else None
    faces = {one: fonts.choose(rng, one, style) for one in (Script.LATIN, Script.GREEK, script) if fonts.covers(one)}
    if rng.random() < 0.88:
        corners = np.array([[left, top], [-left, top], [-left, -top], [left, -top]])
        canvas.line(corners, thick, closed=True)
    if head_mm:
        words = office_text(rng, script, OfficeKind.WORD).lines[0] if rng.random() < 0.5 else _label(rng, script)
        canvas.text(words, _face(faces, words, script), (0.0, top + head_mm * 0.5), head_mm * 0.5, width * 0.85)
        canvas.line(np.array([[left, top + head_mm], [-left, top + head_mm]]), thin)
    label_mm = float(np.clip(row_mm * rng.uniform(0.22, 0.42), 1.3, 3.2))
    # In some grids labels have a column of their own, in others they stand in the corner of each field.
    own_column = rng.random() < 0.55
    split = width * float(rng.uniform(0.28, 0.55))
    fields: list[Field] = []
    for row in range(rows):
        y = top + head_mm + row * row_mm
        if row and rng.random() < 0.93:
            canvas.line(np.array([[left, y], [-left, y]]), thin)
        cells = [(0.0, width)] if rng.random() < 0.45 or own_column else [(0.0, split), (split, width)]
        for start, end in cells:
            if start and rng.random() < 0.95:
                canvas.line(np.array([[left + start, y], [left + start, y + row_mm]]), thin)
            if rng.random() < 0.88:
                room = (split if own_column else end - start) * 0.88
                label, at = _label(rng, script), (left + start + 0.8, y, label_mm, room, row_mm, own_column)
                _left_text(canvas, label, _face(faces, label, script), at)
            free = start + (split if own_column else 0.0)
            fields.append(Field(left + (free + end) / 2, y + row_mm * 0.58, max(end - free - 2, 6), row_mm * 0.75))
    if own_column and rng.random() < 0.75:
        canvas.line(np.array([[left + split, top + head_mm], [left + split, -top]]), thin)
    if rng.random() < 0.45:
        free_field = fields.pop(int(rng.integers(len(fields))))
        date, at_mm = stamp_date(rng), (free_field.x_mm, free_field.y_mm)
        canvas.text(date, _face(faces, date, script), at_mm, min(free_field.height_mm * 0.75, 4.0), free_field.width_mm)
    return canvas, tuple(fields)


def _face(faces: dict[Script, FontFace], text: str, script: Script) -> FontFace:
    """The face among `faces` that has the letters of the text, as far as any has."""
    return faces.get(_script_of(text, script)) or faces[Script.LATIN]


def _label(rng: Rng, script: Script) -> str:
    known = _FIELDS_CYRILLIC if script in (Script.CYRILLIC, Script.KAZAKH) and rng.random() < 0.8 else _FIELDS
    return pick(rng, known)


def _left_text(
    canvas: StampCanvas, text: str, face: FontFace, at: tuple[float, float, float, float, float, bool]
) -> None:
    """Draws a label from a left edge on; `at` is left, top of the row, letters, room, height of the row in mm, and
    whether the label stands in the middle of the row."""
    left, top, letters_mm, room, row_mm, middle = at
    strip = text_strip(text, face, max(5, round(letters_mm * canvas.scale)), 0)
    most = max(4, round(room * canvas.scale))
    if strip.shape[1] > most:
        strip = np.asarray(cv2.resize(strip, (most, strip.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
    y = top + (row_mm - letters_mm) / 2 if middle else top + 0.7
    canvas.add(strip, round(canvas.centre[0] + left * canvas.scale), round(canvas.centre[1] + y * canvas.scale))


def _lines_of_text(
    rng: Rng, fonts: FontBook, setting: tuple[Script, float], text: OfficeText, letters_mm: float
) -> tuple[StampCanvas, tuple[float, float]]:
    """Sets the lines of an office stamp; returns the canvas, with room for a frame, and half the text's size in mm."""
    script, px_per_mm = setting
    probe = StampCanvas(1, 1, px_per_mm)
    heights = [letters_mm * share for share in text.heights]
    faces = _faces(rng, fonts, script, text)
    spread = float(rng.uniform(0.05, 0.35)) if rng.random() < 0.35 else 0.0
    strips = []
    for line, height, face in zip(text.lines, heights, faces, strict=True):
        px = max(6, round(height * probe.scale))
        strips.append(_strip(rng, line, face, (px, round(px * spread)), jumping=_jumps(rng, text.kind, line)))
    widest = max(strip.shape[1] for strip in strips) / probe.scale
    shrink = min(1.0, _MAX_WIDTH_MM / widest)
    stretch = float(rng.uniform(0.75, 1.25)) * shrink
    strips = [
        np.asarray(
            cv2.resize(s, (max(4, round(s.shape[1] * stretch)), max(4, round(s.shape[0] * shrink))),
                       interpolation=cv2.INTER_AREA), np.uint8)
        for s in strips
    ]  # fmt: skip
    if letters_mm > 3.5 and rng.random() < _P_OUTLINED:
        strips = [_outlined(strip, float(rng.uniform(0.25, 0.45)) * probe.scale) for strip in strips]
    gap_px = letters_mm * float(rng.uniform(0.3, 0.8)) * probe.scale
    high = sum(strip.shape[0] for strip in strips) + gap_px * (len(strips) - 1)
    wide = max(strip.shape[1] for strip in strips)
    half = wide / probe.scale / 2, high / probe.scale / 2
    canvas = StampCanvas(2 * half[0] + 14, 2 * half[1] + 14, px_per_mm)
    y, centred = canvas.centre[1] - high / 2, rng.random() < 0.7
    for strip in strips:
        x = canvas.centre[0] - (strip.shape[1] if centred else wide) / 2
        canvas.add(strip, round(x), round(y))
        y += strip.shape[0] + gap_px
    return canvas, half


def _faces(rng: Rng, fonts: FontBook, script: Script, text: OfficeText) -> list[FontFace]:
    """A face for each line: one for all lines, or another one for dates, which come from another part of the stamp."""
    style = (FontStyle.SANS, FontStyle.SERIF, FontStyle.MONO)[int(rng.choice(3, p=[0.6, 0.22, 0.18]))]
    other_style = style if rng.random() < 0.5 else None
    bold, mixed = rng.random() < 0.6, rng.random() < 0.5
    faces: dict[tuple[Script, bool], FontFace] = {}
    found = []
    for row, line in enumerate(text.lines):
        key = _script_of(line, script), mixed and row > 0
        if key not in faces:
            heavy = [one for one in fonts.matching(key[0], style) if one.bold and not one.italic]
            plain = fonts.choose(rng, key[0], other_style if key[1] else style)
            faces[key] = heavy[int(rng.integers(len(heavy)))] if heavy and bold and not key[1] else plain
        found.append(faces[key])
    return found


def _script_of(text: str, script: Script) -> Script:
    """The script that a font must cover for this text of a stamp in `script`, which also has Latin lines.

    For accented Latin letters this is Greek: a face with Greek letters has accented Latin letters, too.
    """
    if script in (Script.CYRILLIC, Script.KAZAKH) and any("\u0400" <= sign <= "\u04ff" for sign in text):
        return script
    if script in (Script.DEVANAGARI, Script.TAMIL, Script.MALAYALAM) and any(
        "\u0900" <= sign <= "\u0d7f" for sign in text
    ):
        return script
    return Script.GREEK if any(ord(sign) > 127 for sign in text) else Script.LATIN


def _jumps(rng: Rng, kind: OfficeKind, line: str) -> bool:
    digits = sum(sign.isdigit() for sign in line)
    return digits >= 3 and kind is not OfficeKind.ADDRESS and bool(rng.random() < _P_JUMPING_DIGITS)


def _strip(rng: Rng, line: str, face: FontFace, size_px: tuple[int, int], *, jumping: bool) -> ByteArray:
    """A line as a mask; the digits of a `jumping` line stand a little higher or lower, as on worn bands.

    Args:
        rng: random generator.
        line: the letters.
        face: font face.
        size_px: height of the letters, and extra space after each.
        jumping: whether letters are printed one by one.
    """
    height, spread = size_px
    if not jumping:
        return text_strip(line, face, height, spread)
    room = max(1, round(height * 0.14))
    parts: list[ByteArray] = []
    for word in line.split(" "):
        for group in [word] if not any(sign.isdigit() for sign in word) else list(word):
            strip = text_strip(group, face, height, 0)
            columns = np.flatnonzero(strip.any(axis=0))
            if not len(columns):
                continue
            strip = strip[:, columns[0] : columns[-1] + 1]
            shift = int(np.clip(round(float(rng.normal(0, 0.06)) * height), -room, room))
            cell = np.zeros((height + 2 * room, strip.shape[1] + max(2, round(height * 0.16) + spread)), np.uint8)
            cell[room + shift : room + shift + height, : strip.shape[1]] = (
                strip * np.float32(rng.uniform(0.75, 1.0))
            ).astype(np.uint8)
            parts.append(cell)
        parts.append(np.zeros((height + 2 * room, round(height * 0.4)), np.uint8))
    return np.hstack(parts) if parts else text_strip(line, face, height, spread)


def _outlined(strip: ByteArray, line_px: float) -> ByteArray:
    """The letters of a mask in outline: the rim of each, `line_px` wide."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(3, round(line_px)) | 1,) * 2)
    padded = np.pad(strip, 2)
    return np.asarray(cv2.subtract(padded, cv2.erode(padded, kernel)), np.uint8)


def _frame(rng: Rng, canvas: StampCanvas, half: tuple[float, float]) -> None:
    """Draws a frame around the text, with square or cut or round corners, at times a double one."""
    margin = float(rng.uniform(1.2, 3.5))
    x, y = half[0] + margin, half[1] + margin
    width = float(rng.uniform(0.25, 1.0))
    shapes = [rounded_rectangle(x, y, float(rng.choice([0.0, 0.0, 1.0, 2.5])))]
    if rng.random() < 0.25:
        shapes.append(rounded_rectangle(x + width + 0.8, y + width + 0.8, float(rng.choice([0.0, 2.0]))))
    for shape in shapes:
        canvas.line(shape, width, closed=True)


def rounded_rectangle(x: float, y: float, radius: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The outline (N, 2) of a rectangle with half sides `x`, `y` and corners of this radius, mm."""
    radius = min(radius, x * 0.9, y * 0.9)
    quarter = np.linspace(0, np.pi / 2, 6)
    parts = []
    for turn, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angles = quarter + turn * np.pi / 2
        centre = np.array([sx * (x - radius), sy * (y - radius)])
        parts.append(centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius)
    return np.vstack(parts)
