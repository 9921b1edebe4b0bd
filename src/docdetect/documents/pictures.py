"""The one reader of single pictures: the dataset check, training and evaluation see the pixels that `infer` sees.

A picture is read as a viewer shows it: transparency over white, EXIF and TIFF orientation applied, the lines of a fax
with pixels that are not square drawn at the finer of its two resolutions, 16 bits and CMYK brought to 8-bit RGB, a
damaged file as far as it goes. `ImageDocument` in `documents/images.py` does the work, here as for `infer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docdetect.documents.images import ImageDocument
from docdetect.documents.sizes import AtDpi
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.types import ByteArray, SizeWH

NATIVE = AtDpi(1e6)
"""The size at which an image gives its own pixels: no image is ever enlarged to reach a resolution."""


@dataclass(frozen=True)
class Picture:
    """A picture as displayed.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        damaged: what may be missing of a damaged file, in words for people; None for a sound one.
    """

    pixels: ByteArray
    damaged: str | None = None

    @property
    def size_wh(self) -> SizeWH:
        """Width and height in px."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_picture(path: Path) -> Picture:
    """The first page of an image file at its own size.

    Raises:
        DocumentError: the file is no picture, cannot be read or decoded, or has more than 100 megapixels.
    """
    with _opened(path) as image:
        page = image.render(1, NATIVE)
    return Picture(page.pixels, page.info.damaged)


def picture_size(path: Path) -> SizeWH:
    """Width and height in px that `read_picture` would give, from the header, without decoding the picture.

    Raises:
        DocumentError: the file is no picture, or cannot be read.
    """
    with _opened(path) as image:
        return image.page_info(1, NATIVE).size_wh


def _opened(path: Path) -> ImageDocument:
    return ImageDocument(DocumentFile(path, path.name, DocumentKind.IMAGE))
