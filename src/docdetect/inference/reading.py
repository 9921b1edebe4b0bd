"""From documents to pages ready for the model: the first stage of the flow, in worker processes.

Every page is rendered straight at the size that the model needs; the size that its boxes will refer to is only
calculated. What cannot be read comes out as data, in place.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from docdetect.documents.reader import AtDpi, Document, LongSide, RenderSize
from docdetect.documents.sizes import POINTS_PER_INCH
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.documents.workers import DocumentOutcome, WorkerSettings, iter_pages
from docdetect.errors import InputError
from docdetect.files import sha256_file
from docdetect.inference.orientation import is_sideways
from docdetect.inference.settings import Rotations
from docdetect.inference.tiling import WHOLE_PAGE_IN, sheet_long_px
from docdetect.types import ByteArray, Failure, FailureKind, PageInfo

NATIVE = AtDpi(1e6)
"""An image's own pixels: images are never enlarged."""

UPRIGHT, SIDEWAYS, EVERY_WAY = (0,), (0, 1, 3), (0, 1, 2, 3)
"""Quarter turns counter-clockwise in which a page is looked at."""

_HASHING_THREADS = 4


@dataclass(frozen=True)
class ReadPage:
    """A rendered page.

    Attributes:
        file: its document.
        sha256: of the document.
        info: the page at the size that boxes refer to.
        pixels: uint8 (H, W, 3) RGB, at the size that the model needs.
        sheet: the same page larger, to be looked at in tiles; None where `pixels` are enough.
        turns: in which orientations it is looked at, as quarter turns counter-clockwise.
    """

    file: DocumentFile
    sha256: str
    info: PageInfo
    pixels: ByteArray
    sheet: ByteArray | None = None
    turns: tuple[int, ...] = UPRIGHT

    def without_sheet(self) -> ReadPage:
        """The page with what later stages need of it."""
        return self if self.sheet is None else replace(self, sheet=None)


@dataclass(frozen=True)
class UnreadablePage:
    """A page that gives no pixels, and why."""

    file: DocumentFile
    sha256: str
    number: int
    failure: Failure


@dataclass(frozen=True)
class ReadDocument:
    """After the last page of a document.

    Attributes:
        file: the document.
        sha256: hex digest; "" when the file could not be read.
        page_count: pages that the document says it has; 0 when it could not be opened.
        failure: why the document as a whole failed or ended early.
    """

    file: DocumentFile
    sha256: str
    page_count: int
    failure: Failure | None = None


ReadEvent: TypeAlias = ReadPage | UnreadablePage | ReadDocument


class Finished(Protocol):
    """What needs no more work; the journal knows."""

    def known_sha256(self, document: str) -> str:
        """The content of the document that results are there for, "" when there are none."""

    def is_complete(self, document: str, sha256: str) -> bool:
        """Whether all of this content of the document is done."""

    def done_pages(self, document: str, sha256: str) -> frozenset[int]:
        """The pages of this content of the document that are done."""


@dataclass(frozen=True)
class Plan:
    """What is left to do.

    Attributes:
        files: documents with at least one page to read.
        sha256: name -> hex digest, of those that had to be hashed already.
        done: name -> pages to leave out, of documents that were interrupted.
    """

    files: tuple[DocumentFile, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)
    done: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class PagePictures:
    """What a rendering process makes of a page; for the attributes see `ReadPage`."""

    info: PageInfo
    pixels: ByteArray
    sheet: ByteArray | None
    turns: tuple[int, ...]


