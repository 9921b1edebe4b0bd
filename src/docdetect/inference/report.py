"""What a run comes to: a row for each document, totals, failures, and the answers that people ask for.

An answer says for each category whether a document has such a mark: `has`, `none`, `check` (only possible marks, which
a person should check), or `unknown` (a part of the document was not seen). `summary.json` and `documents.csv` are
written from here; `index.html` and `results.xlsx` show the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from docdetect import __version__
from docdetect.documents.sources import LeftOut
from docdetect.files import write_json
from docdetect.inference.journal_lines import DocumentEnd, PdfEnd, failure_to_json, note_to_json
from docdetect.inference.settings import RunSettings
from docdetect.tables import write_csv
from docdetect.types import DocumentResult, DocumentStatus, FailedPage, Failure, Note

Answer: TypeAlias = Literal["has", "none", "check", "unknown"]


# How sentences call one mark and several marks of a category; categories of people's own have any language and number.
_IN_SENTENCES = {"qr": ("QR code", "QR codes"), "signature": ("signature", "signatures"), "stamp": ("stamp", "stamps")}


def words_for(category: str) -> tuple[str, str]:
    """How a sentence calls one mark and several marks of a category, such as `QR code` and `QR codes`."""
    return _IN_SENTENCES.get(category, (category, category))


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One line of the document table.

    Attributes:
        document: path relative to the source.
        sha256: hex digest of the file, "" when it could not be read.
        status: ok, partial or failed; partial also when the run stopped before the document's end.
        page_count: pages it says it has.
        failed_pages: numbers of the pages without a result.
        pages_of_class: class name -> numbers of the pages with such marks.
        pages_to_check: class name -> numbers of the pages with possible marks that a person should check.
        reason: why the document failed as a whole, or why the first of its pages that failed did; "" where nothing
            failed.
        finished: False when the run stopped before the document's end.
        failure: why the document as a whole failed.
        pdf: what became of its marked copy; None where none was asked for, or it is no PDF.
        notes: what else is to be known about the document.
        damaged_pages: numbers of the pages of which a part may be missing.
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
    notes: tuple[Note, ...] = ()
    damaged_pages: tuple[int, ...] = ()
    pages_to_check: dict[str, tuple[int, ...]] = field(default_factory=dict)
    reason: str = ""

    @property
    def leaves_doubt(self) -> bool:
        """Whether a mark that was not found may be there: a part of the document was not seen."""
        return bool(self.damaged_pages) or any(note.leaves_doubt for note in self.notes)

    @property
    def is_seen(self) -> bool:
        """Whether the document was seen as a whole, so that a mark that was not found is not there."""
        return self.status is DocumentStatus.OK and self.finished and not self.leaves_doubt

    @property
    def answers(self) -> dict[str, Answer]:
        """Class name -> whether the document has such a mark.

        Nobody can say that a document has none when it was not seen as a whole: a page failed or is damaged, the run
        was stopped, the file was repaired while it was opened, or it holds content that docdetect does not look at.
        """
        return {name: self._answer(name) for name in self.pages_of_class}

    def pages_of_answer_check(self, name: str) -> tuple[int, ...]:
        """Numbers of the pages that decide, once a person has looked at them, whether the document has such a mark.

        Empty where the document surely has one: further possible marks do not change the answer.
        """
        return self.pages_to_check.get(name, ()) if self._answer(name) == "check" else ()

    def _answer(self, name: str) -> Answer:
        if self.pages_of_class[name]:
            return "has"
        if self.pages_to_check.get(name):
            return "check"
        return "none" if self.is_seen else "unknown"

    @property
    def remarks(self) -> str:
        """What else is to be known about the document, in words that follow its name; "" where there is nothing."""
        remarks = [note.message for note in self.notes]
        if self.damaged_pages:
            numbers = ", ".join(map(str, self.damaged_pages))
            remarks.append(
                f"has a damaged page (page {numbers})"
                if len(self.damaged_pages) == 1
                else f"has damaged pages (pages {numbers})"
            )
        return "; ".join(remarks)


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
        screened_out: pages on which the smaller network saw nothing, and which the network itself never saw.
    """

    class_names: tuple[str, ...]
    documents: list[DocumentRow] = field(default_factory=list)
    pages: int = 0
    failures: list[FailedPage] = field(default_factory=list)
    raw: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    code_class: str = ""
    codes_read: int = 0
    screened_out: int = 0

    def add(self, result: DocumentResult, end: DocumentEnd | None) -> DocumentRow:
        """Counts one document in and returns its row.

        Args:
            result: the pages of the document.
            end: None when the run stopped before the document's last page.
        """
        pages_of_class: dict[str, list[int]] = {name: [] for name in self.class_names}
        pages_to_check: dict[str, list[int]] = {name: [] for name in self.class_names}
        self.failures += result.failed_pages
        for page in result.good_pages:
            self.pages += 1
            self.screened_out += page.screened_out
            self.raw.update(self.class_names[class_id] for class_id in page.raw.class_ids)
            self.marks.update(self.class_names[class_id] for class_id in page.grouped.class_ids)
            self.codes_read += sum(text is not None for text in page.texts)
            for class_id in sorted(set(page.grouped.class_ids.tolist())):
                pages_of_class[self.class_names[class_id]].append(page.info.number)
            possible = [] if page.possible_marks is None else page.possible_marks.class_ids.tolist()
            for class_id in sorted(set(possible)):
                pages_to_check[self.class_names[class_id]].append(page.info.number)
        if result.failure is not None:
            self.failures.append(FailedPage(result.document, None, result.failure))
        status = result.status
        if end is None and status is DocumentStatus.OK:
            status = DocumentStatus.PARTIAL
        row = DocumentRow(
            result.document,
            result.sha256,
            status,
            len(result.pages) if end is None else end.page_count,
            tuple(page.page or 0 for page in result.failed_pages),
            {name: tuple(numbers) for name, numbers in pages_of_class.items()},
            end is not None,
            result.failure,
            notes=result.notes,
            damaged_pages=tuple(page.info.number for page in result.good_pages if page.info.damaged is not None),
            pages_to_check={name: tuple(numbers) for name, numbers in pages_to_check.items()},
            reason=_reason_of(result),
        )
        self.documents.append(row)
        return row

    def add_copies(self, copy_of: Callable[[str], PdfEnd | None]) -> None:
        """Notes, for every document counted in, what became of its marked copy."""
        self.documents = [replace(row, pdf=copy_of(row.document)) for row in self.documents]

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
        left_out: files and folders in the sources that are not among the documents, and why.
        mark_rows: rows of `detections.csv` for the workbook, the first ones of many; None where none is wanted.
    """

    output: Path
    totals: Totals
    required: tuple[str, ...]
    expected: int
    elapsed_s: float
    pages_now: int
    interrupted: bool = False
    torn_lines: int = 0
    left_out: tuple[LeftOut, ...] = ()
    mark_rows: Sequence[Sequence[str | int | float | None]] | None = None

    @property
    def pages_per_s(self) -> float:
        """Pages per second of this run."""
        return self.pages_now / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Document -> the required classes that it lacks; only answers that were seen to be `none` count."""
        return self._with_answer("none")

    @property
    def to_check(self) -> dict[str, tuple[str, ...]]:
        """Document -> the required classes of which a person should check possible marks."""
        return self._with_answer("check")

    @property
    def unknown(self) -> dict[str, tuple[str, ...]]:
        """Document -> the required classes of which nobody can say whether the document has them."""
        return self._with_answer("unknown")

    def _with_answer(self, answer: Answer) -> dict[str, tuple[str, ...]]:
        found = {
            row.document: tuple(name for name in self.required if row.answers[name] == answer)
            for row in self.totals.documents
        }
        return {document: names for document, names in found.items() if names}

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


