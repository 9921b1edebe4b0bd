"""The checks of labels, each of which yields findings, and the order in which findings are looked at.

A label can be suspicious by the ink in its box, by the other labels of its class, by how it looks compared with marks
of other documents, or by the page that it is on (each label is tried on the pages before and after its own). The labels
can also be compared with predictions: labels that the network strongly disagrees with, and marks that nobody labelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from docdetect.audit.measures import (
    AUDIT_LONG_SIDE_PX,
    BACKGROUND,
    MAX_OFFSET,
    BoxMeasure,
    MarkModel,
    PageMeasure,
    fit_marks,
)
from docdetect.boxes import ios, iou
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.labelled import LabelRules
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.models.engines.base import Engine
from docdetect.types import Detections, FloatArray, SizeWH
from docdetect.workers.parts import WorkerSettings


class Suspicion(str, Enum):
    """What may be wrong with a label; the gravest kind comes first."""

    OTHER_PAGE = "labels of another page"
    BEYOND_END = "page beyond the end"
    BLANK = "on blank paper"
    MISSING = "missing label"
    DUPLICATE = "two labels on one mark"
    WRONG_CLASS = "wrong class"
    DISAGREES = "model disagrees"
    CUT = "ink mostly outside"
    NO_MARK = "does not look like a mark"
    LOOSE = "ink far inside"
    UNUSUAL = "unusual size or shape"


@dataclass(frozen=True)
class Finding:
    """One thing that a person should look at.

    Attributes:
        suspicion: what may be wrong.
        page: the page of the label.
        score: how sure the check is, 0..1; it ranks findings of one kind.
        message: a sentence for people that does not name the page.
        position: position of the label among the labels of its page; None for a finding that is about no label.
        class_name: class of the label, or of the label that is missing.
        xyxy: (4,) px, the box of the label, or of the label that is missing; None for a whole document.
        size_wh: px of the page that the box refers to.
        suggested_offset: pages by which the document's labels must be moved; 0 for other findings.
    """

    suspicion: Suspicion
    page: PageKey
    score: float
    message: str
    position: int | None = None
    class_name: str = ""
    xyxy: FloatArray | None = None
    size_wh: SizeWH = (1, 1)
    suggested_offset: int = 0


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in the order in which they are looked at, and of each label only the gravest.

    The gravest kind comes first, within a kind the surest finding, then the order of pages.
    """
    order = list(Suspicion).index
    in_order = sorted(
        findings, key=lambda one: (order(one.suspicion), -round(one.score, 4), one.page, one.position or 0)
    )
    kept: list[Finding] = []
    known: set[tuple[PageKey, int]] = set()
    for one in in_order:
        if one.position is None or (one.page, one.position) not in known:
            kept.append(one)
        if one.position is not None:
            known.add((one.page, one.position))
    return tuple(kept)


# Share of a box, and number of px, of ink below which there is nothing in the box.
_BLANK_INK_FRAC = 0.004
_BLANK_INK_PX = 25
# Share of the ink that reaches into a box above which the box cuts its mark.
_CUT_FRAC = 0.45
# Share of a box that the extent of its ink covers below which the box is loose.
_LOOSE_FRAC = 0.4
# IoU, or intersection over the smaller box, above which two labels of one class are on one mark.
_SAME_MARK_IOU = 0.5
_SAME_MARK_IOS = 0.85
# Robust z-score of the logarithm of size or shape above which a label is unusual.
_UNUSUAL_Z = 4.5
# Least standard deviation of that logarithm: labels of few documents are more alike than the next document will be.
_LEAST_DEVIATION = 0.2
# Number of labels of a class below which nothing is called unusual.
_MIN_LABELS = 10
# A label is not unusual when this many labels of its class differ from it by less than this in both logarithms.
_USUAL_LABELS, _ALIKE = 3, 0.3
# Evidence, in nats, by which another class must be likelier than the label's.
_SURE_NATS = 3.0
# The class whose marks are QR codes, which can be read.
_QR_CLASS = "qr"


