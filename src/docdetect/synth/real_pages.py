"""Real pages without marks, on which made-up datasets lay marks: where marks are plausible, how the page was copied.

Each page is looked at once: its lines to sign on, its blank places, its text, its colours and its compression. Marks
are then put into these places as on made-up pages, in the greys of the page where it has no colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from docdetect.config.schema import SynthConfig
from docdetect.datasets.reader import list_dataset, read_labels
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.pictures import picture_size
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import ExactSize, LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind, documents_in
from docdetect.errors import InputError
from docdetect.files import sha256_file, sha256_text
from docdetect.machine import available_cores
from docdetect.synth.cutouts.ink import ink_of
from docdetect.synth.cutouts.on_paper import mm_per_pixel
from docdetect.synth.page_layout import PageLayout, Slot, SlotKind
from docdetect.synth.paper.copying import PageDamage
from docdetect.types import BoolArray, ByteArray, SizeWH
from docdetect.workers.parts import WorkerSettings

# Long side at which a page is looked at.
_LOOK_PX = 1000

# Lines to sign on: least length and most thickness, and how much room above them must be blank.
_LINE_MM, _LINE_THICK_MM, _ABOVE_LINE_MM = 25.0, 1.3, 7.0
_MOST_INK_ABOVE = 0.04

# Sizes of blank places, the largest first, the grid on which they are looked for, and the margin of the page.
_BLANK_MM = ((60.0, 28.0), (42.0, 20.0), (28.0, 13.0))
_GRID_MM, _MARGIN_MM = 6.0, 7.0
_MOST_INK_IN_BLANK = 0.004

# Place for a stamp on text: side, and how much of it is ink.
_TEXT_MM = 30.0
_TEXT_INK = (0.03, 0.3)

# Most places of a kind that are kept of a page.
_MOST_PLACES = 8

# A page is black and white where most of it is pure white and its darkest hundredth is black.
_WHITE_SHARE, _BLACK = 0.7, 60
_BLACK_AND_WHITE_CONTRAST = 3.0

# Luma below which ink is black on such a page.
_THRESHOLD = 165

# Mean difference of the channels below which a page has no colours.
_GREY_SPREAD = 1.5

# JPEG quality of pages that are no JPEG themselves.
_QUALITY = 92

# The luminance table of JPEG at quality 50 (ITU-T T.81, table K.1), of which only the mean matters.
_TABLE_MEAN = 57.625

Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class Look:
    """What is seen on a page.

    Attributes:
        size_mm: (width, height) of its paper, as far as it is known.
        places: where marks are plausible.
        grey: whether it has no colours.
        black_and_white: whether it has no greys either.
    """

    size_mm: tuple[float, float]
    places: tuple[Slot, ...]
    grey: bool
    black_and_white: bool


@dataclass(frozen=True)
class RealPage:
    """A real page without marks.

    Attributes:
        file: its document.
        number: page number from 1.
        look: what is seen on it.
        jpeg_quality: quality of its compression, 0 to 100.
    """

    file: DocumentFile
    number: int
    look: Look
    jpeg_quality: int

    def layout(self, rng: np.random.Generator) -> PageLayout:
        """An empty page layout with some of the places where marks are plausible."""
        layout = PageLayout(*self.look.size_mm)
        for kind, most in (("signature", 3), ("stamp", 2), ("free", 1), ("code", 1)):
            places = [place for place in self.look.places if place.kind == kind]
            if places:
                count = int(rng.integers(1, min(most, len(places)) + 1))
                chosen = rng.choice(len(places), count, replace=False)
                layout.slots += [places[index] for index in sorted(chosen)]
        return layout

    def damage(self) -> PageDamage:
        """What copying did to the page already, as far as it matters for marks."""
        if self.look.black_and_white:
            return PageDamage("copy", grey=True, threshold=_THRESHOLD, jpeg_quality=self.jpeg_quality)
        return PageDamage("scan", grey=self.look.grey, jpeg_quality=self.jpeg_quality)

    def pixels(self, size_wh: SizeWH) -> ByteArray:
        """The page at a size, uint8 (H, W, 3) RGB. Raises DocumentError when the file is gone or damaged by now."""
        pixels: ByteArray = _rendered(self.file, self.number, size_wh).copy()
        return pixels

    def finished(self, before: ByteArray, after: ByteArray) -> ByteArray:
        """The page with marks as its copy would show them.

        Args:
            before: the page without marks, uint8 (H, W, 3) RGB.
            after: the page with marks.
        """
        if not self.look.grey:
            return after
        luma = cv2.cvtColor(after, cv2.COLOR_RGB2GRAY)
        if self.look.black_and_white:
            changed = (before != after).any(axis=2)
            steep = np.clip((luma.astype(np.float32) - _THRESHOLD) * _BLACK_AND_WHITE_CONTRAST + _THRESHOLD, 0, 255)
            luma = np.where(changed, np.minimum(steep, before.min(axis=2)), luma).astype(np.uint8)
        return np.asarray(cv2.merge([luma] * 3), np.uint8)


@dataclass(frozen=True)
class RealPages:
    """The real pages of a made-up dataset. Picklable.

    Attributes:
        pages: in the order of documents.
        share: probability that a page of the dataset is one of them.
        digest: SHA-256 of their files.
        notes: sentences about pages that are not used.
    """

    pages: tuple[RealPage, ...]
    share: float
    digest: str
    notes: tuple[str, ...] = ()

    def choose(self, rng: np.random.Generator) -> RealPage | None:
        """One of the pages, or None where the page is made up."""
        if rng.random() >= self.share:
            return None
        return self.pages[int(rng.integers(len(self.pages)))]


def load_real_pages(settings: SynthConfig) -> RealPages:
    """Looks at the pages that `synth.real_pages` names: a folder of documents, or a dataset's pages without labels.

    Raises:
        InputError: there is nothing to read, or no page without marks.
    """
    where = Path(settings.real_pages)
    is_dataset = where.suffix in (".yaml", ".yml") or (where / "data.yaml").is_file()
    files, notes = _empty_pictures(where) if is_dataset else (documents_in(where).files, [])
    workers = WorkerSettings(workers=settings.workers or available_cores())
    pages: list[RealPage] = []
    failed: list[str] = []
    for outcome in iter_pages(files, look_at, workers):
        if isinstance(outcome, PageOutcome) and outcome.value is not None:
            pages.append(RealPage(outcome.file, outcome.number, outcome.value, _jpeg_quality(outcome.file)))
        elif outcome.failure is not None:
            failed.append(f"{outcome.file.name}: {outcome.failure.message}")
    notes += [f"{where}: not used: {one}" for one in failed]
    if not pages:
        raise InputError(
            f"{where}: no page without marks that can be read" + "".join(f"\n  - {note}" for note in notes[:10]),
            "Name a folder of documents, or a dataset with pages that have no labels.",
        )
    digest = sha256_text("\n".join(f"{file.name}\t{sha256_file(file.path)}" for file in files if file.path.is_file()))
    return RealPages(tuple(pages), settings.real_share, digest, tuple(notes))


def look_at(document: Document, number: int) -> Look:
    """The PageWork that looks at a page."""
    page = document.render(number, LongSide(_LOOK_PX))
    scanned = page.info.size_pt is None or document.stored_long_px(number) is not None
    mm_per_px = mm_per_pixel(page.info, document.stored_long_px(number))
    width_mm, height_mm = (side * mm_per_px for side in page.info.size_wh)
    pixels = page.pixels
    grey = scanned and float((pixels.max(axis=2) - pixels.min(axis=2)).mean()) < _GREY_SPREAD
    luma = pixels.min(axis=2)
    black_and_white = grey and float((luma >= 254).mean()) > _WHITE_SHARE and float(np.quantile(luma, 0.01)) < _BLACK
    places = places_on(pixels, 1 / mm_per_px)
    return Look((width_mm, height_mm), tuple(places), grey, black_and_white)


def places_on(pixels: ByteArray, px_per_mm: float) -> list[Slot]:
    """Where marks are plausible on a page: on lines to sign on, in blank places, and stamps also over text.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        px_per_mm: its resolution.
    """
    visible = ink_of(pixels).visible
    table = _InkTable(visible, px_per_mm)
    lines = list(_lines(visible, table))[-_MOST_PLACES:]
    blank = list(_blank_places(table))
    signature = [_slot("signature", (x, y - 4, x + w, y + 4)) for x, y, w in lines]
    if not signature:
        # Without a line to sign on, people sign in the blank part of a page, mostly its lower one.
        low = sorted(blank, key=lambda box: -box[1])[:_MOST_PLACES]
        signature = [_slot("signature", box) for box in low if box[3] - box[1] < 30]
    places = [*signature, *(_slot("free", box) for box in blank[:_MOST_PLACES] if box[2] - box[0] >= 42)]
    places += [_slot("stamp", (x + w / 2 - 15, y - 18, x + w / 2 + 15, y + 12)) for x, y, w in lines]
    places += [_slot("stamp", box) for box in blank[:4]]
    places += [_slot("stamp", box) for box in _text_places(table)]
    places += [_slot("code", (box[0], box[1], box[0] + 22, box[1] + 22)) for box in blank[:4] if box[3] - box[1] >= 24]
    return places


class _InkTable:
    """How much of any rectangle of a page is ink; coordinates in mm."""

    def __init__(self, visible: BoolArray, px_per_mm: float) -> None:
        self._sums = cv2.integral(visible.astype(np.uint8))
        self._px_per_mm = px_per_mm
        self.size_mm = visible.shape[1] / px_per_mm, visible.shape[0] / px_per_mm

    def share(self, box: Box) -> float:
        """Share of the px of a box (left, top, right, bottom) that are ink; 1 for a box beyond the page."""
        left, top, right, bottom = (round(value * self._px_per_mm) for value in box)
        height, width = self._sums.shape[0] - 1, self._sums.shape[1] - 1
        if left < 0 or top < 0 or right > width or bottom > height or right <= left or bottom <= top:
            return 1.0
        sums = self._sums
        ink = int(sums[bottom, right]) - int(sums[top, right]) - int(sums[bottom, left]) + int(sums[top, left])
        return ink / ((right - left) * (bottom - top))


def _lines(visible: BoolArray, table: _InkTable) -> Iterator[tuple[float, float, float]]:
    """Lines to sign on, from top to bottom: left end, level and length in mm."""
    px_per_mm = visible.shape[1] / table.size_mm[0]
    runs = cv2.morphologyEx(
        visible.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, max(8, round(_LINE_MM * px_per_mm))), np.uint8)
    )
    _, _, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    for x, y, w, h, _ in sorted(stats[1:].tolist(), key=lambda one: (one[1], one[0])):
        left, level, length = x / px_per_mm, y / px_per_mm, w / px_per_mm
        if h > _LINE_THICK_MM * px_per_mm or length > 0.6 * table.size_mm[0]:
            continue
        if table.share((left, level - _ABOVE_LINE_MM, left + length, level - 0.8)) <= _MOST_INK_ABOVE:
            yield left, level, length


def _blank_places(table: _InkTable) -> Iterator[Box]:
    """Blank places that do not touch, the larger and lower ones first."""
    taken: list[Box] = []
    width, height = table.size_mm
    for size in _BLANK_MM:
        for top in np.arange(height - _MARGIN_MM - size[1], _MARGIN_MM, -_GRID_MM):
            for left in np.arange(_MARGIN_MM, width - _MARGIN_MM - size[0], _GRID_MM):
                box = float(left), float(top), float(left + size[0]), float(top + size[1])
                if any(_touch(box, other) for other in taken) or table.share(box) > _MOST_INK_IN_BLANK:
                    continue
                taken.append(box)
                yield box
                if len(taken) >= 3 * _MOST_PLACES:
                    return


def _text_places(table: _InkTable) -> list[Box]:
    """Places on text, spread over the lower two thirds of the page."""
    width, height = table.size_mm
    found: list[Box] = []
    for top in np.arange(height / 3, height - _TEXT_MM, _TEXT_MM):
        for left in np.arange(_MARGIN_MM, width - _TEXT_MM, _TEXT_MM):
            box = float(left), float(top), float(left + _TEXT_MM), float(top + _TEXT_MM)
            if _TEXT_INK[0] <= table.share(box) <= _TEXT_INK[1]:
                found.append(box)
    step = max(1, len(found) // 4)
    return found[::step][:4]


def _slot(kind: SlotKind, box: Box) -> Slot:
    return Slot(kind, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1])


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _empty_pictures(where: Path) -> tuple[Sequence[DocumentFile], list[str]]:
    """The training pictures of a dataset on which every class is labelled and no mark is."""
    listed = list_dataset(where, ("train",))
    rules, names = listed.data_yaml.labelled, listed.class_names
    files, unsure, marked = [], 0, 0
    for picture in listed.pictures["train"]:
        if rules is not None and (ids := rules.ids_at(picture.name, names)) is not None and len(ids) < len(names):
            unsure += 1
            continue
        if len(read_labels(picture, picture_size(picture.path), len(names)).boxes):
            marked += 1
            continue
        files.append(DocumentFile(picture.path, picture.name, DocumentKind.IMAGE))
    notes = [f"{where}: pages that are not used because some class is not labelled on them: {unsure}"] if unsure else []
    if marked:
        notes.append(f"{where}: pages that are not used because they carry marks: {marked}")
    return files, notes


def _jpeg_quality(file: DocumentFile) -> int:
    """The quality with which a picture was compressed, from its quantisation table; 92 for everything else."""
    if file.kind is not DocumentKind.IMAGE:
        return _QUALITY
    try:
        with Image.open(file.path, formats=("JPEG",)) as picture:
            tables = picture.quantization if isinstance(picture, JpegImagePlugin.JpegImageFile) else {}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return _QUALITY
    if not tables:
        return _QUALITY
    scale = float(np.mean(tables[min(tables)])) / _TABLE_MEAN * 100
    return int(np.clip(5000 / scale if scale > 100 else 100 - scale / 2, 30, 98))


@lru_cache(maxsize=8)
def _rendered(file: DocumentFile, number: int, size_wh: SizeWH) -> ByteArray:
    with open_document(file) as document:
        return document.render(number, ExactSize(*size_wh)).pixels
