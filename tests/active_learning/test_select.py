"""From a run of `infer` to a queue: with real documents, a tiny network and its features."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from docdetect.active_learning.select import Selection, select
from docdetect.annotations.reviews import Review, review_to_line
from docdetect.cli.main import run
from docdetect.config.schema import Config, InferConfig, SelectConfig
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, read_pages_for_tests
from docdetect.datasets.split import PageKey
from docdetect.errors import InputError, OutputExistsError
from tests.support.reviewing import read_queue
from tests.support.tiny_network import write_checkpoint
from tests.support.word_pages import write_document


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, twelve documents of two pages, of which two are copies of the first, one that is none, and a run."""
    folder = tmp_path_factory.mktemp("select")
    write_checkpoint(folder / "tiny.pt")
    for number in range(10):
        write_document(folder / "in" / f"{number}.pdf", (2 * number, 2 * number + 1))
    write_document(folder / "in" / "copies" / "0.pdf", (0, 1))
    write_document(folder / "in" / "copies" / "1.pdf", (1, 0))
    (folder / "in" / "broken.pdf").write_bytes(b"this is no PDF")
    arguments = ["--source", str(folder / "in"), "--output", str(folder / "run"), "--weights", str(folder / "tiny.pt")]
    assert run(["infer", *arguments, "--imgsz", "96", "--workers", "1", "--conf", "0.3", "-q"]) == 7
    return folder


@pytest.fixture
def ran(place: Path, tmp_path: Path) -> Path:
    """A copy of the run, to write into."""
    return Path(shutil.copytree(place / "run", tmp_path / "run"))


def choose(folder: Path, **settings: Any) -> Selection:
    return select(Config(select=SelectConfig(run=str(folder), **settings), infer=InferConfig()))


def review(folder: Path, *keys: PageKey) -> None:
    with (folder / "reviews.jsonl").open("a", encoding="utf-8") as stream:
        for key in keys:
            stream.write(review_to_line(Review(key.document, key.page, 1, "corrected", (), (596, 842))) + "\n")


def test_a_queue_holds_unlike_pages_with_reasons_and_a_random_share_for_tests(ran: Path) -> None:
    selection = choose(ran, count=8, random_share=0.25)
    pages = read_queue(ran / "queue.csv")
    assert len(pages) == len({page.key for page in pages}) == 8
    tests, train = ([page for page in pages if page.purpose == purpose] for purpose in ("test", "train"))
    assert (len(tests), len(train)) == (2, 6)
    assert all(page.reason for page in pages)
    assert len({page.group for page in train}) == 6
    assert all(page.distance is not None and page.distance > 0 for page in train)
    assert not {page.key.document for page in tests} & {page.key.document for page in train}
    assert set(read_pages_for_tests(ran / TEST_PAGES_CSV)) == {page.key for page in tests}
    assert selection.left_out["documents that could not be read"] == 1
    assert selection.candidates == 24
    assert max(page.scores["second_look"] for page in pages) > 0


def test_copies_stand_once_in_the_queue_however_many_pages_are_wanted(ran: Path) -> None:
    selection = choose(ran, count=24, random_share=0)
    first = {PageKey("0.pdf", 1), PageKey("copies/0.pdf", 1), PageKey("copies/1.pdf", 2)}
    assert len(first & {page.key for page in selection.pages}) == 1
    assert len(selection.pages) == 20  # 24 pages, of which two are there three times
    assert selection.left_out["near-duplicates in the shortlist"] == 4
    assert any("20 of 24" in warning for warning in selection.warnings)


def test_the_same_run_and_settings_give_the_same_bytes(ran: Path, place: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(place / "run", tmp_path / "other"))
    for folder in (ran, other):
        choose(folder, count=6, random_share=0.3)
    assert (ran / "queue.csv").read_bytes() == (other / "queue.csv").read_bytes()
    by_scores = {"count": 6, "random_share": 0.3, "diversity": "off"}
    choose(other, **by_scores, overwrite=True)
    assert choose(other, **by_scores).unchanged


def test_another_seed_draws_other_pages_for_tests(ran: Path) -> None:
    drawn = []
    for seed in range(4):
        (ran / TEST_PAGES_CSV).unlink(missing_ok=True)
        selection = choose(ran, count=4, random_share=0.5, seed=seed, diversity="off", overwrite=True)
        drawn.append(frozenset(page.key for page in selection.pages if page.purpose == "test"))
    assert len(set(drawn)) > 1


def test_reviewed_pages_and_their_copies_do_not_come_back_and_test_pages_stay_test_pages(ran: Path) -> None:
    first = choose(ran, count=6, random_share=0.3)
    tests = {page.key for page in first.pages if page.purpose == "test"}
    done = [page.key for page in first.pages]
    review(ran, *done)
    with pytest.raises(OutputExistsError):
        choose(ran, count=6, random_share=0.3, diversity="off")
    second = choose(ran, count=20, random_share=0.1, overwrite=True)
    assert not set(done) & {page.key for page in second.pages}
    assert second.left_out["pages reviewed already"] == 6
    assert tests < set(read_pages_for_tests(ran / TEST_PAGES_CSV))
    assert not {key.document for key in tests} & {page.key.document for page in second.pages if page.purpose == "train"}
    groups = {page.group for page in first.pages if page.purpose == "train"}
    assert not groups & {page.group for page in second.pages if page.purpose == "train"}


