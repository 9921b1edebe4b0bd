"""Which documents there are: folders walked, files, globs and lists of paths, with a name for each document.

What `--source` may say: folders, files, globs, a text file of paths, or `-` for paths on standard input.

Documents are named relative to the folder that was given; several sources are named relative to the deepest folder
that holds them all. What a person or a program names one by one stays in, also when it is missing or of no kind that
docdetect reads, so that the results can say so. What is only matched (in a folder, by a glob) is either a document or
is left out with a reason; nothing is passed over in silence.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from docdetect.documents.kinds import HEIF_SUFFIXES, KIND_OF_SUFFIX, DocumentKind, document_kind
from docdetect.documents.page_names import HASH_DIGITS, HASH_MARK
from docdetect.errors import InputError, problem_list
from docdetect.files import nfc, relative_name
from docdetect.types import Failure, FailureKind

__all__ = [
    "HEIF_SUFFIXES",
    "KIND_OF_SUFFIX",
    "Choice",
    "Collection",
    "DocumentFile",
    "DocumentKind",
    "LeftOut",
    "LeftOutReason",
    "collect_documents",
    "count_left_out",
    "document_kind",
    "document_name",
    "list_documents",
]


@dataclass(frozen=True)
class DocumentFile:
    """A document on disk.

    Attributes:
        path: where it is; the only thing to open it by (`name` may be in another Unicode form than the disk's).
        name: path relative to the source, POSIX, NFC: the document's name everywhere in docdetect.
        kind: how it is read.
        failure: why it cannot be read, where that is known before it is opened.
    """

    path: Path
    name: str
    kind: DocumentKind
    failure: Failure | None = None


class LeftOutReason(str, Enum):
    """Why something in a source is not among the documents."""

    NO_DOCUMENT = "not a document"  # of no kind that docdetect reads, by its content and its suffix
    EXCLUDED = "excluded"  # by --include or --exclude
    HIDDEN = "hidden"  # its name begins with a dot
    LINK = "link"  # a link to a folder, out of the source, or to nothing
    SPECIAL = "special"  # a pipe, a socket or a device
    RESULTS = "results"  # a folder of results that docdetect wrote
    EMPTY = "empty"  # a folder that was named as a source and has no document


@dataclass(frozen=True)
class LeftOut:
    """A file or folder in a source that is not among the documents.

    Attributes:
        name: as documents are named; that of a folder ends in `/`, and stands for all that is in it.
        reason: why it was left out.
    """

    name: str
    reason: LeftOutReason


@dataclass(frozen=True)
class Choice:
    """What a run takes of a source; asked before anything is opened, so that what is not wanted cannot fail.

    Attributes:
        keep: whether a document is wanted, by its name.
        enter: why a folder is left out as a whole, by its path and its name; None where it is to be walked.
    """

    keep: Callable[[str], bool] = lambda _: True
    enter: Callable[[Path, str], LeftOutReason | None] = lambda *_: None


_Entry: TypeAlias = "DocumentFile | _Outside"


@dataclass(frozen=True)
class _Outside:
    """Something that was left out, and where it lies."""

    path: Path
    left_out: LeftOut


def count_left_out(left_out: Iterable[LeftOut]) -> str:
    """How many files were left out, for one line: `2 .docx, 1 .zip, 1 without suffix, 3 hidden`; "" for none."""
    counts = Counter(_shown_kind(entry) for entry in left_out)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _shown_kind(entry: LeftOut) -> str:
    if entry.reason is LeftOutReason.NO_DOCUMENT:
        return PurePosixPath(entry.name).suffix.lower() or "without suffix"
    if entry.reason is LeftOutReason.RESULTS:
        return "result folder" if entry.name.endswith("/") else "result file"
    return str(entry.reason.value)


def list_documents(source: Path) -> list[DocumentFile]:
    """Every document in a folder and the folders in it, or the one that `source` is, sorted by name.

    Left out: hidden files and folders, files that are no documents, links that lead out of the source. Links to
    folders are not followed at all, so a loop cannot trap the walk.

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
    found = [entry for entry in _walked(source, "", Choice()) if isinstance(entry, DocumentFile)]
    for file in found:
        if file.failure is not None:
            raise InputError(
                f"{file.path}: {file.failure.message}", "Change its permissions, or choose a source without it."
            )
    if not found:
        raise InputError(f"{source}: no documents in this folder", _suffix_remedy())
    return sorted_by_name(str(source), found)


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


def _walked(source: Path, prefix: str, choice: Choice) -> Iterator[_Entry]:
    """What is in a folder and the folders in it: documents, and what is left out, in no order to rely on.

    A folder in it that cannot be read is given as a document that fails.

    Args:
        source: the folder.
        prefix: what names begin with: "" or a folder's name with `/` behind it.
        choice: which documents and folders are wanted.

    Raises:
        InputError: `source` itself cannot be read.
    """
    root = source.resolve()
    refused: list[OSError] = []
    for folder, folders, files in os.walk(source, onerror=refused.append):
        entered = []
        for name in sorted(folders):
            path = Path(folder) / name
            reason = _folder_reason(path, prefix + document_name(path, source), choice)
            if reason is None:
                entered.append(name)
            else:
                yield _Outside(path, LeftOut(f"{prefix}{document_name(path, source)}/", reason))
        folders[:] = entered
        for name in sorted(files):
            path = Path(folder) / name
            yield _entry(path, prefix + document_name(path, source), root, choice)
    for error in refused:
        path, message = Path(error.filename), f"the folder cannot be read ({error.strerror or error})"
        if path == source:
            raise InputError(f"{path}: {message}", "Change its permissions, or choose another source.") from error
        failure = Failure(FailureKind.UNREADABLE, message)
        yield DocumentFile(path, prefix + document_name(path, source), DocumentKind.UNKNOWN, failure)


def _folder_reason(path: Path, name: str, choice: Choice) -> LeftOutReason | None:
    """Why a folder is not walked, None where it is."""
    if path.name.startswith("."):
        return LeftOutReason.HIDDEN
    if path.is_symlink():
        return LeftOutReason.LINK
    return choice.enter(path, name)


def _entry(path: Path, name: str, root: Path, choice: Choice) -> _Entry:
    """A file that was matched: a document, or why it is none. Nothing is opened that is not wanted.

    Args:
        path: the file.
        name: its name as a document.
        root: the resolved folder that links must not lead out of.
        choice: which documents are wanted.
    """

    def left_out(reason: LeftOutReason) -> _Outside:
        return _Outside(path, LeftOut(name, reason))

    if path.name.startswith("."):
        return left_out(LeftOutReason.HIDDEN)
    if not choice.keep(name):
        return left_out(LeftOutReason.EXCLUDED)
    if not path.is_file():  # pipes and sockets would block the reader; broken links lead nowhere
        return left_out(LeftOutReason.LINK if path.is_symlink() else LeftOutReason.SPECIAL)
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        return left_out(LeftOutReason.LINK)
    kind = document_kind(path)
    return left_out(LeftOutReason.NO_DOCUMENT) if kind is None else DocumentFile(path, name, kind)


def document_name(path: Path, root: Path) -> str:
    """`path` relative to `root`, POSIX, NFC; bytes that are not UTF-8 (possible on Linux) as %XX, for JSON's sake."""
    return _printable(relative_name(path, root))


def _printable(name: str) -> str:
    """The name as it reads in UTF-8, whatever encoding the locale gives to the names of files."""
    with suppress(UnicodeEncodeError):  # raised for a name that no file can have in this locale
        name = os.fsencode(name).decode("utf-8", "surrogateescape")
    return nfc(
        "".join(f"%{ord(letter) - 0xDC00:02X}" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in name)
    )


def _suffix_remedy() -> str:
    return f"Documents are PDFs and pictures; their names end in {', '.join(KIND_OF_SUFFIX)} (upper or lower case)."


STANDARD_INPUT = "-"

LIST_SUFFIX = ".txt"

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Collection:
    """The documents of all sources.

    Attributes:
        files: sorted by name, each file once; names are distinct.
        root: absolute path of the folder that the names are relative to.
        left_out: what else lies in the sources, sorted by name, and why it is not among the documents.
    """

    files: tuple[DocumentFile, ...]
    root: Path
    left_out: tuple[LeftOut, ...] = ()


def documents_in(folder: Path, missing: str = "Check the path.") -> Collection:
    """The documents in a folder, or the one file, that a dataset is made from; see `collect_documents`.

    A folder in it that cannot be read is among the documents, with its failure.

    Args:
        folder: folder or file.
        missing: what to do where it is not there, the remedy of the error.

    Raises:
        InputError: there is no such file or folder, or no document in it.
    """
    if not folder.exists():
        raise InputError(f"{folder}: no such file or folder", missing)
    found = collect_documents([str(folder)])
    if not found.files:
        raise InputError(f"{folder}: no documents in this folder", _suffix_remedy())
    return found


@dataclass(frozen=True)
class _Part:
    """A source, or a line of a list.

    Attributes:
        root: the folder that names are relative to as long as there is no other source.
        found: gives what is there, for the beginning of its names and the choice.
        nothing: the message for a part without any document; "" for what a list names, which always stays in.
        path: of the one file that was named, None for folders and globs.
    """

    root: Path
    found: Callable[[str, Choice], Iterable[_Entry]]
    nothing: str
    path: Path | None = None


def collect_documents(sources: Sequence[str], choice: Choice | None = None) -> Collection:
    """Every document of the sources that is wanted.

    Two files whose names are one name in Unicode NFC both stay in: the one that has another name on disk gets a hash of
    that name appended.

    Args:
        sources: each a folder (walked), a file, a glob (`**` for any depth), a text file of paths (`.txt`, one path a
            line, relative ones to the current folder), or `-` for such a list on standard input. A path that exists is
            never read as a glob.
        choice: which documents are wanted; all by default.

    Raises:
        InputError: a source is missing or cannot be read, there is no document in all of them, or they lie on
            different drives.
    """
    choice = choice or Choice()
    parts = [part for source in sources for part in _parts(source)]
    try:
        root = Path(os.path.commonpath([_absolute(part.root) for part in parts]))
    except ValueError:
        raise InputError(f"{', '.join(sources)}: on different drives", "Run docdetect once for each drive.") from None
    files: dict[str, DocumentFile] = {}
    outside: dict[str, LeftOut] = {}
    for part in parts:
        prefix = document_name(Path(_absolute(part.root)), root)
        prefix = "" if prefix == "." else f"{prefix}/"
        is_empty = True
        for entry in part.found(prefix, choice):
            key = os.path.normcase(_absolute(entry.path))
            if isinstance(entry, DocumentFile):
                files.setdefault(key, entry)
            else:
                outside.setdefault(key, entry.left_out)
            is_empty &= isinstance(entry, _Outside) and entry.left_out.reason is not LeftOutReason.EXCLUDED
        if is_empty and part.path is None:
            outside.setdefault(_absolute(part.root), LeftOut(prefix or "./", LeftOutReason.EMPTY))
    left_out = tuple(
        sorted((entry for key, entry in outside.items() if key not in files), key=lambda entry: entry.name)
    )
    _refuse_nothing(parts, tuple(files.values()), left_out)
    return Collection(tuple(_with_distinct_names(files.values(), root)), root, left_out)


def _refuse_nothing(parts: Sequence[_Part], files: Sequence[DocumentFile], left_out: Sequence[LeftOut]) -> None:
    """Raises InputError where no source has a document, unless documents were excluded; and for one file as the only
    source that is no document."""
    is_one_file = len(parts) == 1 and parts[0].path is not None and parts[0].nothing != ""
    if files and not (is_one_file and files[0].kind is DocumentKind.UNKNOWN):
        return
    if any(entry.reason in (LeftOutReason.EXCLUDED, LeftOutReason.RESULTS) for entry in left_out):
        return
    others = count_left_out(entry for entry in left_out if entry.reason is not LeftOutReason.EMPTY)
    raise InputError(parts[0].nothing + (f" (left out: {others})" if others else ""), _suffix_remedy())


def _with_distinct_names(files: Iterable[DocumentFile], root: Path) -> list[DocumentFile]:
    """The documents sorted by name; of those that share a name, all that have another name on disk get a new one."""
    counts = Counter(file.name for file in files)
    distinct = []
    for file in files:
        on_disk = os.path.relpath(_absolute(file.path), root)
        is_twin = counts[file.name] > 1 and Path(on_disk).as_posix() != file.name
        distinct.append(replace(file, name=_with_hash(file.name, on_disk)) if is_twin else file)
    return sorted(distinct, key=lambda file: (file.name, str(file.path)))


def _with_hash(name: str, on_disk: str) -> str:
    digits = hashlib.sha256(os.fsencode(on_disk)).hexdigest()[:HASH_DIGITS]
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}{HASH_MARK}{digits}{path.suffix}"))


