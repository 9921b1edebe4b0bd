"""An evaluation as files: `evaluation.json`, `metrics.csv`, `predictions.json` and the page `report.html`.

The page shows the figures with their intervals, the choice of thresholds, the errors with pictures of the worst, what
merging the boxes does, where the detector is good and where not, and whether its confidence is a probability. Where a
set has too few marks or groups for a plot, the page says so in words in place of the plot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docdetect import __version__
from docdetect.config.schema import FiguresConfig, GroupingConfig
from docdetect.documents.drawing import class_colour
from docdetect.errors import InputError
from docdetect.evaluation.gallery import ReadPage, error_pictures, worst_of_each_kind
from docdetect.files import read_json, write_json, write_text
from docdetect.merging import GroupingSettings
from docdetect.metrics.calibration import ClassCalibration
from docdetect.metrics.codec import predictions_from_json
from docdetect.metrics.errors import MistakeKind, mistake_counts
from docdetect.metrics.evaluation import Evaluation, EvaluationSettings, evaluate, evaluation_to_json
from docdetect.metrics.figures import FEWEST_GROUPS, BootstrapSettings, ClassFigures, Figure, ThresholdRule
from docdetect.metrics.matching import Sample
from docdetect.metrics.merging_effect import StageFigures
from docdetect.metrics.slices import Slice
from docdetect.metrics.texts import METRICS_COLUMNS, metrics_rows, share, span
from docdetect.reports.page import Cell, Picture, Report, Section, Table, Tile, report_to_html
from docdetect.reports.plots import INK, Axis, Colour, Line, Span, bar_plot, interval_plot, reliability_plot
from docdetect.tables import write_csv
from docdetect.training.plots import precision_recall_plot, threshold_plot
from docdetect.training.records import PREDICTIONS, write_predictions

_LONG_TABLE = 12

_ERRORS_TEXT = (
    "Errors at the working thresholds, before the boxes of one mark are merged. Missed: a mark that no detection "
    "meets. False: a detection where there is no mark. Confused: a detection on a mark of another class. Loose: a "
    "detection of the right class with an IoU of 0.1 to 0.7. Duplicate: a further detection on a mark that was found."
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


def figure_cell(figure: Figure) -> Cell:
    """A cell with the value of a figure and, below, its interval."""
    return Cell(share(figure.value), span(figure), "muted" if figure.value is None else "plain")


def _tiles(evaluation: Evaluation) -> list[Tile]:
    row, empty = evaluation.figures[0], evaluation.empty

    def interval(figure: Figure) -> str:
        return "" if figure.low is None else f"{evaluation.settings.bootstrap.level:.0%}: {span(figure)}"

    tiles = [
        Tile("AP50", share(row.ap50.value), interval(row.ap50)),
        Tile("AP50-95", share(row.ap50_95.value), interval(row.ap50_95)),
        Tile("Precision", share(row.working.precision.value), interval(row.working.precision)),
        Tile("Recall", share(row.working.recall.value), interval(row.working.recall)),
        Tile("F1", share(row.working.f1.value), interval(row.working.f1)),
    ]
    if empty.per_page.value is not None:
        note = f"{empty.false_positives} on {empty.pages} pages"
        tiles.append(Tile("False alarms per empty page", f"{empty.per_page.value:.2f}", note))
    return tiles


def _accuracy(evaluation: Evaluation) -> Section:
    settings, groups = evaluation.settings, len(evaluation.matches.groups)
    text: tuple[str, ...] = (
        f"{evaluation.pages} pages, {len(evaluation.documents)} documents, {groups} group{'' if groups == 1 else 's'} "
        "of near-duplicates. All figures are shares from 0 to 1. Average precision (COCO) uses detections of every "
        "confidence; precision, recall and F1 are at the working thresholds and IoU 0.5. “all” is the mean of the "
        "classes that have marks.",
        f"Below each figure its {settings.bootstrap.level:.0%} interval: {settings.bootstrap.resamples} resamples by "
        "group, since pages of one group err together.",
    )
    columns = ("class", "marks", "AP50", "AP75", "AP50-95", "precision", "recall", "F1")
    rows = [_figures_row(row) for row in evaluation.figures]
    spans = [
        Span(f"{row.name}, {label}", figure.value, figure.low, figure.high, _colour(evaluation, k - 1))
        for k, row in enumerate(evaluation.figures)
        for label, figure in (("AP50", row.ap50), ("AP50-95", row.ap50_95))
        if figure.value is not None and figure.low is not None and figure.high is not None
    ]
    plots = []
    if evaluation.figures[0].marks:
        plots.append(precision_recall_plot(evaluation.matches, evaluation.names))
    else:
        text += ("No page has a mark, so there is no precision and no recall to draw.",)
    if spans:
        plots.append(interval_plot("Average precision with intervals", spans, Axis("share", None, 1.01)))
    elif evaluation.figures[0].marks:
        text += (
            f"Too few groups for intervals: no class has marks in {FEWEST_GROUPS} groups or more. A figure without an "
            "interval can be far from what other pages would give.",
        )
    return Section("Accuracy", text, plots, [Table(columns, rows)])


def _figures_row(row: ClassFigures) -> list[str | Cell]:
    figures = (row.ap50, row.ap75, row.ap50_95, row.working.precision, row.working.recall, row.working.f1)
    return [row.name, str(row.marks), *(figure_cell(figure) for figure in figures)]


def _thresholds(evaluation: Evaluation) -> Section:
    conf = evaluation.settings.conf
    common = conf[0] if len(set(conf)) == 1 else None
    plots = []
    if evaluation.figures[0].marks:
        plots = [threshold_plot(evaluation.matches, evaluation.names, name, mark_x=common) for name in ("F1", "recall")]
    rows: list[list[str | Cell]] = [
        [
            row.name,
            f"{row.working.conf:.2f}",
            share(row.working.f1.value),
            f"{row.best.conf:.2f}",
            *(figure_cell(figure) for figure in (row.best.precision, row.best.recall, row.best.f1)),
        ]
        for row in evaluation.figures
    ]
    columns = ("class", "working threshold", "F1 there", "best threshold", "precision", "recall", "F1")
    text: tuple[str, ...] = (
        "The best threshold is chosen on these very pages, so its figures flatter a little; thresholds from "
        "cross-validation do not. “all” has one common threshold.",
    )
    rule = ThresholdRule()
    few = [row.name for row in evaluation.figures[1:] if row.marks < rule.fewest_marks]
    if few:
        text += (
            f"A class with fewer than {rule.fewest_marks} marks ({', '.join(few)}) has {rule.fallback:g} in place of "
            "its best threshold, which would be chance.",
        )
    return Section("Thresholds", text, plots, [Table(columns, rows)])


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
    text: tuple[str, ...] = (_ERRORS_TEXT, legend) if pictures else (_ERRORS_TEXT,)
    plots = []
    if evaluation.mistakes:
        plots.append(bar_plot("Errors by kind", kinds, bars, Axis("number")))
    else:
        text += ("There is no error at the working thresholds.",)
    return Section("Errors", text, plots, [Table(("class", *kinds), rows)], pictures)


def _grouping(evaluation: Evaluation) -> Section:
    figures = evaluation.grouping
    merges = len(figures.wrong_merges)
    text: tuple[str, ...] = (
        f"Boxes of one mark are merged by the method “{evaluation.settings.grouping.method}”; all classes pooled. "
        + (f"{merges} of the merged boxes hold several marks." if merges else "No merged box holds several marks."),
    )
    columns = ("", "boxes", "precision", "recall", "F1", "duplicates", "confused", "false", "missed")
    rows = [_stage_row(figures.raw, "before merging"), _stage_row(figures.grouped, "after merging")]
    return Section("Merging of boxes", text, tables=[Table(columns, rows)])


def _stage_row(stage: StageFigures, label: str) -> list[str | Cell]:
    shares = (share(value) for value in (stage.precision, stage.recall, stage.f1))
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
    text = ("Recall at the working thresholds, and of detections of any confidence, at IoU 0.5.",)
    return Section("Where it is good and where not", text, tables=tables)


def _slices_table(title: str, slices: Sequence[Slice]) -> Table:
    rows = [
        [
            one.label,
            str(one.marks),
            share(one.recall),
            share(one.recall_any),
            share(one.mean_iou),
        ]
        for one in slices
        if one.marks
    ]
    return Table(("marks", "number", "recall", "at any confidence", "mean IoU"), rows, title)


def _calibration(evaluation: Evaluation) -> Section:
    rows = [calibration_row(row) for row in evaluation.calibration]
    lines = [reliability_line(row, _colour(evaluation, k)) for k, row in enumerate(evaluation.calibration) if row.pairs]
    text: tuple[str, ...] = (
        "Is a detection with a confidence of 0.8 a mark four times out of five? Detections from confidence 0.05 on. "
        "The error is the expected calibration error; after calibration it is cross-fitted over groups.",
    )
    if not lines:
        text += ("No detection has a confidence of 0.05 or more, so there is nothing to draw.",)
    plots = [reliability_plot("Reliability of the raw confidence", lines)] if lines else []
    return Section("Confidence", text, plots, [Table(CALIBRATION_COLUMNS, rows)])


CALIBRATION_COLUMNS = ("class", "detections", "that are marks", "method", "error before", "error after")


def calibration_row(row: ClassCalibration) -> list[str | Cell]:
    """A row of the calibration table; the errors are shares."""
    after = None if row.after is None else row.after.error
    better = after is not None and row.before.error is not None and after < row.before.error
    return [
        row.name,
        str(row.pairs),
        str(row.hits),
        row.method,
        share(row.before.error),
        Cell(share(after), tone="good" if better else "plain"),
    ]


def reliability_line(row: ClassCalibration, colour: Colour) -> Line:
    """The class's raw reliability as a curve."""
    bins = row.before.bins
    return Line(row.name, [one.mean_score for one in bins], [one.hit_rate for one in bins], colour)


