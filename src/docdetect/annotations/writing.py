"""What the writers of annotation formats share: pieces of text, how things are named, and the escapes of XML.

A writer takes one document after the other and gives `Piece`s of text, so that the results of a long run never lie in
memory as a whole. It touches no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from docdetect.annotations.marks import AnnotatedPage

PICTURE_SUFFIX = ".jpg"
"""Suffix of the pictures of pages that `infer --save-images` keeps."""

# Characters that no XML 1.0 file may hold, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class WriteSettings:
    """How a writer names things.

    Attributes:
        categories: all categories that the annotations may have, in the order of their ids.
        name: of the file that is written, for formats with one file; its companions are named after it.
        images: folder of the pictures of pages, relative to what is written, POSIX.
        base_url: beginning of the addresses of pictures in Label Studio; the name of the picture follows it.
        model: what the predictions come from, for formats that say so.
        colours: category -> `#rrggbb`, for formats with colours.
        confidences: True writes confidences where the format has no place for them that every program reads.
        voc_origin: number of the first pixel in Pascal VOC files, 0 or 1.
    """

    categories: tuple[str, ...]
    name: str = "annotations"
    images: str = "images"
    base_url: str = ""
    model: str = "docdetect"
    colours: Mapping[str, str] = field(default_factory=dict)
    confidences: bool = False
    voc_origin: int = 0


@dataclass(frozen=True)
class Piece:
    """A part of what is written.

    Attributes:
        file: path relative to the destination, POSIX.
        text: the text, with \\n line ends.
        place: `whole`: the text is all of the file. `next`: it follows the pieces so far. `last`: it follows all
            `next` pieces of the file and the `last` pieces so far.
    """

    file: str
    text: str
    place: Literal["whole", "next", "last"] = "whole"


class LabelWriter(Protocol):
    """Turns documents into text, one after the other, in one pass."""

    def begin(self) -> Iterator[Piece]:
        """What comes before the first document."""

    def add(self, document: str, pages: Mapping[int, AnnotatedPage]) -> Iterator[Piece]:
        """One document, by page number from 1. Boxes must be finite and have no negative size."""

    def end(self) -> Iterator[Piece]:
        """What comes after the last document."""


def picture_name(document: str, number: int, suffix: str = PICTURE_SUFFIX) -> str:
    """`<document>/page_0001<suffix>`: how files about a page (number from 1) are named, POSIX."""
    return f"{document}/page_{number:04d}{suffix}"


def fits_xml(text: str) -> bool:
    """Whether XML can hold all characters of a text; `xml_text` puts `?` in place of others."""
    return _NOT_IN_XML.search(text) is None


def xml_text(text: object) -> str:
    """The text for an XML element or an attribute in double quotes; characters that XML cannot hold become `?`."""
    plain = _NOT_IN_XML.sub("?", str(text))
    for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        plain = plain.replace(character, name)
    return plain.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")


def decimal(value: float) -> str:
    """A coordinate in px with at most four decimals."""
    return f"{value:.4f}".rstrip("0").rstrip(".")
