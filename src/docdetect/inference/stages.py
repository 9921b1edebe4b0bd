"""The stages that a page passes through: read, network, finish. Results come out in the order of the pages.

    documents -> `read_documents` -> `Pipeline` (network -> `Finisher`) -> results in page order

Reading renders pages in isolated processes, straight at the size that the network sees; the size that boxes refer to
is only calculated. The network runs in as many threads as its engine has lanes. Finishing (one box per mark, QR codes
read, pictures written) runs in threads beside the network. No stage waits for another one unless too many pages wait
behind it, so the number of pages in memory is bounded. What cannot be read, and a page that a stage fails on, is data
that keeps its place in the order.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeAlias, TypeVar

import cv2
import numpy as np

from docdetect import boxes
from docdetect.config.limits import PROCESS_MEMORY_MB
from docdetect.documents.batches import DocumentOutcome, document_process, iter_pages
from docdetect.documents.codes import read_code, read_codes_from_document
from docdetect.documents.drawing import draw_detections, drawing_size, encoded_image, write_image
from docdetect.documents.flattening import FlatSheet, Sheet
from docdetect.documents.photographs import camera_facts, examine
from docdetect.documents.reader import Document, Opener, open_document
from docdetect.documents.regions import cut_region, render_regions
from docdetect.documents.sizes import POINTS_PER_INCH, AtDpi, BoxFrac, LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import DocdetectError, InputError, InterruptedRunError
from docdetect.files import safe_stem, sha256_file, write_bytes
from docdetect.inference.folder import CROPS_FOLDER, IMAGES_FOLDER, PAGES_FOLDER, THUMBS_FOLDER, page_path
from docdetect.inference.journal import rounded, shown_marks
from docdetect.inference.multi_view.orientation import is_sideways
from docdetect.inference.multi_view.tiling import WHOLE_PAGE_IN, enlarged_long_px
from docdetect.inference.multi_view.views import EVERY_WAY, SIDEWAYS, UPRIGHT, Found, MultiView, PagePictures
from docdetect.inference.settings import Dewarp, Rotations, RunSettings
from docdetect.merging import merge_boxes
from docdetect.models.engines.base import Engine
from docdetect.types import ByteArray, Detections, FailedPage, Failure, FailureKind, Note, PageInfo, PageResult, SizeWH
from docdetect.workers.parts import WorkerSettings

_T = TypeVar("_T")
_IN_THIS_PROCESS = threading.Lock()

NATIVE = AtDpi(1e6)
"""The size of an image file's own pixels: images are never enlarged."""

MOST_ENLARGED = 2.0
"""Largest enlargement of an image file for the network. A cut-out around one mark is found best as it is, and hardly at
all at the size of a page; a page that was stored small is found best 1.6 to 2.6 times as large. docs/experiments.md has
the figures."""

_HASHING_THREADS = 4
_FINISHING_THREADS = 2
# Seconds that pages which are being finished still have when a run is stopped.
_GRACE_S = 0.5
# Seconds after which a wait looks whether the run was stopped.
_POLL_S = 0.1
# Pages of 2 MB each that may be on their way beside the batches that the network works on.
_PAGES_IN_FLIGHT = 8
# Long side of the small picture of a document's first page that the list of documents shows.
_THUMB_PX = 160
# JPEG quality of pages that are kept without anything drawn on them, and may be trained on.
_IMAGE_QUALITY = 95
# A crop shows so much more of the page around a mark, as a share of the mark's sides.
_CROP_MARGIN_FRAC = 0.05


# ------------------------------------------------------------------------------------------------ what flows


@dataclass(frozen=True)
class ReadPage:
    """A page that was read.

    Attributes:
        file: the document.
        sha256: hex digest of the document, "" where it has no file.
        info: the page at the size that boxes refer to.
        pictures: what the network sees of the page.
    """

    file: DocumentFile
    sha256: str
    info: PageInfo
    pictures: PagePictures

    def without_enlarged(self) -> ReadPage:
        """The page without its enlarged picture, which no stage needs after the network."""
        return self if self.pictures.enlarged is None else replace(self, pictures=replace(self.pictures, enlarged=None))


@dataclass(frozen=True)
class UnreadablePage:
    """A page that gives no pixels, and why."""

    file: DocumentFile
    sha256: str
    number: int
    failure: Failure