@dataclass(frozen=True)
class LabelledPages:
    """The labels of an audit, and what was measured about them.

    Attributes:
        labels: page -> its labels.
        measures: page -> what was measured on it; pages that could not be rendered are missing.
        classes: class names in the order of their ids.
        rules: which classes are labelled in which documents; None for all of them everywhere.
    """

    labels: Mapping[PageKey, Detections]
    measures: Mapping[PageKey, PageMeasure]
    classes: tuple[str, ...]
    rules: LabelRules | None = None

    def boxes(self) -> Iterator[tuple[PageKey, int, BoxMeasure]]:
        """Every measured label: page, position, measure."""
        for key in sorted(self.labels):
            if key in self.measures:
                for position, box in enumerate(self.measures[key].boxes):
                    yield key, position, box

    def finding(self, suspicion: Suspicion, key: PageKey, position: int, score: float, message: str) -> Finding:
        """A finding about one label."""
        page = self.labels[key]
        return Finding(
            suspicion,
            key,
            float(np.clip(score, 0, 1)),
            message,
            position,
            self.classes[int(page.class_ids[position])],
            page.xyxy[position],
            page.size_wh,
        )

    def class_id(self, key: PageKey, position: int) -> int:
        return int(self.labels[key].class_ids[position])


def ink_findings(pages: LabelledPages) -> Iterator[Finding]:
    """Labels on blank paper, labels whose ink lies mostly outside, and labels that are far too large for their ink."""
    for key, position, box in pages.boxes():
        share = float(np.exp(box.features[2]))  # this feature is the logarithm of the ink share plus 0.005
        if box.ink_px < _BLANK_INK_PX or share < _BLANK_INK_FRAC + 0.005:
            yield pages.finding(Suspicion.BLANK, key, position, 1.0, "there is no ink in the box")
        elif box.outside_share > _CUT_FRAC:
            text = f"{box.outside_share:.0%} of the ink that reaches into the box lies outside it"
            yield pages.finding(Suspicion.CUT, key, position, box.outside_share, text)
        elif box.extent_share < _LOOSE_FRAC:
            text = f"the ink takes up {box.extent_share:.0%} of the box"
            yield pages.finding(Suspicion.LOOSE, key, position, 1 - box.extent_share, text)


def duplicate_findings(pages: LabelledPages) -> Iterator[Finding]:
    """The later one of two labels of one class that share a mark, and of two classes on the very same box."""
    for key in sorted(pages.labels):
        page = pages.labels[key]
        overlap, inside = iou(page.xyxy, page.xyxy), ios(page.xyxy, page.xyxy)
        for second in range(len(page)):
            for first in range(second):
                same_class = page.class_ids[first] == page.class_ids[second]
                score = float(max(overlap[first, second], inside[first, second]))
                if same_class and (overlap[first, second] > _SAME_MARK_IOU or inside[first, second] > _SAME_MARK_IOS):
                    text = f"shares {score:.0%} of the smaller box with label {first + 1} of the same class"
                    yield pages.finding(Suspicion.DUPLICATE, key, second, score, text)
                    break
                if not same_class and overlap[first, second] > 0.9:
                    other = pages.classes[int(page.class_ids[first])]
                    text = f"the very same box is labelled {other} too"
                    yield pages.finding(Suspicion.WRONG_CLASS, key, second, score, text)
                    break


def unusual_findings(pages: LabelledPages) -> Iterator[Finding]:
    """Labels whose size or shape is far from that of their class, by the robust z-score of its logarithm."""
    by_class: dict[int, list[tuple[PageKey, int, NDArray[np.float64]]]] = {}
    for key in sorted(pages.labels):
        page = pages.labels[key]
        sides = np.maximum(page.xyxy[:, 2:] - page.xyxy[:, :2], 1e-3) / max(page.size_wh)
        for position, (width, height) in enumerate(sides.astype(np.float64)):
            row = np.array([0.5 * np.log(width * height), np.log(width / height)])
            by_class.setdefault(int(page.class_ids[position]), []).append((key, position, row))
    for entries in by_class.values():
        if len(entries) < _MIN_LABELS:
            continue
        table = np.stack([row for _, _, row in entries])
        centre = np.median(table, axis=0)
        deviation = np.maximum(1.4826 * np.median(np.abs(table - centre), axis=0), _LEAST_DEVIATION)
        for key, position, row in entries:
            z = (row - centre) / deviation
            worst = int(np.argmax(np.abs(z)))
            alike = int((np.abs(table - row).max(axis=1) < _ALIKE).sum()) - 1
            if abs(z[worst]) > _UNUSUAL_Z and alike < _USUAL_LABELS:
                word = (("small", "large"), ("narrow", "wide"))[worst][int(z[worst] > 0)]
                times = float(np.exp(abs(row[worst] - centre[worst])))
                text = f"{times:.1f} times as {word} as its class usually is"
                yield pages.finding(Suspicion.UNUSUAL, key, position, abs(z[worst]) / 12, text)


