"""What a cross-validation says: pooled figures, spread over folds, thresholds and calibration beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docdetect.files import sha256_file, write_json
from docdetect.metrics.calibration import calibration_to_json, score_pairs
from docdetect.metrics.codec import to_plain
from docdetect.metrics.curves import ThresholdRule, best_confs
from docdetect.metrics.draws import class_mean, metric_draws
from docdetect.metrics.evaluation import Evaluation, EvaluationSettings
from docdetect.metrics.matching import match
from docdetect.metrics.reliability import calibrate
from docdetect.metrics.samples import Sample
from docdetect.models.thresholds import (
    DEFAULT_CONF,
    Thresholds,
    calibration_path,
    thresholds_path,
    thresholds_to_json,
)
from docdetect.models.weights import resolve_weights
from docdetect.reports.page import Cell, Section, Table
from docdetect.schema import Config
from docdetect.training.crossval import Folds
from docdetect.training.evaluate import ReportFrame, bootstrap_settings, grouping_settings, write_evaluation
from docdetect.training.evaluation_report import percent
from docdetect.training.predictions import read_picture
from docdetect.types import ByteArray

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
        InputError: `crossval.weights` names no weights, or a picture of the gallery cannot be read.
        OutputError: a file cannot be written.
    """
    names = folds.dataset.class_names
    weights = resolve_weights(config.crossval.weights, Path(config.train.runs)) if config.crossval.weights else None
    conf = (config.val.conf,) * len(names)
    rows = tuple(_fold_figures(fold, folds.of(fold), conf) for fold in range(folds.count))
    mean, spread = _mean_and_spread(rows)
    settings = EvaluationSettings(conf, bootstrap_settings(config.figures), grouping_settings(config.grouping))
    facts = {"dataset": folds.dataset.file.as_posix(), "folds": str(folds.count), "epochs": str(config.train.epochs)}
    frame = ReportFrame(
        "Cross-validation",
        f"{folds.count} folds by family; every page judged by a model that has not seen its family",
        {**facts, "model": config.train.model},
        [_folds_section(rows, mean, spread, config.val.conf)],
    )

    def read_page(position: int) -> ByteArray:
        return read_picture(folds.images[position].image.path)

    evaluation = write_evaluation(folds.folder, folds.samples, names, settings, frame, read_page)
    origin = f"out-of-fold predictions of {folds.count} folds by family, {folds.folder.name}"
    # the thresholds are for `infer`, so a class with too few marks to choose gets what `infer` would use anyway
    best = best_confs(
        evaluation.matches, ThresholdRule(fallback=DEFAULT_CONF if config.infer.conf is None else config.infer.conf)
    )
    chosen = dict(zip(names, (round(value, 4) for value in best), strict=True))
    thresholds = Thresholds(chosen, origin, sha256_file(weights) if weights else "")
    beside = _store(folds.folder, weights, thresholds, evaluation, config)
    write_json(
        folds.folder / "crossval.json",
        {"metrics": list(METRICS), "folds": to_plain(rows), "mean": list(mean), "spread": list(spread)},
    )
    return CrossvalResult(folds.folder, rows, mean, spread, evaluation, thresholds, beside)


def _store(
    folder: Path, weights: Path | None, thresholds: Thresholds, evaluation: Evaluation, config: Config
) -> tuple[Path, ...]:
    calibration, _ = calibrate(score_pairs(evaluation.matches), evaluation.names, config.figures.calibration)
    maps = calibration_to_json(calibration)
    write_json(folder / THRESHOLDS, thresholds_to_json(thresholds))
    write_json(folder / CALIBRATION, maps)
    if weights is None:
        return ()
    beside = (thresholds_path(weights), calibration_path(weights))
    write_json(beside[0], thresholds_to_json(thresholds))
    write_json(beside[1], maps)
    return beside


def _fold_figures(fold: int, samples: Sequence[Sample], conf: Sequence[float]) -> FoldFigures:
    matches = match(samples, len(conf))
    draws = metric_draws(matches, np.ones((1, len(matches.families)), np.int64), conf)
    means = [
        float(class_mean(values)[0]) for values in (draws.ap50, draws.ap50_95, draws.precision, draws.recall, draws.f1)
    ]
    marks = sum(len(sample.truth) for sample in samples)
    return FoldFigures(fold + 1, len(samples), marks, tuple(None if np.isnan(value) else value for value in means))


def _mean_and_spread(rows: Sequence[FoldFigures]) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    columns = [[value for row in rows if (value := row.values[k]) is not None] for k in range(len(METRICS))]
    means = tuple(float(np.mean(column)) if column else None for column in columns)
    spreads = tuple(float(np.std(column, ddof=1)) if len(column) > 1 else None for column in columns)
    return means, spreads


def _folds_section(
    rows: Sequence[FoldFigures], mean: Sequence[float | None], spread: Sequence[float | None], conf: float
) -> Section:
    table: list[list[str | Cell]] = [
        [f"fold {row.fold}", str(row.pages), str(row.marks), *(percent(value) for value in row.values)] for row in rows
    ]
    table.append(["mean", "", "", *(percent(value) for value in mean)])
    table.append([Cell("spread", "standard deviation over the folds"), "", "", *(percent(value) for value in spread)])
    text = (
        f"Mean over classes in per cent; precision, recall and F1 from confidence {conf:g} on. Each fold trained the "
        "full number of epochs and was judged with its last weights: the pages it is judged on chose nothing.",
    )
    return Section("Folds", text, tables=[Table(("", "pages", "marks", *METRICS), table)])