@dataclass(frozen=True)
class ReadDocument:
    """The end of a document, after its last page.

    Attributes:
        file: the document.
        sha256: hex digest; "" when the file could not be read.
        page_count: pages that the document says it has; 0 when it could not be opened.
        failure: why the document as a whole failed or ended early.
        notes: what else is to be known about the document.
    """

    file: DocumentFile
    sha256: str
    page_count: int
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class NothingToRead:
    """The source of documents is slow: the pages under way are finished before the next document is waited for."""


ReadEvent: TypeAlias = ReadPage | UnreadablePage | ReadDocument | NothingToRead


@dataclass(frozen=True)
class FinishedPage:
    """The result of a page, or why there is none.

    Attributes:
        file: the document.
        sha256: hex digest of the document.
        result: a PageResult, or a FailedPage with its reason.
    """

    file: DocumentFile
    sha256: str
    result: PageResult | FailedPage


FinishedEvent: TypeAlias = FinishedPage | ReadDocument


# ---------------------------------------------------------------------------------------------------- reading


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
        if sheet is None:
            usual_frac = 1.0 if is_pdf else min(1.0, MOST_ENLARGED * max(info.size_wh) / self.imgsz)
            turns = self._turns(pixels)
            return info, PagePictures(pixels, enlarged, turns, drawn, clean, usual_frac=usual_frac)
        flat = FlatSheet.of(sheet, self.imgsz)
        if enlarged is not None:
            enlarged = flat.resized(_times(flat.size_wh, max(enlarged.shape[:2]) / self.imgsz)).flatten(enlarged)
        if self.drawn and drawn is None:
            drawn = pixels
        pixels = flat.flatten(self._for_flattening(document, info, sheet, pixels))
        corners = tuple((round(float(x), 2), round(float(y), 2)) for x, y in sheet.corners_px(info.size_wh))
        pictures = PagePictures(pixels, enlarged, self._turns(pixels), drawn, clean, flat)
        return replace(info, sheet=corners), pictures

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


# -------------------------------------------------------------------------------------------------- finishing


class RegionReader(Protocol):
    """Goes back to a document for regions of a page, at a finer resolution than the network sees."""

    def texts(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac]) -> list[str | None]:
        """What the QR codes in these regions say, None for a code that cannot be read."""

    def crops(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac], dpi: int) -> list[ByteArray] | None:
        """The regions as uint8 (H, W, 3) RGB, at `dpi` px/inch for PDFs and in an image's own pixels.

        None when the document does not give them.
        """


class IsolatedRegionReader:
    """A RegionReader that opens documents in an isolated process; call it from any thread, use it as a context manager.

    The process starts with the first call. A process that dies, or takes longer than the limit, is replaced.

    Args:
        timeout_s: seconds that a page may take.
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
        opener: opens a document.
    """

    def __init__(
        self, timeout_s: float, memory_bytes: int = PROCESS_MEMORY_MB << 20, opener: Opener = open_document
    ) -> None:
        self._timeout_s = timeout_s
        self._opener = opener
        self.process = document_process(memory_bytes)

    def texts(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac]) -> list[str | None]:
        """See `RegionReader.texts`. Raises InterruptedRunError once stopped."""
        found = self.process.call(self._timeout_s, read_codes_from_document, file, number, tuple(regions), self._opener)
        return [None] * len(regions) if isinstance(found, Failure) else found

    def crops(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac], dpi: int) -> list[ByteArray] | None:
        """See `RegionReader.crops`. Raises InterruptedRunError once stopped."""
        found = self.process.call(self._timeout_s, render_regions, file, number, tuple(regions), dpi, self._opener)
        return None if isinstance(found, Failure) else found

    def stop(self) -> None:
        """Ends the process; calls under way and later ones raise InterruptedRunError."""
        self.process.stop()

    def __enter__(self) -> IsolatedRegionReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.close()