def write_summary(report: InferReport, settings: RunSettings, *, source: str, weights: Path) -> None:
    """Replaces `summary.json` and `documents.csv` in the result folder. Raises OutputError.

    Everything that differs between two runs over the same documents stands under `run`.
    """
    run = {
        "source": source,
        "weights": str(weights),
        "pages_done": report.pages_now,
        "elapsed_s": round(report.elapsed_s, 3),
        "pages_per_s": round(report.pages_per_s, 3),
        "unusable_journal_lines": report.torn_lines,
    }
    summary = {"docdetect": __version__, "finished": not report.interrupted, "run": run}
    summary |= {"settings": settings.influential()} | summary_of(report)
    summary["documents"] = [_row_to_json(row) for row in report.totals.documents]
    write_json(report.output / "summary.json", summary)
    columns, rows = document_table(report)
    write_csv(report.output / "documents.csv", rows, columns)


def summary_of(report: InferReport) -> dict[str, Any]:
    """Totals, failures and missing marks as JSON data, without a row per document."""
    totals = report.totals
    return {
        "totals": {
            "documents": len(totals.documents),
            **{status.value: totals.with_status(status) for status in DocumentStatus},
            "pages": totals.pages,
            "screened_out": totals.screened_out,
            "failed_pages": sum(len(row.failed_pages) for row in totals.documents),
            "raw": {name: totals.raw[name] for name in totals.class_names},
            "marks": {name: totals.marks[name] for name in totals.class_names},
            "codes_decoded": totals.codes_read,
            "codes_unreadable": totals.codes_unreadable,
        },
        "failures": [
            {"document": row.document, "page": row.page} | failure_to_json(row.failure) for row in totals.failures
        ],
        "without_copy": [
            {"document": document} | failure_to_json(failure) for document, failure in report.without_copy.items()
        ],
        "left_out": [{"name": entry.name, "reason": entry.reason.value} for entry in report.left_out],
        "required": list(report.required),
        "lacking": {document: list(missing) for document, missing in report.lacking.items()},
        "to_check": {document: list(names) for document, names in report.to_check.items()},
        "unknown": {document: list(names) for document, names in report.unknown.items()},
    }


