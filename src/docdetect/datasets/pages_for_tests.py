"""`test_pages.csv`: pages that were drawn at random to test networks with, and that no network may be trained on.

`select` draws them among all pages of a run, so that figures on them hold for the run as a whole; on pages that were
chosen because a network was unsure about them, every network looks worse than it is. The list lies in the folder of the
run and in the folder of every dataset that `prepare` makes with it, and only ever grows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from docdetect.datasets.split import PageKey
from docdetect.errors import InputError
from docdetect.files import nfc
from docdetect.tables import csv_text, read_csv

TEST_PAGES_CSV = "test_pages.csv"
_COLUMNS = ("document", "page")


def read_pages_for_tests(path: Path) -> tuple[PageKey, ...]:
    """The pages of a list, in its order; none where there is no such file.

    Raises:
        InputError: the file is no list of pages.
    """
    if not path.is_file():
        return ()
    table = read_csv(path, _COLUMNS)
    keys = []
    for line, (document, page) in enumerate(zip(table["document"], table["page"], strict=True), start=2):
        if not document or not (page.isascii() and page.isdecimal() and int(page)):
            raise InputError(
                f"{path}: line {line}: no document and page number", "docdetect select writes a list of test pages."
            )
        keys.append(PageKey(nfc(document), int(page)))
    return tuple(dict.fromkeys(keys))


def pages_for_tests_text(pages: Iterable[PageKey]) -> str:
    """The text of a list of test pages, in page order, each once."""
    return csv_text(((key.document, key.page) for key in sorted(set(pages))), _COLUMNS)
