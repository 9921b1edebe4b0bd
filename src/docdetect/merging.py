"""Merging of raw boxes into one box for each mark (the grouping of boxes); pure NumPy.

There are two methods. `original` follows the rules of the original system to the letter. One of its rules joins boxes
whose centres are less than 50 px apart, which also joins distinct signatures that stand close together. `default` was
made for that reason: it never joins boxes of different classes, it measures distances as shares of the boxes, and it
repeats until nothing changes, so that merging twice gives the same as merging once. Where boxes overlap, it takes the
most confident one, since the smallest box around all of them is often larger than the mark.

The result of neither method depends on the order of its input. Merged boxes come in descending confidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from docdetect.boxes import contained, intersection, iou, union_box
from docdetect.types import BoolArray, Detections, FloatArray, IntArray

Members = tuple[tuple[int, ...], ...]
"""For each merged box the ascending positions of the raw boxes that it stands for."""

# Two boxes are halves of one mark if they touch along one side and have nearly the same extent along that side: the gap
# between them is at most this share of their shorter sides, and their extents overlap (shared by joint length) by at
# least this share. In real title blocks, stacked signatures share up to 0.90 of their widths but lie 4 % of a box
# height apart, and signatures that touch share up to 0.64.
_HALVES_GAP_FRAC = 0.01
_HALVES_ALIGNED_FRAC = 0.8
# Halves meet along a side: they overlap by at most this share of the shorter of their sides across it. Boxes of stacked
# signatures whose strokes reach into each other overlap by 14 to 33 % of their heights.
_HALVES_DEPTH_FRAC = 0.1


@dataclass(frozen=True)
class GroupingSettings:
    """How raw boxes are merged; the keys of the configuration section `grouping`.

    Attributes:
        method: `default`, `original` (the rules of the original system), or `none` (every raw box is a mark).
        dist: distance between centres in px below which `original` joins two boxes; `default` does not use it.
        iou: intersection over union above which two boxes join, in [0, 1].
        contain: two boxes join if more than this share of one lies inside the other, in [0, 1].
        nested: if more than this share of a box lies inside another, `original` drops the less confident of the two,
            and for `default` the outer box covers the inner one; in [0, 1].
        per_class: the method `original` joins within a class only; the default method always does.
    """

    method: Literal["default", "original", "none"] = "default"
    dist: float = 50.0
    iou: float = 0.2
    contain: float = 0.6
    nested: float = 0.75
    per_class: bool = False


def merge_boxes(detections: Detections, settings: GroupingSettings | None = None) -> tuple[Detections, Members]:
    """Merges raw boxes into one box for each mark.

    The confidence of a merged box is the highest of its members, and its class that of the most confident member. Its
    box is the smallest one around its members. The default method leaves out members that overlap a more confident one,
    so that only halves of a mark are put together. Ground truth (scores None) is merged as if every score were 1, and
    every member counts.

    Args:
        detections: raw boxes of one page.
        settings: how to merge; None takes the defaults.

    Returns:
        The merged boxes in descending confidence, and for each the ascending positions of its members in
        `detections`. A box that a rule dropped is a member of no merged box.
    """
    settings = settings or GroupingSettings()
    order = _canonical_order(detections)
    ordered = detections.select(order)
    if settings.method == "none" or len(ordered) == 0:
        return ordered, tuple((int(position),) for position in order)
    if settings.method == "original":
        parts = _original_groups(ordered, settings)
        return _assemble(ordered, parts, _unions(ordered.xyxy, parts), order)
    return _assemble(ordered, *_default_groups(ordered, settings), order)


def _canonical_order(detections: Detections) -> IntArray:
    """Positions by descending score, then class and coordinates, so that ties do not depend on the input's order."""
    keys = [*detections.xyxy.T[::-1], detections.class_ids]
    return np.lexsort([*keys, -_scores(detections)])


