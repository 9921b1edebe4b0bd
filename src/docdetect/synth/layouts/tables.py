"""Lays out pages that are mostly table: invoices, cost estimates, conditions, and pages of codes in rows.

A table has a head and rows of made-up words and figures, and is ruled in several ways.
"""

from __future__ import annotations

from dataclasses import dataclass

from docdetect.synth.ink import RGB
from docdetect.synth.layouts import blocks, letterheads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Align, TextStyle


@dataclass(frozen=True)
class TableStyle:
    """The columns of a table and how they are drawn.

    Attributes:
        column_shares: widths of the columns as shares of the table's width.
        column_kinds: what stands in each column: "index", "words", "long", "unit", "number" or "amount".
        text_style: font, size and colour of the cells.
        ruled: whether lines stand between columns; otherwise there are lines between rows alone.
        padding_mm: space around the text of a cell.
        head_fill: colour behind the head, or None.
        line_mm: thickness of the lines.
    """

    column_shares: tuple[float, ...]
    column_kinds: tuple[str, ...]
    text_style: TextStyle
    ruled: bool
    padding_mm: float
    head_fill: RGB | None = None
    line_mm: float = 0.2


def random_table_style(draft: Draft, columns: int, *, dense: bool, long_words: bool = False) -> TableStyle:
    """A random style of a table.

    Args:
        draft: the page, for its fonts and its random generator.
        columns: number of columns, at least 2.
        dense: whether the letters are small.
        long_words: whether the second column holds sentences, and not short phrases.
    """
    kinds = ["index", "long" if long_words else "words"]
    weights = [0.4, 3.2 if long_words else 2.6]
    for _ in range(columns - 2):
        kind = str(draft.rng.choice(["unit", "number", "amount", "words", "long"], p=[0.2, 0.3, 0.25, 0.15, 0.1]))
        kinds.append(kind)
        weights.append({"unit": 0.6, "number": 0.75, "amount": 1.0, "words": 1.3, "long": 2.2}[kind])
    grey = draft.count(200, 240)
    return TableStyle(
        tuple(weight / sum(weights) for weight in weights),
        tuple(kinds),
        draft.typography.small.sized(0.85) if dense else draft.typography.body.sized(draft.between(0.75, 1.0)),
        draft.chance(0.8),
        draft.between(0.5, 1.6),
        (grey, grey, draft.count(grey, 250)) if draft.chance(0.25) else None,
        draft.between(0.12, 0.45),
    )


def table(draft: Draft, table_style: TableStyle, until: float, rows: int = 1000) -> None:
    """Sets a table: a head and at most `rows` rows, from `draft.y` down to `until` mm at most."""
    edges = [draft.left]
    for share in table_style.column_shares:
        edges.append(edges[-1] + share * draft.width)
    writer = draft.writer
    head = [writer.pick(writer.language.fields) for _ in table_style.column_shares]
    if not _row(draft, table_style, edges, head, until, fill=table_style.head_fill):
        return
    numbered_columns = draft.chance(0.3)
    if numbered_columns:
        _row(draft, table_style, edges, [str(number + 1) for number in range(len(head))], until)
    for index in range(1, rows + 1):
        cells = [_cell(draft, kind, index) for kind in table_style.column_kinds]
        if not _row(draft, table_style, edges, cells, until):
            return


def _cell(draft: Draft, kind: str, index: int) -> str:
    """The text of a cell in a column of this kind; `index` is the row's number. Cells with figures may be empty."""
    writer = draft.writer
    if kind == "index":
        return str(index)
    if kind == "unit":
        return writer.pick(
            ("шт", "м2", "м3", "кг", "компл") if writer.language.code in ("ru", "kk") else ("pcs", "m", "kg", "h")
        )
    if kind == "words":
        return writer.phrase(1, 4)
    if kind == "long":
        return writer.phrase(3, 16)
    if draft.chance(0.12):
        return ""
    return writer.amount() if kind == "amount" else writer.number()


