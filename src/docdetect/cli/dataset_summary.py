"""What the dataset commands share: reading their options, and showing what a report says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docdetect.config.schema import DataConfig
    from docdetect.console import Console
    from docdetect.prepare.report import Report
    from docdetect.types import FailedPage

_MOST_LINES = 20


def class_map_of(config: DataConfig, changes: Sequence[str] | None) -> dict[str, str | None] | None:
    """The configured class map with the `category=class` texts of `--map` added; None when there are none.

    Raises:
        UsageError: a text without `=`.
    """
    from docdetect.errors import UsageError

    if not changes:
        return None
    merged: dict[str, str | None] = dict(config.class_map)
    for change in changes:
        category, equals, target = (part.strip() for part in change.partition("="))
        if not equals or not category or not target:
            raise UsageError(
                f"--map {change}: expected category=class", "For example --map seal=stamp --map logo=null."
            )
        merged[category] = None if target == "null" else target
    return merged


def empty_of(text: str | None) -> str | float | None:
    """The value of `--empty`: a number where it is one; the configuration checks the rest."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


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
