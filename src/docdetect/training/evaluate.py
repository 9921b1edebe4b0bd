"""An evaluation on disk: `evaluation.json`, `predictions.json` and the self-contained `report.html` of a run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docdetect import __version__
from docdetect.errors import InputError
from docdetect.files import read_json, write_json, write_text
from docdetect.grouping import GroupingSettings
from docdetect.metrics.codec import predictions_from_json, predictions_to_json
from docdetect.metrics.evaluation import Evaluation, EvaluationSettings, evaluate, evaluation_to_json
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.samples import Sample
from docdetect.reports.page import Section, report_to_html
from docdetect.schema import FiguresConfig, GroupingConfig
from docdetect.training.data import YoloDataset
from docdetect.training.evaluation_report import evaluation_report
from docdetect.training.gallery import ReadPage, error_pictures, worst_of_each_kind
from docdetect.training.predictions import PredictedImage, read_picture
from docdetect.training.samples import read_origins, samples_of
from docdetect.types import ByteArray

EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.json"
REPORT = "report.html"
_PICTURES_EACH = 8
_LEAST_STORED = 0.001


@dataclass(frozen=True)
class ReportFrame:
    """What a report says around the figures.

    Attributes:
        title: heading.
        subtitle: what was judged on what.
        facts: name -> value of where this comes from; written into `evaluation.json` too.
        sections: shown before the others.
    """

    title: str
    subtitle: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Section] = ()


def evaluate_pages(
    folder: Path,
    pages: Sequence[PredictedImage],
    dataset: YoloDataset,
    settings: EvaluationSettings,
    frame: ReportFrame,
) -> Evaluation:
    """Judges the pictures of a dataset by its documents and families and writes the three files into `folder`.

    Raises:
        InputError: the dataset's split manifest is damaged, or a picture of the gallery cannot be read.
        OutputError: the files cannot be written.
    """
    samples = samples_of(pages, read_origins(dataset.root))

    def read_page(position: int) -> ByteArray:
        return read_picture(pages[position].image.path)

    return write_evaluation(folder, samples, dataset.class_names, settings, frame, read_page)


def write_evaluation(
    folder: Path,
    samples: Sequence[Sample],
    names: Sequence[str],
    settings: EvaluationSettings,
    frame: ReportFrame,
    read_page: ReadPage | None = None,
) -> Evaluation:
    """Judges samples and writes `evaluation.json`, `predictions.json` and `report.html`; without `read_page` the report
    has no pictures.

    Raises:
        OutputError: the files cannot be written.
    """
    evaluation = evaluate(samples, names, settings)
    worst = worst_of_each_kind(evaluation.mistakes, _PICTURES_EACH)
    pictures = error_pictures(samples, worst, names, read_page) if read_page else ()
    facts = {"docdetect": __version__, **frame.facts}
    report = evaluation_report(
        evaluation,
        title=frame.title,
        subtitle=frame.subtitle,
        pictures=pictures,
        facts=tuple(facts.items()),
        first=frame.sections,
    )
    write_predictions(folder, samples, names)
    write_json(folder / EVALUATION, {**evaluation_to_json(evaluation), "facts": facts})
    write_text(folder / REPORT, report_to_html(report))
    return evaluation


def write_predictions(folder: Path, samples: Sequence[Sample], names: Sequence[str]) -> None:
    """`predictions.json`, on one line: it is for machines, and long. Raises OutputError."""
    data = predictions_to_json([sample.above(_LEAST_STORED) for sample in samples], names)
    write_text(folder / PREDICTIONS, json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n")


def read_predictions(folder: Path) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Samples and class names of a run folder of `val` or `crossval`.

    Raises:
        InputError: there are none.
    """
    file = folder / PREDICTIONS
    if not file.is_file():
        raise InputError(f"{file}: no such file", "Only runs of docdetect val and crossval have predictions.")
    return predictions_from_json(read_json(file), str(file))


def bootstrap_settings(config: FiguresConfig) -> BootstrapSettings:
    """The bootstrap that a configuration asks for."""
    return BootstrapSettings(config.resamples, config.level, config.seed)


def grouping_settings(config: GroupingConfig) -> GroupingSettings:
    """The grouping that a configuration asks for."""
    return GroupingSettings(config.method, config.dist, config.iou, config.contain, config.nested, config.per_class)
