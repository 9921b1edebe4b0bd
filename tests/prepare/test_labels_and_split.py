"""Single steps: label files and a split manifest, each written once and never over somebody's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docdetect.config.schema import DataConfig
from docdetect.datasets.split import split_from_csv
from docdetect.errors import OutputExistsError
from docdetect.prepare.dataset import Made, write_labels, write_split
from docdetect.workers.parts import WorkerSettings
from tests.support.documents import make_documents


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    made = make_documents(tmp_path / "raw", ("a.pdf", "b.pdf"))
    return DataConfig(
        pdfs=str(made.pdfs),
        annotations=str(made.annotations),
        labels=str(tmp_path / "labels"),
        split=str(tmp_path / "split.csv"),
        split_by="document",  # the documents are all alike
    )


def labels(config: DataConfig, **changes: Any) -> Made:
    return write_labels(config.model_copy(update=changes), workers=WorkerSettings())


def split(config: DataConfig, **changes: Any) -> Made:
    return write_split(config.model_copy(update=changes), workers=WorkerSettings())


def test_labels_of_every_page(config: DataConfig) -> None:
    result = labels(config)
    assert not result.unchanged
    lines = {path.stem: len(path.read_text().splitlines()) for path in result.path.glob("*_page_*.txt")}
    assert lines == {"a_page_0001": 3, "a_page_0002": 0, "b_page_0001": 3, "b_page_0002": 0}
    assert (result.path / "classes.txt").read_text() == "qr\nsignature\nstamp\n"
    assert {"report.json", "report.md"} <= {path.name for path in result.path.iterdir()}
    assert labels(config).unchanged


def test_labels_by_another_class_map(config: DataConfig) -> None:
    labels(config)
    changes = {"class_map": {"signature": "stamp", "qr": None}}
    with pytest.raises(OutputExistsError):
        labels(config, **changes)
    result = labels(config, overwrite=True, **changes)
    assert [line[0] for line in (result.path / "a_page_0001.txt").read_text().splitlines()] == ["2", "2"]
    assert len(result.report.removals) == 2


def test_a_split_is_written_once(config: DataConfig) -> None:
    result = split(config)
    text = result.path.read_text()
    assert len(split_from_csv(text, "split.csv").rows) == 4
    assert split(config).unchanged
    with pytest.raises(OutputExistsError, match="another split is there"):
        split(config, split_by="page")
    assert result.path.read_text() == text
    assert not split(config, split_by="page", overwrite=True).unchanged
    assert result.path.read_text() != text


def test_a_split_does_not_replace_what_is_no_split(config: DataConfig) -> None:
    Path(config.split).write_text("my notes")
    with pytest.raises(OutputExistsError, match="exists and is no split manifest"):
        split(config, overwrite=True)
    assert Path(config.split).read_text() == "my notes"


def test_a_manifest_is_checked_and_applied(config: DataConfig, tmp_path: Path) -> None:
    first = split(config)
    second = split(config, seed=99, val=0.5, manifest=str(first.path), split=str(tmp_path / "again.csv"))
    assert second.path.read_bytes() == first.path.read_bytes()


def test_a_class_missing_on_one_side_is_told(config: DataConfig) -> None:
    result = split(config, split_by="page", val=0.25, seed=2)
    empty_side = [entry.split for entry in result.report.splits if not sum(entry.marks.values())]
    assert empty_side
    missing = [warning for warning in result.report.warnings if warning.startswith("no ")]
    assert len(missing) == 3 * len(empty_side)
