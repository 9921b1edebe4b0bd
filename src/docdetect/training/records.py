"""The files of a training's run folder: configuration, versions, data, state, predictions, and figures by epoch."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from docdetect import __version__
from docdetect.config.loading import dump_config
from docdetect.config.schema import Config
from docdetect.datasets.data_yaml import data_yaml_text
from docdetect.datasets.labelled import write_rules
from docdetect.datasets.reader import ContentHashes, YoloDataset
from docdetect.errors import InputError
from docdetect.files import absolute, read_json, read_text, write_json, write_text
from docdetect.files import make_run_folder as make_run_folder
from docdetect.metrics.codec import predictions_to_json
from docdetect.metrics.matching import Sample
from docdetect.tables import read_csv, write_csv
from docdetect.training.progress import EpochReport

PREDICTIONS = "predictions.json"
_LOWEST_STORED = 0.001  # fainter detections make no difference to average precision
_PACKAGES = ("torch", "torchvision", "ultralytics", "opencv-python", "opencv-python-headless", "numpy", "pillow")


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps its files."""

    path: Path

    @property
    def best(self) -> Path:
        return self.path / "weights" / "best.pt"

    @property
    def last(self) -> Path:
        return self.path / "weights" / "last.pt"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints of a training with the views made on the device."""
        return self.path / "checkpoints"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def data(self) -> Path:
        return self.path / "data.yaml"

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    @property
    def metrics(self) -> Path:
        return self.path / "training_metrics.csv"

    @property
    def predictions(self) -> Path:
        return self.path / PREDICTIONS

    @property
    def results(self) -> Path:
        return self.path / "results.csv"


def versions() -> dict[str, str]:
    """Versions of docdetect, Python and the libraries that decide what comes out, and the platform."""
    found = {"docdetect": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return {**found, "platform": platform.platform(), "processor": platform.processor() or platform.machine()}


def write_configuration(run: RunFolder, config: Config, dataset: YoloDataset) -> None:
    """`config.yaml` (reads back to the same run), `versions.json`, and `data.yaml` with absolute paths.

    Of several datasets, `data.yaml` and the files that it names mean all their pages as one dataset.
    """
    write_text(run.data, _together(run, dataset) if dataset.shares else dataset.data_yaml_text())
    write_text(run.config, dump_config(config))
    write_json(run.path / "versions.json", versions())


def _together(run: RunFolder, dataset: YoloDataset) -> str:
    images = [image for side in dataset.splits.values() for image in side]
    labelled = write_rules(run.path, {image.name: image.labelled for image in images}, dataset.class_names)
    if isinstance(labelled, str):
        labelled = (run.path / labelled).as_posix()
    distractors = {image.name: image.distractors.tolist() for image in images if len(image.distractors)}
    if distractors:
        write_json(run.path / "distractors.json", distractors)
    places = {side: [absolute(place) for place in found] for side, found in dataset.places.items()}
    return data_yaml_text(
        dataset.class_names,
        places,
        root=dataset.root,
        distractors=run.path / "distractors.json" if distractors else None,
        labelled=labelled,
    )


def data_record(dataset: YoloDataset, marks: ContentHashes) -> dict[str, Any]:
    """Which data a run saw: file, hashes, classes, and how much there is on each side."""
    several = [{"file": one.file.as_posix(), "pages": one.pages, "weight": one.weight} for one in dataset.shares]
    return {
        "file": dataset.file.as_posix(),
        **({"datasets": several} if several else {}),
        "dataset_sha256": marks.dataset,
        "split_sha256": marks.split,
        "classes": list(dataset.class_names),
        "pages": {split: len(images) for split, images in _sides(dataset)},
        "marks": {split: dataset.marks(split) for split, _ in _sides(dataset)},
    }


def write_predictions(file: Path, samples: Sequence[Sample], names: Sequence[str]) -> None:
    """Writes marks and detections of pages as JSON, on one line, since the file is long and for programs.

    Raises:
        OutputError: the file cannot be written.
    """
    data = predictions_to_json([sample.above(_LOWEST_STORED) for sample in samples], names)
    write_text(file, json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n")


def update_record(run: RunFolder, **values: Any) -> dict[str, Any]:
    """Sets keys of `run.json` and returns all of it."""
    record = read_json(run.record) if run.record.is_file() else {}
    record.update(values)
    write_json(run.record, record)
    return dict(record)


def find_run(wanted: str, runs: Path) -> RunFolder:
    """The interrupted run that `--resume` means.

    Args:
        wanted: a run folder, or `last` for the newest one in `runs` that can go on.

    Raises:
        InputError: there is none, it is finished, or it was stopped before its first checkpoint.
    """
    if wanted != "last":
        run = RunFolder(Path(wanted))
        if reason := _why_not(run):
            raise InputError(f"{run.path}: {reason}", "Start a new run with docdetect train.")
        return run
    folders = [path for path in runs.iterdir() if path.is_dir()] if runs.is_dir() else []
    able = [path for path in folders if not _why_not(RunFolder(path))]
    if not able:
        raise InputError(f"{runs}: no interrupted run that could go on", "Start a new run with docdetect train.")
    return RunFolder(max(able, key=lambda path: (_checkpoint_of(RunFolder(path)).stat().st_mtime_ns, path.name)))


def _why_not(run: RunFolder) -> str:
    if not run.path.is_dir():
        return "no such run folder"
    if not run.record.is_file() or not run.config.is_file():
        return "no training run of docdetect"
    if read_json(run.record).get("state") == "finished":
        return "this run is finished"
    return "" if can_go_on(run) else "stopped before its first epoch was done, so there is nothing to go on from"


def can_go_on(run: RunFolder) -> bool:
    """Whether a run has a checkpoint: one of an epoch, or those of a training with the views made on the device."""
    return _checkpoint_of(run).exists()


def _checkpoint_of(run: RunFolder) -> Path:
    return run.checkpoints if run.checkpoints.is_dir() else run.last


def write_epoch(run: RunFolder, report: EpochReport) -> None:
    """Adds one row to `training_metrics.csv`, or replaces the row of the same epoch. Raises OutputError."""
    import pandas as pd

    figures = {name: "" if value is None else f"{value:.6g}" for name, value in epoch_figures(report).items()}
    row = pd.DataFrame([{"epoch": str(report.epoch), **figures, "best": "yes" if report.best else ""}])
    if run.metrics.is_file():
        before = read_csv(run.metrics, ("epoch",))
        row = pd.concat([before[before["epoch"].astype(int) < report.epoch], row]).fillna("")
    write_csv(run.metrics, row.itertuples(index=False), list(row.columns))


def epochs_done(run: RunFolder) -> int:
    """Number of epochs in `training_metrics.csv`; 0 where there is no such file yet. Raises InputError."""
    return len(read_csv(run.metrics, ("epoch",))) if run.metrics.is_file() else 0


def drop_later_rows(table: Path, last: int) -> None:
    """Cuts a CSV table back to the rows that the checkpoint to resume from has seen; their first column is a number.

    The lines that stay are left as they are, since Ultralytics reads and continues one of these tables. A last line
    that was cut off by a kill is dropped, too.
    """
    if not table.is_file():
        return
    head, *lines = read_text(table).splitlines()
    whole = [line for line in lines if line.count(",") >= head.count(",")]
    kept = [line for line in whole if int(float(line.split(",")[0])) <= last]
    if kept:
        write_text(table, "\n".join([head, *kept]) + "\n")
    else:
        table.unlink()


def epoch_figures(report: EpochReport) -> dict[str, float | None]:
    """Column of `training_metrics.csv` -> figure of an epoch; None where the validation split does not define it."""
    figures: dict[str, float | None] = {
        "seconds": report.seconds,
        "learning_rate": report.learning_rate,
        **{f"train_{part}": value for part, value in report.train_losses.items()},
        **{f"val_{part}": value for part, value in report.val_losses.items()},
    }
    for row in report.figures:
        of = "" if row is report.figures[0] else f" {row.name}"
        figures[f"precision{of}"] = row.working.precision.value
        figures[f"recall{of}"] = row.working.recall.value
        figures[f"AP50{of}"] = row.ap50.value
        figures[f"AP50-95{of}"] = row.ap50_95.value
    figures["ultralytics_map50"] = report.ultralytics_map50
    figures["ultralytics_map50_95"] = report.ultralytics_map50_95
    return figures


def _sides(dataset: YoloDataset) -> list[tuple[str, Any]]:
    return sorted(dataset.splits.items(), key=lambda item: ("train", "val", "test").index(item[0]))
