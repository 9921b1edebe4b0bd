"""`docdetect calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from docdetect.cli.options import Request, takes


@takes(keys=("figures.calibration",))
def calibrate(
    request: Request,
    folder: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Folder or name of a run of crossval (better) or val, or last, the newest of these runs.",
        ),
    ] = "last",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS",
            help="Weights beside which the calibration is kept, for infer to apply: a file, a run folder, or last "
            "(the newest training run).",
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Fit a map from confidence to probability, from the predictions of a run."""
    settings, console = request.settings, request.console
    from docdetect.evaluation.calibrate import calibrate_run
    from docdetect.evaluation.runs import find_run_folder, standard_folders
    from docdetect.metrics.codec import to_plain
    from docdetect.metrics.texts import share
    from docdetect.models.weights import require_own_weights, resolve_weights

    found = find_run_folder(folder, standard_folders(settings)[1:])
    beside = require_own_weights(resolve_weights(weights, Path(settings.train.runs))) if weights else None
    result = calibrate_run(found, settings.figures.calibration, beside)
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
    columns = ("class", "detections", "marks", "method", "error before", "error after")
    console.table("Expected calibration error", columns, rows)
    console.info(f"written: {', '.join(map(str, result.files))}")
    if weights is None:
        console.info("infer uses a calibration that lies beside its weights: add --weights FILE to put it there")
    console.summary({"files": [str(file) for file in result.files], "classes": to_plain(result.rows)})
