"""What makes a page worth labelling, as numbers from 0 to 1; pure arithmetic on what the journal of a run holds.

Four things count, and each is computed from results that are there already:

- *Uncertainty*: the entropy of the probability that each mark, or possible mark below the threshold, is a mark.
- *Near misses*: possible marks that nearly reach the threshold of their class.
- *Disagreement*: raw boxes that were merged into one mark although they hardly overlap.
- *Lacks*: the page is where a mark would be that its document has to have, and does not.

The mean over all boxes of a page would favour pages with a single box, and the sum crowded pages. Therefore the three
highest values of a page are added and divided by three, a missing one counted as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect import boxes
from docdetect.types import Detections, FloatArray

TOP = 3
"""How many boxes of a page count."""

# Weights of the classes are held between these values, so that no class decides alone.
_CLASS_WEIGHTS = 0.5, 2.0


@dataclass(frozen=True)
class Weights:
    """How much each score counts towards the score of a page; uncertainty is the measure for the others."""

    entropy: float = 1.0
    near_miss: float = 0.5
    disagreement: float = 0.5
    lacks: float = 0.5
    second_look: float = 0.5


SCORE_NAMES = ("entropy", "near_miss", "disagreement", "lacks", "second_look")


def binary_entropy(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) probabilities -> (N,) entropy in bits: 1 at 0.5, 0 at 0 and 1."""
    q = np.clip(np.asarray(p, np.float64), 1e-12, 1 - 1e-12)
    entropy = -(q * np.log2(q) + (1 - q) * np.log2(1 - q))
    return np.asarray(np.where((p <= 0) | (p >= 1), 0.0, entropy), np.float64)


def highest_by_class(values: NDArray[np.floating], class_ids: NDArray[np.int64], classes: int) -> FloatArray:
    """(N,) values -> (C, 3): the three highest of each class, descending, 0 where there are fewer."""
    highest = np.zeros((classes, TOP), np.float32)
    for class_id in np.unique(class_ids):
        best = np.sort(values[class_ids == class_id])[::-1][:TOP]
        highest[class_id, : len(best)] = best
    return highest


def page_mean(highest: FloatArray, class_weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, C, 3) highest values by class and (C,) weights -> (N,) sum of the three highest over 3, at most 1."""
    weighted = (highest * np.asarray(class_weights, np.float32)[None, :, None]).reshape(len(highest), -1)
    count = min(TOP, weighted.shape[1])
    best = np.partition(weighted, weighted.shape[1] - count, axis=1)[:, -count:]
    return np.asarray(np.minimum(best.sum(axis=1) / TOP, 1.0), np.float64)


def class_weights(marks: NDArray[np.integer]) -> NDArray[np.float64]:
    """(C,) marks of each class -> (C,) weights of mean 1 before they are held between 0.5 and 2.

    A class weighs the more the fewer marks it has, by the inverse square root: what is rare is what a network knows
    least about.
    """
    inverse = 1 / np.sqrt(np.asarray(marks, np.float64) + 1)
    return np.asarray(np.clip(inverse / inverse.mean(), *_CLASS_WEIGHTS), np.float64)


def disagreement(raw: Detections, marks: Detections, members: Sequence[Sequence[int]]) -> float:
    """How little the raw boxes of one mark overlap with its box, 0 to 1, for the mark where that is worst.

    Args:
        raw: the raw boxes.
        marks: the marks that were made of them.
        members: for each mark the positions of its raw boxes; a mark of a single box disagrees with nothing.
    """
    worst = 0.0
    for position, part in enumerate(members):
        if len(part) > 1:
            overlaps = boxes.iou(raw.xyxy[list(part)], marks.xyxy[position : position + 1])
            worst = max(worst, 1 - float(overlaps.mean()))
    return worst


def second_look_score(marks: Detections, p_marks: NDArray[np.floating], again: Detections) -> float:
    """How much the marks of a page differ from those of another look at it, 0 to 1.

    Each mark that the other side lacks (no box of its class with an IoU of 0.3 or more) counts with its probability,
    and a mark that both sides have with the difference of the two; the three highest are added and divided by 3.

    Args:
        marks: the marks of the run.
        p_marks: (N,) their probabilities.
        again: what the other look found, in px of the same page, above the same thresholds.
    """
    p_again = np.zeros(0) if again.scores is None else np.asarray(again.scores, np.float64)
    p_marks = np.asarray(p_marks, np.float64)
    same = (boxes.iou(marks.xyxy, again.xyxy) >= 0.3) & (marks.class_ids[:, None] == again.class_ids[None])
    partner = np.where(same, p_again[None], 0.0).max(axis=1, initial=0.0)
    alone = p_again[~same.any(axis=0)] if len(again) else np.zeros(0)
    differences = np.sort(np.concatenate([np.abs(p_marks - partner), alone]))[::-1][:TOP]
    return float(min(differences.sum() / TOP, 1.0))


def lacks_scores(p_possible: FloatArray, lacking: Sequence[bool]) -> NDArray[np.float64]:
    """(P, C) highest probability of a possible mark on each page of a document -> (P,) where the lacking marks may be.

    For each class that the document lacks the pages share the value 1: in proportion to the probability of their best
    possible mark, equally where none has any.

    Args:
        p_possible: of the pages of one document.
        lacking: for each class whether the document has to have it and does not.
    """
    shares = np.zeros(len(p_possible))
    for class_id in np.flatnonzero(lacking):
        hints = p_possible[:, class_id] + 1e-3
        shares += hints / hints.sum()
    return np.asarray(np.minimum(shares, 1.0), np.float64)
