"""`docdetect runs`: the runs of train, val and crossval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from docdetect.cli.options import Request, make_group, takes

group = make_group("Look at training and evaluation runs.")


@group.command("list", add_help_option=False)
@takes(command="list")
def list_(
    request: Request,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="Folders that hold run folders; by default the configured ones."),
    ] = None,
) -> None:
    """List the runs of train, val and crossval, the newest first."""
    settings, console = request.settings, request.console
    from docdetect.evaluation.runs import list_runs, runs_table, standard_folders, table_records
    from docdetect.metrics.texts import share

    places = folders or standard_folders(settings)
    table = runs_table(list_runs(places))
    rows = [
        (row["name"], row["kind"], row["state"], share(row["AP50"]), share(row["AP50-95"]))
        for row in table_records(table)
    ]
    console.table("Runs", ("run", "kind", "state", "AP50", "AP50-95"), rows, whole=("run",))
    if not rows:
        console.info(f"no runs in {', '.join(map(str, places))}")
    console.summary({"runs": table_records(table)})
