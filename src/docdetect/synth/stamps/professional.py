"""Cuts the stamps of surveyors, engineers, architects and controllers, which leave a gap to be signed in.

They stand on plats and drawings, and the signature runs across their lines more often than it stays within the gap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.stamps.canvas import StampCanvas
from docdetect.synth.stamps.office import rounded_rectangle
from docdetect.synth.stamps.office_text import stamp_date
from docdetect.synth.stamps.text import CITIES, STATES, SURNAMES, number, pick

Rng = np.random.Generator
Points = NDArray[np.float64]

# fmt: off
_PROFESSIONS = (
    ("REGISTERED", "PROFESSIONAL", "LAND SURVEYOR"), ("LICENSED", "PROFESSIONAL ENGINEER"), ("REGISTERED ARCHITECT",),
    ("COUNTY SURVEYOR",), ("PRÜFINGENIEUR", "FÜR STANDSICHERHEIT"), ("GÉOMÈTRE-EXPERT",), ("ÖFFENTL. BESTELLTER",
    "VERMESSUNGSINGENIEUR"), ("INGENIERO CIVIL",), ("CHECKED AND APPROVED",), ("CERTIFIED TRUE COPY",), ("APPROVED",),
    ("COLEGIO DE INGENIEROS",), ("STRUCTURAL ENGINEER",), ("QUALITY CONTROL",),
)
_PROFESSIONS_CYRILLIC = (
    ("В ПРОИЗВОДСТВО РАБОТ",), ("СОГЛАСОВАНО",), ("ТЕХНИЧЕСКИЙ НАДЗОР",), ("КАДАСТРОВЫЙ ИНЖЕНЕР",),
    ("ГЛАВНЫЙ ИНЖЕНЕР", "ПРОЕКТА"), ("УТВЕРЖДАЮ", "К ПРОИЗВОДСТВУ РАБОТ"), ("АВТОРСКИЙ НАДЗОР",),
)
# fmt: on

# Probability that the stamp is round, and not one or two boxes.
_P_ROUND = 0.25


def professional_stamp(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    """Cuts a box, two boxes or a ring with a profession above a gap, and a place, a name and a number below it.

    Arguments and results are those of `straight.framed_stamp`.
    """
    known = script if script in (Script.CYRILLIC, Script.KAZAKH) else Script.LATIN
    letters = script if known is not Script.LATIN else Script.GREEK
    face = fonts.choose(rng, letters, FontStyle.SANS if rng.random() < 0.8 else FontStyle.SERIF)
    heads = _PROFESSIONS if known is Script.LATIN else _PROFESSIONS_CYRILLIC
    above = heads[int(rng.integers(len(heads)))]
    name = f"{pick(rng, 'ABDEKMRT') if known is Script.LATIN else pick(rng, 'АБВДКМР')}. {pick(rng, SURNAMES[known])}"
    below = [name.upper(), number(rng, int(rng.integers(3, 6)))]
    if rng.random() < 0.6:
        below.insert(0, stamp_date(rng) if known is Script.LATIN else number(rng, 6))
    if rng.random() < 0.6:
        below.insert(0, pick(rng, (pick(rng, STATES[known]), pick(rng, CITIES[known]))).upper())
    if rng.random() < _P_ROUND:
        return _ring(rng, (above, below), face, px_per_mm), "stamp_official"
    return _boxes(rng, (above, below), face, px_per_mm), "stamp_official"


def _boxes(rng: Rng, text: tuple[tuple[str, ...], list[str]], face: FontFace, px_per_mm: float) -> StampCanvas:
    """One box around everything, or a box above and a box below the gap."""
    above, below = text
    letters = float(rng.uniform(2.2, 3.6))
    wide, gap = float(rng.uniform(34, 54)), float(rng.uniform(5, 15))
    high_above, high_below = (len(lines) * letters * 1.45 + 2.4 for lines in (above, below))
    high = high_above + gap + high_below
    canvas = StampCanvas(wide + 3, high + 3, px_per_mm)
    line, corner = float(rng.uniform(0.3, 0.9)), float(rng.choice([0.0, 1.0, 2.5]))
    top = -high / 2
    spans = ((top, high_above), (high / 2 - high_below, high_below)) if rng.random() < 0.4 else ((top, high),)
    for start, height in spans:
        outline = rounded_rectangle(wide / 2, height / 2, corner) + np.array([0.0, start + height / 2])
        canvas.line(outline, line, closed=True)
    if rng.random() < 0.35:
        y = top + high_above + gap * 0.85
        canvas.line(np.array([[-wide * 0.42, y], [wide * 0.42, y]]), 0.2)
    for lines, start in ((above, top + 1.2), (below, high / 2 - high_below + 1.2)):
        for row, words in enumerate(lines):
            size = letters * (1.0 if lines is above or row == len(lines) - 2 else 0.8)
            canvas.text(words, face, (0.0, start + (row + 0.6) * letters * 1.45), size, wide * 0.9)
    return canvas


def _ring(rng: Rng, text: tuple[tuple[str, ...], list[str]], face: FontFace, px_per_mm: float) -> StampCanvas:
    """Two rings with the profession between them; in the middle a name, a number, and a gap."""
    above, below = text
    radius = float(rng.uniform(17, 24))
    canvas = StampCanvas(2 * radius + 2, 2 * radius + 2, px_per_mm)
    inner = radius * float(rng.uniform(0.66, 0.76))
    canvas.ring(radius, float(rng.uniform(0.3, 0.8)))
    canvas.ring(inner, float(rng.uniform(0.2, 0.4)))
    band = inner * 1.1, radius * 0.92
    canvas.arc_text(" ".join(above), face, band, (0.0, 3.6))
    canvas.arc_text(below[0], face, band, (np.pi, 2.0), upright_below=True)
    letters = radius * 0.13
    canvas.text(below[-2], face, (0.0, -inner * 0.55), letters, inner * 1.1)
    canvas.text(below[-1], face, (0.0, inner * 0.55), letters, inner * 1.1)
    return canvas
