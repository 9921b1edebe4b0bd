"""One page, several looks: as a whole, turned where it lies on its side, and tile by tile where it is a large drawing.

Every look is a picture for the model; what was found comes back in px of the page as displayed, each mark once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from itertools import islice

import numpy as np

from docdetect.boxes import turned_back
from docdetect.inference.multi_view.fusion import merged
from docdetect.inference.multi_view.tiling import tile_boxes
from docdetect.inference.stages import ReadPage
from docdetect.models.engines.base import Engine
from docdetect.types import ByteArray, Detections, IntArray


@dataclass(frozen=True)
class Look:
    """What the model is shown of a page.

    Attributes:
        turns: quarter turns counter-clockwise.
        tile: (4,) px of the page's sheet, or None for the whole page.
    """

    turns: int = 0
    tile: IntArray | None = None

    def picture(self, page: ReadPage) -> ByteArray:
        """uint8 (H, W, 3) RGB."""
        pixels = page.pixels
        if self.tile is not None:
            assert page.sheet is not None
            left, top, right, bottom = self.tile.tolist()
            pixels = page.sheet[top:bottom, left:right]
        return np.ascontiguousarray(np.rot90(pixels, self.turns))

    def back(self, found: Detections, page: ReadPage) -> Detections:
        """What was found on the picture, in px of the sheet where there is one, else of the page."""
        size_wh = found.size_wh if self.turns % 2 == 0 else found.size_wh[::-1]
        xyxy = turned_back(found.xyxy, self.turns, size_wh)
        if page.sheet is None:
            return Detections(xyxy, found.class_ids, size_wh, found.scores)
        sheet_wh = page.sheet.shape[1], page.sheet.shape[0]
        if self.tile is None:
            return Detections(xyxy, found.class_ids, size_wh, found.scores).scaled(sheet_wh)
        origin = np.array([*self.tile[:2], *self.tile[:2]], np.float32)
        return Detections(xyxy + origin, found.class_ids, sheet_wh, found.scores)


@dataclass(frozen=True)
class Looking:
    """Shows pages to an engine, each in as many looks as it needs.

    Attributes:
        engine: the detector.
        conf: lowest score that counts.
        iou: of the non-maximum suppression within a look.
        batch: most pictures per call of the engine.
        stop: when set, no further picture is shown.
    """

    engine: Engine
    conf: float
    iou: float
    batch: int
    stop: threading.Event

    def __call__(self, pages: Sequence[ReadPage]) -> list[Detections]:
        """What is on each page, in px of its `pixels`.

        A page that needs one look gives just what that look gives; how those of others are brought together, see
        `merging.py`.

        Raises:
            CancelledError: it was stopped between two pictures.
        """
        looks = [looks_at(page) for page in pages]
        shown = [(page, look) for page, of_page in zip(pages, looks, strict=True) for look in of_page]
        found: list[Detections] = []
        for start in range(0, len(shown), self.batch):
            if self.stop.is_set():
                raise CancelledError
            pictures = [look.picture(page) for page, look in shown[start : start + self.batch]]
            found += self.engine.detect(pictures, self.conf, self.iou)
        rest = iter(found)
        return [
            _together(page, of_page, list(islice(rest, len(of_page))))
            for page, of_page in zip(pages, looks, strict=True)
        ]


def looks_at(page: ReadPage) -> list[Look]:
    """The looks that a page needs: in each of its turns the whole of it and its tiles."""
    tiles: list[IntArray] = []
    if page.sheet is not None:
        tiles = list(tile_boxes((page.sheet.shape[1], page.sheet.shape[0]), max(page.pixels.shape[:2])))
    return [Look(turns, tile) for turns in page.turns for tile in (None, *tiles)]


def _together(page: ReadPage, looks: Sequence[Look], found: Sequence[Detections]) -> Detections:
    """All that was found on a page, in px of its `pixels`."""
    if len(looks) == 1 and looks[0].turns == 0:
        return found[0]
    back = [look.back(one, page) for look, one in zip(looks, found, strict=True)]
    return merged(back, [look.tile for look in looks]).scaled((page.pixels.shape[1], page.pixels.shape[0]))
