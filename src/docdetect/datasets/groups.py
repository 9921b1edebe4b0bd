"""Groups of near-duplicates: documents that are almost the same, which a split must not divide.

`find_groups` works in two steps, because laying two pages over each other takes much longer than comparing hashes:

- `candidate_pairs` chooses the pairs of pages that are worth a closer comparison. Perceptual hashes come first. Pages
  of one layout, such as the contracts of one firm, all have nearly the same hash; among them the pages are nearest
  whose lines begin and end at the same places, which small pictures of the pages show.
- `ink_agreement` lays the ink of one page over the ink of the other. Two pages are near-duplicates when most places of
  both carry the same ink: the same words at the same places, in whatever colour, under other stamps and signatures, a
  little shifted, turned or scaled. A perceptual hash cannot tell that: to it one page of text looks like another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.page_fingerprints import PageFingerprint, Spool, Spooled
from docdetect.datasets.split import PageKey
from docdetect.types import BoolArray, ByteArray, FloatArray, IntArray

NEAR_DUPLICATE = 0.35
"""`ink_agreement` from which two pages are near-duplicates. Exports of one document with other marks have 0.5 to 1,
few lines under a large stamp or fillings of one form 0.25 to 0.6, other words in the very same layout up to 0.2, other
pages 0.05 at most."""

# Scale at which two pages are aligned, and the standard deviation of the blur of their ink at that scale.
_ALIGNMENT_SCALE = 0.25
_ALIGNMENT_SIGMA_PX = 1.2
# Largest shift between two pages as a share of the longer side; a larger one is an accident of the phase correlation.
_MAX_SHIFT_FRAC = 0.15
# The alignment runs in stages: the iterations of each, and the correlation of coarse ink below which the pair is given
# up after them. Most pairs that are no near-duplicates go after the first stage; near-duplicates reach 0.65 and more.
_ALIGNMENT_STAGES = ((5, 0.45), (25, 0.55))
# Side of the square cells in which the ink of two pages is compared.
_CELL_PX = 40
# Cells with less ink than this do not count, and cells with more ink count as if they had this much, so that a stamp or
# the black bar of a table has no more weight than a line of text.
_MIN_CELL_INK_PX = 12
_MAX_CELL_INK_PX = 200
# Length of the row and of the column around a pixel in which agreement by chance is estimated.
_CHANCE_WINDOW_PX = 49
# Cohen's kappa above which the ink of a cell agrees.
_CELL_KAPPA = 0.5
# Share of agreeing cells of one page below which the other page need not be compared any more.
_HOPELESS = 0.1


def ink_agreement(first: BoolArray, second: BoolArray) -> float:
    """Share of the places of two pages that carry the same ink, 0..1, symmetrical but for rounding.

    The second page is laid over the first (phase correlation, then the enhanced correlation coefficient of Evangelidis
    and Psarakis, PAMI 2008, with an affine map). In each cell of 40 x 40 px the share of ink that lies within 1 px of
    the other page's ink is corrected for the share expected by chance from how dense that ink is in the row and in the
    column around, which any text in the same layout and any ruled line reach: Cohen's kappa, (share - chance) /
    (1 - chance). A cell agrees above 0.5; the result is the share of agreeing cells, weighted by ink, of the page on
    which it is smaller: an empty form in which something was written agrees, a letterhead and a letter do not.

    Args:
        first, second: bool (H, W) ink masks of about 640 px, see `page_fingerprints.ink_mask`.
    """
    height, width = (-(-max(sides) // _CELL_PX) * _CELL_PX for sides in zip(first.shape, second.shape, strict=True))
    one, other = (_on_canvas(mask, height, width) for mask in (first, second))
    warp = _alignment(one, other)
    if warp is None:
        return 0.0
    laid_over = cv2.warpAffine(other, warp, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    laid_over = cv2.threshold(laid_over, 100, 255, cv2.THRESH_BINARY)[1]
    share = _share_of_agreeing_cells(one, laid_over)
    return min(share, _share_of_agreeing_cells(laid_over, one)) if share > _HOPELESS else share


def _on_canvas(mask: BoolArray, height: int, width: int) -> ByteArray:
    """The mask as uint8 0 or 255, padded to whole cells; OpenCV works on bytes several times faster than on floats."""
    canvas = np.zeros((height, width), np.uint8)
    canvas[: mask.shape[0], : mask.shape[1]][mask] = 255
    return canvas


def _alignment(one: ByteArray, other: ByteArray) -> NDArray[np.float32] | None:
    """The affine map (2, 3) from px of `one` to px of `other`; None when the pages have nothing in common."""
    coarse_one, coarse_other = _coarse(one), _coarse(other)
    (dx, dy), _ = cv2.phaseCorrelate(coarse_one, coarse_other)
    if max(abs(dx), abs(dy)) > _MAX_SHIFT_FRAC * max(coarse_one.shape):
        dx = dy = 0.0
    warp = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    for iterations, least in _ALIGNMENT_STAGES:
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-4)
        try:
            correlation, warp = cv2.findTransformECC(
                coarse_one, coarse_other, warp, cv2.MOTION_AFFINE, criteria, None, 3
            )
        except cv2.error:  # does not converge: the pages do not look alike, or one of them has hardly any ink
            return None
        if not correlation >= least:
            return None
    fine: NDArray[np.float32] = np.asarray(warp, np.float32).copy()
    fine[:, 2] /= _ALIGNMENT_SCALE
    return fine


def _coarse(ink: ByteArray) -> FloatArray:
    """The ink at a quarter of its size and blurred, for the alignment."""
    small = cv2.resize(ink, None, fx=_ALIGNMENT_SCALE, fy=_ALIGNMENT_SCALE, interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _ALIGNMENT_SIGMA_PX), np.float32)


def _share_of_agreeing_cells(ink: ByteArray, other: ByteArray) -> float:
    """Share of the cells of the page `ink` whose ink lies on ink of `other`, weighted by ink, 0..1."""
    near_other = cv2.dilate(other, np.ones((3, 3), np.uint8))
    chance = cv2.max(cv2.blur(near_other, (_CHANCE_WINDOW_PX, 1)), cv2.blur(near_other, (1, _CHANCE_WINDOW_PX)))
    total, hits, expected = (_cell_sums(layer) for layer in (ink, ink & near_other, ink & chance))
    kappa = (hits - expected) / np.maximum(total - expected, 1e-3)
    weight = np.where(total >= _MIN_CELL_INK_PX, np.minimum(total, _MAX_CELL_INK_PX), 0.0)
    if not weight.sum():
        return 0.0
    return float((weight * (kappa > _CELL_KAPPA)).sum() / weight.sum())


def _cell_sums(layer: ByteArray) -> FloatArray:
    """(cells down, cells across) sums of a layer (H, W) whose bytes 0..255 stand for 0..1."""
    height, width = layer.shape
    cells = (width // _CELL_PX, height // _CELL_PX)
    means = cv2.resize(layer.astype(np.float32), cells, interpolation=cv2.INTER_AREA)
    return np.asarray(means * (_CELL_PX**2 / 255), np.float32)


MAX_HASH_DISTANCE = 16
"""Number of bits, of 64, in which the closest hashes of two pages may differ for the pair to be compared further."""

# Number of nearest pages by hash, and by small picture, with which each page forms candidate pairs.
_BY_HASH, _BY_PICTURE = 4, 6
# Number of pages, the nearest by hash, whose small pictures are compared with the small picture of one page.
_MOST_PICTURES = 256
# Side of the small pictures, and how many of them are correlated in one call.
_PICTURE_PX = 128
_PICTURES_AT_ONCE = 32
# Standard deviations of the two blurs whose difference is a small picture; the second blurs along lines of text only.
_FINE_PX, _LINE_PX = 1.0, 5.0

_SHIFTS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def candidate_pairs(prints: Sequence[PageFingerprint]) -> tuple[IntArray, IntArray]:
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


def nearest_first(one: PageFingerprint, others: Sequence[PageFingerprint]) -> list[int]:
    """Positions in `others`, the one with the smallest hash distance to `one` first."""
    distances = _Hashes.of([one, *others]).distances(0)[1:]
    return [int(i) for i in np.argsort(distances, kind="stable")]


def _pairs_of(row: int, hashes: _Hashes, pictures: _Pictures) -> IntArray:
    """(P, 3) distance, first, second: the candidate pairs of the page `row`."""
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
    """The hashes of N pages.

    Attributes:
        words: uint64 (N, 6), a perceptual hash of each crop.
        informative: bool (N, 6), crops with enough ink for their hash to mean something.
    """

    words: NDArray[np.uint64]
    informative: BoolArray

    @classmethod
    def of(cls, prints: Sequence[PageFingerprint]) -> _Hashes:
        return cls(np.stack([one.hashes for one in prints]), np.stack([one.informative for one in prints]))

    def distances(self, row: int) -> ByteArray:
        """(N,) bits, of 64, that differ between the page `row` and each page in their nearest crop.

        Only crops that are informative on both pages count; the distance is 64 where there is none.
        """
        differing = (self.words ^ self.words[row]).view(np.uint16).reshape(*self.words.shape, 4)
        bits = _BITS_OF_16[differing].sum(axis=-1, dtype=np.uint8)  # np.bitwise_count needs NumPy 2
        return np.asarray(np.where(self.informative & self.informative[row], bits, 64).min(axis=1), np.uint8)


class _Pictures:
    """The small pictures of pages, each made when it is first needed and kept in a temporary file."""

    def __init__(self, prints: Sequence[PageFingerprint]) -> None:
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


def _picture(one: PageFingerprint) -> NDArray[np.float16]:
    """(128, 128) ink at low resolution, without what all lines of text have in common, of Euclidean length 1."""
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


class Evidence(str, Enum):
    """Why two pages belong to one group, the strongest evidence first."""

    SAME_FILE = "same file"
    SAME_PIXELS = "same page"
    NEAR_DUPLICATE = "near-duplicate"
    SAME_TEXT = "same text layer"
    SAME_DOCUMENT = "same document"
    SAME_GROUP = "same group"


@dataclass(frozen=True)
class Link:
    """Two pages that belong to one group, and why.

    Attributes:
        first, second: in page order.
        evidence: why they belong together.
        agreement: share of their ink that agrees, 0..1; 1.0 where the evidence is not the ink.
    """

    first: PageKey
    second: PageKey
    evidence: Evidence
    agreement: float = 1.0


@dataclass(frozen=True)
class Groups:
    """Page -> group, and the links between documents that made them.

    A group is named after the first of its documents, in the order of their names.
    """

    group_of: Mapping[PageKey, str]
    links: tuple[Link, ...]

    def documents(self) -> dict[str, tuple[str, ...]]:
        """Group -> its documents, both in order."""
        members: dict[str, set[str]] = {}
        for key, group in self.group_of.items():
            members.setdefault(group, set()).add(key.document)
        return {group: tuple(sorted(members[group])) for group in sorted(members)}


def find_groups(
    prints: Sequence[PageFingerprint],
    file_hashes: Mapping[str, str] | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Groups:
    """Divides pages into groups.

    Joined are the pages of one document, documents of one file hash, pages of equal pixels or equal text, and
    near-duplicate pages; a chain of such pairs is one group. Nearly blank pages join nothing. Pairs of pages that are
    in one group already are not compared again, so that many copies of one page cost no more than as many others.

    Args:
        prints: one per page, no page twice.
        file_hashes: document -> hash of its file, where known.
        on_progress: called with the number of page pairs looked at.
    """
    prints = sorted(prints, key=lambda one: one.page)
    forest = _Forest([one.page.document for one in prints])
    links = [link for link in _equal(prints, file_hashes or {}) if forest.join(link)]
    pairs, _ = candidate_pairs(prints)
    for done, (i, j) in enumerate(pairs.tolist(), start=1):
        first, second = prints[i], prints[j]
        if not forest.joined(first.page.document, second.page.document):
            agreement = ink_agreement(first.ink(), second.ink())
            if agreement >= NEAR_DUPLICATE:
                link = Link(first.page, second.page, Evidence.NEAR_DUPLICATE, agreement)
                forest.join(link)
                links.append(link)
        on_progress(done, len(pairs), "pairs of pages")
    group_of = {one.page: forest.root(one.page.document) for one in prints}
    return Groups(group_of, tuple(sorted(links, key=lambda link: (link.first, link.second))))


def _equal(prints: Sequence[PageFingerprint], file_hashes: Mapping[str, str]) -> Iterable[Link]:
    """A link from each page to the first one with the same file, pixels or text."""
    first_with: dict[tuple[Evidence, str], PageKey] = {}
    for one in prints:
        marks = [(Evidence.SAME_FILE, file_hashes.get(one.page.document, ""))] if one.page.page == 1 else []
        marks.append((Evidence.SAME_PIXELS, "" if one.nearly_blank else one.pixels_sha256))
        marks.append((Evidence.SAME_TEXT, one.text_sha256))
        for mark in marks:
            if mark[1]:
                earlier = first_with.setdefault(mark, one.page)
                if earlier.document != one.page.document:
                    yield Link(earlier, one.page, mark[0])


class _Forest:
    """Union-find over documents; the root of a tree is its first document in the order of names."""

    def __init__(self, documents: Iterable[str]) -> None:
        self._parent = {document: document for document in documents}

    def root(self, document: str) -> str:
        while self._parent[document] != document:
            self._parent[document] = document = self._parent[self._parent[document]]
        return document

    def joined(self, first: str, second: str) -> bool:
        return self.root(first) == self.root(second)

    def join(self, link: Link) -> bool:
        """Joins the documents of a link; False when they were joined already."""
        one, other = sorted((self.root(link.first.document), self.root(link.second.document)))
        self._parent[other] = one
        return one != other
