"""A whole training on the device: run folder, several networks, a teacher, a kill and what goes on after it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from docdetect.config.loading import dump_config, load_config
from docdetect.config.schema import Config
from docdetect.errors import ConfigError, InputError
from docdetect.models.checkpoint import load_network, trained_imgsz
from docdetect.models.parts import join_parts, split_into_parts
from docdetect.models.slicing import sliced_channels
from docdetect.tables import read_csv
from docdetect.training.resident.checkpoints import read_checkpoint, write_checkpoint
from docdetect.training.resuming import resume, resumed_config
from docdetect.training.train import Listeners, train
from docdetect.training.trainer import TrainingPausedError
from tests.support.tiny_network import write_architecture, write_half_architecture
from tests.support.tiny_network import write_checkpoint as write_weights

STEPS = 5


def settings(dataset: Path, model: object, runs: Path, *more: str) -> Config:
    recipe = (
        *("views=device", "device=cpu", "imgsz=96", "batch=2", "freeze=0", "lr0=0.003", "optimizer=AdamW"),
        *(f"steps={STEPS}", "checkpoint_s=0", "flips=false", "precision=fp32", "mosaic=0.3", "degrees=3"),
    )
    values = {"train.data": str(dataset), "train.model": model, "train.runs": str(runs)}
    return load_config(None, ["val.conf=0.02", *(f"train.{value}" for value in (*recipe, *more))], values)


def weights_of(file: Path) -> dict[str, torch.Tensor]:
    network: Any = load_network(file)
    return dict(network.state_dict())


def test_two_networks_and_a_teacher_learn_from_the_same_batches(dataset: Path, tmp_path: Path) -> None:
    small = write_architecture(tmp_path)
    other = small.with_name("yolo11n-other.yaml")
    other.write_text(small.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "teacher").mkdir()
    teacher = write_weights(tmp_path / "teacher" / "tiny.pt")
    config = settings(
        dataset, [str(small), {"path": str(other), "lr0": 0.001}], tmp_path / "runs", f"teacher={teacher.as_posix()}"
    )
    told: list[str] = []
    result = train(config, Listeners(on_progress=lambda done, total, note: told.append(note)))
    record = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    assert (record["state"], record["steps"]) == ("finished", STEPS)
    assert set(record["networks"]) == {"yolo11n-tiny", "yolo11n-other"}
    files = [result.folder / one["file"] for one in record["networks"].values()]
    assert [file.name for file in files] == ["best.pt", "yolo11n-other.pt"]
    assert trained_imgsz(result.weights) == 96
    for name, first in weights_of(files[0]).items():  # they began alike, and learn at rates of their own
        if name.endswith("conv.weight") and ".dfl." not in name:
            assert not torch.equal(first, weights_of(files[1])[name])
    for name in ("report.html", "predictions.json", "results.png", "config.yaml", "data.yaml", "BoxPR_curve.png"):
        assert (result.folder / name).is_file(), name
    steps = read_csv(result.folder / "steps.csv", ("step", "yolo11n-tiny teacher", "yolo11n-other cls"))
    assert float(steps["yolo11n-tiny teacher"].iloc[-1]) > 0
    assert not (result.folder / "checkpoints").exists()
    assert f"step {STEPS}, {record['views']} views" in told
    with pytest.raises(InputError, match="this run is finished"):
        resumed_config(str(result.folder), "", (), {})


KILLED = """
import os, signal, sys
from docdetect.config.loading import load_config
from docdetect.training.train import Listeners, train
from docdetect.training.resident import checkpoints, run
written = checkpoints.write_checkpoint
def write_and_die(folder, step, state):
    if step > 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return written(folder, step, state)
