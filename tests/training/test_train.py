"""Two epochs of a tiny network: the run folder, resumption after a kill, evaluation, and no use of the internet."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docdetect.cli.main import run
from docdetect.config.loading import load_config
from docdetect.config.schema import Config
from docdetect.errors import ConfigError, InputError
from docdetect.evaluation.predictions import Prediction, predict_dataset, read_picture
from docdetect.evaluation.validate import ValResult, validate
from docdetect.models.engines.select import load_engine
from docdetect.tables import read_csv
from docdetect.training.progress import EpochReport
from docdetect.training.records import RunFolder, drop_later_rows
from docdetect.training.resuming import resume, resumed_config
from docdetect.training.train import Listeners, TrainResult, train
from tests.support.datasets import write_dataset

pytestmark = pytest.mark.slow

NAMED_BY_THE_RECIPE = (
    *("weights/best.pt", "weights/last.pt", "args.yaml", "training_metrics.csv", "results.png"),
    *("report.html", "predictions.json"),
    *("BoxPR_curve.png", "BoxF1_curve.png", "BoxP_curve.png", "BoxR_curve.png"),
    *("confusion_matrix.png", "confusion_matrix_normalized.png"),
    *("train_batch0.jpg", "train_batch1.jpg", "val_batch0_labels.jpg", "val_batch0_pred.jpg"),
    *("config.yaml", "data.yaml", "versions.json", "run.json"),
)


# A confidence that the tiny network reaches, so that precision and recall are of something.
CONF = 0.02


def settings(dataset: Path, model: Path, runs: Path, *more: str) -> Config:
    recipe = ("epochs=2", "imgsz=96", "batch=3", "freeze=0", "warmup_epochs=0", "lr0=0.01", "workers=1")
    values = (f"data={dataset.as_posix()}", f"model={model.as_posix()}", f"runs={runs.as_posix()}", *recipe, *more)
    return load_config(None, (f"val.conf={CONF}", *(f"train.{value}" for value in values)))


@pytest.fixture(scope="module")
def calls() -> Iterator[list[str]]:
    """Every try to reach the network; local sockets between processes do not count."""
    seen: list[str] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        if self.family != getattr(socket, "AF_UNIX", None):
            seen.append(f"connect {address}")
            raise OSError("no network in tests")
        connect(self, address)

    def refused(*arguments: Any, **options: Any) -> Any:
        seen.append(f"look up {arguments[:2]}")
        raise OSError("no network in tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", watched)
        patch.setattr(socket, "getaddrinfo", refused)
        patch.setattr(socket, "create_connection", refused)
        yield seen


@pytest.fixture(scope="module")
def reports() -> list[EpochReport]:
    return []


@pytest.fixture(scope="module")
def phases() -> list[tuple[int, str]]:
    """Total and note of everything that the training said about its progress."""
    return []


@pytest.fixture(scope="module")
def trained(
    dataset: Path,
    tiny_yaml: Path,
    calls: list[str],
    reports: list[EpochReport],
    phases: list[tuple[int, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainResult:
    runs = tmp_path_factory.mktemp("runs")
    listeners = Listeners(on_epoch=reports.append, on_progress=lambda done, total, note: phases.append((total, note)))
    return train(settings(dataset, tiny_yaml, runs), listeners)


@pytest.fixture(scope="module")
def evaluated(
    dataset: Path, trained: TrainResult, calls: list[str], tmp_path_factory: pytest.TempPathFactory
) -> ValResult:
    values = {
        "val.weights": str(trained.weights),
        "val.data": str(dataset.parent),
        "val.imgsz": 96,
        "val.conf": CONF,
        "val.runs": str(tmp_path_factory.mktemp("val")),
    }
    return validate(load_config(None, (), values))


def test_run_folder_is_complete(trained: TrainResult) -> None:
    assert [name for name in NAMED_BY_THE_RECIPE if not (trained.folder / name).is_file()] == []
    assert not list(trained.folder.rglob("*.tmp"))
    assert trained.folder.name.startswith("yolo11s_frozen10_")


def test_progress_names_what_has_no_steps_to_count(trained: TrainResult, phases: list[tuple[int, str]]) -> None:
    without_steps = [note for total, note in phases if total == 0]
    assert without_steps == ["building the network", "preparing the first batch"]
    first_batch = next(position for position, (_, note) in enumerate(phases) if note.startswith("epoch 1/"))
    assert phases[first_batch - 1] == (0, "preparing the first batch")


def test_records_say_what_was_trained(trained: TrainResult, dataset: Path) -> None:
    record = json.loads((trained.folder / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert record["data"]["pages"] == {"train": 6, "val": 3}
    assert len(record["data"]["dataset_sha256"]) == len(record["data"]["split_sha256"]) == 64
    assert record["device"] == "cpu"
    versions = json.loads((trained.folder / "versions.json").read_text(encoding="utf-8"))
    assert {"docdetect", "python", "torch", "ultralytics", "platform"} <= set(versions)
    assert load_config(str(trained.folder / "config.yaml")).train.data == dataset.as_posix()


def test_a_report_and_a_row_for_each_epoch(trained: TrainResult, reports: list[EpochReport]) -> None:
    assert [report.epoch for report in reports] == [1, 2]
    assert set(reports[0].train_losses) == set(reports[0].val_losses) == {"box", "cls", "dfl"}
    assert reports[0].remaining_s > 0
    assert reports[1].remaining_s == 0
    rows = read_csv(trained.folder / "training_metrics.csv").to_dict("records")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"seconds", "learning_rate", "train_box", "val_cls", "AP50", "AP50-95 stamp"} <= set(rows[0])
    assert float(rows[1]["AP50"]) == pytest.approx(reports[1].figures[0].ap50.value, abs=1e-5)
    assert float(rows[1]["train_cls"]) == pytest.approx(reports[1].train_losses["cls"], rel=1e-4)


def test_dataset_is_left_as_it_was(trained: TrainResult, dataset: Path) -> None:
    assert {path.suffix for path in dataset.parent.rglob("*") if path.is_file()} == {".png", ".txt", ".yaml"}


def test_checkpoints_carry_nothing_of_this_machine_s_repository(trained: TrainResult) -> None:
    import torch

    from docdetect.models.checkpoint import load_network

    network = load_network(trained.weights)
    assert tuple(network.names.values()) == ("qr", "signature", "stamp")  # type: ignore[operator]
    assert type(network).__module__ == "ultralytics.nn.tasks"
    checkpoint = torch.load(trained.weights, map_location="cpu", weights_only=True)
    assert not any((checkpoint.get("git") or {}).values())


def test_val_writes_table_figures_and_pictures(evaluated: ValResult) -> None:
    assert [row.name for row in evaluated.figures] == ["all", "qr", "signature", "stamp"]
    figures = json.loads((evaluated.folder / "metrics.json").read_text(encoding="utf-8"))
    assert figures["pages"] == 3
    assert figures["conf"] == CONF
    assert figures["speed"]["seconds_per_page"] == pytest.approx(evaluated.seconds_per_page, abs=1e-6)
    assert figures["classes"]["qr"]["marks"] == evaluated.figures[1].marks
    for name in NAMED_BY_THE_RECIPE:
        if name.startswith(("Box", "confusion", "val_batch", "report")):
            assert (evaluated.folder / name).is_file(), name


def test_one_network_has_one_figure_in_every_command(
    trained: TrainResult, evaluated: ValResult, reports: list[EpochReport], capsys: pytest.CaptureFixture[str]
) -> None:
    for of_training, of_val in zip(trained.figures, evaluated.figures, strict=True):
        for key in ("pages", "marks", "detections", "hits"):
            assert getattr(of_training, key) == getattr(of_val, key)
        for key in ("ap50", "ap75", "ap50_95"):
            assert getattr(of_training, key).value == pytest.approx(getattr(of_val, key).value, abs=5e-4)
        for key in ("precision", "recall", "f1"):
            theirs = getattr(of_val.working, key).value
            assert getattr(of_training.working, key).value == pytest.approx(theirs, abs=5e-4)
    best = next(one for one in reversed(reports) if one.best).figures[0]
    assert best.ap50_95.value == pytest.approx(evaluated.figures[0].ap50_95.value, abs=0.01)  # half precision on disk
    mean = json.loads((evaluated.folder / "metrics.json").read_text(encoding="utf-8"))["mean"]
    folders = [str(trained.folder), str(evaluated.folder)]
    assert run(["--json", "compare", *folders, "--set", "figures.resamples=20"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    compared = comparison["runs"]
    assert {one["difference"]["value"] for one in comparison["pairs"][0]["differences"]} <= {0.0, None}
    assert run(["--json", "runs", "list", str(trained.folder.parent), str(evaluated.folder.parent)]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert len(compared) == len(listed) == 2
    for row in (*compared, *listed):
        assert row["AP50"] == pytest.approx(mean["AP50"], abs=5e-4)
        assert row["AP50-95"] == pytest.approx(mean["AP50-95"], abs=5e-4)
    table = read_csv(trained.folder / "training_metrics.csv")
    assert {"ultralytics_map50", "ultralytics_map50_95"} <= set(table.columns)


def test_average_precision_does_not_depend_on_the_threshold(
    evaluated: ValResult, dataset: Path, trained: TrainResult, tmp_path: Path
) -> None:
    values = {"val.weights": str(trained.folder), "val.data": str(dataset), "val.imgsz": 96, "val.conf": 0.9}
    told: list[str] = []
    strict = validate(
        load_config(None, (), {**values, "val.runs": str(tmp_path)}),
        on_progress=lambda done, total, note: told.extend([] if total else [note]),
    )
    assert told == ["loading the network", "computing figures and plots"]
    assert strict.figures[0].ap50.value == evaluated.figures[0].ap50.value
    assert strict.figures[0].detections <= evaluated.figures[0].detections


def test_predictions_stand_beside_the_ground_truth_in_order(trained: TrainResult, dataset: Path) -> None:
    from docdetect.datasets.reader import read_dataset

    images = read_dataset(str(dataset)).splits["val"]
    engine = load_engine(trained.weights, imgsz=96, device="cpu")
    pages = list(predict_dataset(engine, images, ("stamp", "signature", "qr"), Prediction(batch=2)))
    assert [page.image.name for page in pages] == [image.name for image in images]
    (again,) = engine.detect([read_picture(images[1].path)], 0.001, 0.7)
    np.testing.assert_array_equal(pages[1].found.xyxy, again.xyxy)
    np.testing.assert_array_equal(pages[1].found.class_ids, 2 - again.class_ids)
    with pytest.raises(InputError, match="not seal"):
        next(predict_dataset(engine, images, ("seal",)))


def test_finished_run_is_not_resumed(trained: TrainResult) -> None:
    with pytest.raises(InputError, match="this run is finished"):
        resumed_config(str(trained.folder), "", (), {})
    with pytest.raises(InputError, match="no interrupted run that could go on"):
        resumed_config("last", str(trained.folder.parent), (), {})


def test_no_network_was_touched(trained: TrainResult, evaluated: ValResult, calls: list[str]) -> None:
    assert calls == []


KILLED = """
import os, signal, sys
from docdetect.config.loading import load_config
from docdetect.training.train import Listeners, train
def die(report):
    os.kill(os.getpid(), signal.SIGKILL)
