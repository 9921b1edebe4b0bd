"""Pages that are mostly table: invoices, estimates on wide sheets, conditions in two columns."""

from __future__ import annotations

from docdetect.synth.layouts import blocks, heads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.layouts.grid import draw_grid, table


def invoice(draft: Draft) -> None:
    """An invoice or order: heads of both sides, a table of goods, totals, who issued it."""
    heads.letterhead(draft)
    blocks.title(draft)
    writer, look = draft.writer, draft.look
    for _ in range(draft.count(2, 6)):
        value = writer.pick((writer.address(), writer.digits(12), writer.pick(writer.language.firms)))
        text = f"{writer.pick(writer.language.fields)}: {value}"
        draft.y = draft.sheet.paragraph((draft.left, draft.y, draft.width), text, look.body, 1.3, "left")
    draft.skip(0.8)
    table(draft, draw_grid(draft, draft.count(4, 7), dense=False), draft.floor - 65, draft.count(2, 14))
    for _ in range(draft.count(1, 3)):
        draft.y += look.bold.size_mm * 1.4
        label = f"{writer.pick(writer.language.fields)}: {writer.amount()}"
        draft.sheet.text(draft.right, draft.y, label, look.bold, "right")
    draft.skip(1.5)
    blocks.signature_rows(draft, draft.count(1, 2))
    if draft.chance(0.35):
        draft.sheet.slot("code", draft.left + 18, min(draft.y + 14, draft.sheet.height - 25), 30, 30)
    blocks.foot(draft)


def estimate(draft: Draft) -> None:
    """A cost estimate: a wide dense table; the last page has a few rows and who compiled and checked it."""
    draft.sheet.text(draft.left, draft.y, draft.writer.phrase(2, 6), draft.look.small)
    draft.sheet.text(draft.right, draft.y, draft.writer.digits(3), draft.look.small, "right")
    draft.y += 3
    last = draft.chance(0.6)
    if not last and draft.chance(0.5):
        blocks.approval(draft)
        blocks.title(draft)
    rows = draft.count(1, 12) if last else 400
    floor = draft.floor - (draft.between(30, 70) if draft.chance(0.8) else 0)
    table(draft, draw_grid(draft, draft.count(6, 12), dense=True), floor, rows)
    if draft.floor - draft.y > 28:
        blocks.signature_rows(draft, min(draft.count(1, 4), int((draft.floor - draft.y) // 18)))
    blocks.foot(draft)


def conditions(draft: Draft) -> None:
    """Conditions as a table of two or three wide columns, often with a code at the foot of every page."""
    if draft.chance(0.3):
        heads.twin_letterhead(draft)
        blocks.title(draft)
    room = 0.0 if draft.chance(0.45) else draft.between(35, 80)
    grid = draw_grid(draft, draft.count(3, 4), dense=False, long_words=True)
    table(draft, grid, draft.floor - room, draft.count(1, 40))
    if draft.floor - draft.y > 60 and draft.chance(0.5):
        blocks.body(draft, draft.floor - 45, numbered=True)
    if room:
        blocks.signature_rows(draft, draft.count(1, 2))
    blocks.foot(draft)


def code_sheet(draft: Draft) -> None:
    """A sheet of codes in rows, as signed documents carry their signatures, or labels are printed."""
    if draft.chance(0.6):
        draft.sheet.text(draft.left, draft.y, draft.writer.digits(1), draft.look.body)
        draft.y += 8
    if draft.chance(0.3):
        blocks.body(draft, draft.y + 40)
    columns = draft.count(2, 6)
    cell = draft.width / columns
    size = min(cell * draft.between(0.6, 0.85), 48.0)
    for _ in range(draft.count(1, 5)):
        if draft.y + cell > draft.floor:
            break
        for column in range(columns):
            draft.sheet.slot("code", draft.left + cell * (column + 0.5), draft.y + cell / 2, size, size)
        draft.y += cell * draft.between(0.85, 1.1)
    blocks.foot(draft)
