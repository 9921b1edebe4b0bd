"""Cross-validation by group: folds, resumption, thresholds beside the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from docdetect.cli.main import run
from docdetect.config.loading import load_config
from docdetect.config.schema import Config
from docdetect.datasets.reader import read_dataset
from docdetect.errors import InputError
from docdetect.evaluation import resuming
from docdetect.evaluation.crossval import conclude, cross_validate, resume_cross_validation
from docdetect.files import read_json, sha256_file, write_json
from docdetect.models.thresholds import calibration_path, read_calibration, thresholds_from_json, thresholds_path
from docdetect.training.train import Listeners, TrainResult
from tests.support.tiny_network import write_checkpoint


@dataclass
class FakeTraining:
    """Stands in for a training: leaves the weights that it was given, and notes what it was asked for."""

    weights: bytes
    stop_at: int = 0
    asked: list[Config] = field(default_factory=list)

    def __call__(self, config: Config, listeners: Listeners) -> TrainResult:
        self.asked.append(config)
        if len(self.asked) == self.stop_at:
            raise KeyboardInterrupt
        folder = Path(config.train.runs) / "train_20250101_000000"
        (folder / "weights").mkdir(parents=True)
        for name in ("best.pt", "last.pt"):
            (folder / "weights" / name).write_bytes(self.weights)
        write_json(folder / "run.json", {"state": "finished"})
        return TrainResult(folder, folder / "weights" / "best.pt", 1, 0.0, ())


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.pt")


@pytest.fixture
def training(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining(checkpoint.read_bytes())
    monkeypatch.setattr(resuming, "train", fake)
    return fake


def _config(dataset: Path, folder: Path, **more: object) -> Config:
    flags: dict[str, object] = {
        "train.data": str(dataset),
        "train.imgsz": 96,
        "train.device": "cpu",
        "val.workers": 0,
        "crossval.folds": 3,
        "crossval.runs": str(folder / "runs"),
        "figures.resamples": 20,
    }
    return load_config(None, (), {**flags, **{key.replace("__", "."): value for key, value in more.items()}})


def test_every_page_is_held_out_once(dataset: Path, tmp_path: Path, training: FakeTraining) -> None:
    folds = cross_validate(_config(dataset, tmp_path))
    assert folds.count == 3
    assert len(folds.samples) == 9
    assert [len(folds.of(fold)) for fold in range(3)] == [3, 3, 3]
    for sample, one in zip(folds.samples, folds.images, strict=True):
        assert sample.document == one.origin.document
        np.testing.assert_allclose(sample.ground_truth.xyxy, one.image.ground_truth.xyxy, atol=0.01)
    for config in training.asked:
        assert config.train.patience == 0
        held_out = read_dataset(config.train.sources[0].path)
        assert (len(held_out.splits["train"]), len(held_out.splits["val"])) == (6, 3)


def test_an_interrupted_run_goes_on_where_it_was(dataset: Path, tmp_path: Path, training: FakeTraining) -> None:
    training.stop_at = 2
    config = _config(dataset, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(config)
    training.stop_at = 0
    folds, settings = resume_cross_validation("last", config.crossval.runs)
    assert [Path(one.train.runs).name for one in training.asked] == ["fold_1", "fold_2", "fold_2", "fold_3"]
    assert settings.train == config.train
    assert len(folds.samples) == 9
    again, _ = resume_cross_validation(str(folds.folder), config.crossval.runs)
    assert len(training.asked) == 4
    assert [one.fold for one in again.images] == [one.fold for one in folds.images]


def test_the_last_run_is_that_of_when_it_was_started(dataset: Path, tmp_path: Path, training: FakeTraining) -> None:
    runs = tmp_path / "train"
    config = _config(dataset, tmp_path, train__model="last", train__runs=str(runs))
    with pytest.raises(InputError, match="holds no training run with weights"):
        cross_validate(config)
    newest = runs / "train_20250101_000000" / "weights" / "best.pt"
    newest.parent.mkdir(parents=True)
    newest.write_bytes(training.weights)
    cross_validate(config)
    assert [one.train.model for one in training.asked] == [str(newest)] * 3
    (kept,) = Path(config.crossval.runs).glob("*/config.yaml")
    assert load_config(str(kept)).train.model == str(newest)


def test_a_changed_dataset_is_not_gone_on_with(tmp_path: Path, dataset: Path, training: FakeTraining) -> None:
    config = _config(dataset, tmp_path)
    folds = cross_validate(config)
    plan = read_json(folds.folder / "folds.json")
    write_json(folds.folder / "folds.json", {**plan, "dataset_sha256": "0" * 64})
    with pytest.raises(InputError, match="the dataset has changed"):
        resume_cross_validation("last", config.crossval.runs)
    with pytest.raises(InputError, match="no run of docdetect crossval to go on with"):
        resume_cross_validation("last", str(tmp_path / "elsewhere"))


def test_thresholds_and_calibration_go_beside_the_weights(
    dataset: Path, tmp_path: Path, training: FakeTraining, checkpoint: Path
) -> None:
    weights = tmp_path / "final.pt"
    weights.write_bytes(checkpoint.read_bytes())
    config = _config(dataset, tmp_path, crossval__weights=str(weights))
    result = conclude(cross_validate(config), config)
    assert result.beside == (thresholds_path(weights), calibration_path(weights))
    stored = thresholds_from_json(read_json(tmp_path / "final.pt.thresholds.json"), "x")
    assert stored.weights_sha256 == sha256_file(weights)
    assert set(stored.conf) == {"qr", "signature", "stamp"}
    calibration = read_calibration(weights)
    assert calibration is not None
    assert calibration.weights_sha256 == sha256_file(weights)
    assert set(calibration.maps) == {"qr", "signature", "stamp"}
    assert {path.name for path in result.folder.iterdir() if path.is_file()} == {
        "config.yaml",
        "folds.json",
        "evaluation.json",
        "metrics.csv",
        "predictions.json",
        "report.html",
        "thresholds.json",
        "calibration.json",
        "crossval.json",
    }
    assert [row.fold for row in result.folds] == [1, 2, 3]
    defined = [row.values[0] for row in result.folds if row.values[0] is not None]
    assert result.mean[0] == pytest.approx(np.mean(defined))
    assert result.spread[0] == pytest.approx(np.std(defined, ddof=1))
    assert "Folds" in (result.folder / "report.html").read_text(encoding="utf-8")


def test_weights_that_cannot_be_written_beside_are_refused_before_any_training(
    dataset: Path, tmp_path: Path, training: FakeTraining
) -> None:
    for name, said in (("docdetect-n", "comes with docdetect"), ("nosuch.pt", "no such weights")):
        with pytest.raises(InputError, match=said):
            cross_validate(_config(dataset, tmp_path, crossval__weights=name))
    assert not (tmp_path / "runs").exists()
    assert training.asked == []


def test_the_size_of_pages_and_of_batches_are_options(dataset: Path, tmp_path: Path, training: FakeTraining) -> None:
    training.stop_at = 1
    runs = f"crossval.runs={tmp_path}"
    command = ["crossval", "--data", str(dataset), "--folds", "2", "--imgsz", "160", "--batch", "2", "--set", runs]
    assert run(command) == 130
    assert (training.asked[0].train.imgsz, training.asked[0].train.batch) == (160, 2)