train(load_config(sys.argv[1]), Listeners(on_epoch=die))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_run_goes_on_in_its_folder(dataset: Path, tiny_yaml: Path, tmp_path: Path) -> None:
    from docdetect.config.loading import dump_config

    runs = tmp_path / "runs"
    config = settings(dataset, tiny_yaml, runs, "workers=0")
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(config), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    (folder,) = runs.iterdir()
    place = RunFolder(folder)
    head, first = place.results.read_text(encoding="utf-8").splitlines()
    with place.results.open("a", encoding="utf-8") as stream:  # as if killed between the table and the checkpoint
        stream.write(",".join(["2", *first.split(",")[1:]]) + "\n2,0.5")
    drop_later_rows(place.results, 1)
    assert place.results.read_text(encoding="utf-8").splitlines() == [head, first]
    with pytest.raises(ConfigError, match=r"train\.lr0 cannot change"):
        resumed_config("last", str(runs), (), {"train.lr0": 0.5})
    again = resumed_config("last", str(runs), (), {"train.workers": 1})
    result = resume("last", again, Listeners())
    assert result.folder == folder.resolve()
    assert list(runs.iterdir()) == [folder]
    assert result.epochs == 2
    assert read_csv(place.metrics)["epoch"].tolist() == ["1", "2"]
    assert json.loads(place.record.read_text(encoding="utf-8"))["state"] == "finished"
    assert (folder / "results.png").is_file()


