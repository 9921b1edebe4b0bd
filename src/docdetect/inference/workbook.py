"""`results.xlsx`: the results of a run as a workbook for people who work with spreadsheets.

Where classes are required, the first sheet answers which documents lack one. openpyxl is imported when the workbook is
written. Texts from documents (names, texts of QR codes) are always stored as texts, so that none of them runs as a
formula, and control characters are made visible. The same results give the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from docdetect.files import write_bytes
from docdetect.inference.folder import PAGES_FOLDER, WORKBOOK_NAME, page_path
from docdetect.inference.report import DocumentRow, InferReport, document_table
from docdetect.inference.settings import RunSettings

if TYPE_CHECKING:
    from openpyxl import Workbook

# The rows of a sheet are in memory while it is written, and Excel takes at most 65,530 links in a sheet.
MAX_ROWS = 50_000

_MAX_WIDTH_CHARACTERS = 60
_LOOKED_AT_FOR_WIDTH = 200
_MAX_CELL_CHARACTERS = 32_767
_TIME = re.compile(rb">\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ<")

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
        row_count: how many rows there are in all, where `rows` are only the first ones; 0 where `rows` are all.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    links: dict[str, Sequence[str]] | None = None
    complete_in: str = "documents.csv"
    row_count: int = 0


def write_results_workbook(
    report: InferReport, settings: RunSettings, mark_columns: Sequence[str], source: str
) -> None:
    """Replaces `results.xlsx` in the result folder.

    Args:
        report: of the run.
        settings: of the run.
        mark_columns: the names of the columns of `report.mark_rows`.
        source: what was looked at, for people.

    Raises:
        OutputError: the workbook cannot be written.
    """
    write_workbook(report.output / WORKBOOK_NAME, sheets_of(report, settings, mark_columns, source))


def sheets_of(report: InferReport, settings: RunSettings, mark_columns: Sequence[str], source: str) -> list[Sheet]:
    """The sheets of a run: the answer where classes are required, documents, marks, failures, settings."""
    columns, rows = document_table(report)
    pages = {row.document: _first_page(row) for row in report.totals.documents} if settings.save_pages else {}
    documents = Sheet(
        "Documents", tuple(columns), rows, {"document": [pages.get(str(row[0]), "") for row in rows]}, "documents.csv"
    )
    sheets = [_answer_sheet(report, pages)] if report.required else []
    marks = report.mark_rows or []
    links = [_drawn_page(str(row[0]), int(row[1] or 0)) for row in marks] if settings.save_pages else []
    mark_count = report.totals.marks.total()
    sheets += [documents, Sheet("Marks", tuple(mark_columns), marks, {"page": links}, "detections.csv", mark_count)]
    failures: list[Sequence[Cell]] = [
        (row.document, row.page, row.failure.kind.value, row.failure.message) for row in report.totals.failures
    ]
    failures += [
        (name, None, why.kind.value, f"no marked copy: {why.message}") for name, why in report.without_copy.items()
    ]
    failures += [(entry.name, None, "left_out", entry.reason.value) for entry in report.left_out]
    sheets.append(Sheet("Failures", ("document", "page", "reason", "message"), failures, None, "summary.json"))
    facts: list[Sequence[Cell]] = [("source", source)]
    for key, value in settings.influential().items():
        facts.append((key, value if isinstance(value, (int, float, str)) else json.dumps(value)))
    return [*sheets, Sheet("Settings", ("setting", "value"), facts, None, "summary.json")]


_ANSWERS = {"none": "has none", "check": "please check", "unknown": "not seen as a whole"}


def _answer_sheet(report: InferReport, pages: Mapping[str, str]) -> Sheet:
    """The documents that lack a required class, then those to check, then those of which nobody can say.

    The name of a document leads to its first page to check, of other documents to the page that `pages` has.
    """
    rows: list[Sequence[Cell]] = []
    targets: list[str] = []
    for answer in ("none", "check", "unknown"):
        for row in report.totals.documents:
            wanted = [row.answers[name] for name in report.required]
            first = next((one for one in ("none", "check", "unknown") if one in wanted), "")
            if first != answer:
                continue
            to_check = sorted({number for name in report.required for number in row.pages_of_answer_check(name)})
            why = "; ".join(part for part in (row.reason, row.remarks) if part)
            words = [_ANSWERS.get(one, "has") for one in wanted]
            rows.append((row.document, *words, row.page_count, " ".join(map(str, to_check)), why))
            first_to_check = _drawn_page(row.document, to_check[0]) if to_check and pages else ""
            targets.append(first_to_check or pages.get(row.document, ""))
    title = f"Lacks {' or '.join(report.required)}"[:31]
    columns = ("document", *report.required, "pages", "pages to check", "remarks")
    links: dict[str, Sequence[str]] = {"document": targets}
    if not rows and report.totals.documents:  # an empty first sheet looks like a run that went wrong
        rows.append((f"all documents have {' and '.join(report.required)}", *[None] * (len(columns) - 1)))
        links = {"document": [""]}
    return Sheet(title, columns, rows, links)


def _drawn_page(document: str, number: int) -> str:
    return page_path(Path(PAGES_FOLDER), document, number).as_posix()


def _first_page(row: DocumentRow) -> str:
    """The drawn page of a document that shows most: the first page with a mark, else the first page that was read."""
    marked = min((numbers[0] for numbers in row.pages_of_class.values() if numbers), default=0)
    read = next((number for number in range(1, row.page_count + 1) if number not in row.failed_pages), 0)
    return _drawn_page(row.document, marked or read) if marked or read else ""


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Writes the sheets in their order, with filters on and the heading frozen.

    Raises:
        OutputError: the workbook cannot be written.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)  # rows go to a temporary file, so that memory stays small
    for sheet in sheets:
        _add(book, sheet)
    stream = io.BytesIO()
    book.save(stream)
    write_bytes(path, _without_times(stream.getvalue()))


def _without_times(workbook: bytes) -> bytes:
    """The workbook with one fixed time in place of the times at which it was made."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as before, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            data = before.read(name)
            if name == "docProps/core.xml":
                data = _TIME.sub(b">2000-01-01T00:00:00Z<", data)
            after.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _clean(cell: Cell) -> Cell:
    """The cell without what a workbook may not hold: control characters become visible, long texts are cut."""
    if not isinstance(cell, str):
        return cell
    shown = "".join(chr(0x2400 + ord(letter)) if ord(letter) < 32 and letter != "\n" else letter for letter in cell)
    return shown.replace("\x7f", "\u2421")[:_MAX_CELL_CHARACTERS]