@dataclass(frozen=True)
class Finisher:
    """Turns a page with its raw detections into the page's result; safe to call from several threads.

    Attributes:
        settings: of the run.
        regions: goes back to the document where a QR code cannot be read otherwise or crops are wanted.
        output: the result folder, where pictures of pages and crops are written; None writes none.
    """

    settings: RunSettings
    regions: RegionReader
    output: Path | None = None

    def __call__(self, page: ReadPage, found: Found) -> PageResult:
        """The result of a page.

        Args:
            page: with its picture at the network's size.
            found: what the network found, in px of that picture.

        Raises:
            OutputError: a picture cannot be written.
        """
        raw = at_reference(found.marks, page.info, page.pictures.flat)
        grouped, members = merge_boxes(raw, self.settings.grouping)
        doubtful = None
        if found.doubtful is not None and len(found.doubtful):
            doubtful, _ = merge_boxes(
                at_reference(found.doubtful, page.info, page.pictures.flat), self.settings.grouping
            )
        result = PageResult(page.info, raw, grouped, members, self._texts(page, grouped), doubtful, found.screened_out)
        self.save_pictures(page, result)
        return result

    def save_pictures(self, page: ReadPage, result: PageResult) -> None:
        """Draws the page and cuts out its marks, as far as the settings ask for it. Raises OutputError."""
        if self.output is None:
            return
        if self.settings.save_images and page.pictures.clean is not None:
            image = encoded_image(".jpg", page.pictures.clean, quality=_IMAGE_QUALITY)
            write_bytes(page_path(self.output / IMAGES_FOLDER, page.info.document, page.info.number, ".jpg"), image)
        if self.settings.save_pages:
            self._draw(page, shown_marks(result, self.settings), self.output)
        if self.settings.save_crops and len(result.grouped):
            self._crop(page, result.grouped, self.output)

    def _draw(self, page: ReadPage, marks: Detections, output: Path) -> None:
        pixels = page.pictures.pixels if page.pictures.drawn is None else page.pictures.drawn
        picture = draw_detections(pixels, marks, self.settings.class_names)
        write_image(page_path(output / PAGES_FOLDER, page.info.document, page.info.number, ".jpg"), picture)
        if page.info.number == 1:
            thumb = page_path(output / THUMBS_FOLDER, page.info.document, 1, ".jpg")
            write_image(thumb, shrunk(picture, _THUMB_PX))

    def _crop(self, page: ReadPage, grouped: Detections, output: Path) -> None:
        regions = [_with_margin(box) for box in boxes_frac(grouped)]
        crops = self.regions.crops(page.file, page.info.number, regions, self.settings.dpi)
        if crops is None:
            crops = [cut_region(page.pictures.pixels, region) for region in _as_seen(regions, page.pictures)]
        folder = output / CROPS_FOLDER / page.info.document
        taken: dict[int, int] = {}
        for crop, class_id in zip(crops, grouped.class_ids.tolist(), strict=True):
            taken[class_id] = taken.get(class_id, 0) + 1
            write_image(folder / crop_name(page.info.number, self._name(class_id), taken[class_id]), crop)

    def _name(self, class_id: int) -> str:
        return self.settings.class_names[class_id]

    def _texts(self, page: ReadPage, grouped: Detections) -> tuple[str | None, ...]:
        """What the QR codes say: from the network's picture, and where that fails from a finer picture of the code."""
        texts: list[str | None] = [None] * len(grouped)
        names = self.settings.class_names
        if not self.settings.read_codes or self.settings.code_class not in names:
            return tuple(texts)
        codes = np.flatnonzero(grouped.class_ids == names.index(self.settings.code_class)).tolist()
        pixels = page.pictures.pixels
        flat = page.pictures.flat
        if flat is None:
            in_picture = grouped.scaled(page.pictures.size_wh).xyxy
        else:
            in_picture = flat.boxes_from_picture(grouped.xyxy, grouped.size_wh)
        for position in codes:
            texts[position] = read_code(pixels, in_picture[position])
        unread = [position for position in codes if texts[position] is None]
        if unread:
            regions = boxes_frac(grouped)
            finer = self.regions.texts(page.file, page.info.number, [regions[position] for position in unread])
            for position, text in zip(unread, finer, strict=True):
                texts[position] = text
        return tuple(texts)


