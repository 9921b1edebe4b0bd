"""`docdetect infer`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docdetect.config.schema import InferConfig
    from docdetect.console import Console
    from docdetect.inference.report import Answer, DocumentRow, InferReport
    from docdetect.types import FailedPage

# Most lines of one kind, such as documents that could not be read; the result files have all of them.
_MOST_LINES = 20
# Up to so many documents, the table has a line for each of them; with more documents it has a line for each class.
_MOST_DOCUMENTS = 30
_HOW_TO_OPEN_ENCRYPTED = (
    "for the encrypted documents, put their passwords into a text file, one on each line, and go on with: "
    "docdetect infer --resume --password-file FILE"
)
# The answers in the order of the columns of the table with a line for each class.
_ANSWERS: tuple[Answer, ...] = ("has", "none", "check", "unknown")


@takes("infer", "grouping", argument="infer.source")
def infer(request: Request) -> int:
    """Find marks in a folder of PDFs and images.

    The results are index.html to look at, results.xlsx, detections.json (in the format of annotations.json),
    detections.csv, detections.jsonl, documents.csv, summary.json, and pages/ with the marks drawn. Exit code 7: the run
    has finished, and some documents failed.
    """
    from docdetect.errors import DiskFullError
    from docdetect.inference.resuming import infer_config
    from docdetect.inference.run import infer as find_marks

    settings, console = infer_config(request.file, request.assignments, request.flags, request.names), request.console
    request.tell(settings, request.names)
    try:
        with console.progress("infer", "pages", estimated=True) as on_progress:
            report = find_marks(settings, on_progress, console.info)
    except DiskFullError as error:
        if error.unfinished is not None:
            error.remedy = f"Free some space, then go on with: {_resuming(error.unfinished)}"
        raise
    _show(console, report, settings.infer)
    return _exit_code(report, settings.infer)


def _show(console: Console, report: InferReport, wanted: InferConfig) -> None:
    """The answer: what was found where, what could not be read, what lacks a required class, and where to look."""
    from docdetect.files import as_argument
    from docdetect.inference.report import summary_of
    from docdetect.types import FailureKind

    _show_found(console, report)
    _list(console.warn, [_failure_line(row) for row in report.totals.failures])
    if any(row.failure.kind is FailureKind.ENCRYPTED for row in report.totals.failures):
        console.warn(f"{_HOW_TO_OPEN_ENCRYPTED} --output {as_argument(report.output)}")
    _list(console.warn, [f"{row.document}: {row.remarks}" for row in report.totals.documents if row.remarks])
    _list(
        console.warn,
        [f"{name}: no marked copy: {why.kind.value}: {why.message}" for name, why in report.without_copy.items()],
    )
    if report.required:
        tell = console.warn if wanted.fail_on_missing else console.info
        _list(tell, [f"{name}: no {' and no '.join(missing)}" for name, missing in report.lacking.items()])
        _list(tell, list(_lines_to_check(report)))
        _list(tell, [f"{name}: {' and '.join(names)} not known" for name, names in report.unknown.items()])
    console.info(_sentence(report))
    for line in _places(report):
        console.info(line)
    speed = {"elapsed_s": round(report.elapsed_s, 3), "pages_per_s": round(report.pages_per_s, 3)}
    outcome = {"output": str(report.output), "finished": not report.interrupted}
    console.summary(outcome | summary_of(report) | speed)


def _show_found(console: Console, report: InferReport) -> None:
    """A table of the pages with marks, document by document, or of the answers class by class."""
    totals = report.totals
    names = totals.class_names
    if 0 < len(totals.documents) <= _MOST_DOCUMENTS:
        rows = [[row.document, *(_pages_cell(row, name) for name in names)] for row in totals.documents]
        console.table("Pages with marks", ["document", *names], rows)
        shown = {cell for row in rows for cell in row[1:]}
        if any(cell.endswith("?") for cell in shown):
            console.info("?: the document was not seen as a whole, so that it may have more marks")
        if any("check" in cell for cell in shown):
            console.info("check: possible marks that a person should look at, on these pages")
    elif totals.documents:
        answers = {name: Counter(row.answers[name] for row in totals.documents) for name in names}
        counts = [[name, totals.marks[name], *(answers[name][answer] for answer in _ANSWERS)] for name in names]
        console.table("Marks, and documents by answer", ["class", "marks", *_ANSWERS], counts)


def _pages_cell(row: DocumentRow, name: str) -> str:
    """The pages of a document with marks of a class: `1, 3`; `check 2` for possible marks; `none`; `?` if not seen."""
    answer = row.answers[name]
    if answer == "none":
        return "none"
    parts = [str(number) for number in row.pages_of_class[name]]
    if answer == "check":
        parts.append(f"check {', '.join(map(str, row.pages_to_check[name]))}")
    if not row.is_seen:
        parts.append("?")
    return ", ".join(parts)


def _lines_to_check(report: InferReport) -> Iterator[str]:
    """`a.pdf: please check page 2 for a signature`, for every document where only possible marks were found."""
    pages_of = {row.document: row.pages_to_check for row in report.totals.documents}
    for document, names in report.to_check.items():
        for name in names:
            numbers = pages_of[document][name]
            pages = f"page{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
            yield f"{document}: please check {pages} for a possible {name}"


def _failure_line(row: FailedPage) -> str:
    where = row.document if row.page is None else f"{row.document}, page {row.page}"
    return f"{where}: {row.failure.kind.value}: {row.failure.message}"


def _sentence(report: InferReport) -> str:
    """`6 documents, 7 pages: 4 QR codes, 1 signature, 0 stamps; 1 document could not be read; 4.0 s, 1.75 pages/s`."""
    from docdetect.inference.report import words_for
    from docdetect.types import DocumentStatus

    totals = report.totals
    found = [(totals.marks[name], name) for name in totals.class_names]
    marks = ", ".join(f"{number} {words_for(name)[number != 1]}" for number, name in found)
    parts = [f"{_count(len(totals.documents), 'document')}, {_count(totals.pages, 'page')}: {marks}"]
    failed, partial = totals.with_status(DocumentStatus.FAILED), totals.with_status(DocumentStatus.PARTIAL)
    parts += [f"{_count(failed, 'document')} could not be read"] if failed else []
    parts += [f"{_count(partial, 'document')} could not be read completely"] if partial else []
    if report.required:
        parts.append(f"{_count(len(report.lacking), 'document')} without {' or without '.join(report.required)}")
        parts += [f"{_count(len(report.to_check), 'document')} to check"] if report.to_check else []
        parts += [f"{_count(len(report.unknown), 'document')} not seen as a whole"] if report.unknown else []
    if totals.screened_out:
        parts.append(f"{_count(totals.screened_out, 'page')} on which the smaller network saw nothing")
    speed = f"{report.pages_per_s:.2f} pages/s" if report.pages_now else "all pages are of an earlier run"
    parts.append(f"{report.elapsed_s:.1f} s, {speed}" if totals.pages else f"{report.elapsed_s:.1f} s")
    return "; ".join(parts)


def _places(report: InferReport) -> Iterator[str]:
    """Where to look next: the files of the result folder that people open."""
    yield f"results: {report.output}"
    for name, what in (
        ("index.html", "all documents and pages, to look at in a browser"),
        ("results.xlsx", "documents and marks as a workbook"),
        ("pages", "every page with its marks"),
        ("pdf", "every PDF with its marks as annotations"),
        ("crops", "every mark, cut out of its page"),
        ("images", "every page without marks drawn, for the files that name them"),
        ("documents.csv", "one line for each document"),
    ):
        if (report.output / name).exists():
            yield f"  {name:<14} {what}"


def _exit_code(report: InferReport, wanted: InferConfig) -> int:
    """The exit code: 0, or 7 when a document failed or, with --fail-on-missing, may lack a required class.

    Raises:
        InterruptedRunError: the user stopped the run.
    """
    from docdetect.errors import InterruptedRunError, PartialFailureError

    if report.interrupted:
        done = len(report.totals.documents)
        raise InterruptedRunError(
            f"interrupted after {done} of {report.expected} documents; their results are in {report.output}",
            f"Go on from there with: {_resuming(report.output)}",
        )
    is_uncertain = report.lacking or report.to_check or report.unknown
    failed = report.failed_documents or report.without_copy or (wanted.fail_on_missing and is_uncertain)
    return PartialFailureError.exit_code if failed else 0


def _resuming(output: Path) -> str:
    """The command that goes on with a run."""
    from docdetect.files import as_argument

    return f"docdetect infer --resume --output {as_argument(output)}"


def _list(tell: Callable[[str], None], lines: list[str]) -> None:
    for line in lines[:_MOST_LINES]:
        tell(line)
    if len(lines) > _MOST_LINES:
        tell(f"and {len(lines) - _MOST_LINES} more: see documents.csv and summary.json")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
