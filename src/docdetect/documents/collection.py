"""What `--source` may say: folders, files, globs, a text file of paths, or `-` for paths on standard input.

Documents are named relative to the folder that was given; several sources are named relative to the deepest folder
that holds them all. What a person or a program names one by one stays in, also when it is missing or of no kind that
docdetect reads, so that the results can say so. What is only matched (in a folder, by a glob) must be a document, and
must not be a link that leads out.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docdetect.documents.sources import (
    DocumentFile,
    DocumentKind,
    document_kind,
    document_name,
    list_documents,
    sorted_by_name,
    stays_inside,
    walk_folder,
)
from docdetect.errors import InputError

STANDARD_INPUT = "-"
LIST_SUFFIX = ".txt"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Collection:
    """The documents of all sources.

    Attributes:
        files: sorted by name, each file once.
        root: absolute path of the folder that the names are relative to.
        named: paths of those that were named one by one, not found in a folder or by a glob.
    """

    files: tuple[DocumentFile, ...]
    root: Path
    named: frozenset[Path]


@dataclass(frozen=True)
class _Part:
    """Documents that are named relative to one folder, as yet."""

    root: Path
    files: tuple[DocumentFile, ...]
    named: bool = False


def collect_documents(sources: Sequence[str]) -> Collection:
    """Every document of the sources.

    Args:
        sources: each a folder (walked), a file, a glob (`**` for any depth), a text file of paths (`.txt`, one path a
            line, relative ones to the current folder), or `-` for such a list on standard input. A path that exists is
            never read as a glob.

    Raises:
        InputError: a source is missing or gives no document, a folder or list cannot be read, two files share a name
            in Unicode NFC, or the sources lie on different drives.
    """
    parts = [part for source in sources for part in _parts(source)]
    where = ", ".join(sources)
    try:
        root = Path(os.path.commonpath([_absolute(part.root) for part in parts]))
    except ValueError:
        raise InputError(f"{where}: on different drives", "Run docdetect once for each drive.") from None
    files: dict[str, DocumentFile] = {}
    for part in parts:
        prefix = document_name(Path(_absolute(part.root)), root)
        for file in part.files:
            files.setdefault(os.path.normcase(_absolute(file.path)), _under(prefix, file))
    named = frozenset(file.path for part in parts if part.named for file in part.files)
    return Collection(tuple(sorted_by_name(where, files.values())), root, named)


def _under(prefix: str, file: DocumentFile) -> DocumentFile:
    """The document named from a folder further up."""
    return file if prefix == "." else replace(file, name=f"{prefix}/{file.name}")


def _parts(source: str) -> Iterator[_Part]:
    path = Path(source)
    if source == STANDARD_INPUT:
        yield from _listed("standard input", sys.stdin.buffer.read())
    elif path.is_dir():
        yield _Part(path, tuple(list_documents(path)))
    elif path.is_file() and path.suffix.lower() == LIST_SUFFIX:
        yield from _listed(source, _content(path))
    elif _WILDCARDS.isdisjoint(source) or path.exists():
        yield _Part(path.parent, tuple(list_documents(path)), named=True)
    else:
        yield _matched(path)


def _matched(pattern: Path) -> _Part:
    """What a glob matches: documents, and the documents in folders that it matches."""
    fixed = 0
    while _WILDCARDS.isdisjoint(pattern.parts[fixed]):
        fixed += 1
    root = Path(*pattern.parts[:fixed])
    resolved = root.resolve()
    files: list[DocumentFile] = []
    for path in sorted(root.glob(str(Path(*pattern.parts[fixed:])))):
        inside = path.relative_to(root)
        if any(part.startswith(".") for part in inside.parts) or not path.resolve().is_relative_to(resolved):
            continue
        kind = document_kind(path)
        if path.is_dir():
            prefix = document_name(path, root)
            found = walk_folder(path)
            files += (_under(prefix, file) for file in found)
        elif kind is not None and stays_inside(path, resolved):
            files.append(DocumentFile(path, document_name(path, root), kind))
    if not files:
        raise InputError(f"{pattern}: matches no documents", "Check the pattern, and quote it against the shell.")
    return _Part(root, tuple(files))


def _listed(where: str, data: bytes) -> Iterator[_Part]:
    """What a list of paths names; a folder in it is walked."""
    empty = True
    for line in _lines(data):
        path, empty = Path(line), False
        if path.is_dir():
            yield _Part(path, tuple(walk_folder(path)))
            continue
        readable = path.is_file() or not path.exists()  # a missing file fails when it is read, a pipe would block
        kind = (document_kind(path) if readable else None) or DocumentKind.UNKNOWN
        yield _Part(path.parent, (DocumentFile(path, document_name(path, path.parent), kind),), named=True)
    if empty:
        raise InputError(f"{where}: no paths in this list", "Write one path on each line.")


def _lines(data: bytes) -> Iterable[str]:
    """The paths of a list, in the bytes that the file system knows; separated by NUL where there is one, as
    `find -print0` writes, else by line ends. UTF-16 with a byte-order mark, as PowerShell writes, is read too."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        text = os.fsdecode(data.removeprefix(codecs.BOM_UTF8))  # on Linux any bytes are a name
    separator = "\0" if "\0" in text else "\n"
    return [line for raw in text.split(separator) if (line := raw.rstrip("\r\n")).strip()]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})", "Check its permissions.") from error


def _absolute(path: Path) -> str:
    """Without links resolved: names are those that people see."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute() keeps ".."
