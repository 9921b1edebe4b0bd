"""`docdetect reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve
from docdetect.console import Console, ProgressCallback

if TYPE_CHECKING:
    from docdetect.config.schema import DataConfig
    from docdetect.evaluation.reproduce import Verdict


def reproduce(
    context: typer.Context,
    pdfs: Annotated[str | None, typer.Option(help="Folder of documents [data/raw/pdfs].")] = None,
    annotations: Annotated[str | None, typer.Option(help="JSON annotations [data/raw/annotations.json].")] = None,
    model: Annotated[str | None, typer.Option(help="Weights, a model YAML, or the name of either.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of both trainings.")] = None,
    val: Annotated[float | None, typer.Option(help="Share of the pages for validation [0.1].")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of both splits [42].")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, or a GPU's number.")] = None,
    name: Annotated[str | None, typer.Option(help="Run folder: runs/reproduce/<name>_<timestamp>.")] = None,
    again: Annotated[
        str | None, typer.Option("--resume", metavar="RUN|last", help="Go on with an interrupted reproduction.")
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run the seed's protocol (split by page) and an honest one (split by group) with one recipe, side by side."""
    flags: dict[str, object] = {
        "data.pdfs": pdfs,
        "data.annotations": annotations,
        "data.val": val,
        "data.seed": seed,
        "train.model": model,
        "train.epochs": epochs,
        "train.device": device,
        "reproduce.name": name,
    }
    settings = resolve(config, assignments, flags)
    from docdetect.errors import UsageError
    from docdetect.evaluation.reproduce import conclude, resume_reproduction
    from docdetect.evaluation.reproduce import reproduce as run_both
    from docdetect.training.train import Listeners

    if again is not None and (config is not None or assignments or any(value is not None for value in flags.values())):
        raise UsageError("--resume goes alone", "A reproduction goes on with its own configuration.")
    console = console_of(context)
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
    from docdetect.evaluation.report import percent_and_span

    rows = [
        (
            one.title if not k else "",
            row.name,
            row.marks,
            *percent_and_span(row.ap50),
            *percent_and_span(row.ap50_95),
            *percent_and_span(row.working.f1),
        )
        for one in verdict.protocols
        for k, row in enumerate(one.figures)
    ]
    columns = ("protocol", "class", "marks", "AP50", "interval", "AP50-95", "interval", "F1", "interval")
    console.table("The same recipe, two splits; validation, %", columns, rows)
    for one in verdict.protocols:
        if one.warning:
            console.warn(one.warning)
    console.info(verdict.sentence)
    console.info(f"report: {verdict.folder / 'report.html'}")
    console.summary({"folder": str(verdict.folder), "protocols": [one.record for one in verdict.protocols]})
