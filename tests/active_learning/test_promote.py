"""Weights take the place of others only where they are as good on the pages for tests, and one can go back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docdetect.active_learning import promote as module
from docdetect.active_learning.promote import HISTORY, Promotion, pages_for_tests, promote, read_history
from docdetect.calibration import Calibration, calibration_to_json
from docdetect.cli.main import run
from docdetect.config.schema import Config, FiguresConfig, PromoteConfig
from docdetect.datasets.data_yaml import data_yaml_text
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, pages_for_tests_text
from docdetect.datasets.split import SPLIT_CSV, PageKey, Split, SplitRow, split_to_csv
from docdetect.documents.page_names import page_stem
from docdetect.errors import InputError, RefusedError
from docdetect.files import sha256_file, write_json, write_text
from docdetect.metrics.matching import Sample
from docdetect.models.thresholds import calibration_path, read_calibration
from docdetect.types import Detections

CLASSES = ("qr", "signature", "stamp")
SIZE = (100, 100)
BOX = (10.0, 10.0, 60.0, 60.0)
PAGES = 12


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset of pages for tests; what a network finds is what the text of its file says."""
    dataset = tmp_path / "set"
    keys = [PageKey(f"{i}.pdf", 1) for i in range(PAGES + 1)]
    for key in keys:
        stem = page_stem(key.document, key.page)
        image = dataset / "images" / "test" / f"{stem}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((*SIZE, 3), 255, np.uint8)).save(image)
        write_text(dataset / "labels" / "test" / f"{stem}.txt", "2 0.35 0.35 0.5 0.5\n")
    write_text(dataset / "data.yaml", data_yaml_text(CLASSES, {"test": ["images/test"]}))
    write_text(dataset / SPLIT_CSV, split_to_csv(Split(tuple(SplitRow(key, "test", key.document) for key in keys))))
    write_text(dataset / TEST_PAGES_CSV, pages_for_tests_text(keys[:PAGES]))
    monkeypatch.setattr(module, "_samples", found_as_written)
    return tmp_path


def found_as_written(
    config: Config, weights: Path, dataset: Any, images: Any, on_progress: Callable[..., None], announce: Any
) -> tuple[Sample, ...]:
    """The network in a file finds the mark of as many pages as the file says, and on the others a wrong one."""
    right = int(weights.read_text(encoding="utf-8").split()[0])
    samples = []
    for number, image in enumerate(images):
        box = BOX if number < right else (70.0, 70.0, 90.0, 90.0)
        found = Detections(np.array([box], np.float32), np.array([2]), SIZE, np.array([0.9], np.float32))
        samples.append(Sample(f"{number}", 1, f"{number}", image.ground_truth, found))
    return tuple(samples)


def weights(place: Path, name: str, right: int) -> Path:
    file = place / name
    file.write_text(f"{right} {name}", encoding="utf-8")
    return file


def decide(place: Path, new: Path | str = "", **settings: Any) -> Promotion:
    settings = {"present": str(weights(place, "first.pt", 6)), **settings}
    settings = {"data": str(place / "set"), **settings}
    wanted = PromoteConfig(weights=str(new), to=str(place / "weights" / "current.pt"), **settings)
    return promote(Config(promote=wanted, figures=FiguresConfig(resamples=200)))


def test_better_weights_are_promoted_with_their_figures(place: Path) -> None:
    new = weights(place, "new.pt", 10)
    done = decide(place, new)
    assert done.place.read_bytes() == new.read_bytes()
    one = done.of("ap50_95", "stamp")
    assert one is not None
    assert one.difference.low is not None
    assert one.difference.low > 0
    assert done.pages == PAGES  # the thirteenth page of the test split was not drawn at random
    (record,) = read_history(place / "weights")
    assert record["sha256"] == sha256_file(new)
    assert record["previous_sha256"] == sha256_file(place / "first.pt")
    assert record["figures"]["ap50_95 all"]["new"] > record["figures"]["ap50_95 all"]["present"]
    assert record["forced"] == ""


def test_worse_weights_are_refused_with_figures_and_nothing_changes(place: Path) -> None:
    with pytest.raises(RefusedError, match=r"on 12 pages for tests, .*\(.* to .*\)") as refused:
        decide(place, weights(place, "new.pt", 3))
    assert refused.value.exit_code == 8
    assert "--force" in refused.value.remedy
    assert not (place / "weights" / "current.pt").exists()
    assert not (place / "weights" / HISTORY).exists()


def test_a_small_loss_is_refused_and_said_to_be_maybe_noise(place: Path) -> None:
    with pytest.raises(RefusedError, match="may be noise"):
        decide(place, weights(place, "new.pt", 5))


def test_equally_good_weights_are_as_good(place: Path) -> None:
    assert not decide(place, weights(place, "new.pt", 6)).unchanged


def test_a_reason_takes_worse_weights_and_is_kept(place: Path) -> None:
    done = decide(place, weights(place, "new.pt", 3), force="the archive has no stamps any more")
    assert done.of("ap50_95") is not None
    assert read_history(place / "weights")[-1]["forced"] == "the archive has no stamps any more"


