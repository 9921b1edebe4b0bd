"""What QR codes say; the only importer of ZXing.

A detected box is cut out with a margin, because the decoder wants the quiet zone around the code, and is tried at
several scales: scans have modules of two or three pixels, for which a decoder's thresholds work better on an
enlarged picture, and photographs the other way round. What still cannot be read is tried sharpened. Codes in any turn
are the decoder's own business.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import cv2
import numpy as np

from docdetect.documents.reader import Opener, open_document
from docdetect.documents.regions import render_regions
from docdetect.documents.sizes import DRAWN_DPI, BoxFrac
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.types import ByteArray, FloatArray

# Margin that is cut out around a box, as a share of its longer side. The quiet zone of a QR code of 25 modules is 16 %.
_MARGIN_FRAC = 0.15
_MIN_MARGIN_PX = 4
# Long sides to which the cut-out is scaled, one after the other, when the code could not be read at its own size.
_LONG_SIDES_PX = (320, 640, 160)
# Longest side of a cut-out: the largest code has 177 modules, and more than 4 px for each only cost time.
_MAX_SIDE_PX = 720
# Longest side of a region with a code and its margins, from which the code is then cut out.
_MAX_REGION_SIDE_PX = 1200
# Kinds of code that ZXing looks for. All kinds take several times as long as QR codes, and are tried last.
_QR, _ANY = "QRCode", "AllMatrix"
# White border that is added around a cut-out, in place of a quiet zone that is missing.
_QUIET_PX = 16
_SHARPEN_SIGMA_PX = 2.0


def read_code(pixels: ByteArray, xyxy: FloatArray, *, sharpen: bool = False) -> str | None:
    """The text of the code in one box, None when there is none that can be read.

    Args:
        pixels: uint8 (H, W, 3) RGB, the page as large as it can be had.
        xyxy: (4,) px on that page.
        sharpen: also try sharpened pictures; takes twice as long where there is nothing to read.

    Of several codes in and around the box the one nearest to the box's centre counts. The text has no control
    characters but tab and line feed, and no bytes that are not text.
    """
    cut, centre = _cut_out(pixels, xyxy)
    if cut is None:
        return None
    side = max(cut.shape[:2])
    scales = (min(1.0, _MAX_SIDE_PX / side), *(target / side for target in _LONG_SIDES_PX))
    attempts = [*product((False, True) if sharpen else (False,), scales, (_QR,)), (False, scales[0], _ANY)]
    for sharpened, scale, formats in attempts:
        scaled = cut if scale == 1 else cv2.resize(cut, None, fx=scale, fy=scale, interpolation=_interpolation(scale))
        tried = _sharpened(scaled) if sharpened else scaled
        quiet = cv2.copyMakeBorder(tried, _QUIET_PX, _QUIET_PX, _QUIET_PX, _QUIET_PX, cv2.BORDER_CONSTANT, value=(255,))
        text = _nearest_text(quiet, centre * scale + _QUIET_PX, formats)
        if text is not None:
            return text
    return None


def read_codes_from_document(
    file: DocumentFile, number: int, boxes: Sequence[BoxFrac], opener: Opener = open_document
) -> list[str | None]:
    """The texts of codes whose boxes stand on page `number`, from the finest pixels of the document.

    That is an image's own pixels, and the scan that fills a page of a PDF at the resolution it was stored in; what
    cannot be read there may be drawn on the scan, so that the page is then drawn at 600 px/inch.

    Args:
        file: the document.
        number: page number from 1.
        boxes: within the page.
        opener: opens the document.

    Raises:
        DocumentError: the document or the page gives no pixels.
    """
    regions = [_with_margin(box) for box in boxes]
    texts: list[str | None] = [None] * len(boxes)
    for dpi in (None,) if file.kind is DocumentKind.IMAGE else (None, DRAWN_DPI):
        left = [position for position, text in enumerate(texts) if text is None]
        if not left:
            break
        wanted = [regions[position] for position in left]
        pictures = render_regions(file, number, wanted, dpi, opener, longest_px=_MAX_REGION_SIDE_PX)
        for position, pixels in zip(left, pictures, strict=True):
            texts[position] = read_code(pixels, _within(boxes[position], regions[position], pixels), sharpen=True)
    return texts


def _cut_out(pixels: ByteArray, xyxy: FloatArray) -> tuple[Any, FloatArray]:
    """The grey picture of the box with its margin, and the box's centre in it; None when nothing of it is left."""
    height, width = pixels.shape[:2]
    box = np.asarray(xyxy, np.float64)
    margin = max(_MIN_MARGIN_PX, _MARGIN_FRAC * float(max(box[2] - box[0], box[3] - box[1])))
    left, top = (int(max(0, np.floor(value - margin))) for value in box[:2])
    right, bottom = int(min(width, np.ceil(box[2] + margin))), int(min(height, np.ceil(box[3] + margin)))
    centre = np.array([(box[0] + box[2]) / 2 - left, (box[1] + box[3]) / 2 - top], np.float32)
    if right - left < 8 or bottom - top < 8:
        return None, centre
    return cv2.cvtColor(pixels[top:bottom, left:right], cv2.COLOR_RGB2GRAY), centre


def _with_margin(box: BoxFrac) -> BoxFrac:
    """A box with room for the margin around it, within the page."""
    margin = 2 * _MARGIN_FRAC * max(box[2] - box[0], box[3] - box[1])
    left, top = max(0.0, box[0] - margin), max(0.0, box[1] - margin)
    return left, top, min(1.0, box[2] + margin), min(1.0, box[3] + margin)


def _within(box: BoxFrac, region: BoxFrac, pixels: ByteArray) -> FloatArray:
    """(4,) px of a box in the picture of a region of its page."""
    height, width = pixels.shape[:2]
    scale_x, scale_y = width / (region[2] - region[0]), height / (region[3] - region[1])
    left, top = (box[0] - region[0]) * scale_x, (box[1] - region[1]) * scale_y
    right, bottom = (box[2] - region[0]) * scale_x, (box[3] - region[1]) * scale_y
    return np.array([left, top, right, bottom], np.float32)


def _sharpened(grey: Any) -> Any:
    """The picture minus its own blur: undoes some of what lenses and resampling do to small modules."""
    return cv2.addWeighted(grey, 2.0, cv2.GaussianBlur(grey, (0, 0), _SHARPEN_SIGMA_PX), -1.0, 0)


def _interpolation(scale: float) -> int:
    return int(cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


def _nearest_text(grey: Any, centre: FloatArray, formats: str) -> str | None:
    import zxingcpp

    wanted = zxingcpp.BarcodeFormats(getattr(zxingcpp.BarcodeFormat, formats))
    found = zxingcpp.read_barcodes(grey, formats=wanted, text_mode=zxingcpp.TextMode.Plain)
    readable = [code for code in found if code.valid and code.text]
    if not readable:
        return None
    nearest = min(readable, key=lambda code: (_distance(code.position, centre), code.text))
    text = nearest.text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")


def _distance(position: Any, centre: FloatArray) -> float:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    middle = np.mean([(corner.x, corner.y) for corner in corners], axis=0)
    return float(np.hypot(*(middle - centre)))
