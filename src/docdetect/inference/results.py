"""The result files of a run, and what the run comes to.

There is one function for each result format. It opens a file and gives back a function that takes one document after
the other, in the order of their names, so that memory does not grow with the number of documents; the file appears
when the last document is in. `ResultFiles` keeps all formats of a run open at once, and counts: a row for each
document, totals, failures. `summary.json` and `documents.csv` say what the run came to, for programs and for people
with a spreadsheet.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeAlias

from docdetect import __version__, boxes
from docdetect.annotations.native import AnnotatedPage, Mark, annotations_to_json
from docdetect.annotations.yolo import detections_to_yolo
from docdetect.documents.sources import LeftOut
from docdetect.errors import MissingDependencyError
from docdetect.files import json_text, replacing, replacing_text, write_json, write_text
from docdetect.inference.folder import YOLO_FOLDER
from docdetect.inference.journal import (
    DocumentEnd,
    PdfEnd,
    code_status,
    coordinate,
    failure_to_json,
    mark_confidences,
    note_to_json,
)
from docdetect.inference.settings import RunSettings
from docdetect.types import DocumentResult, DocumentStatus, FailedPage, Failure, Note, PageResult

AddDocument: TypeAlias = Callable[[DocumentResult], None]

OpenFormat: TypeAlias = Callable[[Path, RunSettings], AbstractContextManager[AddDocument]]

Cell: TypeAlias = str | int | float | None

COLUMNS = (
    *("document", "page", "category", "confidence", "x", "y", "width", "height", "page_width", "page_height"),
    *("x0_pt", "y0_pt", "x1_pt", "y1_pt", "text", "status"),
)

"""Of detections.csv: boxes in px of the page, and for PDFs in points of the page as displayed; origin top left.
`status` is `decoded` or `unreadable` for QR codes and empty for all else."""


def _scratch(output: Path) -> IO[str]:
    """A nameless file in the result folder: what does not fit there shows before anything is replaced."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", dir=output)


@contextmanager
def annotations_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.json`, in the format of `annotations.json`; documents and pages without a result are left out."""
    with replacing_text(output / "detections.json") as stream:
        documents = marks = 0
        stream.write("{")

        def add(result: DocumentResult) -> None:
            nonlocal documents, marks
            pages = annotated_pages(result.good_pages, settings, marks + 1)
            marks += sum(len(page.grouped) for page in result.good_pages)
            if pages:
                text = json_text(annotations_to_json({result.document: pages}))
                stream.write((",\n" if documents else "\n") + text.removeprefix("{\n").removesuffix("\n}\n"))
                documents += 1

        yield add
        stream.write("\n}\n" if documents else "}\n")


@contextmanager
def csv_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.csv`, a row per mark with the columns of `COLUMNS`."""
    with replacing_text(output / "detections.csv") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)

        def add(result: DocumentResult) -> None:
            for page in result.good_pages:
                writer.writerows(mark_rows(page, settings))

        yield add


@contextmanager
def coco_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections_coco.json`: COCO's images, annotations (with `score`) and categories, ids from 1.

    Images are named `<document>/page_0001`; the number of the page and the document stand beside it.
    """
    with replacing_text(output / "detections_coco.json") as stream, _scratch(output) as later:
        images = marks = 0
        categories = [{"id": number, "name": name} for number, name in enumerate(settings.class_names, start=1)]
        stream.write('{"categories":' + json.dumps(categories, ensure_ascii=False) + ',\n"images":[')

        def add(result: DocumentResult) -> None:
            nonlocal images, marks
            for page in result.good_pages:
                images += 1
                info = page.info
                image = {"id": images, "file_name": f"{info.document}/page_{info.number:04d}"}
                size = {"width": info.size_wh[0], "height": info.size_wh[1]}
                where = {"document": info.document, "page": info.number}
                _write_item(stream, image | size | where, first=images == 1)
                for annotation in _coco_annotations(page, settings):
                    marks += 1
                    _write_item(later, {"id": marks, "image_id": images} | annotation, first=marks == 1)

        yield add
        later.seek(0)
        stream.write('\n],\n"annotations":[')
        while chunk := later.read(1 << 20):
            stream.write(chunk)
        stream.write("\n]}\n")