def _parts(source: str) -> Iterator[_Part]:
    path = Path(source)
    if source == STANDARD_INPUT:
        yield from _listed("standard input", sys.stdin.buffer.read())
    elif path.is_dir():
        yield _folder_part(path)
    elif path.is_file() and path.suffix.lower() == LIST_SUFFIX:
        yield from _listed(source, _content(path))
    elif path.is_file():
        yield _named_part(path, f"{path}: not a document that docdetect reads")
    elif _WILDCARDS.isdisjoint(source) or path.exists():
        raise InputError(f"{path}: no such file or folder", "Check the path.")
    else:
        yield _glob_part(path)


def _folder_part(path: Path) -> _Part:
    return _Part(path, lambda prefix, choice: _walked(path, prefix, choice), f"{path}: no documents in this folder")


def _named_part(path: Path, nothing: str) -> _Part:
    """A path that was named: it stays in, whatever it is, unless it is excluded."""

    def found(prefix: str, choice: Choice) -> Iterator[_Entry]:
        name = prefix + document_name(path, path.parent)
        if not choice.keep(name):
            yield _Outside(path, LeftOut(name, LeftOutReason.EXCLUDED))
            return
        readable = path.is_file() or not path.exists()  # a missing file fails when it is read, a pipe would block
        yield DocumentFile(path, name, (document_kind(path) if readable else None) or DocumentKind.UNKNOWN)

    return _Part(path.parent, found, nothing, path)


