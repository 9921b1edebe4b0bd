"""Training in several sessions: pauses, budgets, early stopping, and what is done when the same recipe is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ultralytics.models.yolo.detect import DetectionTrainer

from docdetect.files import sha256_file
from docdetect.metrics.codec import to_plain
from docdetect.tables import read_csv
from docdetect.training import resuming
from docdetect.training import train as training
from docdetect.training.records import RunFolder
from docdetect.training.resuming import train_or_go_on
from docdetect.training.train import Listeners, TrainResult, train
from docdetect.training.trainer import PagesTrainer, TrainingPausedError
from tests.support.figures import class_figures_for_tests
from tests.training.test_train import settings

pytestmark = pytest.mark.slow


def test_a_recipe_is_paused_gone_on_with_and_not_trained_twice(dataset: Path, tiny_yaml: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    plain = settings(dataset, tiny_yaml, runs, "workers=0")
    with pytest.raises(TrainingPausedError, match="paused after 1 of 2 epochs") as paused:
        train_or_go_on(settings(dataset, tiny_yaml, runs, "workers=0", "pause_hours=0.000001"))
    (folder,) = runs.iterdir()
    assert paused.value.exit_code == 130
    assert str(folder) in paused.value.remedy
    assert json.loads(RunFolder(folder).record.read_text(encoding="utf-8"))["state"] == "interrupted"
    finished = train_or_go_on(plain)
    assert (finished.folder, finished.epochs) == (folder.resolve(), 2)
    assert [row["epoch"] for row in read_csv(RunFolder(folder).metrics).to_dict("records")] == ["1", "2"]
    again = train_or_go_on(plain)
    assert list(runs.iterdir()) == [folder]
    assert again.seconds == 0
    assert again.weights.resolve() == finished.weights
    assert again.figures == finished.figures


@pytest.mark.parametrize("stopped_in", ["final_eval", "write_outcome"])
def test_a_run_that_stopped_after_its_last_epoch_is_finished(
    stopped_in: str, dataset: Path, tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = settings(dataset, tiny_yaml, tmp_path / "runs", "workers=0")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    place = PagesTrainer if stopped_in == "final_eval" else training  # before and after checkpoints are stripped
    with monkeypatch.context() as patch:
        patch.setattr(place, stopped_in, stop)
        with pytest.raises(KeyboardInterrupt):
            train(recipe)
    (folder,) = (tmp_path / "runs").iterdir()
    finished = train_or_go_on(recipe)
    whole = train(settings(dataset, tiny_yaml, tmp_path / "others", "workers=0"))
    assert (finished.folder, finished.epochs) == (folder.resolve(), 2)
    for got, wanted in zip(finished.figures, whole.figures, strict=True):
        assert (got.marks, got.hits) == (wanted.marks, wanted.hits)
        assert got.ap50_95.value == pytest.approx(wanted.ap50_95.value, abs=5e-4)
    assert {path.name for path in folder.iterdir()} >= {"report.html", "predictions.json", "confusion_matrix.png"}
    assert not list(folder.rglob("*.tmp"))
    assert RunFolder(folder).last.stat().st_size == pytest.approx(
        (whole.folder / "weights/last.pt").stat().st_size, 0.1
    )
    assert json.loads(RunFolder(folder).record.read_text(encoding="utf-8"))["state"] == "finished"
    assert train_or_go_on(recipe).figures == finished.figures, "it is not trained again"


def test_another_recipe_and_a_run_without_checkpoint_are_not_gone_on_with(
    dataset: Path, tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docdetect.config.loading import dump_config

    started: list[float] = []

    def new_run(config: Any, listeners: Any) -> None:
        started.append(config.train.lr0)

    monkeypatch.setattr(resuming, "train", new_run)
    config = settings(dataset, tiny_yaml, tmp_path)
    folder = tmp_path / f"{config.train.name}_20200101_000000"
    folder.mkdir()
    (folder / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    (folder / "run.json").write_text('{"state": "failed"}', encoding="utf-8")
    train_or_go_on(config)
    best = {"figures": to_plain(class_figures_for_tests(all=(0.3, 0.4)))}
    (folder / "run.json").write_text(json.dumps({"state": "finished", "epochs": 2, "best": best}), encoding="utf-8")
    assert train_or_go_on(settings(dataset, tiny_yaml, tmp_path, "workers=0")).figures[0].ap50_95.value == 0.4
    train_or_go_on(settings(dataset, tiny_yaml, tmp_path, "lr0=0.02"))
    assert started == [0.01, 0.02]


def test_last_starts_from_the_newest_runs_best_and_trains_on_whole_pages(
    dataset: Path, tiny_yaml: Path, tmp_path: Path
) -> None:
    first = train(settings(dataset, tiny_yaml, tmp_path, "workers=0", "epochs=1"))
    second = train(settings(dataset, Path("last"), tmp_path, "workers=0", "epochs=1", "window=[96, 128]"))
    record = json.loads((second.folder / "run.json").read_text(encoding="utf-8"))
    assert record["model"] == {"name": "last", "sha256": sha256_file(first.weights)}
    assert second.folder != first.folder


def test_a_time_budget_ends_in_finished_weights(dataset: Path, tiny_yaml: Path, tmp_path: Path) -> None:
    result = train(settings(dataset, tiny_yaml, tmp_path, "workers=0", "epochs=50", "hours=0.000001"))
    assert result.epochs == 1
    assert result.weights.is_file()
    assert json.loads((result.folder / "run.json").read_text(encoding="utf-8"))["state"] == "finished"


def without_progress(self: Any) -> Any:
    metrics, _ = DetectionTrainer.validate(self)
    self.best_fitness = 0.5
    return metrics, 0.5


def test_training_stops_without_progress_and_says_that_pages_do_not_fit_into_memory(
    dataset: Path, tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1, total=1))
    monkeypatch.setattr(PagesTrainer, "validate", without_progress)
    said: list[str] = []
    config = settings(dataset, tiny_yaml, tmp_path, "workers=0", "epochs=9", "patience=1", "cache=true")
    result: TrainResult = train(config, Listeners(announce=said.append))
    assert result.epochs == 2
    assert [text for text in said if "the train pages do not fit into memory" in text]


@pytest.mark.parametrize(("free", "kept"), [(1 << 50, ["keep"]), (0, [])])
def test_memory_is_kept_after_the_first_batch_where_it_fits_and_released_before_forks(
    dataset: Path, tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, kept: list[str]
) -> None:
    from ultralytics.data.build import InfiniteDataLoader

    from docdetect.training import trainer as room

    done: list[str] = []
    renew = InfiniteDataLoader.reset

    def renewed(self: Any) -> None:
        done.append("fork")
        renew(self)

    monkeypatch.setattr(InfiniteDataLoader, "reset", renewed)
    monkeypatch.setattr(room, "free_memory", lambda: free)
    monkeypatch.setattr(room, "keep_freed_memory", lambda: done.append("keep"))
    monkeypatch.setattr(room, "release_freed_memory", lambda: done.append("release"))
    train(
        settings(dataset, tiny_yaml, tmp_path, "mosaic=1", "close_mosaic=1"),
        Listeners(on_progress=lambda _done, _total, note: done.extend(["batch"] if note.startswith("epoch") else [])),
    )
    assert [name for name in done if name == "keep"] == kept
    assert done[: done.index("batch")] == ["release", "release", *kept]  # before each loader's first process
    assert done[done.index("fork") - 1] == "release"
    assert done[-1] == "release"  # when the last weights are evaluated


@pytest.mark.parametrize(("peak", "given_back"), [(139, False), (141, True)])
def test_memory_that_only_validation_took_is_given_back(
    dataset: Path, tiny_yaml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peak: int, given_back: bool
) -> None:
    from docdetect.training import trainer as room

    most, done = [100], list[str]()
    original = DetectionTrainer.validate

    def noted(self: Any) -> Any:
        done.append("validate")
        most[0] = peak
        return original(self)

    monkeypatch.setattr(DetectionTrainer, "validate", noted)
    monkeypatch.setattr(room, "peak_memory", lambda: most[0])
    monkeypatch.setattr(room, "keep_freed_memory", lambda: True)
    monkeypatch.setattr(room, "release_freed_memory", lambda: done.append("release"))
    train(settings(dataset, tiny_yaml, tmp_path, "workers=0"))
    assert (done[done.index("validate") + 1] == "release") is given_back


@pytest.mark.parametrize("window_wh", [(32, 32), (96, 128)])
def test_windows_are_cut_from_pages_in_memory(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, window_wh: tuple[int, int]
) -> None:
    from ultralytics.cfg import get_cfg

    from docdetect.datasets.reader import read_dataset
    from docdetect.training import pages as room

    read: list[str] = []
    decode: Any = vars(room)["bgr_pixels"]

    def counted(path: str) -> Any:
        read.append(path)
        return decode(path)

    monkeypatch.setattr(room, "bgr_pixels", counted)
    images = read_dataset(str(dataset)).splits
    data = {"pages": images, "names": {0: "qr", 1: "signature", 2: "stamp"}, "nc": 3, "channels": 3}
    hyp = get_cfg(overrides={"deterministic": False})
    common: dict[str, Any] = {"img_path": "train", "imgsz": max(window_wh), "page_px": 128, "hyp": hyp, "data": data}
    common["window_wh"] = window_wh
    windows = room.Windows(**common, augment=True, task="detect", batch_size=2, cache="ram")
    cached = len(read)
    assert cached >= len(windows)
    labels = [windows.get_image_and_label(index) for index in (0, 1, 2) * 3]
    assert len(read) == cached
    assert {label["img"].shape for label in labels} == {(*window_wh[::-1], 3)}
    assert windows[0]["img"].shape == (3, *window_wh[::-1])  # after Ultralytics' transforms, too
    assert windows.load_image(0)[0].shape == (128, 96, 3)
