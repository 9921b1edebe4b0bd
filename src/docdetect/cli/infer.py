"""`docdetect infer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from docdetect.config.schema import Config
    from docdetect.console import Console
    from docdetect.inference.results import InferReport

_SHOWN_FAILURES = 20


@takes("infer", "grouping", argument="infer.source")
def infer(request: Request) -> None:
    """Find marks in a folder of PDFs and images.

    Results: detections.json (the format of annotations.json), detections.csv, detections.jsonl, documents.csv,
    summary.json and pages/ with the marks drawn. Exit code 7: finished, and some documents failed.
    """
    from docdetect.inference.run import infer as find_marks

    resolved, console = request.settings, request.console
    if "grouping.dist" in request.flags and resolved.grouping.method != "original":
        console.warn("--group-dist acts in the grouping of the original system only: add --grouping original")
    with console.progress("infer") as on_progress:
        report = find_marks(resolved, on_progress, console.info)
    _show(console, report)
    _raise_what_failed(resolved, report)


def _show(console: Console, report: InferReport) -> None:
    from docdetect.inference.results import summary_of
    from docdetect.types import DocumentStatus

    totals = report.totals
    for row in totals.failures[:_SHOWN_FAILURES]:
        where = row.document if row.page is None else f"{row.document}, page {row.page}"
        console.warn(f"{where}: {row.failure.kind.value}: {row.failure.message}")
    if len(totals.failures) > _SHOWN_FAILURES:
        console.warn(f"and {len(totals.failures) - _SHOWN_FAILURES} more: see {report.output / 'summary.json'}")
    for document, failure in list(report.without_copy.items())[:_SHOWN_FAILURES]:
        console.warn(f"{document}: no marked copy: {failure.kind.value}: {failure.message}")
    for document, missing in list(report.lacking.items())[:_SHOWN_FAILURES]:
        console.warn(f"{document}: no {', '.join(missing)}")
    rows = [[name, totals.raw[name], totals.marks[name]] for name in totals.class_names]
    rows.append(["all", totals.raw.total(), totals.marks.total()])
    console.table("Marks", ["class", "raw", "grouped"], rows)
    failed_pages = sum(len(row.failed_pages) for row in totals.documents)
    counts = [totals.with_status(status) for status in (DocumentStatus.PARTIAL, DocumentStatus.FAILED)]
    figures = [len(totals.documents), *counts, totals.pages, failed_pages, f"{report.pages_per_s:.2f}"]
    heads = ["documents", "in part", "failed", "pages", "pages failed", "pages/s"]
    console.table("Run", heads, [figures])
    if report.required:
        console.info(f"documents that lack {' or '.join(report.required)}: {len(report.lacking)}")
    console.info(f"results: {report.output}")
    speed = {"elapsed_s": round(report.elapsed_s, 3), "pages_per_s": round(report.pages_per_s, 3)}
    outcome = {"output": str(report.output), "finished": not report.interrupted}
    console.summary(outcome | summary_of(report) | speed)


def _raise_what_failed(config: Config, report: InferReport) -> None:
    from docdetect.errors import InterruptedRunError, PartialFailureError

    if report.interrupted:
        done = len(report.totals.documents)
        raise InterruptedRunError(
            f"interrupted after {done} of {report.expected} documents; their results are in {report.output}",
            f"Go on from there with: docdetect infer --resume --output {report.output} ...",
        )
    problems = []
    if report.failed_documents:
        problems.append(f"{report.failed_documents} of {report.expected} documents failed, wholly or in part")
    if report.without_copy:
        problems.append(f"{len(report.without_copy)} documents have no marked copy")
    if config.infer.fail_on_missing and report.lacking:
        problems.append(f"{len(report.lacking)} documents lack {' or '.join(report.required)}")
    if problems:
        raise PartialFailureError("; ".join(problems), f"The reasons are in {report.output / 'summary.json'}.")
