"""YOLO label files: one line for each box, `class x_centre y_centre width height`, each a share of the page's size.

Turns text into data and data into text, and reads no files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from docdetect import boxes
from docdetect.annotations.marks import AnnotatedPage
from docdetect.annotations.writing import Piece, WriteSettings, picture_name
from docdetect.errors import InputError, problem_list
from docdetect.types import Detections, SizeWH

# How far outside 0..1 a share may lie; Ultralytics allows the same.
_SLACK = 0.01
_BOX_VALUES, _SCORED_BOX_VALUES, _LEAST_POLYGON_VALUES = 5, 6, 7


@dataclass(frozen=True)
class YoloLabels:
    """What the label file of one page says.

    Attributes:
        boxes: the boxes in px of the page, clipped to it, in the order of the lines, without scores.
        polygons: how many lines are polygons; `boxes` holds their bounding boxes.
        confidences: how many lines have a sixth value, a confidence, which is not part of `boxes`.
        scores: the sixth value of each line, None where there is none; in the order of the boxes.
    """

    boxes: Detections
    polygons: int = 0
    confidences: int = 0
    scores: tuple[float | None, ...] = ()


class YoloWriter:
    """A YOLO dataset without its pictures: `labels/<document>/page_0001.txt`, `classes.txt` and `data.yaml`.

    With the pictures in `images/`, docdetect, Ultralytics and FiftyOne read it. Boxes are cut at the edges of the page.
    Confidences are written as a sixth value only where the settings want them, since training does not read such
    lines.
    """

    def __init__(self, settings: WriteSettings) -> None:
        self._settings = settings
        self._ids = {name: number for number, name in enumerate(settings.categories)}

    def begin(self) -> Iterator[Piece]:
        yield Piece("classes.txt", "".join(f"{name}\n" for name in self._ids))
        names = "".join(f"  {number}: {json.dumps(name)}\n" for name, number in self._ids.items())
        about = f"# Marks of pages, written by {json.dumps(self._settings.model)}.\n"
        yield Piece("data.yaml", f"{about}path: .\ntrain: images\nval: images\nnames:\n{names}")

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        for number, page in sorted(pages.items()):
            xyxy = boxes.xywh_to_xyxy(np.array([mark.xywh for mark in page.marks], np.float32).reshape(-1, 4))
            class_ids = np.array([self._ids[mark.category] for mark in page.marks], np.int64)
            found = Detections(boxes.clip(xyxy, page.size_wh), class_ids, page.size_wh)
            scores = [mark.confidence if self._settings.confidences else None for mark in page.marks]
            yield Piece(f"labels/{picture_name(document, number, '.txt')}", _text(found, scores))

    def end(self) -> Iterator[Piece]:
        yield from ()


def detections_to_yolo(detections: Detections) -> str:
    """The label text of one page: one line for each box, in the same order; "" without boxes.

    The shares have 8 decimals (1e-4 px on a page of 10 000 px). Scores are not written: labels are ground truth.
    """
    return _text(detections, [None] * len(detections))


def _text(detections: Detections, scores: Sequence[float | None]) -> str:
    """One line for each box, with its score as a sixth value where there is one."""
    width, height = detections.size_wh
    xyxy = detections.xyxy.astype(np.float64) / (width, height, width, height)
    centres, sizes = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
    rows = zip(detections.class_ids.tolist(), centres.tolist(), sizes.tolist(), strict=True)
    lines = [f"{class_id} {x:.8f} {y:.8f} {w:.8f} {h:.8f}" for class_id, (x, y), (w, h) in rows]
    ends = ["" if score is None else f" {score:.6f}" for score in scores]
    return "".join(f"{line}{end}\n" for line, end in zip(lines, ends, strict=True))


def labels_from_yolo(text: str, size_wh: SizeWH, origin: str) -> YoloLabels:
    """The labels of a page of `size_wh` px.

    A line holds a class id and then the four values of a box, the same with a confidence, or the x and y of three or
    more corners of a polygon.

    Args:
        text: the content of the label file; "" is a page without marks.
        size_wh: width and height of the page in px.
        origin: names the text in messages.

    Raises:
        InputError: lines of another length, values that are not numbers, class ids that are not whole, shares outside
            0..1 (by more than 0.01), negative sizes; every wrong line is listed.
    """
    class_ids: list[int] = []
    corners: list[list[float]] = []
    scores: list[float | None] = []
    counts = {_BOX_VALUES: 0, _SCORED_BOX_VALUES: 0, _LEAST_POLYGON_VALUES: 0}
    problems: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        values, problem = _values(line)
        if problem:
            problems.append(f"line {number}: {problem}")
        elif values:
            class_ids.append(int(values[0]))
            corners.append(_corners(values))
            scores.append(values[_BOX_VALUES] if len(values) == _SCORED_BOX_VALUES else None)
            counts[min(len(values), _LEAST_POLYGON_VALUES)] += 1
    if problems:
        raise InputError(
            problem_list(f"{origin}: not YOLO labels", problems),
            "Each line must hold: class x_centre y_centre width height, the last four from 0 to 1.",
        )
    xyxy = np.array(corners, np.float64).reshape(-1, 4) * (*size_wh, *size_wh)
    found = Detections(boxes.clip(xyxy.astype(np.float32), size_wh), np.array(class_ids, np.int64), size_wh)
    return YoloLabels(found, counts[_LEAST_POLYGON_VALUES], counts[_SCORED_BOX_VALUES], tuple(scores))


def _corners(values: list[float]) -> list[float]:
    """Left, top, right, bottom as shares of the page, of a box or around a polygon."""
    if len(values) >= _LEAST_POLYGON_VALUES:
        x, y = values[1::2], values[2::2]
        return [min(x), min(y), max(x), max(y)]
    x_centre, y_centre, width, height = values[1:_BOX_VALUES]
    return [x_centre - width / 2, y_centre - height / 2, x_centre + width / 2, y_centre + height / 2]


def _values(line: str) -> tuple[list[float], str]:
    """The numbers of one line, none of an empty line; and what is wrong with them, "" for nothing."""
    fields = line.split()
    if not fields:
        return [], ""
    if len(fields) < _BOX_VALUES or (len(fields) > _SCORED_BOX_VALUES and len(fields) % 2 == 0):
        return (
            [],
            f"expected 5 values, 6 with a confidence, or a class and the corners of a polygon, found {len(fields)}",
        )
    try:
        values = [float(field) for field in fields]
    except ValueError:
        return [], f"not numbers: {line.strip()[:80]!r}"
    if not all(math.isfinite(value) for value in values):
        return [], "values must be finite"
    if values[0] < 0 or values[0] % 1 or values[0] > np.iinfo(np.int32).max:
        return [], f"class id {fields[0]} is not a whole number from 0"
    is_box = len(values) <= _SCORED_BOX_VALUES
    if not all(-_SLACK <= value <= 1 + _SLACK for value in values[1:]) or (is_box and min(values[3:5]) < 0):
        return [], f"shares outside 0..1: {' '.join(fields[1:])[:80]}"
    return values, ""
