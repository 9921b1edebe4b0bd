"""Damaged pictures made whole enough to be decoded, so that what is there of them can be looked at.

Viewers show the part of a picture that arrived, and leave the rest grey or blank. Decoders refuse such a file as a
whole. The functions here write the file again with what the decoder asks for: an end marker, or blank rows.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from PIL import ImageFile

from docdetect.types import SizeWH

DAMAGED_PICTURE = "the file is damaged or ends early, so that a part of the picture may be missing"

_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_TAIL_BYTES = 1 << 16
_IHDR_END = 33
_MOST_BYTES = 512 << 20
_INFLATED_STEP_BYTES = 1 << 12
_CHANNELS_OF_COLOUR_TYPE = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE = 3
# Types of whole numbers in a TIFF: number of the type -> letter of `struct`, bytes.
_TIFF_NUMBERS = {3: ("H", 2), 4: ("I", 4)}
# Height, compression, places of strips, orientation, rows of a strip, lengths of strips; most strips that are read.
_TIFF_TAGS, _MOST_STRIPS = (257, 259, 273, 274, 278, 279), 1 << 20
_KEPT_CHUNKS = (b"PLTE", b"tRNS", b"pHYs", b"gAMA", b"iCCP", b"sRGB", b"eXIf")


def mended_picture(path: Path, format_name: str | None, size_wh: SizeWH, frame: int = 0) -> bytes | None:
    """The file written so that a decoder gives what is there of its picture.

    Args:
        path: the file.
        format_name: as Pillow names it.
        size_wh: px of the stored picture.
        frame: position of the picture in the file.

    Returns:
        The bytes of a file; None for formats of which no part can be had, and for files over 512 MB. Of a TIFF with
        compressed pixels the picture is lower than it was where strips of it are missing.
    """
    if format_name not in ("JPEG", "PNG", "BMP", "TIFF") or path.stat().st_size > _MOST_BYTES:
        return None
    data = path.read_bytes()
    if format_name == "JPEG":
        return data + _JPEG_END
    if format_name == "PNG":
        return _mended_png(data)
    if format_name == "TIFF" and (lower := _tiff_of_whole_strips(data, frame)) is not None:
        return lower
    return data + b"\xff" * (4 * size_wh[0] * size_wh[1])


def filled_webp(path: Path) -> bytes | None:
    """A WebP file that ends early, with zeros up to the length that it states; None for other files.

    Its decoder, which refuses a file that is too short, gives the pixels that are there and continues them below.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(12)
            if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
                return None
            length = 8 + int.from_bytes(head[4:8], "little")
            if not stream.seek(0, 2) < length <= _MOST_BYTES:
                return None
            stream.seek(0)
            return stream.read().ljust(length, b"\0")
    except OSError:
        return None


def is_tiff_without_directory(path: Path) -> bool:
    """Whether a TIFF file ends before the end of the list of its first page, which most programs write last of all."""
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
            length = stream.seek(0, 2)
            return _ends_before_directory(stream, head, length)
    except OSError:
        return False


def _ends_before_directory(stream: IO[bytes], head: bytes, length: int) -> bool:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return False
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version not in (42, 43):  # 43 is BigTIFF
        return False
    is_big = version == 43
    (offset,) = struct.unpack_from(f"{order}Q", head, 8) if is_big else struct.unpack_from(f"{order}I", head, 4)
    count_bytes, entry_bytes = (8, 20) if is_big else (2, 12)
    if int(offset) + count_bytes > length:
        return True
    stream.seek(offset)
    count = int.from_bytes(stream.read(count_bytes), "little" if order == "<" else "big")
    return int(offset) + count_bytes + entry_bytes * count > length


def has_end_marker(data: bytes) -> bool:
    """Whether a JPEG file ends as it should, with its end marker; zeros and line ends after it are harmless."""
    return data[-_TAIL_BYTES:].rstrip(b"\0\r\n ").endswith(_JPEG_END)


def is_plain_png(data: bytes) -> bool:
    """Whether a PNG is undamaged (its chunks whole, their checksums right) and of the kind that all decoders read
    alike: 8 bits of grey or RGB, without transparency, interlacing or animation."""
    if not data.startswith(_PNG_START) or len(data) < _IHDR_END or data[24] != 8 or data[25] not in (0, 2) or data[28]:
        return False
    position = len(_PNG_START)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data) or name in (b"tRNS", b"acTL"):
            return False
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            return False
        if name == b"IEND":
            return True
        position = end
    return False