def test_the_next_promotion_compares_with_what_was_promoted(place: Path) -> None:
    decide(place, weights(place, "new.pt", 10))
    with pytest.raises(RefusedError):
        decide(place, weights(place, "newer.pt", 8))  # better than the first weights, and not than the present ones
    assert decide(place, weights(place, "new.pt", 10)).unchanged


@pytest.mark.parametrize("reason", ["", "whatever"])
def test_the_present_weights_are_no_promotion(place: Path, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nothing was promoted before, and without any page for tests: nobody has compared anything."""
    present = weights(place, "first.pt", 6)
    done = decide(place, present, data=str(place / "no dataset"), force=reason)
    assert (done.unchanged, done.place) == (True, present)
    words = ["--to", str(place / "weights" / "current.pt"), "--present", str(present)]
    assert run(["promote", str(present), *words]) == 0
    said = capsys.readouterr().err
    assert "nothing to promote" in said
    assert f"next: docdetect infer DOCUMENTS --weights {present}" in said
    assert "promoted:" not in said
    assert list((place / "weights").rglob("*.pt")) == []
    assert not (place / "weights" / HISTORY).exists()


def test_one_can_go_back_step_by_step(place: Path) -> None:
    first, second = weights(place, "first.pt", 6), weights(place, "second.pt", 8)
    decide(place, second)
    decide(place, weights(place, "third.pt", 10))
    current = place / "weights" / "current.pt"
    assert decide(place, back=True).went_back
    assert current.read_bytes() == second.read_bytes()
    decide(place, back=True)
    assert current.read_bytes() == first.read_bytes()
    with pytest.raises(InputError, match="no earlier weights"):
        decide(place, back=True)
    decide(place, weights(place, "fourth.pt", 11))
    decide(place, back=True)
    assert current.read_bytes() == first.read_bytes()


def test_damaged_weights_of_the_history_are_not_put_back(place: Path) -> None:
    decide(place, weights(place, "new.pt", 10))
    (kept,) = (place / "weights" / "history").glob(f"{sha256_file(place / 'first.pt')[:16]}.pt")
    kept.write_text("0 damaged", encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        decide(place, back=True)


def test_what_lies_beside_weights_goes_along_and_that_of_others_goes(place: Path) -> None:
    new, other = weights(place, "new.pt", 10), weights(place, "other.pt", 11)
    kept = Calibration({}, "made for new.pt", sha256_file(new))
    write_json(calibration_path(new), calibration_to_json(kept))
    current = decide(place, new).place
    assert read_calibration(current) == kept
    decide(place, other)
    assert read_calibration(current) is None
    decide(place, back=True)
    assert read_calibration(current) == kept


def test_a_dataset_without_pages_for_tests_is_refused_by_name(place: Path) -> None:
    write_text(place / "set" / TEST_PAGES_CSV, pages_for_tests_text([PageKey("elsewhere.pdf", 1)]))
    with pytest.raises(InputError, match="none of these pages"):
        decide(place, weights(place, "new.pt", 10))
    (place / "set" / TEST_PAGES_CSV).unlink()
    assert len(pages_for_tests(str(place / "set"))[1]) == PAGES + 1  # without a list the whole split is for tests
    write_text(place / "set" / "data.yaml", data_yaml_text(CLASSES, {"train": ["images/test"]}))
    with pytest.raises(InputError, match="no pages for tests") as refused:
        decide(place, weights(place, "new.pt", 10))
    assert "prepare --test 0.2" in refused.value.remedy
    assert decide(place, weights(place, "new.pt", 10), force="no pages yet").differences == ()


def test_the_command_ends_with_exit_code_8_where_it_refuses(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--to", str(place / "weights" / "current.pt"), "--data", str(place / "set"), "--resamples", "50"]
    words += ["--present", str(weights(place, "first.pt", 6))]
    assert run(["promote", str(weights(place, "bad.pt", 2)), *words]) == 8
    assert "not as good" in capsys.readouterr().err
    assert run(["--json", "promote", str(weights(place, "good.pt", 9)), *words]) == 0
    assert json.loads(capsys.readouterr().out)["pages"] == PAGES
    assert run(["promote", "--back", *words]) == 0
    assert run(["promote", "--to", str(place / "weights"), "--data", str(place / "set")]) == 2


def test_an_ensemble_is_neither_promoted_nor_compared_with(place: Path) -> None:
    looks = [{"weights": weights(place, f"{name}.pt", 12).name, "imgsz": 64} for name in ("a", "b")]
    ensemble = place / "two.ensemble.json"
    write_json(ensemble, {"format": 1, "looks": looks})
    for refused in ({"new": ensemble}, {"new": place / "a.pt", "present": str(ensemble)}):
        with pytest.raises(InputError, match="an ensemble of networks; promote takes one network") as caught:
            decide(place, **refused)
        assert caught.value.remedy == "Name one of: a.pt, b.pt."
    assert not (place / "weights" / "current.pt").exists()
