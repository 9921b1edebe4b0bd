"""The benchmark on sources left out: what is one source, what stays out of a fold, what is counted, and a whole run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from benchmarks.held_out_sources import Budget, PageSet, folds_of, sources_of
from benchmarks.held_out_tables import Figures, alarm_rows, class_rows, interval, statements

from benchmarks import held_out_sources as benchmark
from docdetect.annotations.yolo import detections_to_yolo
from docdetect.datasets.reader import read_dataset
from docdetect.datasets.several import read_training_data
from docdetect.documents.drawing import write_image
from docdetect.errors import InputError
from docdetect.files import read_json, write_text
from docdetect.metrics.matching import Sample
from docdetect.types import Detections
from tests.support.datasets import made_page, write_dataset
from tests.support.tiny_network import write_checkpoint

SETS = {
    "old_letters": ("qr signature stamp", "someone/letters"),
    "city": ("qr signature stamp", "town/acts"),
    "city_again": ("qr signature stamp", "another copy of town/acts"),
    "stamps_only": ("stamp", "elsewhere"),
    "receipts": ("qr signature stamp", "shop/receipts"),
}


def page_set(name: str, source: str, marks: int) -> PageSet:
    return PageSet(name, Path(name), source, ("qr", "signature", "stamp"), "other", marks, 1)


def found_on(source: str, ground_truth: Detections, shift_px: float, score: float) -> Sample:
    """A page on which each mark was found with this score, so many px beside its place."""
    boxes = ground_truth.xyxy + np.float32(shift_px)
    found = Detections(boxes, ground_truth.class_ids, ground_truth.size_wh, np.full(len(boxes), score, np.float32))
    return Sample(f"{source}.png", 1, source, ground_truth, found, None)


def signatures(count: int) -> Detections:
    boxes = np.array([(100 * k, 10, 100 * k + 60, 40) for k in range(count)], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(count, 1, np.int64), (2000, 500))


def two_settings(**shifts: tuple[float, float]) -> Figures:
    """Six signatures on each source, found by `before` and `after` so many px beside their places."""
    found = {
        name: [{source: [found_on(source, signatures(6), both[k], 0.9)] for source, both in shifts.items()}]
        for k, name in enumerate(("before", "after"))
    }
    return Figures(found, dict.fromkeys(shifts, "letters"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as the benchmark wants it, with made-up pages; the receipts have no marks."""
    folder = tmp_path_factory.mktemp("data")
    rows = ["folder\tlabelled completely\torigin"]
    for start, (name, (labelled, origin)) in enumerate(SETS.items()):
        rows.append(f"{name}\t{labelled}\t{origin}")
        for number in range(4):
            page, marks = made_page(100 * start + number, 0 if name == "receipts" else 3)
            write_image(folder / "train" / name / "images" / f"{number}.png", page)
            write_text(folder / "train" / name / "labels" / f"{number}.txt", detections_to_yolo(marks))
    write_text(folder / "train" / "sources.tsv", "\n".join(rows) + "\n")
    return folder


def test_sets_that_share_a_repository_are_one_source_also_over_a_third_set() -> None:
    origins = {"a": "one/pages", "b": "two/acts (+ one/pages)", "c": "Two/Acts", "d": "a book", "e": "a book"}
    found = sources_of(origins)
    assert found["a"] == found["b"] == found["c"]
    assert len({found["a"], found["d"], found["e"]}) == 3


def test_each_unseen_source_is_left_out_once_and_none_that_shares_its_origin_with_a_seen_set() -> None:
    sets = [page_set(name, source, 5) for name, source in (("a", "a"), ("b", "a"), ("c", "c"), ("d", "d"), ("e", "e"))]
    assert folds_of(sets, frozenset({"b"}), 0) == [["c"], ["d"], ["e"]]
    sets = [page_set("big", "big", 90), *(page_set(name, name, 30) for name in "abc")]
    assert sorted(map(sorted, folds_of(sets, frozenset(), 2))) == [["a", "b", "c"], ["big"]]
    with pytest.raises(Exception, match="no source is left"):
        folds_of(sets, frozenset({"big", "a", "b", "c"}), 0)