def lacks_pictures(result: PageResult, output: Path, settings: RunSettings) -> bool:
    """Whether a drawn page or a crop that the settings ask for is not in the result folder."""
    document, number, names = result.info.document, result.info.number, settings.class_names
    folders = [PAGES_FOLDER] * settings.save_pages + [IMAGES_FOLDER] * settings.save_images
    wanted = [page_path(output / folder, document, number, ".jpg") for folder in folders]
    if settings.save_crops:
        counts = np.bincount(result.grouped.class_ids, minlength=len(names)).tolist()
        last = [crop_name(number, name, count) for name, count in zip(names, counts, strict=True) if count]
        wanted += [output / CROPS_FOLDER / document / name for name in last]
    return not all(path.is_file() for path in wanted)


def save_pictures(
    events: Generator[ReadEvent, None, None],
    finisher: Finisher,
    result_of: Callable[[str, int], PageResult | FailedPage],
    stop: threading.Event,
) -> None:
    """Writes the pictures of pages whose results are there already, without the network.

    Args:
        events: the pages, at any size; closed at the end.
        finisher: writes the pictures.
        result_of: the result of page `number` of a document; called in this thread.
        stop: once another thread sets this event, nothing more is written.

    Raises:
        OutputError: a picture cannot be written.
    """
    with closing(events), ThreadPoolExecutor(_FINISHING_THREADS, thread_name_prefix="pictures") as threads:
        waiting: deque[Future[None]] = deque()
        for event in events:
            if stop.is_set():
                return
            if isinstance(event, ReadPage):
                result = result_of(event.info.document, event.info.number)
                if isinstance(result, PageResult):
                    waiting.append(threads.submit(finisher.save_pictures, event, result))
            while len(waiting) > _PAGES_IN_FLIGHT:
                waiting.popleft().result()
        for future in waiting:
            future.result()


def crop_name(number: int, class_name: str, count: int) -> str:
    """The file name of the `count`-th crop of a class on a page; a class name cannot lead out of its folder."""
    return f"page_{number:04d}_{safe_stem(class_name)}_{count:02d}.jpg"


def at_reference(found: Detections, info: PageInfo, flat: FlatSheet | None = None) -> Detections:
    """Detections in px of any rendering of a page -> in px of the page that results refer to, clipped and rounded.

    Boxes without area there are left out.

    Args:
        found: on the whole page, or on a sheet that was laid flat.
        info: the page.
        flat: that sheet, at the size that `found` refers to; None for the whole page.
    """
    xyxy = found.scaled(info.size_wh).xyxy if flat is None else flat.boxes_on_picture(found.xyxy, info.size_wh)
    clipped = Detections(boxes.clip(xyxy, info.size_wh), found.class_ids, info.size_wh, found.scores)
    shown = rounded(clipped)
    return shown.select(boxes.has_area(shown.xyxy))


def shrunk(picture: ByteArray, long_side_px: int) -> ByteArray:
    """A picture, uint8 (H, W, 3), with a long side of `long_side_px` at most."""
    height, width = picture.shape[:2]
    scale = min(1.0, long_side_px / max(width, height))
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def boxes_frac(grouped: Detections) -> list[BoxFrac]:
    """The boxes as shares of their page's width and height."""
    shares = np.clip(grouped.scaled((1, 1)).xyxy.astype(np.float64), 0.0, 1.0)
    return [(left, top, right, bottom) for left, top, right, bottom in shares.tolist()]


def _as_seen(regions: Sequence[BoxFrac], pictures: PagePictures) -> list[BoxFrac]:
    """Regions of a page as shares of the picture that the network saw, which may be a sheet that was laid flat."""
    if pictures.flat is None:
        return list(regions)
    width, height = pictures.size_wh
    xyxy = pictures.flat.boxes_from_picture(np.array(regions, np.float32), (1, 1)) / np.array([width, height] * 2)
    shares = np.clip(xyxy, 0.0, 1.0).tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in shares]


def _times(size_wh: SizeWH, factor: float) -> SizeWH:
    return max(1, round(size_wh[0] * factor)), max(1, round(size_wh[1] * factor))


def _with_margin(box: BoxFrac) -> BoxFrac:
    margin_x, margin_y = (_CROP_MARGIN_FRAC * (box[axis + 2] - box[axis]) for axis in (0, 1))
    return (
        max(0.0, box[0] - margin_x),
        max(0.0, box[1] - margin_y),
        min(1.0, box[2] + margin_x),
        min(1.0, box[3] + margin_y),
    )


