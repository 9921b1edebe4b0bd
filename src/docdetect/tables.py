"""CSV tables that a spreadsheet opens as they were meant, and that docdetect reads back unchanged.

Every CSV file is UTF-8 with a byte-order mark, without which Excel takes Cyrillic letters for another encoding. Texts
that come from strangers (names of documents, what a QR code says) are written so that no spreadsheet runs them as a
formula, and so that control characters can be seen. pandas loads slowly, so it is imported where tables are read, and
not at all where they are written.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.errors import InputError
from docdetect.files import read_text, write_text

if TYPE_CHECKING:
    import pandas as pd

BYTE_ORDER_MARK = "\ufeff"

# What a spreadsheet takes for the beginning of a formula, after any apostrophes that an earlier guard put there.
_FORMULA = re.compile(r"'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# U+2400 and the signs after it are the pictures of the control characters; U+2426 says that a picture was in the text.
_LITERAL = "\u2426"
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_CONTROLS = {picture: chr(code) for code, picture in _PICTURES.items()}
_TO_ESCAPE = re.compile(f"[\u2400-\u2421{_LITERAL}]")
_ESCAPED = re.compile(f"{_LITERAL}(.)|([\u2400-\u241f\u2421])")


def safe_cell(value: object) -> object:
    """The value as a cell that no spreadsheet runs; everything but texts is returned unchanged.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, which spreadsheets do not show for
    texts that are typed and which readers of CSV can take away (`plain_cell`); texts that are plain numbers stay.
    Control characters, line ends included, become the signs that picture them, so that each row is one line.
    """
    if not isinstance(value, str):
        return value
    guarded = f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
    sound = guarded.encode("utf-8", "replace").decode("utf-8")
    return _TO_ESCAPE.sub(lambda found: _LITERAL + found[0], sound).translate(_PICTURES)


def plain_cell(text: str) -> str:
    """The text that `safe_cell` was given."""
    shown = _ESCAPED.sub(lambda found: found[1] or _CONTROLS[found[2]], text)
    return shown[1:] if shown.startswith("'") and _FORMULA.match(shown) else shown


def csv_text(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> str:
    """The text of a CSV file, byte-order mark included.

    Args:
        rows: one sequence for each row, a cell for each column; None and a number that is not known (NaN) are empty
            cells.
        columns: the names in the first line.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + stream.getvalue()


def _written(cell: object) -> object:
    return None if isinstance(cell, float) and math.isnan(cell) else safe_cell(cell)


def write_csv(path: Path, rows: Iterable[Sequence[object]], columns: Sequence[str]) -> None:
    """Replaces `path` by the table, atomically; see `csv_text`. Raises OutputError."""
    write_text(path, csv_text(rows, columns))


def read_csv(path: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """The table in a CSV file, every cell a text as it was before `safe_cell`; an empty or missing cell is "".

    Args:
        path: the file, with or without a byte-order mark.
        columns: columns that must be there.

    Raises:
        InputError: the file is missing, not UTF-8, no CSV table, or lacks a column.
    """
    return table_from_csv(read_text(path), str(path), columns)


def table_from_csv(text: str, origin: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """The table in the text of a CSV file; see `read_csv`. `origin` names the text in messages.

    Raises:
        InputError: no CSV table, or a column is missing.
    """
    import pandas as pd

    stream = io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")
    try:
        # The first line sets the number of columns only when pandas does not take it for a header.
        lines = pd.read_csv(stream, header=None, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{origin}: the file is empty, so it holds no table", "Write the file again.") from error
    except (pd.errors.ParserError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{origin}: not a CSV table ({reason})", "Repair the line, or write the file again."
        ) from error
    names = lines.iloc[0].tolist()
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(
            f"{origin}: the table lacks the columns {', '.join(missing)}",
            f"The first line of the file must name {', '.join(columns)}.",
        )
    table = lines.iloc[1:].reset_index(drop=True).set_axis(names, axis="columns")
    plain: pd.DataFrame = table.map(plain_cell) if len(table) else table
    return plain
