"""Runs read back and compared."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docdetect.cli.main import run
from docdetect.errors import InputError
from docdetect.evaluation.calibrate import calibrate_run
from docdetect.evaluation.compare import compare_runs, comparison_report, outcome_line
from docdetect.evaluation.runs import (
    config_differences,
    epoch_curves,
    find_run_folder,
    list_runs,
    read_run,
    runs_table,
)
from docdetect.files import write_json, write_text
from docdetect.metrics.codec import to_plain
from docdetect.metrics.evaluation import EvaluationSettings, evaluate, evaluation_to_json
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample, match
from docdetect.models.thresholds import read_calibration
from docdetect.models.weights import BUNDLED_FOLDER
from docdetect.training.records import write_predictions
from docdetect.types import Detections
from tests.support.figures import class_figures_for_tests

NAMES = ("qr", "stamp")
FEW = BootstrapSettings(resamples=100)


def _samples(skill: float, seed: int = 0) -> list[Sample]:
    """Forty pages of twenty groups with two marks each; `skill` of the marks are found."""
    rng = np.random.default_rng(seed)
    samples = []
    for page in range(40):
        xyxy = np.array([[10, 10, 110, 110], [200, 200, 300, 280]], np.float32)
        ground_truth = Detections(xyxy, np.array([0, 1]), (400, 400))
        found = rng.random(2) < skill
        noise = np.array([[300, 10, 340, 60]], np.float32)
        detections = Detections(
            np.concatenate([xyxy[found], noise]),
            np.concatenate([np.array([0, 1])[found], [1]]),
            (400, 400),
            np.concatenate([rng.uniform(0.5, 1, found.sum()), rng.uniform(0.05, 0.5, 1)]).astype(np.float32),
        )
        samples.append(Sample(f"{page}.pdf", 1, f"group {page // 2}", ground_truth, detections))
    return samples


def _evaluated(folder: Path, samples: list[Sample], weights: Path | None = None) -> Path:
    """A run folder of `val` without its report, which takes a second to draw."""
    evaluation = evaluate(samples, NAMES, EvaluationSettings((0.25, 0.25), FEW))
    facts = {} if weights is None else {"weights": str(weights)}
    write_predictions(folder / "predictions.json", samples, NAMES)
    write_json(folder / "evaluation.json", {**evaluation_to_json(evaluation), "facts": facts})
    return folder


def _trained(folder: Path, lr0: float, ap50: float) -> Path:
    write_text(folder / "config.yaml", f"train:\n  lr0: {lr0}\n  epochs: 2\n")
    write_text(
        folder / "training_metrics.csv", f"epoch,AP50,AP50-95,precision,recall\n1,0.1,0.05,,0.2\n2,{ap50},0.4,0.5,0.6\n"
    )
    write_text(folder / "weights" / "best.pt", "x" * 1000)
    figures = to_plain(class_figures_for_tests(all=(ap50, 0.4), qr=(ap50, 0.4), stamp=(ap50, 0.4)))
    write_json(folder / "run.json", {"state": "finished", "epochs": 2, "best": {"figures": figures}})
    return folder


@pytest.fixture
def evaluated(tmp_path: Path) -> tuple[Path, Path]:
    return (
        _evaluated(tmp_path / "val" / "poor_20250101_000000", _samples(0.5)),
        _evaluated(tmp_path / "val" / "good_20250102_000000", _samples(0.95, seed=1)),
    )


def test_a_better_run_is_told_from_noise(tmp_path: Path, evaluated: tuple[Path, Path]) -> None:
    comparison = compare_runs(evaluated, FEW, tmp_path / "val")
    (pair,) = comparison.pairs
    assert pair.of("ap50").outcome == "better"
    assert pair.of("ap50", "qr").outcome == "better"
    line = outcome_line(comparison, pair)
    assert line.startswith("B is better than A: AP50-95 +0.")
    assert line.endswith("ahead in 100% of the resamples")
    same = compare_runs([evaluated[0], evaluated[0]], FEW, tmp_path / "val")
    assert "is not distinguishable from" in outcome_line(same, same.pairs[0])
    report = comparison_report(comparison)
    assert [section.title for section in report.sections] == [
        "Runs",
        "B against A",
    ]


def test_trainings_are_compared_by_who_evaluated_their_weights(tmp_path: Path) -> None:
    first, second = (
        _trained(tmp_path / "a_20250101_000000", 0.01, 0.5),
        _trained(tmp_path / "b_20250102_000000", 0.02, 0.9),
    )
    _evaluated(tmp_path / "val" / "a_20250103_000000", _samples(0.5), first / "weights" / "best.pt")
    _evaluated(tmp_path / "val" / "b_20250103_000000", _samples(0.9), second / "weights" / "best.pt")
    speed = {"seconds_per_page": 0.25, "device": "cpu"}
    write_json(tmp_path / "val" / "a_20250103_000000" / "metrics.json", {"mean": {}, "speed": speed})
    comparison = compare_runs([first, second], FEW, tmp_path / "val")
    assert comparison.differences == (("train.lr0", ("0.01", "0.02")),)
    assert comparison.sizes_mb == (0.001, 0.001)
    assert comparison.seconds_per_page == (0.25, None)
    assert comparison.pairs[0].of("recall").outcome == "better"
    assert comparison.pairs[0].second.path == second
    titles = [section.title for section in comparison_report(comparison).sections]
    assert titles == ["Runs", "B against A", "Over the epochs"]
    assert epoch_curves(comparison.runs[0])["precision"] == ([2.0], [0.5])


def test_trainings_that_nobody_evaluated_are_compared_on_their_own_validation_split(tmp_path: Path) -> None:
    first, second = (
        _trained(tmp_path / "a_20250101_000000", 0.01, 0.5),
        _trained(tmp_path / "b_20250102_000000", 0.02, 0.9),
    )
    write_predictions(first / "predictions.json", _samples(0.5), NAMES)
    write_predictions(second / "predictions.json", _samples(0.95, seed=1), NAMES)
    comparison = compare_runs([first, second], FEW, tmp_path / "val")
    assert comparison.pairs[0].of("ap50").outcome == "better"
    assert comparison.pairs[0].of("ap50").b == pytest.approx(match(_samples(0.95, seed=1), 2).ap[:, 0].mean(), abs=1e-6)


def test_what_cannot_be_compared_says_why(tmp_path: Path, evaluated: tuple[Path, Path]) -> None:
    training = _trained(tmp_path / "train_20250101_000000", 0.1, 0.5)
    other = _evaluated(tmp_path / "other_20250101_000000", [replace(one, group="x") for one in _samples(0.5)])
    comparison = compare_runs([evaluated[0], training, other], FEW, tmp_path / "val")
    assert comparison.pairs == ()
    reasons = {run.path.name: why for run, why in comparison.unpaired}
    assert "predictions.json: no such file" in reasons["train_20250101_000000"]
    assert "different marks or groups" in reasons["other_20250101_000000"]
    assert len(comparison_report(comparison).warnings) == 2
    with pytest.raises(InputError, match="no run folder of docdetect"):
        compare_runs([tmp_path, training], FEW, tmp_path / "val")


def test_runs_are_listed_newest_first_and_strangers_left_out(tmp_path: Path, evaluated: tuple[Path, Path]) -> None:
    training = _trained(tmp_path / "train" / "a_20250101_120000", 0.1, 0.5)
    write_json(tmp_path / "train" / "b_20241231_000000" / "run.json", {"state": "failed"})
    write_text(tmp_path / "train" / "notes.txt", "not a run")
    write_text(tmp_path / "train" / "broken" / "run.json", "{")
    found = list_runs([tmp_path / "train", tmp_path / "val", tmp_path / "missing"])
    assert [(one.path.name, one.kind, one.state) for one in found] == [
        ("good_20250102_000000", "val", "finished"),
        ("a_20250101_120000", "train", "finished"),
        ("poor_20250101_000000", "val", "finished"),
        ("b_20241231_000000", "train", "failed"),
    ]
    assert found[1].epochs == 2
    table = runs_table(found)
    assert table["name"].tolist() == [one.path.name for one in found]
    assert table["AP50"].round(6).tolist()[1] == 0.5
    assert find_run_folder("a_20250101_120000", [tmp_path / "val", tmp_path / "train"]) == training
    assert find_run_folder(str(training), []) == training
    assert find_run_folder("last", [tmp_path / "train", tmp_path / "val"]).name == "good_20250102_000000"
    with pytest.raises(InputError, match="no such run folder"):
        find_run_folder("a_20250101_120001", [tmp_path / "train"])
    assert found[1].weights == training / "weights" / "best.pt"
    assert found[3].ap50 is None
    assert config_differences([found[1], found[3]]) == [("train.epochs", ("2", "-")), ("train.lr0", ("0.1", "-"))]
    os.utime(training)
    assert read_run(training).started.hour == 12


def test_a_run_is_calibrated(evaluated: tuple[Path, Path], tmp_path: Path) -> None:
    weights = tmp_path / "w.pt"
    write_text(weights, "w")
    result = calibrate_run(evaluated[0], "platt", weights)
    assert [file.name for file in result.files] == ["calibration.json", "calibration.html", "w.pt.calibration.json"]
    assert not result.held_out
    assert "prefer a crossval run" in result.files[1].read_text(encoding="utf-8")
    assert all(row.method in ("platt", "identity") for row in result.rows)
    kept = read_calibration(weights)
    assert kept is not None
    assert kept.maps == result.calibration.maps
    assert kept.origin == "predictions of poor_20250101_000000"


def test_the_commands(evaluated: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, evaluated)
    report = tmp_path / "comparison.html"
    assert run(["--json", "compare", first, second, "--output", str(report), "--set", "figures.resamples=50"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in summary["runs"]] == ["val", "val"]
    assert summary["pairs"][0]["differences"][0]["metric"] == "precision"
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run(["--json", "calibrate", first]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["classes"]] == list(NAMES)
    assert run(["--json", "calibrate", "--set", f"val.runs={Path(first).parent}"]) == 0, "the newest run"
    assert json.loads(capsys.readouterr().out)["files"][0].startswith(str(Path(first).parent))
    assert run(["--json", "runs", "list", str(tmp_path / "val")]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 2


def test_a_run_is_not_compared_with_itself(
    evaluated: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = evaluated
    assert run(["compare", str(first), str(second), str(first.parent / "." / first.name)]) == 2
    assert f"error: {first.resolve()}: this run is named twice" in capsys.readouterr().err


def test_errors_of_the_commands(
    evaluated: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evaluated[0]
    assert run(["compare", str(tmp_path)]) == 2
    assert "error: compare needs two runs or more" in capsys.readouterr().err
    assert run(["calibrate", str(tmp_path)]) == 4
    assert "Only finished runs of docdetect train, val and crossval have predictions." in capsys.readouterr().err
    for name in ("docdetect-n", "docdetect-both"):
        assert run(["calibrate", str(first), "--weights", name]) == 4
        said = capsys.readouterr().err
        assert "comes with docdetect, and thresholds and a calibration beside it would hold for everybody" in said
    assert not list(BUNDLED_FOLDER.glob("*calibration*"))
    assert run(["crossval", "--resume", "last", "--epochs", "3"]) == 2
    assert "error: --resume goes alone" in capsys.readouterr().err