def _add(book: Workbook, sheet: Sheet) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    page = book.create_sheet(sheet.title)
    rows = [[_clean(cell) for cell in row] for row in sheet.rows[:MAX_ROWS]]
    page.freeze_panes = "A2"
    page.auto_filter.ref = f"A1:{get_column_letter(len(sheet.columns))}{len(rows) + 1}"
    for number, heading in enumerate(sheet.columns, start=1):
        texts = [heading, *(_text(row[number - 1]) for row in rows[:_LOOKED_AT_FOR_WIDTH])]
        width = max(len(line) for text in texts for line in (text.split("\n") or [""]))
        page.column_dimensions[get_column_letter(number)].width = min(_MAX_WIDTH_CHARACTERS, width + 3)
    bold, blue = Font(bold=True), Font(color="0563C1", underline="single")
    page.append([_cell(page, heading, font=bold) for heading in sheet.columns])
    links = {sheet.columns.index(heading): targets for heading, targets in (sheet.links or {}).items()}
    for position, row in enumerate(rows):
        cells = [_cell(page, value) if isinstance(value, str) else value for value in row]
        for column, targets in links.items():
            if targets and targets[position]:
                cells[column] = _cell(page, row[column], font=blue, link=targets[position])
        page.append(cells)
    left_out = max(len(sheet.rows), sheet.row_count) - len(rows)
    if left_out:
        page.append([f"{left_out:,} more rows are left out here; all are in {sheet.complete_in}."])


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell)


def _cell(page: Any, value: Cell, *, font: Any = None, link: str = "") -> Any:
    """A cell whose text is a text: openpyxl takes every text that begins with "=" for a formula."""
    from urllib.parse import quote

    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, value)
    if isinstance(value, str):
        cell.data_type = "s"
    if font is not None:
        cell.font = font
    if link:
        cell.hyperlink = quote(link)
    return cell
