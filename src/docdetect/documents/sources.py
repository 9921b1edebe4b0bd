"""Which documents there are: a folder walked, or one file, with a name for each that is the same on every platform."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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
    UNKNOWN = "unknown"  # named in a list of paths, but nothing that docdetect reads: it fails, with its reason


HEIF_SUFFIXES = (".heic", ".heif", ".hif")

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
    **dict.fromkeys(HEIF_SUFFIXES, DocumentKind.IMAGE),
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
    found = sorted_by_name(str(source), walk_folder(source))
    if not found:
        raise InputError(f"{source}: no documents in this folder", _suffix_remedy())
    return found


def sorted_by_name(where: str, files: Iterable[DocumentFile]) -> list[DocumentFile]:
    """The documents in the order of their names. Raises InputError where two share one; `where` begins its message."""
    found = sorted(files, key=lambda file: (file.name, str(file.path)))
    shared = [f"{first.path} and {second.path}" for first, second in pairwise(found) if first.name == second.name]
    if shared:
        raise InputError(
            problem_list(f"{where}: names that differ only in their Unicode form", shared),
            "Rename one of each two.",
        )
    return found


def walk_folder(source: Path) -> Iterator[DocumentFile]:
    """The documents in a folder and the folders in it, in no order to rely on; see `list_documents`.

    Raises:
        InputError: a folder in it cannot be read.
    """
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
            if kind is None or name.startswith(".") or not stays_inside(path, root):
                continue
            yield DocumentFile(path, document_name(path, source), kind)


def document_name(path: Path, root: Path) -> str:
    """`path` relative to `root`, POSIX, NFC; bytes that are not UTF-8 (possible on Linux) as %XX, for JSON's sake."""
    return _printable(relative_name(path, root))


def stays_inside(path: Path, root: Path) -> bool:
    """Whether `path` is a regular file, or a link to one that lies under `root`, which is resolved."""
    if not path.is_file():  # pipes and sockets would block the reader; broken links lead nowhere
        return False
    return not path.is_symlink() or path.resolve().is_relative_to(root)


def _printable(name: str) -> str:
    return "".join(f"%{ord(letter) - 0xDC00:02X}" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in name)


def _suffix_remedy() -> str:
    return f"Documents end in {', '.join(KIND_OF_SUFFIX)} (upper or lower case)."
