"""Reading documents, the first stage: which pages are left to do, and how each one is rendered.

Pages are rendered in isolated processes, straight at the size that the network sees; the size that boxes refer to is
only calculated. What cannot be read is data that keeps its place in the order.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from docdetect.documents.batches import DocumentOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.drawing import drawing_size, shrunk
from docdetect.documents.flattening import FlatSheet, Sheet
from docdetect.documents.photographs import camera_facts, examine
from docdetect.documents.reader import Opener, open_document
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError, InterruptedRunError
from docdetect.files import sha256_file
from docdetect.inference.events import ReadDocument, ReadEvent, ReadPage, UnreadablePage
from docdetect.inference.multi_view.orientation import is_sideways
from docdetect.inference.multi_view.tiling import WHOLE_PAGE_IN, enlarged_long_px
from docdetect.inference.multi_view.views import EVERY_WAY, SIDEWAYS, UPRIGHT, PagePictures
from docdetect.inference.settings import Dewarp, Rotations
from docdetect.types import ByteArray, Failure, FailureKind, PageInfo, SizeWH
from docdetect.workers.parts import WorkerSettings

_T = TypeVar("_T")
_IN_THIS_PROCESS = threading.Lock()

NATIVE = AtDpi(1e6)
"""The size of an image file's own pixels: images are never enlarged."""

MOST_ENLARGED = 2.0
"""Largest enlargement of an image file for the network. A cut-out around one mark is found best as it is, and hardly at
all at the size of a page; a page that was stored small is found best 1.6 to 2.6 times as large. The figures are
in docs/experiments-docdetect-s.md."""

_HASHING_THREADS = 4


class Finished(Protocol):
    """Knows what needs no more work; a journal does."""

    def known_sha256(self, document: str) -> str:
        """The content of the document that there are results for, "" when there are none."""

    def is_complete(self, document: str, sha256: str) -> bool:
        """Whether all pages of this content of the document are done."""

    def done_pages(self, document: str, sha256: str) -> frozenset[int]:
        """The numbers of the pages of this content of the document that are done."""


@dataclass(frozen=True)
class Plan:
    """What is left to do.

    Attributes:
        files: documents with at least one page to read.
        sha256: document name -> hex digest, of documents that had to be hashed already.
        done: document name -> numbers of pages to leave out, of documents that an earlier run was stopped in.
    """

    files: tuple[DocumentFile, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)
    done: Mapping[str, frozenset[int]] = field(default_factory=dict)


def plan(files: Sequence[DocumentFile], finished: Finished) -> Plan:
    """What is left of `files` after an earlier run: a document counts as done when its content is still the same."""
    touched = [file for file in files if finished.known_sha256(file.name)]
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        hashes = dict(zip([file.name for file in touched], pool.map(_sha256, touched), strict=True))
    sha256 = {name: digest for name, digest in hashes.items() if isinstance(digest, str)}
    left = tuple(file for file in files if not finished.is_complete(file.name, sha256.get(file.name, "")))
    done = {file.name: finished.done_pages(file.name, sha256.get(file.name, "")) for file in left}
    return Plan(left, sha256, {name: pages for name, pages in done.items() if pages})


