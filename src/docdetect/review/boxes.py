"""Boxes of a page under review: read from the journal, checked when people send them, named, compared; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from docdetect import boxes as box_arithmetic
from docdetect.annotations.reviews import Review, ReviewedBox, ReviewState
from docdetect.review.pages import MAX_BOXES, BadBoxesError, PageView
from docdetect.types import SizeWH

# A possible mark is not offered where a box of its category covers it with at least this IoU.
_SAME_MARK_IOU = 0.5

# Boxes may stick out of the page by this much, which rounding explains.
_SLACK_PX = 1.0

# Shortest side of a box in px: less is a slip of the hand, and `prepare` would remove it.
_LEAST_SIDE_PX = 1.0


def network_boxes(items: Any, letter: str) -> tuple[ReviewedBox, ...]:
    """The boxes of a journal's line; their ids are the letter and their position."""
    return tuple(
        ReviewedBox(
            f"{letter}{position}",
            item["category"],
            tuple(float(value) for value in item["xyxy"]),  # type: ignore[arg-type]
            float(item["confidence"]),
            "network",
            item.get("text"),
        )
        for position, item in enumerate(items)
    )


def is_among(possible_mark: ReviewedBox, boxes: Iterable[ReviewedBox], *, same_base: bool) -> bool:
    """Whether a possible mark is one of the boxes of a review already."""
    for box in boxes:
        if same_base and box.id == possible_mark.id:
            return True
        if box.category == possible_mark.category and box_iou(box.xyxy, possible_mark.xyxy) >= _SAME_MARK_IOU:
            return True
    return False


def box_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes, xyxy in px, in [0, 1]."""
    return float(box_arithmetic.iou(np.array([one], np.float32), np.array([other], np.float32))[0, 0])


def scaled(review: Review, size_wh: SizeWH) -> Review:
    """The review in px of a page of another size, as a run at another resolution has it."""
    if review.size_wh == size_wh:
        return review
    x, y = (size_wh[axis] / review.size_wh[axis] for axis in (0, 1))

    def moved(xyxy: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        left, top, right, bottom = xyxy
        return round(left * x, 2), round(top * y, 2), round(right * x, 2), round(bottom * y, 2)

    boxes = tuple(replace(box, xyxy=moved(box.xyxy)) for box in review.boxes)
    return replace(review, boxes=boxes, size_wh=size_wh)


def checked_boxes(
    boxes: Sequence[ReviewedBox], size_wh: SizeWH, categories: Sequence[str], where: str
) -> list[ReviewedBox]:
    """The boxes cut at the edges of the page, in hundredths of px. Raises BadBoxesError."""
    if len(boxes) > MAX_BOXES:
        raise BadBoxesError(f"{where}: more than {MAX_BOXES} boxes", "Leave out what is no mark.")
    checked = []
    width, height = size_wh
    for number, box in enumerate(boxes, start=1):
        what = f"{where}: box {number}"
        if box.category not in categories:
            raise BadBoxesError(
                f"{what}: unknown category {box.category[:40]!r}", f"Categories: {', '.join(categories)}."
            )
        if not all(map(math.isfinite, box.xyxy)):
            raise BadBoxesError(f"{what}: {list(box.xyxy)} are no numbers", "Give left, top, right, bottom in px.")
        left, top, right, bottom = box.xyxy
        if min(left, top) < -_SLACK_PX or right > width + _SLACK_PX or bottom > height + _SLACK_PX:
            raise BadBoxesError(
                f"{what}: {list(box.xyxy)} sticks out of the page of {width} x {height} px",
                "Give left, top, right, bottom in px of the page as displayed.",
            )
        left, right = (round(min(max(edge, 0.0), float(width)), 2) for edge in (left, right))
        top, bottom = (round(min(max(edge, 0.0), float(height)), 2) for edge in (top, bottom))
        if right - left < _LEAST_SIDE_PX or bottom - top < _LEAST_SIDE_PX:
            raise BadBoxesError(
                f"{what}: {list(box.xyxy)} is less than {_LEAST_SIDE_PX:g} px wide or high",
                "Give left, top, right, bottom in px, left before right and top before bottom.",
            )
        checked.append(replace(box, xyxy=(left, top, right, bottom)))
    return checked


def decided_boxes(view: PageView, accepted: set[str], rejected: set[str]) -> tuple[list[ReviewedBox], ReviewState]:
    """The boxes of a page when some are accepted and some rejected, and what that makes of the page.

    A possible mark that is accepted becomes a box, and a mark of the network that was rejected before comes back.
    """
    where = f"{view.facts.document}, page {view.facts.number}"
    both = accepted & rejected
    present = {box.id for box in view.boxes}
    added = [box for box in (*view.network, *view.possible_marks) if box.id in accepted - present]
    unknown = (accepted | rejected) - present - {box.id for box in added}
    if both or unknown:
        wrong, what = (both, "accepted and rejected at once") if both else (unknown, "not on the page")
        raise BadBoxesError(f"{where}: boxes {what}: {', '.join(sorted(wrong))[:200]}", "Look at the page again.")
    kept = [
        replace(box, source="person") if box.id in accepted else box
        for box in (*view.boxes, *added)
        if box.id not in rejected
    ]
    if view.facts.reviewed:
        return kept, "corrected" if rejected or added else view.facts.review_state
    left = {possible_mark.id for possible_mark in view.possible_marks} - accepted
    if left or not all(box.source == "person" for box in kept):
        return kept, "unreviewed"
    return kept, "right" if {box.id for box in kept} == view.network_ids else "corrected"


def with_ids(boxes: Sequence[ReviewedBox], revision: int, where: str) -> list[ReviewedBox]:
    """The boxes, those without an id with a new one, `p<revision>-<number>`. Raises BadBoxesError: one comes twice."""
    given = [box.id for box in boxes if box.id]
    used = set(given)
    if len(used) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise BadBoxesError(f"{where}: two boxes have the id {twice!r}", "Leave the id of a new box out.")
    named = []
    for number, box in enumerate(boxes):
        name = box.id or f"p{revision}-{number}"
        while not box.id and name in used:
            name += "x"
        used.add(name)
        named.append(replace(box, id=name))
    return named


def with_text(box: ReviewedBox, known: Mapping[str, ReviewedBox]) -> ReviewedBox:
    """The box with what the network's box of the same id and category says, as long as it is the same mark."""
    before = known.get(box.id)
    same = before is not None and before.category == box.category and box_iou(before.xyxy, box.xyxy) >= _SAME_MARK_IOU
    return replace(box, text=before.text if same and before is not None else None)
