"""QR codes with their payloads, and what is mistaken for one: other codes, crosswords, halftones, dark tables.

All codes are drawn by zxing-cpp, the C++ port of ZXing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
import zxingcpp

from docdetect.synth.patch import Patch
from docdetect.synth.text import Writer
from docdetect.types import ByteArray

RGB: TypeAlias = tuple[int, int, int]
CodeKind: TypeAlias = Literal[
    "code128", "ean13", "code39", "itf", "datamatrix", "aztec", "pdf417", "crossword", "halftone"
]
_FINE_PX = 6  # px per module before the code is averaged down to its size on the page
_LEVELS = ("L", "M", "Q", "H")
_BYTE_CAPACITY = {"L": 2953, "M": 2331, "Q": 1663, "H": 1273}  # of version 40, ISO/IEC 18004:2015 table 7
_FORMATS = {
    "code128": zxingcpp.BarcodeFormat.Code128,
    "ean13": zxingcpp.BarcodeFormat.EAN13,
    "code39": zxingcpp.BarcodeFormat.Code39,
    "itf": zxingcpp.BarcodeFormat.ITF,
    "datamatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "aztec": zxingcpp.BarcodeFormat.Aztec,
    "pdf417": zxingcpp.BarcodeFormat.PDF417,
}


@dataclass(frozen=True)
class QrCode:
    """A QR code.

    Attributes:
        modules: bool (S, S), True where dark; S = 17 + 4 * version.
        text: the payload.
        level: error correction, one of L, M, Q, H.
    """

    modules: ByteArray
    text: str
    level: str


def make_qr(writer: Writer, most_modules: int = 177) -> QrCode:
    """A QR code of any version with at most so many modules along a side, and of any error level.

    Payloads are shortened until they fit; every version from 1 to 40 occurs, small ones, which people print most, are
    the likeliest.
    """
    rng = writer.rng
    level = _LEVELS[int(rng.choice(4, p=[0.35, 0.4, 0.13, 0.12]))]
    text = _payload(writer, _BYTE_CAPACITY[level])
    modules = _modules_of(text, level, 0)
    while modules.shape[0] > most_modules and len(text) > 1:
        text = text[: len(text) // 2]
        modules = _modules_of(text, level, 0)
    lowest = _version(modules.shape[0])
    if rng.random() < 0.25:  # larger than it need be, as generators with a fixed version make it
        highest = max(lowest, min(lowest + 6, 40, _version(most_modules)))
        modules = _modules_of(text, level, int(rng.integers(lowest, highest + 1)))
    return QrCode(modules, text, level)


def qr_patch(code: QrCode, side_px: float, colour: RGB = (0, 0, 0), logo: RGB | None = None) -> Patch:
    """The code `side_px` wide without its quiet zone, light modules transparent.

    A `logo` of that colour covers the middle fifth of codes whose error level (H) allows for it.
    """
    side = max(8, round(side_px))
    fine = cv2.resize(code.modules * np.uint8(255), None, fx=_FINE_PX, fy=_FINE_PX, interpolation=cv2.INTER_NEAREST)
    rgba = np.empty((side, side, 4), np.uint8)
    rgba[:, :, :3] = colour
    rgba[:, :, 3] = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    if logo is not None and code.level == "H":
        middle, radius = (side / 2, side / 2), side * 0.1
        cv2.circle(rgba, (int(middle[0]), int(middle[1])), round(radius * 1.25), (255, 255, 255, 0), -1)
        cv2.circle(rgba, (int(middle[0]), int(middle[1])), round(radius), (*logo, 255), -1, cv2.LINE_AA)
    return Patch(rgba, "qr")


def draw_relative(writer: Writer, kind: CodeKind) -> ByteArray:
    """What is no QR code: uint8 (H, W, 4) RGBA, black on transparent, one px or a few to the module."""
    if kind == "crossword":
        dark = _crossword(writer.rng)
    elif kind == "halftone":
        dark = _halftone(writer.rng)
    else:
        content = {"ean13": writer.digits(12), "itf": writer.digits(14)}.get(
            kind, f"{writer.digits(6)}-{writer.digits(5)}"
        )
        if kind in ("datamatrix", "aztec", "pdf417"):
            content = content * int(writer.rng.integers(1, 9))
        dark = _modules(zxingcpp.create_barcode(content, _FORMATS[kind]))
    rgba = np.zeros((*dark.shape, 4), np.uint8)
    rgba[:, :, 3] = dark * np.uint8(255)
    return rgba


def _payload(writer: Writer, capacity: int) -> str:
    rng = writer.rng
    kind = int(rng.integers(5))
    if kind == 0:
        text = f"https://example.org/{writer.digits(4)}/{writer.digits(int(rng.integers(2, 12)))}"
    elif kind == 1:
        text = writer.digits(int(rng.integers(4, 40)))
    elif kind == 2:
        text = f"{writer.person()}\n{writer.reference()}\n{writer.date()}\n{writer.amount()}"
    elif kind == 3:
        text = writer.paragraph(int(rng.integers(1, 5)))
    else:  # signed data, as state registers print it
        text = writer.digits(int(10 ** rng.uniform(1.5, 3.3)))
        text = "".join(chr(65 + int(digit) * 2) if position % 3 else digit for position, digit in enumerate(text))
    return text.encode()[: capacity - 16].decode(errors="ignore")


def _version(modules: int) -> int:
    return (modules - 17) // 4


def _modules_of(text: str, level: str, version: int) -> ByteArray:
    options = {"version": version} if version else {}
    return _modules(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level, **options))


def _modules(barcode: zxingcpp.Barcode) -> ByteArray:
    picture = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False))
    return (picture < 128).astype(np.uint8)


def _crossword(rng: np.random.Generator) -> ByteArray:
    """A grid of which some cells are black."""
    cells, side = int(rng.integers(7, 22)), 7
    grid = np.zeros((cells * side + 1, cells * side + 1), np.uint8)
    grid[::side, :] = grid[:, ::side] = 1
    black = rng.random((cells, cells)) < rng.uniform(0.12, 0.4)
    grid[: cells * side, : cells * side] |= np.kron(black, np.ones((side, side))).astype(np.uint8)
    return grid


def _halftone(rng: np.random.Generator) -> ByteArray:
    """Dots on a raster whose size follows a smooth picture."""
    cells, side = int(rng.integers(12, 40)), 5
    tone = cv2.resize(
        rng.random((4, 4)).astype(np.float32), (cells * side, cells * side), interpolation=cv2.INTER_CUBIC
    )
    axis = (np.arange(cells * side) % side - side // 2).astype(np.float32)
    distance = np.hypot(axis[:, None], axis[None, :])
    return np.asarray(distance < tone * side * 0.62, np.uint8)
