"""What `convert` made and from what: a small JSON beside the page images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from docdetect.errors import InputError
from docdetect.files import read_json, write_json

RECORD_NAME = "convert.json"
_FORMAT = 1


@dataclass(frozen=True)
class MadePage:
    """One page image.

    Attributes:
        sha256: of the document that it was made from.
        size: how large it was rendered, as text.
        size_bytes: of the image file.
    """

    sha256: str
    size: str
    size_bytes: int


Record: TypeAlias = dict[str, dict[int, MadePage]]
"""Document name -> page number -> what was made of it. File names are not in it: they follow from the two."""


def read_record(folder: Path) -> Record | None:
    """The record in a folder; None when there is none, or none that this version of docdetect wrote."""
    path = folder / RECORD_NAME
    try:
        data = read_json(path) if path.is_file() else None
        if not isinstance(data, dict) or data.get("made_by") != "docdetect" or data.get("format") != _FORMAT:
            return None
        return {
            document: {int(number): MadePage(**page) for number, page in pages.items()}
            for document, pages in data["documents"].items()
        }
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Replaces the record, sorted. Raises OutputError."""
    documents = {
        document: {str(number): asdict(page) for number, page in sorted(pages.items())}
        for document, pages in sorted(record.items())
    }
    write_json(folder / RECORD_NAME, {"made_by": "docdetect", "format": _FORMAT, "documents": documents})
