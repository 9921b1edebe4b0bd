"""A report as data, and the one HTML file that shows it: no scripts, no fonts, no links to anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, TypeAlias

from docdetect.types import ByteArray

if TYPE_CHECKING:
    from jinja2 import Template

Tone: TypeAlias = Literal["plain", "good", "bad", "muted"]

_JPEG_QUALITY = 82


@dataclass(frozen=True)
class Tile:
    """A headline number: what it is, its value, and a line below (its interval)."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, a small second line, and how it stands out."""

    text: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class Table:
    """Rows of texts or cells; the first column is a label, the others are aligned to the right.

    Attributes:
        columns: headings.
        rows: as many cells each as there are headings.
        title: shown above; empty for none.
        folded: shown closed, with the title to open it; for long tables.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | Cell]]
    title: str = ""
    folded: bool = False

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.title!r}: every row needs {len(self.columns)} cells")

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows with every text made a cell."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Picture:
    """An image inside the page: a data URI, its caption, and a small second line."""

    uri: str
    caption: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, some text, plots, tables, pictures; whatever is empty is left out.

    Attributes:
        title: heading, also in the table of contents.
        text: paragraphs.
        plots: drawings from `plots`, side by side where there is room.
        tables: below the plots.
        pictures: a gallery, below the tables.
    """

    title: str
    text: tuple[str, ...] = ()
    plots: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        title: heading.
        subtitle: what was evaluated on what.
        tiles: headline numbers.
        warnings: what the reader must know before trusting the numbers.
        sections: the rest.
        facts: name and value of where this comes from (weights, hashes, versions), at the end.
    """

    title: str
    subtitle: str = ""
    tiles: Sequence[Tile] = ()
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = ()
    facts: Sequence[tuple[str, str]] = ()


def report_to_html(report: Report) -> str:
    """The page as one HTML text; every text in it is escaped."""
    return html_template("docdetect.reports", "report.html.j2").render(report=report)


def jpeg_uri(pixels: ByteArray) -> str:
    """A picture, uint8 (H, W, 3) RGB, as a data URI."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def picture_bytes(picture: Picture) -> bytes:
    """The content of a picture as a file of its own."""
    return base64.b64decode(picture.uri.partition(";base64,")[2])


def png_uri(png: bytes) -> str:
    """A drawing in the PNG format as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def svg_uri(svg: bytes) -> str:
    """A drawing as a data URI; as an image, so that the ids of two drawings cannot meet and no script in it runs."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


@lru_cache
def html_template(package: str, name: str) -> Template:
    """The template of an HTML page that lies in a package; what is put into it is escaped."""
    from jinja2 import Environment, StrictUndefined

    text = files(package).joinpath(name).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(text)
