"""Which documents there are: a folder walked, or one file, with a name for each that is the same on every platform."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path

from docdetect.errors import InputError, problem_list
from docdetect.files import nfc, relative_name


class DocumentKind(str, Enum):
    """How a file is read."""

    PDF = "pdf"
    IMAGE = "image"


KIND_OF_SUFFIX = {
    ".pdf": DocumentKind.PDF,
    ".png": DocumentKind.IMAGE,
    ".jpg": DocumentKind.IMAGE,
    ".jpeg": DocumentKind.IMAGE,
    ".jpe": DocumentKind.IMAGE,
    ".tif": DocumentKind.IMAGE,
    ".tiff": DocumentKind.IMAGE,
    ".bmp": DocumentKind.IMAGE,
    ".webp": DocumentKind.IMAGE,
}
"""Suffix in lower case -> kind; everything else is no document."""


@dataclass(frozen=True)
class DocumentFile:
    """A document on disk.

    Attributes:
        path: where it is; the only thing to open it by (`name` may be in another Unicode form than the disk's).
        name: path relative to the source, POSIX, NFC: the document's name everywhere in docdetect.
        kind: how it is read.
    """

    path: Path
    name: str
    kind: DocumentKind


def document_kind(path: Path) -> DocumentKind | None:
    """The kind that the file's suffix (in any case) says, or None when it is no document."""
    return KIND_OF_SUFFIX.get(path.suffix.lower())


def list_documents(source: Path) -> list[DocumentFile]:
    """Every document in a folder and the folders in it, or the one that `source` is, sorted by name.

    Left out: hidden files and folders, files of other kinds, links that lead out of the source. Links to folders are
    not followed at all, so a loop cannot trap the walk.

    Raises:
        InputError: `source` is missing, has no document, holds a folder that cannot be read, or two files whose names
            are one name in Unicode NFC.
    """
    if source.is_file():
        kind = document_kind(source)
        if kind is None:
            raise InputError(f"{source}: not a document that docdetect reads", _suffix_remedy())
        return [DocumentFile(source, _printable(nfc(source.name)), kind)]
    if not source.is_dir():
        raise InputError(f"{source}: no such file or folder", "Check the path.")
    found = sorted(_walk(source), key=lambda file: (file.name, str(file.path)))
    if not found:
        raise InputError(f"{source}: no documents in this folder", _suffix_remedy())
    _refuse_shared_names(source, found)
    return found


def _walk(source: Path) -> Iterator[DocumentFile]:
    root = source.resolve()

    def refuse(error: OSError) -> None:
        raise InputError(
            f"{error.filename}: the folder cannot be read ({error.strerror or error})",
            "Change its permissions, or choose a source without it.",
        ) from error

    for folder, folders, files in os.walk(source, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            kind = document_kind(path)
            if kind is None or name.startswith(".") or not _stays_inside(path, root):
                continue
            yield DocumentFile(path, _printable(relative_name(path, source)), kind)


def _stays_inside(path: Path, root: Path) -> bool:
    """Whether `path` is a regular file, or a link to one that lies under `root`."""
    if not path.is_file():  # pipes and sockets would block the reader; broken links lead nowhere
        return False
    return not path.is_symlink() or path.resolve().is_relative_to(root)


def _printable(name: str) -> str:
    """`name` with bytes that are not UTF-8 (possible on Linux) as %XX: such a name could not be written as JSON."""
    return "".join(f"%{ord(letter) - 0xDC00:02X}" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in name)


def _refuse_shared_names(source: Path, found: list[DocumentFile]) -> None:
    shared = [f"{first.path} and {second.path}" for first, second in pairwise(found) if first.name == second.name]
    if shared:
        raise InputError(
            problem_list(f"{source}: names that differ only in their Unicode form", shared),
            "Rename one of each two.",
        )


def _suffix_remedy() -> str:
    return f"Documents end in {', '.join(KIND_OF_SUFFIX)} (upper or lower case)."
