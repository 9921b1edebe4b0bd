"""Lays out the documents of building projects: covers, and technical drawings with title blocks."""

from __future__ import annotations

import math

from docdetect.synth.layouts import blocks, letterheads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Ellipse


def cover(draft: Draft) -> None:
    """Lays out the cover of a project: large centred lines, particulars, and the people who are responsible."""
    layout, typography, writer = draft.layout, draft.typography, draft.writer
    if draft.chance(0.5):
        letterheads.letterhead(draft)
    draft.y = max(draft.y, layout.height_mm * draft.between(0.14, 0.3))
    title = typography.title.sized(draft.between(1.0, 1.5))
    text = f"{writer.pick(writer.language.titles)} {writer.phrase(2, 6)}"
    draft.y = layout.paragraph((draft.left + 8, draft.y, draft.width - 16), text, title, 1.35, "centre") + 12
    for _ in range(draft.count(1, 4)):
        style = typography.bold
        y = draft.y + style.size_mm
        layout.text(draft.left, y, f"{writer.pick(writer.language.fields)}:", style)
        draft.y = layout.paragraph(
            (draft.left + draft.width * 0.32, draft.y, draft.width * 0.66),
            writer.phrase(2, 14),
            typography.body,
            1.25,
            "left",
        )
        draft.y += draft.between(4, 10)
    draft.y += draft.between(2, 16)
    blocks.signature_rows(draft, draft.count(1, 3))
    layout.text(
        layout.width_mm / 2,
        layout.height_mm - typography.margin_bottom_mm,
        f"{writer.pick(writer.language.cities)} 20{writer.digits(2)}",
        typography.bold,
        "centre",
    )
    blocks.page_foot(draft)


def drawing(draft: Draft) -> None:
    """Lays out a technical drawing: a frame, one to three floor plans, and the title block at the lower right."""
    layout = draft.layout
    layout.rect((20, 5, layout.width_mm - 5, layout.height_mm - 5), 0.7)
    for _ in range(draft.count(1, 3)):
        x, y = draft.between(30, layout.width_mm * 0.6), draft.between(15, layout.height_mm * 0.5)
        right = min(x + draft.between(60, 150), layout.width_mm - 30)
        lower = min(y + draft.between(40, 110), layout.height_mm - 75)
        _floor_plan(draft, (x, y, right, lower))
    if draft.chance(0.5):
        width = draft.between(70, 110)
        draft.y = layout.height_mm * 0.6
        layout.paragraph((25, draft.y, width), draft.writer.paragraph(3), draft.typography.small, 1.2, "left")
    _title_block(draft)
    layout.slot("stamp", draft.between(50, layout.width_mm - 60), layout.height_mm - draft.between(30, 90), 42, 42)
    layout.slot("code", layout.width_mm - 22, 24, 20, 20)
    layout.slot("receipt", draft.between(60, layout.width_mm - 60), draft.between(20, layout.height_mm / 2), 60, 34)
    layout.slot("free", draft.between(70, layout.width_mm - 70), layout.height_mm * 0.62, 90, 45)


