"""Work on documents that an isolated process does for the service; the module imports nothing that a process does not
need."""

from __future__ import annotations

from docdetect.documents.reader import Opener
from docdetect.documents.sizes import ExactSize
from docdetect.documents.sources import DocumentFile
from docdetect.types import SizeWH

# EXIF tags that cameras write and scanners do not, by the names that the answer has for them.
_CAMERA_FACTS = {
    "has_exposure_time": 0x829A,
    "has_aperture": 0x829D,
    "has_iso": 0x8827,
    "has_focal_length": 0x920A,
    "has_gps": 0x8825,
}
_MAKE, _MODEL, _SOFTWARE, _ORIENTATION, _TAKEN = 0x010F, 0x0110, 0x0131, 0x0112, 0x9003
_EXIF = 0x8769


def page_png(file: DocumentFile, number: int, size_wh: SizeWH, opener: Opener) -> bytes:
    """Page `number` (from 1) of a document as PNG of exactly this size in px. Raises DocumentError."""
    import cv2

    with opener(file) as document:
        pixels = document.render(number, ExactSize(*size_wh)).pixels
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def camera_facts(path: str) -> dict[str, object]:
    """What the EXIF data of a picture says about the camera; without EXIF data only `has_exif`, False."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            exif = picture.getexif()
            tags = dict(exif) | dict(exif.get_ifd(_EXIF))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        tags = {}
    facts: dict[str, object] = {"has_exif": bool(tags)}
    if not tags:
        return facts
    for name, tag in (("make", _MAKE), ("model", _MODEL), ("software", _SOFTWARE)):
        facts[name] = str(tags[tag]).strip("\0 ")[:100] if tag in tags else None
    facts |= {name: tag in tags for name, tag in _CAMERA_FACTS.items()}
    return facts | {"has_orientation": _ORIENTATION in tags, "has_datetime_original": _TAKEN in tags}
