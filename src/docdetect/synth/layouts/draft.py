"""The draft of a page, from which every kind of document starts: paper, a writer, and one set of fonts and margins.

All lengths and coordinates are in mm, the origin is the top left corner of the paper, and y points down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.ink import RGB
from docdetect.synth.page_layout import BLACK, Align, PageLayout, TextStyle
from docdetect.synth.text import Writer

_MM_PER_PT = 25.4 / 72

# Script of each language that needs other letters than Latin ones, by ISO 639-1 code.
_SCRIPTS = {"ru": Script.CYRILLIC, "kk": Script.KAZAKH, "el": Script.GREEK}

# Width and height of each format of paper.
_FORMATS_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4), "a3": (297.0, 420.0), "legal": (215.9, 355.6)}

# Probabilities of A4, letter and legal paper, and of serif, sans-serif and monospaced text, by language.
_P_FORMATS_ENGLISH, _P_FORMATS_OTHER = (0.45, 0.52, 0.03), (0.97, 0.02, 0.01)
_P_FONT_STYLES_ENGLISH, _P_FONT_STYLES_OTHER = (0.45, 0.27, 0.28), (0.66, 0.29, 0.05)

# Em sizes of running text in pt, and their probabilities.
_BODY_SIZES_PT = (8.5, 9.5, 10.5, 11, 12, 13, 14)
_P_BODY_SIZES = (0.06, 0.12, 0.16, 0.22, 0.26, 0.08, 0.10)

# Distances of two baselines as multiples of the em size, and their probabilities.
_LEADINGS = (1.12, 1.25, 1.4, 1.7, 2.0)
_P_LEADINGS = (0.34, 0.3, 0.2, 0.11, 0.05)

# Factor of the size of DejaVu fonts, whose letters are larger than those of other fonts of the same em size.
_DEJAVU_FACTOR = 0.88


@dataclass(frozen=True)
class Typography:
    """Fonts, sizes and margins of one document.

    Attributes:
        body: running text.
        bold, italic: variants of the running text.
        small: fine print.
        title: headings of the document.
        script: a typeface that imitates handwriting, for names.
        leading: distance of two baselines as a multiple of the em size.
        align: alignment of running text.
        margin_left_mm, margin_right_mm, margin_top_mm, margin_bottom_mm: margins of the page.
        accent: colour of letterheads and rules.
    """

    body: TextStyle
    bold: TextStyle
    italic: TextStyle
    small: TextStyle
    title: TextStyle
    script: TextStyle
    leading: float
    align: Align
    margin_left_mm: float
    margin_right_mm: float
    margin_top_mm: float
    margin_bottom_mm: float
    accent: RGB


@dataclass
class Draft:
    """A page that is being laid out.

    Attributes:
        layout: the page, with what has been set on it so far.
        writer: writes the text, and holds the random generator.
        typography: fonts, sizes and margins.
        y: where the next part of the page begins, mm.
    """

    layout: PageLayout
    writer: Writer
    typography: Typography
    y: float = 0.0

    @property
    def rng(self) -> np.random.Generator:
        """The random generator of the page's text and layout."""
        return self.writer.rng

    @property
    def left(self) -> float:
        """The left edge of the text, mm."""
        return self.typography.margin_left_mm

    @property
    def right(self) -> float:
        """The right edge of the text, mm."""
        return self.layout.width_mm - self.typography.margin_right_mm

    @property
    def width(self) -> float:
        """The width of the text, mm."""
        return self.right - self.left

    @property
    def bottom(self) -> float:
        """The lowest y that text may reach, mm."""
        return self.layout.height_mm - self.typography.margin_bottom_mm

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A random number, uniform from `low` to `high`."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A random whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def skip(self, lines: float) -> None:
        """Moves `y` down by so many lines of running text."""
        self.y += lines * self.typography.body.size_mm * self.typography.leading


