"""Page fingerprints: perceptual hashes of a page, its ink at low resolution, and a hash of its text.

A fingerprint is about 10 kB, nearly all of it ink, which waits in a temporary file (`Spool`). So thousands of pages are
compared with each other without rendering any of them twice, and without memory that grows with their number.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.split import PageKey
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.pdf_text import open_with_text, page_text
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.files import output_errors
from docdetect.types import BoolArray, ByteArray, FailedPage, SizeWH
from docdetect.workers.parts import WorkerSettings


class Spool:
    """Pieces of bytes in one unnamed file in the system's temporary folder, which vanishes with this object.

    Not for use from two threads at once, nor across processes.
    """

    def __init__(self) -> None:
        with output_errors(Path("the temporary folder")):
            self._place = Path(tempfile.gettempdir())  # tries to write there, unless it has before
        with output_errors(self._place):
            self._file = tempfile.TemporaryFile(buffering=0, prefix="docdetect-")  # noqa: SIM115 - lives as long as this
        self._end = 0

    def put(self, data: bytes) -> Spooled:
        """Stores a piece. Raises OutputError: the temporary folder is full or cannot be written."""
        piece = Spooled(self, self._end, len(data))
        with output_errors(self._place):
            self._file.seek(self._end)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        self._end += len(data)
        return piece

    def get(self, offset: int, size: int) -> bytes:
        """The piece of `size` bytes at `offset`."""
        self._file.seek(offset)
        return self._file.read(size)


@dataclass(frozen=True)
class Spooled:
    """Where a piece lies: the spool, its first byte and its size in bytes."""

    spool: Spool
    offset: int
    size: int

    def read(self) -> bytes:
        """The piece."""
        return self.spool.get(self.offset, self.size)


INK_LONG_SIDE_PX = 640
"""Long side at which pages are compared: words keep their shape, single letters do not matter."""

T = TypeVar("T", np.uint8, np.bool_)

MIN_INK_PX = 500
"""Ink below which a page is blank or nearly blank, so that its likeness to another page means nothing. A page of text
has about 20 000 px."""

# Number of letters and digits below which a text layer says too little to recognise a page by.
_MIN_TEXT_LETTERS = 200
# Grey levels between paper and ink, below which the structure of paper and the blocks of JPEG begin.
_MIN_CONTRAST = 18
# Ink is darker than the paper by more than this many standard deviations of the noise of the scan.
_NOISE_DEVIATIONS = 5.0
# The crops of a page that are hashed: left, top, right, bottom as shares of the page. A stamp or a margin that was cut
# off spoils some of the crops and not the others.
_CROPS = (
    (0.0, 0.0, 1.0, 1.0),
    (0.0, 0.0, 1.0, 0.5),
    (0.0, 0.5, 1.0, 1.0),
    (0.0, 0.25, 1.0, 0.75),
    (0.0, 0.0, 0.6, 1.0),
    (0.4, 0.0, 1.0, 1.0),
)


@dataclass(frozen=True)
class PageFingerprint:
    """The fingerprint of one page.

    Attributes:
        page: which page it is.
        pixels_sha256: of the rendered page and its shape; equal for pages that look exactly alike.
        hashes: uint64 (6,), one 64-bit pHash per crop.
        informative: bool (6,), crops with ink enough; the hashes of blank paper are all alike.
        size_wh: px of the ink mask.
        ink_px: ink pixels of the mask.
        packed_ink: the mask, its bits packed and compressed; or the place of these bytes in a spool.
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
        """Whether the page has too little ink to be recognised by."""
        return self.ink_px < MIN_INK_PX

    def renamed(self, page: PageKey) -> PageFingerprint:
        """The same fingerprint as that of another page."""
        return replace(self, page=page)

    def spooled(self, spool: Spool) -> PageFingerprint:
        """The same fingerprint with its ink in the spool. Raises OutputError."""
        return self if isinstance(self.packed_ink, Spooled) else replace(self, packed_ink=spool.put(self.packed_ink))

    def ink(self) -> BoolArray:
        """The ink mask, bool (H, W)."""
        width, height = self.size_wh
        packed = self.packed_ink.read() if isinstance(self.packed_ink, Spooled) else self.packed_ink
        bits = np.frombuffer(zlib.decompress(packed), np.uint8)
        return np.unpackbits(bits, count=width * height).reshape(height, width).astype(bool)


def fingerprint(page: PageKey, pixels: ByteArray, text: str = "") -> PageFingerprint:
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
    return PageFingerprint(
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
    """The ink of a page: the pixels that are clearly darker than the paper around them.

    The paper is a morphological closing (shadows and grey or yellowed paper go with it), the threshold Otsu's on the
    difference, held above the noise of the scan; colour, black and white and faint prints of a page give much the
    same mask. Filled areas wider than 15 px count by their edges.

    Args:
        grey: the page, uint8 (H, W).

    Returns:
        The mask, bool (H, W).
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
    """Standard deviation of the noise of the paper, from differences of neighbouring pixels: text hardly changes it."""
    steps = cv2.absdiff(darkness[:, 1:], darkness[:, :-1])
    return 1.4826 * float(np.median(steps))


def fingerprint_documents(
    files: Sequence[DocumentFile],
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> tuple[list[PageFingerprint], tuple[FailedPage, ...]]:
    """The fingerprints of all pages in the order of documents and pages, and what could not be read.

    A page that fails has no fingerprint; its document still holds its other pages together. The pages' ink waits in a
    temporary file.

    Raises:
        OutputError: the temporary folder is full or cannot be written.
    """
    spool = Spool()
    prints: list[PageFingerprint] = []
    failures: list[FailedPage] = []
    finished = 0
    for outcome in iter_pages(files, page_fingerprint, workers, opener=open_with_text):
        if not isinstance(outcome, PageOutcome):
            finished += 1
            if outcome.failure is not None:
                failures.append(FailedPage(outcome.file.name, None, outcome.failure))
            on_progress(finished, len(files), f"looked at {outcome.file.name}")
        elif outcome.value is not None:
            prints.append(outcome.value.spooled(spool))
        elif outcome.failure is not None:
            failures.append(FailedPage(outcome.file.name, outcome.number, outcome.failure))
    return prints, tuple(failures)


def page_fingerprint(document: Document, number: int) -> PageFingerprint:
    """The PageWork of `fingerprint_documents`; the document's text counts where `open_with_text` opened it."""
    page = document.render(number, LongSide(INK_LONG_SIDE_PX))
    return fingerprint(PageKey(page.info.document, number), page.pixels, page_text(document, number))
