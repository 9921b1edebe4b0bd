"""Tracking in MLflow, with a stand-in for its client."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from docdetect.config.loading import load_config
from docdetect.config.schema import Config
from docdetect.errors import ConfigError, MissingDependencyError
from docdetect.files import read_json, write_text
from docdetect.training.progress import EpochReport
from docdetect.training.records import RunFolder
from docdetect.training.tracking import check_tracking, epoch_metrics, tracked
from docdetect.training.train import train
from tests.support.figures import class_figures_for_tests


class StoreError(Exception):
    """Stands in for MlflowException."""


@dataclass
class Store:
    """What the stand-in was told; the client of every tracking is the same one."""

    runs: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[str, float, int]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)
    places: list[str | None] = field(default_factory=list)
    full: bool = False
    closed: bool = False

    def open(self, tracking_uri: str, registry_uri: str) -> Store:
        self.uris.append(tracking_uri)
        assert tracking_uri == registry_uri
        return self

    def get_experiment_by_name(self, name: str) -> Any:
        if self.closed:
            raise StoreError("no such store\nand much more")
        return SimpleNamespace(experiment_id="7") if self.places else None

    def create_experiment(self, name: str, artifact_location: str | None) -> str:
        self.places.append(artifact_location)
        return "7"

    def create_run(self, experiment: str, run_name: str) -> Any:
        self.runs[run_name] = "RUNNING"
        return SimpleNamespace(info=SimpleNamespace(run_id=run_name))

    def get_run(self, run_id: str) -> Any:
        assert run_id in self.runs
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    def update_run(self, run_id: str, status: str) -> None:
        self.runs[run_id] = status

    def log_batch(self, run_id: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> None:
        if self.full:
            raise StoreError("disk full")
        self.metrics += [(one.key, one.value, one.step) for one in metrics]
        if any(self.parameters.get(one.key, one.value) != one.value for one in params):
            raise StoreError("changing param values is not allowed")
        self.parameters |= {one.key: one.value for one in params}

    def log_artifact(self, run_id: str, file: str, folder: str | None) -> None:
        self.files.append(f"{folder or '.'}/{Path(file).name}")

    def set_terminated(self, run_id: str, status: str) -> None:
        self.runs[run_id] = status


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    package, entities, exceptions = (ModuleType(name) for name in ("mlflow", "mlflow.entities", "mlflow.exceptions"))
    entities.__dict__.update(
        Metric=lambda key, value, timestamp, step: SimpleNamespace(key=key, value=value, step=step),
        Param=lambda key, value: SimpleNamespace(key=key, value=value),
    )
    exceptions.__dict__["MlflowException"] = StoreError
    package.__dict__.update(MlflowClient=made.open, entities=entities, exceptions=exceptions)
    for module in (package, entities, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "train_1")
    for name in ("config.yaml", "run.json", "results.png", "train_batch0.jpg", "weights/best.pt"):
        write_text(folder.path / name, "{}")
    return folder


def _config(folder: Path, *more: str) -> Config:
    uri = f"sqlite:///{(folder / 'deep' / 'mlflow.db').as_posix()}"
    return load_config(None, ("train.tracking=mlflow", f"train.tracking_uri={uri}", *more))


def _report(epoch: int) -> EpochReport:
    losses = {"box": 1.0}
    figures = class_figures_for_tests(all=(0.8, 0.4), **{"qr/code: 1": (0.9, 0.7), "stamp": (None, None)})
    return EpochReport(epoch, 2, 3.0, 3.0, losses, losses, 1e-3, figures, 0.81, 0.41, True)


def test_epochs_recipe_and_files_are_in_the_store(tmp_path: Path, run: RunFolder, store: Store) -> None:
    config = _config(tmp_path, "train.lr0=0.5")
    with tracked(run, config, pytest.fail) as tell:
        tell(_report(1))
        tell(_report(2))
        assert store.runs == {"train_1": "RUNNING"}
    assert store.runs == {"train_1": "FINISHED"}
    assert ("AP50-95", 0.4, 2) in store.metrics
    assert ("AP50 qr/code_ 1", 0.9, 1) in store.metrics
    assert len(store.metrics) == 2 * len(epoch_metrics(_report(1)))
    assert store.parameters["train.lr0"] == "0.5"
    assert set(store.parameters) == {f"train.{key}" for key in config.train.model_dump()}
    assert sorted(store.files) == [
        *("./config.yaml", "./run.json", "pictures/train_batch0.jpg", "plots/results.png", "weights/best.pt")
    ]
    assert store.places == [(tmp_path / "deep" / "mlflow_artifacts").as_uri()]
    assert (tmp_path / "deep").is_dir()
    assert read_json(run.record)["tracking"] == {"uri": config.train.tracking_uri, "run_id": "train_1"}


def test_a_resumed_training_goes_on_in_its_own_run(tmp_path: Path, run: RunFolder, store: Store) -> None:
    config = _config(tmp_path)
    with pytest.raises(KeyboardInterrupt), tracked(run, config, pytest.fail):
        raise KeyboardInterrupt
    assert store.runs == {"train_1": "KILLED"}
    elsewhere = _config(tmp_path, "train.device=cpu")
    with pytest.raises(ZeroDivisionError), tracked(run, elsewhere, pytest.fail):
        raise ZeroDivisionError
    assert store.runs == {"train_1": "FAILED"}
    assert len(store.places) == 1


def test_a_store_that_fails_does_not_stop_the_training(tmp_path: Path, run: RunFolder, store: Store) -> None:
    told: list[str] = []
    with tracked(run, _config(tmp_path), told.append) as tell:
        store.full = True
        tell(_report(1))
        tell(_report(2))
    assert told == ["MLflow cannot be written to any more (disk full); the training goes on without it"]
    assert store.metrics == []
    assert store.files == []


def test_a_store_that_cannot_be_opened_is_an_error_of_the_configuration(
    tmp_path: Path, run: RunFolder, store: Store
) -> None:
    store.closed = True
    with (
        pytest.raises(ConfigError, match=r"^train\.tracking_uri: sqlite:///.* cannot be used \(no such store\)\n"),
        tracked(run, _config(tmp_path), pytest.fail),
    ):
        pytest.fail("nothing may be trained")


def test_nothing_is_tracked_unless_asked_for(run: RunFolder, store: Store) -> None:
    config = load_config(None)
    check_tracking(config.train)
    with tracked(run, config, pytest.fail) as tell:
        tell(_report(1))
    assert store.uris == []


def test_a_missing_package_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingDependencyError) as raised:
        train(_config(tmp_path, f"train.runs={tmp_path / 'runs'}"))
    assert raised.value.remedy == 'Install it with: pip install "docdetect[mlflow]"'
    assert not (tmp_path / "runs").exists()
