"""`docdetect runs`: the runs of train, val and crossval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import Request, takes

if TYPE_CHECKING:
    from docdetect.evaluation.runs import Run

group = typer.Typer(no_args_is_help=True, help="Look at training and evaluation runs.", rich_markup_mode="rich")


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
    from docdetect.evaluation.runs import list_runs

    standard = [Path(settings.train.runs), Path(settings.val.runs), Path(settings.crossval.runs)]
    found = list_runs(folders or standard)
    rows = [
        (
            str(run.path),
            run.kind,
            run.state,
            f"{run.started:%Y-%m-%d %H:%M}",
            "" if run.epochs is None else run.epochs,
            share(run.ap50),
            share(run.ap50_95),
        )
        for run in found
    ]
    console.table("Runs", ("run", "kind", "state", "started", "epochs", "AP50, %", "AP50-95, %"), rows)
    if not found:
        console.info(f"no runs in {', '.join(map(str, folders or standard))}")
    console.summary({"runs": [run_record(run) for run in found]})


def run_record(run: Run) -> dict[str, object]:
    return {
        "path": str(run.path),
        "kind": run.kind,
        "state": run.state,
        "started": run.started.isoformat(timespec="seconds"),
        "epochs": run.epochs,
        "AP50": run.ap50,
        "AP50-95": run.ap50_95,
    }


def share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
