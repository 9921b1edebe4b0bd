"""Regions of a page, cut from the finest pixels that the document has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from docdetect.documents.reader import Opener, open_document
from docdetect.documents.sizes import AtDpi, BoxFrac
from docdetect.documents.sources import DocumentFile
from docdetect.types import ByteArray, SizeWH

# The size at which an image gives its own pixels: no image is enlarged.
_OWN_PIXELS = AtDpi(1e6)


def render_regions(
    file: DocumentFile,
    number: int,
    regions: Sequence[BoxFrac],
    dpi: float | None,
    opener: Opener = open_document,
    longest_px: int | None = None,
) -> list[ByteArray]:
    """Regions of page `number` as displayed, uint8 (H, W, 3) RGB, at least 1 x 1 px each.

    Args:
        file: the document.
        number: page number from 1.
        regions: within the page, left < right and top < bottom.
        dpi: px/inch for PDFs; None takes the resolution of the scan that fills a page, and 600 for drawn pages.
            Images give their own pixels.
        opener: opens the document.
        longest_px: longest side in px of a region of a PDF; None for no limit.

    Raises:
        DocumentError: the document or the page gives no pixels.
    """
    with opener(file) as document:
        from docdetect.documents.pdf import PdfDocument

        if isinstance(document, PdfDocument):
            return document.render_regions(number, regions, dpi, longest_px)
        pixels = document.render(number, _OWN_PIXELS).pixels
    return [cut_region(pixels, region) for region in regions]


def box_to_px(region: BoxFrac, size_wh: SizeWH) -> tuple[int, int, int, int]:
    """Left, top, right, bottom px of a region in a picture of the page: the pixels that it touches, at least one."""
    left, top = (min(math.floor(region[axis] * size_wh[axis]), size_wh[axis] - 1) for axis in (0, 1))
    right, bottom = (min(math.ceil(region[axis + 2] * size_wh[axis]), size_wh[axis]) for axis in (0, 1))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def cut_region(pixels: ByteArray, region: BoxFrac) -> ByteArray:
    """A region of a page from a picture of all of it, uint8 (H, W, 3) RGB."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box_to_px(region, (width, height))
    return np.ascontiguousarray(pixels[top:bottom, left:right])
