"""Labels that look wrong by their ink, by their fellows, by their class or by their page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect.boxes import ios, iou
from docdetect.datasets.findings import Finding, Suspicion
from docdetect.datasets.mark_model import BACKGROUND, MarkModel, fit_marks
from docdetect.datasets.measures import BoxMeasure, PageMeasure
from docdetect.datasets.split import PageKey
from docdetect.types import Detections

_BLANK_INK_SHARE = 0.004
_BLANK_INK_PX = 25
_CUT_SHARE = 0.45
_LOOSE_SHARE = 0.4
_SAME_MARK_IOU = 0.5
_SAME_MARK_IOS = 0.85
_UNUSUAL_Z = 4.5
_LEAST_DEVIATION = 0.2  # of a log size: labels of few documents are more alike than the next one will be
_MIN_FELLOWS = 10
_ALIKE, _USUAL_FELLOWS = 0.3, 3  # with as many fellows of nearly its log size and shape a label is another usual kind
_SURE_NATS = 3.0
_QR = "qr"


@dataclass(frozen=True)
class LabelledPages:
    """What the checks look at.

    Attributes:
        labels: page -> its labels.
        measures: page -> what was measured; pages that could not be rendered are missing.
        classes: class names in the order of their ids.
    """

    labels: Mapping[PageKey, Detections]
    measures: Mapping[PageKey, PageMeasure]
    classes: tuple[str, ...]

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
    """Boxes on blank paper, boxes whose ink lies mostly outside, boxes that are far too large for their ink."""
    for key, position, box in pages.boxes():
        share = float(np.exp(box.features[2]))  # the logarithm of ink share plus a little
        if box.ink_px < _BLANK_INK_PX or share < _BLANK_INK_SHARE + 0.005:
            yield pages.finding(Suspicion.BLANK, key, position, 1.0, "there is no ink in the box")
        elif box.outside_share > _CUT_SHARE:
            text = f"{box.outside_share:.0%} of the ink that reaches into the box lies outside it"
            yield pages.finding(Suspicion.CUT, key, position, box.outside_share, text)
        elif box.extent_share < _LOOSE_SHARE:
            text = f"the ink takes up {box.extent_share:.0%} of the box"
            yield pages.finding(Suspicion.LOOSE, key, position, 1 - box.extent_share, text)


def duplicate_findings(pages: LabelledPages) -> Iterator[Finding]:
    """Of two labels of one class that share a mark, the later one; and two classes on exactly one box."""
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
    """Boxes whose size or shape is far from that of their class, by the robust z-score of its logarithm."""
    by_class: dict[int, list[tuple[PageKey, int, NDArray[np.float64]]]] = {}
    for key in sorted(pages.labels):
        page = pages.labels[key]
        sides = np.maximum(page.xyxy[:, 2:] - page.xyxy[:, :2], 1e-3) / max(page.size_wh)
        for position, (width, height) in enumerate(sides.astype(np.float64)):
            row = np.array([0.5 * np.log(width * height), np.log(width / height)])
            by_class.setdefault(int(page.class_ids[position]), []).append((key, position, row))
    for entries in by_class.values():
        if len(entries) < _MIN_FELLOWS:
            continue
        table = np.stack([row for _, _, row in entries])
        centre = np.median(table, axis=0)
        deviation = np.maximum(1.4826 * np.median(np.abs(table - centre), axis=0), _LEAST_DEVIATION)
        for key, position, row in entries:
            z = (row - centre) / deviation
            worst = int(np.argmax(np.abs(z)))
            alike = int((np.abs(table - row).max(axis=1) < _ALIKE).sum()) - 1
            if abs(z[worst]) > _UNUSUAL_Z and alike < _USUAL_FELLOWS:
                word = (("small", "large"), ("narrow", "wide"))[worst][int(z[worst] > 0)]
                times = float(np.exp(abs(row[worst] - centre[worst])))
                text = f"{times:.1f} times as {word} as its class usually is"
                yield pages.finding(Suspicion.UNUSUAL, key, position, abs(z[worst]) / 12, text)


def class_findings(pages: LabelledPages) -> Iterator[Finding]:
    """Boxes that look like another class, or like no mark, to a model of the labels of the other documents."""
    models: dict[str, MarkModel | None] = {}
    for key, position, box in pages.boxes():
        own = pages.classes[pages.class_id(key, position)]
        if box.is_code and _QR in pages.classes and own != _QR:
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