# ------------------------------------------------------------------------------------ network, and the whole way


Finish: TypeAlias = Callable[[ReadPage, Found], PageResult]


@dataclass
class Pipeline:
    """The way of pages through the network and the finisher, for one run.

    Attributes:
        engine: runs the network.
        finish: what the network found on a page -> the page's result.
        settings: of the run.
        lanes: threads that the network runs in.
        stop: once this event is set, no further page is begun, and what is finished soon still comes out.
        give_up: called when the run is stopped; ends what finishing still waits for.
        screen: runs a smaller network that looks first; pages on which it sees nothing are not looked at again.
    """

    engine: Engine
    finish: Finish
    settings: RunSettings
    lanes: Executor
    stop: threading.Event = field(default_factory=threading.Event)
    give_up: Callable[[], None] = lambda: None
    screen: Engine | None = None
    _waiting: deque[_Waiting] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._batch = self.settings.batch or self.engine.traits.batch
        self._cancel = threading.Event()
        conf = np.array(self.settings.thresholds, np.float32)
        check_conf = np.array(self.settings.check_conf, np.float32) if self.settings.check_conf else None
        self._views = MultiView(
            self.engine,
            conf,
            check_conf,
            self.settings.iou,
            self._batch,
            self._cancel,
            (1.0, *(px / self.settings.imgsz for px in self.settings.scales)),
            self.settings.second_look and bool(self.settings.scales),
            self.screen,
            self.settings.screen_conf,
        )

    def results(self, events: Generator[ReadEvent, None, None]) -> Generator[FinishedEvent, None, None]:
        """Takes pages through the network and the finisher.

        Ctrl-C (KeyboardInterrupt) inside sets `stop`, lets out what is finished soon, and is then raised again.

        Args:
            events: what was read, in order; closed at the end.

        Yields:
            For each document, in the order of `events`, its pages in order and then its end. After a stop: what was
            finished, without a gap.

        Raises:
            OutputError: a picture cannot be written.
        """
        interruption: KeyboardInterrupt | None = None
        most = max(1, self.engine.traits.lanes) * self._batch + _PAGES_IN_FLIGHT
        finishing = ThreadPoolExecutor(_FINISHING_THREADS, thread_name_prefix="finish")
        try:
            with closing(events):
                try:
                    for batch, leave in _batches(events, self._batch, most):
                        if self.stop.is_set() or not self._take(batch, finishing):
                            break
                        yield from self._finished(leave)
                    yield from self._finished(0)
                except KeyboardInterrupt as error:
                    interruption = error
                    self.stop.set()
            if self.stop.is_set():
                self._cancel.set()
                yield from self._finished_by(time.monotonic() + _GRACE_S)
        finally:
            self._cancel.set()
            if self._waiting:
                self.give_up()
            finishing.shutdown(cancel_futures=True)
        if interruption is not None:
            raise interruption

    def _take(self, batch: list[ReadEvent], finishing: Executor) -> bool:
        """Gives pages to the network; False where another thread has stopped the run and let go of the network."""
        pages = [event for event in batch if isinstance(event, ReadPage)]
        try:
            results = self.lanes.submit(self._through_network, pages, finishing) if pages else None
        except RuntimeError:  # the threads of the network are shut down
            if not self.stop.is_set():
                raise
            return False
        place = 0
        for event in batch:
            if isinstance(event, ReadPage):
                self._waiting.append(_Waiting(event.without_enlarged(), results, place, _weight(event)))
                place += 1
            elif not isinstance(event, NothingToRead):
                self._waiting.append(_Waiting(event))
        return True

    def _through_network(self, pages: list[ReadPage], finishing: Executor) -> list[Future[PageResult | FailedPage]]:
        """Runs in a thread of `lanes`."""
        found = self._detect(pages)
        return [
            finishing.submit(self._finish, page.without_enlarged(), one) for page, one in zip(pages, found, strict=True)
        ]

    def _detect(self, pages: list[ReadPage]) -> list[Found | Failure]:
        """What the network finds; a batch that fails is tried page by page, so that only the bad page is lost."""
        if not pages:
            return []
        try:
            return list(self._views([page.pictures for page in pages]))
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the network's library may raise anything: for one page that is data
            if len(pages) == 1:
                return [_internal(error)]
        return [found for page in pages for found in self._detect([page])]

    def _finish(self, page: ReadPage, found: Found | Failure) -> PageResult | FailedPage:
        if isinstance(found, Failure):
            return FailedPage(page.info.document, page.info.number, found)
        try:
            return self.finish(page, found)
        except DocdetectError:
            raise  # the output cannot be written: no page could be
        except Exception as error:  # noqa: BLE001 - a bug met by one page must not lose the others
            return FailedPage(page.info.document, page.info.number, _internal(error))

    def _finished(self, leave: int) -> Iterator[FinishedEvent]:
        """What is finished; waits until at most `leave` entries, by their weight, are under way, or for a stop."""
        weight = sum(waiting.weight for waiting in self._waiting)
        while self._waiting and not self.stop.is_set():
            first = self._waiting[0]
            if not first.is_done(_POLL_S if weight > leave else 0.0):
                if weight <= leave:
                    return
                continue
            yield first.finished()
            self._waiting.popleft()
            weight -= first.weight

    def _finished_by(self, deadline_s: float) -> Iterator[FinishedEvent]:
        """What is finished, in order, by a moment of the monotonic clock."""
        while self._waiting and self._waiting[0].is_done(deadline_s - time.monotonic()):
            if self._waiting[0].is_cancelled():
                return
            yield self._waiting[0].finished()
            self._waiting.popleft()


