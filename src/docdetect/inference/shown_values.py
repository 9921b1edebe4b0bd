"""Numbers and words as results show them, so that the journal and every result file show the same.

Scores become confidences where weights have a calibration, and all numbers are rounded the same way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docdetect.inference.settings import RunSettings
from docdetect.types import Detections, PageResult


def code_status(category: str, text: str | None, settings: RunSettings) -> str | None:
    """`decoded` or `unreadable` for a QR code that the run tried to read; None for every other mark."""
    if not settings.read_codes or category != settings.code_class:
        return None
    return "unreadable" if text is None else "decoded"


def mark_confidences(page: PageResult, settings: RunSettings) -> list[float]:
    """The confidence of each mark of a page as results show it, four decimals; see `confidences_of`."""
    return confidences_of(page.grouped, settings)


def confidences_of(found: Detections, settings: RunSettings) -> list[float]:
    """The confidences of detections as results show them, four decimals.

    That is the probability that the detection is a mark where the weights have a calibration, else the network's score.
    """
    if settings.calibration is None:
        return [score(value) for value in found.known_scores]
    return [score(p) for p in settings.calibration.apply(found.known_scores, found.class_ids, settings.class_names)]


def shown_marks(page: PageResult, settings: RunSettings) -> Detections:
    """The marks of a page with the confidences that results show, for drawing."""
    return replace(page.grouped, scores=np.array(mark_confidences(page, settings), np.float32))


def coordinate(value: float) -> float:
    """A coordinate in px as results show it: float32 noise beyond 1/100 px removed."""
    return round(float(value), 2)


def score(value: float) -> float:
    """A score or a confidence as results show it: four decimals."""
    return round(float(value), 4)


def rounded(detections: Detections) -> Detections:
    """The detections as results show them, so that grouping from the journal gives what grouping in the run gave."""
    scores = None if detections.scores is None else np.round(detections.scores.astype(np.float64), 4)
    xyxy = np.round(detections.xyxy.astype(np.float64), 2)
    return Detections(
        xyxy.astype(np.float32),
        detections.class_ids,
        detections.size_wh,
        None if scores is None else scores.astype(np.float32),
    )
