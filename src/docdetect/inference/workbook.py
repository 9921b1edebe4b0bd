"""`results.xlsx`: the results of a run as a workbook for people who work with spreadsheets.

pandas and openpyxl are imported when the workbook is written. Texts from documents (names, texts of QR codes) are
always stored as texts, so that none of them runs as a formula, and control characters are made visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from docdetect.files import output_errors

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

WORKBOOK_NAME = "results.xlsx"

# A sheet of a workbook holds 1,048,576 rows; the rows of a sheet are in memory while it is written.
MAX_ROWS = 200_000

# Excel takes at most 65,530 links in a sheet.
_MAX_LINKS = 60_000

_MAX_WIDTH_CHARACTERS = 60
_LOOKED_AT_FOR_WIDTH = 200
_MAX_CELL_CHARACTERS = 32_767

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class Sheet:
    """One sheet of the workbook.

    Attributes:
        title: the name on its tab, at most 31 characters.
        columns: headings.
        rows: as many cells each as there are headings; those after the first `MAX_ROWS` are left out with a last row
            that says so.
        links: heading -> for each row the relative path that the cell of that column leads to; "" for no link.
        complete_in: the file that holds all rows, named where rows are left out.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    links: dict[str, Sequence[str]] | None = None
    complete_in: str = "documents.csv"


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Writes the sheets in their order, with filters on and the heading frozen.

    Raises:
        OutputError: the workbook cannot be written.
    """
    import pandas

    temporary = path.with_name(f".{path.name}.tmp")
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as stream, pandas.ExcelWriter(stream, engine="openpyxl") as writer:
                for sheet in sheets:
                    rows = [[_clean(cell) for cell in row] for row in sheet.rows[:MAX_ROWS]]
                    table = pandas.DataFrame(rows, columns=list(sheet.columns), dtype=object)
                    table.to_excel(writer, sheet_name=sheet.title, index=False)
                    _dress(writer.sheets[sheet.title], sheet)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _clean(cell: Cell) -> Cell:
    """The cell without what a workbook may not hold: control characters become visible, long texts are cut."""
    if not isinstance(cell, str):
        return cell
    shown = "".join(chr(0x2400 + ord(letter)) if ord(letter) < 32 and letter != "\n" else letter for letter in cell)
    return shown.replace("\x7f", "\u2421")[:_MAX_CELL_CHARACTERS]


def _dress(worksheet: Worksheet, sheet: Sheet) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    shown = min(len(sheet.rows), MAX_ROWS)
    for row in worksheet.iter_rows(min_row=2):
        for cell in row:
            if cell.data_type == "f":  # openpyxl takes every text that begins with "=" for a formula
                cell.data_type = "s"
    worksheet.freeze_panes = "A2"
    worksheet.auto_filter.ref = f"A1:{get_column_letter(len(sheet.columns))}{shown + 1}"
    for number, heading in enumerate(sheet.columns, start=1):
        texts = [heading, *(str(row[number - 1] or "") for row in sheet.rows[:_LOOKED_AT_FOR_WIDTH])]
        width = max(len(line) for text in texts for line in (text.split("\n") or [""]))
        worksheet.column_dimensions[get_column_letter(number)].width = min(_MAX_WIDTH_CHARACTERS, width + 3)
    for heading, targets in (sheet.links or {}).items():
        column = sheet.columns.index(heading) + 1
        for position, target in enumerate(targets[: min(shown, _MAX_LINKS)]):
            if target:
                cell = worksheet.cell(position + 2, column)
                _link(cell, target, Font(color="0563C1", underline="single"))
    if len(sheet.rows) > MAX_ROWS:
        left_out = len(sheet.rows) - MAX_ROWS
        worksheet.cell(MAX_ROWS + 2, 1, f"{left_out:,} more rows are left out here; all are in {sheet.complete_in}.")


def _link(cell: Any, target: str, font: Any) -> None:
    from urllib.parse import quote

    cell.hyperlink = quote(target)
    cell.font = font