def _row_to_json(row: DocumentRow) -> dict[str, Any]:
    return {
        "document": row.document,
        "status": row.status.value,
        "pages": row.page_count,
        "failed_pages": list(row.failed_pages),
        "finished": row.finished,
        "answers": dict(row.answers),
        "pages_with": {name: list(numbers) for name, numbers in row.pages_of_class.items()},
        "pages_to_check": {name: list(numbers) for name, numbers in row.pages_to_check.items() if numbers},
        "sha256": row.sha256,
        "pdf": _copy_of(row),
        "failure": None if row.failure is None else failure_to_json(row.failure),
        "damaged_pages": list(row.damaged_pages),
        "notes": [note_to_json(note) for note in row.notes],
    }


def _copy_of(row: DocumentRow) -> str:
    """`written`, or why not; empty where no marked copy was asked for."""
    if row.pdf is None:
        return ""
    return "written" if row.pdf.failure is None else _reason(row.pdf.failure)


def _reason(failure: Failure | None) -> str:
    return "" if failure is None else f"{failure.kind.value}: {failure.message}"


def _reason_of(result: DocumentResult) -> str:
    if result.failure is not None or not result.failed_pages:
        return _reason(result.failure)
    first = result.failed_pages[0]
    return _reason(Failure(first.failure.kind, f"page {first.page}: {first.failure.message}"))


def document_table(report: InferReport) -> tuple[list[str], list[list[str | int]]]:
    """Columns and rows of the table of documents: every document, then every file that was left out.

    The column of a class holds the answer; `<class>_pages` has the pages with such marks, and `check_pages` those with
    possible marks of the classes whose answer is `check`.
    """
    names = report.totals.class_names
    columns = ["document", "status", "pages", "failed_pages", *names, *(f"{name}_pages" for name in names)]
    columns += ["check_pages", "lacks", "reason", "notes", "pdf"]
    rows: list[list[str | int]] = []
    for row in report.totals.documents:
        answers = row.answers
        rows.append(
            [
                row.document,
                row.status.value,
                row.page_count,
                _numbers(row.failed_pages),
                *(answers[name] for name in names),
                *(_numbers(row.pages_of_class[name]) for name in names),
                _numbers(sorted({number for name in names for number in row.pages_of_answer_check(name)})),
                " ".join(name for name in report.required if answers[name] == "none"),
                row.reason,
                row.remarks,
                _copy_of(row),
            ]
        )
    empty = [""] * (len(columns) - 4)
    for entry in report.left_out:
        left_out: list[str | int] = [entry.name, "left_out", "", "", *empty]
        left_out[columns.index("reason")] = entry.reason.value
        rows.append(left_out)
    return columns, rows


def _numbers(pages: Sequence[int]) -> str:
    return " ".join(map(str, pages))
