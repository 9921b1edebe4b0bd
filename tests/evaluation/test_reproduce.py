"""The original system's protocol beside one without leaks, from documents to one table."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from docdetect.annotations.yolo import detections_to_yolo
from docdetect.cli.main import run
from docdetect.config.loading import load_config
from docdetect.config.schema import Config, DataConfig
from docdetect.console import ProgressCallback
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import read_dataset
from docdetect.documents.drawing import write_image
from docdetect.documents.page_names import page_stem
from docdetect.errors import InputError
from docdetect.evaluation import reproduce as module
from docdetect.evaluation import resuming
from docdetect.evaluation.predictions import PredictedImage, samples_of
from docdetect.evaluation.reproduce import (
    GROUP,
    PAGE,
    EvaluatedProtocol,
    Reproduction,
    conclude,
    reproduce,
    resume_reproduction,
)
from docdetect.evaluation.validate import ValResult
from docdetect.files import read_json, write_json, write_text
from docdetect.metrics.evaluation import EvaluationSettings, evaluate
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.training.records import RunFolder, write_predictions
from docdetect.training.train import Listeners, TrainResult
from docdetect.types import Detections
from tests.support.archives import Archive, make_archive
from tests.support.datasets import made_page
from tests.support.tiny_network import write_architecture


class FakeWork:
    """Stands in for the stages: notes what it was asked for, and leaves what a stage would leave. Can be stopped.

    There are six documents of a page; those whose names end in the same digit are one group.
    """

    documents = ("act 0.pdf", "copy 0.pdf", "act 1.pdf", "copy 1.pdf", "act 2.pdf", "act 3.pdf")
    val: ClassVar = {PAGE: ("act 0.pdf", "act 3.pdf"), GROUP: ("act 1.pdf", "copy 1.pdf")}

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stop_at = ""

    def _note(self, stage: str, place: str) -> None:
        self.asked.append(f"{stage} {Path(place).name}")
        if self.asked[-1] == self.stop_at:
            raise KeyboardInterrupt

    def prepare(self, data: DataConfig, on_progress: ProgressCallback) -> list[str]:
        self._note("prepare", str(Path(data.dataset).parent))
        assert (data.seed, data.val, data.test, data.manifest) == (42, 0.3, 0.0, "")
        root, rows = Path(data.dataset), ["document,page,split,group"]
        (root / "images" / "val").mkdir(parents=True)
        for number, document in enumerate(self.documents):
            side = "val" if document in self.val[data.split_by] else "train"
            stem, (pixels, ground_truth) = page_stem(document, 1), made_page(number)
            write_image(root / "images" / side / f"{stem}.png", pixels)
            write_text(root / "labels" / side / f"{stem}.txt", detections_to_yolo(ground_truth))
            group = f"{document}#1" if data.split_by == PAGE else f"group {document[-5]}"
            rows.append(f"{document},1,{side},{group}")
        write_text(root / "split.csv", "\n".join(rows) + "\n")
        write_text(root / "data.yaml", "train: images/train\nval: images/val\nnames: [qr, signature, stamp]\n")
        return [f"split by {data.split_by}"]

    def train(self, config: Config, listeners: Listeners) -> TrainResult:
        self._note("train", config.train.runs)
        assert config.train.patience == 0
        run = RunFolder(Path(config.train.runs) / "train_20250101_000000")
        write_text(run.last, "weights")
        write_json(run.record, {"state": "finished"})
        return TrainResult(run.path, run.last, 1, 0.0, ())

    def validate(self, config: Config, **_: object) -> ValResult:
        self._note("validate", config.val.runs)
        assert Path(config.val.weights).name == "last.pt"
        folder = Path(config.val.runs) / "val_20250101_000000"
        dataset = read_dataset(config.val.data, ("val",))
        scores = np.ones(2, np.float32)
        pages = [PredictedImage(one, replace(one.ground_truth, scores=scores)) for one in dataset.splits["val"]]
        samples, names = samples_of(pages, read_origins(dataset.root)), dataset.class_names
        write_predictions(folder / "predictions.json", samples, names)
        write_json(folder / "evaluation.json", {})
        settings = EvaluationSettings((config.val.conf,) * len(names), BootstrapSettings(resamples=0))
        return ValResult(folder, Path(config.val.weights), evaluate(samples, names, settings))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> FakeWork:
    fake = FakeWork()
    monkeypatch.setattr(resuming, "train", fake.train)
    monkeypatch.setattr(module, "validate", fake.validate)
    monkeypatch.setattr(module, "prepare_dataset", fake.prepare)
    return fake


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Eight documents of a page; three of them are copies of others under another name."""
    made = make_archive(tmp_path_factory.mktemp("raw"), documents=5, pages=1, marked_page=1)
    ground_truth = dict(made.ground_truth)
    for number in range(3):
        shutil.copy(made.pdfs / f"act {number}.tif", made.pdfs / f"copy {number}.tif")
        ground_truth[f"copy {number}.tif"] = ground_truth[f"act {number}.tif"]
    made.relabel(ground_truth)
    return made


