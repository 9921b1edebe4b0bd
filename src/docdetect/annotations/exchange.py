"""What the readers of other tools' annotations share: what they take and give, names of pages, odd values, safe XML.

A reader turns text into `Annotations` and touches no files. It tells what it changed or left out as `Remarks`, counted
and with places, so that nothing is lost in silence.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.errors import InputError, problem_list
from docdetect.files import nfc
from docdetect.types import SizeWH

# How the picture of a page is named: <document>/page_0001.jpg.
_PAGE_FILE = re.compile(r"(.+)/page_(\d{4,9})(?:\.\w+)?", re.DOTALL)

# Decimals of coordinates that were computed from shares of the page: what the arithmetic adds beyond is noise.
_DECIMALS = 3

TURNED = "boxes turned by an angle"
"""What `Remarks.add_enclosed` calls boxes with a rotation."""

# Most places that a remark names; it counts the others.
_MOST_PLACES = 3


class Remarks:
    """What a codec changed or left out: for each kind how often, and the first places."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[str]] = {}

    def add(self, what: str, where: str, count: int = 1) -> None:
        """Counts cases of `what`, a phrase in the plural that also says what was done, at `where`."""
        self._counts[what] = self._counts.get(what, 0) + count
        places = self._places.setdefault(what, [])
        if where not in places and len(places) < _MOST_PLACES:
            places.append(where)

    def add_enclosed(self, what: str, where: str, count: int = 1) -> None:
        """Counts shapes, such as `polygons`, of which the enclosing boxes are used."""
        self.add(f"{what}, of which the enclosing boxes are used", where, count)

    def merge(self, other: Remarks) -> None:
        """Adds all cases of another reader."""
        for what, count in other._counts.items():
            self._counts[what] = self._counts.get(what, 0) + count
            places = self._places.setdefault(what, [])
            places += [place for place in other._places[what] if place not in places][: _MOST_PLACES - len(places)]

    def __bool__(self) -> bool:
        return bool(self._counts)

    @property
    def counts(self) -> Mapping[str, int]:
        """What was changed or left out -> how often."""
        return dict(self._counts)

    def sentences(self) -> list[str]:
        """`polygons, of which the enclosing boxes are used: 2 (a.pdf, page 1; b.pdf, page 3)`, one for each kind."""
        lines = []
        for what, count in self._counts.items():
            shown = "; ".join(self._places[what]) + ("; ..." if count > len(self._places[what]) else "")
            lines.append(f"{what}: {count} ({shown})")
        return lines


@dataclass(frozen=True)
class LabelFile:
    """A file of annotations.

    Attributes:
        name: path relative to what is read, POSIX; it also names the file in messages.
        text: the content.
    """

    name: str
    text: str


@dataclass(frozen=True)
class ReadSettings:
    """What a reader may need besides the text.

    Attributes:
        size_of: gives width and height in px of a picture by its name, None where there is no such picture.
        base_url: beginning of the addresses of pictures, which is no part of their names.
        voc_origin: number of the first pixel in Pascal VOC files, 0 or 1.
    """

    size_of: Callable[[str], SizeWH | None] = lambda name: None
    base_url: str = ""
    voc_origin: int = 0


@dataclass(frozen=True)
class Reading:
    """What was read: the annotations, and what of the files is not in them."""

    annotations: Annotations
    remarks: Remarks = field(default_factory=Remarks)


class AnnotationsBuilder:
    """Annotations that grow page by page; a page that comes twice is a problem, since nobody can say which one holds.

    Args:
        origin: names what is read in messages.
    """

    def __init__(self, origin: str) -> None:
        self.remarks = Remarks()
        self._origin = origin
        self._pages: Annotations = {}
        self._problems: list[str] = []

    def add(self, document: str, number: int, size_wh: SizeWH | None, marks: Sequence[Mark], where: str) -> None:
        """Adds a page.

        Args:
            document: name of the document.
            number: of the page, from 1.
            size_wh: width and height in px that the boxes refer to; a page without it is left out with a remark.
            marks: the marks of the page.
            where: names the place in messages.
        """
        name = nfc(document)
        if number in self._pages.get(name, {}):
            self._problems.append(f"{where}: {name}, page {number} stands there twice")
        elif size_wh is None:
            self.remarks.add(
                "pages whose size is not known (--images names the folder of their pictures), left out", where
            )
        else:
            self._pages.setdefault(name, {})[number] = AnnotatedPage(size_wh, tuple(marks))

    def result(self) -> Reading:
        """Everything that was added. Raises InputError where pages stand in it twice."""
        if self._problems:
            raise InputError(
                problem_list(f"{self._origin}: pages that stand in it twice", self._problems),
                "Remove all but one of each, so that it is certain which marks hold.",
            )
        return Reading(self._pages, self.remarks)


