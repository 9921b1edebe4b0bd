"""Cross-validation by group: every page is evaluated by a network that has seen nothing like it.

The held-out fold chooses nothing: each fold trains the configured number of epochs without early stopping, and its last
weights are evaluated, not those that did best on the pages of the fold. A cross-validation can be resumed fold by fold.
Its outcome are pooled figures, their spread over the folds, and thresholds and a calibration that can be kept beside
weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from docdetect.calibration import calibration_to_json
from docdetect.config.loading import dump_config, load_config
from docdetect.config.schema import Config
from docdetect.datasets.folds import FoldedImage, fold_images, planned_images, write_fold
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import YoloDataset, content_hashes, read_dataset
from docdetect.errors import ConfigError, InputError
from docdetect.evaluation.predictions import Prediction, predict_dataset, read_picture, samples_of
from docdetect.evaluation.report import (
    ReportFrame,
    bootstrap_settings,
    grouping_settings,
    read_predictions,
    write_evaluation,
)
from docdetect.evaluation.resuming import finished_training, folder_to_resume
from docdetect.files import read_json, write_json, write_text
from docdetect.metrics.calibration import calibrate, score_pairs
from docdetect.metrics.codec import to_plain
from docdetect.metrics.evaluation import Evaluation, EvaluationSettings
from docdetect.metrics.figures import BootstrapSettings, ThresholdRule, best_confs, class_figures
from docdetect.metrics.matching import Sample, match
from docdetect.metrics.texts import share
from docdetect.models.engines.select import load_engine
from docdetect.models.thresholds import DEFAULT_CONF, Thresholds, calibration_path, thresholds_path, thresholds_to_json
from docdetect.models.weights import content_hash, require_own_weights, resolve_weights
from docdetect.reports.page import Cell, Section, Table
from docdetect.training.records import PREDICTIONS, RunFolder, make_run_folder, write_predictions
from docdetect.training.train import Listeners, with_named_model
from docdetect.types import ByteArray

PLAN = "folds.json"

_SPLITS = ("train", "val")


@dataclass(frozen=True)
class Folds:
    """A finished cross-validation.

    Attributes:
        folder: its run folder.
        dataset: what was cut into folds.
        images: the pictures with their folds.
        samples: out-of-fold predictions, in the order of `images`.
    """

    folder: Path
    dataset: YoloDataset
    images: tuple[FoldedImage, ...]
    samples: tuple[Sample, ...]

    @property
    def count(self) -> int:
        return 1 + max(one.fold for one in self.images)

    def of(self, fold: int) -> list[Sample]:
        """The samples of one fold."""
        return [sample for sample, one in zip(self.samples, self.images, strict=True) if one.fold == fold]


def cross_validate(config: Config, listeners: Listeners | None = None) -> Folds:
    """Trains and evaluates every fold in a new folder `<crossval.runs>/<name>_<timestamp>`.

    The pages are those of the splits train and val of `config.train.data`; its split test is left alone.

    Raises:
        InputError: the dataset or the model is missing or wrong, there are fewer groups than folds, or
            `crossval.weights` names no weights or bundled ones.
        OutputError: the folder cannot be written.
    """
    tell = listeners or Listeners()
    config = with_named_model(config)
    _weights(config)  # before hours of training
    dataset = read_dataset(_one_dataset(config), _SPLITS, on_progress=tell.on_progress, announce=tell.announce)
    how = config.crossval
    images = fold_images(dataset, read_origins(dataset.root), how.folds, how.seed)
    folder = make_run_folder(Path(how.runs), how.name)
    write_text(folder / "config.yaml", dump_config(config))
    plan = {one.image.name: one.fold for one in images}
    write_json(folder / PLAN, {"dataset_sha256": content_hashes(dataset).dataset, "folds": how.folds, "fold_of": plan})
    return _run_folds(Folds(folder, dataset, images, ()), config, tell)


def resume_cross_validation(wanted: str, runs: str, listeners: Listeners | None = None) -> tuple[Folds, Config]:
    """Goes on with an interrupted cross-validation: finished folds are kept, an interrupted training goes on.

    Args:
        wanted: its folder, or `last` for the newest one in `runs`.
        runs: where such folders are.
        listeners: who is told what.

    Raises:
        InputError: there is none, or its dataset has changed.
    """
    tell = listeners or Listeners()
    folder = folder_to_resume(wanted, Path(runs), "crossval", PLAN)
    config = load_config(str(folder / "config.yaml"))
    dataset = read_dataset(_one_dataset(config), _SPLITS, on_progress=tell.on_progress, announce=tell.announce)
    plan = read_json(folder / PLAN)
    if plan.get("dataset_sha256") != content_hashes(dataset).dataset:
        raise InputError(
            f"{dataset.file}: the dataset has changed since {folder} was started",
            "Restore it, or start a new cross-validation.",
        )
    planned = planned_images(dataset, read_origins(dataset.root), plan["fold_of"])
    return _run_folds(Folds(folder, dataset, planned, ()), config, tell), config


def _run_folds(folds: Folds, config: Config, tell: Listeners) -> Folds:
    samples: dict[tuple[str, int], Sample] = {}
    for fold in range(folds.count):
        place = folds.folder / f"fold_{fold + 1}"
        if not (place / PREDICTIONS).is_file():
            tell.announce(f"fold {fold + 1} of {folds.count}")
            run = finished_training(place, partial(_fold_settings, place, folds, fold, config), tell)
            _predict(place, run, folds, fold, config, tell)
        found, _ = read_predictions(place)
        samples.update({(sample.document, sample.page): sample for sample in found})
    ordered = tuple(samples[one.origin.document, one.origin.page] for one in folds.images)
    return Folds(folds.folder, folds.dataset, folds.images, ordered)


def _model_names(config: Config) -> str:
    return ", ".join(start.path for start in config.train.networks)


def _one_dataset(config: Config) -> str:
    """The dataset whose pages are divided into folds.

    Raises:
        ConfigError: there are several.
    """
    if not isinstance(config.train.data, str):
        raise ConfigError(
            "train.data: a cross-validation divides the pages of one dataset, and several are named",
            "Name one of them with --data.",
        )
    return config.train.data


def _fold_settings(place: Path, folds: Folds, fold: int, config: Config) -> Config:
    data = write_fold(place / "data", folds.images, fold, folds.dataset.class_names)
    return config.model_copy(update={"train": config.train.model_copy(update={"data": str(data)})})


def _predict(place: Path, run: RunFolder, folds: Folds, fold: int, config: Config, tell: Listeners) -> None:
    how, names = config.val, folds.dataset.class_names
    engine = load_engine(run.last, imgsz=config.train.imgsz, device=config.train.device)
    images: Sequence[FoldedImage] = [one for one in folds.images if one.fold == fold]
    settings = Prediction(iou=how.iou, batch=how.batch, workers=how.workers)
    pages = predict_dataset(engine, [one.image for one in images], names, settings, on_progress=tell.on_progress)
    write_predictions(place / PREDICTIONS, samples_of(pages, read_origins(folds.dataset.root)), names)


THRESHOLDS = "thresholds.json"

CALIBRATION = "calibration.json"

METRICS = ("AP50", "AP50-95", "precision", "recall", "F1")


@dataclass(frozen=True)
class FoldFigures:
    """One fold: how much it holds, and the mean over classes of each of `METRICS`; None where undefined."""

    fold: int
    pages: int
    marks: int
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class CrossvalResult:
    """What a cross-validation found.

    Attributes:
        folder: where everything is.
        folds: figures of each fold.
        mean, spread: over the folds, in the order of `METRICS`; the spread is the sample's standard deviation.
        evaluation: of the pooled out-of-fold predictions, at the chosen thresholds.
        thresholds: chosen on them.
        beside: files that were written beside the weights, if any.
    """

    folder: Path
    folds: tuple[FoldFigures, ...]
    mean: tuple[float | None, ...]
    spread: tuple[float | None, ...]
    evaluation: Evaluation
    thresholds: Thresholds
    beside: tuple[Path, ...]


def conclude(folds: Folds, config: Config) -> CrossvalResult:
    """Writes thresholds, calibration, the pooled evaluation with its report, and `crossval.json`.

    Raises:
        InputError: `crossval.weights` names no weights or bundled ones, or a picture of the gallery cannot be read.
        OutputError: a file cannot be written.
    """
    names = folds.dataset.class_names
    weights = _weights(config)
    conf = (config.val.conf,) * len(names)
    rows = tuple(_fold_figures(fold, folds.of(fold), names, conf) for fold in range(folds.count))
    mean, spread = _mean_and_spread(rows)
    settings = EvaluationSettings(conf, bootstrap_settings(config.figures), grouping_settings(config.grouping))
    facts = {"dataset": folds.dataset.file.as_posix(), "folds": str(folds.count), "epochs": str(config.train.epochs)}
    frame = ReportFrame(
        "Cross-validation",
        f"{folds.count} folds by group; every page evaluated by a network that has not seen its group",
        {**facts, "model": _model_names(config)},
        [_folds_section(rows, mean, spread, config.val.conf)],
    )

    def read_page(position: int) -> ByteArray:
        return read_picture(folds.images[position].image.path)

    evaluation = write_evaluation(folds.folder, folds.samples, names, settings, frame, read_page)
    origin = f"out-of-fold predictions of {folds.count} folds by group, {folds.folder.name}"
    # the thresholds are for `infer`, so a class with too few marks to choose gets what `infer` would use anyway
    usual = config.infer.conf if isinstance(config.infer.conf, float) else DEFAULT_CONF
    best = best_confs(evaluation.matches, ThresholdRule(fallback=usual))
    chosen = dict(zip(names, (round(value, 4) for value in best), strict=True))
    thresholds = Thresholds(chosen, origin, content_hash(weights) if weights else "")
    beside = _store(folds.folder, weights, thresholds, evaluation, config)
    write_json(
        folds.folder / "crossval.json",
        {"metrics": list(METRICS), "folds": to_plain(rows), "mean": list(mean), "spread": list(spread)},
    )
    return CrossvalResult(folds.folder, rows, mean, spread, evaluation, thresholds, beside)


def _weights(config: Config) -> Path | None:
    """The weights beside which thresholds and calibration are kept; None for none. Raises InputError."""
    if not config.crossval.weights:
        return None
    return require_own_weights(resolve_weights(config.crossval.weights, Path(config.train.runs)))


def _store(
    folder: Path, weights: Path | None, thresholds: Thresholds, evaluation: Evaluation, config: Config
) -> tuple[Path, ...]:
    calibration, _ = calibrate(score_pairs(evaluation.matches), evaluation.names, config.figures.calibration)
    maps = calibration_to_json(replace(calibration, origin=thresholds.origin, weights_sha256=thresholds.weights_sha256))
    write_json(folder / THRESHOLDS, thresholds_to_json(thresholds))
    write_json(folder / CALIBRATION, maps)
    if weights is None:
        return ()
    beside = (thresholds_path(weights), calibration_path(weights))
    write_json(beside[0], thresholds_to_json(thresholds))
    write_json(beside[1], maps)
    return beside


def _fold_figures(fold: int, samples: Sequence[Sample], names: Sequence[str], conf: Sequence[float]) -> FoldFigures:
    mean = class_figures(match(samples, len(names)), names, conf, BootstrapSettings(resamples=0))[0]
    figures = (mean.ap50, mean.ap50_95, mean.working.precision, mean.working.recall, mean.working.f1)
    return FoldFigures(fold + 1, len(samples), mean.marks, tuple(figure.value for figure in figures))


def _mean_and_spread(rows: Sequence[FoldFigures]) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    columns = [[value for row in rows if (value := row.values[k]) is not None] for k in range(len(METRICS))]
    means = tuple(float(np.mean(column)) if column else None for column in columns)
    spreads = tuple(float(np.std(column, ddof=1)) if len(column) > 1 else None for column in columns)
    return means, spreads


def _folds_section(
    rows: Sequence[FoldFigures], mean: Sequence[float | None], spread: Sequence[float | None], conf: float
) -> Section:
    table: list[list[str | Cell]] = [
        [f"fold {row.fold}", str(row.pages), str(row.marks), *(share(value) for value in row.values)] for row in rows
    ]
    table.append(["mean", "", "", *(share(value) for value in mean)])
    table.append([Cell("spread", "standard deviation over the folds"), "", "", *(share(value) for value in spread)])
    text = (
        f"Mean over classes; precision, recall and F1 from confidence {conf:g} on. Each fold trained the "
        "full number of epochs, and its last weights were evaluated: the held-out pages chose nothing.",
    )
    return Section("Folds", text, tables=[Table(("", "pages", "marks", *METRICS), table)])