def _colour(evaluation: Evaluation, class_id: int) -> Colour:
    return INK if class_id < 0 else class_colour(class_id, evaluation.names[class_id])


EVALUATION = "evaluation.json"

METRICS = "metrics.csv"

REPORT = "report.html"

_PICTURES_EACH = 8


@dataclass(frozen=True)
class ReportFrame:
    """What a report says around the figures.

    Attributes:
        title: heading.
        subtitle: what was evaluated on what.
        facts: name -> value of where this comes from; written into `evaluation.json` too.
        sections: shown before the others.
    """

    title: str
    subtitle: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Section] = ()


def write_evaluation(
    folder: Path,
    samples: Sequence[Sample],
    names: Sequence[str],
    settings: EvaluationSettings,
    frame: ReportFrame,
    read_page: ReadPage | None = None,
) -> Evaluation:
    """Evaluates samples and writes `evaluation.json`, `metrics.csv`, `predictions.json` and `report.html`.

    Without `read_page` the report has no pictures of errors.

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
    write_predictions(folder / PREDICTIONS, samples, names)
    write_csv(folder / METRICS, metrics_rows(evaluation.figures), METRICS_COLUMNS)
    write_json(folder / EVALUATION, {**evaluation_to_json(evaluation), "facts": facts})
    write_text(folder / REPORT, report_to_html(report))
    return evaluation


def read_predictions(folder: Path) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Samples and class names of a run folder of `train`, `val` or `crossval`.

    Raises:
        InputError: the run is not finished, so that it has no predictions, or their file is damaged.
    """
    file = folder / PREDICTIONS
    if not file.is_file():
        raise InputError(
            f"{file}: no such file", "Only finished runs of docdetect train, val and crossval have predictions."
        )
    return predictions_from_json(read_json(file), str(file))


def bootstrap_settings(config: FiguresConfig) -> BootstrapSettings:
    """The bootstrap that a configuration asks for."""
    return BootstrapSettings(config.resamples, config.level, config.seed)


def grouping_settings(config: GroupingConfig) -> GroupingSettings:
    """The grouping that a configuration asks for."""
    return GroupingSettings(config.method, config.dist, config.iou, config.contain, config.nested, config.per_class)
