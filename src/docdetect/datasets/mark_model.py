"""Which kind of mark, if any, a box holds, judged by how the other labelled boxes look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docdetect.types import FloatArray, IntArray

BACKGROUND = -1
"""The class id of places without a mark."""

MIN_EXAMPLES = 6
"""Boxes without which a class is not modelled."""

_SHRINKAGE = 0.2
_EPSILON = 1e-3
_MOST_NATS = (
    6.0  # that a single box says for or against a mark; features are not as independent as the model takes them
)


@dataclass(frozen=True)
class MarkModel:
    """Linear discriminant analysis with a covariance shrunk towards a sphere, all classes equally likely beforehand.

    (R. O. Duda, P. E. Hart, D. G. Stork, Pattern Classification, 2nd edition, 2.6; J. H. Friedman, Regularized
    Discriminant Analysis, JASA 1989.)

    Attributes:
        class_ids: int64 (C,), with BACKGROUND among them.
        means: (C, F) of the standardised features.
        precision: (F, F).
        centre, scale: (F,) of the standardisation.
    """

    class_ids: IntArray
    means: NDArray[np.float64]
    precision: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def log_probabilities(self, features: FloatArray) -> NDArray[np.float64]:
        """(N, F) -> (N, C) natural logarithms of the posterior probabilities."""
        standard = (np.asarray(features, np.float64) - self.centre) / self.scale
        away = standard[:, None, :] - self.means[None, :, :]
        logits = -0.5 * np.einsum("ncf,fg,ncg->nc", away, self.precision, away)
        return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))

    def mark_evidence(self, features: FloatArray) -> NDArray[np.float64]:
        """(N, F) -> (N,) nats that speak for a mark of any class (above 0) or for background, within -6..6."""
        logs = self.log_probabilities(features)
        background = self.class_ids == BACKGROUND
        evidence = np.logaddexp.reduce(logs[:, ~background], axis=1) - logs[:, background][:, 0]
        return np.asarray(np.clip(evidence, -_MOST_NATS, _MOST_NATS))


def fit_marks(features: Sequence[FloatArray], class_ids: Sequence[int]) -> MarkModel | None:
    """The model of labelled boxes and places without a mark (class id BACKGROUND).

    Classes with fewer than `MIN_EXAMPLES` boxes are left out; None when no class or no background remains.
    """
    ids, counts = np.unique(np.asarray(class_ids, np.int64), return_counts=True)
    known = ids[counts >= MIN_EXAMPLES]
    if len(known) < 2 or BACKGROUND not in known:
        return None
    chosen = np.isin(class_ids, known)
    table = np.asarray(features, np.float64)[chosen]
    owner = np.searchsorted(known, np.asarray(class_ids, np.int64)[chosen])
    centre, scale = table.mean(axis=0), table.std(axis=0) + _EPSILON
    standard = (table - centre) / scale
    means = np.stack([standard[owner == position].mean(axis=0) for position in range(len(known))])
    residuals = standard - means[owner]
    covariance = residuals.T @ residuals / len(table)
    sphere = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    precision = np.linalg.inv((1 - _SHRINKAGE) * covariance + _SHRINKAGE * sphere + _EPSILON * np.eye(len(covariance)))
    return MarkModel(known, means, precision, centre, scale)
