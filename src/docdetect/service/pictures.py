"""Work on documents that an isolated process does for the service; the module imports nothing that a process does not
need."""

from __future__ import annotations

from dataclasses import dataclass

from docdetect.documents.flattening import FlatSheet, Sheet
from docdetect.documents.photographs import Photograph, camera_facts, examine
from docdetect.documents.reader import Opener
from docdetect.documents.sizes import AtDpi, ExactSize, LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.types import ByteArray, SizeWH

# Long side in px at which a picture is looked at, and the most px of the long side of a sheet that was laid flat.
_LOOK_PX, _MOST_PX = 1024, 4000

# Local contrast of a sheet that was laid flat: limit and tiles of adaptive histogram equalisation. Quality of its JPEG.
_CONTRAST_LIMIT, _CONTRAST_TILES = 3.0, (8, 8)
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class LookedAt:
    """A picture that was looked at.

    Attributes:
        photo: what speaks for and against a photograph.
        facts: what a camera noted, see `camera_facts`.
        size_wh: (width, height) px as displayed.
    """

    photo: Photograph
    facts: dict[str, object]
    size_wh: SizeWH


@dataclass(frozen=True)
class FlatPicture:
    """A sheet that was laid flat for people.

    Attributes:
        corners: (x, y) px of the sheet's corners in the picture, from the top left one clockwise.
        jpeg: the flat sheet, with more contrast and sharper than it was.
    """

    corners: tuple[tuple[int, int], ...]
    jpeg: bytes


def page_png(file: DocumentFile, number: int, size_wh: SizeWH, opener: Opener) -> bytes:
    """Page `number` (from 1) of a document as PNG of exactly this size in px. Raises DocumentError."""
    import cv2

    with opener(file) as document:
        pixels = document.render(number, ExactSize(*size_wh)).pixels
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def looked_at(file: DocumentFile, opener: Opener) -> LookedAt:
    """Whether the first page of a picture file is a photograph. Raises DocumentError."""
    with opener(file) as document:
        facts = camera_facts(document.camera_tags(1))
        size_wh = document.page_info(1, AtDpi(1e6)).size_wh
        pixels = document.render(1, LongSide(_LOOK_PX)).pixels
    return LookedAt(examine(pixels, facts), facts, size_wh)


def laid_flat(file: DocumentFile, sheet: Sheet | None, opener: Opener) -> FlatPicture:
    """The sheet in a picture file laid flat, the whole picture where there is no sheet. Raises DocumentError."""
    with opener(file) as document:
        size_wh = document.page_info(1, AtDpi(1e6)).size_wh
        scale = min(1.0, _MOST_PX / max(size_wh))
        pixels = document.render(1, LongSide(max(1, round(scale * max(size_wh))))).pixels
    if sheet is None:
        width, height = size_wh
        return FlatPicture(((0, 0), (width, 0), (width, height), (0, height)), _clear_jpeg(pixels))
    long_px = max(1, round(sheet.long_side_px((pixels.shape[1], pixels.shape[0]))))
    flat = FlatSheet.of(sheet, long_px).flatten(pixels)
    corners = tuple((round(x), round(y)) for x, y in sheet.corners_px(size_wh).tolist())
    return FlatPicture(corners, _clear_jpeg(flat))


def _clear_jpeg(pixels: ByteArray) -> bytes:
    """A picture, uint8 (H, W, 3) RGB, with more local contrast, sharpened, as JPEG."""
    import cv2
    import numpy as np

    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(_CONTRAST_LIMIT, _CONTRAST_TILES).apply(np.ascontiguousarray(lab[:, :, 0]))
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
    clear = cv2.filter2D(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), -1, kernel)
    done, data = cv2.imencode(".jpg", clear, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    return data.tobytes()
