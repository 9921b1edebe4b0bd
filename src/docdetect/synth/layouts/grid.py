"""Tables: cells of words and figures under a head, ruled in several ways."""

from __future__ import annotations

from dataclasses import dataclass

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
