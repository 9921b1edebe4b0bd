"""Where the documents of a run lie, so that their pages can be shown."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from docdetect.documents.sources import DocumentFile, DocumentKind, collect_documents, document_kind
from docdetect.errors import DocdetectError, InputError
from docdetect.files import sha256_file


class SourceDocuments:
    """Finds the file of a document by its name and its content; safe to use from several threads.

    Only files inside the sources are ever opened, and only those that have the content that the run has seen: a file
    that was changed since would be shown with boxes that are not its own.

    Args:
        sources: what `infer.source` was: folders, files, globs and lists.
        called: what messages call the sources; "" names them.
    """

    def __init__(self, sources: Sequence[str], called: str = "") -> None:
        self._sources = tuple(sources)
        self._called = called or ", ".join(sources) or "any source"
        self._lock = threading.Lock()
        self._collected: dict[str, DocumentFile] | None = None
        self._hashes: dict[tuple[str, int, int], str] = {}

    def find(self, name: str, sha256: str) -> DocumentFile:
        """The document.

        Args:
            name: as the run calls it.
            sha256: content hash that the run has noted.

        Raises:
            InputError: the file is not there any more, or its content has changed.
        """
        changed = False
        for file in (self._direct(name), self._listed(name)):
            if file is None:
                continue
            known = self._hash(file.path)
            if known and known == sha256:
                return file
            changed |= bool(known)
        if changed:
            raise InputError(f"{name}: the document was changed after the run", "Have the document looked at again.")
        raise InputError(
            f"{name}: the document is not in {self._called} any more",
            "Put it back, or say with docdetect review --source where it is.",
        )

    def _direct(self, name: str) -> DocumentFile | None:
        """The file of that name in the folder that the names are relative to, without looking through the sources."""
        root = self._root()
        if root is None or name.startswith("/") or ".." in Path(name).parts:
            return None
        path = root / name
        try:
            if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
                return None
            return DocumentFile(path, name, document_kind(path) or DocumentKind.UNKNOWN)
        except (OSError, ValueError):
            return None

    def _root(self) -> Path | None:
        """The folder that the names are relative to, where the sources are folders and files."""
        roots = []
        for source in self._sources:
            path = Path(source)
            if path.is_dir():
                roots.append(str(path.absolute()))
            elif path.is_file() and path.suffix.lower() != ".txt":
                roots.append(str(path.absolute().parent))
            else:
                return None
        try:
            return Path(os.path.commonpath(roots)) if roots else None
        except ValueError:
            return None

    def _listed(self, name: str) -> DocumentFile | None:
        """The document of that name among all documents of the sources, which are looked through once."""
        with self._lock:
            if self._collected is None:
                try:
                    files = collect_documents([source for source in self._sources if source != "-"]).files
                except (DocdetectError, OSError):
                    files = ()
                self._collected = {file.name: file for file in files}
            return self._collected.get(name)

    def _hash(self, path: Path) -> str:
        try:
            now = path.stat()
            key = (str(path), now.st_size, now.st_mtime_ns)
            if key not in self._hashes:
                self._hashes[key] = sha256_file(path)
            return self._hashes[key]
        except (InputError, OSError):
            return ""


def present_sources(sources: Sequence[str], near: Path) -> list[str]:
    """The sources of a run, those that are relative and not to be found from the current folder from another one.

    A run keeps its sources as they were given, which may have been relative to a folder above its results.

    Args:
        sources: what `infer.source` was.
        near: the result folder, above which sources are looked for.
    """
    return [_present(source, near) for source in sources]


def _present(source: str, near: Path) -> str:
    path = Path(source)
    if path.is_absolute() or path.exists():
        return source
    above = (parent / path for parent in near.absolute().parents)
    return next((str(found) for found in above if found.exists()), source)
