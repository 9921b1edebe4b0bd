"""What the documents of a folder are before any page is rendered: content hash, pages and their sizes, or a failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from docdetect.console import ProgressCallback, no_progress
from docdetect.documents.reader import AtDpi, Document
from docdetect.documents.sources import DocumentFile
from docdetect.documents.workers import PageOutcome, WorkerSettings, iter_pages
from docdetect.errors import InputError
from docdetect.files import sha256_file
from docdetect.types import Failure, SizeWH

_SURVEY_SIZE = AtDpi(72)


@dataclass(frozen=True)
class SurveyedDocument:
    """One document of the source.

    Attributes:
        file: where it is and what it is called.
        sha256: of its content; "" when it cannot be read at all.
        page_sizes_wh: (width, height) of each page at 72 px/inch, in page order; None for a page that cannot be
            opened. Only the aspect is meant to be used.
        failure: why the document has no pages; then page_sizes_wh is empty.
    """

    file: DocumentFile
    sha256: str
    page_sizes_wh: tuple[SizeWH | None, ...] = ()
    failure: Failure | None = None

    @property
    def page_count(self) -> int:
        """Number of pages; 0 for a failed document."""
        return len(self.page_sizes_wh)


def survey_documents(
    files: Sequence[DocumentFile],
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> list[SurveyedDocument]:
    """Opens every document once, in the given order; one that fails is in the result with its failure."""
    surveyed: list[SurveyedDocument] = []
    sizes: list[SizeWH | None] = []
    for outcome in iter_pages(files, _displayed_size, workers):
        if isinstance(outcome, PageOutcome):
            sizes.append(outcome.value)  # a page without a size is tried again when rendering, which says why
            continue
        missing = outcome.page_count - len(sizes)
        failure = None if outcome.page_count else outcome.failure
        sizes_wh = (*sizes, *[None] * missing) if outcome.page_count else ()
        surveyed.append(SurveyedDocument(outcome.file, _digest(outcome.file), sizes_wh, failure))
        sizes = []
        on_progress(len(surveyed), len(files), f"read {outcome.file.name}")
    return surveyed


def _displayed_size(document: Document, number: int) -> SizeWH:
    return document.page_info(number, _SURVEY_SIZE).size_wh


def _digest(file: DocumentFile) -> str:
    try:
        return sha256_file(file.path)
    except InputError:
        return ""  # its failure says that it cannot be read