def _title_block(draft: Draft) -> None:
    """Sets a title block as in the standard GOST 2.104: rows of offices, names, narrow cells to sign in, dates."""
    layout, typography, writer = draft.layout, draft.typography, draft.writer
    x0, y0 = layout.width_mm - 5 - 185, layout.height_mm - 5 - 55
    layout.rect((x0, y0, layout.width_mm - 5, layout.height_mm - 5), 0.6, fill=(255, 255, 255))
    small = typography.italic.sized(2.6 / typography.italic.size_mm)
    columns = (0.0, 17.0, 40.0, 55.0, 65.0)
    for edge in columns[1:]:
        layout.line(x0 + edge, y0, x0 + edge, y0 + 55, 0.5 if edge == 65 else 0.3)
    for row in range(11):
        y = y0 + 5 * (row + 1)
        layout.line(x0, y, x0 + 65, y, 0.25)
        if row >= 4:
            layout.text(x0 + 0.8, y - 1.4, writer.pick(writer.language.roles)[:11], small)
            if draft.chance(0.8):
                layout.text(x0 + 17.8, y - 1.4, writer.person()[:13], small)
                layout.slot("signature", x0 + 47.5, y - 1.2, 15, 6.5)
                layout.slot("date", x0 + 60, y - 1.4, 9.5, 4)
    layout.line(x0 + 65, y0 + 15, layout.width_mm - 5, y0 + 15, 0.5)
    layout.line(x0 + 65, y0 + 40, layout.width_mm - 5, y0 + 40, 0.5)
    layout.line(x0 + 135, y0 + 15, x0 + 135, y0 + 55, 0.5)
    layout.text(x0 + 125, y0 + 10, writer.reference(), typography.bold.sized(5 / typography.bold.size_mm), "centre")
    layout.paragraph(
        (x0 + 67, y0 + 19, 66), writer.phrase(4, 9), typography.body.sized(3.5 / typography.body.size_mm), 1.2, "centre"
    )
    layout.text(x0 + 100, y0 + 48, writer.phrase(1, 3), typography.body.sized(3.5 / typography.body.size_mm), "centre")
    layout.text(x0 + 160, y0 + 48, writer.pick(writer.language.firms), small, "centre")


def _floor_plan(draft: Draft, box: tuple[float, float, float, float]) -> None:
    """Draws a floor plan in `box` (left, top, right, bottom in mm): walls, axes, dimensions, at times hatching."""
    layout, typography = draft.layout, draft.typography
    x0, y0, x1, y1 = box
    if x1 - x0 < 20 or y1 - y0 < 20:
        return
    layout.rect(box, 0.7)
    layout.rect((x0 + 2, y0 + 2, x1 - 2, y1 - 2), 0.4)
    small = typography.small.sized(2.4 / typography.small.size_mm)
    for number in range(draft.count(2, 6)):
        x = draft.between(x0 + 4, x1 - 4)
        layout.line(x, y0 - 8, x, y1 + 4, 0.13, (110, 110, 112))
        _axis(draft, x, y0 - 11, str(number + 1))
        y = draft.between(y0 + 4, y1 - 4)
        layout.line(x0 - 8, y, x1 + 4, y, 0.13, (110, 110, 112))
        layout.line(x, y, draft.between(x0, x1), y, 0.6)
        layout.text(draft.between(x0, x1 - 12), draft.between(y0 + 3, y1), draft.writer.digits(4), small)
    if draft.chance(0.5):
        left, top = draft.between(x0, x1 - 12), draft.between(y0, y1 - 10)
        for step in range(14):
            layout.line(left + step, top + 10, left + step + 6, top, 0.12)
    if draft.chance(0.35):
        _flange(draft, ((x0 + x1) / 2, (y0 + y1) / 2), min(x1 - x0, y1 - y0) * draft.between(0.15, 0.4))
    layout.line(x0, y1 + 6, x1, y1 + 6, 0.13)
    layout.text((x0 + x1) / 2, y1 + 5.4, draft.writer.digits(5), small, "centre")
    layout.text((x0 + x1) / 2, y0 - 16, draft.writer.phrase(1, 4), typography.bold, "centre")


def _axis(draft: Draft, x: float, y: float, name: str) -> None:
    """Draws the name of a building's axis in a circle around (x, y)."""
    draft.layout.strokes.append(Ellipse((x - 3, y - 3, x + 3, y + 3), 0.2))
    small = draft.typography.small
    draft.layout.text(x, y + small.size_mm * 0.35, name, small, "centre")


def _flange(draft: Draft, centre: tuple[float, float], radius: float) -> None:
    """Draws a flange, circles with a ring of holes: a distractor, since it is round and no stamp."""
    x, y = centre
    for share in (1.0, 0.82, 0.45):
        r = radius * share
        draft.layout.strokes.append(Ellipse((x - r, y - r, x + r, y + r), 0.4))
    for hole in range(8):
        angle = math.tau * hole / 8
        hx, hy, r = x + radius * 0.64 * math.cos(angle), y + radius * 0.64 * math.sin(angle), radius * 0.08
        draft.layout.strokes.append(Ellipse((hx - r, hy - r, hx + r, hy + r), 0.25))