run.write_checkpoint = write_and_die
train(load_config(sys.argv[1]), Listeners())
"""


# Recipes in which the first network teaches another one, which begins as half of its channels.
FIRST_TEACHES = ("teacher=first", "start=slices", "teacher_weight=2", "teacher_features=1")


def weights_and_half(folder: Path) -> list[str]:
    """A trained network, and an architecture with half of its channels."""
    return [str(write_weights(folder / "larger.pt", half=False)), str(write_half_architecture(folder))]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("taught", [False, True], ids=["alone", "taught by the first"])
def test_a_run_that_was_killed_ends_with_the_very_weights_of_one_that_was_not(
    taught: bool, dataset: Path, tiny_yaml: Path, tmp_path: Path
) -> None:
    models: object = weights_and_half(tmp_path) if taught else str(tiny_yaml)
    how = FIRST_TEACHES if taught else ()
    whole = train(settings(dataset, models, tmp_path / "whole", *how))
    config = settings(dataset, models, tmp_path / "runs", *how)
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(config), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    (folder,) = (tmp_path / "runs").iterdir()
    (checkpoint,) = (folder / "checkpoints").iterdir()
    assert checkpoint.name == "step_000000003"
    assert all(part.stat().st_size < 16 * 2**20 for part in checkpoint.iterdir())
    with pytest.raises(ConfigError, match=r"train\.lr0 cannot change"):
        resumed_config("last", str(tmp_path / "runs"), (), {"train.lr0": 0.5})
    result = resume("last", resumed_config("last", str(tmp_path / "runs"), (), {}))
    assert result.folder == folder.resolve()
    files = ("best.pt", "yolo11n-half.pt") if taught else ("best.pt",)
    for file_name in files:
        expected = weights_of(whole.weights.with_name(file_name))
        for name, value in weights_of(result.weights.with_name(file_name)).items():
            torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_the_first_network_learns_from_labels_and_teaches_the_others(dataset: Path, tmp_path: Path) -> None:
    result = train(settings(dataset, weights_and_half(tmp_path), tmp_path / "runs", *FIRST_TEACHES, "steps=2"))
    parts = [f"{name} {part}" for name in ("larger", "yolo11n-half") for part in ("teacher", "features")]
    row = read_csv(result.folder / "steps.csv", ("step", *parts)).iloc[-1]
    first, second = [float(row[part]) for part in parts[:2]], [float(row[part]) for part in parts[2:]]
    assert first == [0, 0]
    assert min(second) > 0
    half = result.weights.with_name("yolo11n-half.pt")
    assert sliced_channels(load_network(half)).keys() == set(range(6))
    # It goes on with what it knows of its channels; a network that began in another way does not.
    train(settings(dataset, str(half), tmp_path / "on", f"teacher={result.weights.as_posix()}", *FIRST_TEACHES[2:]))
    with pytest.raises(ConfigError, match=r"train\.teacher_features: network did not start as slices of .*half\.pt"):
        train(
            settings(dataset, str(result.weights), tmp_path / "on", f"teacher={half.as_posix()}", "teacher_features=1")
        )
    untrained = [str(write_architecture(tmp_path)), str(write_half_architecture(tmp_path))]
    with pytest.raises(ConfigError, match=r"train\.start: slices are cut out of the first network, and yolo11n-tiny"):
        train(settings(dataset, untrained, tmp_path / "on", *FIRST_TEACHES))


def test_a_session_ends_after_its_time_with_a_checkpoint_and_goes_on(
    dataset: Path, tiny_yaml: Path, tmp_path: Path
) -> None:
    config = settings(dataset, str(tiny_yaml), tmp_path, "checkpoint_s=1000", "pause_hours=0.000000001")
    with pytest.raises(TrainingPausedError, match="paused after 0 minutes"):
        train(config)
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["state"] == "interrupted"
    again = resumed_config("last", str(tmp_path), (), {"train.pause_hours": 0.0})
    assert resume("last", again).folder == folder.resolve()


def test_ctrl_c_ends_a_session_with_a_checkpoint(dataset: Path, tiny_yaml: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int, note: str) -> None:
        if note.startswith("step 2,"):
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(settings(dataset, str(tiny_yaml), tmp_path, "checkpoint_s=1000"), Listeners(on_progress=interrupt))
    assert signal.getsignal(signal.SIGINT) is before
    (folder,) = tmp_path.iterdir()
    assert (read_checkpoint(folder / "checkpoints") or {})["step"] == 2
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["state"] == "interrupted"


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, {"step": 1, "value": torch.ones(3), "big": 2**100})
    spare = tmp_path / "spare"
    (tmp_path / "step_000000001").rename(spare)
    newest = write_checkpoint(tmp_path, 2, {"step": 2})
    spare.rename(tmp_path / "step_000000001")
    assert (read_checkpoint(tmp_path) or {})["step"] == 2
    (newest / "state.000").write_bytes(b"cut off")
    found = read_checkpoint(tmp_path) or {}
    assert (found["step"], found["value"].tolist(), found["big"]) == (1, [1, 1, 1], 2**100)
    assert read_checkpoint(tmp_path / "nothing") is None


def rewrite_checkpoint(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Writes the checkpoint of a run anew with another state, as another version of docdetect would have."""
    (checkpoint,) = (run / "checkpoints").iterdir()
    state = torch.load(io.BytesIO(join_parts(checkpoint / "state.json")), weights_only=True)
    change(state)
    content = io.BytesIO()
    torch.save(state, content)
    split_into_parts(content.getvalue(), checkpoint, "state")


