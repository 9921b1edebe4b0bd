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

from docdetect.errors import InputError
from docdetect.files import read_json

ENSEMBLE_SUFFIX = ".ensemble.json"
_FORMAT = 1


@dataclass(frozen=True)
class Look:
    """One network that looks at a page at one size.

    Attributes:
        weights: the weights, as the file says: a path relative to its folder, or the name of bundled weights.
        imgsz: px, the long side of the picture that the network sees; a multiple of 32.
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
    data = read_json(file)
    try:
        if not isinstance(data, Mapping) or data["format"] != _FORMAT:
            raise ValueError(f"format {_FORMAT} expected")
        looks = tuple(_look(entry) for entry in data["looks"])
        if len(looks) < 2:
            raise ValueError("at least two looks expected")
        return Ensemble(looks, bool(data.get("second_look", False)))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}: not an ensemble of networks ({error})",
            'Write it as {"format": 1, "looks": [{"weights": "a.pt", "imgsz": 640}, ...], "second_look": true}.',
        ) from error


def _look(entry: object) -> Look:
    if not isinstance(entry, Mapping) or not isinstance(entry["weights"], str):
        raise ValueError("a look has weights, in quotes, and imgsz")
    imgsz = entry["imgsz"]
    if not isinstance(imgsz, int) or imgsz < 32 or imgsz % 32:
        raise ValueError(f"imgsz {imgsz!r} is no multiple of 32")
    return Look(entry["weights"], imgsz)
