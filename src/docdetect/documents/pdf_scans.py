"""PDF pages that are one JPEG and nothing else, as scanners write them, decoded without MuPDF.

MuPDF's decoder and its scaling take most of the time of such a page. Pillow and OpenCV decode with the same library to
the same pixels, and OpenCV copies them less often. A page that is not plainly such a page is left to MuPDF: with other
content, annotations, cropping, masks, a colour space with a profile, unusual decoding, or damage.
"""

from __future__ import annotations

import io
import re
from typing import Any

import cv2
import numpy as np
from PIL import Image

from docdetect.documents.pixels import decoded_by_opencv, resized
from docdetect.types import ByteArray, SizeWH

_NUMBER = rb"([-+]?[0-9]*\.?[0-9]+)"

_ONLY_A_PICTURE = re.compile(rb"\s*q\s+" + rb"\s+".join([_NUMBER] * 6) + rb"\s+cm\s*/(\S+)\s+Do\s+Q\s*")

# Colour spaces of a PDF that a JPEG is decoded to as it is, and Pillow's modes for them.
_MODES = {"DeviceRGB": "RGB", "DeviceGray": "L"}

# How far beside the edge of the page the picture may end, as a share of the page's shorter side.
_SLACK_FRAC = 0.002

# Entries of a picture's dictionary that change how it is shown.
_PLAIN_KEYS = ("Decode", "DecodeParms", "Mask", "SMask", "OC")

# Pixels of a picture beyond which MuPDF draws the page: it bounds its memory.
_LARGEST_PX = 50_000_000

# Rotation of a PDF page in degrees clockwise -> quarter turns of NumPy, which turns counter-clockwise.
_TURNS = {0: 0, 90: 3, 180: 2, 270: 1}


def scanned_pixels(page: Any, size_wh: SizeWH) -> ByteArray | None:
    """The page at exactly `size_wh` px as displayed, uint8 (H, W, 3) RGB; None where MuPDF has to draw it.

    Args:
        page: PyMuPDF's page.
        size_wh: width and height in px of the page as displayed.

    Raises:
        Whatever PyMuPDF raises for a damaged page.
    """
    data = _only_jpeg(page)
    if data is None:
        return None
    raw, mode, stored_wh = data
    turns = _TURNS[page.rotation]
    target_wh = size_wh[::-1] if turns % 2 else size_wh
    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG",)) as picture:
            if picture.mode != mode or picture.size != stored_wh:
                return None
            picture.draft(None, target_wh)
            pixels = decoded_by_opencv(raw, picture, target_wh) if picture.size == stored_wh else None
            if pixels is None:
                pixels = resized(picture, target_wh)
    except (cv2.error, OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None  # MuPDF draws what there is of a damaged picture
    return np.ascontiguousarray(np.rot90(pixels, turns))


def scan_size_wh(page: Any) -> SizeWH | None:
    """Width and height in px, as stored, of the only picture of a page that is a scan; None for every other page.

    Args:
        page: PyMuPDF's page.
    """
    data = _only_jpeg(page)
    return None if data is None else data[2]


def _only_jpeg(page: Any) -> tuple[bytes, str, SizeWH] | None:
    """The file of the only picture, its mode and its size in px, where the page is nothing else."""
    pdf, pictures = page.parent, page.get_images(full=True)
    if len(pictures) != 1 or page.first_annot is not None or page.first_widget is not None:
        return None
    xref, _, width, height, bits, space, _, name, packing, holder = pictures[0][:10]
    if holder or bits != 8 or space not in _MODES or packing != "DCTDecode" or width * height > _LARGEST_PX:
        return None
    if any(pdf.xref_get_key(xref, key)[0] != "null" for key in _PLAIN_KEYS):
        return None
    if any(pdf.xref_get_key(page.xref, key)[0] != "null" for key in ("Resources/ColorSpace", "Group")):
        return None
    if pdf.xref_get_key(page.xref, "Resources")[0] == "null":  # what is inherited may hold more than is seen here
        return None
    drawn = _ONLY_A_PICTURE.fullmatch(page.read_contents())
    if drawn is None or drawn[7] != name.encode():
        return None
    a, b, c, d, x, y = (float(value) for value in drawn.groups()[:6])
    media = page.mediabox
    edges = (x - media.x0, y - media.y0, x + a - media.x1, y + d - media.y1)
    slack = _SLACK_FRAC * min(media.width, media.height)
    if (b, c) != (0, 0) or page.cropbox != media or any(abs(edge) > slack for edge in edges):
        return None
    return pdf.xref_stream_raw(xref), _MODES[space], (width, height)
