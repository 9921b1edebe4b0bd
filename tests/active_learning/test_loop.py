"""Two rounds of the loop through the command line, without the training: what one command writes the next one reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.annotations.native import annotations_to_json
from docdetect.cli.main import run
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, read_pages_for_tests
from docdetect.datasets.reader import read_dataset
from docdetect.datasets.split import SPLIT_CSV, PageKey, split_from_csv
from docdetect.files import read_text, write_json
from tests.support.reviewing import review_queue
from tests.support.tiny_network import write_checkpoint
from tests.support.word_pages import write_document


def sides(dataset: Path) -> dict[PageKey, str]:
    return split_from_csv(read_text(dataset / SPLIT_CSV), "split.csv").sides()


@pytest.mark.slow
def test_two_rounds_grow_one_dataset_whose_held_out_pages_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("docdetect.prepare.dataset.write_plots", lambda *_: [])
    write_checkpoint(tmp_path / "tiny.pt")
    known = {f"{i}.pdf": write_document(tmp_path / "in" / f"{i}.pdf", (2 * i, 2 * i + 1)) for i in range(9)}
    write_json(tmp_path / "true.json", annotations_to_json(known))
    infer = ["infer", "--source", "in", "--output", "results", "--weights", "tiny.pt", "--conf", "0.3"]
    assert run([*infer, "--imgsz", "96", "--workers", "1", "-q"]) == 0
    prepare = ["prepare", "--source", "in", "--annotations", "reviewed.json", "--output", "set", "--workers", "1", "-q"]
    prepare += ["--test-pages", f"results/{TEST_PAGES_CSV}", "--val", "0.2"]
    before: dict[PageKey, str] = {}
    for round_ in (1, 2):
        select = ["select", "--run", "results", "--count", "6", "--random-share", "0.2", "--overwrite", "-q"]
        assert run([*select, *(["--data", "set"] if before else [])]) == 0
        assert review_queue(tmp_path / "results", tmp_path / "true.json") == 6
        assert (
            run(["labels", "--from", "reviews", "--to", "native", "results", "reviewed.json", "--overwrite", "-q"]) == 0
        )
        assert run([*prepare, *(["--add-to", "set"] if before else [])]) == 0
        after = sides(tmp_path / "set")
        assert len(after) == 6 * round_
        assert {key: after[key] for key in before} == before
        drawn = set(read_pages_for_tests(tmp_path / "results" / TEST_PAGES_CSV))
        assert drawn == {key for key, side in after.items() if side == "test"}
        assert len(drawn) == round_
        before = after
    dataset = read_dataset(tmp_path / "set", ("train", "val", "test"))
    assert sum(dataset.marks(side) for side in dataset.splits) == 12
    trained = {key.document for key, side in after.items() if side == "train"}
    assert not trained & {key.document for key in drawn}
