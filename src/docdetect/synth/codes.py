"""QR codes with made-up payloads, drawn by zxing-cpp, the C++ port of ZXing.

What resembles a QR code and is none is drawn by `distractors/codes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp

from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.text import Writer
from docdetect.types import ByteArray

# Size at which a module is drawn before the code is averaged down to its size on the page.
_MODULE_DRAWN_PX = 6

_ERROR_LEVELS = ("L", "M", "Q", "H")
_P_ERROR_LEVELS = (0.35, 0.4, 0.13, 0.12)

# Bytes that a code of version 40 holds, by error level: ISO/IEC 18004:2015, table 7.
_BYTE_CAPACITY = {"L": 2953, "M": 2331, "Q": 1663, "H": 1273}

# Probability that a code has a higher version than its payload needs, as generators with a fixed version make it.
_P_HIGHER_VERSION = 0.25


@dataclass(frozen=True)
class QrCode:
    """A QR code.

    Attributes:
        modules: uint8 (S, S), 1 where a module is dark and 0 where it is light; S = 17 + 4 * version.
        text: the payload.
        level: error correction level, one of L, M, Q, H.
    """

    modules: ByteArray
    text: str
    level: str


def make_qr(writer: Writer, most_modules: int = 177) -> QrCode:
    """A QR code with a random payload and error level.

    A payload is shortened until it fits. Every version from 1 to 40 occurs; small codes, which people print most, are
    the most likely ones.

    Args:
        writer: writes the payload; its random generator decides everything else.
        most_modules: greatest number of modules along a side, 21 to 177. The shortest payload with the highest error
            level may need a few modules more.
    """
    rng = writer.rng
    level = _ERROR_LEVELS[int(rng.choice(len(_ERROR_LEVELS), p=_P_ERROR_LEVELS))]
    text = _payload(writer, _BYTE_CAPACITY[level])
    modules = _qr_modules(text, level, 0)
    while modules.shape[0] > most_modules and len(text) > 1:
        text = text[: len(text) // 2]
        modules = _qr_modules(text, level, 0)
    lowest = _version(modules.shape[0])
    if rng.random() < _P_HIGHER_VERSION:
        highest = max(lowest, min(lowest + 6, 40, _version(most_modules)))
        modules = _qr_modules(text, level, int(rng.integers(lowest, highest + 1)))
    return QrCode(modules, text, level)


def qr_patch(code: QrCode, side_px: float, colour: RGB = (0, 0, 0), logo: RGB | None = None) -> Patch:
    """Draws a QR code without its quiet zone; light modules are transparent.

    Args:
        code: the code.
        side_px: width and height of the code, at least 8 px.
        colour: colour of the dark modules.
        logo: colour of a disc that covers the middle fifth of the code, or None. Only codes of error level H get the
            disc, since others would no longer be readable.
    """
    side = max(8, round(side_px))
    fine = cv2.resize(
        code.modules * np.uint8(255), None, fx=_MODULE_DRAWN_PX, fy=_MODULE_DRAWN_PX, interpolation=cv2.INTER_NEAREST
    )
    rgba = np.empty((side, side, 4), np.uint8)
    rgba[:, :, :3] = colour
    rgba[:, :, 3] = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    if logo is not None and code.level == "H":
        middle, radius = (side / 2, side / 2), side * 0.1
        cv2.circle(rgba, (int(middle[0]), int(middle[1])), round(radius * 1.25), (255, 255, 255, 0), -1)
        cv2.circle(rgba, (int(middle[0]), int(middle[1])), round(radius), (*logo, 255), -1, cv2.LINE_AA)
    return Patch(rgba, "qr")


def barcode_modules(barcode: zxingcpp.Barcode) -> ByteArray:
    """The modules of a bar code of any symbology: uint8 (H, W), 1 where dark, one px to the module."""
    picture = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False))
    return (picture < 128).astype(np.uint8)


def _payload(writer: Writer, capacity: int) -> str:
    """A link, a number, the particulars of a document, running text, or signed data, of at most `capacity` bytes."""
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
    else:
        # Long strings of capitals and digits stand for the signed data that state registers print as codes.
        text = writer.digits(int(10 ** rng.uniform(1.5, 3.3)))
        text = "".join(chr(65 + int(digit) * 2) if position % 3 else digit for position, digit in enumerate(text))
    return text.encode()[: capacity - 16].decode(errors="ignore")


def _version(modules: int) -> int:
    """The version of a QR code with `modules` along a side."""
    return (modules - 17) // 4


def _qr_modules(text: str, level: str, version: int) -> ByteArray:
    """The modules of a QR code; `version` 0 takes the lowest version that holds the text."""
    options = {"version": version} if version else {}
    return barcode_modules(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level, **options))
