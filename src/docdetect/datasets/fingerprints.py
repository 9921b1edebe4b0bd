"""What of a page is kept to recognise it again: perceptual hashes, its ink at low resolution, a hash of its text.

A fingerprint is about 10 kB, nearly all of it ink, which can wait in a file: thousands of pages are compared without
rendering any of them twice, and without memory that grows with them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docdetect.datasets.split import PageKey
from docdetect.datasets.spool import Spool, Spooled
from docdetect.types import BoolArray, ByteArray, SizeWH

INK_LONG_SIDE_PX = 640
"""Pages are compared at this long side: words keep their shape, single letters do not matter."""

T = TypeVar("T", np.uint8, np.bool_)

MIN_INK_PX = 500
"""Pages with less ink are blank or nearly so, which is no evidence of anything (a page of text has 20 000)."""

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


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of one page.

    Attributes:
        page: which page it is.
        pixels_sha256: of the rendered page and its shape; equal for pages that look exactly alike.
        hashes: uint64 (6,), one 64-bit pHash per crop.
        informative: bool (6,), crops with ink enough; the hashes of blank paper are all alike.
        size_wh: px of the ink mask.
        ink_px: ink pixels of the mask.
        packed_ink: the mask, bits packed and compressed, or where that is spooled.
        text_sha256: of the letters and digits of the text layer; "" where it has too few to mean anything.
    """

    page: PageKey
    pixels_sha256: str
    hashes: NDArray[np.uint64]
    informative: BoolArray
    size_wh: SizeWH
    ink_px: int
    packed_ink: bytes | Spooled
    text_sha256: str = ""

    @property
    def nearly_blank(self) -> bool:
        """The page has too little ink to be recognised by."""
        return self.ink_px < MIN_INK_PX

    def renamed(self, page: PageKey) -> Fingerprint:
        """The same fingerprint under another name."""
        return replace(self, page=page)

    def spooled(self, spool: Spool) -> Fingerprint:
        """The same fingerprint with its ink in the spool. Raises OutputError."""
        return self if isinstance(self.packed_ink, Spooled) else replace(self, packed_ink=spool.put(self.packed_ink))

    def ink(self) -> BoolArray:
        """The ink mask, bool (H, W)."""
        width, height = self.size_wh
        packed = self.packed_ink.read() if isinstance(self.packed_ink, Spooled) else self.packed_ink
        bits = np.frombuffer(zlib.decompress(packed), np.uint8)
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
        hashes=np.array([_perceptual_hash(crop) for crop in _crops(grey)], np.uint64),
        informative=np.array([crop.sum() >= MIN_INK_PX for crop in _crops(ink)], bool),
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


def _crops(layer: NDArray[T]) -> list[NDArray[T]]:
    """The parts of a page, (H, W), that are hashed."""
    height, width = layer.shape
    return [
        layer[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
        for left, top, right, bottom in _CROPS
    ]


def _perceptual_hash(grey: ByteArray) -> np.uint64:
    bits = imagehash.phash(Image.fromarray(grey)).hash
    word: np.uint64 = np.packbits(bits).view(np.uint64)[0]
    return word


def _reduced(pixels: ByteArray) -> ByteArray:
    height, width = pixels.shape[:2]
    scale = INK_LONG_SIDE_PX / max(height, width)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))


def _deviation(darkness: ByteArray) -> float:
    """Standard deviation of the paper's noise: from the differences of neighbours, which text hardly touches."""
    steps = cv2.absdiff(darkness[:, 1:], darkness[:, :-1])
    return 1.4826 * float(np.median(steps))
