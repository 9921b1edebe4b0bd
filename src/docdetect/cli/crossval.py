"""`docdetect crossval`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import Request, takes
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.evaluation.crossval import CrossvalResult


@takes(
    "crossval",
    "figures",
    keys=("train.data", "train.model", "train.epochs", "train.batch", "train.imgsz", "train.device"),
)
def crossval(
    request: Request,
    again: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="RUN|last",
            help="Continue an interrupted cross-validation, with its own settings.",
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Evaluate a recipe on pages that its networks have not seen, divided by groups of near-duplicates."""
    from docdetect.errors import UsageError
    from docdetect.evaluation.crossval import conclude, cross_validate, resume_cross_validation
    from docdetect.training.train import Listeners

    if again is not None and not request.is_bare:
        raise UsageError("--resume goes alone", "A cross-validation goes on with its own configuration.")
    settings, console = request.settings, request.console
    with console.progress("crossval") as progress:
        listeners = Listeners(on_progress=progress, announce=console.info, verbose=console.verbosity > 0)
        if again is None:
            result = cross_validate(settings, listeners)
        else:
            result, settings = resume_cross_validation(again, settings.crossval.runs, listeners)
    _show_crossval(console, conclude(result, settings))


def _show_crossval(console: Console, result: CrossvalResult) -> None:
    from docdetect.evaluation.crossval import METRICS
    from docdetect.metrics.codec import to_plain
    from docdetect.metrics.texts import share, span

    rows = [(f"fold {row.fold}", row.pages, row.marks, *map(share, row.values)) for row in result.folds]
    rows += [("mean", "", "", *map(share, result.mean)), ("spread", "", "", *map(share, result.spread))]
    console.table("Mean over classes by fold", ("", "pages", "marks", *METRICS), rows)
    pooled = result.evaluation.figures[0]
    console.table(
        "All pages, evaluated out of fold",
        ("class", "marks", "AP50", "interval", "AP50-95", "interval", "conf"),
        [
            (
                row.name,
                row.marks,
                share(row.ap50.value),
                span(row.ap50) or "-",
                share(row.ap50_95.value),
                span(row.ap50_95) or "-",
                "" if row is pooled else f"{result.thresholds.conf[row.name]:.2f}",
            )
            for row in result.evaluation.figures
        ],
    )
    for warning in result.evaluation.warnings:
        console.warn(warning)
    for file in result.beside:
        console.info(f"kept with the weights: {file}")
    console.info(f"report: {result.folder / 'report.html'}")
    console.summary(
        {
            "folder": str(result.folder),
            "folds": to_plain(result.folds),
            "thresholds": dict(result.thresholds.conf),
            "figures": to_plain(result.evaluation.figures),
            "beside": [str(file) for file in result.beside],
        }
    )
