"""Cuts the small stamps of libraries and archives, which lie on handwriting, title pages and typewritten pages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas
from docdetect.synth.stamps.emblems import set_emblem
from docdetect.synth.stamps.text import SURNAMES, number, pick

Rng = np.random.Generator
Points = NDArray[np.float64]

# fmt: off
_OWNERS = (
    "BIBLIOTHEQUE", "ARCHIVES", "BIBLIOTHECA", "BIBLIOTEKA", "BIBLIOTHEK", "LIBRARY", "MUSEUM", "ACADEMIA",
    "STADTARCHIV",
    "UNIVERSITAS", "LANDESARCHIV", "ARCHIVIO DI STATO", "KÖNIGL. BIBLIOTHEK", "MANUSCRITS", "DEPOT LEGAL", "SEMINARIUM",
)
_KINDS = (
    "NATIONALES", "NATIONALE", "ROYALE", "REGIA", "DE LA VILLE", "IMPRIMES", "MSS", "CENTRALE", "DON", "DOUBLE", "ACQ.",
    "DU DEPARTEMENT", "CENTRAL", "PUBLIC", "COLL.", "FONDS", "MUSEI", "REGIAE",
)
_MONOGRAMS = ("B.N.", "R.F.", "A.N.", "B.R.", "S.B.", "M.B.", "U.B.", "A.D.", "F.D.", "C.H.", "L.C.", "B.M.")
# fmt: on


def library_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts an oval, a circle, an octagon or plain lines, 8 to 26 mm wide, with an owner's name and often a monogram.

    Arguments and results are those of `straight.framed_stamp`; the words are Latin ones.
    """
    del script
    width = float(rng.uniform(8, 26))
    shape = int(rng.choice(4, p=[0.4, 0.34, 0.14, 0.12]))
    flat = float(rng.uniform(0.45, 0.75)) if shape == 0 else 1.0 if shape == 1 else float(rng.uniform(0.4, 0.65))
    upright = shape == 0 and rng.random() < 0.3
    size = (width * flat, width) if upright else (width, width * flat)
    canvas = StampCanvas(size[0] + 2, size[1] + 2, px_per_mm)
    face = fonts.choose(rng, Script.LATIN, FontStyle.SERIF if rng.random() < 0.6 else FontStyle.SANS)
    half = np.array(size) / 2
    line = float(rng.uniform(0.2, 0.5))
    if shape < 3:
        canvas.line(_outline(half, corners=shape == 2), line, closed=True)
        if rng.random() < 0.4:
            canvas.line(_outline(half - line - 0.4, corners=shape == 2), line * 0.6, closed=True)
    owner, kind = pick(rng, _OWNERS), pick(rng, _KINDS)
    if shape == 1 and rng.random() < 0.75:
        _ring(rng, canvas, (owner, kind), face, width / 2)
        return canvas, "stamp_library"
    lines = [owner, kind] if not upright else [pick(rng, _MONOGRAMS)]
    if rng.random() < 0.3:
        lines.append(number(rng, int(rng.integers(3, 6))) if rng.random() < 0.5 else pick(rng, SURNAMES[Script.LATIN]))
    letters = min(size[1] * 0.62 / len(lines) / 1.35, 3.2)
    if upright:
        set_emblem(rng, canvas, (0.0, -half[1] * 0.25), size[0] * 0.7)
        canvas.text(lines[0], face, (0.0, half[1] * 0.45), letters, size[0] * 0.7)
        return canvas, "stamp_library"
    for row, text in enumerate(lines):
        y = (row - (len(lines) - 1) / 2) * letters * 1.4
        room = size[0] * (0.8 if shape != 0 else 0.78 * float(np.sqrt(max(0.15, 1 - (y / half[1]) ** 2))))
        canvas.text(text, face, (0.0, y), letters, room)
    return canvas, "stamp_library"


def _outline(half: Points, *, corners: bool) -> Points:
    """An ellipse, or a rectangle with cut corners, as points (N, 2)."""
    if corners:
        cut = np.array([[1, 0.55], [0.8, 1], [-0.8, 1], [-1, 0.55], [-1, -0.55], [-0.8, -1], [0.8, -1], [1, -0.55]])
        return np.asarray(cut * half)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    return np.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=1) * half)


def _ring(rng: Rng, canvas: StampCanvas, words: tuple[str, str], face: FontFace, radius: float) -> None:
    """Sets words along the ring, and a monogram or an emblem in its middle."""
    band = radius * 0.72, radius * 0.93
    canvas.arc_text(words[0], face, band, (0.0, 3.6))
    canvas.arc_text(words[1], face, band, (np.pi, 1.9), upright_below=True)
    if rng.random() < 0.6:
        canvas.text(pick(rng, _MONOGRAMS), face, (0.0, 0.0), radius * 0.5, radius * 1.1)
    else:
        set_emblem(rng, canvas, (0.0, 0.0), radius * 1.1)
