"""Fingerprints of whole folders of documents, made in worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.fingerprints import INK_LONG_SIDE_PX, Fingerprint, fingerprint
from docdetect.datasets.report import FailedPage
from docdetect.datasets.split import PageKey
from docdetect.datasets.spool import Spool
from docdetect.documents.reader import Document, LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.documents.text import open_with_text, page_text
from docdetect.documents.workers import PageOutcome, WorkerSettings, iter_pages


def fingerprint_documents(
    files: Sequence[DocumentFile],
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> tuple[list[Fingerprint], tuple[FailedPage, ...]]:
    """The fingerprints of all pages in the order of documents and pages, and what could not be read.

    A page that fails has no fingerprint; its document still holds its other pages together. The pages' ink waits in a
    temporary file.

    Raises:
        OutputError: the temporary folder is full or cannot be written.
    """
    spool = Spool()
    settings = replace(workers or WorkerSettings(), opener=open_with_text)
    prints: list[Fingerprint] = []
    failures: list[FailedPage] = []
    finished = 0
    for outcome in iter_pages(files, page_fingerprint, settings):
        if not isinstance(outcome, PageOutcome):
            finished += 1
            if outcome.failure is not None:
                failures.append(FailedPage(outcome.file.name, None, outcome.failure))
            on_progress(finished, len(files), f"looked at {outcome.file.name}")
        elif outcome.value is not None:
            prints.append(outcome.value.spooled(spool))
        elif outcome.failure is not None:
            failures.append(FailedPage(outcome.file.name, outcome.number, outcome.failure))
    return prints, tuple(failures)


def page_fingerprint(document: Document, number: int) -> Fingerprint:
    """The PageWork of `fingerprint_documents`; the document's text counts where `open_with_text` opened it."""
    page = document.render(number, LongSide(INK_LONG_SIDE_PX))
    return fingerprint(PageKey(page.info.document, number), page.pixels, page_text(document, number))