def class_findings(pages: LabelledPages) -> Iterator[Finding]:
    """Labels that look like another class, or like no mark, to a model that the other documents' labels teach."""
    models: dict[str, MarkModel | None] = {}
    for key, position, box in pages.boxes():
        own = pages.classes[pages.class_id(key, position)]
        if box.is_code and _QR_CLASS in pages.classes and own != _QR_CLASS:
            yield pages.finding(Suspicion.WRONG_CLASS, key, position, 1.0, "a QR code in the box was read")
            continue
        if key.document not in models:
            models[key.document] = model_without(pages, key.document)
        model = models[key.document]
        if model is not None and not box.is_code:
            yield from _model_finding(pages, model, key, position, box)


def model_without(pages: LabelledPages, document: str) -> MarkModel | None:
    """The model of marks and background that the labels of all other documents teach."""
    features, class_ids = [], []
    for key, position, box in pages.boxes():
        if key.document != document:
            features.append(box.features)
            class_ids.append(pages.class_id(key, position))
    for key, measure in sorted(pages.measures.items()):
        if key.document != document:
            features += list(measure.background)
            class_ids += [BACKGROUND] * len(measure.background)
    return fit_marks(features, class_ids)


def _model_finding(
    pages: LabelledPages, model: MarkModel, key: PageKey, position: int, box: BoxMeasure
) -> Iterable[Finding]:
    class_id = pages.class_id(key, position)
    logs = model.log_probabilities(box.features[None])[0]
    best = int(np.argmax(logs))
    if class_id not in model.class_ids:
        if logs[list(model.class_ids).index(BACKGROUND)] > -0.05:
            yield pages.finding(Suspicion.NO_MARK, key, position, 0.5, "looks like text or paper, not like a mark")
        return
    behind = float(logs[best] - logs[list(model.class_ids).index(class_id)])
    if behind < _SURE_NATS:
        return
    score = 1 - float(np.exp(-behind / _SURE_NATS))
    if model.class_ids[best] == BACKGROUND:
        yield pages.finding(Suspicion.NO_MARK, key, position, score, "looks like text or paper, not like a mark")
    else:
        text = f"looks like {pages.classes[int(model.class_ids[best])]}"
        yield pages.finding(Suspicion.WRONG_CLASS, key, position, score, text)


# Lowest confidence of the predictions that labels are compared with, and IoU of non-maximum suppression.
_LEAST_CONF = 0.05
_NMS_IOU = 0.7
# IoU, or intersection over the smaller box, above which a prediction and a label are at one place.
_SAME_PLACE_IOU = 0.3
_SAME_PLACE_IOS = 0.7
# Confidence from which a prediction speaks against a label, or for a label that is missing.
_SURE_CONF = 0.6


def detect_documents(
    files: Sequence[DocumentFile],
    engine: Engine,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, Detections]:
    """The predictions of the engine on every page, down to a confidence of 0.05; pages that fail are missing."""
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
    """Labels that the predictions do not confirm, and confident predictions where there is no label.

    Args:
        pages: labels and measures.
        detections: page -> predictions with scores and the class ids of `pages.classes`, in px of any size of the
            page; a page that is not in it has no predictions to compare with.
    """
    for key in sorted(detections):
        seen = detections[key]
        labels = pages.labels.get(key, Detections.none(seen.size_wh, scored=False))
        seen = seen.scaled(labels.size_wh)
        for position in range(len(labels)):
            finding = _disagreement(pages, key, position, seen)
            if finding is not None:
                yield finding
        yield from _missing(pages, key, labels, seen)


def _disagreement(pages: LabelledPages, key: PageKey, position: int, seen: Detections) -> Finding | None:
    labels, scores = pages.labels[key], seen.known_scores
    overlap = iou(labels.xyxy[position : position + 1], seen.xyxy)[0]
    same_class = seen.class_ids == labels.class_ids[position]
    here = overlap > _SAME_PLACE_IOU
    if (here & same_class).any():
        return None
    others = np.flatnonzero(here & ~same_class)
    if others.size and float(scores[others].max()) >= _SURE_CONF:
        best = int(others[np.argmax(scores[others])])
        text = f"the model sees {pages.classes[int(seen.class_ids[best])]} here ({scores[best]:.2f})"
        return pages.finding(Suspicion.WRONG_CLASS, key, position, float(scores[best]), text)
    near = ios(labels.xyxy[position : position + 1], seen.xyxy)[0] > _SAME_PLACE_IOU
    if (near & same_class).any():
        at = int(np.flatnonzero(near & same_class)[0])
        text = f"the model's box overlaps by an IoU of {overlap[at]:.2f} only"
        return pages.finding(Suspicion.DISAGREES, key, position, float(scores[at]) / 2, text)
    return pages.finding(Suspicion.DISAGREES, key, position, 0.9, "the model sees nothing of this class here")


