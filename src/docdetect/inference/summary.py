"""`summary.json` and `documents.csv`: what a run came to, for programs and for people with a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from docdetect import __version__
from docdetect.files import write_json
from docdetect.inference.formats import replacing
from docdetect.inference.records import failure_to_json
from docdetect.inference.report import DocumentRow, InferReport
from docdetect.inference.settings import RunSettings
from docdetect.types import DocumentStatus, Failure


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
    header = ["document", "status", "pages", "failed_pages", *classes, "lacks", "reason", "pdf"]
    with replacing(report.output / "documents.csv") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for row in report.totals.documents:
            pages = [" ".join(map(str, row.pages_of_class[name])) for name in names]
            failed = " ".join(map(str, row.failed_pages))
            missing = " ".join(lacking.get(row.document, ()))
            status = [row.document, row.status.value, row.page_count, failed]
            writer.writerow([*status, *pages, missing, reasons.get(row.document, ""), _copy_of(row)])