def _assemble(
    ordered: Detections, parts: list[IntArray], boxes: FloatArray, order: IntArray
) -> tuple[Detections, Members]:
    """The merged boxes in canonical order, and their members as positions in the input.

    Args:
        ordered: the raw boxes in canonical order.
        parts: for each merged box the positions of its members in `ordered`, ascending.
        boxes: (N, 4), the merged boxes.
        order: for each box of `ordered` its position in the input.
    """
    # In canonical order the first member of a merged box is the one with the highest score.
    leaders = _leaders(parts)
    scores = None if ordered.scores is None else ordered.scores[leaders]
    grouped = Detections(boxes, ordered.class_ids[leaders], ordered.size_wh, scores)
    final = _canonical_order(grouped)
    members = tuple(tuple(sorted(int(order[i]) for i in parts[position])) for position in final)
    return grouped.select(final), members


def _original_groups(boxes: Detections, settings: GroupingSettings) -> list[IntArray]:
    """The two passes of the original system.

    The first drops the less confident of two nested boxes, the second joins boxes that are near or overlap.
    """
    kept = _without_nested(boxes, settings)
    rest = boxes.select(kept)
    related = _near(rest.xyxy, settings.dist) | _overlapping(rest.xyxy, settings)
    if settings.per_class:
        related &= _same_class(rest)
    return [kept[part] for part in _components(related)]


def _without_nested(boxes: Detections, settings: GroupingSettings) -> IntArray:
    """Positions that survive the first pass of the method `original`.

    Of equally confident boxes the canonically first stays.
    """
    inside = contained(boxes.xyxy, boxes.xyxy) > settings.nested
    nested = inside | inside.T
    if settings.per_class:
        nested &= _same_class(boxes)
    beaten = np.tril(nested, k=-1).any(axis=1)  # by an earlier, that is surer, box
    return np.flatnonzero(~beaten)


def _default_groups(boxes: Detections, settings: GroupingSettings) -> tuple[list[IntArray], FloatArray]:
    """Drop boxes that cover several surer marks, then join duplicates, nested fragments and halves to a fixed point.

    Returns:
        For each merged box the positions of its members, ascending, and (N, 4) the merged boxes.
    """
    kept = _without_covers(boxes, settings)
    parts, merged = [np.array([position]) for position in kept], boxes.xyxy[kept]
    while True:
        count = len(parts)
        if boxes.scores is not None:
            parts, merged = _surest(boxes, parts, merged, settings)
        related = _halves(merged) if boxes.scores is not None else _overlapping(merged, settings) | _halves(merged)
        components = _components(related & _same_class(boxes.select(_leaders(parts))))
        merged = _unions(merged, components)
        parts = [_joined(parts, component) for component in components]
        if len(parts) == count:
            return parts, merged


def _surest(
    boxes: Detections, parts: list[IntArray], merged: FloatArray, settings: GroupingSettings
) -> tuple[list[IntArray], FloatArray]:
    """Of boxes that overlap the most confident one stays, with the members of the others; the surest come first.

    What overlaps a box that goes, and not the one that stays, is a mark of its own.
    """
    duplicates = _overlapping(merged, settings) & _same_class(boxes.select(_leaders(parts)))
    left = np.ones(len(parts), bool)
    stay, joined = [], []
    for position in range(len(parts)):
        if left[position]:
            alike = np.flatnonzero(left & duplicates[position])
            left[alike] = False
            stay.append(position)
            joined.append(_joined(parts, alike))
    return joined, merged[np.array(stay, np.int64)]


def _leaders(parts: list[IntArray]) -> IntArray:
    """The most confident member of each part."""
    return np.array([part[0] for part in parts], np.int64)


def _joined(parts: list[IntArray], component: IntArray) -> IntArray:
    """The members of several parts, ascending."""
    members: IntArray = np.sort(np.concatenate([parts[i] for i in component]))
    return members


def _unions(xyxy: FloatArray, parts: list[IntArray]) -> FloatArray:
    """(N, 4) the smallest box around the boxes of each part."""
    return np.array([union_box(xyxy[part]) for part in parts], np.float32).reshape(-1, 4)


