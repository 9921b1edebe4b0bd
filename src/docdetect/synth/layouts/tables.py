"""Pages that are mostly table: invoices, estimates on wide sheets, conditions in two columns.

Tables: cells of words and figures under a head, ruled in several ways.
"""

from __future__ import annotations

from dataclasses import dataclass

from docdetect.synth.layouts import blocks, heads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.sheet import RGB, Align, Style


@dataclass(frozen=True)
class Grid:
    """How a table looks.

    Attributes:
        shares: widths of the columns as shares of the table's width.
        kinds: what stands in each column: "index", "words", "long", "unit", "number" or "amount".
        style: of the cells.
        ruled: lines between rows and columns; otherwise only below the head.
        pad: mm around the text of a cell.
        filled: colour behind the head, or None.
    """

    shares: tuple[float, ...]
    kinds: tuple[str, ...]
    style: Style
    ruled: bool
    pad: float
    filled: RGB | None = None
    line_mm: float = 0.2


def draw_grid(draft: Draft, columns: int, *, dense: bool, long_words: bool = False) -> Grid:
    """A random table look with so many columns; `dense` has small letters."""
    kinds = ["index", "long" if long_words else "words"]
    weights = [0.4, 3.2 if long_words else 2.6]
    for _ in range(columns - 2):
        kind = str(draft.rng.choice(["unit", "number", "amount", "words", "long"], p=[0.2, 0.3, 0.25, 0.15, 0.1]))
        kinds.append(kind)
        weights.append({"unit": 0.6, "number": 0.75, "amount": 1.0, "words": 1.3, "long": 2.2}[kind])
    grey = draft.count(200, 240)
    return Grid(
        tuple(weight / sum(weights) for weight in weights),
        tuple(kinds),
        draft.look.small.sized(0.85) if dense else draft.look.body.sized(draft.between(0.75, 1.0)),
        draft.chance(0.8),
        draft.between(0.5, 1.6),
        (grey, grey, draft.count(grey, 250)) if draft.chance(0.25) else None,
        draft.between(0.12, 0.45),
    )


def table(draft: Draft, grid: Grid, until: float, rows: int = 1000) -> None:
    """Rows from `draft.y` down to `until` mm, at most `rows`; the head first."""
    edges = [draft.left]
    for share in grid.shares:
        edges.append(edges[-1] + share * draft.width)
    writer = draft.writer
    head = [writer.pick(writer.language.fields) for _ in grid.shares]
    if not _row(draft, grid, edges, head, until, filled=grid.filled):
        return
    numbers = draft.chance(0.3)
    if numbers:
        _row(draft, grid, edges, [str(number + 1) for number in range(len(head))], until)
    for index in range(1, rows + 1):
        cells = [_cell(draft, kind, index) for kind in grid.kinds]
        if not _row(draft, grid, edges, cells, until):
            return


def _cell(draft: Draft, kind: str, index: int) -> str:
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
    draft: Draft, grid: Grid, edges: list[float], cells: list[str], until: float, filled: RGB | None = None
) -> bool:
    """One row as high as its highest cell; False, and nothing drawn, when it would pass `until`."""
    style, step = grid.style, grid.style.size_mm * 1.12
    heights = []
    for left, right, cell in zip(edges[:-1], edges[1:], cells, strict=True):
        room = right - left - 2 * grid.pad
        heights.append(max(1, -int(-style.width(cell) * 1.15 // max(room, 1))) * step if cell else step)
    bottom = draft.y + max(heights) + 2 * grid.pad
    if bottom > until:
        return False
    sheet = draft.sheet
    if filled is not None:
        sheet.rect((edges[0], draft.y, edges[-1], bottom), 0, fill=filled)
    for left, right, cell, kind in zip(edges[:-1], edges[1:], cells, grid.kinds, strict=True):
        align: Align = "right" if kind in ("number", "amount") else "left"
        sheet.paragraph((left + grid.pad, draft.y + grid.pad, right - left - 2 * grid.pad), cell, style, 1.12, align)
    if grid.ruled:
        for edge in edges:
            sheet.line(edge, draft.y, edge, bottom, grid.line_mm)
        sheet.line(edges[0], draft.y, edges[-1], draft.y, grid.line_mm)
    sheet.line(edges[0], bottom, edges[-1], bottom, grid.line_mm if grid.ruled or filled else grid.line_mm / 2)
    draft.y = bottom
    return True


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
