"""What kind of document a file is: its content decides, and where that says nothing, its suffix."""

from __future__ import annotations

from enum import Enum
from pathlib import Path


class DocumentKind(str, Enum):
    """How a file is read."""

    PDF = "pdf"
    IMAGE = "image"
    UNKNOWN = "unknown"  # named one by one, but nothing that docdetect reads: it fails, with its reason


HEIF_SUFFIXES = (".heic", ".heif", ".hif")

KIND_OF_SUFFIX = {
    ".pdf": DocumentKind.PDF,
    ".png": DocumentKind.IMAGE,
    ".jpg": DocumentKind.IMAGE,
    ".jpeg": DocumentKind.IMAGE,
    ".jpe": DocumentKind.IMAGE,
    ".jfif": DocumentKind.IMAGE,
    ".tif": DocumentKind.IMAGE,
    ".tiff": DocumentKind.IMAGE,
    ".bmp": DocumentKind.IMAGE,
    ".gif": DocumentKind.IMAGE,
    ".webp": DocumentKind.IMAGE,
    ".jp2": DocumentKind.IMAGE,
    ".avif": DocumentKind.IMAGE,
    **dict.fromkeys(HEIF_SUFFIXES, DocumentKind.IMAGE),
}
"""Suffix in lower case -> kind, of files whose content tells nothing, for example because it is damaged."""

_HEAD_BYTES = 1024

# Raw files of cameras are TIFF files by their content, but what a TIFF reader finds in them is a thumbnail.
_CAMERA_SUFFIXES = (".dng", ".nef", ".cr2", ".arw", ".orf", ".rw2", ".pef", ".srw")

_IMAGE_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"GIF87a",
    b"GIF89a",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51",
)

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_AVIF_BRANDS = (b"avif", b"avis")

# Lengths of the header that follows the first 14 bytes of a bitmap: two letters alone would make bitmaps of texts.
_BITMAP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def suffix_kind(path: Path) -> DocumentKind | None:
    """The kind that the file's suffix (in any case) says, or None when it is no document."""
    return KIND_OF_SUFFIX.get(path.suffix.lower())


def document_kind(path: Path) -> DocumentKind | None:
    """The kind of a file by its content, else by its suffix; None when it is no document.

    A PDF without suffix is a PDF, and a photo that is named `scan.pdf` is a picture. A file that cannot be read, or
    whose beginning says nothing, is what its suffix says.
    """
    kind = content_kind(first_bytes(path))
    if kind is not None and path.suffix.lower() not in _CAMERA_SUFFIXES:
        return kind
    return suffix_kind(path)


def content_kind(head: bytes) -> DocumentKind | None:
    """The kind of a file by its first bytes, None where they say nothing."""
    if head.lstrip(b"\xef\xbb\xbf\0\t\r\n ").startswith(b"%PDF-"):
        return DocumentKind.PDF
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    is_bitmap = head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS
    if head.startswith(_IMAGE_STARTS) or is_webp or is_bitmap or is_heif(head) or _has_brand(head, _AVIF_BRANDS):
        return DocumentKind.IMAGE
    return None


def is_heif(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a HEIC or HEIF picture."""
    return _has_brand(head, _HEIF_BRANDS) and not _has_brand(head, _AVIF_BRANDS)


def first_bytes(path: Path) -> bytes:
    """The beginning of a regular file; empty where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""


def _has_brand(head: bytes, brands: tuple[bytes, ...]) -> bool:
    """Whether an ISO media file names one of these brands, in the box that it begins with."""
    if head[4:8] != b"ftyp":
        return False
    box = head[8 : max(12, min(int.from_bytes(head[:4], "big"), len(head)))]
    return any(box[start : start + 4] in brands for start in range(0, len(box), 4))