def has_late_exif(image: ImageFile.ImageFile) -> bool:
    """Whether a PNG, opened by Pillow and not decoded, holds EXIF data after its pixels."""
    stream = image.fp
    if stream is None:
        return False
    position = stream.tell()
    try:
        stream.seek(len(_PNG_START))
        return any(name == b"eXIf" for name, _ in _chunk_headers(stream)) and "exif" not in image.info
    finally:
        stream.seek(position)


def _chunk_headers(stream: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Name and length of the PNG chunks from here on; the stream stands behind a header while it is yielded."""
    while len(header := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        start = stream.tell()
        yield name, length
        if name == b"IEND":
            return
        stream.seek(start + length + 4)


def _tiff_of_whole_strips(data: bytes, frame: int) -> bytes | None:
    """A TIFF file whose picture ends before the first strip that is not there as a whole.

    None where its pixels are not compressed, turned or in tiles, where it is a BigTIFF, and where no strip is there or
    none is missing.
    """
    order = "<" if data[:2] == b"II" else ">"

    def read(letters: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(order + letters, data, place)

    try:
        version, place = read("HI", 2)
        for _ in range(frame):
            (place,) = read("I", place + 2 + 12 * read("H", place)[0])
        entries = {}
        for at in range(place + 2, place + 2 + 12 * read("H", place)[0], 12):
            tag, kind, count = read("HHI", at)
            if tag in _TIFF_TAGS and kind in _TIFF_NUMBERS and count <= _MOST_STRIPS:
                letter, size = _TIFF_NUMBERS[kind]
                values_at = at + 8 if size * count <= 4 else read("I", at + 8)[0]
                entries[tag] = at, letter, read(f"{count}{letter}", values_at)
        compression, orientation = (entries[tag][2] if tag in entries else (1,) for tag in (259, 274))
        (height_at, height_letter, (height,)), rows = entries[257], entries[278][2][0]
        ends = [start + length for start, length in zip(entries[273][2], entries[279][2], strict=True)]
    except (struct.error, KeyError, IndexError, ValueError):
        return None
    whole = next((number for number, end in enumerate(ends) if end > len(data)), len(ends))
    usual = version == 42 and compression != (1,) and orientation == (1,) and rows and len(ends) == -(-height // rows)
    if not usual or not 0 < whole < len(ends):
        return None
    lower = bytearray(data)
    struct.pack_into(order + height_letter, lower, height_at + 8, whole * rows)
    return bytes(lower)


def _mended_png(data: bytes) -> bytes | None:
    """The PNG with the rows that could be decompressed, blank rows below them, and right checksums."""
    if not data.startswith(_PNG_START) or data[12:16] != b"IHDR" or len(data) < _IHDR_END:
        return None
    header = data[16:29]
    width, height, bits, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if interlaced or colour_type not in _CHANNELS_OF_COLOUR_TYPE:
        return None
    row_bytes = 1 + (width * bits * _CHANNELS_OF_COLOUR_TYPE[colour_type] + 7) // 8
    kept, packed = _png_chunks(data)
    rows = _inflated(packed, row_bytes * height)
    whole = len(rows) // row_bytes
    if not whole:
        return None
    blank = bytes(1) + (b"\0" if colour_type == _PALETTE else b"\xff") * (row_bytes - 1)  # white, the alpha opaque
    pixels = zlib.compress(rows[: whole * row_bytes] + blank * (height - whole), 1)
    chunks = [(b"IHDR", header), *kept, (b"IDAT", pixels), (b"IEND", b"")]
    return _PNG_START + b"".join(_chunk(name, content) for name, content in chunks)


def _png_chunks(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The chunks that say how pixels are shown, and the compressed pixels as far as the file goes."""
    kept, packed, position = [], bytearray(), 8
    while position + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        content = data[position + 8 : position + 8 + length]
        if name == b"IDAT":
            packed += content
        elif name in _KEPT_CHUNKS and len(content) == length:
            kept.append((name, content))
        position += 12 + length
    return kept, bytes(packed)


def _inflated(packed: bytes, limit_bytes: int) -> bytes:
    """What can be decompressed before the data end or turn out to be damaged."""
    inflater, found = zlib.decompressobj(), bytearray()
    try:
        for position in range(0, len(packed), _INFLATED_STEP_BYTES):
            found += inflater.decompress(packed[position : position + _INFLATED_STEP_BYTES])
            if len(found) >= limit_bytes:
                break
    except zlib.error:
        pass  # what came before the damage is used
    return bytes(found[:limit_bytes])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
