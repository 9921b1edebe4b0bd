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

from docdetect.synth.cutouts.ink import Ink, colour_limit
from docdetect.synth.cutouts.pieces import BoxPx, in_box, window_of, without_print, without_rules, without_strays
from docdetect.types import BoolArray, ByteArray, FloatArray

# Share of a mark's box, in one direction and in the other, that ink of one colour must reach across to be its own.
_OWN_REACH = 0.4
_LEAST_REACH = 0.2

# How much less grey ink counts than ink of a colour: most print is grey; and ink of which another mark has as much.
_GREY_WRITING, _GREY_PRINT = 0.25, 0.5
_INK_OF_ANOTHER = 0.3
_AS_MUCH = 0.5
_MUCH_ELSEWHERE = 0.25

# Share of an ink that lies within 2 px of the mark's ink, from which it is the same ink.
_ALONG = 0.55

# Darkness of the darker third of an ink from which it counts in full.
_FULL_STRENGTH = 0.45

# Degrees of hue within which inks are one: scans of one ink differ by 20, JPEG adds as much.
_ONE_HUE_DEGREES = 50

# Least share of the visible ink that an ink of its own has.
_LEAST_INK_SHARE = 0.04

# Share of a connected piece that must be coloured, so that its pale grey px count as coloured, too.
_COLOURED_SHARE = 0.25

# Mean saturation of a piece, as a share of the limit, that has the same effect: dark inks lose most of their colour.
_TINGED = 0.55


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
        print_like: whether the mark looks like rows of print, and was kept because there is nothing else in the box.
    """

    mask: BoolArray
    colour: str
    by_colour: bool
    taken_away: float
    print_like: bool


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
    inside = window_of(ink.visible.shape, box)
    visible = int(ink.visible[inside].sum())
    if not visible:
        return None
    if whole:
        mask = np.zeros_like(ink.visible)
        mask[inside] = ink.visible[inside]
        return Separated(mask, _main_colour(ink, mask), False, 0.0, False)
    colours = inks_of(ink, box)
    own = _own(ink, colours, box, others, handwritten=handwritten)
    if own is not None:
        own, colours = _with_cores(own, colours, box)
    several = own is not None and len(colours) > 1
    coloured = own is not None and own.name != "grey"
    by_colour = several and own is not None and not _has_much(own, box, others)
    mask = own.mask if own is not None else ink.visible
    if several and own is not None:
        mask = _with_crossings(mask, ink, colours, own)
    mask = without_rules(mask, box, handwritten=handwritten, coloured=several and coloured)
    print_like = False
    if not coloured:
        mask, print_like = without_print(mask, ink.darkness, box, handwritten=handwritten)
    mask = in_box(mask, box, handwritten=handwritten)
    mask = without_strays(mask, box, handwritten=handwritten)
    kept = int(mask[inside].sum())
    if not kept:
        return None
    name = own.name if own is not None else _main_colour(ink, mask)
    return Separated(mask, name, by_colour, 1 - kept / visible, print_like)


def inks_of(ink: Ink, box: BoxPx) -> list[Colour]:
    """The inks in `box` that colour tells apart, the one that covers most first; grey ink is one of them."""
    inside = np.zeros_like(ink.visible)
    inside[window_of(ink.visible.shape, box)] = True
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
    saturation = np.bincount(labels.ravel(), weights=ink.saturation.ravel(), minlength=count) / np.maximum(areas, 1)
    darkest = float(np.quantile(ink.darkness[coloured & inside], 0.8))
    belongs = (share >= _COLOURED_SHARE) | ((saturation >= _TINGED * limit) & (share >= 0.02))
    pale = ink.visible & (ink.darkness <= darkest) & belongs[labels]
    # The pale edges of print are no more than a px wide.
    pale &= ~cv2.dilate(
        (ink.visible & ~coloured & (ink.darkness > darkest)).astype(np.uint8), np.ones((3, 3), np.uint8)
    ).astype(bool)
    both: BoolArray = coloured | pale
    return both


def _own(ink: Ink, colours: list[Colour], box: BoxPx, others: Sequence[BoxPx], *, handwritten: bool) -> Colour | None:
    """The ink that fills the mark's box best; None where no ink reaches across it."""
    width, height = box[2] - box[0], box[3] - box[1]
    best, best_score = None, 0.0
    inside = np.zeros_like(ink.visible)
    inside[window_of(inside.shape, box)] = True
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
        elsewhere[window_of(elsewhere.shape, other)] = True
    window = window_of(inside.shape, box)
    inside[window], elsewhere[window] = True, False
    here, there = float((colour.mask & inside).sum()), float((colour.mask & elsewhere).sum())
    if colour.name != "grey" and there > _MUCH_ELSEWHERE * here:
        return True  # grey ink is also that of the print below other marks
    return there * float(inside.sum()) > _AS_MUCH * here * max(1.0, float(elsewhere.sum()))


def _with_cores(own: Colour, colours: list[Colour], box: BoxPx) -> tuple[Colour, list[Colour]]:
    """The mark's ink with what colour told apart from it by mistake, and all inks after that.

    Ink that lies along the mark's ink nearly everywhere is the core of its strokes, too dark to show a colour. Print
    that the mark crosses lies away from it for the most part.
    """
    window = window_of(own.mask.shape, box)
    near = cv2.dilate(own.mask[window].astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    kept, mask = [], own.mask
    for colour in colours:
        part = colour.mask[window]
        if colour is not own and float((part & near).sum()) > _ALONG * float(part.sum()):
            mask = mask | colour.mask
        elif colour is not own:
            kept.append(colour)
    merged = Colour(own.name, mask)
    return merged, [merged, *kept]


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
    return np.asarray(np.rint(rgba), np.uint8)


def _soft(mask: BoolArray, ink: Ink) -> FloatArray:
    """The mask as weights: 1 in it, half on px that touch it, so that strokes keep their soft edges."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~mask
    paper = near & ~ink.visible
    return np.asarray(np.where(mask, 1.0, np.where(paper, 0.8, 0.0)), np.float32)