def _values(documents: Archive, folder: Path, model: Path) -> dict[str, object]:
    train = {"epochs": 1, "imgsz": 96, "batch": 4, "workers": 0, "freeze": 0, "warmup_epochs": 0, "device": "cpu"}
    return {
        "data.pdfs": str(documents.pdfs),
        "data.annotations": str(documents.json),
        "data.val": 0.3,
        "data.workers": 1,
        "val.workers": 0,
        "figures.resamples": 20,
        "reproduce.runs": str(folder),
        "train.model": str(model),
        **{f"train.{key}": value for key, value in train.items()},
    }


def test_what_is_finished_is_not_done_again(tmp_path: Path, work: FakeWork) -> None:
    told: list[str] = []
    config = load_config(None, (), {"data.val": 0.3, "reproduce.runs": str(tmp_path / "runs")})
    listeners = Listeners(announce=told.append)
    stages = [f"{stage} {split}" for split in (PAGE, GROUP) for stage in ("train", "validate")]
    work.stop_at = "validate page"
    with pytest.raises(KeyboardInterrupt):
        reproduce(config, listeners)
    work.stop_at = "train group"
    with pytest.raises(KeyboardInterrupt):
        resume_reproduction("last", config.reproduce.runs, listeners)
    work.stop_at = ""
    done = resume_reproduction("last", config.reproduce.runs, listeners)
    assert list(dict.fromkeys(work.asked)) == ["prepare page", "prepare group", *stages]
    assert sorted(work.asked) == sorted([*dict.fromkeys(work.asked), "validate page", "train group"])
    assert told.count("split by page") == told.count("split by group") == 1
    again = resume_reproduction(str(done.folder), "elsewhere")
    assert [one.report for one in again.protocols] == [one.report for one in done.protocols]
    assert len(work.asked) == 8


def test_what_training_had_seen_is_told_by_group(tmp_path: Path, work: FakeWork) -> None:
    config = load_config(None, (), {"data.val": 0.3, "reproduce.runs": str(tmp_path / "runs")})
    page, group = reproduce(config).protocols
    assert [(one.split_by, one.trained_on, len(one.samples)) for one in (page, group)] == [
        (PAGE, 4, 2),
        (GROUP, 4, 2),
    ]
    assert (page.seen, group.seen) == (1, 0), "a copy of act 0 is among the pages of training"
    assert [sample.group for sample in page.samples] == ["group 0", "group 3"]


def test_the_last_run_is_looked_for_before_anything_is_made(tmp_path: Path, work: FakeWork) -> None:
    runs = str(tmp_path / "runs")
    config = load_config(None, (), {"train.model": "last", "train.runs": runs, "reproduce.runs": runs})
    with pytest.raises(InputError, match="holds no training run with weights"):
        reproduce(config)
    assert work.asked == []
    assert not Path(runs).exists()