@pytest.mark.parametrize("folds", ["1", "-1"])
def test_a_number_of_folds_that_leaves_nothing_to_train_on_is_refused_before_anything_is_read(
    folds: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = ["--work", str(tmp_path / "work"), "--data", str(data), "--settings", str(tmp_path / "missing.yaml")]
    with pytest.raises(SystemExit) as stopped:
        benchmark.main([*paths, "--folds", folds, "--seen"])
    assert stopped.value.code == 2
    assert "error: --folds: " in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(("names", "folds"), [("abc", 1), ("a", 0), ("a", 2)])
def test_folds_do_not_leave_out_all_sources_unless_seen_ones_are_trained_on(names: str, folds: int) -> None:
    sets = [page_set(name, name, 3) for name in names]
    with pytest.raises(InputError, match="nothing would be left to train on"):
        folds_of(sets, frozenset({"unknown"}), folds)
    assert folds_of([*sets, page_set("seen", "seen", 3)], frozenset({"seen"}), folds) == [list(names)]


def test_a_fold_trains_on_no_page_of_the_sources_left_out_and_keeps_what_is_labelled(
    data: Path, tmp_path: Path
) -> None:
    sets = benchmark.read_page_sets(data, tmp_path, 64, 3)
    setting = tmp_path / "real.yaml"
    setting.write_text("train: {lr0: 0.003}\n", encoding="utf-8")
    budget = Budget(tmp_path / "start.pt", frozenset(), 2, 2, 64, 0.33, 3, 0)
    config = benchmark.setting_config(setting, tmp_path, budget, sets, ["city", "stamps_only"], 5)
    assert (config.train.lr0, config.train.freeze, config.train.steps, config.train.seed) == (0.003, 10, 2, 5)
    read = read_training_data(config.train.sources)
    trained = {Path(page.name).parent.parent.name for page in read.splits["train"]}
    left_out = read_dataset(tmp_path / "fold" / benchmark.LEFT_OUT, ("val",)).splits["val"]
    evaluated = {Path(page.name).parent.parent.name for page in left_out}
    assert (trained, evaluated) == ({"old_letters", "receipts"}, {"city", "city_again", "stamps_only"})
    assert len(read.splits["train"]) == 6  # three of four pages of each set
    assert len(left_out) == 12
    stamps = [page for page in left_out if "stamps_only" in page.name]
    assert all(page.labelled == frozenset({2}) and set(page.ground_truth.class_ids.tolist()) <= {2} for page in stamps)


def test_real_pages_are_drawn_as_often_as_the_budget_says(data: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "made", train=9)
    setting = tmp_path / "made.yaml"
    setting.write_text(f"train: {{data: {tmp_path / 'made'}}}\n", encoding="utf-8")
    sets = benchmark.read_page_sets(data, tmp_path, 64, 4)
    budget = Budget(tmp_path / "start.pt", frozenset(), 2, 2, 64, 0.25, 4, 0)
    config = benchmark.setting_config(setting, tmp_path, budget, sets, ["city"], 0)
    shares = [one.weight * one.pages**0.5 for one in read_training_data(config.train.sources).shares]
    assert shares[-1] == pytest.approx(3)
    assert sum(shares[:-1]) / sum(shares) == pytest.approx(0.25)


def test_pages_are_kept_as_large_as_the_largest_size_of_training_or_evaluation(data: Path, tmp_path: Path) -> None:
    def budget(*sizes: int) -> Budget:
        return Budget(tmp_path / "start.pt", frozenset(), 2, 2, 64, 0.33, 3, 0, sizes)

    assert (budget().evaluated_px, budget().page_px) == ((64,), 64)
    assert (budget(32).evaluated_px, budget(32).page_px) == ((32,), 64)
    assert (budget(64, 96, 64).evaluated_px, budget(64, 96, 64).page_px) == ((64, 96), 96)
    for long_side in (64, 96):  # the second size does not get the pages of the first one
        sets = benchmark.read_page_sets(data, tmp_path, long_side, 3)
        page = read_dataset(write_left_out(sets, tmp_path), ("val",)).splits["val"][0]
        assert max(page.ground_truth.size_wh) == long_side


def write_left_out(sets: list[PageSet], folder: Path) -> Path:
    benchmark.write_fold(folder / "fold", sets, ["city"])
    return folder / "fold" / benchmark.LEFT_OUT


def test_smaller_copies_keep_labels_distractors_and_incomplete_classes(tmp_path: Path) -> None:
    file = write_dataset(tmp_path / "made", train=2)
    name = "images/train/страница_0.png"
    (tmp_path / "made" / "looks.json").write_text(f'{{"{name}": [[8, 16, 24, 32]]}}', encoding="utf-8")
    file.write_text(file.read_text() + "distractors: looks.json\nlabelled: [qr, stamp]\n", encoding="utf-8")
    before = read_dataset(file, ("train",)).splits["train"]
    after = read_dataset(benchmark.shrink_dataset(str(file), tmp_path, 48), ("train",)).splits["train"]
    assert [page.ground_truth.size_wh for page in after] == [(36, 48), (36, 48)]
    assert after[0].distractors.tolist() == [[4, 8, 12, 16]]
    assert [page.labelled for page in after] == [frozenset({0, 2})] * 2
    for large, small in zip(before, after, strict=True):
        assert small.ground_truth.xyxy == pytest.approx(large.ground_truth.xyxy / 2, abs=0.01)


def test_a_change_is_shown_only_where_its_interval_leaves_out_zero() -> None:
    better = two_settings(a=(40, 0), b=(40, 0), c=(40, 0))
    row = next(row for row in class_rows(better) if row[:2] == ("signature", "AP.3"))
    assert row[2:] == ("3", "0.000 ± 0.000 (0.00 a)", "1.000 ± 0.000 (1.00 a)", "+1.000", "+1.000 to +1.000", "3, 0")
    assert statements(better)[0] == "signature, AP.3: after is better than before."
    mixed = two_settings(a=(40, 0), b=(0, 0), c=(0, 40))
    assert statements(mixed)[0] == "signature, AP.3: no difference between before and after is shown."
    assert interval([0.5]) == (0.5, math.inf)


def test_a_shift_that_is_too_much_for_half_an_iou_still_counts_as_found() -> None:
    rows = {row[1]: row for row in class_rows(two_settings(a=(0, 10), b=(0, 10)))}  # IoU 0.38
    assert (rows["AP.3"][5], rows["AP50"][5]) == ("+0.000", "-1.000")


def test_false_alarms_are_counted_by_kind_on_pages_without_marks_and_for_labelled_classes_only() -> None:
    empty = Detections.none((100, 100))
    boxes = np.array([(0, 0, 9, 9), (20, 20, 29, 29), (40, 40, 49, 49)], np.float32)
    found = Detections(boxes, np.array([1, 1, 2]), (100, 100), np.array([0.9, 0.1, 0.8], np.float32))
    whole = Sample("a", 1, "receipts", empty, found, None)
    partly = Sample("b", 1, "web", empty, found, frozenset({1}))
    marked = found_on("web", signatures(1), 0, 0.9)
    pages = {"receipts": [whole], "web": [partly, marked]}
    figures = Figures({"only": [pages]}, {"receipts": "receipts", "web": "other"})
    assert alarm_rows(figures)[1:] == [("other", "1", "1.00"), ("receipts", "1", "2.00"), ("all", "2", "1.50")]


def test_a_whole_run_goes_on_where_it_stopped_and_refuses_records_of_another_budget(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docdetect.training.resident.run.write_outcome", lambda *_: None)  # plots, which take seconds
    write_checkpoint(tmp_path / "start.pt")
    write_dataset(tmp_path / "made", train=4)
    (tmp_path / "with.yaml").write_text(
        f"train: {{freeze: 0, precision: fp32, data: {tmp_path / 'made'}}}\n", encoding="utf-8"
    )
    (tmp_path / "without.yaml").write_text("train: {freeze: 0, precision: fp32}\n", encoding="utf-8")
    settings = ["--settings", str(tmp_path / "without.yaml"), str(tmp_path / "with.yaml")]
    paths = ["--work", str(tmp_path / "work"), "--data", str(data), "--start", str(tmp_path / "start.pt")]
    small = ["--imgsz", "64", "--batch", "2", "--folds", "2", "--seen", "old_letters"]

    assert benchmark.main([*settings, *paths, *small, "--steps", "2", "--pieces", "3"]) == 0
    shown = capsys.readouterr().out
    assert "1 of 2 folds, 2 trainings of 2 steps" in shown
    assert "3 trainings and evaluations are left" in shown
    first = read_json(tmp_path / "work" / "records" / "with_fold0_seed0.json")
    before = (tmp_path / "work" / "records" / "with_fold0_seed0.json").stat().st_mtime_ns

    assert benchmark.main([*settings, *paths, *small, "--steps", "2"]) == 0
    shown = capsys.readouterr().out
    assert "2 of 2 folds, 4 trainings of 2 steps" in shown
    assert "left" not in shown
    assert "Evaluated at" not in shown  # one size needs no heading
    assert (tmp_path / "work" / "records" / "with_fold0_seed0.json").stat().st_mtime_ns == before
    second = read_json(tmp_path / "work" / "records" / "with_fold1_seed0.json")
    assert sorted(first["left_out"] + second["left_out"]) == ["city", "receipts", "stamps_only"]
    documents = [page["document"] for one in (first, second) for page in one["predictions"]["64"]["pages"]]
    assert len(documents) == len(set(documents)) == 16
    assert not list((tmp_path / "work" / "runs").iterdir())  # no weights are kept

    assert benchmark.main([*settings, *paths, *small, "--steps", "3"]) == 1
    assert "made with another budget" in capsys.readouterr().err


def test_each_trained_network_is_evaluated_at_every_size(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docdetect.training.resident.run.write_outcome", lambda *_: None)  # plots, which take seconds
    write_checkpoint(tmp_path / "start.pt")
    (tmp_path / "real.yaml").write_text("train: {freeze: 0, precision: fp32}\n", encoding="utf-8")
    paths = ["--work", str(tmp_path / "work"), "--data", str(data), "--start", str(tmp_path / "start.pt")]
    small = ["--settings", str(tmp_path / "real.yaml"), "--imgsz", "64", "--batch", "2", "--folds", "2", "--steps", "1"]

    assert benchmark.main([*paths, *small, "--seen", "--sizes", "64", "96", "--pieces", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("Evaluated at 64 px") < shown.index("Evaluated at 96 px")
    found = read_json(tmp_path / "work" / "records" / "real_fold0_seed0.json")["predictions"]
    assert list(found) == ["64", "96"]
    at_64, at_96 = ([page["document"] for page in found[size]["pages"]] for size in found)
    assert at_64 == at_96
    assert len(set(at_64)) == len(at_64) > 0
    assert found["64"]["pages"] != found["96"]["pages"]  # the network saw something else
    assert max(found["64"]["pages"][0]["size_wh"]) == 96  # boxes of all sizes are in px of one page

    assert benchmark.main([*paths, *small, "--seen", "--sizes", "64"]) == 1
    assert "made with another budget" in capsys.readouterr().err
