"""From raw detections to a page's result: grouping, codes read, pictures written. The last stage before the journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docdetect import boxes
from docdetect.documents.codes import read_code
from docdetect.documents.drawing import draw_detections, write_image
from docdetect.documents.parts import cut_part
from docdetect.documents.sizes import BoxFrac
from docdetect.files import safe_stem
from docdetect.grouping import group
from docdetect.inference.closer import CloserLook
from docdetect.inference.folder import CROPS_FOLDER, PAGES_FOLDER
from docdetect.inference.reading import ReadPage
from docdetect.inference.records import rounded
from docdetect.inference.settings import RunSettings
from docdetect.types import ByteArray, Detections, PageInfo, PageResult

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