@contextmanager
def yolo_files(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`yolo/<document>/page_0001.txt` for every page, without confidences (labels to correct), and their classes."""
    folder = output / YOLO_FOLDER
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in settings.class_names))

    def add(result: DocumentResult) -> None:
        for page in result.good_pages:
            write_text(folder / result.document / f"page_{page.info.number:04d}.txt", detections_to_yolo(page.grouped))

    yield add


@contextmanager
def parquet_file(output: Path, settings: RunSettings) -> Iterator[AddDocument]:
    """`detections.parquet`: the rows of `detections.csv` with types; they are held in memory until the end.

    Raises:
        MissingDependencyError: polars is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise MissingDependencyError.for_extra("polars", "parquet", "--format parquet") from error
    kinds: dict[str, type[polars.DataType]] = dict.fromkeys(COLUMNS, polars.Float64)
    kinds.update(dict.fromkeys(("document", "category", "text", "status"), polars.String))
    kinds.update(dict.fromkeys(("page", "page_width", "page_height"), polars.Int64))
    rows: list[tuple[Cell, ...]] = []

    def add(result: DocumentResult) -> None:
        for page in result.good_pages:
            rows.extend(mark_rows(page, settings))

    yield add
    with replacing(output / "detections.parquet") as stream:  # Python's own stream: its errors are OSErrors
        polars.DataFrame(rows, schema=kinds, orient="row").write_parquet(stream)


FORMATS: dict[str, OpenFormat] = {
    "json": annotations_file,
    "csv": csv_file,
    "coco": coco_file,
    "yolo": yolo_files,
    "parquet": parquet_file,
}

"""Name in the configuration -> format; `jsonl` is the journal, which is always there."""


def mark_rows(page: PageResult, settings: RunSettings) -> Iterator[tuple[Cell, ...]]:
    """One row of `COLUMNS` for each mark of a page."""
    info = page.info
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        box = tuple(coordinate(value) for value in xywh[position])
        points: tuple[float | None, ...] = (None,) * 4
        if info.size_pt is not None:
            points = tuple(
                round(float(value) * info.size_pt[axis % 2] / info.size_wh[axis % 2], 3)
                for axis, value in enumerate(page.grouped.xyxy[position])
            )
        text, name = page.texts[position], settings.class_names[class_id]
        size_and_code = (*info.size_wh, *points, text, code_status(name, text, settings))
        yield (info.document, info.number, name, confidences[position], *box, *size_and_code)


def annotated_pages(pages: Iterable[PageResult], settings: RunSettings, first: int) -> dict[int, AnnotatedPage]:
    """Page number -> page in the format of annotations; marks are named `annotation_<first>` and so on."""
    annotated = {}
    for page in pages:
        keys = [f"annotation_{number}" for number in range(first, first + len(page.grouped))]
        annotated[page.info.number] = _annotated(page, keys, settings)
        first += len(keys)
    return annotated


def _annotated(page: PageResult, keys: list[str], settings: RunSettings) -> AnnotatedPage:
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
    marks = []
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        x, y, width, height = (coordinate(value) for value in xywh[position])
        name, text = settings.class_names[class_id], page.texts[position]
        status = code_status(name, text, settings)
        marks.append(Mark(name, (x, y, width, height), keys[position], confidences[position], text, status))
    return AnnotatedPage(page.info.size_wh, tuple(marks))


def _coco_annotations(page: PageResult, settings: RunSettings) -> Iterator[dict[str, object]]:
    xywh, confidences = boxes.xyxy_to_xywh(page.grouped.xyxy), mark_confidences(page, settings)
    for position, class_id in enumerate(page.grouped.class_ids.tolist()):
        box = [coordinate(value) for value in xywh[position]]
        area = round(box[2] * box[3], 2)
        yield {
            "category_id": class_id + 1,
            "bbox": box,
            "area": area,
            "iscrowd": 0,
            "score": confidences[position],
        }


def _write_item(stream: IO[str], item: dict[str, object], *, first: bool) -> None:
    stream.write(("\n" if first else ",\n") + json.dumps(item, ensure_ascii=False))


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

    @property
    def remarks(self) -> str:
        """What else is to be known about the document, in words that follow its name; "" where there is nothing."""
        remarks = [note.message for note in self.notes]
        if self.damaged_pages:
            remarks.append(f"has damaged pages ({' '.join(map(str, self.damaged_pages))})")
        return "; ".join(remarks)

    @property
    def leaves_doubt(self) -> bool:
        """Whether a mark that was not found may be there: a part of the document was not seen."""
        return bool(self.damaged_pages) or any(note.leaves_doubt for note in self.notes)

    def lacks(self, required: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the required classes stand on none of its pages."""
        return tuple(name for name in required if not self.pages_of_class[name])


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
    failures: list[FailedPage] = field(default_factory=list)
    raw: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    code_class: str = ""
    codes_read: int = 0

    def add(self, result: DocumentResult, end: DocumentEnd | None) -> None:
        """Counts one document in; `end` is None when the run stopped before the document's last page."""
        pages_of_class: dict[str, list[int]] = {name: [] for name in self.class_names}
        self.failures += result.failed_pages
        for page in result.good_pages:
            self.pages += 1
            self.raw.update(self.class_names[class_id] for class_id in page.raw.class_ids)
            self.marks.update(self.class_names[class_id] for class_id in page.grouped.class_ids)
            self.codes_read += sum(text is not None for text in page.texts)
            for class_id in sorted(set(page.grouped.class_ids.tolist())):
                pages_of_class[self.class_names[class_id]].append(page.info.number)
        if result.failure is not None:
            self.failures.append(FailedPage(result.document, None, result.failure))
        status = result.status
        if end is None and status is DocumentStatus.OK:
            status = DocumentStatus.PARTIAL
        self.documents.append(
            DocumentRow(
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
            )
        )

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


class ResultFiles:
    """The result files of a run, open for one document after the other; a context manager.

    The files replace those of an earlier run when the block ends well; when it fails, the earlier files stay.

    Args:
        output: the result folder.
        settings: of the run.
        formats: names of `FORMATS`; others are passed over.

    Raises:
        OutputError: a file cannot be written.
        MissingDependencyError: a format needs a package that is not installed.
    """

    def __init__(self, output: Path, settings: RunSettings, formats: Iterable[str]) -> None:
        self.totals = Totals(settings.class_names, code_class=settings.code_class if settings.read_codes else "")
        self._stack = ExitStack()
        self._output, self._settings = output, settings
        self._formats = [FORMATS[name] for name in dict.fromkeys(formats) if name in FORMATS]
        self._adders: list[AddDocument] = []

    def __enter__(self) -> ResultFiles:
        with ExitStack() as stack:
            self._adders = [stack.enter_context(open_file(self._output, self._settings)) for open_file in self._formats]
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def add(self, result: DocumentResult, end: DocumentEnd | None) -> None:
        """Writes one document into every file; call it in the order of the documents' names.

        Args:
            result: the pages of the document.
            end: None when the run stopped before the last page of the document.
        """
        self.totals.add(result, end)
        for add in self._adders:
            add(result)


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

    @property
    def pages_per_s(self) -> float:
        """Pages per second of this run."""
        return self.pages_now / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Document -> the required classes that it lacks. Of documents that failed, or of which a part was not seen,
        nobody can say what they lack."""
        seen = (row for row in self.totals.documents if row.status is not DocumentStatus.FAILED and row.finished)
        lacks = {row.document: row.lacks(self.required) for row in seen if not row.leaves_doubt}
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
    _write_documents(report)


def summary_of(report: InferReport) -> dict[str, Any]:
    """Totals, failures and missing marks as JSON data, without a row per document."""
    totals = report.totals
    return {
        "totals": {
            "documents": len(totals.documents),
            **{status.value: totals.with_status(status) for status in DocumentStatus},
            "pages": totals.pages,
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
    }


def _row_to_json(row: DocumentRow) -> dict[str, Any]:
    return {
        "document": row.document,
        "status": row.status.value,
        "pages": row.page_count,
        "failed_pages": list(row.failed_pages),
        "finished": row.finished,
        "pages_with": {name: list(numbers) for name, numbers in row.pages_of_class.items()},
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


def _reasons(report: InferReport) -> dict[str, str]:
    """Document -> why it failed as a whole, or why the first of its pages that failed did."""
    reasons = {row.document: _reason(row.failure) for row in report.totals.documents if row.failure is not None}
    for row in report.totals.failures:
        if row.page is not None:
            failure = Failure(row.failure.kind, f"page {row.page}: {row.failure.message}")
            reasons.setdefault(row.document, _reason(failure))
    return reasons


def _write_documents(report: InferReport) -> None:
    names = report.totals.class_names
    lacking, reasons = report.lacking, _reasons(report)
    classes = [f"{name}_pages" for name in names]
    header = ["document", "status", "pages", "failed_pages", *classes, "lacks", "reason", "pdf", "notes"]
    with replacing_text(report.output / "documents.csv") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for row in report.totals.documents:
            pages = [" ".join(map(str, row.pages_of_class[name])) for name in names]
            failed = " ".join(map(str, row.failed_pages))
            missing = " ".join(lacking.get(row.document, ()))
            status = [row.document, row.status.value, row.page_count, failed]
            writer.writerow([*status, *pages, missing, reasons.get(row.document, ""), _copy_of(row), row.remarks])