def test_freezing_all_layers_is_a_mistake_of_the_recipe(dataset: Path, tiny_yaml: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.freeze: 10 keeps all 7 layers"):
        train(settings(dataset, tiny_yaml, tmp_path / "runs", "freeze=10"))


def test_pages_that_are_labelled_in_part_are_trained_and_evaluated_on(tiny_yaml: Path, tmp_path: Path) -> None:
    file = write_dataset(tmp_path / "data")
    with file.open("a", encoding="utf-8") as stream:
        stream.write("labelled: {images/train: [stamp, qr], images/val: [stamp]}\n")
    result = train(settings(file, tiny_yaml, tmp_path / "runs", "epochs=1", "workers=0"))
    assert [row.name for row in result.figures if row.marks] == ["all", "stamp"]
    predictions = json.loads((result.folder / "predictions.json").read_text(encoding="utf-8"))
    assert {tuple(page["labelled"]) for page in predictions["pages"]} == {(2,)}
    assert {int(row[4]) for page in predictions["pages"] for row in page["found"]} <= {2}


def test_several_datasets_are_trained_on_and_gone_on_with(tiny_yaml: Path, tmp_path: Path) -> None:
    first, second = write_dataset(tmp_path / "a"), write_dataset(tmp_path / "b", train=3, val=2)
    data = f"data=[{first.as_posix()}, {{path: {second.as_posix()}, weight: 3}}]"
    config = settings(first, tiny_yaml, tmp_path / "runs", data, "workers=0")
    stopped: list[int] = []

    def stop(report: EpochReport) -> None:
        stopped.append(report.epoch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, Listeners(on_epoch=stop))
    (folder,) = (tmp_path / "runs").iterdir()
    result = resume("last", resumed_config("last", str(folder.parent), (), {}), Listeners())
    record = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    assert (result.epochs, record["data"]["pages"]) == (2, {"train": 9, "val": 5})
    assert [one["weight"] for one in record["data"]["datasets"]] == [1.0, 3.0]