def _without_covers(boxes: Detections, settings: GroupingSettings) -> IntArray:
    """Positions without those boxes that contain two or more surer, mutually unrelated boxes of their class."""
    share = max(settings.nested, settings.contain)
    inside = (contained(boxes.xyxy, boxes.xyxy) > share) & _same_class(boxes)
    unrelated = ~(_overlapping(boxes.xyxy, settings) | _halves(boxes.xyxy))
    scores = _scores(boxes)
    kept = []
    for position in range(len(boxes)):
        inner = np.flatnonzero(inside[:, position] & (scores > scores[position]))
        if not unrelated[np.ix_(inner, inner)].any():
            kept.append(position)
    return np.array(kept, np.int64)


def _near(xyxy: FloatArray, dist_px: float) -> BoolArray:
    """(N, N) True where centres are less than `dist_px` apart."""
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    near: BoolArray = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1)) < dist_px
    return near


def _overlapping(xyxy: FloatArray, settings: GroupingSettings) -> BoolArray:
    """(N, N) True where two boxes overlap by more than the IoU or the containment threshold, or are the same."""
    inside = contained(xyxy, xyxy) > settings.contain
    same = (xyxy[:, None] == xyxy[None]).all(axis=2)
    overlapping: BoolArray = (iou(xyxy, xyxy) > settings.iou) | inside | inside.T | same
    return overlapping


def _halves(xyxy: FloatArray) -> BoolArray:
    """(N, N) True where two boxes meet along one axis and have nearly the same extent along the other."""
    touching = intersection(_widened(xyxy), xyxy) > 0
    touching |= touching.T
    aligned = np.stack([_interval_iou(xyxy[:, axis], xyxy[:, axis + 2]) for axis in (0, 1)]) >= _HALVES_ALIGNED_FRAC
    meeting = np.stack([_depth(xyxy[:, axis], xyxy[:, axis + 2]) for axis in (1, 0)]) <= _HALVES_DEPTH_FRAC
    halves: BoolArray = touching & (aligned & meeting).any(axis=0)
    return halves


def _shared_length(low: FloatArray, high: FloatArray) -> FloatArray:
    """(N,), (N,) -> (N, N) shared length of intervals on one axis; where they are apart, the gap below 0."""
    lengths: FloatArray = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    return lengths


def _depth(low: FloatArray, high: FloatArray) -> FloatArray:
    """(N,), (N,) -> (N, N) shared length of intervals on one axis over the shorter; below 0 where they are apart."""
    shared = _shared_length(low, high)
    shorter = np.minimum((high - low)[:, None], (high - low)[None])
    depths: FloatArray = np.divide(shared, shorter, out=np.ones_like(shared), where=shorter > 0)
    return depths


def _widened(xyxy: FloatArray) -> FloatArray:
    """Each box grown on every side by the gap, a share of its shorter side, that still counts as touching."""
    margin = _HALVES_GAP_FRAC * (xyxy[:, 2:] - xyxy[:, :2]).min(axis=1, keepdims=True, initial=np.inf)
    return np.concatenate([xyxy[:, :2] - margin, xyxy[:, 2:] + margin], axis=1).astype(np.float32)


def _interval_iou(low: FloatArray, high: FloatArray) -> FloatArray:
    """(N,), (N,) -> (N, N) shared length over joint length of intervals on one axis; 0 where they do not meet."""
    shared = _shared_length(low, high)
    joint = np.maximum(high[:, None], high[None]) - np.minimum(low[:, None], low[None])
    shares: FloatArray = np.divide(np.clip(shared, 0, None), joint, out=np.zeros_like(joint), where=joint > 0)
    return shares


def _same_class(boxes: Detections) -> BoolArray:
    same: BoolArray = boxes.class_ids[:, None] == boxes.class_ids[None]
    return same


def _scores(boxes: Detections) -> FloatArray:
    return np.ones(len(boxes), np.float32) if boxes.scores is None else boxes.scores


def _components(related: BoolArray) -> list[IntArray]:
    """Connected components of a symmetric relation, each ascending, ordered by their first element."""
    unseen = np.ones(len(related), bool)
    components = []
    for start in range(len(related)):
        if not unseen[start]:
            continue
        reached = np.zeros(len(related), bool)
        reached[start] = True
        while True:
            wider = reached | related[reached].any(axis=0)
            if (wider == reached).all():
                break
            reached = wider
        unseen &= ~reached
        components.append(np.flatnonzero(reached))
    return components
