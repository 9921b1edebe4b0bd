"""`docdetect train` and `docdetect val`: options reach the configuration, results reach people and scripts."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docdetect.cli.main import run
from docdetect.config.schema import Config
from docdetect.evaluation import validate as validation
from docdetect.evaluation.validate import ValResult
from docdetect.training import train as training
from docdetect.training.progress import EpochReport
from docdetect.training.train import Listeners, TrainResult
from tests.support.figures import class_figures_for_tests


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Config]:
    """The configurations that the commands hand to the work functions, which are replaced."""
    configs: list[Config] = []
    figures = class_figures_for_tests(all=(0.9, 0.7), qr=(0.9, 0.7), stamp=(None, None))

    def train(config: Config, listeners: Listeners) -> TrainResult:
        configs.append(config)
        losses = {"box": 1.0, "cls": 2.0, "dfl": 3.0}
        listeners.announce("frozen at random")
        listeners.on_progress(1, 2, "epoch 1/2")
        listeners.on_epoch(EpochReport(1, 2, 100.0, 6000.0, losses, losses, 1e-3, figures, 0.91, 0.71, True))
        return TrainResult(tmp_path, tmp_path / "best.pt", 2, 12.0, figures)

    def validate(config: Config, **listeners: Any) -> ValResult:
        configs.append(config)
        (tmp_path / "metrics.json").write_text('{"pages": 4}', encoding="utf-8")
        evaluation: Any = SimpleNamespace(figures=figures, pages=4)
        return ValResult(tmp_path, tmp_path / "best.pt", evaluation)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(validation, "validate", validate)
    return configs


def test_train_options_are_configuration_keys(seen: list[Config]) -> None:
    options = ["--data", "d", "--model", "m.pt", "--epochs", "3", "--imgsz", "640", "--batch", "2", "--device", "cpu"]
    more = ["--workers", "1", "--precision", "fp32", "--time", "1.5", "--name", "n", "--set", "train.lr0=0.5"]
    assert run(["train", *options, *more]) == 0
    recipe = seen[0].train
    assert (recipe.data, recipe.model, recipe.epochs, recipe.imgsz, recipe.batch) == ("d", "m.pt", 3, 640, 2)
    assert (recipe.device, recipe.workers, recipe.precision, recipe.hours) == ("cpu", 1, "fp32", 1.5)
    assert (recipe.name, recipe.lr0) == ("n", 0.5)


def test_train_tells_people(seen: list[Config], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "epoch 1/2  box 1.000 cls 2.000 dfl 3.000  AP50 0.900  AP50-95 0.700  2 min, 1.7 h left" in told.err
    assert "warning: frozen at random" in told.err
    assert "report.html" in told.err
    assert f"next: docdetect val --weights {tmp_path / 'best.pt'} --data {tmp_path / 'data.yaml'}" in told.err


def test_train_tells_scripts(seen: list[Config], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "train"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["figures"][0]["ap50"]["value"] == 0.9
    assert summary["weights"].endswith("best.pt")


def test_val_options_and_table(seen: list[Config], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--weights", "w.pt", "--data", "d", "--split", "train", "--conf", "0.3", "--iou", "0.6"]
    assert run(["val", *options]) == 0
    how = seen[0].val
    assert (how.weights, how.data, how.split, how.conf, how.iou) == ("w.pt", "d", "train", 0.3, 0.6)
    told = capsys.readouterr().err
    assert "from confidence 0.3 on" in told
    assert "0.667" in told
    assert "best mean F1 0.667 at confidence 0.40: precision 0.667, recall 0.667" in told
    assert run(["--json", "val"]) == 0
    assert json.loads(capsys.readouterr().out)["pages"] == 4


def test_wrong_options(seen: list[Config], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--precision", "fp8"]) == 3
    assert "train.precision" in capsys.readouterr().err
    assert run(["val", "--split", "all"]) == 3
    assert run(["train", "--resume", "last", "--config", "best.yaml"]) == 2
    assert "--resume and --config exclude each other" in capsys.readouterr().err


def test_missing_things_have_exit_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--data", str(tmp_path)]) == 4
    assert f"{tmp_path / 'data.yaml'}: no such dataset" in capsys.readouterr().err
    assert run(["train", "--resume", str(tmp_path / "none")]) == 4
    assert "no such run folder" in capsys.readouterr().err


def test_the_last_run_is_looked_for_where_the_options_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["--runs", "elsewhere"], ["--set", "train.runs=elsewhere"]):
        assert run(["train", "--resume", "last", *arguments]) == 4
        assert "elsewhere: no interrupted run" in capsys.readouterr().err
