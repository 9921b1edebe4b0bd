"""`docdetect compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import Request, takes
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.evaluation.compare import Comparison


@takes("figures")
def compare(
    request: Request,
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Run folders, names as runs list shows them, or last; the others are compared with the first.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the comparison as a self-contained HTML file.", rich_help_panel="Output"
        ),
    ] = None,
) -> None:
    """Compare the configurations and figures of runs, and say whether a difference is more than noise."""
    settings, console = request.settings, request.console
    from docdetect.errors import UsageError
    from docdetect.evaluation.compare import compare_runs, comparison_report
    from docdetect.evaluation.report import bootstrap_settings
    from docdetect.evaluation.runs import find_run_folder, standard_folders, table_records
    from docdetect.files import write_text
    from docdetect.metrics.codec import to_plain
    from docdetect.reports.page import report_to_html

    if len(folders) < 2:
        raise UsageError("compare needs two runs or more", "docdetect runs list shows those that there are.")
    found = [find_run_folder(folder, standard_folders(settings)) for folder in folders]
    places = [folder.resolve() for folder in found]
    twice = next((folder for folder in places if places.count(folder) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice}: this run is named twice", "docdetect runs list shows those that there are.")
    comparison = compare_runs(found, bootstrap_settings(settings.figures), Path(settings.val.runs))
    _show_comparison(console, comparison)
    if output is not None:
        write_text(output, report_to_html(comparison_report(comparison)))
        console.info(f"report: {output}")
    pairs = [
        {"first": str(one.first.path), "second": str(one.second.path), "differences": to_plain(one.differences)}
        for one in comparison.pairs
    ]
    console.summary({"runs": table_records(comparison.table), "pairs": pairs})


def _show_comparison(console: Console, comparison: Comparison) -> None:
    from docdetect.evaluation.compare import outcome_line
    from docdetect.metrics.texts import share

    rows = [
        (
            comparison.letter(run),
            run.path.name,
            share(run.ap50),
            share(run.ap50_95),
            "-" if size is None else f"{size:.1f}",
            "-" if seconds is None else f"{seconds:.3f}",
        )
        for run, size, seconds in zip(comparison.runs, comparison.sizes_mb, comparison.seconds_per_page, strict=True)
    ]
    console.table("Runs", ("", "run", "AP50", "AP50-95", "MB", "s/page"), rows, whole=("run",))
    if comparison.differences:
        columns = ("key", *(comparison.letter(run) for run in comparison.runs))
        console.table("Configuration, where it differs", columns, [(key, *row) for key, row in comparison.differences])
    for pair in comparison.pairs:
        console.info(outcome_line(comparison, pair))
    for run, reason in comparison.unpaired:
        console.warn(f"{comparison.letter(run)} ({run.path.name}): not compared page by page, because {reason}")
