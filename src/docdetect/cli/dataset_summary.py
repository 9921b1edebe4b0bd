"""What the commands that make datasets share: how they show a report, and how they end when something failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docdetect.console import Console
    from docdetect.prepare.report import Report
    from docdetect.prepare.steps import StepResult
    from docdetect.types import FailedPage

_MOST_LINES = 20


def show_report(console: Console, report: Report, title: str) -> None:
    """The table of splits and classes, then removals and warnings."""
    from docdetect.prepare.report import splits_table

    console.table(title, *splits_table(report))
    if report.left_out:
        console.info(f"{report.left_out} pages without marks left out")
    for removal in report.removals[:_MOST_LINES]:
        verb = "cut" if removal.reason.kept else "removed"
        console.info(f"{verb}: {removal.document}, page {removal.page}, {removal.key}: {removal.reason.value}")
    if len(report.removals) > _MOST_LINES:
        console.info(f"and {len(report.removals) - _MOST_LINES} more marks removed or cut; see the report")
    for warning in report.warnings[:_MOST_LINES]:
        console.warn(warning)
    if len(report.warnings) > _MOST_LINES:
        console.warn(f"and {len(report.warnings) - _MOST_LINES} more; see the report")


def show_step(console: Console, result: StepResult, title: str) -> None:
    """What `labels` and `split` end with; raises PartialFailureError (exit code 7) when a document or page failed."""
    show_report(console, result.report, title)
    console.info(f"{result.path}: {'unchanged' if result.unchanged else 'written'}")
    console.summary({"output": str(result.path), "unchanged": result.unchanged} | summary_of(result.report))
    raise_failures(result.report.failures, str(result.path))


def summary_of(report: Report) -> dict[str, Any]:
    """The report for `--json`."""
    from docdetect.prepare.report import report_to_json

    return report_to_json(report)


def raise_failures(failures: Sequence[FailedPage], where: str) -> None:
    """Raises PartialFailureError (exit code 7) listing documents and pages that are not in the result."""
    from docdetect.errors import PartialFailureError, problem_list

    if failures:
        raise PartialFailureError(
            problem_list(f"finished, without {len(failures)} that failed", [str(failed) for failed in failures]),
            f"The rest is in {where}.",
        )
