"""Which documents there are: a folder walked, or one file, with a name for each that is the same on every platform.

What `--source` may say: folders, files, globs, a text file of paths, or `-` for paths on standard input.

Documents are named relative to the folder that was given; several sources are named relative to the deepest folder
that holds them all. What a person or a program names one by one stays in, also when it is missing or of no kind that
docdetect reads, so that the results can say so. What is only matched (in a folder, by a glob) must be a document, and
must not be a link that leads out.

File names for pages: readable, and never two pages with one name.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from pathlib import Path, PurePosixPath

from docdetect.errors import InputError, problem_list
from docdetect.files import nfc, relative_name, safe_stem


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


_HASH_DIGITS = 8

_HASH_MARK = "~"  # set before the hash, and never part of a stem without one

_MAX_STEM_BYTES = 160  # file systems allow 255 for the whole name


def document_stem(document: str) -> str:
    """A file name, without suffix, for a document name; distinct documents get distinct stems.

    The stem depends on this name alone, so more documents in a folder rename nothing. `act 7.pdf` becomes `act 7`.
    Names for which that would not be unique - in folders, of another suffix, with capital letters (one file to
    Windows and macOS), with reserved characters, very long - get a hash of the name appended: `Act.PDF` becomes
    `Act~1d82317b`.
    """
    name = nfc(document)
    sound = name.encode("utf-8", "replace").decode("utf-8")  # a JSON can hold half a surrogate pair
    stem = safe_stem(sound.removesuffix(PurePosixPath(sound).suffix))
    plain = f"{stem}.pdf" == name and nfc(name.casefold()) == name and _HASH_MARK not in name
    if plain and len(stem.encode()) <= _MAX_STEM_BYTES:
        return stem
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    return f"{_shortened(stem)}{_HASH_MARK}{digits}"


def page_stem(document: str, number: int) -> str:
    """`<document_stem>_page_0001`: the file name, without suffix, of a page (from 1) in a flat folder."""
    return f"{document_stem(document)}_page_{number:04d}"


def _shortened(stem: str) -> str:
    return stem.encode()[:_MAX_STEM_BYTES].decode("utf-8", "ignore")
