"""Numbers that say what a box on a page holds: how its ink is spread, shaped and coloured, inside and around it.

They tell marks from text and one kind of mark from another well enough to find labels that do not belong where they
are; they are no detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.datasets.fingerprints import ink_mask
from docdetect.types import BoolArray, ByteArray, FloatArray

AUDIT_LONG_SIDE_PX = 1200
"""Labels are audited on pages of this long side: a stroke of a pen is two or three pixels wide."""

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

_RING_FRAC = 0.12
_MIN_RING_PX = 6
_TRIM = 0.005  # of the ink on each side that does not count for its extent: specks
_EPSILON = 0.005


@dataclass(frozen=True)
class PageInk:
    """A page as the audit sees it.

    Attributes:
        ink: bool (H, W), darker than the paper in any colour.
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
    first = int(np.searchsorted(sums, _TRIM * total, side="right"))
    last = int(np.searchsorted(sums, (1 - _TRIM) * total, side="left"))
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