def test_pages_for_tests_that_wait_for_their_review_are_queued_again_before_new_ones(ran: Path) -> None:
    first = choose(ran, count=8, random_share=0.25, diversity="off")
    waiting = {page.key for page in first.pages if page.purpose == "test"}
    again = choose(ran, count=8, random_share=0.4, diversity="off", overwrite=True)
    assert waiting < {page.key for page in again.pages if page.purpose == "test"}


def test_without_a_second_look_neither_documents_nor_weights_are_needed(ran: Path) -> None:
    summary = json.loads((ran / "summary.json").read_text(encoding="utf-8"))
    summary["run"]["weights"] = "gone.pt"
    (ran / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(InputError, match=r"gone\.pt"):
        choose(ran, count=4)
    selection = choose(ran, count=4, random_share=0, diversity="off")
    worths = [page.score for page in selection.pages]
    assert len(worths) == 4
    assert worths == sorted(worths, reverse=True)


def test_a_small_run_does_not_become_pages_for_tests_as_a_whole(ran: Path) -> None:
    selection = choose(ran, count=200, random_share=0.25, diversity="off")
    purposes = [page.purpose for page in selection.pages]
    assert purposes.count("test") == 6, "a quarter of its 24 pages, not of 200"
    assert purposes.count("train") > 0


def test_documents_that_changed_since_the_run_are_not_looked_at(place: Path, ran: Path) -> None:
    original = (place / "in" / "3.pdf").read_bytes()
    try:
        (place / "in" / "3.pdf").write_bytes(original + b"\n% changed\n")
        selection = choose(ran, count=24, random_share=0)
    finally:
        (place / "in" / "3.pdf").write_bytes(original)
    assert "3.pdf" not in {page.key.document for page in selection.pages}
    assert selection.left_out["pages that could not be looked at again"] == 2
    assert any("has changed" in warning for warning in selection.warnings)


def test_the_command_writes_the_queue_and_says_what_it_left_out(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "select", "--run", str(ran), "--count", "5"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["train"], summary["test"]) == (4, 1)
    assert summary["left_out"]["documents that could not be read"] == 1
    assert run(["select", str(ran), "--count", "5", "--overwrite"]) == 0
    said = capsys.readouterr().err
    assert said.endswith(f"next: docdetect review {ran}\n")
    assert "pages to label: 4 by their scores and 1 at random, of 24 without a label; left out: " in said
    assert "documents that could not be read: 1" in said
    assert run(["select", str(ran), "--count", "6", "--diversity", "off"]) == 6
    assert run(["select", str(ran / "nothing")]) == 4


@pytest.fixture
def ran_by_two(place: Path, tmp_path: Path) -> Path:
    """A run of an ensemble of the same network at two sizes, on copies of two documents."""
    folder = tmp_path / "two"
    for number in range(2):
        write_document(folder / "in" / f"{number}.pdf", (2 * number, 2 * number + 1))
    shutil.copy(place / "tiny.pt", folder / "tiny.pt")
    looks = [{"weights": "tiny.pt", "imgsz": 64}, {"weights": "tiny.pt", "imgsz": 96}]
    ensemble = folder / "two.ensemble.json"
    ensemble.write_text(json.dumps({"format": 1, "looks": looks, "second_look": True}), encoding="utf-8")
    arguments = ["--source", str(folder / "in"), "--output", str(folder / "run"), "--weights", str(ensemble)]
    assert run(["infer", *arguments, "--workers", "1", "--conf", "0.2", "-q"]) == 0
    return folder


def test_a_queue_is_chosen_from_a_run_of_an_ensemble(ran_by_two: Path) -> None:
    ensemble, folder = ran_by_two / "two.ensemble.json", ran_by_two / "run"
    assert len(choose(folder, count=2, random_share=0).pages) == 2
    named = choose(folder, count=2, random_share=0, weights=str(ensemble), overwrite=True)
    assert all(page.distance is not None for page in named.pages), "the last of its networks gives the features"
    with pytest.raises(InputError, match=r"tiny\.pt: other weights than those of the run"):
        choose(folder, count=2, weights=str(ran_by_two / "tiny.pt"))


@pytest.mark.parametrize("change", ["another", "gone"])
def test_a_network_of_an_ensemble_that_changed_since_the_run_is_said(ran_by_two: Path, change: str) -> None:
    network, folder = ran_by_two / "tiny.pt", ran_by_two / "run"
    if change == "gone":
        network.unlink()
    else:
        network.write_bytes(b"another network")
    said = "tiny.pt: no such weights" if change == "gone" else "the weights are others now than those of the run"
    with pytest.raises(InputError, match=said) as caught:
        choose(folder, count=2)
    assert "--diversity off" in caught.value.remedy
    selection = choose(folder, count=2, random_share=0, diversity="off")
    assert len(selection.pages) == 2
