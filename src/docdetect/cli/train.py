"""`docdetect train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import Request, takes
from docdetect.console import Console, ProgressCallback

if TYPE_CHECKING:
    from docdetect.training.progress import EpochReport
    from docdetect.training.train import Listeners, TrainResult


@takes("train")
def train(
    request: Request,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|last|auto",
            help="Continue an interrupted run; auto continues the newest run of the same recipe, or starts one.",
            rich_help_panel="Length",
        ),
    ] = None,
) -> None:
    """Train a detector with the recipe of a configuration; everything goes into a new run folder."""
    from docdetect.errors import UsageError
    from docdetect.training import resuming
    from docdetect.training import train as work

    console = request.console
    with console.progress("train") as progress:
        listeners = _listeners(console, progress)
        if resume is None:
            result = work.train(request.settings, listeners)
        elif resume == "auto":
            result = resuming.train_or_go_on(request.settings, listeners)
        elif request.file is not None:
            raise UsageError("--resume and --config exclude each other", "A run goes on with its own configuration.")
        else:
            runs = request.settings.train.runs
            settings = resuming.resumed_config(resume, runs, request.assignments, request.flags)
            result = resuming.resume(resume, settings, listeners)
    _show_training(console, result)


def _listeners(console: Console, progress: ProgressCallback) -> Listeners:
    from docdetect.training.train import Listeners

    return Listeners(
        on_epoch=lambda report: console.info(_epoch_line(report)),
        on_progress=progress,
        announce=console.warn,
        verbose=console.verbosity > 0,
    )


def _epoch_line(report: EpochReport) -> str:
    from docdetect.metrics.texts import share

    mean = report.figures[0]
    losses = " ".join(f"{part} {value:.3f}" for part, value in report.train_losses.items())
    left = f", {_duration(report.remaining_s)} left" if report.remaining_s else ""
    best = "  best so far" if report.best else ""
    return (
        f"epoch {report.epoch}/{report.epochs}  {losses}  AP50 {share(mean.ap50.value)}  "
        f"AP50-95 {share(mean.ap50_95.value)}  "
        f"{_duration(report.seconds)}{left}{best}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show_training(console: Console, result: TrainResult) -> None:
    from docdetect.files import as_argument
    from docdetect.metrics.codec import to_plain
    from docdetect.metrics.texts import ACCURACY_COLUMNS, accuracy_rows

    console.table("Best weights on the validation split", ACCURACY_COLUMNS, accuracy_rows(result.figures))
    epochs = "1 epoch" if result.epochs == 1 else f"{result.epochs} epochs"
    console.info(f"{epochs}, {_duration(result.seconds)}; weights: {result.weights}")
    console.info(f"report: {result.folder / 'report.html'}")
    weights, data = as_argument(result.weights), as_argument(result.folder / "data.yaml")
    console.info(f"next: docdetect val --weights {weights} --data {data}")
    console.summary(
        {
            "folder": str(result.folder),
            "weights": str(result.weights),
            "epochs": result.epochs,
            "seconds": round(result.seconds, 1),
            "figures": to_plain(result.figures),
        }
    )
