"""Thresholds beside weights: read back, refused when they belong to others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docdetect.calibration import Calibration, ScoreMap, calibration_to_json
from docdetect.errors import InputError
from docdetect.files import sha256_file, write_json, write_text
from docdetect.models.thresholds import (
    Thresholds,
    calibration_path,
    read_calibration,
    read_thresholds,
    thresholds_from_json,
    thresholds_path,
    thresholds_to_json,
)
from docdetect.models.weights import content_hash


def test_thresholds_round_trip() -> None:
    thresholds = Thresholds({"qr": 0.3, "печать": 0.2}, "5 folds", "ab" * 32)
    assert thresholds_from_json(json.loads(json.dumps(thresholds_to_json(thresholds))), "x") == thresholds
    assert thresholds.of(["печать", "signature"], 0.15) == (0.2, 0.15)


@pytest.mark.parametrize("data", [None, {}, {"format": 1}, {"format": 1, "conf": {"qr": 2}}, {"format": 1, "conf": []}])
def test_foreign_thresholds_files_are_refused(data: object) -> None:
    with pytest.raises(InputError, match=r"^t\.json: not a thresholds file"):
        thresholds_from_json(data, "t.json")


def test_thresholds_belong_to_the_weights_they_lie_beside(tmp_path: Path) -> None:
    weights = tmp_path / "final.pt"
    write_text(weights, "weights")
    assert read_thresholds(weights) is None
    kept = Thresholds({"qr": 0.3}, "", sha256_file(weights))
    write_json(thresholds_path(weights), thresholds_to_json(kept))
    assert read_thresholds(weights) == kept
    write_text(weights, "others under the same name")
    with pytest.raises(InputError, match=r"final\.pt\.thresholds\.json: chosen for other weights"):
        read_thresholds(weights)
    write_json(thresholds_path(weights), thresholds_to_json(Thresholds({"qr": 0.4})))
    assert read_thresholds(weights) == Thresholds({"qr": 0.4})


def test_a_calibration_belongs_to_the_weights_it_lies_beside(tmp_path: Path) -> None:
    weights = tmp_path / "final.pt"
    write_text(weights, "weights")
    assert read_calibration(weights) is None
    kept = Calibration({"qr": ScoreMap("platt", (0.0, 1.0), (0.1, 0.9))}, "5 folds", sha256_file(weights))
    write_json(calibration_path(weights), calibration_to_json(kept))
    assert read_calibration(weights) == kept
    write_text(weights, "others under the same name")
    with pytest.raises(InputError, match=r"final\.pt\.calibration\.json: made for other weights"):
        read_calibration(weights)


def test_what_lies_beside_an_ensemble_belongs_to_all_its_networks(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(name.encode())
    file = tmp_path / "two.ensemble.json"
    looks = [{"weights": name, "imgsz": 64} for name in ("a.pt", "b.pt")]
    file.write_text(json.dumps({"format": 1, "looks": looks}), encoding="utf-8")
    kept = Thresholds({"stamp": 0.4}, "here", content_hash(file))
    write_json(thresholds_path(file), thresholds_to_json(kept))
    assert read_thresholds(file) == kept
    (tmp_path / "b.pt").write_bytes(b"another network")
    with pytest.raises(InputError, match=r"chosen for other weights than two\.ensemble\.json is now"):
        read_thresholds(file)


def test_reading_a_calibration_loads_neither_torch_nor_scipy() -> None:
    code = (
        "import sys; import docdetect.models.thresholds; "
        "print(sorted({'torch', 'scipy', 'pandas', 'ultralytics'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
