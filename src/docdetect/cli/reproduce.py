"""`docdetect reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import Request, takes
from docdetect.console import Console, ProgressCallback

if TYPE_CHECKING:
    from docdetect.config.schema import DataConfig
    from docdetect.evaluation.reproduce import Verdict


@takes(
    "reproduce",
    keys=(
        "data.pdfs",
        "data.annotations",
        "data.classes",
        "data.class_map",
        "data.val",
        "data.seed",
        "train.model",
        "train.epochs",
        "train.device",
    ),
    argument="data.pdfs",
)
def reproduce(
    request: Request,
    again: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="RUN|last",
            help="Go on with an interrupted reproduction, with its own settings.",
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Run the seed's protocol (split by page) and an honest one (split by group) with one recipe, side by side."""
    from docdetect.errors import UsageError
    from docdetect.evaluation.reproduce import conclude, resume_reproduction
    from docdetect.evaluation.reproduce import reproduce as run_both
    from docdetect.training.train import Listeners

    if again is not None and not request.is_bare:
        raise UsageError("--resume goes alone", "A reproduction goes on with its own configuration.")
    settings, console = request.settings, request.console
    with console.progress("reproducing") as progress:
        listeners = Listeners(on_progress=progress, announce=console.info, verbose=console.verbosity > 0)
        if again is None:
            done = run_both(settings, _prepare, listeners)
        else:
            done = resume_reproduction(again, settings.reproduce.runs, _prepare, listeners)
    _show(console, conclude(done))


def _prepare(config: DataConfig, on_progress: ProgressCallback) -> list[str]:
    """Makes a dataset; `training` and `datasets` do not know each other, so they meet here."""
    from docdetect.prepare.dataset import prepare

    report = prepare(config, on_progress=on_progress).report
    return [*map(str, report.failures), *report.warnings]


def _show(console: Console, verdict: Verdict) -> None:
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
        for one in verdict.protocols
        for k, row in enumerate(one.figures)
    ]
    columns = ("protocol", "class", "marks", "AP50", "interval", "AP50-95", "interval", "F1", "interval")
    console.table("The same recipe, two splits; validation", columns, rows)
    for one in verdict.protocols:
        if one.warning:
            console.warn(one.warning)
    console.info(verdict.sentence)
    console.info(f"report: {verdict.folder / 'report.html'}")
    console.summary({"folder": str(verdict.folder), "protocols": [one.record for one in verdict.protocols]})