def test_only_a_reproduction_can_go_on(tmp_path: Path, work: FakeWork) -> None:
    with pytest.raises(InputError, match="no run of docdetect reproduce to go on with"):
        resume_reproduction("last", str(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match="no run of docdetect reproduce"):
        resume_reproduction(str(tmp_path), str(tmp_path))


def _samples(groups: int, skill: float) -> tuple[Sample, ...]:
    rng = np.random.default_rng(0)
    box, wrong = np.array([[10, 10, 60, 60]], np.float32), np.array([[70, 70, 90, 90]], np.float32)
    samples = []
    for page in range(20):
        ground_truth = Detections(box, np.array([0]), (100, 100))
        found = Detections(
            box if rng.random() < skill else wrong, np.array([0]), (100, 100), np.array([0.9], np.float32)
        )
        samples.append(Sample(f"{page}.pdf", 1, f"group {page % groups}", ground_truth, found))
    return tuple(samples)


def test_both_are_told_with_intervals(tmp_path: Path) -> None:
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"w")
    page = EvaluatedProtocol(PAGE, weights, tmp_path / "val_1", _samples(10, 1.0), ("stamp",), 37, 12)
    group = replace(page, split_by=GROUP, samples=_samples(3, 0.5), seen=0)
    comparison = conclude(Reproduction(tmp_path, load_config(None, ("figures.resamples=50",)), (page, group)))
    first, second = comparison.protocols
    assert (first.resampled_by, second.resampled_by) == ("group", "page")
    assert first.warning == ""
    assert "the 20 validation pages are of 3 groups, too few to resample; its intervals" in second.warning
    few = replace(group, samples=group.samples[:4])
    lone = conclude(Reproduction(tmp_path, load_config(None, ("figures.resamples=50",)), (page, few))).protocols[1]
    assert "no interval can be given" in lone.warning
    comparison = conclude(Reproduction(tmp_path, load_config(None, ("figures.resamples=50",)), (page, group)))
    for one in comparison.protocols:
        figure = one.figures[0].ap50
        assert figure.low is not None
        assert figure.value is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high
    assert comparison.sentence.startswith(
        "AP50-95 1.000 on the split by page, where training had seen the group of 12 of 20 validation pages; "
    )
    stored = read_json(tmp_path / "reproduce.json")
    assert [row["seen"] for row in stored["protocols"]] == [12, 0]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "without leaks: split by group" in text
    assert "12 of 20" in text


def test_one_group_cannot_be_split(tmp_path: Path, work: FakeWork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeWork, "val", {**FakeWork.val, GROUP: ()})
    config = load_config(None, (), {"data.val": 0.3, "reproduce.runs": str(tmp_path / "runs")})
    with pytest.raises(InputError, match="a split by group leaves no validation pages"):
        reproduce(config)
    assert work.asked == ["prepare page", "prepare group"]


@pytest.mark.slow
def test_the_command(
    documents: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # that plots are drawn is tested where they are made; here they would take most of the time
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)
    values = _values(documents, tmp_path / "runs", write_architecture(tmp_path))
    values["train.optimizer"] = "AdamW"
    words = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    assert run(["--json", "reproduce", "--config", "best.yaml", *words]) == 0
    summary = json.loads(capsys.readouterr().out)
    folder = Path(summary["folder"])
    assert [row["split_by"] for row in summary["protocols"]] == [PAGE, GROUP]
    assert summary["protocols"][1]["seen"] == 0
    assert {path.name for path in folder.iterdir()} == {
        *("config.yaml", "protocols.json", "reproduce.json", "report.html", PAGE, GROUP)
    }
    assert run(["--json", "reproduce", "--resume", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out) == summary


def test_resume_goes_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "--resume", "last", "--epochs", "3"]) == 2
    assert "error: --resume goes alone" in capsys.readouterr().err
