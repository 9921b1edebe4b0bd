"""`docdetect reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import Request, takes
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.evaluation.reproduce import ProtocolComparison


@takes("reproduce", "data", keys=("train.model", "train.epochs", "train.device"), argument="data.pdfs")
def reproduce(
    request: Request,
    again: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="RUN|last",
            help="Continue an interrupted reproduction, with its own settings.",
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Train a recipe with the split of the original system (by page) and without leaks (by group), and compare both."""
    from docdetect.errors import UsageError
    from docdetect.evaluation.reproduce import conclude, resume_reproduction
    from docdetect.evaluation.reproduce import reproduce as run_both
    from docdetect.training.train import Listeners

    if again is not None and not request.is_bare:
        raise UsageError("--resume goes alone", "A reproduction goes on with its own configuration.")
    settings, console = request.settings, request.console
    with console.progress("reproduce") as progress:
        listeners = Listeners(on_progress=progress, announce=console.info, verbose=console.verbosity > 0)
        if again is None:
            done = run_both(settings, listeners)
        else:
            done = resume_reproduction(again, settings.reproduce.runs, listeners)
    _show(console, conclude(done))


def _show(console: Console, comparison: ProtocolComparison) -> None:
    from docdetect.metrics.texts import share, span

    rows = [
        (
            one.title if not k else "",
            row.name,
            row.marks,
            share(row.ap50.value),
            span(row.ap50) or "-",
            share(row.ap50_95.value),
            span(row.ap50_95) or "-",
            share(row.working.f1.value),
            span(row.working.f1) or "-",
        )
        for one in comparison.protocols
        for k, row in enumerate(one.figures)
    ]
    columns = ("protocol", "class", "marks", "AP50", "interval", "AP50-95", "interval", "F1", "interval")
    console.table("The same recipe, two splits; validation", columns, rows)
    for one in comparison.protocols:
        if one.warning:
            console.warn(one.warning)
    console.info(comparison.sentence)
    console.info(f"report: {comparison.folder / 'report.html'}")
    console.summary({"folder": str(comparison.folder), "protocols": [one.record for one in comparison.protocols]})
