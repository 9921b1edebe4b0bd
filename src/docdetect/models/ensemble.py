"""Ensembles: a file that says which networks look at every page together, each at its own size.

    {
      "format": 1,
      "looks": [{"weights": "docdetect-n.pt", "imgsz": 640}, {"weights": "docdetect-s.pt", "imgsz": 768}],
      "second_look": true
    }

`weights` is a path, relative to the folder of the file, or the name of bundled weights. With `second_look` every page
is looked at as the first entry says, and as the others say only where something was unsure. Such a file is given where
weights are run (`--weights FILE.ensemble.json`); thresholds and a calibration may lie beside it as beside weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.config.limits import IMGSZ_STEP, LARGEST_IMGSZ
from docdetect.errors import InputError
from docdetect.files import parse_json, read_text

ENSEMBLE_SUFFIX = ".ensemble.json"
_FORMAT = 1
_REMEDY = 'Write it as {"format": 1, "looks": [{"weights": "a.pt", "imgsz": 640}, ...], "second_look": true}.'


@dataclass(frozen=True)
class Look:
    """One network that looks at a page at one size.

    Attributes:
        weights: the weights, as the file says: a path relative to its folder, or the name of bundled weights.
        imgsz: px, the long side of the picture that the network sees; a multiple of 32, up to 8192.
    """

    weights: str
    imgsz: int


@dataclass(frozen=True)
class Ensemble:
    """What the file of an ensemble says.

    Attributes:
        looks: at least two.
        second_look: every page is looked at as the first says, and as the others say only where something was unsure.
    """

    looks: tuple[Look, ...]
    second_look: bool

    @property
    def imgsz(self) -> int:
        """px, the largest of the sizes: pages are rendered at this one."""
        return max(look.imgsz for look in self.looks)


def is_ensemble(weights: Path) -> bool:
    """Whether a file of weights is, by its name, the file of an ensemble."""
    return weights.name.endswith(ENSEMBLE_SUFFIX)


def ensemble_name(file: Path) -> str:
    """What `--weights` calls an ensemble that comes with the package: the name of its file without the suffix."""
    return file.name.removesuffix(ENSEMBLE_SUFFIX)


def read_ensemble(file: Path) -> Ensemble:
    """Reads the file of an ensemble; the weights that it names are not looked at.

    Raises:
        InputError: the file cannot be read, or is no ensemble.
    """
    text = read_text(file)
    try:
        data = parse_json(text, str(file))
    except InputError as error:
        raise InputError(error.message, _REMEDY) from error
    try:
        entries = _members(data, ("format", "looks"), ("second_look",))
        if entries["format"] != _FORMAT:
            raise ValueError(f"format {_FORMAT} expected")
        if not isinstance(entries["looks"], list):
            raise ValueError("looks is no list [...]")
        looks = tuple(_look(entry) for entry in entries["looks"])
        if len(looks) < 2:
            raise ValueError("at least two looks expected")
        if len(set(looks)) < len(looks):
            raise ValueError("two looks are the same")
        second_look = entries.get("second_look", False)
        if not isinstance(second_look, bool):
            raise ValueError(f"second_look is {second_look!r}, neither true nor false")
        return Ensemble(looks, second_look)
    except ValueError as error:
        raise InputError(f"{file}: not an ensemble of networks ({error})", _REMEDY) from error


def _look(entry: object) -> Look:
    look = _members(entry, ("weights", "imgsz"))
    weights, imgsz = look["weights"], look["imgsz"]
    if not isinstance(weights, str) or not weights or "\0" in weights:
        raise ValueError(f"weights {weights!r} are neither a path nor a name")
    if not isinstance(imgsz, int) or not IMGSZ_STEP <= imgsz <= LARGEST_IMGSZ or imgsz % IMGSZ_STEP:
        raise ValueError(f"imgsz {imgsz!r} is no multiple of {IMGSZ_STEP} up to {LARGEST_IMGSZ}")
    return Look(weights, imgsz)


def _members(entry: object, needed: tuple[str, ...], other: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The entry itself. Raises ValueError: it is no JSON object, lacks a member, or has one that nobody reads."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{{...}} with {', '.join(needed)} expected")
    missing = [name for name in needed if name not in entry]
    unknown = [name for name in entry if name not in (*needed, *other)]
    if missing or unknown:
        raise ValueError(f"{missing[0]} is missing" if missing else f"{unknown[0]!r} means nothing here")
    return entry
