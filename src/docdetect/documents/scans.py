"""PDF pages that are one JPEG and nothing else, as scanners write them, decoded without MuPDF.

MuPDF's decoder and its scaling take most of the time of such a page. Pillow and OpenCV decode with the same library to
the same pixels; OpenCV copies them less often.
What is not plainly such a page is left to MuPDF: other content, annotations, cropping, masks, colour spaces with a
profile, unusual decoding, damage.
"""

from __future__ import annotations

import io
import re
from typing import Any

import cv2
import numpy as np
from PIL import Image

from docdetect.documents.colours import resized, shrunk
from docdetect.types import ByteArray, SizeWH

_NUMBER = rb"([-+]?[0-9]*\.?[0-9]+)"
_ONLY_A_PICTURE = re.compile(rb"\s*q\s+" + rb"\s+".join([_NUMBER] * 6) + rb"\s+cm\s*/(\S+)\s+Do\s+Q\s*")
_MODES = {"DeviceRGB": "RGB", "DeviceGray": "L"}
_SLACK_FRAC = 0.002  # of the page: where the picture may end beside the edge
_PLAIN_KEYS = ("Decode", "DecodeParms", "Mask", "SMask", "OC")
_LARGEST_PX = 50_000_000
_HALF = 2.0
_END = b"\xff\xd9"
_TURNS = {0: 0, 90: 3, 180: 2, 270: 1}  # PDF turns clockwise, NumPy counterclockwise


def scanned_pixels(page: Any, size_wh: SizeWH) -> ByteArray | None:
    """The page at exactly `size_wh` px as displayed, uint8 (H, W, 3) RGB; None where MuPDF has to draw it.

    Args:
        page: of PyMuPDF.
        size_wh: px.

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
            pixels = _by_opencv(raw, picture, target_wh) if picture.size == stored_wh else None
            if pixels is None:
                pixels = resized(picture, target_wh)
    except (cv2.error, OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None  # MuPDF draws what there is of a damaged picture
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _by_opencv(raw: bytes, picture: Image.Image, size_wh: SizeWH) -> ByteArray | None:
    """What `resized` makes of the picture; None unless it becomes smaller, by less than half.

    Args:
        raw: the file. One that ends early is left to Pillow, which refuses it; OpenCV would fill it up.
        picture: the same, opened and not decoded.
        size_wh: px.
    """
    sides = picture.width / size_wh[0], picture.height / size_wh[1]
    if min(sides) < 1 or not 1 < max(sides) < _HALF or not raw.rstrip(b"\0\r\n ").endswith(_END):
        return None
    kind = cv2.IMREAD_GRAYSCALE if picture.mode == "L" else cv2.IMREAD_COLOR
    decoded = cv2.imdecode(np.frombuffer(raw, np.uint8), kind | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None or decoded.shape[1::-1] != picture.size:
        return None
    return np.asarray(cv2.cvtColor(shrunk(np.asarray(decoded, np.uint8), size_wh), cv2.COLOR_BGR2RGB), np.uint8)


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
    if pdf.xref_get_key(page.xref, "Resources")[0] == "null":  # inherited: who knows what else is
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
