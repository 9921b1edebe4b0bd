"""Connected pieces of ink that are no part of a mark: ruled lines, rows of print, and what lies mostly elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.types import BoolArray, FloatArray

BoxPx = tuple[int, int, int, int]
"""Left, top, right, bottom px, right and bottom exclusive."""

# Darkness, beside the darkest tenth of the ink, from which px make the core of strokes: strokes that touch with their
# soft edges alone are apart.
_CORE = 0.5

# How far ink of the mark may lie outside of its box, as a share of the box's shorter side: people cut the ends of
# signatures off, while stamps have clear borders.
_OUTSIDE_FRAC = 0.08
_OUTSIDE_STAMP_FRAC = 0.02

# Share of the ink that a stray piece has at most, and how far it lies from larger ones, as a share of the box's shorter
# side: the points of letters lie nearer.
_STRAY = 0.015
_STRAY_IN_STAMP = 0.002
_STRAY_DISTANCE = 0.2

# Share of a connected piece that must lie in the box, beyond which it belongs to the mark.
_MOSTLY_INSIDE = 0.55

# A rule is at least this long (as a share of the box's width) and at most this thick (as a share of its length).
_RULE_LENGTH = 0.45
_RULE_ASPECT = 1 / 14

# Letters that stand side by side and make a row of print, and as many as no signature has in one small height.
_LEAST_IN_ROW = 4
_SURELY_PRINT = 7

# Height of print at most, as a share of the height of a signature's box and of a stamp's.
_PRINT_HEIGHT = 0.33
_PRINT_IN_STAMP_HEIGHT = 0.5

# Least share of its box that a letter and a word covers with ink; strokes of handwriting cover less.
_LEAST_LETTER_DENSITY = 0.2
_LEAST_WORD_DENSITY = 0.3

# Deviation of the heights of a row of print at most, as a share of their mean.
_UNEVEN = 0.3

# Share of a mark's ink beyond a row of print up to which the mark is cut off at the row.
_LITTLE_BEYOND = 0.08


def without_rules(mask: BoolArray, box: BoxPx, *, handwritten: bool, coloured: bool) -> BoolArray:
    """Without long thin straight lines; where strokes of the mark cross them, the crossings stay."""
    if coloured and not handwritten:
        return mask
    width, height = box[2] - box[0], box[3] - box[1]
    out = mask
    for along_x, length in ((True, width), (False, height)):
        least = max(24, round(_RULE_LENGTH * (length if handwritten else max(length, 40))))
        out = _without_lines(out, box, least, along_x=along_x, handwritten=handwritten)
    return out


def _without_lines(mask: BoolArray, box: BoxPx, least: int, *, along_x: bool, handwritten: bool) -> BoolArray:
    work = mask if along_x else mask.T
    left, right = (box[0], box[2]) if along_x else (box[1], box[3])
    pieces = work.astype(np.uint8)
    # A line that leans by a degree or two is a chain of shorter runs.
    runs = cv2.morphologyEx(pieces, cv2.MORPH_OPEN, np.ones((1, max(10, least // 4)), np.uint8))
    chained = cv2.dilate(runs, np.ones((3, 7), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(chained, connectivity=8)
    lines = np.zeros_like(work)
    for index in range(1, count):
        x, y, w, h, _ = (int(value) for value in stats[index])
        long_enough = w >= least and h <= max(5, w * _RULE_ASPECT + w * 0.035)
        # The frame of a stamp ends with the stamp; a rule of the page goes on.
        beyond = max(8, round(0.06 * (right - left)))
        goes_on = x < left - beyond or x + w > right + beyond
        if not long_enough or not (goes_on or handwritten):
            continue
        rows = work[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == index)
        thickness = float(np.median(rows.sum(axis=0)))
        if thickness <= max(3.0, w * _RULE_ASPECT) and rows.any(axis=0).mean() > 0.6:
            lines[y : y + h, x : x + w] |= rows & (runs[y : y + h, x : x + w] > 0)
    if not lines.any():
        return mask
    lines = cv2.dilate(lines.astype(np.uint8), np.ones((3, 1), np.uint8)).astype(bool) & work
    rest = work & ~lines
    # Strokes that come from above and go on below have crossed the line.
    tall = int(min(9, max(3, 2 + lines.sum(axis=0).max())))
    above = cv2.dilate(rest.astype(np.uint8), np.ones((tall, 3), np.uint8), anchor=(1, 0)).astype(bool)
    below = cv2.dilate(rest.astype(np.uint8), np.ones((tall, 3), np.uint8), anchor=(1, tall - 1)).astype(bool)
    out: BoolArray = rest | (lines & above & below)
    return out if along_x else np.ascontiguousarray(out.T)


def without_print(mask: BoolArray, darkness: FloatArray, box: BoxPx, *, handwritten: bool) -> tuple[BoolArray, bool]:
    """Without rows of print; returns the rest, and whether rows that look like print were kept, for lack of others.

    Args:
        mask: (H, W), px of ink.
        darkness: float32 (H, W), how dark they are.
        box: the mark's box.
        handwritten: whether print in the box is none of the mark; in stamps only rows that go on outside are print.
    """
    labels, stats = _pieces(mask, darkness)
    if len(stats) <= 1:
        return mask, False
    pieces = _Pieces(stats[1:, :4].astype(np.float32), stats[1:, cv2.CC_STAT_AREA].astype(np.float32))
    in_row, bands = _rows(pieces, box, handwritten=handwritten)
    if handwritten and not _leaves_a_signature(in_row, pieces, box):
        return mask, True
    x, y, w, h = pieces.boxes.T
    for left, top, right, bottom in bands:
        # Points, accents and broken letters of a row lie within its height.
        in_row |= (x >= left) & (x + w <= right) & (y >= top) & (y + h <= bottom)
    keep = np.concatenate([[False], ~in_row])
    kept: BoolArray = keep[labels]
    if handwritten:
        for band in bands:
            kept = _without_band(kept, box, band)
    return kept, False


@dataclass(frozen=True)
class _Pieces:
    """Connected pieces of ink: `boxes` float32 (N, 4) as left, top, width, height, and `areas` float32 (N), in px."""

    boxes: FloatArray
    areas: FloatArray

    @property
    def letters(self) -> FloatArray:
        """How many letters each piece may be: at low resolutions the letters of a word run together."""
        return np.asarray(
            np.maximum(1, np.rint(self.boxes[:, 2] / (0.8 * np.maximum(self.boxes[:, 3], 1)))), np.float32
        )

    def printed(self, highest: float) -> BoolArray:
        """Which pieces may be letters or words of print: small, and denser than handwriting."""
        w, h = self.boxes[:, 2], self.boxes[:, 3]
        density = self.areas / (w * h)
        dense = (density > _LEAST_LETTER_DENSITY) & ((w <= 1.4 * h) | (density > _LEAST_WORD_DENSITY))
        mask: BoolArray = (h >= 4) & (h <= highest) & (w <= 18 * h) & dense
        return mask


Band = tuple[float, float, float, float]


def _rows(pieces: _Pieces, box: BoxPx, *, handwritten: bool) -> tuple[BoolArray, list[Band]]:
    """Which pieces stand in rows of print, and left, top, right, bottom of each row."""
    height = box[3] - box[1]
    x, y, w, h = pieces.boxes.T
    printed = pieces.printed(max(6.0, (_PRINT_HEIGHT if handwritten else _PRINT_IN_STAMP_HEIGHT) * height))
    letters = pieces.letters
    in_row = np.zeros(len(x), bool)
    bands: list[Band] = []
    for index in np.flatnonzero(printed):
        if in_row[index]:
            continue
        size = float(h[index])
        side = printed & (np.abs((y + h) - (y[index] + size)) < 0.35 * size) & (h > 0.5 * size) & (h < 1.9 * size)
        row = _chained(x, w, side, int(index), 1.6 * size)
        if len(row) < 2 or letters[row].sum() < _LEAST_IN_ROW or not _is_print(pieces, row, box, size, handwritten):
            continue
        in_row[row] = True
        top, bottom = float(np.median(y[row])), float(np.median(y[row] + h[row]))
        left, right = float(x[row].min()) - size, float((x[row] + w[row]).max()) + size
        bands.append((left, top - 0.3 * size, right, bottom + 0.35 * size))
    return in_row, bands


def _is_print(pieces: _Pieces, row: NDArray[np.int64], box: BoxPx, size: float, handwritten: bool) -> bool:
    """Whether a row of pieces is print of the page and not a part of the mark."""
    x, y, w, h = pieces.boxes[row].T
    letters, height = pieces.letters[row], box[3] - box[1]
    middle_x, middle_y = x + w / 2, y + h / 2
    outside = float(letters[(middle_x < box[0]) | (middle_x > box[2])].sum())
    if outside >= 2 or bool(((middle_y < box[1]) | (middle_y > box[3])).all()):
        return True
    if not handwritten or float(h.std()) >= _UNEVEN * float(h.mean()) or letters.sum() <= _LEAST_IN_ROW:
        return False
    # Print stands above and below signatures; in the middle of one, only print has many letters of one small height.
    beside = not 0.2 * height < float(np.median(middle_y)) - box[1] < 0.68 * height
    return beside or bool(letters.sum() >= _SURELY_PRINT and size < 0.22 * height)


def _chained(x: FloatArray, w: FloatArray, side: BoolArray, start: int, gap: float) -> NDArray[np.int64]:
    """Indices of the pieces that follow each other without a gap, from `start` to both sides."""
    order = np.flatnonzero(side)
    order = order[np.argsort(x[order])]
    position = int(np.flatnonzero(order == start)[0])
    first = last = position
    while first > 0 and x[order[first]] - (x[order[first - 1]] + w[order[first - 1]]) < gap:
        first -= 1
    while last + 1 < len(order) and x[order[last + 1]] - (x[order[last]] + w[order[last]]) < gap:
        last += 1
    return np.asarray(order[first : last + 1], np.int64)


def _leaves_a_signature(in_row: BoolArray, pieces: _Pieces, box: BoxPx) -> bool:
    """Whether enough is left without the rows: a signature of unjoined letters is a row of pieces itself."""
    if not in_row.any():
        return True
    x, y, w, h = pieces.boxes[~in_row].T
    left, right = x.clip(box[0], box[2]), (x + w).clip(box[0], box[2])
    top, bottom = y.clip(box[1], box[3]), (y + h).clip(box[1], box[3])
    within = right > left
    if not within.any():
        return False
    reach_x = (right[within].max() - left[within].min()) / (box[2] - box[0])
    reach_y = (bottom[within].max() - top[within].min()) / (box[3] - box[1])
    return bool(reach_x > 0.4 and reach_y > 0.35)


def _pieces(mask: BoolArray, darkness: FloatArray) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Label of each px's piece of ink, and the pieces' statistics as OpenCV gives them; piece 0 is the background.

    Pieces are told apart by the cores of strokes; each px of their edges belongs to the piece that it is nearest to.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.int32), np.zeros((1, 5), np.int32)
    core = mask & (darkness >= _CORE * float(np.quantile(darkness[mask], 0.9)))
    # A pale piece without a core is a piece all the same.
    _, whole = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    has_core = np.zeros(int(whole.max()) + 1, bool)
    has_core[np.unique(whole[core])] = True
    core |= mask & ~has_core[whole]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    _, nearest = cv2.distanceTransformWithLabels(
        (~core).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_nearest = np.zeros(int(nearest.max()) + 1, np.int32)
    of_nearest[nearest[core]] = labels[core]
    return np.where(mask, of_nearest[nearest], 0).astype(np.int32), stats


def _without_band(mask: BoolArray, box: BoxPx, band: tuple[float, float, float, float]) -> BoolArray:
    """Without what is left in a row of print along the upper or lower edge of the box, and what lies beyond it.

    Strokes that go on beyond it with more than a little ink stay, and so does what they cross the row with.
    """
    height = box[3] - box[1]
    middle = (band[1] + band[3]) / 2
    if box[1] + 0.25 * height < middle < box[3] - 0.35 * height:
        return mask
    total = max(1, int(mask[box[1] : box[3]].sum()))
    end = max(0, int(band[1])) if middle > (box[1] + box[3]) / 2 else max(0, int(np.ceil(band[3])))
    beyond = slice(int(np.ceil(band[3])), box[3]) if middle > (box[1] + box[3]) / 2 else slice(box[1], int(band[1]))
    if int(mask[beyond].sum()) < _LITTLE_BEYOND * total:
        kept: BoolArray = mask.copy()
        kept[end:] &= middle < (box[1] + box[3]) / 2
        kept[:end] &= middle > (box[1] + box[3]) / 2
        return kept
    rows = slice(max(0, int(band[1])), max(0, int(np.ceil(band[3]))))
    part = mask[rows]
    if not part.any():
        return mask
    _, labels = cv2.connectedComponents(part.astype(np.uint8), connectivity=8)
    crossing = np.intersect1d(labels[0], labels[-1])
    kept = mask.copy()
    kept[rows] &= np.isin(labels, crossing[crossing > 0])
    return kept


def in_box(mask: BoolArray, box: BoxPx, *, handwritten: bool) -> BoolArray:
    """The pieces that lie mostly in the box, and of the others what lies in it; none of it far outside."""
    short = min(box[2] - box[0], box[3] - box[1])
    slack = max(2, round((_OUTSIDE_FRAC if handwritten else _OUTSIDE_STAMP_FRAC) * short))
    near = np.zeros_like(mask)
    near[window_of(mask.shape, (box[0] - slack, box[1] - slack, box[2] + slack, box[3] + slack))] = True
    inside = np.zeros_like(mask)
    inside[window_of(mask.shape, box)] = True
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)
    within = np.bincount(labels[inside], minlength=count)
    share = within / np.maximum(areas, 1)
    own = share >= _MOSTLY_INSIDE
    own[0] = False
    # A piece that lies mostly elsewhere is another thing, unless it fills much of the box, too.
    large = within > 0.25 * max(1, int((mask & inside).sum()))
    partly = (share > 0) & ~own & large
    partly[0] = False
    out: BoolArray = (own[labels] & near) | (partly[labels] & inside)
    return out


def without_strays(mask: BoolArray, box: BoxPx, *, handwritten: bool) -> BoolArray:
    """Without small pieces that lie apart: specks, dots of ruled lines, and what is left of print."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA]
    share = _STRAY if handwritten else _STRAY_IN_STAMP
    large = areas >= max(4.0, share * float(mask.sum()))
    large[0] = False
    reach = max(2, round(_STRAY_DISTANCE * min(box[2] - box[0], box[3] - box[1])))
    away = cv2.distanceTransform((~large[labels]).astype(np.uint8), cv2.DIST_L2, 3)
    nearest = np.full(count, np.inf)
    np.minimum.at(nearest, labels[mask], away[mask])
    keep = large | ((nearest <= reach) & (areas >= 4))
    keep[0] = False
    kept: BoolArray = keep[labels]
    return kept


def window_of(shape: tuple[int, ...], box: BoxPx) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return slice(max(0, top), max(0, min(shape[0], bottom))), slice(max(0, left), max(0, min(shape[1], right)))
