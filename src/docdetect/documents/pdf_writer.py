"""Pages to PDF: real text in embedded fonts, lines, pictures with transparency; whole-page pictures for scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pymupdf

from docdetect.documents.drawing import encoded_image
from docdetect.types import ByteArray

RGB: TypeAlias = tuple[int, int, int]
BoxPt: TypeAlias = tuple[float, float, float, float]
FontProgram: TypeAlias = Path | bytes


@dataclass(frozen=True)
class PdfText:
    """A run of text.

    Attributes:
        x, y: where its baseline begins, in points from the top left of the page.
        text: the letters.
        size_pt: of the font.
        font: a font file, or its bytes.
        rgb: colour of the letters.
        turn: degrees counter-clockwise by which the run is turned: 0 or 90.
    """

    x: float
    y: float
    text: str
    size_pt: float
    font: FontProgram
    rgb: RGB
    turn: int = 0


@dataclass(frozen=True)
class PdfPath:
    """A polyline through (x, y) pt points, closed and filled where `fill` is given."""

    points: tuple[tuple[float, float], ...]
    width_pt: float
    rgb: RGB
    fill: RGB | None = None


@dataclass(frozen=True)
class PdfEllipse:
    """An ellipse in a box left, top, right, bottom pt."""

    box: BoxPt
    width_pt: float
    rgb: RGB
    fill: RGB | None = None


@dataclass(frozen=True)
class PdfPicture:
    """uint8 (H, W, 4) RGBA pixels in a box left, top, right, bottom pt."""

    rgba: ByteArray
    box: BoxPt


PdfItem: TypeAlias = PdfText | PdfPath | PdfEllipse | PdfPicture


@dataclass(frozen=True)
class PdfPage:
    """A page of drawn items.

    Attributes:
        size_pt: width and height in points before rotation.
        items: what is on the page, in the order of drawing.
        rotation: degrees clockwise by which viewers turn the page: 0, 90, 180 or 270.
    """

    size_pt: tuple[float, float]
    items: tuple[PdfItem, ...]
    rotation: int = 0


@dataclass(frozen=True)
class PdfScan:
    """A page that is one JPEG picture."""

    size_pt: tuple[float, float]
    jpeg: bytes


def write_pdf(pages: Sequence[PdfPage | PdfScan]) -> bytes:
    """The pages as a PDF file; fonts are embedded with the letters that are used. The same pages give the same bytes.

    Raises:
        ValueError: no pages.
    """
    if not pages:
        raise ValueError("a PDF needs at least one page")
    with pymupdf.open() as document:
        fonts = _Fonts()
        for number, page in enumerate(pages):
            drawn = document.new_page(width=page.size_pt[0], height=page.size_pt[1])
            if isinstance(page, PdfScan):
                drawn.insert_image(drawn.rect, stream=page.jpeg)
                continue
            for item in page.items:
                _draw(drawn, item, fonts)
            if page.rotation:
                document[number].set_rotation(page.rotation)
        document.subset_fonts()
        document.set_metadata({"producer": "docdetect", "creator": "docdetect"})
        return bytes(document.tobytes(garbage=3, deflate=True, no_new_id=True))


class _Fonts:
    """The fonts of a PDF under the names that its pages use; each is read once and added to each page once."""

    def __init__(self) -> None:
        self._known: dict[FontProgram, tuple[str, bytes]] = {}
        self._added: set[tuple[int, str]] = set()

    def name_on(self, page: Any, program: FontProgram) -> str:
        """The name of the font on this page."""
        if program not in self._known:
            buffer = program if isinstance(program, bytes) else program.read_bytes()
            self._known[program] = f"F{len(self._known)}", buffer
        name, buffer = self._known[program]
        if (page.number, name) not in self._added:
            page.insert_font(fontname=name, fontbuffer=buffer)
            self._added.add((page.number, name))
        return name


def _draw(page: Any, item: PdfItem, fonts: _Fonts) -> None:
    if isinstance(item, PdfText):
        page.insert_text(
            (item.x, item.y), item.text, fontsize=item.size_pt, fontname=fonts.name_on(page, item.font),
            color=_unit(item.rgb), rotate=item.turn,
        )  # fmt: skip
    elif isinstance(item, PdfPath):
        shape = page.new_shape()
        shape.draw_polyline([pymupdf.Point(*point) for point in item.points])
        _finish(shape, item)
    elif isinstance(item, PdfEllipse):
        shape = page.new_shape()
        shape.draw_oval(pymupdf.Rect(item.box))
        _finish(shape, item)
    else:
        page.insert_image(pymupdf.Rect(item.box), stream=encoded_image(".png", np.ascontiguousarray(item.rgba)))


def _finish(shape: Any, item: PdfPath | PdfEllipse) -> None:
    colour = _unit(item.rgb) if item.width_pt > 0 else None
    fill = None if item.fill is None else _unit(item.fill)
    shape.finish(width=item.width_pt, color=colour, fill=fill, closePath=fill is not None)
    shape.commit()


def _unit(rgb: RGB) -> tuple[float, float, float]:
    red, green, blue = rgb
    return red / 255, green / 255, blue / 255


# The base-14 text faces: faces like Helvetica, Times and Courier with Latin, Cyrillic (Kazakh too) and Greek letters.
_CODES = ("helv", "hebo", "heit", "hebi", "tiro", "tibo", "tiit", "tibi", "cour", "cobo", "coit", "cobi")


def builtin_fonts() -> tuple[bytes, ...]:
    """Font programs (bare CFF) of the base-14 text faces, always in the same order."""
    return tuple(bytes(pymupdf.Font(code).buffer) for code in _CODES)
