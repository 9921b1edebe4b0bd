"""The ink of one mark told from everything else that lies in and around its box: print, ruled lines, other inks.

Colour is asked first, since a blue signature over black print comes out whole. Where colour tells nothing apart, as on
grey pages, connected pieces of ink are looked at: rules are long, thin and straight, print stands in rows of pieces of
one height, and what belongs to the mark lies in its box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from numpy.typing import NDArray

from docdetect.synth.cutouts.ink import Ink, colour_limit
from docdetect.types import BoolArray, ByteArray, FloatArray

BoxPx = tuple[int, int, int, int]
"""Left, top, right, bottom px, right and bottom exclusive."""

# Share of a mark's box, in one direction and in the other, that ink of one colour must reach across to be the mark's own.
_OWN_REACH = 0.4
_LEAST_REACH = 0.2

# How much less grey ink counts than ink of a colour: most print is grey; and ink of which another mark has as much.
_GREY_WRITING, _GREY_PRINT = 0.25, 0.5
_INK_OF_ANOTHER = 0.3
_AS_MUCH = 0.5

# Darkness, beside the darkest tenth of the ink, from which px make the core of strokes: strokes that touch with their
# soft edges alone are apart.
_CORE = 0.5

# Darkness of the darker third of an ink from which it counts in full.
_FULL_STRENGTH = 0.45

# Degrees of hue within which inks are one: scans of one ink differ by 20, JPEG adds as much.
_ONE_HUE_DEGREES = 50

# Least share of the visible ink that an ink of its own has.
_LEAST_INK_SHARE = 0.04

# Share of a connected piece that must be coloured, so that its pale grey px count as coloured, too.
_COLOURED_SHARE = 0.25

# How far ink of the mark may lie outside of its box, as a share of the box's shorter side: people cut the ends of
# signatures off, while stamps have clear borders.
_OUTSIDE_FRAC = 0.08
_OUTSIDE_STAMP_FRAC = 0.02

# Share of a connected piece that must lie in the box, beyond which it belongs to the mark.
_MOSTLY_INSIDE = 0.55

# A rule is at least this long (as a share of the box's width) and at most this thick (as a share of its length).
_RULE_LENGTH = 0.45
_RULE_ASPECT = 1 / 14

# Pieces of one height that stand side by side and make a row of print; and how high print is at most beside the mark.
_LEAST_IN_ROW = 4
_LEAST_WORD_DENSITY = 0.3
_PRINT_HEIGHT = 0.4


@dataclass(frozen=True)
class Colour:
    """An ink that was told apart by colour.

    Attributes:
        name: grey, red, yellow, green, blue or violet.
        mask: (H, W), the px of the picture that it covers.
    """

    name: str
    mask: BoolArray


@dataclass(frozen=True)
class Separated:
    """What was found to be the mark.

    Attributes:
        mask: (H, W), px of its ink.
        colour: name of its ink.
        by_colour: whether the mark has an ink of its own, which neither the print nor another mark has.
        taken_away: ink in the box that is not the mark's, as a share of all visible ink in the box.
        mixed: share of the mark's ink that looks like print and was kept, because nothing tells the two apart.
    """

    mask: BoolArray
    colour: str
    by_colour: bool
    taken_away: float
    mixed: float


def separate(
    ink: Ink, box: BoxPx, *, handwritten: bool, others: Sequence[BoxPx] = (), whole: bool = False
) -> Separated | None:
    """The ink of the mark in `box`; None where there is none.

    Args:
        ink: of the box and some page around it.
        box: the mark's box in px of the picture that `ink` was made of.
        handwritten: whether the mark is written by hand, so that rows of print in the box are not part of it. Stamps
            consist of print; in them only rows that go on outside of the box are print.
        others: boxes of other marks.
        whole: whether all ink in the box is the mark, as with codes.
    """
    inside = _window(ink.visible.shape, box)
    visible = int(ink.visible[inside].sum())
    if not visible:
        return None
    if whole:
        mask = np.zeros_like(ink.visible)
        mask[inside] = ink.visible[inside]
        return Separated(mask, _main_colour(ink, mask), False, 0.0, 0.0)
    colours = inks_of(ink, box)
    own = _own(ink, colours, box, others, handwritten=handwritten)
    several = own is not None and len(colours) > 1
    coloured = own is not None and own.name != "grey"
    by_colour = several and own is not None and not _has_much(own, box, others)
    mask = own.mask if own is not None else ink.visible
    if several and own is not None:
        mask = _with_crossings(mask, ink, colours, own)
    mask = _without_rules(mask, box, handwritten=handwritten, coloured=several and coloured)
    mask, mixed = _without_print(mask, ink.darkness, box, handwritten=handwritten, coloured=coloured)
    mask = _in_box(mask, box, slack_frac=_OUTSIDE_FRAC if handwritten else _OUTSIDE_STAMP_FRAC)
    kept = int(mask[inside].sum())
    if not kept:
        return None
    return Separated(mask, own.name if own is not None else _main_colour(ink, mask), by_colour, 1 - kept / visible, mixed)


def inks_of(ink: Ink, box: BoxPx) -> list[Colour]:
    """The inks in `box` that colour tells apart, the one that covers most first; grey ink is one of them."""
    inside = np.zeros_like(ink.visible)
    inside[_window(ink.visible.shape, box)] = True
    inside &= ink.visible
    visible = int(inside.sum())
    coloured = _coloured(ink, inside)
    found = []
    left = coloured & inside
    taken = np.zeros_like(coloured)
    while int(left.sum()) > _LEAST_INK_SHARE * visible:
        histogram, _ = np.histogram(ink.hue[left], bins=36, range=(0, 360), weights=ink.darkness[left])
        smooth = histogram + np.roll(histogram, 1) + np.roll(histogram, -1)
        hue = float(np.argmax(smooth)) * 10 + 5
        away = np.abs((ink.hue - hue + 180) % 360 - 180)
        mask = coloured & ~taken & (away <= _ONE_HUE_DEGREES)
        if not (mask & left).any():
            break
        left &= ~mask
        if int((mask & inside).sum()) > _LEAST_INK_SHARE * visible:
            found.append(Colour(_hue_name(hue), mask))
            taken |= mask
    grey = ink.visible & ~coloured
    if int((grey & inside).sum()) > _LEAST_INK_SHARE * visible:
        found.append(Colour("grey", grey))
    return sorted(found, key=lambda one: -int((one.mask & inside).sum()))


def _coloured(ink: Ink, inside: BoolArray) -> BoolArray:
    """(H, W), px of ink that has a colour, by a limit that suits the inks in the mark's box."""
    limit = colour_limit(ink.saturation[inside], ink.darkness[inside])
    coloured = ink.visible & (ink.saturation >= limit)
    if not (coloured & inside).any() or coloured[inside].all():
        return coloured
    # Thin strokes lose their colour here and there. What is no darker than the coloured ink that it touches belongs to
    # it: print is darker.
    count, labels = cv2.connectedComponents(ink.visible.astype(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)
    share = np.bincount(labels[coloured], minlength=count) / np.maximum(areas, 1)
    darkest = float(np.quantile(ink.darkness[coloured & inside], 0.8))
    pale = ink.visible & (ink.darkness <= darkest) & (share >= _COLOURED_SHARE)[labels]
    # The pale edges of print are no more than a px wide.
    pale &= ~cv2.dilate((ink.visible & ~coloured & (ink.darkness > darkest)).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    both: BoolArray = coloured | pale
    return both


def _own(
    ink: Ink, colours: list[Colour], box: BoxPx, others: Sequence[BoxPx], *, handwritten: bool
) -> Colour | None:
    """The ink that fills the mark's box best; None where no ink reaches across it."""
    width, height = box[2] - box[0], box[3] - box[1]
    best, best_score = None, 0.0
    inside = np.zeros_like(ink.visible)
    inside[_window(inside.shape, box)] = True
    for colour in colours:
        within = colour.mask & inside
        if not within.any():
            continue
        left, top, right, bottom = _robust_box(within)
        reach_x, reach_y = (right - left) / width, (bottom - top) / height
        if max(reach_x, reach_y) < _OWN_REACH or min(reach_x, reach_y) < _LEAST_REACH:
            continue
        # Ink of a colour of its own is a mark sooner than grey ink, which print has, too; a tint of the paper is paler
        # than ink.
        share = float(within.sum()) / max(1, int(colour.mask.sum()))
        strength = min(1.0, float(np.quantile(ink.darkness[within], 0.7)) / _FULL_STRENGTH)
        score = reach_x * reach_y * (0.5 + 0.5 * share) * strength
        if colour.name == "grey":
            score *= _GREY_WRITING if handwritten else _GREY_PRINT
        if _has_much(colour, box, others):
            score *= _INK_OF_ANOTHER
        if score > best_score:
            best, best_score = colour, score
    return best


def _has_much(colour: Colour, box: BoxPx, others: Sequence[BoxPx]) -> bool:
    """Whether other marks have as much of an ink as the mark in `box`."""
    inside, elsewhere = np.zeros_like(colour.mask), np.zeros_like(colour.mask)
    for other in others:
        elsewhere[_window(elsewhere.shape, other)] = True
    window = _window(inside.shape, box)
    inside[window], elsewhere[window] = True, False
    here, there = float((colour.mask & inside).sum()), float((colour.mask & elsewhere).sum())
    return there * float(inside.sum()) > _AS_MUCH * here * max(1.0, float(elsewhere.sum()))


def _with_crossings(mask: BoolArray, ink: Ink, colours: list[Colour], own: Colour) -> BoolArray:
    """The mark with its own px below and beside other inks: fringes, and px where print lies on it."""
    others = np.zeros_like(mask)
    for colour in colours:
        if colour is not own:
            others |= colour.mask
    # Px of the other ink, hardly wider than a stroke, with the mark on both sides belong to both.
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel).astype(bool)
    pale = ink.visible & ~others
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    grown: BoolArray = mask | (closed & ink.visible) | (pale & near)
    # Specks of the own colour are the fringes of print.
    return _without_specks(grown, mask)


def _without_specks(mask: BoolArray, seeds: BoolArray) -> BoolArray:
    """Without pieces that are tiny beside the largest ones; `seeds` are px of the mark's own colour."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 1:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA]
    largest = areas[1:].max()
    seeded = np.bincount(labels[seeds], minlength=count)
    keep = (areas >= max(4, 0.002 * largest)) & (seeded >= 0.25 * areas)
    keep[0] = False
    kept: BoolArray = keep[labels]
    return kept


def _without_rules(mask: BoolArray, box: BoxPx, *, handwritten: bool, coloured: bool) -> BoolArray:
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


def _without_print(
    mask: BoolArray, darkness: FloatArray, box: BoxPx, *, handwritten: bool, coloured: bool
) -> tuple[BoolArray, float]:
    """Without rows of print; returns the rest, and which share of it looks like print all the same."""
    if coloured:
        return mask, 0.0
    labels, stats = _pieces(mask, darkness)
    if len(stats) <= 1:
        return mask, 0.0
    boxes, areas = stats[1:, :4].astype(np.float32), stats[1:, cv2.CC_STAT_AREA].astype(np.float32)
    x, y, w, h = boxes.T
    highest = max(6.0, (_PRINT_HEIGHT if handwritten else 0.5) * (box[3] - box[1]))
    # At low resolutions the letters of a word run together; a word is as dense as letters are, a flourish is not.
    dense = areas > _LEAST_WORD_DENSITY * w * h
    printed = (h >= 4) & (h <= highest) & (w <= 18 * h) & ((w <= 2.2 * h) | dense)
    letters = np.maximum(1, np.rint(w / (0.8 * np.maximum(h, 1))))
    in_row = np.zeros(len(boxes), bool)
    bands: list[tuple[float, float, float, float]] = []
    for index in np.flatnonzero(printed):
        if in_row[index]:
            continue
        size = float(h[index])
        side = printed & (np.abs((y + h) - (y[index] + size)) < 0.35 * size) & (h > 0.5 * size) & (h < 1.9 * size)
        row = _chained(x, w, side, int(index), 1.6 * size)
        if len(row) < 2 or letters[row].sum() < _LEAST_IN_ROW:
            continue
        outside = int(letters[row][(x[row] + w[row] / 2 < box[0]) | (x[row] + w[row] / 2 > box[2])].sum())
        out_of_box = (y[row] + h[row] / 2 < box[1]) | (y[row] + h[row] / 2 > box[3])
        middle = float(np.median(y[row] + h[row] / 2)) - box[1]
        beside = not 0.2 * (box[3] - box[1]) < middle < 0.68 * (box[3] - box[1])
        if (handwritten and beside) or outside >= 2 or bool(out_of_box.all()):
            in_row[row] = True
            top, bottom = float(np.median(y[row])), float(np.median(y[row] + h[row]))
            bands.append((float(x[row].min()) - size, top - 0.3 * size, float((x[row] + w[row]).max()) + size, bottom + 0.35 * size))
    if handwritten and not _leaves_a_signature(in_row, stats[1:], box):
        return mask, 1.0
    for left, top, right, bottom in bands:
        # Points, accents and broken letters of a row lie within its height.
        in_row |= (x >= left) & (x + w <= right) & (y >= top) & (y + h <= bottom)
    keep = np.concatenate([[False], ~in_row])
    kept: BoolArray = keep[labels]
    if handwritten:
        for left, top, right, bottom in bands:
            kept = _without_band(kept, box, (left, top, right, bottom))
    return kept, 0.0


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
    """Without what is left in a row of print along the upper or lower edge of the box, but for strokes that cross it."""
    height = box[3] - box[1]
    middle = (band[1] + band[3]) / 2
    if box[1] + 0.25 * height < middle < box[3] - 0.35 * height:
        return mask
    rows = slice(max(0, int(band[1])), max(0, int(np.ceil(band[3]))))
    part = mask[rows]
    if not part.any():
        return mask
    _, labels = cv2.connectedComponents(part.astype(np.uint8), connectivity=8)
    crossing = np.intersect1d(labels[0], labels[-1])
    kept: BoolArray = mask.copy()
    kept[rows] &= np.isin(labels, crossing[crossing > 0])
    return kept


def _chained(x: FloatArray, w: FloatArray, side: BoolArray, start: int, gap: float) -> BoolArray:
    """Indices of the pieces that follow each other without a gap, from `start` to both sides."""
    order = np.flatnonzero(side)
    order = order[np.argsort(x[order])]
    position = int(np.flatnonzero(order == start)[0])
    first = last = position
    while first > 0 and x[order[first]] - (x[order[first - 1]] + w[order[first - 1]]) < gap:
        first -= 1
    while last + 1 < len(order) and x[order[last + 1]] - (x[order[last]] + w[order[last]]) < gap:
        last += 1
    return order[first : last + 1]


def _leaves_a_signature(in_row: BoolArray, stats: FloatArray, box: BoxPx) -> bool:
    """Whether enough is left without the rows: a signature of unjoined letters is a row of pieces itself."""
    rest = stats[~in_row]
    if not in_row.any():
        return True
    if not len(rest):
        return False
    left, right = rest[:, 0].clip(box[0], box[2]), (rest[:, 0] + rest[:, 2]).clip(box[0], box[2])
    top, bottom = rest[:, 1].clip(box[1], box[3]), (rest[:, 1] + rest[:, 3]).clip(box[1], box[3])
    wide = (right - left) > 0
    if not wide.any():
        return False
    reach_x = (right[wide].max() - left[wide].min()) / (box[2] - box[0])
    reach_y = (bottom[wide].max() - top[wide].min()) / (box[3] - box[1])
    return bool(reach_x > 0.4 and reach_y > 0.35)


def _in_box(mask: BoolArray, box: BoxPx, *, slack_frac: float) -> BoolArray:
    """The pieces that lie mostly in the box, and of the others what lies in it; none of it far outside."""
    height, width = mask.shape
    short = min(box[2] - box[0], box[3] - box[1])
    slack = max(2, round(slack_frac * short))
    near = np.zeros_like(mask)
    near[_window(mask.shape, (box[0] - slack, box[1] - slack, box[2] + slack, box[3] + slack))] = True
    inside = np.zeros_like(mask)
    inside[_window(mask.shape, box)] = True
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


def _window(shape: tuple[int, ...], box: BoxPx) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return slice(max(0, top), max(0, min(shape[0], bottom))), slice(max(0, left), max(0, min(shape[1], right)))


def _robust_box(mask: BoolArray) -> BoxPx:
    """The box around all but the outermost hundredths of the px."""
    ys, xs = np.nonzero(mask)
    if not len(xs):
        return 0, 0, 0, 0
    left, right = np.quantile(xs, (0.01, 0.99))
    top, bottom = np.quantile(ys, (0.01, 0.99))
    return int(left), int(top), int(right) + 1, int(bottom) + 1


def _main_colour(ink: Ink, mask: BoolArray) -> str:
    if not mask.any():
        return "grey"
    coloured = mask & (ink.saturation >= colour_limit(ink.saturation[mask], ink.darkness[mask]))
    if coloured.sum() < 0.4 * mask.sum():
        return "grey"
    angles = np.radians(ink.hue[coloured])
    return _hue_name(float(np.degrees(np.arctan2(np.sin(angles).mean(), np.cos(angles).mean())) % 360))


def _hue_name(hue: float) -> str:
    for limit, name in ((25, "red"), (75, "yellow"), (165, "green"), (255, "blue"), (320, "violet")):
        if hue < limit:
            return name
    return "red"


def transparent(ink: Ink, mask: BoolArray) -> ByteArray:
    """The masked ink as uint8 (H, W, 4) straight alpha: laid on white paper as ink it gives the page over its paper.

    The alpha of the darkest tenth of the ink is 1; what is paler is as transparent as it is pale.
    """
    soft = _soft(mask, ink)
    darkness = ink.darkness * soft
    if not mask.any():
        return np.zeros((*mask.shape, 4), np.uint8)
    full = max(float(np.quantile(ink.darkness[mask], 0.9)), 0.05)
    alpha = np.clip(darkness / full, 0, 1)
    colour = 1 - (1 - ink.ratio) * soft[:, :, None] / np.maximum(alpha, 1e-3)[:, :, None]
    rgba = np.concatenate([np.clip(colour, 0, 1), alpha[:, :, None]], axis=2) * 255
    rgba[alpha <= 0] = 0
    return np.rint(rgba).astype(np.uint8)


def _soft(mask: BoolArray, ink: Ink) -> FloatArray:
    """The mask as weights: 1 in it, half on px that touch it, so that strokes keep their soft edges."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~mask
    paper = near & ~ink.visible
    return np.where(mask, 1.0, np.where(paper, 0.8, 0.0)).astype(np.float32)
