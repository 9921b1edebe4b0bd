"""Judging a detector on labelled pages: a table, a JSON file and pictures, from the very engine that `infer` uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docdetect.config.loading import dump_config
from docdetect.config.schema import Config
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.reader import YoloDataset, content_hashes, read_dataset
from docdetect.documents.drawing import contact_sheet, draw_detections, write_image
from docdetect.evaluation.figures import BestF1, ClassRow, Outcome, judge, table
from docdetect.evaluation.predictions import PredictedImage, Prediction, TimedEngine, predict_dataset, read_picture
from docdetect.evaluation.report import ReportFrame, bootstrap_settings, evaluate_pages, grouping_settings
from docdetect.files import sha256_file, write_json, write_text
from docdetect.metrics.evaluation import EvaluationSettings
from docdetect.models.engines.base import select_device
from docdetect.models.engines.select import load_engine
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.models.weights import network_imgsz, no_announcement, resolve_weights
from docdetect.training.records import make_run_folder, versions
from docdetect.types import Detections, FloatArray

_SHEETS, _PER_SHEET = 3, 16


@dataclass(frozen=True)
class ValResult:
    """What a detector is worth on a split.

    Attributes:
        folder: where the files are.
        weights: which were judged.
        rows: a row for each class, then `all`.
        best_f1: precision and recall as Ultralytics prints them; None without any mark.
        pages: how many were judged.
        seconds_per_page: of the network and what belongs to it; see `TimedEngine`.
    """

    folder: Path
    weights: Path
    rows: tuple[ClassRow, ...]
    best_f1: BestF1 | None
    pages: int
    seconds_per_page: float | None = None

    @property
    def mean(self) -> ClassRow:
        """The row of the mean over classes."""
        return self.rows[-1]


def validate(
    config: Config,
    *,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = no_announcement,
) -> ValResult:
    """Judges `config.val.weights` on a split of `config.val.data`.

    Precision, recall and the confusion matrix are taken at `val.conf`, as the marks that `infer` would show at that
    threshold. Average precision runs over all confidences from 0.001: Ultralytics' own `val conf=0.25` throws the
    fainter detections away before it integrates, and so understates it.

    Raises:
        InputError: weights or dataset missing or wrong, or of different classes.
        ConfigError: no such device.
        OutputError: the result folder cannot be written.
    """
    prepare_ultralytics()
    how = config.val
    dataset = read_dataset(how.data, (how.split,), on_progress=on_progress, announce=announce)
    images = dataset.splits[how.split]
    weights = resolve_weights(how.weights, Path(config.train.runs))
    imgsz = network_imgsz(weights, how.imgsz)
    how = how.model_copy(update={"imgsz": imgsz})
    config = config.model_copy(update={"val": how})  # figures and files name the size that was used
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
    if extra := [name for name in engine.class_names if name not in dataset.class_names]:
        announce(f"the dataset has no {', '.join(extra)}: such detections are left out")
    settings = Prediction(iou=how.iou, batch=how.batch, workers=how.workers)
    pages = list(predict_dataset(engine, images, dataset.class_names, settings, on_progress=on_progress))
    outcome = judge(pages, len(dataset.class_names))
    folder = make_run_folder(Path(how.runs), how.name)
    ap, best = _average_precision(outcome, dataset.class_names, folder)
    rows = table(outcome, dataset.class_names, how.conf, ap)
    result = ValResult(folder, weights, rows, best, len(pages), engine.seconds_per_page)
    _confusion(pages, dataset.class_names, how.conf, folder)
    _sheets(pages, dataset.class_names, how.conf, folder)
    write_text(folder / "config.yaml", dump_config(config))
    write_json(folder / "metrics.json", _as_json(result, config, dataset))
    _evaluate(result, pages, dataset, config)
    return result


def _evaluate(result: ValResult, pages: Sequence[PredictedImage], dataset: YoloDataset, config: Config) -> None:
    """`evaluation.json`, `predictions.json` and `report.html`: intervals, slices, errors, calibration."""
    how, mean = config.val, result.mean
    facts = {
        "weights": result.weights.as_posix(),
        "weights_sha256": sha256_file(result.weights),
        "dataset": f"{dataset.file.as_posix()}, {how.split}",
        "input": f"{how.imgsz} px, NMS at IoU {how.iou:g}",
        "engine": f"{how.engine}, {how.precision}",
    }
    if mean.ap50 is not None and mean.ap50_95 is not None:  # the report's are COCO's, see docdetect.metrics.matching
        facts["by Ultralytics' integral"] = f"AP50 {100 * mean.ap50:.1f}, AP50-95 {100 * mean.ap50_95:.1f}"
    conf = (how.conf,) * len(dataset.class_names)
    settings = EvaluationSettings(conf, bootstrap_settings(config.figures), grouping_settings(config.grouping))
    frame = ReportFrame(
        f"Evaluation of {result.weights.name}", f"{how.split} split of {dataset.file.as_posix()}", facts
    )
    evaluate_pages(result.folder, pages, dataset, settings, frame)


def _average_precision(outcome: Outcome, class_names: Sequence[str], folder: Path) -> tuple[FloatArray, BestF1 | None]:
    """float32 (K, 10) at IoU 0.5..0.95, NaN for classes without marks, and Ultralytics' operating point; draws the
    four curves. The integral is Ultralytics' (101 points), so the figures compare with those of the recipe."""
    from ultralytics.utils.metrics import ap_per_class, smooth

    ap = np.full((len(class_names), outcome.right.shape[1]), np.nan, np.float32)
    if not len(outcome.true_ids):
        return ap, None
    found = ap_per_class(
        outcome.right,
        outcome.scores,
        outcome.class_ids,
        outcome.true_ids,
        plot=True,
        save_dir=folder,
        names=dict(enumerate(class_names)),
        prefix="Box",
    )
    _, _, precision, recall, _, class_ap, present, _, _, f1_curve, confidences, _ = found
    ap[present] = class_ap
    where = int(smooth(f1_curve.mean(0), 0.1).argmax())
    return ap, BestF1(float(confidences[where]), float(np.mean(precision)), float(np.mean(recall)))


