"""What of a page is kept to recognise it again: perceptual hashes, its ink at low resolution, a hash of its text.

A fingerprint is about 10 kB, so that thousands of pages are compared without rendering any of them twice.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docdetect.datasets.split import PageKey
from docdetect.types import BoolArray, ByteArray, IntArray, SizeWH

INK_LONG_SIDE_PX = 640
"""Pages are compared at this long side: words keep their shape, single letters do not matter."""

MIN_INK_PX = 500
"""Pages with less ink are blank or nearly so, which is no evidence of anything (a page of text has 20 000)."""

MAX_HASH_DISTANCE = 16
"""Bits of 64 in which the closest hash of two pages may differ for the pair to be worth a look."""

_MIN_TEXT_LETTERS = 200
_MIN_CONTRAST = 18  # grey levels between paper and ink, below which paper structure and JPEG blocks begin
_NOISE_DEVIATIONS = 5.0
# left, top, right, bottom as shares of the page: a stamp or a cut-off margin spoils some of these and not the others
_CROPS = (
    (0.0, 0.0, 1.0, 1.0),
    (0.0, 0.0, 1.0, 0.5),
    (0.0, 0.5, 1.0, 1.0),
    (0.0, 0.25, 1.0, 0.75),
    (0.0, 0.0, 0.6, 1.0),
    (0.4, 0.0, 1.0, 1.0),
)
_BLOCK_ROWS = 256


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of one page.

    Attributes:
        page: which page it is.
        pixels_sha256: of the rendered page and its shape; equal for pages that look exactly alike.
        hashes: uint64 (6,), one 64-bit pHash per crop.
        size_wh: px of the ink mask.
        ink_px: ink pixels of the mask.
        packed_ink: the mask, bits packed and compressed.
        text_sha256: of the letters and digits of the text layer; "" where it has too few to mean anything.
    """

    page: PageKey
    pixels_sha256: str
    hashes: NDArray[np.uint64]
    size_wh: SizeWH
    ink_px: int
    packed_ink: bytes
    text_sha256: str = ""

    @property
    def nearly_blank(self) -> bool:
        """The page has too little ink to be recognised by."""
        return self.ink_px < MIN_INK_PX

    def ink(self) -> BoolArray:
        """The ink mask, bool (H, W)."""
        width, height = self.size_wh
        bits = np.frombuffer(zlib.decompress(self.packed_ink), np.uint8)
        return np.unpackbits(bits, count=width * height).reshape(height, width).astype(bool)


def fingerprint(page: PageKey, pixels: ByteArray, text: str = "") -> Fingerprint:
    """The fingerprint of a page.

    Args:
        page: which page it is.
        pixels: uint8 (H, W, 3) RGB, any size; from about 640 px on the long side nothing is lost.
        text: the page's text layer, "" where it has none.
    """
    grey = cv2.cvtColor(_reduced(pixels), cv2.COLOR_RGB2GRAY)
    ink = ink_mask(grey)
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return Fingerprint(
        page=page,
        pixels_sha256=digest.hexdigest(),
        hashes=_perceptual_hashes(grey),
        size_wh=(grey.shape[1], grey.shape[0]),
        ink_px=int(ink.sum()),
        packed_ink=zlib.compress(np.packbits(ink).tobytes(), 1),
        text_sha256=text_hash(text),
    )


