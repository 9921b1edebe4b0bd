"""Batches of documents in isolated processes, so that a hostile file takes down one process and nothing else.

    settings = WorkerSettings(workers=available_cores())
    for outcome in iter_rendered(files, LongSide(1024), settings):
        if isinstance(outcome, PageOutcome):      # outcome.value is a Page, or outcome.failure says why there is none
            ...
        else:                                     # DocumentOutcome: the end of the document
            ...

Outcomes come in the order of documents and pages, the same whatever the number of processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from docdetect.documents.document import Document
from docdetect.documents.reader import Opener, open_document
from docdetect.documents.sizes import RenderSize
from docdetect.documents.sources import DocumentFile
from docdetect.types import Failure, Note, Page
from docdetect.workers.parts import ItemOutcome, WorkerSettings
from docdetect.workers.pool import iter_parts
from docdetect.workers.process import IsolatedProcess, start_server

T = TypeVar("T")

PageWork: TypeAlias = Callable[[Document, int], T]
"""What is done with page `number` (from 1) of an open document: a module-level function or a picklable object."""

# Modules that every process needs which opens documents.
_PRELOAD = tuple(f"docdetect.documents.{name}" for name in ("batches", "pdf", "images"))


@dataclass(frozen=True)
class PageOutcome(Generic[T]):
    """One page: the value that the work returned, or why there is none.

    Attributes:
        file: the document.
        number: page number, from 1.
        page_count: pages of the document.
        value: what the work returned; None with a failure.
        failure: why there is no value.
        elapsed_s: seconds of work, with opening the document where that was needed.
    """

    file: DocumentFile
    number: int
    page_count: int
    value: T | None
    failure: Failure | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class DocumentOutcome:
    """The end of one document, after all of its pages.

    Attributes:
        file: the document.
        page_count: pages of the document, 0 when it could not be opened.
        failure: why it could not be opened, or why it ended before its last page; pages after that have no outcome.
        notes: what else is to be known about the document.
    """

    file: DocumentFile
    page_count: int
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Rendering:
    """The PageWork that renders pages at one size."""

    size: RenderSize

    def __call__(self, document: Document, number: int) -> Page:
        return document.render(number, self.size)


def iter_rendered(
    files: Sequence[DocumentFile], size: RenderSize, settings: WorkerSettings | None = None
) -> Generator[PageOutcome[Page] | DocumentOutcome, None, None]:
    """The pages of all documents at `size`; see `iter_pages`."""
    return iter_pages(files, Rendering(size), settings)


def iter_pages(
    files: Sequence[DocumentFile],
    work: PageWork[T],
    settings: WorkerSettings | None = None,
    *,
    opener: Opener = open_document,
    stop: threading.Event | None = None,
) -> Generator[PageOutcome[T] | DocumentOutcome, None, None]:
    """Does `work` on every page of every document, ahead of the consumer by a bounded number of pages.

    Yields, for each document in the order given, a PageOutcome for each page from the first to the last, then one
    DocumentOutcome. A page that fails has an outcome with its failure and the document goes on. A page that crashes its
    process or exceeds the time limit ends its document with FailureKind.CRASHED, MEMORY or TIMEOUT; the pages before it
    stay, those after it are not tried. Processes start when the first outcome is asked for, and end with the iterator,
    also when it is closed early.

    Args:
        files: the documents.
        work: called in a process as `work(document, number)`; module-level or picklable, and so must its value be.
        settings: processes and limits; the default works in the calling thread, without protection.
        opener: opens a document; picklable.
        stop: an event that may be set in any thread; the iterator then ends its processes and raises.

    Raises:
        InterruptedRunError: `stop` was set.
        DocdetectError: raised by the work and not a DocumentError: it concerns the whole batch, such as OutputError.
    """
    outcomes = iter_parts(files, _DocumentOpening(opener, work), settings, preload=_PRELOAD, stop=stop)
    notes: dict[Note, None] = {}
    with closing(outcomes):
        for outcome in outcomes:
            file = files[outcome.item]
            if isinstance(outcome, ItemOutcome):
                yield DocumentOutcome(file, outcome.part_count, _failure_of(outcome), tuple(notes))
                notes = {}
                continue
            value = None
            if outcome.value is not None:
                value = outcome.value.value
                notes |= dict.fromkeys(outcome.value.notes)
            yield PageOutcome(file, outcome.part, outcome.part_count, value, outcome.failure, outcome.elapsed_s)


def document_process(memory_bytes: int) -> IsolatedProcess:
    """An isolated process for single calls that open documents; see `IsolatedProcess`."""
    return IsolatedProcess(memory_bytes, _PRELOAD)


def prepare_processes() -> None:
    """Lets what processes need be imported in the background, so that the first of them starts sooner."""
    start_server(_PRELOAD)


def _failure_of(outcome: ItemOutcome) -> Failure | None:
    if outcome.failure is None or outcome.failed_part is None:
        return outcome.failure
    return replace(outcome.failure, message=f"page {outcome.failed_part}: {outcome.failure.message}")


@dataclass(frozen=True)
class _DonePage(Generic[T]):
    """What the work returned for a page, and what was known about its document by then: damage shows as it is read."""

    value: T
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _OpenDocument(Generic[T]):
    """A document as an open item of a batch: its pages are the parts."""

    document: Document
    work: PageWork[T]

    @property
    def part_count(self) -> int:
        return self.document.page_count

    def do_part(self, number: int) -> _DonePage[T]:
        value = self.work(self.document, number)
        return _DonePage(value, self.document.notes)

    def close(self) -> None:
        self.document.close()


@dataclass(frozen=True)
class _DocumentOpening(Generic[T]):
    """Opens the documents of a batch; pickled to every process."""

    opener: Opener
    work: PageWork[T]

    def __call__(self, file: DocumentFile) -> _OpenDocument[T]:
        return _OpenDocument(self.opener(file), self.work)
