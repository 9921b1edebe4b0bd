"""From documents to pages ready for the model: the first stage of the flow, in worker processes.

Every page is rendered straight at the size that the model needs; the size that its boxes will refer to is only
calculated. What cannot be read comes out as data, in place.

A second, larger look at single pages, for codes and cut-outs: in a process of its own that may crash or hang.

From raw detections to a page's result: grouping, codes read, pictures written. The last stage before the journal.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeAlias

import numpy as np

from docdetect import boxes
from docdetect.config.limits import PROCESS_MEMORY_MB
from docdetect.documents.batches import DocumentOutcome, document_process, iter_pages
from docdetect.documents.codes import read_code, read_codes_closer
from docdetect.documents.drawing import draw_detections, write_image
from docdetect.documents.reader import Document, Opener, open_document
from docdetect.documents.regions import cut_part, render_parts
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, BoxFrac, LongSide, RenderSize
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError
from docdetect.files import safe_stem, sha256_file
from docdetect.inference.folder import CROPS_FOLDER, PAGES_FOLDER
from docdetect.inference.journal import rounded
from docdetect.inference.multi_view.orientation import is_sideways
from docdetect.inference.multi_view.tiling import WHOLE_PAGE_IN, sheet_long_px
from docdetect.inference.settings import Rotations, RunSettings
from docdetect.merging import merge_boxes
from docdetect.types import ByteArray, Detections, Failure, FailureKind, PageInfo, PageResult
from docdetect.workers.parts import WorkerSettings

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
        page = document.render(number, LongSide(self.imgsz))
        info, pixels = replace(info, damaged=page.info.damaged), page.pixels
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


def read_documents(
    work: Plan, reading: PageReading, settings: WorkerSettings, opener: Opener = open_document
) -> Generator[ReadEvent, None, None]:
    """The pages of all documents: for each, its pages in order, then one `ReadDocument`."""
    sha256: str | Failure = ""
    current: DocumentFile | None = None
    for outcome in iter_pages(work.files, reading, settings, opener=opener):
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


class CloserLook(Protocol):
    """Goes back to the document for more than the model saw."""

    def texts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac]) -> list[str | None]:
        """What the codes in these boxes say, None where that cannot be read."""

    def parts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac], dpi: int) -> list[ByteArray] | None:
        """What lies in these boxes, uint8 (H, W, 3) RGB, at `dpi` px/inch (images: their own pixels); None when it
        cannot be had."""


class CloserLooks:
    """The CloserLook of a run; to be called from any thread, used as a context manager.

    The process starts with the first call. One that dies, or takes longer than the limit, is replaced.

    Args:
        timeout_s: seconds that a page may take.
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
        opener: opens its document.
    """

    def __init__(
        self, timeout_s: float, memory_bytes: int = PROCESS_MEMORY_MB << 20, opener: Opener = open_document
    ) -> None:
        self._timeout_s = timeout_s
        self._opener = opener
        self.process = document_process(memory_bytes)

    def texts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac]) -> list[str | None]:
        """See `CloserLook.texts`. Raises InterruptedRunError once stopped."""
        found = self.process.call(self._timeout_s, read_codes_closer, file, number, tuple(boxes), self._opener)
        return [None] * len(boxes) if isinstance(found, Failure) else found

    def parts(self, file: DocumentFile, number: int, boxes: Sequence[BoxFrac], dpi: int) -> list[ByteArray] | None:
        """See `CloserLook.parts`. Raises InterruptedRunError once stopped."""
        found = self.process.call(self._timeout_s, render_parts, file, number, tuple(boxes), dpi, self._opener)
        return None if isinstance(found, Failure) else found

    def stop(self) -> None:
        """Ends the process; calls under way and later ones raise InterruptedRunError."""
        self.process.stop()

    def __enter__(self) -> CloserLooks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.close()


_CROP_MARGIN_FRAC = 0.05  # of the mark's sides, so that nothing of it is cut off


def page_path(folder: Path, document: str, number: int, suffix: str) -> Path:
    """Where files about a page lie: `<folder>/<document>/page_0001<suffix>`."""
    return folder / document / f"page_{number:04d}{suffix}"


@dataclass(frozen=True)
class Finisher:
    """Turns pages with their raw detections into results; safe to call from several threads.

    Attributes:
        settings: of the run.
        output: the result folder.
        closer_look: goes back to the document where a code cannot be read otherwise or crops are wanted.
    """

    settings: RunSettings
    output: Path
    closer_look: CloserLook

    def __call__(self, page: ReadPage, found: Detections) -> PageResult:
        """The result of a page.

        Args:
            page: with its pixels at the model's size.
            found: raw detections in px of those pixels.

        Raises:
            OutputError: a picture cannot be written.
        """
        raw = at_reference(found, page.info)
        grouped, members = merge_boxes(raw, self.settings.grouping)
        texts = self._texts(page, grouped)
        if self.settings.save_pages:
            self._draw(page, grouped)
        if self.settings.save_crops and len(grouped):
            self._crop(page, grouped)
        return PageResult(page.info, raw, grouped, members, texts)

    def _draw(self, page: ReadPage, grouped: Detections) -> None:
        picture = draw_detections(page.pixels, grouped, self.settings.class_names)
        write_image(page_path(self.output / PAGES_FOLDER, page.info.document, page.info.number, ".jpg"), picture)

    def _crop(self, page: ReadPage, grouped: Detections) -> None:
        parts = [_with_margin(box) for box in boxes_frac(grouped)]
        closer = self.closer_look.parts(page.file, page.info.number, parts, self.settings.dpi)
        pictures = [cut_part(page.pixels, part) for part in parts] if closer is None else closer
        folder = self.output / CROPS_FOLDER / page.info.document
        taken: dict[int, int] = {}
        for picture, class_id in zip(pictures, grouped.class_ids.tolist(), strict=True):
            taken[class_id] = taken.get(class_id, 0) + 1
            write_image(folder / crop_name(page.info.number, self._name(class_id), taken[class_id]), picture)

    def _name(self, class_id: int) -> str:
        return self.settings.class_names[class_id]

    def _texts(self, page: ReadPage, grouped: Detections) -> tuple[str | None, ...]:
        """What the QR codes say: from the pixels at hand, and where that fails from the page rendered larger."""
        texts: list[str | None] = [None] * len(grouped)
        names = self.settings.class_names
        if not self.settings.read_codes or self.settings.code_class not in names:
            return tuple(texts)
        codes = np.flatnonzero(grouped.class_ids == names.index(self.settings.code_class)).tolist()
        _read_into(texts, codes, page.pixels, grouped)
        codes = [position for position in codes if texts[position] is None]
        if codes:
            places = boxes_frac(grouped)
            closer = self.closer_look.texts(page.file, page.info.number, [places[position] for position in codes])
            for position, text in zip(codes, closer, strict=True):
                texts[position] = text
        return tuple(texts)


def at_reference(found: Detections, info: PageInfo) -> Detections:
    """Detections in px of any rendering of a page -> in px of the page that results refer to, clipped and rounded.

    What has no area there is left out.
    """
    scaled = found.scaled(info.size_wh)
    clipped = Detections(boxes.clip(scaled.xyxy, info.size_wh), scaled.class_ids, info.size_wh, scaled.scores)
    shown = rounded(clipped)
    return shown.select(boxes.has_area(shown.xyxy))


def _read_into(texts: list[str | None], codes: list[int], pixels: ByteArray, grouped: Detections) -> None:
    """Reads the codes at these positions from a rendering of the page."""
    scaled = grouped.scaled((pixels.shape[1], pixels.shape[0]))
    for position in codes:
        texts[position] = read_code(pixels, scaled.xyxy[position])


def boxes_frac(grouped: Detections) -> list[BoxFrac]:
    """The boxes as shares of their page's width and height."""
    shares = np.clip(grouped.scaled((1, 1)).xyxy.astype(np.float64), 0.0, 1.0)
    return [(left, top, right, bottom) for left, top, right, bottom in shares.tolist()]


def crop_name(number: int, class_name: str, count: int) -> str:
    """The file name of the `count`-th cut-out of a class on a page; a class name cannot lead out of its folder."""
    return f"page_{number:04d}_{safe_stem(class_name)}_{count:02d}.jpg"


def _with_margin(box: BoxFrac) -> BoxFrac:
    margin_x, margin_y = (_CROP_MARGIN_FRAC * (box[axis + 2] - box[axis]) for axis in (0, 1))
    return (
        max(0.0, box[0] - margin_x),
        max(0.0, box[1] - margin_y),
        min(1.0, box[2] + margin_x),
        min(1.0, box[3] + margin_y),
    )
