"""Distractors that forms print beside their text: pictograms, and the year of the form in heavy figures."""

from __future__ import annotations

import cv2
import numpy as np

from docdetect.synth.distractors.painter import Painter, Points, polygon, print_colour
from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.canvas import text_strip
from docdetect.synth.stamps.text import pick

Rng = np.random.Generator

_WHITE: RGB = (255, 255, 255)

# Words and single letters on pictograms; the exclamation mark is the most common sign.
_WORDS = ("TIP", "NEW", "STOP", "NOTE", "CAUTION", "INFO", "PDF", "FAX", "24h")
_LETTERS = ("!", "i", "?", "A", "P", "!")


def make_pictogram(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Draws a dark square or disc, mostly with a white disc or triangle on it, and a word or a letter.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for the word.
    """
    side = float(rng.uniform(5, 13))
    painter = Painter(side + 1, side + 1, px_per_mm)
    half = side / 2
    dark = print_colour(rng)
    face = _heavy(rng, fonts) if rng.random() < 0.6 else fonts.choose(rng, Script.LATIN, FontStyle.SANS)
    outer = _cut_square(half) if rng.random() < 0.7 else polygon(60, half)
    painter.fill(outer, dark)
    below = rng.random() < 0.4
    middle = -half * 0.18 if below else 0.0
    shape = int(rng.choice(3, p=[0.4, 0.35, 0.25]))
    inner = half * float(rng.uniform(0.6, 0.94)) * (0.82 if below else 1.0)
    if shape == 0:
        painter.fill(polygon(60, inner) + np.array([0, middle]), _WHITE)
    elif shape == 1:
        triangle = np.array([[0, -1], [0.95, 0.75], [-0.95, 0.75]]) * inner
        painter.fill(triangle + np.array([0, middle]), _WHITE)
    sign = pick(rng, _LETTERS if shape == 1 or rng.random() < 0.5 else _WORDS[:6])
    colour = dark if shape < 2 else _WHITE
    tall = inner * (0.85 if len(sign) == 1 else 0.5)
    painter.text(sign, face, (0.0, middle + (inner * 0.2 if shape == 1 else 0.0), tall, inner * 1.5), colour)
    if below:
        word = pick(rng, _WORDS)
        painter.text(word, face, (0.0, half * 0.78, half * 0.22, side * 0.8), _WHITE)
    return painter.patch()


def make_year(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """Draws the year of a form in heavy type, its first two digits mostly in outline.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for the digits.
    """
    high = float(rng.uniform(5, 11))
    painter = Painter(high * 4.5, high * 1.6, px_per_mm)
    face = _heavy(rng, fonts)
    first = painter.layer()
    strip = text_strip("20", face, max(8, round(high * first.scale)), 0)
    second_strip = text_strip(f"{int(rng.integers(0, 60)):02d}", face, strip.shape[0], 0)
    top = round(first.centre[1] - strip.shape[0] / 2)
    first.add(strip, round(first.centre[0] - strip.shape[1] * 0.98), top)
    second = painter.layer()
    second.add(second_strip, round(second.centre[0]), top)
    kernel = np.ones((3, 3), np.uint8)
    grown = cv2.dilate(first.alpha, kernel, iterations=max(1, round(0.2 * first.scale)))
    outlined = rng.random() < 0.75
    painter.paint(
        np.asarray(cv2.subtract(grown, first.alpha), np.uint8) if outlined else first.alpha, print_colour(rng)
    )
    painter.paint(second.alpha, print_colour(rng))
    return painter.patch()


def _heavy(rng: Rng, fonts: FontBook) -> FontFace:
    """A bold face without serifs; where there is none, another face without serifs."""
    faces = fonts.matching(Script.LATIN, FontStyle.SANS)
    heavy = [face for face in faces if face.bold] or list(faces)
    return heavy[int(rng.integers(len(heavy)))]


def _cut_square(half: float) -> Points:
    """The corners (8, 2) of a square with slightly cut corners; `half` is half its side in mm."""
    cut = half * 0.12
    x, y = half, half - cut
    return np.array([[-y, -x], [y, -x], [x, -y], [x, y], [y, x], [-y, x], [-x, y], [-x, -y]])