@dataclass(frozen=True)
class PageReading:
    """The work on a page in a rendering process: the size that boxes refer to, and the pictures for the network.

    Attributes:
        imgsz: long side of the whole page's picture, px.
        dpi: px/inch of the page that boxes of PDFs refer to; boxes of images refer to the image's own pixels.
        done: document name -> numbers of pages to leave out.
        rotations: which pages are seen in which orientations: `off`, `auto` (those whose text runs up or down, turned
            both ways) or `all`.
        tile: large drawings are also rendered enlarged, for tiles.
        dewarp: sheets of paper are laid flat for the network: `off` (none), `auto` (those in photographs) or `all`
            (in every picture in which one is seen).
        drawn: pages are also rendered at the size at which boxes are drawn on them.
        clean: pages are also rendered at the size that boxes refer to.
    """

    imgsz: int
    dpi: int
    done: Mapping[str, frozenset[int]] = field(default_factory=dict)
    rotations: Rotations = "off"
    tile: bool = False
    dewarp: Dewarp = "off"
    drawn: bool = False
    clean: bool = False

    def __call__(self, document: Document, number: int) -> tuple[PageInfo, PagePictures] | None:
        """The page, or None where it is to be left out. Raises DocumentError."""
        is_pdf = document.page_info(number, NATIVE).size_pt is not None
        reference = AtDpi(self.dpi) if is_pdf else NATIVE
        info = document.page_info(number, reference)
        if number in self.done.get(info.document, ()):
            return None
        # Sizes are asked for before rendering, after which an image has to be opened again.
        enlarged_px = self._enlarged_px(document, info)
        drawn_px = self._drawn_px(document, info)
        dewarp = "off" if is_pdf else self.dewarp
        facts = camera_facts({} if dewarp == "off" else document.camera_tags(number))
        page = document.render(number, LongSide(self.imgsz))
        info, pixels = replace(info, damaged=page.info.damaged), page.pixels
        sheet = None if dewarp == "off" else examine(pixels, facts).sheet_to_flatten(always=dewarp == "all")
        enlarged = None if enlarged_px is None else document.render(number, LongSide(enlarged_px)).pixels
        clean = document.render(number, reference).pixels if self.clean else None
        drawn = None if drawn_px is None else self._drawn(document, info.number, drawn_px, clean)
        pictures = PagePictures(pixels, enlarged, drawn=drawn, clean=clean)
        if sheet is not None:
            corners = tuple((round(float(x), 2), round(float(y), 2)) for x, y in sheet.corners_px(info.size_wh))
            return replace(info, sheet=corners), self._laid_flat(document, info, sheet, pictures)
        usual_frac = 1.0 if is_pdf else min(1.0, MOST_ENLARGED * max(info.size_wh) / self.imgsz)
        return info, replace(pictures, turns=self._turns(pixels), usual_frac=usual_frac)

    def _laid_flat(self, document: Document, info: PageInfo, sheet: Sheet, photograph: PagePictures) -> PagePictures:
        """The pictures of a photograph, with the sheet of paper in it laid flat in those for the network."""
        flat = FlatSheet.of(sheet, self.imgsz)
        enlarged, drawn = photograph.enlarged, photograph.drawn
        if enlarged is not None:
            enlarged = flat.resized(_times(flat.size_wh, max(enlarged.shape[:2]) / self.imgsz)).flatten(enlarged)
        if self.drawn and drawn is None:
            drawn = photograph.pixels
        pixels = flat.flatten(self._for_flattening(document, info, sheet, photograph.pixels))
        return replace(photograph, pixels=pixels, enlarged=enlarged, turns=self._turns(pixels), drawn=drawn, flat=flat)

    def _for_flattening(self, document: Document, info: PageInfo, sheet: Sheet, pixels: ByteArray) -> ByteArray:
        """The photograph at the size at which the sheet in it is as large as the network sees it, where it has that."""
        share = sheet.long_side_px((pixels.shape[1], pixels.shape[0])) / self.imgsz
        wanted_px = min(round(self.imgsz / max(share, 0.1)), max(info.size_wh))
        return document.render(info.number, LongSide(wanted_px)).pixels if wanted_px > self.imgsz else pixels

    def _drawn_px(self, document: Document, info: PageInfo) -> int | None:
        """Long side of the page for people; None where it would be no larger than the network's picture."""
        if not self.drawn:
            return None
        size = drawing_size(info, document.stored_long_px(info.number))
        return size.px if size.px > self.imgsz else None

    def _drawn(self, document: Document, number: int, long_px: int, clean: ByteArray | None) -> ByteArray:
        if clean is None:
            return document.render(number, LongSide(long_px)).pixels
        return clean if max(clean.shape[:2]) <= long_px else shrunk(clean, long_px)

    def _enlarged_px(self, document: Document, info: PageInfo) -> int | None:
        stated_in = max(info.size_pt) / POINTS_PER_INCH if info.size_pt is not None else math.inf
        if not self.tile or stated_in <= WHOLE_PAGE_IN:  # no need to look into the page
            return None
        finest_px = None if info.size_pt is not None else max(info.size_wh)
        return enlarged_long_px(document.paper_in(info.number), finest_px, self.imgsz)

    def _turns(self, pixels: ByteArray) -> tuple[int, ...]:
        if self.rotations == "all":
            return EVERY_WAY
        return SIDEWAYS if self.rotations == "auto" and is_sideways(pixels) else UPRIGHT


def read_documents(
    work: Plan,
    reading: PageReading,
    workers: WorkerSettings,
    opener: Opener = open_document,
    stop: threading.Event | None = None,
) -> Generator[ReadEvent, None, None]:
    """The pages of all documents: for each document its pages in order, then one `ReadDocument`.

    Args:
        work: the documents.
        reading: the work on each page.
        workers: isolated processes and their limits.
        opener: opens a document; picklable.
        stop: once another thread sets this event, nothing more is read and the generator ends.
    """
    sha256: str | Failure = ""
    current: DocumentFile | None = None
    outcomes = iter_pages(work.files, reading, workers, opener=opener, stop=stop)
    with closing(outcomes if workers.workers else _one_thread_at_a_time(outcomes)) as outcomes:
        while True:
            try:
                outcome = next(outcomes, None)
            except InterruptedRunError:
                return
            if outcome is None:
                return
            file = outcome.file
            if file is not current:
                current, sha256 = file, work.sha256.get(file.name) or _sha256(file)
            digest = sha256 if isinstance(sha256, str) else ""
            if isinstance(outcome, DocumentOutcome):
                unread = sha256 if isinstance(sha256, Failure) else None
                yield ReadDocument(file, digest, outcome.page_count, outcome.failure or unread, outcome.notes)
            elif outcome.failure is not None:
                yield UnreadablePage(file, digest, outcome.number, outcome.failure)
            elif outcome.value is not None:
                info, pictures = outcome.value
                yield ReadPage(file, digest, info, pictures)


def _one_thread_at_a_time(outcomes: Generator[_T, None, None]) -> Generator[_T, None, None]:
    """The same outcomes, from documents that are opened in this process: MuPDF may be used by one thread at a time."""
    try:
        while True:
            with _IN_THIS_PROCESS:
                outcome = next(outcomes, None)
            if outcome is None:
                return
            yield outcome
    finally:
        with _IN_THIS_PROCESS:
            outcomes.close()


def _sha256(file: DocumentFile) -> str | Failure:
    if file.kind is DocumentKind.UNKNOWN:  # it may be a pipe, which would block
        return ""
    try:
        return sha256_file(file.path)
    except InputError as error:
        return Failure(FailureKind.UNREADABLE, error.message.removeprefix(f"{file.path}: "))


def _times(size_wh: SizeWH, factor: float) -> SizeWH:
    return max(1, round(size_wh[0] * factor)), max(1, round(size_wh[1] * factor))
