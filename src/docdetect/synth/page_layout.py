"""A page layout: the text, lines and pictures of a page before they are drawn, and the places where marks belong.

The functions of `layouts/` fill a `PageLayout`. `raster.py` draws it as pixels and `pdf.py` as a PDF page, both from
the same list of strokes. Text is measured with the fonts that it is drawn with. All lengths and coordinates of a page
layout are in mm, the origin is the top left corner of the paper, and y points down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from docdetect.synth.fonts import FontFace
from docdetect.synth.ink import RGB
from docdetect.types import ByteArray

Align: TypeAlias = Literal["left", "centre", "right", "justify"]
BLACK: RGB = (22, 22, 24)

# Em size at which text is measured, in px: large enough that the rounding of advance widths does not matter.
_MEASURE_PX = 64


@dataclass(frozen=True)
class TextStyle:
    """How text is set: font face, em size in mm, and colour."""

    face: FontFace
    size_mm: float
    colour: RGB = BLACK

    def sized(self, factor: float) -> TextStyle:
        """The same style with letters `factor` times as large."""
        return replace(self, size_mm=self.size_mm * factor)

    def coloured(self, colour: RGB) -> TextStyle:
        """The same style in another colour."""
        return replace(self, colour=colour)

    def width(self, text: str) -> float:
        """The advance width of `text` in mm."""
        advances = em_advances(self.face)
        return sum(advances[letter] for letter in text) * self.size_mm


@dataclass(frozen=True)
class Text:
    """A run of text.

    Attributes:
        x_mm, y_mm: where its baseline begins.
        text: the letters.
        style: font face, size and colour.
        turn: 0 for text that runs to the right, 90 for text that is turned counterclockwise and runs upwards.
    """

    x_mm: float
    y_mm: float
    text: str
    style: TextStyle
    turn: Literal[0, 90] = 0


@dataclass(frozen=True)
class Line:
    """A polyline through `points` (x, y) in mm.

    Attributes:
        points: the corners, in mm.
        width_mm: thickness of the line; 0 draws no line.
        colour: colour of the line.
        fill: colour of the closed polygon through the points, or None for a line alone.
    """

    points: tuple[tuple[float, float], ...]
    width_mm: float = 0.2
    colour: RGB = BLACK
    fill: RGB | None = None


@dataclass(frozen=True)
class Ellipse:
    """An ellipse that fills `box` (left, top, right, bottom in mm); `width_mm` and `fill` as in `Line`."""

    box: tuple[float, float, float, float]
    width_mm: float = 0.2
    colour: RGB = BLACK
    fill: RGB | None = None


@dataclass(frozen=True)
class Picture:
    """Pixels, uint8 (H, W, 4) RGBA, that fill `box` (left, top, right, bottom in mm)."""

    rgba: ByteArray
    box: tuple[float, float, float, float]


Stroke: TypeAlias = Text | Line | Ellipse | Picture

SlotKind: TypeAlias = Literal[
    "signature",  # a line to sign on; the slot's centre is the middle of the line and its width the line's length
    "stamp",  # the place of a seal beside a signature
    "receipt",  # the place where an office puts its dated stamp
    "code",  # a QR code or a distractor of one
    "field",  # a line to be filled in by hand; the slot's centre is the middle of the line
    "date",  # a date written by hand
    "brand",  # a firm's name printed as its trade mark
    "tick",  # a square to tick
    "note",  # free space where people write notes
    "opening",  # the line above the text of a letter on which its salutation is written by hand, from the left end on
    "addressee",  # the room after a printed salutation, in which a name is written by hand, from the left end on
    "closing",  # the line below the text of a letter on which its closing is written by hand, from the left end on
    "free",  # free space that has room for a large stamp of several lines
    "initials",  # the corner where every page is initialled
    "emblem",  # a logo or a coat of arms in a printed letterhead
    "icon",  # a printed pictogram
    "year",  # the printed year of a form
    "script",  # a space that is filled with handwriting
    "woodcut",  # a printed picture or an ornamental initial
]


@dataclass(frozen=True)
class Slot:
    """A place where a mark or a distractor belongs: its centre (x_mm, y_mm) and the room that it has."""

    kind: SlotKind
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float


@dataclass
class PageLayout:
    """A page that is being laid out.

    Attributes:
        width_mm, height_mm: size of the paper.
        strokes: what is printed, in drawing order.
        slots: where marks and distractors belong.
    """

    width_mm: float
    height_mm: float
    strokes: list[Stroke] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, style: TextStyle, align: Align = "left") -> float:
        """Sets one line of text and returns its width in mm.

        Args:
            x: left end, middle or right end of the line, as `align` says, in mm.
            y: the baseline, in mm.
            text: the letters; an empty text sets nothing.
            style: font face, size and colour.
            align: "left", "centre" or "right".
        """
        width = style.width(text)
        shift = {"centre": width / 2, "right": width}.get(align, 0.0)
        if text:
            self.strokes.append(Text(x - shift, y, text, style))
        return width

    def paragraph(
        self,
        box: tuple[float, float, float],
        text: str,
        style: TextStyle,
        leading: float = 1.2,
        align: Align = "justify",
    ) -> float:
        """Sets wrapped text and returns the y below its last line, in mm.

        The first line of justified text is indented where the column is wider than 20 em.

        Args:
            box: left edge, top edge and width of the column, in mm.
            text: words separated by blanks.
            style: font face, size and colour.
            leading: distance of two baselines as a multiple of the em size.
            align: how the lines are aligned in the column.
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
        """Adds a straight line from (x0, y0) to (x1, y1), `width` thick, all in mm."""
        self.strokes.append(Line(((x0, y0), (x1, y1)), width, colour))

    def rect(
        self,
        box: tuple[float, float, float, float],
        width: float = 0.2,
        colour: RGB = BLACK,
        fill: RGB | None = None,
    ) -> None:
        """Adds a rectangle along `box` (left, top, right, bottom in mm); a `width` of 0 mm draws no outline."""
        x0, y0, x1, y1 = box
        self.strokes.append(Line(((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)), width, colour, fill))

    def slot(self, kind: SlotKind, x: float, y: float, width: float, height: float) -> None:
        """Adds a place for a mark or a distractor: its centre (x, y) and its room, in mm."""
        self.slots.append(Slot(kind, x, y, width, height))

    def _justified(self, x: float, y: float, width: float, words: Sequence[str], style: TextStyle) -> None:
        lengths = [style.width(word) for word in words]
        gap = (width - sum(lengths)) / (len(words) - 1)
        for word, length in zip(words, lengths, strict=True):
            self.strokes.append(Text(x, y, word, style))
            x += length + gap


def wrap(text: str, style: TextStyle, width: float, indent: float = 0.0) -> list[list[str]]:
    """Breaks `text` into lines of at most `width` mm; the first line is shorter by `indent` mm.

    Returns:
        The words of each line. A word that is wider than the column has a line of its own.
    """
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
    """Advance widths of the letters of a font face in em, measured when a letter is first asked for.

    Kerning is left out, since PDFs set text without it.
    """

    def __init__(self, face: FontFace) -> None:
        super().__init__()
        self._font = face.sized(_MEASURE_PX)

    def __missing__(self, letter: str) -> float:
        self[letter] = self._font.getlength(letter) / _MEASURE_PX
        return self[letter]


@lru_cache(maxsize=256)
def em_advances(face: FontFace) -> EmAdvances:
    """The advance widths of a font face; the most recently used faces are kept in memory."""
    return EmAdvances(face)
