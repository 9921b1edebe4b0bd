"""The wall of crops: the marks of all pages of a run, one after the other, to be accepted or rejected at a glance.

Every mark has a place in the order that does not change when other marks are accepted or rejected, so that a reader
who asks for more goes on behind the last mark that was seen.
"""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

CropOrder: TypeAlias = Literal["confidence", "confidence-desc", "page"]

Place: TypeAlias = tuple[float, int, int, str]
"""Of a mark in the order: what is sorted by first, the position of its document, its page, its id."""


@dataclass(frozen=True, slots=True)
class WallMark:
    """A mark on the wall.

    Attributes:
        document: position of the document among all documents, by name.
        page: page number from 1.
        id: of the box.
        category: of the mark.
        score: confidence of the network; NaN for a mark that a person drew.
        decided: whether a person has looked at the mark or at its page.
    """

    document: int
    page: int
    id: str
    category: str
    score: float
    decided: bool


class Wall:
    """The marks of a run in the orders that are asked for; orders are kept until the run changes.

    Args:
        marks: gives all marks, in the order of documents and pages.
    """

    def __init__(self, marks: Callable[[], Iterable[WallMark]]) -> None:
        self._marks = marks
        self._version = -1
        self._orders: dict[tuple[str, CropOrder], list[tuple[Place, WallMark]]] = {}

    def section(
        self, version: int, category: str, order: CropOrder, reviewed: bool | None, after: Place | None, limit: int
    ) -> tuple[list[WallMark], Place | None, int]:
        """The next marks, the place of the last of them where there are more, and the number of all such marks.

        Args:
            version: of the run; another one than before makes the orders anew.
            category: only marks of this category; "" for all.
            order: `confidence` begins with the least confident mark, `confidence-desc` with the most confident one;
                marks that a person drew come last in both.
            reviewed: only marks that a person has looked at (True), or that nobody has (False).
            after: only marks behind this place.
            limit: most marks.
        """
        if version != self._version:
            self._version, self._orders = version, {}
        key = (category, order)
        if key not in self._orders:
            chosen = [mark for mark in self._marks() if category in ("", mark.category)]
            placed = [(_place(mark, order), mark) for mark in chosen]
            self._orders[key] = sorted(placed, key=lambda one: one[0])
        every = self._orders[key]
        total = len(every) if reviewed is None else sum(mark.decided is reviewed for _, mark in every)
        start = 0 if after is None else bisect.bisect_right(every, after, key=lambda one: one[0])
        found: list[tuple[Place, WallMark]] = []
        for place, mark in every[start:] if start else every:
            if reviewed is None or mark.decided is reviewed:
                if len(found) == limit:
                    return [one for _, one in found], found[-1][0], total
                found.append((place, mark))
        return [one for _, one in found], None, total


def _place(mark: WallMark, order: CropOrder) -> Place:
    if order == "page":
        first = 0.0
    elif math.isnan(mark.score):
        first = 2.0
    else:
        first = mark.score if order == "confidence" else -mark.score
    return round(first, 6), mark.document, mark.page, mark.id


def place_to_text(place: Place) -> str:
    """The place as a text for an address."""
    return json.dumps(place, separators=(",", ":"))


def place_from_text(text: str) -> Place:
    """`place_to_text` reversed. Raises ValueError for another text."""
    try:
        first, document, page, box = json.loads(text)
        return float(first), int(document), int(page), str(box)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"no place on the wall: {text[:80]!r}") from error