@dataclass(frozen=True)
class _Waiting:
    """An event on its way out: a page with its batch and its place among the batch's pages, or anything else.

    The entry counts as `weight` pages where the number of pages in memory is bounded.
    """

    event: ReadPage | UnreadablePage | ReadDocument
    batch: Future[list[Future[PageResult | FailedPage]]] | None = None
    place: int = 0
    weight: int = 1

    def is_done(self, patience_s: float) -> bool:
        """Whether `finished` answers, or raises, at once; waits up to `patience_s` seconds for that."""
        if self.batch is None:
            return True
        deadline_s = time.monotonic() + patience_s
        if not _done_by(self.batch, deadline_s):
            return False
        return self.is_cancelled() or self.batch.exception() is not None or _done_by(self._page(), deadline_s)

    def is_cancelled(self) -> bool:
        """Whether the stop of the run kept the page from being done; only where `is_done`."""
        return self.batch is not None and (self.batch.cancelled() or isinstance(self.batch.exception(), CancelledError))

    def finished(self) -> FinishedEvent:
        """The outcome. Raises what stopped it."""
        event = self.event
        if isinstance(event, ReadDocument):
            return event
        if isinstance(event, UnreadablePage):
            result: PageResult | FailedPage = FailedPage(event.file.name, event.number, event.failure)
        else:
            result = self._page().result()
        return FinishedPage(event.file, event.sha256, result)

    def _page(self) -> Future[PageResult | FailedPage]:
        assert self.batch is not None
        return self.batch.result()[self.place]


def _done_by(future: Future[_T], deadline_s: float) -> bool:
    return future.done() or bool(wait([future], max(0.0, deadline_s - time.monotonic())).done)


def _batches(events: Iterator[ReadEvent], size: int, most: int) -> Iterator[tuple[list[ReadEvent], int]]:
    """Runs of events, in order, with `size` pages each, and the weight of what may be under way after each run.

    The last run may have fewer pages, and so has a run that ends because there is nothing to read at the moment.
    """
    batch: list[ReadEvent] = []
    pages = 0
    for event in events:
        batch.append(event)
        pages += isinstance(event, ReadPage)
        idle = isinstance(event, NothingToRead)
        if idle or pages == size or len(batch) >= 16 * size:
            yield batch, 0 if idle else most
            batch, pages = [], 0
    if batch:
        yield batch, most


def _weight(page: ReadPage) -> int:
    """Pages that a page counts for while it is on its way: one more for each 16 MB of its larger pictures."""
    pictures = (page.pictures.enlarged, page.pictures.drawn, page.pictures.clean)
    return 1 + sum(picture.nbytes for picture in pictures if picture is not None) // (16 << 20)


def _internal(error: Exception) -> Failure:
    cause = " ".join(str(error).split())[:300]
    return Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {cause}" if cause else type(error).__name__)