@dataclass(frozen=True)
class PageReading:
    """The work of a rendering process: a page's reference size and its pixels at the model's size.

    Attributes:
        imgsz: long side of the pixels.
        dpi: px/inch of the page that boxes of PDFs refer to.
        done: name -> pages to leave out.
        rotations: which pages are looked at in which orientations: `off`, `auto` (those that lie on their side, in
            both ways to lie so) or `all`.
        tile: large drawings get a sheet.
    """

    imgsz: int
    dpi: int
    done: Mapping[str, frozenset[int]] = field(default_factory=dict)
    rotations: Rotations = "off"
    tile: bool = False

    def __call__(self, document: Document, number: int) -> PagePictures | None:
        """The page, or None where it is to be left out. Raises DocumentError."""
        is_pdf = document.page_info(number, NATIVE).size_pt is not None
        info = document.page_info(number, AtDpi(self.dpi) if is_pdf else NATIVE)
        if number in self.done.get(info.document, ()):
            return None
        sheet_px = self._sheet_px(document, info)  # before rendering, after which an image is opened anew
        pixels = document.render(number, LongSide(self.imgsz)).pixels
        sheet = None if sheet_px is None else document.render(number, LongSide(sheet_px)).pixels
        return PagePictures(info, pixels, sheet, self._turns(pixels))

    def _sheet_px(self, document: Document, info: PageInfo) -> int | None:
        stated_in = max(info.size_pt) / POINTS_PER_INCH if info.size_pt is not None else math.inf
        if not self.tile or stated_in <= WHOLE_PAGE_IN:  # no need to look into the page
            return None
        finest_px = None if info.size_pt is not None else max(info.size_wh)
        return sheet_long_px(document.paper_in(info.number), finest_px, self.imgsz)

    def _turns(self, pixels: ByteArray) -> tuple[int, ...]:
        if self.rotations == "all":
            return EVERY_WAY
        return SIDEWAYS if self.rotations == "auto" and is_sideways(pixels) else UPRIGHT


def reference_size(file: DocumentFile, dpi: int) -> RenderSize:
    """The size that boxes of a document refer to: `dpi` px/inch for PDFs, an image's own pixels."""
    return AtDpi(dpi) if file.kind is DocumentKind.PDF else NATIVE


def plan(files: Sequence[DocumentFile], finished: Finished) -> Plan:
    """What is left of `files` after an earlier run: a document counts as done when its content is still the same."""
    touched = [file for file in files if finished.known_sha256(file.name)]
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        hashes = dict(zip([file.name for file in touched], pool.map(_sha256, touched), strict=True))
    sha256 = {name: digest for name, digest in hashes.items() if isinstance(digest, str)}
    left = tuple(file for file in files if not finished.is_complete(file.name, sha256.get(file.name, "")))
    done = {file.name: finished.done_pages(file.name, sha256.get(file.name, "")) for file in left}
    return Plan(left, sha256, {name: pages for name, pages in done.items() if pages})


def read_documents(work: Plan, reading: PageReading, settings: WorkerSettings) -> Generator[ReadEvent, None, None]:
    """The pages of all documents: for each, its pages in order, then one `ReadDocument`."""
    sha256: str | Failure = ""
    current: DocumentFile | None = None
    for outcome in iter_pages(work.files, reading, settings):
        file = outcome.file
        if file is not current:
            current, sha256 = file, work.sha256.get(file.name) or _sha256(file)
        digest = sha256 if isinstance(sha256, str) else ""
        if isinstance(outcome, DocumentOutcome):
            unread = sha256 if isinstance(sha256, Failure) else None
            yield ReadDocument(file, digest, outcome.page_count, outcome.failure or unread)
        elif outcome.failure is not None:
            yield UnreadablePage(file, digest, outcome.number, outcome.failure)
        elif outcome.value is not None:
            page = outcome.value
            yield ReadPage(file, digest, page.info, page.pixels, page.sheet, page.turns)


def _sha256(file: DocumentFile) -> str | Failure:
    if file.kind is DocumentKind.UNKNOWN:  # it may be a pipe, which would block
        return ""
    try:
        return sha256_file(file.path)
    except InputError as error:
        return Failure(FailureKind.UNREADABLE, error.message.removeprefix(f"{file.path}: "))
