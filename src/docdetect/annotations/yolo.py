"""YOLO labels: one line per box, `class x_centre y_centre width height`, each as a share of the page's size.

The only place where coordinates are normalised. Text <-> data, no disk.
"""

from __future__ import annotations

import math

import numpy as np

from docdetect import boxes
from docdetect.errors import InputError, problem_list
from docdetect.types import Detections, SizeWH

_SLACK = 0.01  # how far outside 0..1 a value may lie, as Ultralytics has it


def detections_to_yolo(detections: Detections) -> str:
    """The label text of one page: a line per box, its order kept, "" without boxes.

    The shares have 8 decimals (1e-4 px on a page of 10 000 px). Scores are not written: labels are ground truth, and a
    sixth column makes Ultralytics refuse the file.
    """
    width, height = detections.size_wh
    xyxy = detections.xyxy.astype(np.float64) / (width, height, width, height)
    centres, sizes = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
    rows = zip(detections.class_ids.tolist(), centres.tolist(), sizes.tolist(), strict=True)
    return "".join(f"{class_id} {x:.8f} {y:.8f} {w:.8f} {h:.8f}\n" for class_id, (x, y), (w, h) in rows)


def yolo_to_detections(text: str, size_wh: SizeWH, origin: str) -> Detections:
    """The boxes of a label text in px of a page of `size_wh`, clipped to the page, without scores.

    Raises:
        InputError: lines that are not five numbers, class ids that are not whole, shares outside 0..1 (by more than
            0.01) or negative sizes; every bad line is listed, `origin` in front.
    """
    rows: list[list[float]] = []
    problems: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line.strip():
            row, problem = _read_line(line)
            rows.append(row)
            problems += [f"line {number}: {problem}"] if problem else []
    if problems:
        raise InputError(
            problem_list(f"{origin}: not YOLO labels", problems),
            "Each line: class x_centre y_centre width height, the last four from 0 to 1.",
        )
    table = np.array(rows, np.float64).reshape(-1, 5)
    half = table[:, 3:] / 2
    xyxy = np.concatenate([table[:, 1:3] - half, table[:, 1:3] + half], axis=1) * (*size_wh, *size_wh)
    return Detections(boxes.clip(xyxy.astype(np.float32), size_wh), table[:, 0].astype(np.int64), size_wh)


def _read_line(line: str) -> tuple[list[float], str]:
    fields = line.split()
    if len(fields) != 5:
        return [], f"expected 5 values, found {len(fields)}"
    try:
        row = [float(field) for field in fields]
    except ValueError:
        return [], f"not numbers: {line.strip()[:80]!r}"
    if not all(math.isfinite(value) for value in row):
        return [], "values must be finite"
    if row[0] < 0 or row[0] % 1 or row[0] > np.iinfo(np.int32).max:
        return [], f"class id {fields[0]} is not a whole number from 0"
    if not all(-_SLACK <= value <= 1 + _SLACK for value in row[1:]) or min(row[3:]) < 0:
        return [], f"shares outside 0..1: {' '.join(fields[1:])}"
    return row, ""
