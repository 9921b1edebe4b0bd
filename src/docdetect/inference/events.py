"""What flows from stage to stage of a run: pages and ends of documents, read and finished."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from docdetect.documents.sources import DocumentFile
from docdetect.inference.multi_view.views import PagePictures
from docdetect.types import FailedPage, Failure, Note, PageInfo, PageResult


@dataclass(frozen=True)
class ReadPage:
    """A page that was read.

    Attributes:
        file: the document.
        sha256: hex digest of the document, "" where it has no file.
        info: the page at the size that boxes refer to.
        pictures: what the network sees of the page.
    """

    file: DocumentFile
    sha256: str
    info: PageInfo
    pictures: PagePictures

    def without_enlarged(self) -> ReadPage:
        """The page without its enlarged picture, which no stage needs after the network."""
        return self if self.pictures.enlarged is None else replace(self, pictures=replace(self.pictures, enlarged=None))


@dataclass(frozen=True)
class UnreadablePage:
    """A page that gives no pixels, and why."""

    file: DocumentFile
    sha256: str
    number: int
    failure: Failure


@dataclass(frozen=True)
class ReadDocument:
    """The end of a document, after its last page.

    Attributes:
        file: the document.
        sha256: hex digest; "" when the file could not be read.
        page_count: pages that the document says it has; 0 when it could not be opened.
        failure: why the document as a whole failed or ended early.
        notes: what else is to be known about the document.
    """

    file: DocumentFile
    sha256: str
    page_count: int
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class NothingToRead:
    """The source of documents is slow: the pages under way are finished before the next document is waited for."""


ReadEvent: TypeAlias = ReadPage | UnreadablePage | ReadDocument | NothingToRead


@dataclass(frozen=True)
class FinishedPage:
    """The result of a page, or why there is none.

    Attributes:
        file: the document.
        sha256: hex digest of the document.
        result: a PageResult, or a FailedPage with its reason.
    """

    file: DocumentFile
    sha256: str
    result: PageResult | FailedPage


FinishedEvent: TypeAlias = FinishedPage | ReadDocument
