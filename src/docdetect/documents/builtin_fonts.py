"""The fonts that PyMuPDF carries, for drawing text where the system has no fonts of its own."""

from __future__ import annotations

import pymupdf

# The base-14 text faces: Helvetica, Times and Courier look-alikes with Latin, Cyrillic (Kazakh too) and Greek letters.
_CODES = ("helv", "hebo", "heit", "hebi", "tiro", "tibo", "tiit", "tibi", "cour", "cobo", "coit", "cobi")


def builtin_fonts() -> tuple[bytes, ...]:
    """Font programs (bare CFF) of the base-14 text faces, always in the same order."""
    return tuple(bytes(pymupdf.Font(code).buffer) for code in _CODES)
