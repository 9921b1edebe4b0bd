"""The plots and page pictures in the run folders of `train` and `val`, by docdetect's own figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from docdetect.documents.drawing import class_colour, contact_sheet, draw_detections, write_image
from docdetect.files import write_bytes
from docdetect.metrics.errors import confusion_matrix
from docdetect.metrics.figures import curve_at, precision_recall
from docdetect.metrics.matching import Matches, Sample
from docdetect.reports.page import Picture, picture_bytes
from docdetect.reports.plots import Axis, Form, Line, line_plot, matrix_plot
from docdetect.types import ByteArray

_GRID = np.linspace(0.0, 1.0, 201)
_SHEETS, _PER_SHEET = 3, 16


def write_plots(folder: Path, samples: Sequence[Sample], matches: Matches, names: Sequence[str], conf: float) -> None:
    """Writes the curves of precision, recall and F1, and both confusion matrices, as PNG files.

    Args:
        folder: where the files go.
        samples, matches: the pages and what `match` says of them.
        names: class names in the order of their ids.
        conf: the confidence threshold of the confusion matrices.

    Raises:
        OutputError: a file cannot be written.
    """
    pictures = {"BoxPR_curve": precision_recall_plot(matches, names, form="png")}
    for file, name in (("BoxF1_curve", "F1"), ("BoxP_curve", "precision"), ("BoxR_curve", "recall")):
        pictures[file] = threshold_plot(matches, names, name, form="png")
    counts = confusion_matrix(samples, len(names), (conf,) * len(names))
    pictures["confusion_matrix"] = confusion_plot(counts.tolist(), names, conf, form="png")
    marks = counts.sum(axis=0, keepdims=True)
    shares = np.divide(counts, marks, out=np.zeros(counts.shape), where=marks > 0)
    pictures["confusion_matrix_normalized"] = confusion_plot(shares.tolist(), names, conf, form="png")
    for name, picture in pictures.items():
        write_bytes(folder / f"{name}.png", picture_bytes(picture))


def precision_recall_plot(matches: Matches, names: Sequence[str], form: Form = "svg") -> Picture:
    """Precision over recall at IoU 0.5, a curve for each class that has marks."""
    curves = [
        Line(name, recall.tolist(), precision.tolist(), class_colour(k, name))
        for k, name in enumerate(names)
        if matches.classes[k].mark_count
        for recall, precision in [precision_recall(matches.classes[k])]
    ]
    title = "Precision over recall, IoU 0.5"
    return line_plot(title, curves, Axis("recall", 0, 1.02), Axis("precision", 0, 1.02), form=form)


def threshold_plot(
    matches: Matches, names: Sequence[str], figure: str, *, mark_x: float | None = None, form: Form = "svg"
) -> Picture:
    """`figure` (precision, recall or F1) at IoU 0.5 over the confidence threshold, for each class that has marks."""
    curves = []
    for k, name in enumerate(names):
        if matches.classes[k].mark_count:
            curve = curve_at(matches.classes[k], _GRID)
            values = {"precision": curve.precision, "recall": curve.recall, "F1": curve.f1}[figure]
            curves.append(Line(name, _GRID.tolist(), values.tolist(), class_colour(k, name)))
    title = f"{figure[0].upper()}{figure[1:]} over the threshold"
    return line_plot(title, curves, Axis("confidence", 0, 1), Axis(figure, 0, 1.02), mark_x=mark_x, form=form)


def confusion_plot(cells: Sequence[Sequence[float]], names: Sequence[str], conf: float, form: Form = "svg") -> Picture:
    """A confusion matrix, see `confusion_matrix`, as counts or as shares of the marks of each class."""
    title = f"Confusion matrix, confidence {conf:g}, IoU 0.5"
    return matrix_plot(title, cells, [*names, "nothing"], ("ground truth", "prediction"), form)


def write_contact_sheets(
    folder: Path, samples: Sequence[Sample], names: Sequence[str], conf: float, read_page: Callable[[int], ByteArray]
) -> None:
    """Writes `val_batch<n>_labels.jpg` and `val_batch<n>_pred.jpg`: the first pages with their marks and predictions.

    Args:
        folder: where the files go.
        samples: the pages.
        names: class names in the order of their ids.
        conf: the lowest confidence of the predictions that are drawn.
        read_page: position of a sample -> uint8 (H, W, 3) RGB pixels of its page.

    Raises:
        InputError: a picture cannot be read.
        OutputError: a file cannot be written.
    """
    for number in range(_SHEETS):
        positions = range(number * _PER_SHEET, min((number + 1) * _PER_SHEET, len(samples)))
        if not positions:
            return
        pixels = [read_page(position) for position in positions]
        captions = [f"{samples[position].document}, page {samples[position].page}" for position in positions]
        for kind, boxes in (
            ("labels", [samples[position].ground_truth for position in positions]),
            ("pred", [samples[position].above(conf).found for position in positions]),
        ):
            drawn = [draw_detections(page, box, names) for page, box in zip(pixels, boxes, strict=True)]
            write_image(folder / f"val_batch{number}_{kind}.jpg", contact_sheet(drawn, captions))