def _missing(pages: LabelledPages, key: PageKey, labels: Detections, seen: Detections) -> Iterator[Finding]:
    known_ids = None if pages.rules is None else pages.rules.ids_at(key.document, pages.classes)
    if known_ids is not None:  # nobody labelled the other classes there
        seen = seen.of_classes(known_ids)
    for position, score in enumerate(seen.known_scores):
        same_class = labels.class_ids == seen.class_ids[position]
        box = seen.xyxy[position : position + 1]
        overlap, inside = iou(box, labels.xyxy)[0], ios(box, labels.xyxy)[0]
        known = (overlap > _SAME_PLACE_IOU) | (same_class & (inside > _SAME_PLACE_IOS))
        if score >= _SURE_CONF and not known.any():
            name = pages.classes[int(seen.class_ids[position])]
            text = f"the model sees a {name} without a label ({score:.2f})"
            yield Finding(Suspicion.MISSING, key, float(score), text, None, name, seen.xyxy[position], labels.size_wh)


# Evidence for a mark, in nats, of a label on a page that does not exist.
_MISSING_PAGE_NATS = -6.0
# By how much, in nats per label and in all, the labels of a document must fit other pages better than their own.
_BETTER_BY_NATS = 2.0
_BETTER_IN_ALL_NATS = 8.0
# Evidence per label, in nats, that the labels must have on the other pages: they must look like marks there.
_LEAST_NATS = 0.5


def offset_findings(pages: LabelledPages) -> Iterator[Finding]:
    """One finding for each document whose labels fit the pages 1 or 2 before or after their own clearly better.

    A label's fit on a page is the evidence, in nats, that its box there holds a mark rather than text or paper, by a
    model that the labels of all other documents teach. Without such a model (one document only) nothing is found.
    """
    for document in sorted({key.document for key in pages.labels}):
        model = model_without(pages, document)
        if model is None:
            continue
        fits = {offset: _fit(pages, document, model, offset) for offset in range(-MAX_OFFSET, MAX_OFFSET + 1)}
        count = len(fits[0])
        best = max(fits, key=lambda offset: (float(fits[offset].sum()), -abs(offset)))
        gain = float(fits[best].sum() - fits[0].sum())
        if (
            best
            and count
            and gain / count > _BETTER_BY_NATS
            and gain > _BETTER_IN_ALL_NATS
            and float(fits[best].mean()) > _LEAST_NATS
        ):
            first = min(key for key in pages.labels if key.document == document and len(pages.labels[key]))
            text = (
                f"its {count} labels fit {abs(best)} page{'s' if abs(best) > 1 else ''} "
                f"{'later' if best > 0 else 'earlier'} (evidence for a mark, in nats per label: "
                f"{fits[0].mean():.1f} as labelled, {fits[best].mean():.1f} there)"
            )
            yield Finding(Suspicion.OTHER_PAGE, first, 1 - float(np.exp(-gain / 8)), text, suggested_offset=best)


def beyond_end_findings(pages: LabelledPages, page_counts: Mapping[str, int]) -> Iterator[Finding]:
    """Labels of pages that their document does not have."""
    for key in sorted(pages.labels):
        count = page_counts.get(key.document)
        if count is not None and key.page > count and len(pages.labels[key]):
            text = f"{len(pages.labels[key])} labels, but the document has {count} page{'s' if count > 1 else ''}"
            yield Finding(Suspicion.BEYOND_END, key, 1.0, text)


def _fit(pages: LabelledPages, document: str, model: MarkModel, offset: int) -> FloatArray:
    """(N,) evidence for a mark, in nats, of each label of the document on the page `offset` pages after its own."""
    fits = [np.zeros(0)]
    for key, page in sorted(pages.labels.items()):
        if key.document == document and len(page):
            there = pages.measures.get(PageKey(document, key.page + offset)) if key.page + offset > 0 else None
            features = _features_at(there, key.page, offset)
            missing = np.full(len(page), _MISSING_PAGE_NATS)
            fits.append(missing if features is None else model.mark_evidence(features))
    return np.concatenate(fits).astype(np.float32)


def _features_at(measure: PageMeasure | None, page: int, offset: int) -> FloatArray | None:
    """Features of the labels of `page` on the page that `measure` is about, `offset` pages later; None without it."""
    if measure is None:
        return None
    if offset:
        return measure.visiting.get(page)
    return np.stack([box.features for box in measure.boxes])
