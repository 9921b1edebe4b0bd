"""The manifest of a folder that docdetect makes: from which inputs it was made, and which files it holds.

A folder is made again only when its inputs or its files have changed, and it is replaced only when the manifest shows
that nothing in it is somebody else's work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.errors import InputError, OutputExistsError
from docdetect.files import (
    as_argument,
    json_text,
    nfc,
    output_errors,
    read_json,
    sha256_file,
    sha256_text,
    staged_folder,
    write_json,
)

MANIFEST_NAME = "manifest.json"
_MAKER = "docdetect"
_FORMAT = 1
_NOBODYS_NAMES = (".DS_Store", "Thumbs.db", "desktop.ini")
_CACHE_SUFFIX = ".cache"  # Ultralytics writes labels/train.cache


@dataclass(frozen=True)
class Manifest:
    """What a made folder holds and what it was made from.

    Attributes:
        kind: what the folder is, such as "dataset".
        inputs: JSON values that decide the content: settings and hashes, no paths of this machine.
        files: path relative to the folder (POSIX, NFC) -> SHA-256 of the content.
    """

    kind: str
    inputs: dict[str, Any]
    files: dict[str, str]

    @property
    def content_hash(self) -> str:
        """SHA-256 of kind and inputs: equal for folders made from the same by the same rules."""
        return content_hash(self.kind, self.inputs)


def content_hash(kind: str, inputs: dict[str, Any]) -> str:
    """SHA-256, 64 hex digits, of what decides the content of a folder."""
    return sha256_text(json_text({"format": _FORMAT, "kind": kind, "inputs": inputs}))


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder that docdetect made, None when there is none or it is not ours."""
    path = folder / MANIFEST_NAME
    try:
        data = read_json(path) if path.is_file() else None
    except InputError:
        return None
    if not isinstance(data, dict) or data.get("made_by") != _MAKER:
        return None
    kind, inputs, files = data.get("kind"), data.get("inputs"), data.get("files")
    if not isinstance(kind, str) or not isinstance(inputs, dict) or not isinstance(files, dict):
        return None
    return Manifest(kind, inputs, {str(name): str(digest) for name, digest in files.items()})


def is_current(folder: Path, kind: str, inputs: dict[str, Any], *, overwrite: bool) -> bool:
    """Whether `folder` holds this very content already; False when it may be made now.

    Raises:
        OutputExistsError: it holds something else: another content of ours without `overwrite`, or anything that is
            not ours, with or without.
    """
    if folder.is_dir() and not any(folder.iterdir()):
        return False
    if not folder.exists() and not folder.is_symlink():
        return False
    manifest = read_manifest(folder) if folder.is_dir() else None
    if manifest is None or manifest.kind != kind:
        raise OutputExistsError(
            f"{folder}: exists and is no {kind} that docdetect made",
            "It is not touched, not even with --overwrite: choose another place, or remove it yourself.",
        )
    changed = _changed(folder, manifest)
    same = manifest.content_hash == content_hash(kind, inputs)
    if same and not changed:
        return True
    strangers = _strangers(folder, manifest)
    if strangers:
        raise OutputExistsError(
            f"{folder}: holds files that docdetect did not make there: {_some(strangers)}",
            "They would be lost: move them elsewhere, or choose another place.",
        )
    if not overwrite:
        why = f"was changed since it was made: {_some(changed)}" if same else "was made from other inputs or settings"
        adding = f", --add-to {as_argument(folder)} to add pages to it" if kind == "dataset" else ""
        raise OutputExistsError(
            f"{folder}: this {kind} {why}", f"Add --overwrite to replace it{adding}, or choose another place."
        )
    return False


@contextmanager
def published_folder(folder: Path, kind: str, inputs: dict[str, Any]) -> Iterator[Path]:
    """A staging folder that becomes `folder`, with its manifest, when the block ends well; see `is_current` first.

    Raises:
        OutputError: it cannot be written.
    """
    with staged_folder(folder) as staging:
        yield staging
        files = {_relative(path, staging): sha256_file(path) for path in _files(staging)}
        write_manifest(staging, Manifest(kind, inputs, files))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces the manifest in a folder. Raises OutputError."""
    data = {"made_by": _MAKER, "format": _FORMAT}
    write_json(
        folder / MANIFEST_NAME, {**data, "kind": manifest.kind, "inputs": manifest.inputs, "files": manifest.files}
    )


def _strangers(folder: Path, manifest: Manifest) -> list[str]:
    names = (_relative(path, folder) for path in _files(folder) if not _is_nobodys(path))
    return [name for name in names if name not in manifest.files and name != MANIFEST_NAME]


def _changed(folder: Path, manifest: Manifest) -> list[str]:
    present = {_relative(path, folder): path for path in _files(folder)}
    return [
        name for name, digest in manifest.files.items() if name not in present or sha256_file(present[name]) != digest
    ]


def _is_nobodys(path: Path) -> bool:
    return path.name in _NOBODYS_NAMES or path.suffix == _CACHE_SUFFIX


def _files(folder: Path) -> list[Path]:
    """Everything below the folder that is no folder, links included, in the order of names."""
    with output_errors(folder):
        return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _relative(path: Path, folder: Path) -> str:
    return nfc(path.relative_to(folder).as_posix())


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
