"""What is kept beside weights: the score from which a detection of each class counts, and what a score means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from docdetect.calibration import Calibration, calibration_from_json
from docdetect.errors import InputError
from docdetect.files import read_json
from docdetect.models.weights import content_hash

DEFAULT_CONF = 0.15
"""Threshold where nothing better is known. The original system used it: faint marks matter more than false alarms."""
DEFAULT_CHECK_CONF = 0.05
"""Possible marks from this confidence on are worth a look where nothing better is known; see docs/evaluation.md."""
_FORMAT = 1


@dataclass(frozen=True)
class Thresholds:
    """The confidence from which a detection of each class counts.

    Attributes:
        conf: class name -> threshold in [0, 1].
        check: class name -> the lower threshold in [0, 1], from which a person should check a possible mark.
        origin: how the thresholds were chosen, in words for people.
        weights_sha256: content hash of the weights that the thresholds belong to; "" for any weights.
    """

    conf: Mapping[str, float]
    origin: str = ""
    weights_sha256: str = ""
    check: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [name for name, value in [*self.conf.items(), *self.check.items()] if not 0 <= value <= 1]
        if wrong:
            raise ValueError(f"thresholds must lie in [0, 1]: {', '.join(wrong)}")

    def of(self, names: Sequence[str], fallback: float) -> tuple[float, ...]:
        """Thresholds in the order of class ids; `fallback` for a class that has none."""
        return tuple(self.conf.get(name, fallback) for name in names)

    def check_of(self, names: Sequence[str], fallback: float) -> tuple[float, ...]:
        """Lower thresholds in the order of class ids; `fallback` for a class that has none."""
        return tuple(self.check.get(name, fallback) for name in names)


_Kept = TypeVar("_Kept", Thresholds, Calibration)


def thresholds_path(weights: Path) -> Path:
    """The file beside the weights in which their thresholds are kept."""
    return weights.with_name(f"{weights.name}.thresholds.json")


def calibration_path(weights: Path) -> Path:
    """The file beside the weights in which their calibration is kept."""
    return weights.with_name(f"{weights.name}.calibration.json")


def read_thresholds(weights: Path) -> Thresholds | None:
    """The thresholds that lie beside weights; None where there are none.

    Raises:
        InputError: the file is damaged, or belongs to other weights than those that lie beside it.
    """
    remedy = f"Delete it, give a threshold (--conf {DEFAULT_CONF:g}), or run docdetect crossval --weights again."
    return _read_kept(thresholds_path(weights), weights, thresholds_from_json, "chosen", remedy)


def read_calibration(weights: Path) -> Calibration | None:
    """The calibration that lies beside weights, or beside the manifest of an export; None where there is none.

    Raises:
        InputError: the file is damaged, or belongs to other weights than those that lie beside it.
    """
    remedy = "Delete the file, or run docdetect calibrate --weights again."
    return _read_kept(calibration_path(weights), weights, calibration_from_json, "made", remedy)


def _read_kept(
    file: Path, weights: Path, from_json: Callable[[object, str], _Kept], how: str, remedy: str
) -> _Kept | None:
    """What a file beside weights holds; None where there is no such file. Raises InputError: see the callers."""
    if not file.is_file():
        return None
    kept = from_json(read_json(file), str(file))
    if kept.weights_sha256 and kept.weights_sha256 != content_hash(weights):
        raise InputError(f"{file}: {how} for other weights than {weights.name} is now", remedy)
    return kept


def thresholds_to_json(thresholds: Thresholds) -> dict[str, Any]:
    """The content of a `.thresholds.json` file."""
    return {
        "format": _FORMAT,
        "conf": dict(thresholds.conf),
        "check": dict(thresholds.check),
        "origin": thresholds.origin,
        "weights_sha256": thresholds.weights_sha256,
    }


def thresholds_from_json(data: object, origin: str) -> Thresholds:
    """The thresholds of a `.thresholds.json` file (other keys are ignored).

    Raises:
        InputError: the data is not what `thresholds_to_json` writes.
    """
    try:
        if not isinstance(data, Mapping) or data["format"] != _FORMAT:
            raise ValueError(f"format {_FORMAT} expected")
        conf = {str(name): float(value) for name, value in data["conf"].items()}
        check = {str(name): float(value) for name, value in data.get("check", {}).items()}
        return Thresholds(conf, str(data.get("origin", "")), str(data.get("weights_sha256", "")), check)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{origin}: not a thresholds file ({error})", "Run docdetect crossval again, or delete the file."
        ) from error
