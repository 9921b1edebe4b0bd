"""From raw detections to a page's result: grouping, codes read, pictures written. The last stage before the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from docdetect import boxes
from docdetect.documents.codes import read_code
from docdetect.documents.drawing import draw_detections, write_image
from docdetect.documents.sources import DocumentFile
from docdetect.grouping import group
from docdetect.inference.folder import CROPS_FOLDER, PAGES_FOLDER
from docdetect.inference.reading import ReadPage
from docdetect.inference.records import rounded
from docdetect.inference.settings import RunSettings
from docdetect.types import ByteArray, Detections, IntArray, PageInfo, PageResult

_CROP_MARGIN_FRAC = 0.05  # of the mark's longer side, so that nothing of it is cut off
_CODE_DPI = 300  # the finest that scanners usually give; larger pictures of the same modules read no better

CloserLook: TypeAlias = Callable[[DocumentFile, int, int], ByteArray | None]
"""(document, page number, dpi) -> the page's pixels at that resolution, None when they cannot be had."""


def page_path(folder: Path, document: str, number: int, suffix: str) -> Path:
    """Where files about a page lie: `<folder>/<document>/page_0001<suffix>`."""
    return folder / document / f"page_{number:04d}{suffix}"


@dataclass(frozen=True)
class Finisher:
    """Turns pages with their raw detections into results; safe to call from several threads.

    Attributes:
        settings: of the run.
        output: the result folder.
        closer_look: renders a page again, larger, where a code cannot be read otherwise or crops are wanted.
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
        grouped, members = group(raw, self.settings.grouping)
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
        closer = self.closer_look(page.file, page.info.number, self.settings.dpi)
        pixels = page.pixels if closer is None else closer
        height, width = pixels.shape[:2]
        folder = self.output / CROPS_FOLDER / page.info.document
        taken: dict[int, int] = {}
        for box, class_id in zip(grouped.scaled((width, height)).xyxy, grouped.class_ids.tolist(), strict=True):
            taken[class_id] = taken.get(class_id, 0) + 1
            left, top, right, bottom = _with_margin(box, (width, height))
            name = f"page_{page.info.number:04d}_{self.settings.class_names[class_id]}_{taken[class_id]:02d}.jpg"
            write_image(folder / name, np.ascontiguousarray(pixels[top:bottom, left:right]))

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
            pixels = self.closer_look(page.file, page.info.number, _CODE_DPI)
            if pixels is not None:
                _read_into(texts, codes, pixels, grouped)
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


def _with_margin(box: np.ndarray[tuple[int, ...], np.dtype[np.float32]], size_wh: tuple[int, int]) -> tuple[int, ...]:
    margin = _CROP_MARGIN_FRAC * float(max(box[2] - box[0], box[3] - box[1]))
    widened = boxes.clip(np.array([[box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin]]), size_wh)[0]
    low: IntArray = np.floor(widened[:2]).astype(np.int64)
    high: IntArray = np.maximum(np.ceil(widened[2:]).astype(np.int64), low + 1)
    low = np.minimum(low, high - 1)
    return (*low.tolist(), *high.tolist())
