"""What is judged: one page with its true marks and what was found on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docdetect.types import Detections, IntArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One page.

    Attributes:
        document: name of the document, POSIX, NFC.
        page: page number from 1.
        family: documents that resemble each other share it; intervals are resampled by family, since pages of one
            family err together.
        truth: the true marks.
        found: detections with scores, from the lowest threshold on (AP needs the faint ones), on the same page size.
    """

    document: str
    page: int
    family: str
    truth: Detections
    found: Detections

    def __post_init__(self) -> None:
        if self.page < 1:
            raise ValueError(f"page numbers start at 1, not {self.page}")
        if self.found.scores is None:
            raise ValueError(f"{self.document} page {self.page}: detections need scores")
        if self.truth.size_wh != self.found.size_wh:
            raise ValueError(f"{self.document} page {self.page}: truth and detections are on pages of different sizes")

    @property
    def scores(self) -> NDArray[np.float32]:
        """float32 (N,) scores of `found`."""
        assert self.found.scores is not None
        return self.found.scores

    def above(self, conf: Sequence[float] | float) -> Sample:
        """The same page with only those detections whose score reaches `conf` (one value, or one for each class)."""
        least = np.asarray(conf, np.float64)
        if least.ndim:
            least = least[self.found.class_ids]
        return replace(self, found=self.found.select(self.scores >= least))


def ratio(part: Float64Array, whole: Float64Array, otherwise: float = np.nan) -> Float64Array:
    """part / whole of two arrays of one shape; `otherwise` where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), otherwise), where=whole > 0), np.float64)


def sums_by(ids: IntArray, count: int, values: NDArray[Any] | None = None) -> Float64Array:
    """(N,) ids below `count` -> float64 (count,) sum of the values of each id, or how often it stands there."""
    return np.bincount(ids, values, count).astype(np.float64)


def family_index(samples: Sequence[Sample]) -> tuple[tuple[str, ...], IntArray]:
    """Family names, sorted, and for each sample the position of its family: int64 (P,)."""
    names = sorted({sample.family for sample in samples})
    position = {name: index for index, name in enumerate(names)}
    return tuple(names), np.array([position[sample.family] for sample in samples], np.int64)
