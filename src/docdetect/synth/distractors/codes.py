"""Distractors of QR codes: other bar codes and matrix codes, crosswords, halftone pictures."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
import zxingcpp

from docdetect.synth.codes import barcode_modules
from docdetect.synth.text import Writer
from docdetect.types import ByteArray

CodeDistractorKind: TypeAlias = Literal[
    "code128", "ean13", "code39", "itf", "datamatrix", "aztec", "pdf417", "crossword", "halftone"
]
_FORMATS = {
    "code128": zxingcpp.BarcodeFormat.Code128,
    "ean13": zxingcpp.BarcodeFormat.EAN13,
    "code39": zxingcpp.BarcodeFormat.Code39,
    "itf": zxingcpp.BarcodeFormat.ITF,
    "datamatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "aztec": zxingcpp.BarcodeFormat.Aztec,
    "pdf417": zxingcpp.BarcodeFormat.PDF417,
}


def draw_code_distractor(writer: Writer, kind: CodeDistractorKind) -> ByteArray:
    """Draws a bar code, a matrix code, a crossword or a halftone picture.

    Returns:
        uint8 (H, W, 4) RGBA, black on transparent, one px or a few px to the module.
    """
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
        dark = barcode_modules(zxingcpp.create_barcode(content, _FORMATS[kind]))
    rgba = np.zeros((*dark.shape, 4), np.uint8)
    rgba[:, :, 3] = dark * np.uint8(255)
    return rgba


def _crossword(rng: np.random.Generator) -> ByteArray:
    """A square grid of which 12 to 40 % of the cells are black: uint8 (S, S), 1 where dark."""
    cells, side = int(rng.integers(7, 22)), 7
    grid = np.zeros((cells * side + 1, cells * side + 1), np.uint8)
    grid[::side, :] = grid[:, ::side] = 1
    black = rng.random((cells, cells)) < rng.uniform(0.12, 0.4)
    grid[: cells * side, : cells * side] |= np.kron(black, np.ones((side, side))).astype(np.uint8)
    return grid


def _halftone(rng: np.random.Generator) -> ByteArray:
    """Dots on a raster, whose sizes follow the tones of a smooth picture: uint8 (S, S), 1 where dark."""
    cells, side = int(rng.integers(12, 40)), 5
    tone = cv2.resize(
        rng.random((4, 4)).astype(np.float32), (cells * side, cells * side), interpolation=cv2.INTER_CUBIC
    )
    axis = (np.arange(cells * side) % side - side // 2).astype(np.float32)
    distance = np.hypot(axis[:, None], axis[None, :])
    return np.asarray(distance < tone * side * 0.62, np.uint8)