def _confusion(pages: Sequence[PredictedImage], class_names: Sequence[str], conf: float, folder: Path) -> None:
    """Both confusion matrices, of what counts at `conf`."""
    import torch
    from ultralytics.utils.metrics import ConfusionMatrix

    matrix = ConfusionMatrix(names=dict(enumerate(class_names)))
    for page in pages:
        found, ground_truth = _from(page.found, conf), page.image.ground_truth
        matrix.process_batch(
            {
                "bboxes": torch.from_numpy(found.xyxy),
                "conf": torch.from_numpy(np.asarray(found.scores)),
                "cls": torch.from_numpy(found.class_ids),
            },
            {"bboxes": torch.from_numpy(ground_truth.xyxy), "cls": torch.from_numpy(ground_truth.class_ids)},
            conf=-1.0,  # already cut, and with >= as everywhere in docdetect
        )
    for normalize in (True, False):
        matrix.plot(save_dir=folder, normalize=normalize)


def _sheets(pages: Sequence[PredictedImage], class_names: Sequence[str], conf: float, folder: Path) -> None:
    """`val_batch<n>_labels.jpg` and `val_batch<n>_pred.jpg`: the first pages, true boxes and found ones."""
    for number in range(_SHEETS):
        chosen = pages[number * _PER_SHEET : (number + 1) * _PER_SHEET]
        if not chosen:
            return
        pixels = [read_picture(page.image.path) for page in chosen]
        captions = [page.image.path.name for page in chosen]
        for kind, boxes in (
            ("labels", [page.image.ground_truth for page in chosen]),
            ("pred", [_from(page.found, conf) for page in chosen]),
        ):
            drawn = [draw_detections(page, box, class_names) for page, box in zip(pixels, boxes, strict=True)]
            write_image(folder / f"val_batch{number}_{kind}.jpg", contact_sheet(drawn, captions))


def _from(found: Detections, conf: float) -> Detections:
    assert found.scores is not None
    return found.select(found.scores >= conf)


def _as_json(result: ValResult, config: Config, dataset: YoloDataset) -> dict[str, Any]:
    marks = content_hashes(dataset)
    return {
        "weights": {"file": result.weights.as_posix(), "sha256": sha256_file(result.weights)},
        "data": {"file": dataset.file.as_posix(), "split": config.val.split, "sha256": marks.dataset},
        "pages": result.pages,
        "speed": {
            "seconds_per_page": None if result.seconds_per_page is None else round(result.seconds_per_page, 6),
            "device": str(select_device(config.val.device)),
            "batch": config.val.batch,
        },
        "conf": config.val.conf,
        "iou": config.val.iou,
        "imgsz": config.val.imgsz,
        "classes": {row.name: _rounded(row) for row in result.rows[:-1]},
        "mean": _rounded(result.mean),
        "best_f1": None if result.best_f1 is None else {k: round(v, 6) for k, v in asdict(result.best_f1).items()},
        "versions": versions(),
    }


def _rounded(row: ClassRow) -> dict[str, float | int | None]:
    figures = {"AP50": row.ap50, "AP50-95": row.ap50_95, "precision": row.precision, "recall": row.recall}
    counts = {"pages": row.pages, "marks": row.marks, "found": row.found, "wrong": row.wrong}
    return {**counts, **{name: None if value is None else round(value, 6) for name, value in figures.items()}}
