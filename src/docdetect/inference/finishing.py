"""Finishing pages, the last stage: one box for each mark, what QR codes say, drawn pages and crops."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from docdetect import boxes
from docdetect.config.limits import PROCESS_MEMORY_MB
from docdetect.documents.batches import document_process
from docdetect.documents.codes import read_code, read_codes_from_document
from docdetect.documents.drawing import draw_detections, encoded_image, shrunk, write_image
from docdetect.documents.flattening import FlatSheet
from docdetect.documents.reader import Opener, open_document
from docdetect.documents.regions import cut_region, render_regions
from docdetect.documents.sizes import BoxFrac
from docdetect.documents.sources import DocumentFile
from docdetect.files import safe_stem, write_bytes
from docdetect.inference.events import ReadEvent, ReadPage
from docdetect.inference.folder import CROPS_FOLDER, IMAGES_FOLDER, PAGES_FOLDER, THUMBS_FOLDER, page_path
from docdetect.inference.multi_view.views import Found, PagePictures
from docdetect.inference.settings import RunSettings
from docdetect.inference.shown_values import rounded, shown_marks
from docdetect.merging import merge_boxes
from docdetect.types import ByteArray, Detections, FailedPage, Failure, PageInfo, PageResult

FINISHING_THREADS = 2
PAGES_IN_FLIGHT = 8
"""Pages of 2 MB each that may be on their way beside the batches that the network works on."""

# Long side of the small picture of a document's first page that the list of documents shows.
_THUMB_PX = 160
# JPEG quality of pages that are kept without anything drawn on them, and may be trained on.
_IMAGE_QUALITY = 95
# A crop shows so much more of the page around a mark, as a share of the mark's sides.
_CROP_MARGIN_FRAC = 0.05


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
        possible = None
        if found.possible_marks is not None and len(found.possible_marks):
            possible, _ = merge_boxes(
                at_reference(found.possible_marks, page.info, page.pictures.flat), self.settings.grouping
            )
        result = PageResult(page.info, raw, grouped, members, self._texts(page, grouped), possible, found.screened_out)
        self.save_pictures(page, result)
        return result

    def save_pictures(self, page: ReadPage, result: PageResult) -> None:
        """Draws the page and cuts out its marks, as far as the settings ask for it. Raises OutputError."""
        if self.output is None:
            return
        if self.settings.save_images and page.pictures.clean is not None:
            image = encoded_image(".jpg", page.pictures.clean, quality=_IMAGE_QUALITY)
            write_bytes(page_path(self.output / IMAGES_FOLDER, page.info.document, page.info.number), image)
        if self.settings.save_pages:
            self._draw(page, shown_marks(result, self.settings), self.output)
        if self.settings.save_crops and len(result.grouped):
            self._crop(page, result.grouped, self.output)

    def _draw(self, page: ReadPage, marks: Detections, output: Path) -> None:
        pixels = page.pictures.pixels if page.pictures.drawn is None else page.pictures.drawn
        picture = draw_detections(pixels, marks, self.settings.class_names)
        write_image(page_path(output / PAGES_FOLDER, page.info.document, page.info.number), picture)
        if page.info.number == 1:
            thumb = page_path(output / THUMBS_FOLDER, page.info.document, 1)
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
    wanted = [page_path(output / folder, document, number) for folder in folders]
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
    with closing(events), ThreadPoolExecutor(FINISHING_THREADS, thread_name_prefix="pictures") as threads:
        waiting: deque[Future[None]] = deque()
        for event in events:
            if stop.is_set():
                return
            if isinstance(event, ReadPage):
                result = result_of(event.info.document, event.info.number)
                if isinstance(result, PageResult):
                    waiting.append(threads.submit(finisher.save_pictures, event, result))
            while len(waiting) > PAGES_IN_FLIGHT:
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


def _with_margin(box: BoxFrac) -> BoxFrac:
    margin_x, margin_y = (_CROP_MARGIN_FRAC * (box[axis + 2] - box[axis]) for axis in (0, 1))
    return (
        max(0.0, box[0] - margin_x),
        max(0.0, box[1] - margin_y),
        min(1.0, box[2] + margin_x),
        min(1.0, box[3] + margin_y),
    )
