"""The part of `convert` that runs in worker processes; it imports little, for each of them imports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from docdetect.documents.drawing import encoded_image
from docdetect.documents.reader import AtDpi, Document, RenderSize
from docdetect.documents.sizes import POINTS_PER_INCH
from docdetect.types import ByteArray


@dataclass(frozen=True)
class PageEncoder:
    """The PageWork that gives the bytes of a page's PNG file, or None for a page that is not in `wanted`.

    Attributes:
        wanted: document name -> page number -> size.
    """

    wanted: Mapping[str, Mapping[int, RenderSize]]

    def __call__(self, document: Document, number: int) -> ByteArray | None:
        name = document.page_info(number, AtDpi(POINTS_PER_INCH)).document
        size = self.wanted[name].get(number)
        if size is None:
            return None
        page = document.render(number, size)
        return np.frombuffer(encoded_image(".png", page.pixels, dpi=page.info.dpi), np.uint8)
