"""What a run comes to: a row per document, totals, failures; made from the journal while results are written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from docdetect.inference.records import DocumentEnd, PdfEnd
from docdetect.types import DocumentResult, DocumentStatus, Failure


@dataclass(frozen=True)
class DocumentRow:
    """One line of the document table.

    Attributes:
        document: path relative to the source.
        sha256: hex digest of the file, "" when it could not be read.
        status: ok, partial or failed; partial also when the run stopped before the document's end.
        page_count: pages it says it has.
        failed_pages: numbers of the pages without a result.
        pages_of_class: class name -> numbers of the pages with such marks.
        finished: False when the run stopped before the document's end.
        failure: why the document as a whole failed.
        pdf: what became of its marked copy; None where none was asked for, or it is no PDF.
    """

    document: str
    sha256: str
    status: DocumentStatus
    page_count: int
    failed_pages: tuple[int, ...]
    pages_of_class: dict[str, tuple[int, ...]]
    finished: bool = True
    failure: Failure | None = None
    pdf: PdfEnd | None = None

    def lacks(self, required: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the required classes stand on none of its pages."""
        return tuple(name for name in required if not self.pages_of_class[name])


@dataclass(frozen=True)
class FailureRow:
    """A document, or a page of one, without a result; `page` is None for whole documents."""

    document: str
    page: int | None
    failure: Failure


@dataclass
class Totals:
    """Sums over all documents of a run, filled by `add`.

    Attributes:
        class_names: of the model.
        documents: a row each, in the order of their names.
        pages: pages with a result.
        failures: documents and pages without one.
        raw, marks: detections and grouped marks per class.
        code_class: the class of QR codes; empty where their texts are not read.
        codes_read: QR codes whose text could be read.
    """

    class_names: tuple[str, ...]
    documents: list[DocumentRow] = field(default_factory=list)
    pages: int = 0
    failures: list[FailureRow] = field(default_factory=list)
    raw: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    code_class: str = ""
    codes_read: int = 0

    def add(self, result: DocumentResult, end: DocumentEnd | None, pdf: PdfEnd | None = None) -> None:
        """Counts one document in; `end` is None when the run stopped before its last page."""
        pages_of_class: dict[str, list[int]] = {name: [] for name in self.class_names}
        for page in result.pages:
            if page.failure is not None:
                self.failures.append(FailureRow(result.document, page.info.number, page.failure))
                continue
            self.pages += 1
            self.raw.update(self.class_names[class_id] for class_id in page.raw.class_ids)
            self.marks.update(self.class_names[class_id] for class_id in page.grouped.class_ids)
            self.codes_read += sum(text is not None for text in page.texts)
            for class_id in sorted(set(page.grouped.class_ids.tolist())):
                pages_of_class[self.class_names[class_id]].append(page.info.number)
        if result.failure is not None:
            self.failures.append(FailureRow(result.document, None, result.failure))
        status = result.status
        if end is None and status is DocumentStatus.OK:
            status = DocumentStatus.PARTIAL
        self.documents.append(
            DocumentRow(
                result.document,
                result.sha256,
                status,
                len(result.pages) if end is None else end.page_count,
                tuple(page.info.number for page in result.pages if page.failure is not None),
                {name: tuple(numbers) for name, numbers in pages_of_class.items()},
                end is not None,
                result.failure,
                pdf,
            )
        )

    @property
    def codes_unreadable(self) -> int:
        """QR codes whose text could not be read."""
        return self.marks[self.code_class] - self.codes_read

    def with_status(self, status: DocumentStatus) -> int:
        """Number of documents with this status."""
        return sum(row.status is status for row in self.documents)


@dataclass(frozen=True)
class InferReport:
    """The end of a run.

    Attributes:
        output: the result folder.
        totals: what was found.
        required: classes that every document should have.
        expected: documents in the source.
        elapsed_s: seconds from the first page to the last, without loading the model.
        pages_now: pages that this run did itself; the others come from the run that it resumed.
        interrupted: the user stopped it; the results are those of the pages so far.
        torn_lines: lines of the journal that could not be used when it was resumed.
    """

    output: Path
    totals: Totals
    required: tuple[str, ...]
    expected: int
    elapsed_s: float
    pages_now: int
    interrupted: bool = False
    torn_lines: int = 0

    @property
    def pages_per_s(self) -> float:
        """Pages per second of this run."""
        return self.pages_now / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Document -> the required classes that it lacks; documents that failed altogether are not judged."""
        judged = (row for row in self.totals.documents if row.status is not DocumentStatus.FAILED and row.finished)
        lacks = {row.document: row.lacks(self.required) for row in judged}
        return {document: missing for document, missing in lacks.items() if missing}

    @property
    def without_copy(self) -> dict[str, Failure]:
        """Document -> why its marked copy could not be made."""
        return {
            row.document: row.pdf.failure for row in self.totals.documents if row.pdf and row.pdf.failure is not None
        }

    @property
    def failed_documents(self) -> int:
        """Documents with at least one page, or all of them, without a result."""
        return sum(row.status is not DocumentStatus.OK for row in self.totals.documents if row.finished)
