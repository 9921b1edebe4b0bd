"""`docdetect calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from docdetect.cli.options import Request, takes
from docdetect.cli.runs import share


@takes(keys=("figures.calibration",))
def calibrate(
    request: Request,
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run of crossval (better) or val, or last.")
    ],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="WEIGHTS", help="Weights beside which the calibration is kept.", rich_help_panel="Output"),
    ] = None,
) -> None:
    """Make confidence mean probability, from the predictions of a run."""
    settings, console = request.settings, request.console
    from docdetect.evaluation.calibrate import calibrate_run
    from docdetect.metrics.codec import to_plain

    result = calibrate_run(folder, settings.figures.calibration, weights)
    if not result.held_out:
        console.warn("these predictions are of one split, not out of fold: prefer a run of docdetect crossval")
    rows = [
        (
            row.name,
            row.pairs,
            row.hits,
            row.method,
            share(row.before.error),
            share(None if row.after is None else row.after.error),
        )
        for row in result.rows
    ]
    columns = ("class", "detections", "marks", "method", "error before, %", "error after, %")
    console.table("Expected calibration error", columns, rows)
    console.info(f"written: {', '.join(map(str, result.files))}")
    console.summary({"files": [str(file) for file in result.files], "classes": to_plain(result.rows)})
