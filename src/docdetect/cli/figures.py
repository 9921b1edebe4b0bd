"""`docdetect crossval`, `compare`, `calibrate` and `runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve
from docdetect.console import Console

if TYPE_CHECKING:
    from docdetect.evaluation.compare import Comparison
    from docdetect.evaluation.crossval import CrossvalResult
    from docdetect.evaluation.runs import Run

runs = typer.Typer(no_args_is_help=True, help="Look at training and evaluation runs.", rich_markup_mode="rich")


def crossval(
    context: typer.Context,
    folds: Annotated[int | None, typer.Option(help="Parts; each judges the model of all others.")] = None,
    data: Annotated[str | None, typer.Option(help="data.yaml, or the folder it lies in.")] = None,
    model: Annotated[str | None, typer.Option(help="Weights, a model YAML, or the name of either.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of every fold.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, or a GPU's number.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Weights that get the chosen thresholds and calibration beside them.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Run folder: runs/crossval/<name>_<timestamp>.")] = None,
    again: Annotated[
        str | None, typer.Option("--resume", metavar="RUN|last", help="Go on with an interrupted cross-validation.")
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Judge a recipe by groups: every page by a model that has seen nothing like it."""
    flags: dict[str, object] = {
        "crossval.folds": folds,
        "crossval.weights": weights,
        "crossval.name": name,
        "train.data": data,
        "train.model": model,
        "train.epochs": epochs,
        "train.device": device,
    }
    settings = resolve(config, assignments, flags)
    from docdetect.errors import UsageError
    from docdetect.evaluation.crossval import conclude, cross_validate, resume_cross_validation
    from docdetect.training.train import Listeners

    if again is not None and (config is not None or assignments or any(value is not None for value in flags.values())):
        raise UsageError("--resume goes alone", "A cross-validation goes on with its own configuration.")
    console = console_of(context)
    with console.progress("cross-validating") as progress:
        listeners = Listeners(on_progress=progress, announce=console.info, verbose=console.verbosity > 0)
        if again is None:
            result = cross_validate(settings, _assign_folds, listeners)
        else:
            result, settings = resume_cross_validation(again, settings.crossval.runs, listeners)
    _show_crossval(console, conclude(result, settings))


