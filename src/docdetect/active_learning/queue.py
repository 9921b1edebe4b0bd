"""`queue.csv`: the pages to label next, in this order, with the reason for each in words and the scores behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from docdetect.active_learning.scores import SCORE_NAMES
from docdetect.annotations.reviews import REVIEWED, latest_reviews
from docdetect.datasets.split import PageKey
from docdetect.files import read_text
from docdetect.tables import csv_text

COLUMNS = ("rank", "document", "page", "purpose", "reason", "score", *SCORE_NAMES, "distance", "group")

Purpose: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True)
class QueuedPage:
    """A page to label.

    Attributes:
        key: the page.
        purpose: `train`, or `test` for a page that was drawn at random and is kept for tests.
        reason: why the page was chosen, for people.
        score: how much the page is worth; pages for tests are not chosen by it.
        scores: the scores that it is made of, by the names of `SCORE_NAMES`, 0 to 1.
        distance: to the nearest page that was labelled or chosen before, 0 to 1; None where nobody looked.
        group: the group of near-duplicates that the page stands for; "" where nobody looked.
    """

    key: PageKey
    purpose: Purpose
    reason: str
    score: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    distance: float | None = None
    group: str = ""


def queue_text(pages: Sequence[QueuedPage]) -> str:
    """The text of a queue; the rank of a page is its place, from 1."""
    rows = (
        [
            rank,
            page.key.document,
            page.key.page,
            page.purpose,
            page.reason,
            round(page.score, 4),
            *(round(page.scores.get(name, 0.0), 4) for name in SCORE_NAMES),
            None if page.distance is None else round(page.distance, 4),
            page.group,
        ]
        for rank, page in enumerate(pages, start=1)
    )
    return csv_text(rows, COLUMNS)


def spread(train: Sequence[QueuedPage], test: Sequence[QueuedPage]) -> list[QueuedPage]:
    """Both kinds of pages in one queue, those for tests evenly among the others, so that any part has of both."""
    mixed = [((i + 0.5) / len(train), 0, page) for i, page in enumerate(train)]
    mixed += [((i + 0.5) / len(test), 1, page) for i, page in enumerate(test)]
    return [page for _, _, page in sorted(mixed, key=lambda entry: entry[:2])]


def reviewed_pages(log: Path) -> set[PageKey]:
    """The pages that a person has looked at, from the log of reviews of a run; none where there is no log.

    Raises:
        InputError: the log cannot be read.
    """
    if not log.is_file():
        return set()
    latest, _ = latest_reviews(read_text(log))
    return {PageKey(*key) for key, review in latest.items() if review.review_state in REVIEWED}


def counted(counts: Mapping[str, int]) -> str:
    """`pages that failed: 1, pages reviewed already: 3` for what was left out; "" where nothing was."""
    return ", ".join(f"{what}: {count}" for what, count in counts.items() if count)