def _row(
    draft: Draft, table_style: TableStyle, edges: list[float], cells: list[str], until: float, fill: RGB | None = None
) -> bool:
    """Sets one row, as high as its highest cell.

    Returns:
        False, and nothing is set, when the row would end below `until` mm.
    """
    style, step = table_style.text_style, table_style.text_style.size_mm * 1.12
    padding, line = table_style.padding_mm, table_style.line_mm
    heights = []
    for left, right, cell in zip(edges[:-1], edges[1:], cells, strict=True):
        room = right - left - 2 * padding
        heights.append(max(1, -int(-style.width(cell) * 1.15 // max(room, 1))) * step if cell else step)
    bottom = draft.y + max(heights) + 2 * padding
    if bottom > until:
        return False
    layout = draft.layout
    if fill is not None:
        layout.rect((edges[0], draft.y, edges[-1], bottom), 0, fill=fill)
    for left, right, cell, kind in zip(edges[:-1], edges[1:], cells, table_style.column_kinds, strict=True):
        align: Align = "right" if kind in ("number", "amount") else "left"
        column = left + padding, draft.y + padding, right - left - 2 * padding
        layout.paragraph(column, cell, style, 1.12, align)
    if table_style.ruled:
        for edge in edges:
            layout.line(edge, draft.y, edge, bottom, line)
        layout.line(edges[0], draft.y, edges[-1], draft.y, line)
    layout.line(edges[0], bottom, edges[-1], bottom, line if table_style.ruled or fill else line / 2)
    draft.y = bottom
    return True


def invoice(draft: Draft) -> None:
    """Lays out an invoice or order: a letterhead, particulars, a table of goods, totals, and who issued it."""
    letterheads.letterhead(draft)
    blocks.title(draft)
    writer, typography = draft.writer, draft.typography
    for _ in range(draft.count(2, 6)):
        value = writer.pick((writer.address(), writer.digits(12), writer.pick(writer.language.firms)))
        text = f"{writer.pick(writer.language.fields)}: {value}"
        draft.y = draft.layout.paragraph((draft.left, draft.y, draft.width), text, typography.body, 1.3, "left")
    draft.skip(0.8)
    table_style = random_table_style(draft, draft.count(4, 7), dense=False)
    table(draft, table_style, draft.bottom - 65, draft.count(2, 14))
    for _ in range(draft.count(1, 3)):
        draft.y += typography.bold.size_mm * 1.4
        label = f"{writer.pick(writer.language.fields)}: {writer.amount()}"
        draft.layout.text(draft.right, draft.y, label, typography.bold, "right")
    draft.skip(1.5)
    blocks.signature_rows(draft, draft.count(1, 2))
    if draft.chance(0.35):
        draft.layout.slot("code", draft.left + 18, min(draft.y + 14, draft.layout.height_mm - 25), 30, 30)
    blocks.page_foot(draft)


def estimate(draft: Draft) -> None:
    """Lays out a page of a cost estimate: a wide dense table, and often the people who compiled and checked it.

    A last page has few rows; any other page is filled with them.
    """
    draft.layout.text(draft.left, draft.y, draft.writer.phrase(2, 6), draft.typography.small)
    draft.layout.text(draft.right, draft.y, draft.writer.digits(3), draft.typography.small, "right")
    draft.y += 3
    last = draft.chance(0.6)
    if not last and draft.chance(0.5):
        blocks.approval(draft)
        blocks.title(draft)
    rows = draft.count(1, 12) if last else 400
    until = draft.bottom - (draft.between(30, 70) if draft.chance(0.8) else 0)
    table(draft, random_table_style(draft, draft.count(6, 12), dense=True), until, rows)
    if draft.bottom - draft.y > 28:
        blocks.signature_rows(draft, min(draft.count(1, 4), int((draft.bottom - draft.y) // 18)))
    blocks.page_foot(draft)


def conditions(draft: Draft) -> None:
    """Lays out conditions: a table of three or four columns of sentences, often with room to sign below it."""
    if draft.chance(0.3):
        letterheads.bilingual_letterhead(draft)
        blocks.title(draft)
    room = 0.0 if draft.chance(0.45) else draft.between(35, 80)
    table_style = random_table_style(draft, draft.count(3, 4), dense=False, long_words=True)
    table(draft, table_style, draft.bottom - room, draft.count(1, 40))
    if draft.bottom - draft.y > 60 and draft.chance(0.5):
        blocks.running_text(draft, draft.bottom - 45, numbered=True)
    if room:
        blocks.signature_rows(draft, draft.count(1, 2))
    blocks.page_foot(draft)


def code_sheet(draft: Draft) -> None:
    """Lays out a page of codes in rows, as electronically signed documents carry their signatures."""
    if draft.chance(0.6):
        draft.layout.text(draft.left, draft.y, draft.writer.digits(1), draft.typography.body)
        draft.y += 8
    if draft.chance(0.3):
        blocks.running_text(draft, draft.y + 40)
    columns = draft.count(2, 6)
    cell = draft.width / columns
    size = min(cell * draft.between(0.6, 0.85), 48.0)
    for _ in range(draft.count(1, 5)):
        if draft.y + cell > draft.bottom:
            break
        for column in range(columns):
            draft.layout.slot("code", draft.left + cell * (column + 0.5), draft.y + cell / 2, size, size)
        draft.y += cell * draft.between(0.85, 1.1)
    blocks.page_foot(draft)