def compare(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders; the first is compared with.")],
    output: Annotated[Path | None, typer.Option(help="Write the comparison as a self-contained HTML file.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Put runs side by side: configuration, figures, and whether a difference is more than noise."""
    settings = resolve(config, assignments, {})
    from docdetect.errors import UsageError
    from docdetect.evaluation.compare import compare_runs, comparison_report
    from docdetect.evaluation.report import bootstrap_settings
    from docdetect.files import write_text
    from docdetect.metrics.codec import to_plain
    from docdetect.reports.page import report_to_html

    if len(folders) < 2:
        raise UsageError("compare needs two runs or more", "docdetect runs list shows those that there are.")
    comparison = compare_runs(folders, bootstrap_settings(settings.figures), Path(settings.val.runs))
    console = console_of(context)
    _show_comparison(console, comparison)
    if output is not None:
        write_text(output, report_to_html(comparison_report(comparison)))
        console.info(f"report: {output}")
    contests = [
        {"first": str(one.first.path), "second": str(one.second.path), "differences": to_plain(one.differences)}
        for one in comparison.contests
    ]
    compared = [
        {**_run_record(run), "weights_mb": size, "seconds_per_page": seconds}
        for run, size, seconds in zip(comparison.runs, comparison.sizes_mb, comparison.seconds_per_page, strict=True)
    ]
    console.summary({"runs": compared, "contests": contests})


def calibrate(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a crossval (better) or val run.")],
    method: Annotated[str | None, typer.Option(help="auto, platt or isotonic.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights that get the calibration beside them.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Make confidence mean probability, from the predictions of a run."""
    settings = resolve(config, assignments, {"figures.calibration": method})
    from docdetect.evaluation.calibrate import calibrate_run
    from docdetect.metrics.codec import to_plain

    result = calibrate_run(folder, settings.figures.calibration, weights)
    console = console_of(context)
    if not result.held_out:
        console.warn("these predictions are of one split, not out of fold: prefer a run of docdetect crossval")
    rows = [
        (
            row.name,
            row.pairs,
            row.hits,
            row.method,
            _share(row.before.error),
            _share(None if row.after is None else row.after.error),
        )
        for row in result.rows
    ]
    columns = ("class", "detections", "marks", "method", "error before, %", "error after, %")
    console.table("Expected calibration error", columns, rows)
    console.info(f"written: {', '.join(map(str, result.files))}")
    console.summary({"files": [str(file) for file in result.files], "classes": to_plain(result.rows)})


@runs.command("list")
def list_(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER", help="Where runs are; default: the configured ones.")
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """List the runs of train, val and crossval, the newest first."""
    settings = resolve(config, assignments, {})
    from docdetect.evaluation.runs import list_runs

    standard = [Path(settings.train.runs), Path(settings.val.runs), Path(settings.crossval.runs)]
    found = list_runs(folders or standard)
    console = console_of(context)
    rows = [
        (
            str(run.path),
            run.kind,
            run.state,
            f"{run.started:%Y-%m-%d %H:%M}",
            "" if run.epochs is None else run.epochs,
            _share(run.ap50),
            _share(run.ap50_95),
        )
        for run in found
    ]
    console.table("Runs", ("run", "kind", "state", "started", "epochs", "AP50, %", "AP50-95, %"), rows)
    if not found:
        console.info(f"no runs in {', '.join(map(str, folders or standard))}")
    console.summary({"runs": [_run_record(run) for run in found]})


def _assign_folds(
    groups: Mapping[tuple[str, int], str], marks: Mapping[tuple[str, int], Sequence[int]], folds: int, seed: int
) -> dict[tuple[str, int], int]:
    """Stratified folds; `training` and `datasets` do not know each other, so they meet here."""
    from docdetect.datasets.split import PageKey, stratified_folds

    keys = {page: PageKey(*page) for page in groups}
    chosen = stratified_folds(
        {keys[page]: group for page, group in groups.items()},
        {keys[page]: counts for page, counts in marks.items()},
        folds,
        seed,
    )
    return {page: chosen[key] for page, key in keys.items()}


def _show_crossval(console: Console, result: CrossvalResult) -> None:
    from docdetect.evaluation.crossval import METRICS
    from docdetect.evaluation.report import percent_and_span
    from docdetect.metrics.codec import to_plain

    rows = [(f"fold {row.fold}", row.pages, row.marks, *map(_share, row.values)) for row in result.folds]
    rows += [("mean", "", "", *map(_share, result.mean)), ("spread", "", "", *map(_share, result.spread))]
    console.table("Mean over classes by fold, %", ("", "pages", "marks", *METRICS), rows)
    pooled = result.evaluation.figures[0]
    console.table(
        "All pages, judged out of fold, %",
        ("class", "marks", "AP50", "interval", "AP50-95", "interval", "conf"),
        [
            (
                row.name,
                row.marks,
                *percent_and_span(row.ap50),
                *percent_and_span(row.ap50_95),
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


def _show_comparison(console: Console, comparison: Comparison) -> None:
    from docdetect.evaluation.compare import verdict_line

    rows = [
        (
            run.path.name,
            run.kind,
            _share(run.ap50),
            _share(run.ap50_95),
            "-" if size is None else f"{size:.1f}",
            "-" if seconds is None else f"{seconds:.3f}",
        )
        for run, size, seconds in zip(comparison.runs, comparison.sizes_mb, comparison.seconds_per_page, strict=True)
    ]
    console.table("Runs", ("run", "kind", "AP50, %", "AP50-95, %", "weights, MB", "s per page"), rows)
    if comparison.differences:
        columns = ("key", *(run.path.name for run in comparison.runs))
        console.table("Configuration, where it differs", columns, [(key, *row) for key, row in comparison.differences])
    for contest in comparison.contests:
        console.info(verdict_line(contest))
    for run, reason in comparison.silent:
        console.warn(f"{run.path.name}: not compared page by page: {reason}")


def _run_record(run: Run) -> dict[str, object]:
    return {
        "path": str(run.path),
        "kind": run.kind,
        "state": run.state,
        "started": run.started.isoformat(timespec="seconds"),
        "epochs": run.epochs,
        "AP50": run.ap50,
        "AP50-95": run.ap50_95,
    }


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
