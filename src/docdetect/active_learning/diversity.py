"""Pages that differ from each other: greedy k-center over features of the network, weighed by how much a page is worth.

Uncertainty alone picks the same difficulty many times over, and distance alone picks oddities that teach nothing. The
next page is therefore the one with the highest product of the two (as in the selection of LightlyOne): its score, and
its distance to the nearest page that was labelled or chosen before (O. Sener, S. Savarese, "Active learning for
convolutional neural networks: a core-set approach", ICLR 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect.types import FloatArray

# Added to every score, so that pages about which nothing is unsure are still ordered by their distance.
_FLOOR = 1e-3


@dataclass(frozen=True)
class Chosen:
    """A page that was chosen: its position, and its distance to the nearest one that was there before it, 0 to 1."""

    position: int
    distance: float


def k_center(scores: NDArray[np.floating], features: FloatArray, known: FloatArray, count: int) -> list[Chosen]:
    """Chooses pages one after the other, each with the highest score times distance. Ties go to the first page.

    Args:
        scores: (N,) how much each page is worth, at least 0.
        features: (N, D) of Euclidean length 1.
        known: (M, D) those of the pages that are labelled already; without any, the first page is the one with the
            highest score.
        count: how many pages are wanted; all pages where there are fewer.
    """
    nearest = np.ones(len(features))
    if len(known) and len(features):
        nearest = np.min([distances(features, one) for one in known], axis=0)
    worth = np.asarray(scores, np.float64) + _FLOOR
    left = np.ones(len(features), bool)
    chosen: list[Chosen] = []
    for _ in range(min(count, len(features))):
        position = int(np.argmax(np.where(left, worth * nearest, -1.0)))
        chosen.append(Chosen(position, float(nearest[position])))
        left[position] = False
        nearest = np.minimum(nearest, distances(features, features[position]))
    return chosen


def distances(features: FloatArray, one: FloatArray) -> NDArray[np.float64]:
    """(N, D), (D,), both of length 1 -> (N,) half the Euclidean distance, 0 to 1."""
    cosine = np.clip(features.astype(np.float64) @ one.astype(np.float64), -1, 1)
    return np.asarray(np.sqrt((1 - cosine) / 2), np.float64)
