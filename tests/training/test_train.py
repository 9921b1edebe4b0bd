"""Two epochs of a tiny network: the run folder, resumption after a kill, judging, and not one look at the network."""

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

from docdetect.config.loading import load_config
from docdetect.config.schema import Config
from docdetect.errors import ConfigError, InputError
from docdetect.evaluation.predictions import Prediction, predict_dataset, read_picture
from docdetect.evaluation.validate import ValResult, validate
from docdetect.models.engines.select import load_engine
from docdetect.training.progress import EpochReport
from docdetect.training.records import RunFolder, read_rows
from docdetect.training.resuming import resume, resumed_config
from docdetect.training.train import Listeners, TrainResult, train

pytestmark = pytest.mark.slow

NAMED_BY_THE_RECIPE = (
    *("weights/best.pt", "weights/last.pt", "args.yaml", "results.csv", "training_metrics.csv", "results.png"),
    *("BoxPR_curve.png", "BoxF1_curve.png", "BoxP_curve.png", "BoxR_curve.png"),
    *("confusion_matrix.png", "confusion_matrix_normalized.png"),
    *("train_batch0.jpg", "train_batch1.jpg", "val_batch0_labels.jpg", "val_batch0_pred.jpg"),
    *("config.yaml", "data.yaml", "versions.json", "run.json"),
)


def settings(dataset: Path, model: Path, runs: Path, *more: str) -> Config:
    recipe = ("epochs=2", "imgsz=96", "batch=3", "freeze=0", "warmup_epochs=0", "lr0=0.01", "workers=1")
    values = (f"data={dataset.as_posix()}", f"model={model.as_posix()}", f"runs={runs.as_posix()}", *recipe, *more)
    return load_config(None, tuple(f"train.{value}" for value in values))


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
def trained(
    dataset: Path,
    tiny_yaml: Path,
    calls: list[str],
    reports: list[EpochReport],
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainResult:
    runs = tmp_path_factory.mktemp("runs")
    return train(settings(dataset, tiny_yaml, runs), Listeners(on_epoch=reports.append))


@pytest.fixture(scope="module")
def judged(
    dataset: Path, trained: TrainResult, calls: list[str], tmp_path_factory: pytest.TempPathFactory
) -> ValResult:
    values = {
        "val.weights": str(trained.weights),
        "val.data": str(dataset.parent),
        "val.imgsz": 96,
        "val.conf": 0.02,
        "val.runs": str(tmp_path_factory.mktemp("val")),
    }
    return validate(load_config(None, (), values))


def test_run_folder_is_complete(trained: TrainResult) -> None:
    assert [name for name in NAMED_BY_THE_RECIPE if not (trained.folder / name).is_file()] == []
    assert not list(trained.folder.rglob("*.tmp"))
    assert trained.folder.name.startswith("yolo11s_frozen10_")


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
    rows = read_rows(trained.folder / "training_metrics.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"seconds", "learning_rate", "train_box", "val_cls", "AP50", "AP50-95 stamp"} <= set(rows[0])
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


def test_val_writes_table_figures_and_pictures(judged: ValResult) -> None:
    assert [row.name for row in judged.rows] == ["qr", "signature", "stamp", "all"]
    figures = json.loads((judged.folder / "metrics.json").read_text(encoding="utf-8"))
    assert figures["pages"] == 3
    assert figures["conf"] == 0.02
    assert figures["speed"]["seconds_per_page"] == pytest.approx(judged.seconds_per_page, abs=1e-6)
    assert figures["classes"]["qr"]["marks"] == judged.rows[0].marks
    for name in NAMED_BY_THE_RECIPE:
        if name.startswith(("Box", "confusion", "val_batch")):
            assert (judged.folder / name).is_file(), name


def test_average_precision_does_not_depend_on_the_threshold(
    judged: ValResult, dataset: Path, trained: TrainResult, tmp_path: Path
) -> None:
    values = {"val.weights": str(trained.folder), "val.data": str(dataset), "val.imgsz": 96, "val.conf": 0.9}
    strict = validate(load_config(None, (), {**values, "val.runs": str(tmp_path)}))
    assert strict.mean.ap50 == judged.mean.ap50
    assert strict.mean.found + strict.mean.wrong <= judged.mean.found + judged.mean.wrong


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


def test_no_network_was_touched(trained: TrainResult, judged: ValResult, calls: list[str]) -> None:
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
    run = RunFolder(folder)
    first = read_rows(run.results)
    with run.results.open("a", encoding="utf-8") as stream:  # as if killed between the table and the checkpoint
        stream.write(",".join(["2", *list(first[0].values())[1:]]) + "\n")
    with pytest.raises(ConfigError, match=r"train\.lr0 cannot change"):
        resumed_config("last", str(runs), (), {"train.lr0": 0.5})
    again = resumed_config("last", str(runs), (), {"train.workers": 1})
    result = resume("last", again, Listeners())
    assert result.folder == folder.resolve()
    assert list(runs.iterdir()) == [folder]
    assert result.epochs == 2
    assert [row["epoch"] for row in read_rows(run.metrics)] == ["1", "2"]
    assert [row["epoch"] for row in read_rows(run.results)] == ["1", "2"]
    assert read_rows(run.results)[0] == first[0]
    assert json.loads(run.record.read_text(encoding="utf-8"))["state"] == "finished"
    assert (folder / "results.png").is_file()
