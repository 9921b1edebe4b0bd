"""Labels against a model's detections: what it strongly disagrees with, and what it sees that nobody labelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from docdetect.boxes import ios, iou
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.findings import Finding, Suspicion
from docdetect.datasets.label_checks import LabelledPages
from docdetect.datasets.mark_features import AUDIT_LONG_SIDE_PX
from docdetect.datasets.split import PageKey
from docdetect.documents.reader import LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.documents.workers import PageOutcome, WorkerSettings, iter_rendered
from docdetect.models.engine import Engine
from docdetect.types import Detections

_LEAST_CONF = 0.05
_NMS_IOU = 0.7
_SAME_PLACE_IOU = 0.3
_SAME_PLACE_IOS = 0.7
_SURE = 0.6


def detect_documents(
    files: Sequence[DocumentFile],
    engine: Engine,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, Detections]:
    """What the engine sees on every page, down to a confidence of 0.05; pages that fail are missing."""
    found: dict[PageKey, Detections] = {}
    finished = 0
    for outcome in iter_rendered(files, LongSide(AUDIT_LONG_SIDE_PX), workers):
        if not isinstance(outcome, PageOutcome):
            finished += 1
            on_progress(finished, len(files), f"detected on {outcome.file.name}")
        elif outcome.value is not None:
            key = PageKey(outcome.file.name, outcome.number)
            (found[key],) = engine.detect([outcome.value.pixels], _LEAST_CONF, _NMS_IOU)
    return found


def model_findings(pages: LabelledPages, detections: Mapping[PageKey, Detections]) -> Iterator[Finding]:
    """Labels without a detection, with one of another class or elsewhere, and sure detections without a label.

    Args:
        pages: labels and measures.
        detections: page -> detections with scores and the class ids of `pages.classes`, at any size of the page; a
            page that is not in it was not looked at.
    """
    for key in sorted(detections):
        seen = detections[key]
        labels = pages.labels.get(key, Detections.none(seen.size_wh, scored=False))
        seen = seen.scaled(labels.size_wh)
        for position in range(len(labels)):
            finding = _disagreement(pages, key, position, seen)
            if finding is not None:
                yield finding
        yield from _missing(pages.classes, key, labels, seen)


def _disagreement(pages: LabelledPages, key: PageKey, position: int, seen: Detections) -> Finding | None:
    assert seen.scores is not None
    labels = pages.labels[key]
    overlap = iou(labels.xyxy[position : position + 1], seen.xyxy)[0]
    same_class = seen.class_ids == labels.class_ids[position]
    here = overlap > _SAME_PLACE_IOU
    if (here & same_class).any():
        return None
    others = np.flatnonzero(here & ~same_class)
    if others.size and float(seen.scores[others].max()) >= _SURE:
        best = int(others[np.argmax(seen.scores[others])])
        text = f"the model sees {pages.classes[int(seen.class_ids[best])]} here ({seen.scores[best]:.2f})"
        return pages.finding(Suspicion.WRONG_CLASS, key, position, float(seen.scores[best]), text)
    near = ios(labels.xyxy[position : position + 1], seen.xyxy)[0] > _SAME_PLACE_IOU
    if (near & same_class).any():
        at = int(np.flatnonzero(near & same_class)[0])
        text = f"the model's box overlaps by an IoU of {overlap[at]:.2f} only"
        return pages.finding(Suspicion.DISAGREES, key, position, float(seen.scores[at]) / 2, text)
    return pages.finding(Suspicion.DISAGREES, key, position, 0.9, "the model sees nothing of this class here")


def _missing(classes: tuple[str, ...], key: PageKey, labels: Detections, seen: Detections) -> Iterator[Finding]:
    assert seen.scores is not None
    for position in range(len(seen)):
        same_class = labels.class_ids == seen.class_ids[position]
        box = seen.xyxy[position : position + 1]
        overlap, inside = iou(box, labels.xyxy)[0], ios(box, labels.xyxy)[0]
        known = (overlap > _SAME_PLACE_IOU) | (same_class & (inside > _SAME_PLACE_IOS))
        if seen.scores[position] >= _SURE and not known.any():
            name = classes[int(seen.class_ids[position])]
            score = float(seen.scores[position])
            text = f"the model sees a {name} without a label ({score:.2f})"
            yield Finding(Suspicion.MISSING, key, score, text, None, name, seen.xyxy[position], labels.size_wh)
