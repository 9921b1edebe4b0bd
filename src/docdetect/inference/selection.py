"""Which documents of a source a run takes."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.documents.sources import DocumentFile, list_documents
from docdetect.errors import InputError, UsageError
from docdetect.inference.folder import is_result_folder

if TYPE_CHECKING:
    from docdetect.schema import InferConfig


def chosen_documents(wanted: InferConfig, output: Path) -> list[DocumentFile]:
    """The documents of the source that `include` and `exclude` leave, sorted by name.

    Result folders of earlier runs inside the source are no documents: their drawn pages would be found as images.

    Raises:
        InputError: no such source, or nothing is left.
        UsageError: there is no source.
    """
    if not wanted.source:
        raise UsageError("no source given", "Say where the documents are: --source FOLDER.")
    source = Path(wanted.source)
    files = [
        file
        for file in list_documents(source)
        if (not wanted.include or _matches(file.name, wanted.include)) and not _matches(file.name, wanted.exclude)
    ]
    results = {folder: folder == output.resolve() or is_result_folder(folder) for folder in _folders(files, source)}
    files = [file for file in files if not any(results.get(parent, False) for parent in file.path.resolve().parents)]
    if not files:
        raise InputError(f"{source}: no documents are left", "Check --include and --exclude.")
    return files


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether the whole name or its last part matches a pattern, upper and lower case alike."""
    low = name.casefold()
    return any(
        fnmatchcase(candidate, pattern.casefold())
        for pattern in patterns
        for candidate in (low, low.rpartition("/")[2])
    )


def _folders(files: list[DocumentFile], source: Path) -> set[Path]:
    """The folders under the source, itself left out, that the documents lie in."""
    root = source.resolve()
    return {
        parent for file in files for parent in file.path.resolve().parents if parent != root and root in parent.parents
    }
