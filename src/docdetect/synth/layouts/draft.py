"""What every layout starts from: a sheet of some format, a writer, and one set of fonts, sizes and margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.sheet import BLACK, RGB, Align, Sheet, Style
from docdetect.synth.text import Writer

POINT_MM = 25.4 / 72
_SCRIPTS = {"ru": Script.CYRILLIC, "kk": Script.KAZAKH, "el": Script.GREEK}
_FORMATS_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4), "a3": (297.0, 420.0), "legal": (215.9, 355.6)}


@dataclass(frozen=True)
class Look:
    """Fonts, sizes and margins of one document."""

    body: Style
    bold: Style
    italic: Style
    small: Style
    title: Style
    script: Style
    leading: float
    align: Align
    left: float
    right: float
    top: float
    bottom: float
    accent: RGB


@dataclass
class Draft:
    """A document page in the making; `y` is how far down it is written, in mm."""

    sheet: Sheet
    writer: Writer
    look: Look
    y: float = 0.0

    @property
    def rng(self) -> np.random.Generator:
        """The page's source of chance."""
        return self.writer.rng

    @property
    def left(self) -> float:
        """Where text begins, mm."""
        return self.look.left

    @property
    def right(self) -> float:
        """Where text ends, mm."""
        return self.sheet.width - self.look.right

    @property
    def width(self) -> float:
        """Width of the text, mm."""
        return self.right - self.left

    @property
    def floor(self) -> float:
        """The lowest y that text may reach, mm."""
        return self.sheet.height - self.look.bottom

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A uniform number."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def skip(self, lines: float) -> None:
        """Goes down by so many lines of body text."""
        self.y += lines * self.look.body.size_mm * self.look.leading


def new_draft(writer: Writer, fonts: FontBook, *, landscape: float = 0.0, large: float = 0.0) -> Draft:
    """An empty page; `landscape` and `large` (A3) are probabilities."""
    rng = writer.rng
    name = "a3" if rng.random() < large else str(rng.choice(["a4", "letter", "legal"], p=_format_odds(writer)))
    width, height = _FORMATS_MM[name]
    if rng.random() < landscape:
        width, height = height, width
    look = _draw_look(writer, fonts)
    return Draft(Sheet(width, height), writer, look, look.top)


def script_of(writer: Writer) -> Script:
    """The script that covers both languages of the writer.

    Faces with Greek letters also have the accented Latin ones, which old text faces lack.
    """
    codes = {writer.language.code, writer.second.code}
    accented = Script.LATIN if writer.language.code == "en" else Script.GREEK
    return next((_SCRIPTS[code] for code in ("kk", "el", "ru") if code in codes), accented)


def _format_odds(writer: Writer) -> list[float]:
    return [0.45, 0.52, 0.03] if writer.language.code == "en" else [0.97, 0.02, 0.01]


def _draw_look(writer: Writer, fonts: FontBook) -> Look:
    rng = writer.rng
    script = script_of(writer)
    style = (FontStyle.SERIF, FontStyle.SANS, FontStyle.MONO)[int(rng.choice(3, p=_style_odds(writer)))]
    face = fonts.choose(rng, script, style)
    size = float(rng.choice([8.5, 9.5, 10.5, 11, 12, 13, 14], p=[0.06, 0.12, 0.16, 0.22, 0.26, 0.08, 0.10])) * POINT_MM
    plain = _variant(fonts, face, script, bold=False, italic=False)
    shade = int(rng.integers(8, 60))
    body = Style(plain, size * (0.88 if plain.family.startswith("DejaVu") else 1.0), (shade, shade, shade))
    bold = Style(_variant(fonts, face, script, bold=True, italic=False), body.size_mm, body.colour)
    slanted = fonts.choose(rng, script, FontStyle.SCRIPT)
    titles = bold if rng.random() < 0.7 else Style(fonts.choose(rng, script), body.size_mm, body.colour)
    side = float(rng.uniform(12, 30))
    return Look(
        body=body,
        bold=bold,
        italic=Style(_variant(fonts, face, script, bold=False, italic=True), body.size_mm, body.colour),
        small=body.sized(float(rng.uniform(0.62, 0.8))),
        title=titles.sized(float(rng.uniform(1.1, 1.7))),
        script=Style(slanted, body.size_mm * 1.3, body.colour),
        leading=float(rng.choice([1.12, 1.25, 1.4, 1.7, 2.0], p=[0.34, 0.3, 0.2, 0.11, 0.05])),
        align="justify" if rng.random() < 0.65 else "left",
        left=side * float(rng.uniform(0.8, 1.3)),
        right=side * float(rng.uniform(0.5, 1.0)),
        top=float(rng.uniform(10, 30)),
        bottom=float(rng.uniform(12, 28)),
        accent=_accent(rng),
    )


def _style_odds(writer: Writer) -> list[float]:
    return [0.45, 0.27, 0.28] if writer.language.code == "en" else [0.66, 0.29, 0.05]


def _accent(rng: np.random.Generator) -> RGB:
    """The colour of heads and rules: mostly black."""
    if rng.random() < 0.7:
        return BLACK
    red, green, blue = (int(value) for value in rng.integers(10, 190, 3))
    return red, green, blue


def _variant(fonts: FontBook, face: FontFace, script: Script, *, bold: bool, italic: bool) -> FontFace:
    """The member of the face's family that comes closest."""
    family = [other for other in fonts.matching(script) if other.family == face.family]
    return min(family or [face], key=lambda other: (other.bold is not bold) + (other.italic is not italic))
