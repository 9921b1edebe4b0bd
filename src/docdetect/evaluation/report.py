"""An evaluation on disk: `evaluation.json`, `predictions.json` and the self-contained `report.html` of a run folder.

The figures of an evaluation as a report: what to say, in which order, with which plots.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from docdetect import __version__
from docdetect.config.schema import FiguresConfig, GroupingConfig
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import YoloDataset
from docdetect.documents.drawing import class_colour
from docdetect.errors import InputError
from docdetect.evaluation.gallery import ReadPage, error_pictures, worst_of_each_kind
from docdetect.evaluation.predictions import PredictedImage, read_picture, samples_of
from docdetect.files import read_json, write_json, write_text
from docdetect.merging import GroupingSettings
from docdetect.metrics.calibration import ClassCalibration
from docdetect.metrics.codec import predictions_from_json, predictions_to_json
from docdetect.metrics.errors import MistakeKind, mistake_counts
from docdetect.metrics.evaluation import Evaluation, EvaluationSettings, evaluate, evaluation_to_json
from docdetect.metrics.figures import BootstrapSettings, ClassFigures, Figure, curve_at, precision_recall
from docdetect.metrics.matching import Sample
from docdetect.metrics.merging_effect import StageFigures
from docdetect.metrics.slices import Slice
from docdetect.reports.page import Cell, Picture, Report, Section, Table, Tile, report_to_html
from docdetect.reports.plots import INK, Axis, Colour, Line, Span, bar_plot, interval_plot, line_plot, reliability_plot
from docdetect.types import ByteArray

_LONG_TABLE = 12

_GRID = np.linspace(0.01, 0.99, 197)

_ERRORS_TEXT = (
    "At the working thresholds, before grouping. missed: a mark that nothing found. false: a detection on no mark. "
    "confused: on a mark of another class. loose: the right class with an IoU of 0.1 to 0.7. duplicate: a further "
    "detection on a mark that was found."
)


def evaluation_report(
    evaluation: Evaluation,
    *,
    title: str,
    subtitle: str,
    pictures: Sequence[Picture] = (),
    facts: Sequence[tuple[str, str]] = (),
    first: Sequence[Section] = (),
) -> Report:
    """The report of one evaluation; `pictures` are those of the worst errors, `first` are sections to begin with."""
    sections = [
        *first,
        _accuracy(evaluation),
        _thresholds(evaluation),
        _errors(evaluation, pictures),
        _grouping(evaluation),
    ]
    sections += [_where(evaluation), _calibration(evaluation)]
    return Report(title, subtitle, _tiles(evaluation), evaluation.warnings, sections, facts)


def percent(value: float | None) -> str:
    """0.9274 -> "92.7"; a dash where there is no value."""
    return "–" if value is None else f"{100 * value:.1f}"


def span(figure: Figure, scale: float = 100) -> str:
    """The interval of a figure, "90.1 to 94.2"; empty without one."""
    if figure.low is None or figure.high is None:
        return ""
    digits = 1 if scale > 1 else 2
    return f"{scale * figure.low:.{digits}f} to {scale * figure.high:.{digits}f}"


def percent_and_span(figure: Figure) -> tuple[str, str]:
    """A figure in per cent and its interval, for two columns of a table; a dash where there is none."""
    return percent(figure.value), span(figure) or "–"


def figure_cell(figure: Figure) -> Cell:
    """Value and interval in per cent."""
    return Cell(percent(figure.value), span(figure), "muted" if figure.value is None else "plain")


def _tiles(evaluation: Evaluation) -> list[Tile]:
    row, empty = evaluation.figures[0], evaluation.empty

    def interval(figure: Figure) -> str:
        return "" if figure.low is None else f"{evaluation.settings.bootstrap.level:.0%}: {span(figure)}"

    tiles = [
        Tile("AP50", percent(row.ap50.value), interval(row.ap50)),
        Tile("AP50-95", percent(row.ap50_95.value), interval(row.ap50_95)),
        Tile("Precision", percent(row.working.precision.value), interval(row.working.precision)),
        Tile("Recall", percent(row.working.recall.value), interval(row.working.recall)),
        Tile("F1", percent(row.working.f1.value), interval(row.working.f1)),
    ]
    if empty.per_page.value is not None:
        note = f"{empty.false_positives} on {empty.pages} pages"
        tiles.append(Tile("False alarms per empty page", f"{empty.per_page.value:.2f}", note))
    return tiles


def _accuracy(evaluation: Evaluation) -> Section:
    settings = evaluation.settings
    text = (
        f"{evaluation.pages} pages, {len(evaluation.documents)} documents, {len(evaluation.matches.groups)} groups "
        "of near-duplicates. All figures in per cent. Average precision (COCO) uses detections of every confidence; "
        "precision, recall and F1 are at the working thresholds and IoU 0.5. “all” is the mean of the classes.",
        f"Below each figure its {settings.bootstrap.level:.0%} interval: {settings.bootstrap.resamples} resamples by "
        "group, since pages of one group err together.",
    )
    columns = ("class", "marks", "AP50", "AP75", "AP50-95", "precision", "recall", "F1")
    rows = [_figures_row(row) for row in evaluation.figures]
    spans = [
        Span(
            f"{row.name}, {label}", 100 * figure.value, 100 * figure.low, 100 * figure.high, _colour(evaluation, k - 1)
        )
        for k, row in enumerate(evaluation.figures)
        for label, figure in (("AP50", row.ap50), ("AP50-95", row.ap50_95))
        if figure.value is not None and figure.low is not None and figure.high is not None
    ]
    curves = [
        Line(name, *_as_lists(*precision_recall(evaluation.matches.classes[k])), colour=_colour(evaluation, k))
        for k, name in enumerate(evaluation.names)
        if evaluation.matches.classes[k].mark_count
    ]
    plots = [
        line_plot("Precision over recall, IoU 0.5", curves, Axis("recall", 0, 1.02), Axis("precision", 0, 1.02)),
        interval_plot("Average precision with intervals", spans, Axis("per cent", None, 101)),
    ]
    return Section("Accuracy", text, plots, [Table(columns, rows)])


def _figures_row(row: ClassFigures) -> list[str | Cell]:
    figures = (row.ap50, row.ap75, row.ap50_95, row.working.precision, row.working.recall, row.working.f1)
    return [row.name, str(row.marks), *(figure_cell(figure) for figure in figures)]


def _thresholds(evaluation: Evaluation) -> Section:
    conf = evaluation.settings.conf
    common = conf[0] if len(set(conf)) == 1 else None
    plots = [
        line_plot(
            f"{name[0].upper()}{name[1:]} over the threshold",
            _threshold_lines(evaluation, name),
            Axis("confidence", 0, 1),
            Axis(name, 0, 1.02),
            mark_x=common,
        )
        for name in ("F1", "recall")
    ]
    rows: list[list[str | Cell]] = [
        [
            row.name,
            f"{row.working.conf:.2f}",
            percent(row.working.f1.value),
            f"{row.best.conf:.2f}",
            *(figure_cell(figure) for figure in (row.best.precision, row.best.recall, row.best.f1)),
        ]
        for row in evaluation.figures
    ]
    columns = ("class", "working threshold", "F1 there", "best threshold", "precision", "recall", "F1")
    text = (
        "The best threshold is chosen on these very pages, so its figures flatter a little; thresholds from "
        "cross-validation do not. “all” has one common threshold.",
    )
    return Section("Thresholds", text, plots, [Table(columns, rows)])


def _threshold_lines(evaluation: Evaluation, name: str) -> list[Line]:
    lines = []
    for k, one in enumerate(evaluation.matches.classes):
        if one.mark_count:
            curve = curve_at(one, _GRID)
            values = curve.f1 if name == "F1" else curve.recall
            lines.append(Line(evaluation.names[k], _GRID.tolist(), values.tolist(), _colour(evaluation, k)))
    return lines


def _errors(evaluation: Evaluation, pictures: Sequence[Picture]) -> Section:
    counts = mistake_counts(evaluation.mistakes, len(evaluation.names))
    kinds = [kind.value for kind in MistakeKind]
    bars = [
        (name, [float(counts[kind][k]) for kind in kinds], _colour(evaluation, k))
        for k, name in enumerate(evaluation.names)
    ]
    rows = [[name, *(str(counts[kind][k]) for kind in kinds)] for k, name in enumerate(evaluation.names)]
    legend = (
        "The worst of each kind. Solid: the detection, in the colour of its class. Dashed: the true marks, a missed "
        "one in the colour of its class."
    )
    text = (_ERRORS_TEXT, legend) if pictures else (_ERRORS_TEXT,)
    plot = bar_plot("Errors by kind", kinds, bars, Axis("number"))
    return Section("Errors", text, [plot], [Table(("class", *kinds), rows)], pictures)


def _grouping(evaluation: Evaluation) -> Section:
    figures = evaluation.grouping
    merges = len(figures.wrong_merges)
    text = (
        f"Grouping by the method “{evaluation.settings.grouping.method}”, all classes pooled. "
        + (f"{merges} of the grouped boxes swallowed several marks." if merges else "No box swallowed several marks."),
    )
    columns = ("", "boxes", "precision", "recall", "F1", "duplicates", "confused", "false", "missed")
    rows = [_stage_row(figures.raw, "before grouping"), _stage_row(figures.grouped, "after grouping")]
    return Section("Grouping", text, tables=[Table(columns, rows)])


def _stage_row(stage: StageFigures, label: str) -> list[str | Cell]:
    shares = (percent(value) for value in (stage.precision, stage.recall, stage.f1))
    counts = (stage.duplicates, stage.confused, stage.false, stage.missed)
    return [label, str(stage.detections), *shares, *map(str, counts)]


def _where(evaluation: Evaluation) -> Section:
    rows: list[list[str | Cell]] = [
        [
            Cell(one.document, "" if one.group == one.document else f"group {one.group}"),
            str(one.pages),
            str(one.marks),
            str(one.hits),
            Cell(str(one.marks - one.hits), tone="bad" if one.marks > one.hits else "muted"),
            Cell(str(one.false), tone="bad" if one.false else "muted"),
        ]
        for one in evaluation.documents
    ]
    columns = ("document", "pages", "marks", "found", "not found", "wrong detections")
    tables = [
        _slices_table("By size", evaluation.sizes),
        _slices_table("By contact with marks of other classes", evaluation.contacts),
        Table(columns, rows, f"By document ({len(rows)})", folded=len(rows) > _LONG_TABLE),
    ]
    text = ("Recall in per cent, at the working thresholds and over detections of any confidence, IoU 0.5.",)
    return Section("Where it is good and where not", text, tables=tables)


def _slices_table(title: str, slices: Sequence[Slice]) -> Table:
    rows = [
        [
            one.label,
            str(one.marks),
            percent(one.recall),
            percent(one.recall_any),
            "–" if one.mean_iou is None else f"{one.mean_iou:.2f}",
        ]
        for one in slices
        if one.marks
    ]
    return Table(("marks", "number", "recall", "at any confidence", "mean IoU"), rows, title)


def _calibration(evaluation: Evaluation) -> Section:
    rows = [calibration_row(row) for row in evaluation.calibration]
    lines = [reliability_line(row, _colour(evaluation, k)) for k, row in enumerate(evaluation.calibration) if row.pairs]
    text = (
        "Does a confidence of 0.8 mean four times out of five? Detections from 0.05 on. The expected calibration error "
        "after calibration is cross-fitted over groups.",
    )
    plot = reliability_plot("Reliability of the raw confidence", lines)
    return Section("Confidence", text, [plot], [Table(CALIBRATION_COLUMNS, rows)])


CALIBRATION_COLUMNS = ("class", "detections", "that are marks", "method", "error before", "error after")


def calibration_row(row: ClassCalibration) -> list[str | Cell]:
    """A line of the calibration table; errors in per cent."""
    after = None if row.after is None else row.after.error
    better = after is not None and row.before.error is not None and after < row.before.error
    return [
        row.name,
        str(row.pairs),
        str(row.hits),
        row.method,
        percent(row.before.error),
        Cell(percent(after), tone="good" if better else "plain"),
    ]


def reliability_line(row: ClassCalibration, colour: Colour) -> Line:
    """The class's raw reliability as a curve."""
    bins = row.before.bins
    return Line(row.name, [one.mean_score for one in bins], [one.hit_rate for one in bins], colour)


def _colour(evaluation: Evaluation, class_id: int) -> Colour:
    return INK if class_id < 0 else class_colour(class_id, evaluation.names[class_id])


def _as_lists(*arrays: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[list[float], list[float]]:
    first, second = (array.tolist() for array in arrays)
    return first, second


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
    """Judges the pictures of a dataset by its documents and groups and writes the three files into `folder`.

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