def new_draft(
    writer: Writer,
    fonts: FontBook,
    *,
    p_landscape: float = 0.0,
    p_a3: float = 0.0,
    sizes_mm: tuple[tuple[float, float], ...] = (),
) -> Draft:
    """An empty page of a random format, with random fonts and margins.

    Args:
        writer: writes the page's text, and holds the random generator.
        fonts: font faces to choose from.
        p_landscape: probability that the page is wider than high.
        p_a3: probability that the page is A3.
        sizes_mm: sizes of the paper (width, height) where it has no common format, each equally likely.
    """
    rng = writer.rng
    p_formats = _P_FORMATS_ENGLISH if writer.language.code == "en" else _P_FORMATS_OTHER
    name = "a3" if rng.random() < p_a3 else str(rng.choice(["a4", "letter", "legal"], p=p_formats))
    width, height = _FORMATS_MM[name]
    if rng.random() < p_landscape:
        width, height = height, width
    if sizes_mm:
        width, height = sizes_mm[int(rng.integers(len(sizes_mm)))]
    typography = _random_typography(writer, fonts)
    return Draft(PageLayout(width, height), writer, typography, typography.margin_top_mm)


def script_of(writer: Writer) -> Script:
    """The script that a font must cover to have the letters of both languages of the writer.

    For accented Latin letters this is Greek: a face with Greek letters has accented Latin letters, too, which old text
    faces lack.
    """
    codes = {writer.language.code, writer.second.code}
    accented = Script.LATIN if writer.language.code == "en" else Script.GREEK
    return next((_SCRIPTS[code] for code in ("kk", "el", "ru") if code in codes), accented)


def _random_typography(writer: Writer, fonts: FontBook) -> Typography:
    """Random fonts, sizes and margins, with fonts that cover both languages of the writer."""
    rng = writer.rng
    script = script_of(writer)
    p_styles = _P_FONT_STYLES_ENGLISH if writer.language.code == "en" else _P_FONT_STYLES_OTHER
    style = (FontStyle.SERIF, FontStyle.SANS, FontStyle.MONO)[int(rng.choice(3, p=p_styles))]
    face = fonts.choose(rng, script, style)
    size_mm = float(rng.choice(_BODY_SIZES_PT, p=_P_BODY_SIZES)) * _MM_PER_PT
    plain = _variant(fonts, face, script, bold=False, italic=False)
    shade = int(rng.integers(8, 60))
    factor = _DEJAVU_FACTOR if plain.family.startswith("DejaVu") else 1.0
    body = TextStyle(plain, size_mm * factor, (shade, shade, shade))
    bold = TextStyle(_variant(fonts, face, script, bold=True, italic=False), body.size_mm, body.colour)
    script_face = fonts.choose(rng, script, FontStyle.SCRIPT)
    titles = bold if rng.random() < 0.7 else TextStyle(fonts.choose(rng, script), body.size_mm, body.colour)
    margin = float(rng.uniform(12, 30))
    return Typography(
        body=body,
        bold=bold,
        italic=TextStyle(_variant(fonts, face, script, bold=False, italic=True), body.size_mm, body.colour),
        small=body.sized(float(rng.uniform(0.62, 0.8))),
        title=titles.sized(float(rng.uniform(1.1, 1.7))),
        script=TextStyle(script_face, body.size_mm * 1.3, body.colour),
        leading=float(rng.choice(_LEADINGS, p=_P_LEADINGS)),
        align="justify" if rng.random() < 0.65 else "left",
        margin_left_mm=margin * float(rng.uniform(0.8, 1.3)),
        margin_right_mm=margin * float(rng.uniform(0.5, 1.0)),
        margin_top_mm=float(rng.uniform(10, 30)),
        margin_bottom_mm=float(rng.uniform(12, 28)),
        accent=_accent(rng),
    )


def _accent(rng: np.random.Generator) -> RGB:
    """The colour of letterheads and rules: mostly black."""
    if rng.random() < 0.7:
        return BLACK
    red, green, blue = (int(value) for value in rng.integers(10, 190, 3))
    return red, green, blue


def _variant(fonts: FontBook, face: FontFace, script: Script, *, bold: bool, italic: bool) -> FontFace:
    """The member of the face's family that comes closest to the wanted weight and slope."""
    family = [other for other in fonts.matching(script) if other.family == face.family]
    return min(family or [face], key=lambda other: (other.bold is not bold) + (other.italic is not italic))
