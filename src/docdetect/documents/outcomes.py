"""What a batch of documents gives, page by page, failures as data; and the limits of the workers that make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from docdetect.documents.reader import Document, Opener, open_document
from docdetect.documents.sources import DocumentFile
from docdetect.types import Failure

T = TypeVar("T")

PageWork: TypeAlias = Callable[[Document, int], T]
"""What is done with page `number` (from 1) of an open document: a module-level function or a picklable object."""


@dataclass(frozen=True)
class WorkerSettings:
    """How many worker processes there are, and what a document may cost.

    Attributes:
        workers: processes; 0 works in this process, without any protection.
        timeout_s: seconds in which a document must finish its next page, and that it may take in all beside one
            second for each page finished; time in which its worker waits is not counted.
        memory_bytes: address space that a worker may take on top of its start; enforced on Linux only.
        max_in_flight: most pages begun and not yet taken by the consumer.
        max_in_flight_bytes: pages waiting for the consumer take little more than this.
        opener: opens a document; picklable.
    """

    workers: int = 0
    timeout_s: float = 120.0
    memory_bytes: int = 4 << 30
    max_in_flight: int = 16
    max_in_flight_bytes: int = 1 << 30
    opener: Opener = open_document

    def __post_init__(self) -> None:
        if self.workers < 0 or self.max_in_flight < 1 or self.timeout_s <= 0 or self.memory_bytes < 1:
            raise ValueError(f"limits must be positive: {self}")


@dataclass(frozen=True)
class PageOutcome(Generic[T]):
    """One page: the value that the work gave, or why there is none.

    Attributes:
        file: the document.
        number: page number from 1.
        page_count: pages of the document.
        value: what the work returned; None with a failure.
        failure: why there is no value.
        elapsed_s: seconds that the page took in its worker, with opening the document where that was needed.
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
        page_count: its pages, 0 when it could not be opened.
        failure: why it could not be opened, or why it ended before its last page; pages after that have no outcome.
    """

    file: DocumentFile
    page_count: int
    failure: Failure | None = None
