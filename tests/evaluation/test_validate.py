"""`val` of an ensemble: its figures are those of all its networks, and what is fitted on them belongs to them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docdetect.config.loading import load_config
from docdetect.errors import ConfigError, InputError
from docdetect.evaluation.calibrate import calibrate_run
from docdetect.evaluation.report import read_predictions
from docdetect.evaluation.validate import ValResult, validate
from docdetect.files import read_json
from docdetect.models.thresholds import calibration_path, read_calibration
from docdetect.models.weights import content_hash
from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, and the file of an ensemble of it at two sizes."""
    folder = tmp_path_factory.mktemp("networks")
    write_checkpoint(folder / "a.pt")
    looks = [{"weights": "a.pt", "imgsz": 64}, {"weights": "a.pt", "imgsz": 128}]
    (folder / "all.ensemble.json").write_text(json.dumps({"format": 1, "looks": looks}), encoding="utf-8")
    return folder


def evaluated(weights: Path, dataset: Path, folder: Path, **options: object) -> ValResult:
    options = {"val.weights": str(weights), "val.data": str(dataset), "val.runs": str(folder), **options}
    return validate(load_config(None, (), {"figures.resamples": 10, **options}))


def scores_of(result: ValResult) -> list[float]:
    samples, _ = read_predictions(result.folder)
    return sorted(round(score, 3) for one in samples for score in one.found.scores.tolist())  # type: ignore[union-attr]


def test_an_ensemble_is_evaluated_with_the_sizes_of_its_networks(networks: Path, dataset: Path, tmp_path: Path) -> None:
    result = evaluated(networks / "all.ensemble.json", dataset, tmp_path)
    whole = read_json(result.folder / "metrics.json")
    assert whole["imgsz"] == 128
    assert whole["weights"] == {
        "file": (networks / "all.ensemble.json").as_posix(),
        "sha256": content_hash(networks / "all.ensemble.json"),
    }
    alone, together = (
        scores_of(evaluated(networks / "a.pt", dataset, tmp_path, **{"val.imgsz": 128})),
        scores_of(result),
    )
    assert together != alone
    assert max(together) < max(alone), "a mean is below the surest of all"
    with pytest.raises(ConfigError, match=r"imgsz: all\.ensemble\.json is an ensemble"):
        evaluated(networks / "all.ensemble.json", dataset, tmp_path, **{"val.imgsz": 64})


def test_a_calibration_of_an_ensemble_belongs_to_all_its_networks(
    networks: Path, dataset: Path, tmp_path: Path
) -> None:
    ensemble = tmp_path / "two.ensemble.json"
    for file in (networks / "a.pt", networks / "all.ensemble.json"):
        (tmp_path / file.name.replace("all", "two")).write_bytes(file.read_bytes())
    done = calibrate_run(evaluated(ensemble, dataset, tmp_path / "runs").folder, "auto", ensemble)
    assert calibration_path(ensemble) in done.files
    assert read_calibration(ensemble) == done.calibration
    (tmp_path / "a.pt").write_bytes(b"another network")
    with pytest.raises(InputError, match=r"made for other weights than two\.ensemble\.json is now"):
        read_calibration(ensemble)
