"""Evaluation of a detector on a labelled split, with the engine and the settings that `infer` has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.config.loading import dump_config
from docdetect.config.schema import Config
from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import YoloDataset, content_hashes, read_dataset
from docdetect.evaluation.predictions import (
    Prediction,
    TimedEngine,
    predict_dataset,
    read_picture,
    samples_of,
)
from docdetect.evaluation.report import ReportFrame, bootstrap_settings, grouping_settings, write_evaluation
from docdetect.files import write_json, write_text
from docdetect.metrics.evaluation import Evaluation, EvaluationSettings
from docdetect.metrics.figures import ClassFigures
from docdetect.models.engines.base import select_device
from docdetect.models.engines.select import exact_engine, load_engine
from docdetect.models.weights import content_hash, network_imgsz, resolve_weights
from docdetect.training.plots import write_contact_sheets, write_plots
from docdetect.training.records import make_run_folder, versions
from docdetect.types import ByteArray


@dataclass(frozen=True)
class ValResult:
    """What an evaluation has found.

    Attributes:
        folder: where the files are.
        weights: the weights that were evaluated.
        evaluation: all figures, with their intervals.
        seconds_per_page: of the network and what belongs to it, see `TimedEngine`; None without a page.
    """

    folder: Path
    weights: Path
    evaluation: Evaluation
    seconds_per_page: float | None = None

    @property
    def figures(self) -> tuple[ClassFigures, ...]:
        """The figures of "all" first, then of each class."""
        return self.evaluation.figures


def validate(
    config: Config,
    *,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
) -> ValResult:
    """Evaluates `config.val.weights` on a split of `config.val.data`, into a new folder `<runs>/<name>_<timestamp>`.

    Precision, recall and the confusion matrix count the marks that `infer` would show at the threshold `val.conf`.
    Average precision is COCO's and uses the detections of every confidence from 0.001 on.

    Raises:
        InputError: the weights or the dataset are missing or wrong, or have different classes.
        ConfigError: the device does not exist.
        OutputError: the result folder cannot be written.
    """
    how = config.val
    dataset = read_dataset(how.data, (how.split,), on_progress=on_progress, announce=announce)
    images, names = dataset.splits[how.split], dataset.class_names
    weights = resolve_weights(how.weights, Path(config.train.runs))
    imgsz = network_imgsz(weights, how.imgsz)
    engine_name, precision = exact_engine(weights, how.engine, how.precision)
    how = how.model_copy(update={"imgsz": imgsz, "engine": engine_name, "precision": precision})
    config = config.model_copy(update={"val": how})  # figures and files name the size and the engine that were used
    on_progress(0, 0, "loading the network")
    engine = TimedEngine(
        load_engine(
            weights,
            imgsz=imgsz,
            device=how.device,
            engine=how.engine,
            precision=how.precision,
            announce=announce,
        )
    )
    if extra := [name for name in engine.class_names if name not in names]:
        announce(f"{dataset.file}: the dataset has no class {', '.join(extra)}, so such detections are left out")
    settings = Prediction(iou=how.iou, batch=how.batch, workers=how.workers)
    pages = list(predict_dataset(engine, images, names, settings, on_progress=on_progress, announce=announce))
    on_progress(0, 0, "computing figures and plots")
    samples = samples_of(pages, read_origins(dataset.root))

    def read_page(position: int) -> ByteArray:
        return read_picture(images[position].path)

    folder = make_run_folder(Path(how.runs), how.name)
    write_text(folder / "config.yaml", dump_config(config))
    evaluation = write_evaluation(
        folder, samples, names, evaluation_settings(config, len(names)), _frame(config, weights, dataset), read_page
    )
    result = ValResult(folder, weights, evaluation, engine.seconds_per_page)
    write_plots(folder, samples, evaluation.matches, names, how.conf)
    write_contact_sheets(folder, samples, names, how.conf, read_page)
    write_json(folder / "metrics.json", _as_json(result, config, dataset))
    return result


def evaluation_settings(config: Config, class_count: int) -> EvaluationSettings:
    """How a configuration wants pages to be evaluated: thresholds, intervals, merging of boxes."""
    conf = (config.val.conf,) * class_count
    return EvaluationSettings(conf, bootstrap_settings(config.figures), grouping_settings(config.grouping))


def _frame(config: Config, weights: Path, dataset: YoloDataset) -> ReportFrame:
    how = config.val
    facts = {
        "weights": weights.as_posix(),
        "weights_sha256": content_hash(weights),
        "dataset": f"{dataset.file.as_posix()}, {how.split}",
        "input": f"{how.imgsz} px, NMS at IoU {how.iou:g}",
        "engine": f"{how.engine}, {how.precision}",
    }
    return ReportFrame(f"Evaluation of {weights.name}", f"{how.split} split of {dataset.file.as_posix()}", facts)


def _as_json(result: ValResult, config: Config, dataset: YoloDataset) -> dict[str, Any]:
    hashes = content_hashes(dataset)
    mean = result.figures[0]
    best = {"precision": mean.best.precision, "recall": mean.best.recall, "F1": mean.best.f1}
    return {
        "weights": {"file": result.weights.as_posix(), "sha256": content_hash(result.weights)},
        "data": {"file": dataset.file.as_posix(), "split": config.val.split, "sha256": hashes.dataset},
        "pages": result.evaluation.pages,
        "speed": {
            "seconds_per_page": _rounded(result.seconds_per_page),
            "device": str(select_device(config.val.device)),
            "batch": config.val.batch,
        },
        "conf": config.val.conf,
        "iou": config.val.iou,
        "imgsz": config.val.imgsz,
        "classes": {row.name: figures_record(row) for row in result.figures[1:]},
        "mean": figures_record(mean),
        "best_f1": {"conf": mean.best.conf, **{name: _rounded(figure.value) for name, figure in best.items()}},
        "versions": versions(),
    }


def figures_record(row: ClassFigures) -> dict[str, float | int | None]:
    """The figures of a class by the names that tables have, as JSON data without intervals."""
    shares = {
        "AP50": row.ap50,
        "AP50-95": row.ap50_95,
        "precision": row.working.precision,
        "recall": row.working.recall,
    }
    counts = {"pages": row.pages, "marks": row.marks, "found": row.hits, "wrong": row.wrong}
    return {**counts, **{name: _rounded(figure.value) for name, figure in shares.items()}}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
