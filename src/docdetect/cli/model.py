"""`docdetect train` and `docdetect val`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docdetect.cli.options import ConfigOption, SetOption, console_of, resolve
from docdetect.console import Console, ProgressCallback

if TYPE_CHECKING:
    from docdetect.evaluation.validate import ValResult
    from docdetect.training.progress import ClassAccuracy, EpochReport
    from docdetect.training.train import Listeners, TrainResult


def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Option(help="data.yaml, or the folder it lies in.")] = None,
    model: Annotated[str | None, typer.Option(help="Weights, a model YAML, the name of either, or last.")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many epochs.")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Long side of a page, px.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pages a step.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, or a GPU's number.")] = None,
    workers: Annotated[int | None, typer.Option(help="Loader processes at most.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")] = None,
    hours: Annotated[float | None, typer.Option("--time", metavar="HOURS", help="Stop after so many hours.")] = None,
    pause: Annotated[
        float | None, typer.Option(metavar="HOURS", help="Pause after so many hours, at the end of an epoch.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Run folder: runs/train/<name>_<timestamp>.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN|last|auto", help="Go on with an interrupted run; auto: this recipe's, or start."),
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Train a detector with the recipe of a configuration; everything goes into a new run folder."""
    flags: dict[str, object] = {
        "train.data": data,
        "train.model": model,
        "train.epochs": epochs,
        "train.imgsz": imgsz,
        "train.batch": batch,
        "train.device": device,
        "train.workers": workers,
        "train.precision": precision,
        "train.hours": hours,
        "train.pause_hours": pause,
        "train.name": name,
    }
    from docdetect.errors import UsageError
    from docdetect.training import resuming
    from docdetect.training import train as work

    console = console_of(context)
    with console.progress("training") as progress:
        listeners = _listeners(console, progress)
        if resume is None:
            result = work.train(resolve(config, assignments, flags), listeners)
        elif resume == "auto":
            result = resuming.train_or_go_on(resolve(config, assignments, flags), listeners)
        elif config is not None:
            raise UsageError("--resume and --config exclude each other", "A run goes on with its own configuration.")
        else:
            runs = resolve(None, None, {}).train.runs
            settings = resuming.resumed_config(resume, runs, tuple(assignments or ()), flags)
            result = resuming.resume(resume, settings, listeners)
    _show_training(console, result)


def val(
    context: typer.Context,
    weights: Annotated[str | None, typer.Option(help="A .pt file, a run folder, last; default: the box.")] = None,
    data: Annotated[str | None, typer.Option(help="data.yaml, or the folder it lies in.")] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.")] = None,
    conf: Annotated[float | None, typer.Option(help="Threshold of precision, recall and confusion matrix.")] = None,
    iou: Annotated[float | None, typer.Option(help="IoU of non-maximum suppression.")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Long side of a page, px (as trained).")] = None,
    batch: Annotated[int | None, typer.Option(help="Pages at once.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, or a GPU's number.")] = None,
    engine: Annotated[str | None, typer.Option(help="torch (default), auto, openvino, onnx, tensorrt.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32 (default), auto, bf16, fp16.")] = None,
    name: Annotated[str | None, typer.Option(help="Result folder: runs/val/<name>_<timestamp>.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Judge a detector on labelled pages: precision, recall and average precision of each class, and plots."""
    flags: dict[str, object] = {
        "val.weights": weights,
        "val.data": data,
        "val.split": split,
        "val.conf": conf,
        "val.iou": iou,
        "val.imgsz": imgsz,
        "val.batch": batch,
        "val.device": device,
        "val.engine": engine,
        "val.precision": precision,
        "val.name": name,
    }
    settings = resolve(config, assignments, flags)
    from docdetect.evaluation.validate import validate

    console = console_of(context)
    with console.progress("validating") as progress:
        result = validate(settings, on_progress=progress, announce=console.warn)
    _show_validation(console, result, settings.val.conf)


def _listeners(console: Console, progress: ProgressCallback) -> Listeners:
    from docdetect.training.train import Listeners

    return Listeners(
        on_epoch=lambda report: console.info(_epoch_line(report)),
        on_progress=progress,
        announce=console.warn,
        verbose=console.verbosity > 0,
    )


def _epoch_line(report: EpochReport) -> str:
    losses = " ".join(f"{part} {value:.3f}" for part, value in report.train_losses.items())
    left = f", {_duration(report.remaining_s)} left" if report.remaining_s else ""
    best = "  best so far" if report.best else ""
    return (
        f"epoch {report.epoch}/{report.epochs}  {losses}  mAP50 {report.ap50:.3f}  mAP50-95 {report.ap50_95:.3f}  "
        f"{_duration(report.seconds)}{left}{best}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show_training(console: Console, result: TrainResult) -> None:
    rows = [(name, *_pair(accuracy)) for name, accuracy in result.classes.items()]
    rows.append(("all", f"{result.ap50:.3f}", f"{result.ap50_95:.3f}"))
    console.table("Best weights on the validation split", ("class", "AP50", "AP50-95"), rows)
    console.info(f"{result.epochs} epochs, {_duration(result.seconds)}; weights: {result.weights}")
    console.summary(
        {
            "folder": str(result.folder),
            "weights": str(result.weights),
            "epochs": result.epochs,
            "seconds": round(result.seconds, 1),
            "precision": round(result.precision, 6),
            "recall": round(result.recall, 6),
            "AP50": round(result.ap50, 6),
            "AP50-95": round(result.ap50_95, 6),
        }
    )


def _pair(accuracy: ClassAccuracy | None) -> tuple[str, str]:
    return (f"{accuracy.ap50:.3f}", f"{accuracy.ap50_95:.3f}") if accuracy else ("-", "-")


def _show_validation(console: Console, result: ValResult, conf: float) -> None:
    from docdetect.files import read_json

    columns = ("class", "marks", "found", "wrong", "precision", "recall", "AP50", "AP50-95")
    rows = [
        (
            row.name,
            row.marks,
            row.found,
            row.wrong,
            *("-" if value is None else f"{value:.3f}" for value in (row.precision, row.recall, row.ap50, row.ap50_95)),
        )
        for row in result.rows
    ]
    console.table(f"{result.weights.name} on {result.pages} pages, from confidence {conf:g} on", columns, rows)
    if result.best_f1 is not None:
        best = result.best_f1
        console.info(
            f"best F1 at confidence {best.conf:.2f}: precision {best.precision:.3f}, recall {best.recall:.3f} "
            "(Ultralytics' P and R)"
        )
    console.info(f"curves, confusion matrices and pages: {result.folder}")
    console.info(f"intervals, slices and the worst errors: {result.folder / 'report.html'}")
    console.summary({"folder": str(result.folder), **read_json(result.folder / "metrics.json")})