def ink_mask(grey: ByteArray) -> BoolArray:
    """What is written on the paper: pixels clearly darker than the paper around them.

    The paper is a morphological closing (shadows and grey or yellowed paper go with it), the threshold Otsu's on the
    difference, held above the noise of the scan; colour, black and white and faint prints of a page give much the
    same mask. Filled areas wider than 15 px count by their edges.

    Args:
        grey: uint8 (H, W).

    Returns:
        bool (H, W).
    """
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    paper = cv2.blur(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)), (15, 15))
    darkness: ByteArray = cv2.subtract(paper, smooth)
    floor = max(_MIN_CONTRAST, float(np.median(darkness)) + _NOISE_DEVIATIONS * _deviation(darkness))
    marked = darkness[darkness > floor]
    if not marked.size:
        return np.zeros(grey.shape, bool)
    otsu, _ = cv2.threshold(marked.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(darkness > np.clip(0.7 * otsu, floor, max(floor, 60.0)), bool)


def text_hash(text: str) -> str:
    """SHA-256 of the letters and digits of a text in lower case, "" when there are fewer than 200 of them."""
    letters = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())
    return hashlib.sha256(letters.encode()).hexdigest() if len(letters) >= _MIN_TEXT_LETTERS else ""


def candidate_pairs(prints: Sequence[Fingerprint], neighbours: int = 24) -> tuple[IntArray, IntArray]:
    """Pairs of pages that may be near-duplicates, the most alike first.

    The distance of two pages is the smallest Hamming distance over the crops. Each page brings at most `neighbours`
    pairs, which keeps the later check linear in the number of pages; memory is 256 rows of the distance matrix.

    Returns:
        int64 (P, 2) positions in `prints`, first < second; int64 (P,) distances in bits, 0..16. Nearly blank pages
        take no part.
    """
    rows = np.array([i for i, one in enumerate(prints) if not one.nearly_blank], np.int64)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    hashes = np.stack([prints[i].hashes for i in rows])
    found: list[IntArray] = []
    for start in range(0, len(rows), _BLOCK_ROWS):
        found.append(_block_pairs(hashes, start, neighbours))
    pairs = np.unique(np.concatenate(found), axis=0)  # columns: distance, first, second: sorted in that order
    return rows[pairs[:, 1:]], pairs[:, 0]


def _block_pairs(hashes: NDArray[np.uint64], start: int, neighbours: int) -> IntArray:
    """(P, 3) distance, first, second: the nearest neighbours of `_BLOCK_ROWS` pages from `start`."""
    block = hashes[start : start + _BLOCK_ROWS]
    distances = np.full((len(block), len(hashes)), 64, np.uint8)
    for crop in range(hashes.shape[1]):
        differing = _bit_count(block[:, None, crop] ^ hashes[None, :, crop])
        np.minimum(distances, differing, out=distances)
    own = np.arange(len(block))
    distances[own, own + start] = 255
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    near = np.take_along_axis(distances, nearest, axis=1).astype(np.int64)
    row, column = np.nonzero(near <= MAX_HASH_DISTANCE)
    first, second = row + start, nearest[row, column]
    return np.stack([near[row, column], np.minimum(first, second), np.maximum(first, second)], axis=1)


def _bit_count(words: NDArray[np.uint64]) -> ByteArray:
    """Bits set in each 64-bit word (np.bitwise_count needs NumPy 2)."""
    counts: ByteArray = _BITS_OF_16[words.view(np.uint16)].reshape(*words.shape, 4).sum(axis=-1, dtype=np.uint8)
    return counts


_BITS_OF_16 = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
    axis=1, dtype=np.uint8
)


def _perceptual_hashes(grey: ByteArray) -> NDArray[np.uint64]:
    height, width = grey.shape
    words = []
    for left, top, right, bottom in _CROPS:
        crop = grey[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
        bits = imagehash.phash(Image.fromarray(crop if crop.size else grey)).hash
        words.append(np.packbits(bits).view(np.uint64)[0])
    return np.array(words, np.uint64)


def _reduced(pixels: ByteArray) -> ByteArray:
    height, width = pixels.shape[:2]
    scale = INK_LONG_SIDE_PX / max(height, width)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))


def _deviation(darkness: ByteArray) -> float:
    """Standard deviation of the paper's noise: from the differences of neighbours, which text hardly touches."""
    steps = cv2.absdiff(darkness[:, 1:], darkness[:, :-1])
    return 1.4826 * float(np.median(steps))
