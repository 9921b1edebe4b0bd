"""Maps from a network's score to the probability that the detection is a mark: data and arithmetic, NumPy only.

`docdetect.metrics.calibration` fits such maps, `docdetect.models.thresholds` reads the file that is kept beside the
weights, and `infer` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docdetect.errors import InputError
from docdetect.types import IntArray

_FORMAT = 2


@dataclass(frozen=True)
class ScoreMap:
    """A map of scores to probabilities that never falls: straight lines between knots, constant outside them.

    Attributes:
        method: how the map was fitted: identity, platt or isotonic.
        scores: the scores of the knots, ascending, in [0, 1].
        probabilities: the probabilities of the knots, never falling, in [0, 1].
    """

    method: str
    scores: tuple[float, ...] = (0.0, 1.0)
    probabilities: tuple[float, ...] = (0.0, 1.0)

    def __post_init__(self) -> None:
        x, y = np.asarray(self.scores), np.asarray(self.probabilities)
        if len(x) != len(y) or len(x) < 1 or not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("a score map needs as many finite probabilities as scores, at least one")
        if (np.diff(x) < 0).any() or (np.diff(y) < 0).any() or y.min() < 0 or y.max() > 1:
            raise ValueError("the knots of a score map must not fall, and probabilities lie in [0, 1]")

    def __call__(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """(N,) scores -> float64 (N,) probabilities."""
        return np.asarray(np.interp(scores, self.scores, self.probabilities), np.float64)


@dataclass(frozen=True)
class Calibration:
    """The score maps of the classes of some weights.

    Attributes:
        maps: class name -> its map; the scores of a class that is not among them stay as they are.
        origin: which predictions the maps were fitted on, for people.
        weights_sha256: the SHA-256 of the weights that the maps belong to, or "" for any weights.
    """

    maps: Mapping[str, ScoreMap]
    origin: str = ""
    weights_sha256: str = ""

    def apply(self, scores: NDArray[Any], class_ids: IntArray, class_names: Sequence[str]) -> NDArray[np.float64]:
        """Turns scores into probabilities. Thresholds refer to scores, so apply them before, not after.

        Args:
            scores: (N,) scores in [0, 1], of raw boxes or of merged ones.
            class_ids: int64 (N,) positions in `class_names`.
            class_names: the names of the network's classes in the order of their ids.

        Returns:
            A new array, float64 (N,), of probabilities.
        """
        result = np.array(scores, np.float64)
        for class_id, name in enumerate(class_names):
            if name in self.maps:
                of_class = class_ids == class_id
                result[of_class] = self.maps[name](result[of_class])
        return result


def calibration_to_json(calibration: Calibration) -> dict[str, Any]:
    """The content of a `.calibration.json` file."""
    return {
        "format": _FORMAT,
        "classes": {
            name: {"method": one.method, "scores": list(one.scores), "probabilities": list(one.probabilities)}
            for name, one in calibration.maps.items()
        },
        "origin": calibration.origin,
        "weights_sha256": calibration.weights_sha256,
    }


def calibration_from_json(data: object, origin: str) -> Calibration:
    """The calibration of a `.calibration.json` file; `origin` is the name of the file for messages.

    Raises:
        InputError: the data is not what `calibration_to_json` writes.
    """
    try:
        if not isinstance(data, Mapping) or data["format"] != _FORMAT:
            raise ValueError(f"format {_FORMAT} expected")
        maps = {str(name): _map_from_json(entry) for name, entry in data["classes"].items()}
        return Calibration(maps, str(data.get("origin", "")), str(data.get("weights_sha256", "")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{origin}: not a calibration file ({error})", "Run docdetect calibrate again, or delete the file."
        ) from error


def _map_from_json(entry: Mapping[str, Any]) -> ScoreMap:
    return ScoreMap(
        str(entry["method"]),
        tuple(float(score) for score in entry["scores"]),
        tuple(float(value) for value in entry["probabilities"]),
    )
