"""Batches of documents through worker processes, so that a hostile file takes down one worker and nothing else.

    settings = WorkerSettings(workers=available_cores())
    for outcome in iter_rendered(files, LongSide(1024), settings):
        if isinstance(outcome, PageOutcome):      # outcome.value is a Page, or outcome.failure says why not
            ...
        else:                                     # DocumentOutcome: the document's last word
            ...

Outcomes come in document order and page order, the same whatever the number of workers. Workers start with a fresh
interpreter: a program that uses them needs the usual `if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from docdetect.documents.outcomes import DocumentOutcome, PageOutcome, PageWork, WorkerSettings
from docdetect.documents.reader import Document
from docdetect.documents.sizes import RenderSize
from docdetect.documents.sources import DocumentFile
from docdetect.documents.worker import PageServer, Request
from docdetect.types import Page

__all__ = [
    "DocumentOutcome",
    "PageOutcome",
    "PageWork",
    "Rendering",
    "WorkerSettings",
    "iter_pages",
    "iter_rendered",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Rendering:
    """The PageWork that renders at one size."""

    size: RenderSize

    def __call__(self, document: Document, number: int) -> Page:
        return document.render(number, self.size)


def iter_rendered(
    files: Sequence[DocumentFile], size: RenderSize, settings: WorkerSettings | None = None
) -> Iterator[PageOutcome[Page] | DocumentOutcome]:
    """The pages of all documents at `size`; see `iter_pages`."""
    return iter_pages(files, Rendering(size), settings)


def iter_pages(
    files: Sequence[DocumentFile], work: PageWork[T], settings: WorkerSettings | None = None
) -> Iterator[PageOutcome[T] | DocumentOutcome]:
    """Does `work` on every page of every document, ahead of the consumer by a bounded number of pages.

    Yields, for each document in the order given, a PageOutcome for each page from the first to the last, then one
    DocumentOutcome. A page that fails has an outcome with its failure and the document goes on. A page that crashes its
    worker or exceeds the time limit ends its document with FailureKind.CRASHED, MEMORY or TIMEOUT; the pages before it
    stay, those after it are not tried. Workers start when the first outcome is asked for, and end with the iterator,
    also when it is closed early.

    Args:
        files: the documents.
        work: called in a worker as `work(document, number)`; module-level or picklable, and so must its value be.
        settings: workers and limits; the default works in this process, without protection.

    Raises:
        DocdetectError: raised by the work and not a DocumentError: it concerns the whole batch, such as OutputError.
    """
    settings = settings or WorkerSettings()
    if settings.workers == 0:
        return _iter_in_process(files, work, settings)
    from docdetect.documents.pool import iter_in_workers

    return iter_in_workers(files, work, settings)


def _iter_in_process(
    files: Sequence[DocumentFile], work: PageWork[T], settings: WorkerSettings
) -> Iterator[PageOutcome[T] | DocumentOutcome]:
    server = PageServer(work, settings.opener)
    try:
        for index, file in enumerate(files):
            number, page_count = 1, 1
            while number <= page_count:
                reply = server.serve(Request(index, file, number, settings.timeout_s))
                if reply.stop is not None:
                    raise reply.stop
                page_count = reply.page_count
                if page_count:
                    yield PageOutcome(file, number, page_count, reply.value, reply.failure, reply.elapsed_s)
                number += 1
            yield DocumentOutcome(file, page_count, None if page_count else reply.failure)
    finally:
        server.close()
