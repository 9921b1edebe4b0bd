"""A page before it is drawn: text, lines and pictures in mm, and the places where marks belong.

One list of strokes serves both drawings of a page, as pixels (`raster.py`) and as PDF (`documents/pdf_writer.py`).
Text is measured with the very fonts it is drawn with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from docdetect.synth.fonts import FontFace
from docdetect.types import ByteArray

RGB: TypeAlias = tuple[int, int, int]
Align: TypeAlias = Literal["left", "centre", "right", "justify"]
BLACK: RGB = (22, 22, 24)
_MEASURE_PX = 64  # em size at which text is measured: large enough that rounding does not matter


@dataclass(frozen=True)
class Style:
    """How text looks: face, em size in mm, colour."""

    face: FontFace
    size_mm: float
    colour: RGB = BLACK

    def sized(self, factor: float) -> Style:
        """The same, `factor` times as large."""
        return replace(self, size_mm=self.size_mm * factor)

    def coloured(self, colour: RGB) -> Style:
        """The same in another colour."""
        return replace(self, colour=colour)

    def width(self, text: str) -> float:
        """Advance width of `text` in mm."""
        advances = em_advances(self.face)
        return sum(advances[letter] for letter in text) * self.size_mm


@dataclass(frozen=True)
class Text:
    """A run of text whose baseline begins at (x, y) mm; turned counterclockwise by 0 or 90 degrees."""

    x: float
    y: float
    text: str
    style: Style
    turn: Literal[0, 90] = 0


@dataclass(frozen=True)
class Line:
    """A polyline through (x, y) mm points, `width` mm thick; closed and filled where `fill` is given."""

    points: tuple[tuple[float, float], ...]
    width: float = 0.2
    colour: RGB = BLACK
    fill: RGB | None = None


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in the box x0, y0, x1, y1 mm."""

    box: tuple[float, float, float, float]
    width: float = 0.2
    colour: RGB = BLACK
    fill: RGB | None = None


@dataclass(frozen=True)
class Picture:
    """uint8 (H, W, 4) RGBA pixels in the box x0, y0, x1, y1 mm."""

    rgba: ByteArray
    box: tuple[float, float, float, float]


Stroke: TypeAlias = Text | Line | Ellipse | Picture

SlotKind: TypeAlias = Literal[
    "sign",  # a line to sign on: (x, y) is the middle of the line, w its length
    "seal",  # where the stamp goes
    "receipt",  # where an office puts its dated stamp
    "code",  # a QR code or a relative
    "field",  # written in by hand: (x, y) is the middle of the line
    "date",  # a date by hand
    "brand",  # a firm's name as its trade mark
    "tick",  # a box to tick
    "note",  # free space where people scribble
    "free",  # free space where a large stamp has room
    "initial",  # the corner where every page is initialled
    "emblem",  # the printed head: a logo, arms
    "icon",  # a printed pictogram
    "year",  # the printed year of a form
]


@dataclass(frozen=True)
class Slot:
    """A place where a mark, or a relative of one, belongs: its centre and room in mm."""

    kind: SlotKind
    x: float
    y: float
    w: float
    h: float


@dataclass
class Sheet:
    """A page being laid out; `width` and `height` in mm, origin top left, y down."""

    width: float
    height: float
    strokes: list[Stroke] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, style: Style, align: Align = "left") -> float:
        """Sets one line of text on the baseline `y`; x is its left end, middle or right end. Returns its width."""
        width = style.width(text)
        shift = {"centre": width / 2, "right": width}.get(align, 0.0)
        if text:
            self.strokes.append(Text(x - shift, y, text, style))
        return width

    def paragraph(
        self, box: tuple[float, float, float], text: str, style: Style, leading: float = 1.2, align: Align = "justify"
    ) -> float:
        """Sets wrapped text below `y`; box is x, y, width. Returns the y below the last line.

        The first line of justified text is indented when the box is wide enough for that to look right.
        """
        x, y, width = box
        step = style.size_mm * leading
        indent = style.size_mm * 2.5 if align == "justify" and width > 20 * style.size_mm else 0.0
        lines = wrap(text, style, width, indent)
        for number, words in enumerate(lines):
            baseline = y + step * number + style.size_mm * 0.95
            start = x + (indent if number == 0 else 0.0)
            if align == "justify" and number < len(lines) - 1 and len(words) > 1:
                self._justified(start, baseline, x + width - start, words, style)
            else:
                middle = {"centre": x + width / 2, "right": x + width}.get(align, start)
                self.text(middle, baseline, " ".join(words), style, align)
        return y + step * len(lines)

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.2, colour: RGB = BLACK) -> None:
        """A straight line."""
        self.strokes.append(Line(((x0, y0), (x1, y1)), width, colour))

    def rect(
        self,
        box: tuple[float, float, float, float],
        width: float = 0.2,
        colour: RGB = BLACK,
        fill: RGB | None = None,
    ) -> None:
        """A rectangle around the box x0, y0, x1, y1; no outline where `width` is 0."""
        x0, y0, x1, y1 = box
        self.strokes.append(Line(((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)), width, colour, fill))

    def slot(self, kind: SlotKind, x: float, y: float, w: float, h: float) -> None:
        """Notes a place for a mark by its centre and room."""
        self.slots.append(Slot(kind, x, y, w, h))

    def _justified(self, x: float, y: float, width: float, words: Sequence[str], style: Style) -> None:
        lengths = [style.width(word) for word in words]
        gap = (width - sum(lengths)) / (len(words) - 1)
        for word, length in zip(words, lengths, strict=True):
            self.strokes.append(Text(x, y, word, style))
            x += length + gap


def wrap(text: str, style: Style, width: float, indent: float = 0.0) -> list[list[str]]:
    """The words of each line when `text` is set `width` mm wide, the first line shortened by `indent`."""
    space = style.width(" ")
    lines: list[list[str]] = [[]]
    used = indent
    for word in text.split():
        length = style.width(word)
        if lines[-1] and used + length > width:
            lines.append([])
            used = 0.0
        lines[-1].append(word)
        used += length + space
    return lines


class EmAdvances(dict[str, float]):
    """Advance widths of a face's letters in em, measured when first asked for; without kerning, as PDFs set text."""

    def __init__(self, face: FontFace) -> None:
        super().__init__()
        self._font = face.sized(_MEASURE_PX)

    def __missing__(self, letter: str) -> float:
        self[letter] = self._font.getlength(letter) / _MEASURE_PX
        return self[letter]


@lru_cache(maxsize=256)
def em_advances(face: FontFace) -> EmAdvances:
    """The advance widths of a face, kept."""
    return EmAdvances(face)