def _glob_part(pattern: Path) -> _Part:
    """What a glob matches: documents, and the documents in folders that it matches."""
    fixed = 0
    while _WILDCARDS.isdisjoint(pattern.parts[fixed]):
        fixed += 1
    root = Path(*pattern.parts[:fixed])

    def found(prefix: str, choice: Choice) -> Iterator[_Entry]:
        resolved = root.resolve()
        reasons: dict[Path, LeftOutReason | None] = {}
        for path in sorted(root.glob(str(Path(*pattern.parts[fixed:])))):
            inside = path.relative_to(root)
            name = prefix + document_name(path, root)
            if any(part.startswith(".") for part in inside.parts):
                yield _Outside(path, LeftOut(name, LeftOutReason.HIDDEN))
            elif not path.resolve().is_relative_to(resolved):
                yield _Outside(path, LeftOut(name, LeftOutReason.LINK))
            elif (reason := _reason_above(path, root, prefix, choice, reasons)) is not None:
                yield _Outside(path, LeftOut(f"{name}/" if path.is_dir() else name, reason))
            elif path.is_dir():
                yield from _walked(path, prefix if path == root else f"{name}/", choice)
            else:
                yield _entry(path, name, resolved, choice)

    return _Part(root, found, f"{pattern}: matches no documents")


def _reason_above(
    path: Path, root: Path, prefix: str, choice: Choice, known: dict[Path, LeftOutReason | None]
) -> LeftOutReason | None:
    """Why the folders from `root` down to a matched path are not entered, None where they are; `known` is filled."""
    folders = [parent for parent in (path, *path.parents) if parent != root and parent.is_relative_to(root)]
    for folder in reversed(folders if path.is_dir() else folders[1:]):
        if folder not in known:
            known[folder] = _folder_reason(folder, prefix + document_name(folder, root), choice)
        if known[folder] is not None:
            return known[folder]
    return None


def _listed(where: str, data: bytes) -> Iterator[_Part]:
    """What a list of paths names; a folder in it is walked."""
    empty = True
    for line in _lines(data):
        path, empty = Path(line), False
        yield _folder_part(path) if path.is_dir() else _named_part(path, "")
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
