"""Every labelled box measured on its page, and on the pages that it might belong to instead."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from docdetect.boxes import intersection
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.mark_features import (
    AUDIT_LONG_SIDE_PX,
    FEATURE_NAMES,
    PageInk,
    box_features,
    box_window,
    ink_extent,
)
from docdetect.datasets.split import PageKey
from docdetect.documents.codes import read_code
from docdetect.documents.reader import Document, LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.documents.workers import PageOutcome, WorkerSettings, iter_pages
from docdetect.types import BoolArray, Detections, FloatArray, SizeWH

MAX_OFFSET = 2
"""Labels are tried on pages up to this far from their own."""

_BACKGROUNDS_PER_PAGE = 6
_TRIES_PER_PAGE = 60
_AROUND_FRAC = 0.35
_CODE_ASPECTS = (0.7, 1.4)


@dataclass(frozen=True)
class BoxMeasure:
    """One label on its own page.

    Attributes:
        features: float32 (15,), see `mark_features`.
        ink_px: ink in the box, at 1200 px on the long side.
        extent_share: share of the box that the extent of its ink covers, 0..1.
        tight_xyxy: (4,) that extent, px of the label's page size; the box itself where it has no ink.
        outside_share: of the ink of all pieces that reach into the box, the share that lies outside it, 0..1; ink in
            other labels' boxes does not count.
        is_code: a QR code in it was read.
    """

    features: FloatArray
    ink_px: int
    extent_share: float
    tight_xyxy: FloatArray
    outside_share: float
    is_code: bool


@dataclass(frozen=True)
class PageMeasure:
    """One page of a document with labels.

    Attributes:
        key: the page.
        boxes: one for each of its labels, in their order.
        visiting: page number -> float32 (N, 15), features of the labels of that other page on this one.
        background: float32 (N, 15), features of boxes at places without a label.
    """

    key: PageKey
    boxes: tuple[BoxMeasure, ...]
    visiting: Mapping[int, FloatArray] = field(default_factory=dict)
    background: FloatArray = field(default_factory=lambda: np.zeros((0, len(FEATURE_NAMES)), np.float32))


@dataclass(frozen=True)
class Measuring:
    """The PageWork that measures a page.

    Attributes:
        labels: page -> its labels; also of pages beyond a document's end.
        sizes_frac: (N, 2) width and height, as shares of the page, of boxes to be put on places without a label.
    """

    labels: Mapping[PageKey, Detections]
    sizes_frac: FloatArray

    def __call__(self, document: Document, number: int) -> PageMeasure:
        page = document.render(number, LongSide(AUDIT_LONG_SIDE_PX))
        ink, size_wh = PageInk.of(page.pixels), page.info.size_wh
        key = PageKey(page.info.document, number)
        own = self.labels.get(key, Detections.none(size_wh, scored=False))
        on_page = own.scaled(size_wh)
        boxes = []
        for position in range(len(own)):
            measure = _measure(ink, on_page.xyxy, position, (own.size_wh, size_wh))
            is_code = _may_be_code(on_page.xyxy[position]) and bool(read_code(page.pixels, on_page.xyxy[position]))
            boxes.append(BoxMeasure(*measure, is_code))
        near = (number + step for step in range(-MAX_OFFSET, MAX_OFFSET + 1) if step)
        visiting = {
            other: _features(ink, self.labels[PageKey(key.document, other)].scaled(size_wh).xyxy)
            for other in near
            if PageKey(key.document, other) in self.labels
        }
        return PageMeasure(key, tuple(boxes), visiting, self._background(ink, key, on_page))

    def _background(self, ink: PageInk, key: PageKey, own: Detections) -> FloatArray:
        rng = np.random.default_rng(int(hashlib.sha256(str(key).encode()).hexdigest()[:12], 16))
        width, height = own.size_wh
        found: list[FloatArray] = []
        for _ in range(_TRIES_PER_PAGE if len(self.sizes_frac) else 0):
            size = self.sizes_frac[rng.integers(len(self.sizes_frac))] * (width, height)
            corner = rng.random(2) * np.maximum((width, height) - size, 1)
            box = np.concatenate([corner, corner + size]).astype(np.float32)
            if (intersection(box[None], own.xyxy) > 0.1 * size.prod()).any():
                continue
            found.append(box_features(ink, box))
            if len(found) == _BACKGROUNDS_PER_PAGE:
                break
        return np.array(found, np.float32).reshape(-1, len(FEATURE_NAMES))


def measure_documents(
    files: Sequence[DocumentFile],
    labels: Mapping[PageKey, Detections],
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> dict[PageKey, PageMeasure]:
    """All pages of the documents that have labels, measured; pages that cannot be rendered are missing."""
    labelled = {key.document for key in labels}
    wanted = [file for file in files if file.name in labelled]
    sizes = [(page.xyxy[:, 2:] - page.xyxy[:, :2]) / page.size_wh for page in labels.values() if len(page)]
    work = Measuring(labels, np.concatenate(sizes).astype(np.float32) if sizes else np.zeros((0, 2), np.float32))
    measures: dict[PageKey, PageMeasure] = {}
    finished = 0
    for outcome in iter_pages(wanted, work, workers):
        if not isinstance(outcome, PageOutcome):
            finished += 1
            on_progress(finished, len(wanted), f"measured {outcome.file.name}")
        elif outcome.value is not None:
            measures[outcome.value.key] = outcome.value
    return measures


def _measure(
    page: PageInk, boxes: FloatArray, position: int, sizes: tuple[SizeWH, SizeWH]
) -> tuple[FloatArray, int, float, FloatArray, float]:
    box = boxes[position]
    rows, columns = box_window(box, page.ink.shape)
    ink = page.ink[rows, columns]
    extent = ink_extent(ink)
    tight = box
    covered = 0.0
    if extent is not None:
        covered = (extent[2] - extent[0]) * (extent[3] - extent[1]) / ink.size
        tight = np.array(extent, np.float32) + np.array([columns.start, rows.start] * 2, np.float32)
    (width, height), (shown_width, shown_height) = sizes
    to_label = np.array([width / shown_width, height / shown_height] * 2, np.float32)
    others = np.delete(boxes, position, axis=0)
    outside = _outside_share(page.ink, box, others)
    return box_features(page, box), int(ink.sum()), covered, np.asarray(tight * to_label, np.float32), outside


def _outside_share(ink: BoolArray, box: FloatArray, others: FloatArray) -> float:
    around = np.tile((box[2:] - box[:2]) * _AROUND_FRAC, 2) * np.array([-1, -1, 1, 1], np.float32)
    rows, columns = box_window(box + around, ink.shape)
    own_rows, own_columns = box_window(box, ink.shape)
    counted = ink.copy()
    for other in others:
        counted[box_window(other, ink.shape)] = False
    counted[own_rows, own_columns] = ink[own_rows, own_columns]
    window = counted[rows, columns]
    inside = np.zeros(window.shape, bool)
    inside[
        own_rows.start - rows.start : own_rows.stop - rows.start,
        own_columns.start - columns.start : own_columns.stop - columns.start,
    ] = True
    _, pieces = cv2.connectedComponents(window.astype(np.uint8), connectivity=8)
    reaching = np.isin(pieces, np.unique(pieces[inside & window])) & window
    return float((reaching & ~inside).sum()) / max(float(reaching.sum()), 1.0)


def _features(ink: PageInk, boxes: FloatArray) -> FloatArray:
    return np.array([box_features(ink, box) for box in boxes], np.float32).reshape(-1, len(FEATURE_NAMES))


def _may_be_code(box: FloatArray) -> bool:
    width, height = box[2:] - box[:2]
    return bool(height > 0 and _CODE_ASPECTS[0] < width / height < _CODE_ASPECTS[1])
