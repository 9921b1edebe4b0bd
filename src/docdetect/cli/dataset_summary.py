"""What the commands that make datasets share: how they show a report, and how they end when something failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docdetect.console import Console
    from docdetect.prepare.dataset import Made
    from docdetect.prepare.report import Report
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


def show_made(console: Console, made: Made, title: str, output_key: str = "output") -> None:
    """What `prepare`, `labels` and `split` end with: tables, warnings, where the result is, and the next command.

    Args:
        console: where it is shown.
        made: what the command made.
        title: title of the table.
        output_key: name of the result's path in the summary of `--json`.

    Raises:
        PartialFailureError: a document or page failed (exit code 7).
    """
    from docdetect.prepare.report import report_to_json

    show_report(console, made.report, title)
    done = "unchanged, made from the same inputs and settings" if made.unchanged else "written"
    console.info(f"{made.path}: {done}")
    for step in made.next_steps:
        console.info(step)
    console.summary({output_key: str(made.path), "unchanged": made.unchanged} | report_to_json(made.report))
    raise_failures(made.report.failures, str(made.path))


def raise_failures(failures: Sequence[FailedPage], where: str) -> None:
    """Raises PartialFailureError (exit code 7) listing documents and pages that are not in the result."""
    from docdetect.errors import PartialFailureError, problem_list

    if failures:
        raise PartialFailureError(
            problem_list(f"finished, without {len(failures)} that failed", [str(failed) for failed in failures]),
            f"The rest is in {where}.",
        )