def test_a_checkpoint_of_another_version_is_refused_by_name_and_its_run_is_left_as_it_was(
    dataset: Path, tiny_yaml: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingPausedError):
        train(settings(dataset, str(tiny_yaml), tmp_path, "pause_hours=0.000000001"))
    (run,) = tmp_path.iterdir()

    def resumed() -> str:
        goes_on = resumed_config("last", str(tmp_path), (), {"train.pause_hours": 0.0})
        return str(resume("last", goes_on).folder)

    def as_before_formats_had_numbers(state: dict[str, Any]) -> None:
        del state["format"]

    def as_before_feature_maps(state: dict[str, Any]) -> None:
        for learner in state["learners"].values():
            del learner["features"]

    def of_tomorrow(state: dict[str, Any]) -> None:
        state["format"] = 3

    kept = torch.load(io.BytesIO(join_parts(next((run / "checkpoints").iterdir()) / "state.json")), weights_only=True)
    before = {name: (run / name).read_bytes() for name in ("config.yaml", "versions.json", "run.json")}
    rewrite_checkpoint(run, of_tomorrow)
    with pytest.raises(InputError, match=r"step_000000001: .* by a newer version of docdetect \(format 3"):
        resumed()
    rewrite_checkpoint(run, as_before_formats_had_numbers)
    rewrite_checkpoint(run, as_before_feature_maps)
    with pytest.raises(InputError, match=r"step_000000001: .* by an older version of docdetect \(format 1") as older:
        resumed()
    assert older.value.exit_code == 4
    assert str(run) in older.value.remedy
    assert {name: (run / name).read_bytes() for name in before} == before
    rewrite_checkpoint(run, lambda state: state.update(kept))
    rewrite_checkpoint(run, as_before_formats_had_numbers)
    assert resumed() == str(run.resolve())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("teacher=docdetect-s", r"train\.teacher: needs views: device"),
        ("start=slices", r"train\.start: needs views: device"),
        ("teacher_features=1", r"train\.teacher_features: needs views: device"),
        ("steps=3", r"train\.steps: needs views: device"),
        ("synth={share: 0.5}", r"train\.synth: needs views: device"),
        ("synth={shares: 0.5}", r"train\.synth\.shares: unknown key"),
        ("synth={share: 2}", r"train\.synth\.share: should be less than or equal to 1"),
        ("model=[a.yaml, b.yaml]", r"train\.model: several networks need views: device"),
        ("model=[{path: a.yaml, lr0: -1}]", r"train\.model: entry 1: lr0 should be a number greater than 0"),
        ("model=[{path: a.yaml, taught: 1}]", r"train\.model: entry 1: taught should be true or false \(found 1\)"),
        ("model=[{path: a.yaml, lr: 1}]", r"entry 1 has the unknown key lr; path, lr0 and taught are possible"),
    ],
)
def test_what_the_loader_cannot_do_is_refused_with_its_key(given: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_config(None, [f"train.{given}"])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("mixup=0.1", r"train\.mixup: not possible with views: device"),
        ("optimizer=RAdam", r"train\.optimizer: views: device knows SGD and AdamW"),
        ("start=slices", r"train\.start: slices are cut out of a teacher"),
        ("teacher_features=1", r"train\.teacher_features: these are a teacher's"),
        ("teacher=first", r"train\.teacher: it teaches no network"),
        ("scales=[2, 1]", r"train\.scales: 2 is above 1"),
        ("model=[a/tiny.pt, small.pt, b/tiny.yaml]", r"train\.model: tiny stands there twice"),
    ],
)
def test_what_the_device_cannot_do_is_refused_with_its_key(given: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_config(None, ["train.views=device", f"train.{given}"])


def test_pages_that_do_not_fit_into_memory_are_refused(
    dataset: Path, tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docdetect.training.resident.pages.free_memory", lambda device: 1000)
    with pytest.raises(ConfigError, match=r"train\.views: the 6 pages need"):
        train(settings(dataset, str(tiny_yaml), tmp_path))


def test_made_up_pages_are_trained_on_and_counted(dataset: Path, tiny_yaml: Path, tmp_path: Path) -> None:
    synth = "synth={share: 0.8, workers: 1, pages: 6, looks: 2, first: 2}"
    config = settings(dataset, str(tiny_yaml), tmp_path, synth, "steps=3", "checkpoint_s=1000")
    told: list[str] = []
    result = train(config, Listeners(announce=told.append))
    record = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    assert record["made_pages"]["made"] >= 2
    assert record["made_pages"]["processes_ended"] == 0
    assert record["made_pages"]["failed"] == len([text for text in told if "could not be made" in text])
    assert read_csv(result.folder / "steps.csv", ("pages_made",))["pages_made"].iloc[-1] != "0"
    wrong = config.model_copy(update={"synth": config.synth.model_copy(update={"classes": ("stamp",)})})
    with pytest.raises(ConfigError, match=r"synth\.classes: stamp, but the dataset has the classes"):
        train(wrong)


def test_an_architecture_starts_from_slices_of_the_teacher_in_a_whole_training(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    teacher = write_weights(tmp_path / "teacher" / "tiny.pt", half=False)
    small = write_architecture(tmp_path)
    how = (f"teacher={teacher.as_posix()}", "start=slices", "steps=1", "lr0=0.0000001")
    started = weights_of(train(settings(dataset, str(small), tmp_path / "runs", *how)).weights)
    for name, value in weights_of(teacher).items():  # equally wide, so that the network begins as its teacher
        if name.endswith("conv.weight"):
            torch.testing.assert_close(started[name], value, rtol=0.01, atol=0.001)
    with pytest.raises(ConfigError, match=r"train\.start: slices, but every network in train\.model has weights"):
        train(settings(dataset, str(teacher), tmp_path / "runs", *how))
    small.write_text(small.read_text(encoding="utf-8").replace("[128, False, 0.25]", "[128, True]"), encoding="utf-8")
    with pytest.raises(InputError, match=r"train\.start: network and .*the larger network has Bottleneck as model\.2"):
        train(settings(dataset, str(small), tmp_path / "runs", *how))
