"""Which pairs of pages are worth laying over each other: perceptual hashes first, then a look at their small pictures.

Pages of one layout, such as the contracts of one firm, all have nearly the same hash. Among them the nearest are
those whose lines begin and end at the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.datasets.fingerprints import Fingerprint
from docdetect.datasets.spool import Spool, Spooled
from docdetect.types import BoolArray, ByteArray, FloatArray, IntArray

MAX_HASH_DISTANCE = 16
"""Bits of 64 in which the closest hash of two pages may differ for the pair to be worth a look."""

_BY_HASH, _BY_PICTURE = 4, 6  # nearest neighbours that each page brings
_MOST_PICTURES = 256  # compared for one page, the nearest by hash
_PICTURE_PX = 128
_PICTURES_AT_ONCE = 32
_FINE_PX, _LINE_PX = 1.0, 5.0  # standard deviations of two blurs, the second along lines of text only
_SHIFTS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def candidate_pairs(prints: Sequence[Fingerprint]) -> tuple[IntArray, IntArray]:
    """Pairs of pages that may be near-duplicates, those nearest by hash first.

    The distance of two pages is the smallest Hamming distance over the crops. Each page brings the 4 nearest of at
    most 16 bits, and of the 256 nearest the 6 whose small pictures correlate best: the later check is linear in the
    number of pages. Memory: a row of the distance matrix, and a few small pictures; all of them, 33 kB each, wait in
    a temporary file.

    Returns:
        int64 (P, 2) positions in `prints`, first < second; int64 (P,) distances in bits, 0..16. Nearly blank pages
        take no part.

    Raises:
        OutputError: the temporary folder is full or cannot be written.
    """
    rows = np.array([i for i, one in enumerate(prints) if not one.nearly_blank], np.int64)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    hashes = _Hashes.of([prints[i] for i in rows])
    pictures = _Pictures([prints[i] for i in rows])
    found = [_pairs_of(row, hashes, pictures) for row in range(len(rows))]
    pairs = np.unique(np.concatenate(found), axis=0)  # columns: distance, first, second: sorted in that order
    return rows[pairs[:, 1:]], pairs[:, 0]


def nearest_first(one: Fingerprint, others: Sequence[Fingerprint]) -> list[int]:
    """Positions in `others`, the one with the smallest hash distance to `one` first."""
    distances = _Hashes.of([one, *others]).distances(0)[1:]
    return [int(i) for i in np.argsort(distances, kind="stable")]


def _pairs_of(row: int, hashes: _Hashes, pictures: _Pictures) -> IntArray:
    """(P, 3) distance, first, second: the neighbours that one page brings."""
    distances = hashes.distances(row)
    distances[row] = 255
    near = np.argsort(distances, kind="stable")[:_MOST_PICTURES]
    near = near[distances[near] <= MAX_HASH_DISTANCE]
    if len(near) > _BY_HASH + _BY_PICTURE:
        own = pictures.of(row)
        parts = [near[start : start + _PICTURES_AT_ONCE] for start in range(0, len(near), _PICTURES_AT_ONCE)]
        scores = [_correlations(own, np.stack([pictures.of(int(other)) for other in part])) for part in parts]
        alike = np.argsort(-np.concatenate(scores), kind="stable")
        near = near[np.unique(np.concatenate([np.arange(_BY_HASH), alike[:_BY_PICTURE]]))]
    ends = np.stack([np.minimum(near, row), np.maximum(near, row)], axis=1)
    return np.concatenate([distances[near][:, None].astype(np.int64), ends], axis=1)


@dataclass(frozen=True)
class _Hashes:
    """The hashes of many pages: words uint64 (N, 6), and which of them mean something, bool (N, 6)."""

    words: NDArray[np.uint64]
    informative: BoolArray

    @classmethod
    def of(cls, prints: Sequence[Fingerprint]) -> _Hashes:
        return cls(np.stack([one.hashes for one in prints]), np.stack([one.informative for one in prints]))

    def distances(self, row: int) -> ByteArray:
        """(N,) bits of 64 in the nearest crop that means something on both pages; 64 where there is none."""
        differing = (self.words ^ self.words[row]).view(np.uint16).reshape(*self.words.shape, 4)
        bits = _BITS_OF_16[differing].sum(axis=-1, dtype=np.uint8)  # np.bitwise_count needs NumPy 2
        return np.asarray(np.where(self.informative & self.informative[row], bits, 64).min(axis=1), np.uint8)


class _Pictures:
    """The small pictures of pages, each made when it is first needed and kept in a temporary file."""

    def __init__(self, prints: Sequence[Fingerprint]) -> None:
        self._prints = prints
        self._spool = Spool()
        self._kept: list[Spooled | None] = [None] * len(prints)

    def of(self, row: int) -> NDArray[np.float16]:
        """(128, 128), see `_picture`."""
        kept = self._kept[row]
        if kept is None:
            kept = self._kept[row] = self._spool.put(_picture(self._prints[row]).tobytes())
        return np.frombuffer(kept.read(), np.float16).reshape(_PICTURE_PX, _PICTURE_PX)


_BITS_OF_16 = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
    axis=1, dtype=np.uint8
)


def _picture(one: Fingerprint) -> NDArray[np.float16]:
    """(128, 128) the ink at low resolution without what all lines of text have in common, of length 1."""
    width, height = one.size_wh
    scale = _PICTURE_PX / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.zeros((_PICTURE_PX, _PICTURE_PX), np.float32)
    small[: size[1], : size[0]] = cv2.resize(one.ink().astype(np.float32), size, interpolation=cv2.INTER_AREA)
    detail = cv2.GaussianBlur(small, (0, 0), _FINE_PX) - cv2.GaussianBlur(small, (0, 0), _LINE_PX, sigmaY=_FINE_PX)
    return np.asarray(detail / max(float(np.linalg.norm(detail)), 1e-6), np.float16)


def _correlations(own: NDArray[np.float16], others: NDArray[np.float16]) -> FloatArray:
    """(128, 128), (N, 128, 128) -> (N,) best correlation over shifts of one pixel."""
    shifted = np.stack([np.roll(own, shift, (0, 1)).ravel() for shift in _SHIFTS]).astype(np.float32)
    table = others.reshape(len(others), -1).astype(np.float32)
    return np.asarray((table @ shifted.T).max(axis=1), np.float32)
