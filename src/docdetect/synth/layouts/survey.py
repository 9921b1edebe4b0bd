"""Lays out plats and records of surveys: a map of lots, notes, a column of approvals, a surveyor's stamp."""

from __future__ import annotations

import math

from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Ellipse, Line

# Sizes of the sheets (width, height) in mm; on large ones everything is small in the picture.
SHEETS_MM = ((594.0, 420.0), (420.0, 297.0), (610.0, 457.0), (457.0, 610.0))


def plat(draft: Draft) -> None:
    """Lays out a plat: lots with bearings and distances, notes in capitals, approvals one below the other, a legend."""
    layout, typography, writer = draft.layout, draft.typography, draft.writer
    wide, high = layout.width_mm, layout.height_mm
    if draft.chance(0.7):
        layout.rect((8, 8, wide - 8, high - 8), draft.between(0.4, 1.2))
    title = typography.title.sized(wide / 420 * draft.between(0.9, 1.4))
    for row in range(draft.count(2, 4)):
        text = writer.phrase(1, 4).upper()
        layout.text(wide * draft.between(0.45, 0.55), 22 + row * title.size_mm * 1.4, text, title, "centre")
    _lots(draft, (wide * draft.between(0.06, 0.14), high * 0.2, wide * draft.between(0.55, 0.66), high * 0.78))
    notes = typography.body.sized(0.95)
    x = wide * 0.7
    y = high * draft.between(0.08, 0.16)
    for _ in range(draft.count(1, 3)):
        layout.text(x, y, writer.phrase(1, 3).upper(), typography.bold)
        y = (
            layout.paragraph((x, y + 2, wide * 0.24), writer.paragraph(draft.count(1, 4)).upper(), notes, 1.25, "left")
            + 5
        )
    _approvals(draft, x, y + 4)
    for _ in range(draft.count(1, 2)):
        # The surveyor's stamp and the recorder's lie in the lower part of the sheet.
        layout.slot("stamp", wide * draft.between(0.1, 0.9), high * draft.between(0.72, 0.92), 44, 44)
    layout.slot("receipt", wide * draft.between(0.1, 0.9), high * draft.between(0.05, 0.9), 60, 34)
    layout.slot("note", wide * draft.between(0.1, 0.9), high * draft.between(0.05, 0.95), 50, 16)


def _approvals(draft: Draft, x: float, y: float) -> None:
    """Sets approvals: "APPROVED THIS 18TH DAY OF", a date by hand, a line to sign on, and an office below it."""
    layout, typography, writer = draft.layout, draft.typography, draft.writer
    step, wide = draft.between(15, 26), draft.between(60, 95)
    small = typography.small
    for _ in range(draft.count(2, 7)):
        y += step
        if y > layout.height_mm - 22:
            return
        text = f"{writer.phrase(2, 4).upper()} ____ {writer.phrase(1, 2).upper()} ______"
        layout.text(x, y - step * 0.45, text, small)
        layout.slot("date", x + wide * 0.75, y - step * 0.47, wide * 0.35, 5)
        layout.line(x, y, x + wide, y, 0.2)
        layout.text(x, y + small.size_mm * 1.2, writer.pick(writer.language.roles).upper(), small)
        layout.slot("signature", x + wide * draft.between(0.3, 0.5), y - 0.5, wide * 0.6, step * 0.4)


def _lots(draft: Draft, box: tuple[float, float, float, float]) -> None:
    """Draws lots: a slanted grid of lines with numbers, distances along the lines, circles for monuments, an arrow."""
    layout, small = draft.layout, draft.typography.small
    x0, y0, x1, y1 = box
    lean = draft.between(-0.15, 0.15)
    columns, rows = draft.count(1, 6), draft.count(1, 3)

    def at(column: float, row: float) -> tuple[float, float]:
        x = x0 + (x1 - x0) * column / columns
        return x, y0 + (y1 - y0) * row / rows + lean * (x - x0) * 0.5

    for column in range(columns + 1):
        layout.strokes.append(Line((at(column, 0), at(column, rows)), 0.35))
    for row in range(rows + 1):
        layout.strokes.append(Line((at(0, row), at(columns, row)), 0.5))
        for column in range(columns):
            x, y = at(column + 0.3, row)
            layout.text(x, y - 1, f"{draft.writer.digits(3)}.{draft.writer.digits(2)}'", small)
            cx, cy = at(column, row)
            layout.strokes.append(Ellipse((cx - 1.1, cy - 1.1, cx + 1.1, cy + 1.1), 0.3, fill=(255, 255, 255)))
            if row < rows:
                middle = at(column + 0.5, row + 0.5)
                layout.text(*middle, str(column + 1 + row * columns), draft.typography.bold, "centre")
                if draft.chance(0.3):
                    radius = draft.between(4, 7)
                    mx, my = middle
                    layout.strokes.append(Ellipse((mx - radius, my - radius, mx + radius, my + radius), 0.25))
    angle = draft.between(-0.5, 0.5) - math.pi / 2
    tip = x1 - 10 + 30 * math.cos(angle), y0 - 4 + 30 * math.sin(angle)
    layout.line(x1 - 10, y0 - 4, tip[0], max(tip[1], 6), 0.4)
    layout.text(tip[0] + 2, max(tip[1], 10), "N", draft.typography.bold)
