"""What a run is given: the documents of its sources, and the passwords for them.

Passwords reach the isolated processes that open documents, and nothing that is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.documents.sources import (
    HEIF_SUFFIXES,
    Choice,
    Collection,
    DocumentFile,
    LeftOutReason,
    collect_documents,
    count_left_out,
)
from docdetect.errors import InputError, MissingDependencyError, UsageError
from docdetect.files import nfc, read_text
from docdetect.inference.folder import is_result_folder

if TYPE_CHECKING:
    from docdetect.config.schema import InferConfig


def chosen_documents(wanted: InferConfig) -> Collection:
    """The documents of the sources that `include` and `exclude` leave, and what else lies there.

    What is excluded is neither opened nor entered. Result folders of earlier runs inside the sources are no documents:
    their drawn pages would be found as images.

    Raises:
        InputError: no such source, a source that is the result folder of an earlier run, or nothing is left.
        MissingDependencyError: all of them are HEIC, and what reads it is not installed.
        UsageError: there is no source.
    """
    if not wanted.source:
        raise UsageError("no source given", "Say where the documents are: --source FOLDER.")
    for source in wanted.source:
        if is_result_folder(Path(source)):
            raise InputError(
                f"{source}: the results of an earlier run, and no folder of documents",
                "Give the folder that was looked at then, or a folder inside the results, such as pdf/.",
            )
    own = Path(wanted.output).resolve() if wanted.output else None

    def keep(name: str) -> bool:
        return (not wanted.include or _matches(name, wanted.include)) and not _matches(name, wanted.exclude)

    def enter(folder: Path, name: str) -> LeftOutReason | None:
        if _is_excluded_whole(name, wanted.exclude):
            return LeftOutReason.EXCLUDED
        return LeftOutReason.RESULTS if folder.resolve() == own or is_result_folder(folder) else None

    collection = collect_documents(wanted.source, Choice(keep, enter))
    if not collection.files:
        where = ", ".join(wanted.source)
        raise InputError(
            f"{where}: no documents are left (left out: {count_left_out(collection.left_out)})",
            "Check --include and --exclude.",
        )
    _check_readers(collection.files)
    return collection


def documents_of(source: Path) -> tuple[DocumentFile, ...]:
    """The documents in a folder, or the one file, under the names that `docdetect infer` gives them.

    Results of earlier runs are left out. A folder in it that cannot be read is among the documents, with its failure.

    Raises:
        InputError: there is no such file or folder, or no document in it.
    """
    if not source.exists():
        raise InputError(f"{source}: no such file or folder", "Check the path.")

    def enter(folder: Path, _: str) -> LeftOutReason | None:
        return LeftOutReason.RESULTS if is_result_folder(folder) else None

    found = collect_documents([str(source)], Choice(enter=enter))
    if not found.files:
        raise InputError(f"{source}: no documents but the results of earlier runs", "Give the folder of the documents.")
    return found.files


def _is_excluded_whole(folder: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern such as `drafts/*` or `drafts/` excludes all that a folder can hold."""
    stems = [pattern.rstrip("*").removesuffix("/") for pattern in patterns if pattern.endswith(("/", "/*", "/**"))]
    return any(fnmatchcase(folder.casefold(), nfc(stem).casefold()) for stem in stems)


def _check_readers(files: Sequence[DocumentFile]) -> None:
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
