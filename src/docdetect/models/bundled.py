"""Bundled weights: which weights come with the package, and whether they are still what their manifest says.

Bundled weights are a `.pt` file and its forms (`docdetect.models.conversions`), all of them listed in `weights.json`.
Ensembles of them (`docdetect.models.ensemble`) lie in the same folder and are not listed: they only name weights.
No network is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from docdetect.errors import InputError
from docdetect.files import read_json, sha256_file, write_json
from docdetect.models.conversions import FORM_SUFFIXES
from docdetect.models.ensemble import ENSEMBLE_SUFFIX, ensemble_name, read_ensemble
from docdetect.models.weights import networks_in

MANIFEST = "weights.json"
_FORMAT = 1


class WeightsState(str, Enum):
    """How a file compares with the manifest."""

    OK = "ok"
    DAMAGED = "damaged"  # the contents are not those that the manifest names
    MISSING = "missing"  # the manifest names a file that is not there
    UNLISTED = "unlisted"  # the manifest does not name the file


@dataclass(frozen=True)
class BundledWeights:
    """One file of a folder of bundled weights.

    Attributes:
        name: what `--weights` and `--model` call the weights; a form of the weights is called `<name>.<form>`.
        file: the `.pt` file, or the ZIP archive of the form.
        classes: class names in the order of their ids; empty where the manifest does not name the file.
        imgsz: px, the long side of the pages that the weights were trained on; 0 where the manifest does not name the
            file.
        size_bytes: of the file; 0 where the file is missing.
        sha256: of the file, or what it should be where the file is missing.
        state: how the file compares with the manifest.
    """

    name: str
    file: Path
    classes: tuple[str, ...]
    imgsz: int
    size_bytes: int
    sha256: str
    state: WeightsState


@dataclass(frozen=True)
class Listed:
    """What the manifest says of one file: class names, long side of its pages in px, size, SHA-256 (64 hex digits)."""

    classes: tuple[str, ...]
    imgsz: int
    size_bytes: int
    sha256: str


def list_bundled(folder: Path) -> tuple[BundledWeights, ...]:
    """All weights in a folder or in its manifest, by name; every file is hashed.

    Raises:
        InputError: the manifest is damaged, or a file cannot be read.
    """
    listed = read_manifest(folder)
    patterns = ("*.pt", *(f"*{suffix}" for suffix in FORM_SUFFIXES.values())) if folder.is_dir() else ()
    there = {path.stem for pattern in patterns for path in folder.glob(pattern)}
    return tuple(_compared(folder / _file_name(name), listed.get(name)) for name in sorted({*listed, *there}))


@dataclass(frozen=True)
class BundledEnsemble:
    """The file of an ensemble in a folder of bundled weights.

    Attributes:
        name: what `--weights` calls the ensemble.
        file: the file.
        networks: its networks and the sizes that they see, such as `docdetect-n@640`; empty where the file is damaged.
        problem: what keeps it from being used; "" for nothing.
    """

    name: str
    file: Path
    networks: tuple[str, ...]
    problem: str = ""


def list_ensembles(folder: Path) -> tuple[BundledEnsemble, ...]:
    """The ensembles in a folder, by name, each with what keeps it from being used."""
    return tuple(_examined(file) for file in sorted(folder.glob(f"*{ENSEMBLE_SUFFIX}")))


def _examined(file: Path) -> BundledEnsemble:
    name = ensemble_name(file)
    networks: tuple[str, ...] = ()
    try:
        networks = tuple(f"{look.weights}@{look.imgsz}" for look in read_ensemble(file).looks)
        networks_in(file)
    except InputError as error:
        return BundledEnsemble(name, file, networks, error.message)
    return BundledEnsemble(name, file, networks)


def read_manifest(folder: Path) -> dict[str, Listed]:
    """Name -> what the manifest of a folder says; empty where the folder has no manifest.

    Raises:
        InputError: the manifest is damaged.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return {}
    data = read_json(file)
    try:
        if not isinstance(data, Mapping) or data["format"] != _FORMAT:
            raise ValueError(f"format {_FORMAT} expected")
        return {str(name): _listed(entry) for name, entry in data["weights"].items()}
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise InputError(
            f"{file}: not a manifest of weights ({error})", "Restore the file from where docdetect came from."
        ) from error


def write_manifest(folder: Path, listed: Mapping[str, Listed]) -> None:
    """Replaces the manifest of a folder. Raises OutputError."""
    entries = {
        name: {
            "file": _file_name(name),
            "sha256": one.sha256,
            "bytes": one.size_bytes,
            "classes": list(one.classes),
            "imgsz": one.imgsz,
        }
        for name, one in sorted(listed.items())
    }
    write_json(folder / MANIFEST, {"format": _FORMAT, "weights": entries})


def _file_name(name: str) -> str:
    """`x` is kept in x.pt, and its form `x.int8` in x.int8.zip."""
    archive = f"{name}.zip"
    return archive if archive.endswith(tuple(FORM_SUFFIXES.values())) else f"{name}.pt"


def _listed(entry: Mapping[str, Any]) -> Listed:
    classes = tuple(str(name) for name in entry["classes"])
    return Listed(classes, int(entry["imgsz"]), int(entry["bytes"]), str(entry["sha256"]))


def _compared(file: Path, listed: Listed | None) -> BundledWeights:
    classes, imgsz = (listed.classes, listed.imgsz) if listed else ((), 0)
    if not file.is_file():
        assert listed is not None
        return BundledWeights(file.stem, file, classes, imgsz, 0, listed.sha256, WeightsState.MISSING)
    digest = sha256_file(file)
    state = WeightsState.UNLISTED if listed is None else WeightsState.OK
    if listed is not None and digest != listed.sha256:
        state = WeightsState.DAMAGED
    return BundledWeights(file.stem, file, classes, imgsz, file.stat().st_size, digest, state)
