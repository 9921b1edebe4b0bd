"""What an audit measures: features of every labelled box, on its page and on the pages that it might belong to.

The features say how the ink in and around a box is spread, shaped and coloured. They tell marks from text, and one kind
of mark from another, well enough to find labels that do not belong where they are; they are no detector. `MarkModel`
learns from the labelled boxes of other documents which kind of mark, if any, a box holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.boxes import intersection
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.page_fingerprints import ink_mask
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.codes import read_code
from docdetect.documents.document import Document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.types import BoolArray, ByteArray, Detections, FloatArray, IntArray, SizeWH
from docdetect.workers.parts import WorkerSettings

AUDIT_LONG_SIDE_PX = 1200
"""Long side of the pages on which labels are measured: a stroke of a pen is two or three pixels wide."""

FEATURE_NAMES = (
    "log width",
    "log height",
    "ink share",
    "edges along x",
    "edges along y",
    "rows uneven",
    "columns uneven",
    "extent of ink",
    "ink around",
    "ink on the border",
    "colour",
    "ink on the ellipse",
    "ink in the corners",
    "largest piece",
    "extent of largest piece",
)

# Width of the band around a box in which ink is measured, as a share of the longer side, and at least in px.
_RING_FRAC = 0.12
_MIN_RING_PX = 6
# Share of the ink on each side that does not count for its extent, because it may be specks.
_SPECKS_FRAC = 0.005
# Added to shares of ink before their logarithm is taken.
_EPSILON = 0.005


@dataclass(frozen=True)
class PageInk:
    """The ink of a page and its colour.

    Attributes:
        ink: bool (H, W), pixels that are darker than the paper in any colour.
        saturation: uint8 (H, W), difference of the strongest and the weakest channel.
    """

    ink: BoolArray
    saturation: ByteArray

    @classmethod
    def of(cls, pixels: ByteArray) -> PageInk:
        """From uint8 (H, W, 3) RGB, about `AUDIT_LONG_SIDE_PX` on the long side."""
        red, green, blue = cv2.split(pixels)  # NumPy's minimum over an axis of three is fifty times slower
        weakest = cv2.min(cv2.min(red, green), blue)
        return cls(ink_mask(weakest), cv2.subtract(cv2.max(cv2.max(red, green), blue), weakest))


def box_window(xyxy: FloatArray, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the pixels of a box (4,) on a page of `shape` (H, W), at least one of each."""
    height, width = shape[:2]
    left, top, right, bottom = (float(value) for value in xyxy)
    x0, y0 = min(max(int(left), 0), width - 1), min(max(int(top), 0), height - 1)
    return slice(y0, max(y0 + 1, min(round(bottom), height))), slice(x0, max(x0 + 1, min(round(right), width)))


