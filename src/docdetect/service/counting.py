"""How many pages documents have, asked in an isolated process; it imports nothing that such a process does not need."""

from __future__ import annotations

import time
from collections.abc import Iterable

from docdetect.documents.reader import Opener
from docdetect.documents.sources import DocumentFile
from docdetect.workers.process import IsolatedProcess

# Seconds that a document may take to be opened and to say how many pages it has.
_OPENING_LIMIT_S = 20.0

MOST_S = 300.0
"""Seconds that all documents of a request may take for that."""


class PageCounter:
    """Counts the pages of documents; calls from several threads take turns.

    Args:
        process: is asked.
        opener: opens a document; picklable.
    """

    def __init__(self, process: IsolatedProcess, opener: Opener) -> None:
        self._process, self._opener = process, opener

    def count(self, files: Iterable[DocumentFile], most: int) -> int:
        """Pages of all documents together; counting ends where there are more than `most`.

        A document that cannot be opened counts as none: its reason is told where the document is worked on.

        Raises:
            TimeoutError: the documents take longer than `MOST_S`.
        """
        pages = 0
        deadline_s = time.monotonic() + MOST_S
        for file in files:
            if time.monotonic() > deadline_s:
                raise TimeoutError
            found = self._process.call(_OPENING_LIMIT_S, page_count, file, self._opener)
            pages += found if isinstance(found, int) else 0
            if pages > most:
                break
        return pages


def page_count(file: DocumentFile, opener: Opener) -> int:
    """Pages that a document says it has. Raises DocumentError."""
    with opener(file) as document:
        return document.page_count