def page_of_picture(name: str) -> tuple[str, int]:
    """The document and page number that `picture_name` gave this name to; any other picture is page 1 of itself.

    Backslashes separate folders, as programs on Windows write them, but in a name that `picture_name` may have given:
    it writes slashes, so that a backslash there belongs to the name of the document.
    """
    given = nfc(name).lstrip("/")
    found = _PAGE_FILE.fullmatch(given)
    if found is None:
        given = given.replace("\\", "/").lstrip("/")
        found = _PAGE_FILE.fullmatch(given)
    if found is None or int(found[2]) < 1:
        return given, 1
    return found[1], int(found[2])


def named_page(document: object, page: object, picture: str) -> tuple[str, int]:
    """The document and page number that a file names beyond its format, else those of the picture's name."""
    found = whole_number(page)
    return (document, found) if isinstance(document, str) and document and found else page_of_picture(picture)


def picture_beside(file: str, picture: str) -> str:
    """The name of the picture that a file of annotations is about; their folders are the same, or have the same names.

    Args:
        file: path of the file of annotations, relative to all of them.
        picture: the picture as the file names it, of which only the last part is used; "" for none.
    """
    folder, own = posixpath.split(file)
    folder = folder.removeprefix("Annotations").lstrip("/")
    return posixpath.join(folder, picture.replace("\\", "/").rpartition("/")[2] or posixpath.splitext(own)[0])


def number(value: object) -> float:
    """The number that a value or its text stands for; NaN where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def whole_number(value: object) -> int | None:
    """The whole number from 1 that a value or its text stands for, such as a page number or a size; else None."""
    found = number(value)
    return int(found) if math.isfinite(found) and 1 <= found < 1e9 and found % 1 == 0 else None


def page_size(width: object, height: object) -> SizeWH | None:
    """Width and height in px where both are whole and at least 1, else None."""
    found = whole_number(width), whole_number(height)
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def probability(value: object) -> float | None:
    """A number in [0, 1], else None."""
    found = number(value)
    return found if 0 <= found <= 1 else None


def enclosing(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float, float, float]:
    """Left, top, width and height of the box around points; NaN where there is none or one is not finite."""
    if not xs or not ys or not all(map(math.isfinite, (*xs, *ys))):
        return (math.nan,) * 4
    left, top = min(xs), min(ys)
    return rounded(left, top, max(xs) - left, max(ys) - top)


def turned(
    xywh: tuple[float, float, float, float], degrees: float, about: Literal["corner", "centre"]
) -> tuple[float, float, float, float]:
    """The box around a box that is turned clockwise by `degrees` about its top left corner or its centre."""
    x, y, width, height = xywh
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    from_x, from_y = (0.0, 0.0) if about == "corner" else (width / 2, height / 2)
    corners = [(a - from_x, b - from_y) for a in (0.0, width) for b in (0.0, height)]
    return enclosing(
        [x + from_x + a * cos - b * sin for a, b in corners], [y + from_y + a * sin + b * cos for a, b in corners]
    )


def rounded(*values: float) -> tuple[float, float, float, float]:
    """Four coordinates without the noise of arithmetic; what is not finite stays."""
    x, y, width, height = (round(value, _DECIMALS) if math.isfinite(value) else value for value in values)
    return x, y, width, height


def xml_root(text: str, origin: str, tag: str, remedy: str) -> Any:
    """The root element of an XML text that nobody vouches for.

    Entities and document type definitions are refused, since with them a small file can fill the memory or have other
    files read.

    Raises:
        InputError: not XML, XML with entities, or another root than `tag`.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        # The text is decoded already: given as text, an encoding that the file names has no influence any more.
        root = fromstring(text.encode("utf-8", "replace").decode("utf-8"), forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            f"{origin}: XML with entities or a document type definition is not read", "Export the file again."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{origin}: not valid XML ({error})", "Repair the file or export it again.") from error
    if root.tag != tag:
        raise InputError(f"{origin}: the root element is {root.tag!r}, expected {tag!r}", remedy)
    return root
