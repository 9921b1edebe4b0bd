"""Figures and predictions as plain data for JSON, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from docdetect.errors import InputError
from docdetect.metrics.figures import ClassFigures, Figure, Operating
from docdetect.metrics.matching import Sample
from docdetect.types import Detections, SizeWH

_FORMAT = 1


def to_plain(value: object) -> Any:
    """Dataclasses, enums, tuples and NumPy values as dicts, lists and numbers; NaN and infinities become None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def figures_from_json(data: object, origin: str) -> tuple[ClassFigures, ...]:
    """The figures that `to_plain` has turned into data.

    Raises:
        InputError: the data is something else; `origin` names its file.
    """
    try:
        if not isinstance(data, Sequence):
            raise TypeError("no list of figures")
        return tuple(_figures_of_class(row) for row in data)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{origin}: its figures cannot be read ({error!r})",
            "The file is damaged, or of an older version of docdetect: run docdetect val again.",
        ) from error


def _figures_of_class(row: Mapping[str, Any]) -> ClassFigures:
    ap50, ap75, ap50_95 = (Figure(**row[key]) for key in ("ap50", "ap75", "ap50_95"))
    working, best = (_operating(row[key]) for key in ("working", "best"))
    pages, marks, detections, hits = (int(row[key]) for key in ("pages", "marks", "detections", "hits"))
    return ClassFigures(str(row["name"]), pages, marks, detections, hits, ap50, ap75, ap50_95, working, best)


def _operating(row: Mapping[str, Any]) -> Operating:
    precision, recall, f1 = (Figure(**row[key]) for key in ("precision", "recall", "f1"))
    return Operating(float(row["conf"]), precision, recall, f1)


def predictions_to_json(samples: Sequence[Sample], names: Sequence[str]) -> dict[str, Any]:
    """Pages with marks and detections, to evaluate again later without the network; coordinates to 0.01 px."""
    return {
        "format": _FORMAT,
        "classes": list(names),
        "pages": [
            {
                "document": sample.document,
                "page": sample.page,
                "group": sample.group,
                "size_wh": list(sample.ground_truth.size_wh),
                "ground truth": _boxes_to_json(sample.ground_truth),
                "found": _boxes_to_json(sample.found),
                **({} if sample.labelled is None else {"labelled": sorted(sample.labelled)}),
            }
            for sample in samples
        ],
    }


def predictions_from_json(data: object, origin: str) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Samples and class names.

    Raises:
        InputError: the data is not what `predictions_to_json` writes.
    """
    try:
        if not isinstance(data, Mapping) or data["format"] != _FORMAT:
            raise ValueError(f"format {_FORMAT} expected")
        samples = tuple(_page_from_json(page) for page in data["pages"])
        return samples, tuple(str(name) for name in data["classes"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{origin}: not a predictions file ({error})", "Run docdetect val again.") from error


def _boxes_to_json(boxes: Detections) -> list[list[float]]:
    """Rows of left, top, right, bottom (px), class id and, where given, score."""
    rows = [[round(value, 2) for value in box] for box in boxes.xyxy.tolist()]
    tails = [[int(class_id)] for class_id in boxes.class_ids]
    if boxes.scores is not None:
        tails = [[*tail, round(score, 6)] for tail, score in zip(tails, boxes.scores.tolist(), strict=True)]
    return [[*row, *tail] for row, tail in zip(rows, tails, strict=True)]


def _page_from_json(page: Mapping[str, Any]) -> Sample:
    width, height = page["size_wh"]
    size_wh = (int(width), int(height))
    return Sample(
        str(page["document"]),
        int(page["page"]),
        str(page["group"]),
        _boxes_from_json(page["ground truth"], size_wh, scored=False),
        _boxes_from_json(page["found"], size_wh, scored=True),
        None if page.get("labelled") is None else frozenset(int(one) for one in page["labelled"]),
    )


def _boxes_from_json(rows: Sequence[Sequence[float]], size_wh: SizeWH, *, scored: bool) -> Detections:
    if not rows:
        return Detections.none(size_wh, scored=scored)
    table = np.asarray(rows, np.float64)
    scores = table[:, 5].astype(np.float32) if scored else None
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.int64), size_wh, scores)
