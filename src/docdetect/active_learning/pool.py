"""The pages that a queue is chosen from: their scores, the shortlist, the pages for tests, and reasons in words."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from docdetect.active_learning.run_pages import RunPages
from docdetect.active_learning.scores import SCORE_NAMES, Weights, class_weights, page_mean, second_look_score
from docdetect.datasets.split import PageKey
from docdetect.files import sha256_text
from docdetect.models.engines.features import Looked

# Pages that are looked at again for each page that is wanted, and the fewest.
_SHORTLIST_FACTOR = 8
_SHORTLIST_LEAST = 100
# Most pages of one document in the shortlist, as a share of the pages that are wanted, and the fewest.
_OF_ONE_DOCUMENT_FRAC = 0.5
_OF_ONE_DOCUMENT_LEAST = 5
# A score is named as a reason where it makes up at least this share of the score of the page.
_REASON_FRAC = 0.2


@dataclass
class Pool:
    """The pages of a run and what each is worth.

    Attributes:
        pages: the pages.
        scores: name of `SCORE_NAMES` -> (N,) scores from 0 to 1.
        total: (N,) what each page is worth.
        index: page -> its position.
        left_out: what is not considered, in words -> how many.
    """

    pages: RunPages
    scores: dict[str, NDArray[np.float64]]
    total: NDArray[np.float64]
    index: dict[PageKey, int]
    left_out: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, pages: RunPages, required: tuple[str, ...]) -> Pool:
        """The pool of a run; `required` are the classes that every document has to have."""
        weights = class_weights(pages.marks.sum(axis=0))
        scores = {
            "entropy": page_mean(pages.entropies, weights),
            "near_miss": page_mean(pages.near, weights),
            "disagreement": pages.disagreement.astype(np.float64),
            "lacks": pages.lacks(required),
            "second_look": np.zeros(len(pages)),
        }
        return cls(pages, scores, _total(scores), {key: position for position, key in enumerate(pages.keys)})

    def by_worth(self, positions: Iterable[int]) -> list[int]:
        """The positions, those of the most worth first; ties in page order."""
        return sorted(positions, key=lambda position: (-self.total[position], position))

    def shortlist(self, candidates: Sequence[int], count: int) -> list[int]:
        """The candidates of the most worth, not too many of one document, for a queue of `count` pages."""
        size = max(_SHORTLIST_FACTOR * count, _SHORTLIST_LEAST) if count else 0
        most = max(int(_OF_ONE_DOCUMENT_FRAC * count), _OF_ONE_DOCUMENT_LEAST)
        of_document: dict[str, int] = {}
        taken: list[int] = []
        for position in self.by_worth(candidates):
            name = self.pages.keys[position].document
            if len(taken) == size:
                break
            if of_document.get(name, 0) < most:
                of_document[name] = of_document.get(name, 0) + 1
                taken.append(position)
        return taken

    def add_second_look(self, looks: Mapping[PageKey, Looked]) -> None:
        """Scores how much the second look at a page differs from what the run found there."""
        head = self.pages.head
        for key, look in looks.items():
            position = self.index[key]
            marks, p_marks = self.pages.marks_of(position)
            again = look.found.select(look.found.known_scores >= head.thresholds[look.found.class_ids])
            self.scores["second_look"][position] = second_look_score(
                marks, p_marks, self.pages.calibrated(again.scaled(marks.size_wh))
            )
        self.total = _total(self.scores)

    def scores_of(self, position: int) -> dict[str, float]:
        """The scores of one page by name."""
        return {name: float(self.scores[name][position]) for name in SCORE_NAMES}

    def reason(self, position: int) -> str:
        """Why a page is worth a label, in words: the scores that make up the most of what it is worth."""
        parts = {name: getattr(Weights(), name) * float(self.scores[name][position]) for name in SCORE_NAMES}
        whole = sum(parts.values())
        telling = [name for name in sorted(parts, key=lambda name: -parts[name]) if parts[name] > _REASON_FRAC * whole]
        words = [self._words(name, position) for name in telling if parts[name] > 0]
        return "; ".join(words) or "nothing unsure on it, but unlike the other pages"

    def _words(self, name: str, position: int) -> str:
        pages, names = self.pages, self.pages.head.class_names
        if name == "entropy":
            unsure = names[int(pages.unsure_class[position])]
            return f"unsure whether it has a {unsure} (probability {pages.unsure_p[position]:.0%})"
        if name == "near_miss":
            nearest = int(pages.near[position, :, 0].argmax())
            share = float(pages.near[position, nearest, 0])
            return f"a possible {names[nearest]} at {share:.0%} of the threshold"
        if name == "disagreement":
            return f"boxes of one mark overlap by {1 - float(pages.disagreement[position]):.0%} only"
        if name == "lacks":
            return "a required mark is missing in the document"
        return "a smaller look at the page finds other marks"


def draw_test_pages(
    keys: Sequence[PageKey], free: Sequence[int], earlier: set[PageKey], count: int, share: float, seed: int
) -> list[int]:
    """Positions of the pages for tests: those that were drawn earlier and still wait for their review, then new ones.

    Pages are ordered by the hash of seed and page, so that the pages of all rounds together are one random sample.

    Args:
        keys: all pages.
        free: positions of the pages that have no label.
        earlier: pages that were drawn before.
        count: how many pages are wanted in all.
        share: how many of them are for tests, in [0, 1); at least one page unless the share is 0.
        seed: of the order.
    """
    if not share:
        return []

    def order(position: int) -> tuple[bool, str]:
        key = keys[position]
        return key not in earlier, sha256_text(f"{seed}\ntest\n{key.document}\n{key.page}")

    return heapq.nsmallest(max(round(share * count), 1), free, key=order)


def _total(scores: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.sum([getattr(Weights(), name) * scores[name] for name in SCORE_NAMES], axis=0), np.float64)
