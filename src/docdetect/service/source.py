"""The source code of the running service: its licence (AGPL, section 13) wants it to be offered to its users."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docdetect
from docdetect import __version__

# Files of the package that are data of megabytes, the weights, and what others publish: the tools that build the page.
_LEFT_OUT = {"weights", "__pycache__", "node_modules"}


def source_archive() -> bytes:
    """The package as it runs, as a `.tar.gz`; the bundled weights are left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        root = Path(docdetect.__file__).parent
        for path in _files(root):
            name = f"docdetect-{__version__}/src/docdetect/{path.relative_to(root).as_posix()}"
            archive.add(path, name, recursive=False, filter=_anonymous)
    return buffer.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT:
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the name of the user that the service runs as."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
