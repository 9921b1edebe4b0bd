"""The wall of crops: the marks of all pages of a run, one after the other, to be accepted or rejected at a glance.

Every mark has a place in the order that does not change when other marks are accepted or rejected, so that a reader
who asks for more goes on behind the last mark that was seen. The marks of pages that nobody has revised, of which a
large run has hundreds of thousands, are sorted as arrays and once; those of revised pages are few, and are merged in.
"""

from __future__ import annotations

import bisect
import heapq
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

CropOrder: TypeAlias = Literal["confidence", "confidence-desc", "page"]

Place: TypeAlias = tuple[float, int, int, str]
"""Of a mark in the order: what is sorted by first, the position of its document, its page, and its id in a form in
which `n2` comes before `n10`."""

_NUMBERED = re.compile(r"([ng])(\d+)")


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


@dataclass(frozen=True)
class NetworkMarks:
    """Marks that the network has found, as arrays of one length (N,), in the order of documents and pages.

    Attributes:
        letter: with which their ids begin.
        documents, pages: see `WallMark`.
        numbers: position of each mark on its page, which is the rest of its id.
        categories: numbers of the categories.
        scores: confidences.
        names: of the categories.
    """

    letter: str
    documents: NDArray[np.int64]
    pages: NDArray[np.int64]
    numbers: NDArray[np.int64]
    categories: NDArray[np.uint8]
    scores: NDArray[np.float32]
    names: Sequence[str]


@dataclass(frozen=True)
class RevisedMarks:
    """What stands on the pages that people have revised, in place of the marks of the network.

    Attributes:
        pages: positions of the documents and numbers of these pages.
        marks: on them.
    """

    pages: Sequence[tuple[int, int]]
    marks: Sequence[WallMark]


class Wall:
    """The marks of a run in the orders that are asked for; orders are kept until the run changes.

    Args:
        network: gives the marks of the network on all pages.
        revised: gives what takes their place on revised pages.
    """

    def __init__(self, network: Callable[[], NetworkMarks], revised: Callable[[], RevisedMarks]) -> None:
        self._read_network, self._read_revised = network, revised
        self._versions = (-1, -1)
        self._network: NetworkMarks
        self._revised: RevisedMarks
        # For each mark of the network, whether its page is revised.
        self._is_void: NDArray[np.bool_]
        self._orders: dict[tuple[str, CropOrder], tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    def section(
        self,
        versions: tuple[int, int],
        category: str,
        order: CropOrder,
        reviewed: bool | None,
        after: Place | None,
        limit: int,
    ) -> tuple[list[WallMark], Place | None, int]:
        """The next marks, the place of the last of them where there are more, and the number of all such marks.

        Args:
            versions: of what the network found, and of the run with what people made of it; what belongs to another
                version than before is made anew.
            category: only marks of this category; "" for all.
            order: `confidence` begins with the least confident mark, `confidence-desc` with the most confident one;
                marks that a person drew come last in both.
            reviewed: only marks that a person has looked at (True), or that nobody has (False).
            after: only marks behind this place.
            limit: most marks.
        """
        self._refresh(versions)
        chosen = [
            (_place(mark, order), mark)
            for mark in self._revised.marks
            if category in ("", mark.category) and reviewed in (None, mark.decided)
        ]
        total = len(chosen)
        if after is not None:
            chosen = [one for one in chosen if one[0] > after]
        sources: list[Iterable[tuple[Place, WallMark]]] = [sorted(chosen, key=lambda one: one[0])]
        if reviewed is not True:
            positions, firsts = self._order(category, order)
            total += int((~self._is_void[positions]).sum())
            sources.append(self._from_network(positions, firsts, after))
        found: list[tuple[Place, WallMark]] = []
        for one in heapq.merge(*sources, key=lambda one: one[0]):
            if len(found) == limit:
                return [mark for _, mark in found], found[-1][0], total
            found.append(one)
        return [mark for _, mark in found], None, total

    def _refresh(self, versions: tuple[int, int]) -> None:
        if versions[0] != self._versions[0]:
            self._network, self._orders = self._read_network(), {}
        if versions != self._versions:
            self._revised = self._read_revised()
            void = np.array([_code(document, page) for document, page in self._revised.pages], np.int64)
            self._is_void = np.isin(_code(self._network.documents, self._network.pages), void)
        self._versions = versions

    def _order(self, category: str, order: CropOrder) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions of the marks of a category in an order, and what they are sorted by first."""
        key = (category, order)
        if key not in self._orders:
            marks = self._network
            number = marks.names.index(category) if category in marks.names else -1
            positions = np.flatnonzero(marks.categories == number) if category else np.arange(len(marks.categories))
            firsts: NDArray[np.float64] = np.zeros(len(positions), np.float64)
            if order != "page":
                sign = 1.0 if order == "confidence" else -1.0
                firsts = np.asarray(sign * np.round(marks.scores[positions].astype(np.float64), 6), np.float64)
            sorting = np.lexsort((positions, firsts))  # positions are in the order of documents, pages and numbers
            self._orders[key] = positions[sorting], firsts[sorting]
        return self._orders[key]

    def _from_network(
        self, positions: NDArray[np.int64], firsts: NDArray[np.float64], after: Place | None
    ) -> Iterator[tuple[Place, WallMark]]:
        """The marks of the network on pages that nobody has revised, behind a place."""
        marks = self._network

        def place(at: int) -> Place:
            one = positions[at]
            tie = _tie(f"{marks.letter}{marks.numbers[one]}")
            return float(firsts[at]), int(marks.documents[one]), int(marks.pages[one]), tie

        start = 0 if after is None else bisect.bisect_right(range(len(positions)), after, key=place)
        for at in range(start, len(positions)):
            one = positions[at]
            if not self._is_void[one]:
                name, score = marks.names[marks.categories[one]], float(marks.scores[one])
                box = f"{marks.letter}{marks.numbers[one]}"
                yield place(at), WallMark(int(marks.documents[one]), int(marks.pages[one]), box, name, score, False)


def _code(document: NDArray[np.int64] | int, page: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """One number for a page of a document."""
    return np.asarray(document, np.int64) << 32 | np.asarray(page, np.int64)


def _place(mark: WallMark, order: CropOrder) -> Place:
    if order == "page":
        first = 0.0
    elif math.isnan(mark.score):
        first = 2.0
    else:
        first = round(mark.score, 6) if order == "confidence" else -round(mark.score, 6)
    return first, mark.document, mark.page, _tie(mark.id)


def _tie(box: str) -> str:
    """The id of a box in a form whose order is that of the numbers in it."""
    match = _NUMBERED.fullmatch(box)
    return box if match is None else f"{match[1]}{int(match[2]):09d}"


def place_to_text(place: Place) -> str:
    """The place as a text for an address."""
    return json.dumps(place, separators=(",", ":"))


def place_from_text(text: str) -> Place:
    """`place_to_text` reversed. Raises ValueError for another text."""
    try:
        first, document, page, box = json.loads(text)
        return float(first), int(document), int(page), str(box)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no place on the wall: {text[:80]!r}") from error
