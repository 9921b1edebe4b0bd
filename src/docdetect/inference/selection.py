"""Which documents of a source a run takes.

The passwords that a run knows. They reach the worker processes and nothing that is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.documents.sources import HEIF_SUFFIXES, DocumentFile, collect_documents
from docdetect.errors import InputError, MissingDependencyError, UsageError
from docdetect.files import nfc, read_text
from docdetect.inference.folder import is_result_folder

if TYPE_CHECKING:
    from docdetect.config.schema import InferConfig


def chosen_documents(wanted: InferConfig, output: Path) -> list[DocumentFile]:
    """The documents of the sources that `include` and `exclude` leave, sorted by name.

    Result folders of earlier runs inside the sources are no documents: their drawn pages would be found as images.

    Raises:
        InputError: no such source, or nothing is left.
        MissingDependencyError: all of them are HEIC, and what reads it is not installed.
        UsageError: there is no source.
    """
    if not wanted.source:
        raise UsageError("no source given", "Say where the documents are: --source FOLDER.")
    collection = collect_documents(wanted.source)
    files = [
        file
        for file in collection.files
        if (not wanted.include or _matches(file.name, wanted.include)) and not _matches(file.name, wanted.exclude)
    ]
    folders = _folders(files, collection.root)
    results = {folder: folder == output.resolve() or is_result_folder(folder) for folder in folders}
    files = [
        file
        for file in files
        if file.path in collection.named
        or not any(results.get(parent, False) for parent in file.path.resolve().parents)
    ]
    if not files:
        where = ", ".join(wanted.source)
        raise InputError(f"{where}: no documents are left", "Check --include and --exclude.")
    _check_readers(files)
    return files


def _check_readers(files: list[DocumentFile]) -> None:
    """One HEIC among many documents fails alone; where there is nothing else, the run would be for nothing."""
    only_heif = all(file.path.suffix.lower() in HEIF_SUFFIXES for file in files)
    if only_heif and find_spec("pillow_heif") is None:
        raise MissingDependencyError.for_extra("pillow-heif", "heic", "reading HEIC pictures")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether the whole name or its last part matches a pattern, upper and lower case and Unicode forms alike."""
    low = name.casefold()
    return any(
        fnmatchcase(candidate, nfc(pattern).casefold())
        for pattern in patterns
        for candidate in (low, low.rpartition("/")[2])
    )


def _folders(files: list[DocumentFile], root: Path) -> set[Path]:
    """The folders under the sources' common folder, itself left out, that the documents lie in."""
    root = root.resolve()
    return {
        parent for file in files for parent in file.path.resolve().parents if parent != root and root in parent.parents
    }


def known_passwords(wanted: InferConfig) -> tuple[str, ...]:
    """Those of `passwords`, then the lines of `password_file`, each once, in this order.

    Of a line only its end is taken off: a password may begin or end with a space. Empty lines are none.

    Raises:
        InputError: the file is missing, unreadable or not UTF-8; the message has nothing of its content.
    """
    given = [password.get_secret_value() for password in wanted.passwords]
    if wanted.password_file:
        given += [line.removesuffix("\r") for line in read_text(Path(wanted.password_file)).split("\n")]
    return tuple(dict.fromkeys(password for password in given if password))
