"""Are two pages near-duplicates? Their ink is laid one over the other and compared place by place.

To a perceptual hash one page of text looks like another. Here two pages count as near-duplicates when most places of
both carry the same ink: the same words at the same places, in whatever colour, under other stamps and signatures, a
little shifted, turned or scaled.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.types import BoolArray, ByteArray, FloatArray

NEAR_DUPLICATE = 0.35
"""`ink_agreement` from which two pages are near-duplicates. Exports of one document with other marks have 0.5 to 1,
few lines under a large stamp or fillings of one form 0.25 to 0.6, other words in the very same layout up to 0.2, other
pages 0.05 at most."""

_COARSE = 0.25  # scale at which pages are aligned
_COARSE_SIGMA_PX = 1.2
_MAX_SHIFT_SHARE = 0.15  # of the longer side; a larger shift is an accident of the correlation
_STEPS = ((5, 0.45), (25, 0.55))
"""Iterations of the alignment, and the correlation of coarse ink below which it is given up after them: most pairs
that are none go after the first few. Near-duplicates reach 0.65 and more."""
_CELL_PX = 40
_MIN_CELL_INK_PX = 12
_MAX_CELL_INK_PX = 200  # a stamp or a table's black bar has no more say than a line of text
_CHANCE_WINDOW_PX = 49
_CELL_AGREES = 0.5
_HOPELESS = 0.1  # with less on one page the other need not be looked at


def ink_agreement(first: BoolArray, second: BoolArray) -> float:
    """Share of the places of two pages that carry the same ink, 0..1, symmetrical but for rounding.

    The second page is laid over the first (phase correlation, then the enhanced correlation coefficient of Evangelidis
    and Psarakis, PAMI 2008, with an affine map). In each cell of 40 x 40 px the share of ink that lies within 1 px of
    the other page's ink is corrected for the share expected by chance from how dense that ink is in the row and in the
    column around, which any text in the same layout and any ruled line reach: Cohen's kappa, (share - chance) /
    (1 - chance). A cell agrees above 0.5; the result is the share of agreeing cells, weighted by ink, of the page on
    which it is smaller: an empty form in which something was written agrees, a letterhead and a letter do not.

    Args:
        first, second: bool (H, W) ink masks of about 640 px, see `fingerprints.ink_mask`.
    """
    height, width = (-(-max(sides) // _CELL_PX) * _CELL_PX for sides in zip(first.shape, second.shape, strict=True))
    one, other = (_on_canvas(mask, height, width) for mask in (first, second))
    warp = _alignment(one, other)
    if warp is None:
        return 0.0
    laid_over = cv2.warpAffine(other, warp, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    laid_over = cv2.threshold(laid_over, 100, 255, cv2.THRESH_BINARY)[1]
    share = _share_of_agreeing_cells(one, laid_over)
    return min(share, _share_of_agreeing_cells(laid_over, one)) if share > _HOPELESS else share


def _on_canvas(mask: BoolArray, height: int, width: int) -> ByteArray:
    """The mask as uint8 0 or 255 (bytes are several times faster than floats here), padded to whole cells."""
    canvas = np.zeros((height, width), np.uint8)
    canvas[: mask.shape[0], : mask.shape[1]][mask] = 255
    return canvas


def _alignment(one: ByteArray, other: ByteArray) -> NDArray[np.float32] | None:
    """The affine map (2, 3) from px of `one` to px of `other`; None when the pages have nothing in common."""
    coarse_one, coarse_other = _coarse(one), _coarse(other)
    (dx, dy), _ = cv2.phaseCorrelate(coarse_one, coarse_other)
    if max(abs(dx), abs(dy)) > _MAX_SHIFT_SHARE * max(coarse_one.shape):
        dx = dy = 0.0
    warp = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    for iterations, least in _STEPS:
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-4)
        try:
            correlation, warp = cv2.findTransformECC(
                coarse_one, coarse_other, warp, cv2.MOTION_AFFINE, criteria, None, 3
            )
        except cv2.error:  # does not converge: the pages do not look alike, or one of them has hardly any ink
            return None
        if not correlation >= least:
            return None
    fine: NDArray[np.float32] = np.asarray(warp, np.float32).copy()
    fine[:, 2] /= _COARSE
    return fine


def _coarse(ink: ByteArray) -> FloatArray:
    small = cv2.resize(ink, None, fx=_COARSE, fy=_COARSE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _COARSE_SIGMA_PX), np.float32)


def _share_of_agreeing_cells(ink: ByteArray, other: ByteArray) -> float:
    near_other = cv2.dilate(other, np.ones((3, 3), np.uint8))
    chance = cv2.max(cv2.blur(near_other, (_CHANCE_WINDOW_PX, 1)), cv2.blur(near_other, (1, _CHANCE_WINDOW_PX)))
    total, hits, expected = (_cell_sums(layer) for layer in (ink, ink & near_other, ink & chance))
    kappa = (hits - expected) / np.maximum(total - expected, 1e-3)
    weight = np.where(total >= _MIN_CELL_INK_PX, np.minimum(total, _MAX_CELL_INK_PX), 0.0)
    if not weight.sum():
        return 0.0
    return float((weight * (kappa > _CELL_AGREES)).sum() / weight.sum())


def _cell_sums(layer: ByteArray) -> FloatArray:
    """Sums over cells of a layer of 0..255, which stands for 0..1."""
    height, width = layer.shape
    cells = (width // _CELL_PX, height // _CELL_PX)
    means = cv2.resize(layer.astype(np.float32), cells, interpolation=cv2.INTER_AREA)
    return np.asarray(means * (_CELL_PX**2 / 255), np.float32)
