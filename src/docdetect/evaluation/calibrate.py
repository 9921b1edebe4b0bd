"""Calibration of confidence on the predictions of a run; it is kept in the run folder and beside weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from docdetect.calibration import Calibration, calibration_to_json
from docdetect.documents.drawing import class_colour
from docdetect.evaluation.crossval import CALIBRATION, PLAN
from docdetect.evaluation.report import CALIBRATION_COLUMNS, calibration_row, read_predictions
from docdetect.files import write_json, write_text
from docdetect.metrics.calibration import (
    ClassCalibration,
    Method,
    Reliability,
    calibrate,
    score_pairs,
)
from docdetect.metrics.matching import match
from docdetect.models.thresholds import calibration_path
from docdetect.models.weights import content_hash
from docdetect.reports.page import Picture, Report, Section, Table, report_to_html
from docdetect.reports.plots import Line, reliability_plot

REPORT = "calibration.html"


@dataclass(frozen=True)
class CalibrationResult:
    """What a calibration found.

    Attributes:
        calibration: the maps.
        rows: each class before and after.
        held_out: whether the predictions are of pages that the models had not seen (a cross-validation).
        files: what was written.
    """

    calibration: Calibration
    rows: tuple[ClassCalibration, ...]
    held_out: bool
    files: tuple[Path, ...]


def calibrate_run(folder: Path, method: Method = "auto", weights: Path | None = None) -> CalibrationResult:
    """Fits a map for each class on the predictions in a run folder of `val` or `crossval`.

    Writes `calibration.json` and `calibration.html` into the folder, and the maps beside `weights` where given, for
    `infer` to apply.

    Raises:
        InputError: the folder has no predictions, or the weights cannot be read.
        OutputError: a file cannot be written.
    """
    samples, names = read_predictions(folder)
    calibration, rows = calibrate(score_pairs(match(samples, len(names))), names, method)
    calibration = replace(
        calibration,
        origin=f"predictions of {folder.name}",
        weights_sha256="" if weights is None else content_hash(weights),
    )
    maps = calibration_to_json(calibration)
    files = [folder / CALIBRATION, folder / REPORT]
    write_json(files[0], maps)
    facts = [("predictions", folder.as_posix())]
    if weights is not None:
        facts += [("weights", weights.as_posix()), ("sha256", calibration.weights_sha256)]
        files.append(calibration_path(weights))
        write_json(files[2], maps)
    held_out = (folder / PLAN).is_file()
    write_text(files[1], report_to_html(_report(rows, held_out=held_out, facts=facts)))
    return CalibrationResult(calibration, rows, held_out, tuple(files))


def _report(rows: tuple[ClassCalibration, ...], *, held_out: bool, facts: list[tuple[str, str]]) -> Report:
    text = (
        "Is a detection with a confidence of 0.8 a mark four times out of five? On the dotted diagonal it is. "
        "Detections from confidence 0.05 on, IoU 0.5. The curve after calibration and its error are cross-fitted over "
        "groups: each detection is mapped by what was learnt on other groups. Errors are expected calibration errors.",
    )
    warnings = [] if held_out else ["These are predictions of one split, not out-of-fold ones: prefer a crossval run."]
    plots = [_plot(class_id, row) for class_id, row in enumerate(rows) if row.pairs]
    table = Table(CALIBRATION_COLUMNS, [calibration_row(row) for row in rows])
    return Report(
        "Calibration",
        facts[0][1],
        warnings=warnings,
        sections=[Section("Reliability", text, plots, [table])],
        facts=facts,
    )


def _plot(class_id: int, row: ClassCalibration) -> Picture:
    colour = class_colour(class_id, row.name)
    lines = [_line("before", row.before, (140, 148, 160), dashed=True)]
    if row.after is not None:
        lines.append(_line(f"after ({row.method})", row.after, colour, dashed=False))
    return reliability_plot(row.name, lines)


def _line(label: str, reliability: Reliability, colour: tuple[int, int, int], *, dashed: bool) -> Line:
    bins = reliability.bins
    return Line(label, [one.mean_score for one in bins], [one.hit_rate for one in bins], colour, dashed=dashed)