def ink_extent(ink: BoolArray) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the ink in a mask, specks trimmed; None where there is none."""
    columns, rows = ink.sum(axis=0), ink.sum(axis=1)
    total = int(columns.sum())
    if not total:
        return None
    (x0, x1), (y0, y1) = (_trimmed(profile, total) for profile in (columns, rows))
    return x0, y0, x1, y1


def box_features(page: PageInk, xyxy: FloatArray) -> FloatArray:
    """The features of one box: float32 (15,), in the order of `FEATURE_NAMES`.

    Args:
        page: the page.
        xyxy: (4,) px on it.
    """
    rows, columns = box_window(xyxy, page.ink.shape)
    ink = page.ink[rows, columns]
    height, width = ink.shape
    count = max(float(ink.sum()), 1.0)
    extent = ink_extent(ink)
    covered = 0.0 if extent is None else (extent[2] - extent[0]) * (extent[3] - extent[1]) / ink.size
    piece_share, piece_extent = _largest_piece(ink)
    values = [
        np.log(width),
        np.log(height),
        np.log(ink.mean() + _EPSILON),
        np.count_nonzero(ink[:, 1:] != ink[:, :-1]) / count,
        np.count_nonzero(ink[1:] != ink[:-1]) / count,
        _unevenness(ink.mean(axis=1)),
        _unevenness(ink.mean(axis=0)),
        covered,
        np.log((_ring_share(page.ink, rows, columns) + _EPSILON) / (ink.mean() + _EPSILON)),
        float(np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]).mean()),
        float(page.saturation[rows, columns][ink].mean() / 64) if ink.any() else 0.0,
        *_roundness(ink),
        piece_share,
        piece_extent,
    ]
    return np.array(values, np.float32)


def _trimmed(profile: NDArray[np.int64], total: int) -> tuple[int, int]:
    sums = np.cumsum(profile)
    first = int(np.searchsorted(sums, _SPECKS_FRAC * total, side="right"))
    last = int(np.searchsorted(sums, (1 - _SPECKS_FRAC) * total, side="left"))
    return first, last + 1


def _unevenness(profile: NDArray[np.float64]) -> float:
    """Standard deviation over mean of a density profile: high for lines of text, low for codes."""
    mean = float(profile.mean())
    return float(profile.std()) / mean if mean else 0.0


def _ring_share(ink: BoolArray, rows: slice, columns: slice) -> float:
    """Share of ink in a band around the box."""
    band = max(_MIN_RING_PX, round(_RING_FRAC * max(rows.stop - rows.start, columns.stop - columns.start)))
    outer = ink[max(rows.start - band, 0) : rows.stop + band, max(columns.start - band, 0) : columns.stop + band]
    inner = ink[rows, columns]
    return (float(outer.sum()) - float(inner.sum())) / max(outer.size - inner.size, 1)


def _roundness(ink: BoolArray) -> tuple[float, float]:
    """Ink density on the edge of the ellipse in the box, and in the corners outside it, relative to the box's."""
    height, width = ink.shape
    y, x = np.ogrid[:height, :width]
    radius = np.hypot((x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1)
    density = float(ink.mean()) + _EPSILON
    edge, corners = (radius > 0.78) & (radius <= 1.0), radius > 1.03
    return tuple(float(ink[zone].mean()) / density if zone.any() else 0.0 for zone in (edge, corners))  # type: ignore[return-value]


def _largest_piece(ink: BoolArray) -> tuple[float, float]:
    """Share of the ink in its largest connected piece, and of the box in that piece's bounding box."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    if count < 2:
        return 0.0, 0.0
    largest = stats[1:][np.argmax(stats[1:, cv2.CC_STAT_AREA])]
    area = float(largest[cv2.CC_STAT_WIDTH]) * float(largest[cv2.CC_STAT_HEIGHT])
    return float(largest[cv2.CC_STAT_AREA]) / float(ink.sum()), area / ink.size


MAX_OFFSET = 2
"""Labels are tried on pages up to this many pages from their own."""

# Number of boxes without a mark that are measured on each page, and the most random places that are tried for them.
_BACKGROUNDS_PER_PAGE = 6
_TRIES_PER_PAGE = 60
# How far around a box, as a share of its sides, ink that belongs to its mark is looked for.
_AROUND_FRAC = 0.35
# Width over height of boxes that may hold a QR code.
_CODE_ASPECTS = (0.7, 1.4)


@dataclass(frozen=True)
class BoxMeasure:
    """One label, measured on its own page.

    Attributes:
        features: float32 (15,), in the order of `FEATURE_NAMES`.
        ink_px: ink in the box, at 1200 px on the long side.
        extent_share: share of the box that the extent of its ink covers, 0..1.
        tight_xyxy: (4,) that extent in px of the page size that the label refers to; the box where it has no ink.
        outside_share: of the ink of all pieces that reach into the box, the share that lies outside it, 0..1; ink in
            other labels' boxes does not count.
        is_code: whether a QR code in the box was read.
    """

    features: FloatArray
    ink_px: int
    extent_share: float
    tight_xyxy: FloatArray
    outside_share: float
    is_code: bool


@dataclass(frozen=True)
class PageMeasure:
    """What was measured on one page of a document with labels.

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


BACKGROUND = -1
"""The class id of places without a mark."""

MIN_EXAMPLES = 6
"""Number of boxes of a class below which the class is not modelled."""

# Share of the covariance that is replaced by a sphere of the same trace, and a small number that keeps it invertible.
_SHRINKAGE = 0.2
_RIDGE = 1e-3
# Most evidence, in nats, that a single box gives for or against a mark: the features are less independent of each other
# than the model takes them to be.
_MOST_NATS = 6.0


@dataclass(frozen=True)
class MarkModel:
    """Linear discriminant analysis with a covariance shrunk towards a sphere and equal prior probabilities.

    (R. O. Duda, P. E. Hart, D. G. Stork, Pattern Classification, 2nd edition, 2.6; J. H. Friedman, Regularized
    Discriminant Analysis, JASA 1989.)

    Attributes:
        class_ids: int64 (C,), with BACKGROUND among them.
        means: (C, F) of the standardised features.
        precision: (F, F).
        centre, scale: (F,) of the standardisation.
    """

    class_ids: IntArray
    means: NDArray[np.float64]
    precision: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def log_probabilities(self, features: FloatArray) -> NDArray[np.float64]:
        """(N, F) -> (N, C) natural logarithms of the posterior probabilities."""
        standard = (np.asarray(features, np.float64) - self.centre) / self.scale
        away = standard[:, None, :] - self.means[None, :, :]
        logits = -0.5 * np.einsum("ncf,fg,ncg->nc", away, self.precision, away)
        return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))

    def mark_evidence(self, features: FloatArray) -> NDArray[np.float64]:
        """(N, F) -> (N,) evidence in nats, within -6..6: above 0 for a mark of any class, below 0 for background."""
        logs = self.log_probabilities(features)
        background = self.class_ids == BACKGROUND
        evidence = np.logaddexp.reduce(logs[:, ~background], axis=1) - logs[:, background][:, 0]
        return np.asarray(np.clip(evidence, -_MOST_NATS, _MOST_NATS))


def fit_marks(features: Sequence[FloatArray], class_ids: Sequence[int]) -> MarkModel | None:
    """The model of labelled boxes and places without a mark (class id BACKGROUND).

    Classes with fewer than `MIN_EXAMPLES` boxes are left out; None when no class or no background remains.
    """
    ids, counts = np.unique(np.asarray(class_ids, np.int64), return_counts=True)
    known = ids[counts >= MIN_EXAMPLES]
    if len(known) < 2 or BACKGROUND not in known:
        return None
    chosen = np.isin(class_ids, known)
    table = np.asarray(features, np.float64)[chosen]
    owner = np.searchsorted(known, np.asarray(class_ids, np.int64)[chosen])
    centre, scale = table.mean(axis=0), table.std(axis=0) + _RIDGE
    standard = (table - centre) / scale
    means = np.stack([standard[owner == position].mean(axis=0) for position in range(len(known))])
    residuals = standard - means[owner]
    covariance = residuals.T @ residuals / len(table)
    sphere = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    precision = np.linalg.inv((1 - _SHRINKAGE) * covariance + _SHRINKAGE * sphere + _RIDGE * np.eye(len(covariance)))
    return MarkModel(known, means, precision, centre, scale)
