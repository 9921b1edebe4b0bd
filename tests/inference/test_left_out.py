"""Every entry of a source is accounted for: read, failed with its reason, or left out with its reason."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docdetect.config.schema import InferConfig
from docdetect.documents.sources import collect_documents
from docdetect.errors import InputError
from docdetect.inference.detector import Detector
from docdetect.inference.folder import INDEX_NAME, claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.report import summary_of
from docdetect.inference.run import run
from docdetect.inference.selection import chosen_documents
from docdetect.types import FailureKind
from tests.support.fakes import SETTINGS, ColourEngine, make_image, make_pdf, run_once


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for name in ("a.pdf", "drafts/b.pdf", "drafts/deep/c.pdf", "final/drafts/d.pdf"):
        make_pdf(folder / name, [[]])
    make_image(folder / "photo.jpg", [])
    (folder / "letter.docx").write_bytes(b"PK")
    return folder


def choose(source: Path, **options: Any) -> tuple[list[str], dict[str, str]]:
    collection = chosen_documents(InferConfig(source=(str(source),), output=str(source.parent / "out"), **options))
    return [file.name for file in collection.files], {entry.name: entry.reason.value for entry in collection.left_out}


@pytest.mark.parametrize("pattern", ["drafts/*", "drafts/**", "drafts/", "DRAFTS/*"])
def test_an_excluded_folder_is_not_entered(source: Path, pattern: str) -> None:
    files, left_out = choose(source, exclude=(pattern,))
    assert files == ["a.pdf", "final/drafts/d.pdf", "photo.jpg"]
    assert left_out == {"drafts/": "excluded", "letter.docx": "not a document"}


def test_a_pattern_with_a_leading_star_excludes_folders_at_any_depth(source: Path) -> None:
    files, left_out = choose(source, exclude=("*drafts/*",))
    assert files == ["a.pdf", "photo.jpg"]
    assert {name for name, reason in left_out.items() if reason == "excluded"} == {"drafts/", "final/drafts/"}


def test_what_is_not_included_is_left_out_by_name(source: Path) -> None:
    files, left_out = choose(source, include=("*.jpg",))
    assert files == ["photo.jpg"]
    assert left_out["drafts/deep/c.pdf"] == "excluded"


def test_nothing_left_says_what_was_left_out(source: Path) -> None:
    with pytest.raises(InputError, match=r"no documents are left \(left out: 5 excluded, 1 \.docx\)"):
        choose(source, exclude=("*.pdf", "*.jpg"))


def test_the_summary_names_what_was_left_out(source: Path) -> None:
    output = source.parent / "out"
    report = run_once(source, output)
    collection = chosen_documents(InferConfig(source=(str(source),), exclude=("drafts/*",), output=str(output)))
    summary = summary_of(replace(report, left_out=collection.left_out))
    assert summary["left_out"] == [
        {"name": "drafts/", "reason": "excluded"},
        {"name": "letter.docx", "reason": "not a document"},
    ]


def test_the_page_for_the_browser_says_what_was_not_looked_at(source: Path) -> None:
    output = source.parent / "out"
    collection = chosen_documents(InferConfig(source=(str(source),), exclude=("drafts/*",), output=str(output)))
    with (
        Detector(engine=ColourEngine()) as detector,
        claimed_folder(output, "refuse"),
        Journal(output / JOURNAL_NAME, SETTINGS) as journal,
    ):
        report = run(collection, detector, journal, InferConfig())
    assert report.left_out == collection.left_out
    page = (output / INDEX_NAME).read_text(encoding="utf-8")
    assert "Not looked at: 1 .docx, 1 excluded; documents.csv has their names and the reasons." in page


def test_a_folder_that_cannot_be_read_is_a_row_among_the_failures(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "drafts" and Path(path).parent == source:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    collection = collect_documents([str(source)])
    output = source.parent / "out"
    with (
        Detector(engine=ColourEngine()) as detector,
        claimed_folder(output, "refuse"),
        Journal(output / JOURNAL_NAME, SETTINGS) as journal,
    ):
        report = run(collection, detector, journal, InferConfig())
    (failure,) = report.totals.failures
    assert (failure.document, failure.failure.kind) == ("drafts", FailureKind.UNREADABLE)
    assert failure.failure.message == "the folder cannot be read (Permission denied)"
    assert report.failed_documents == 1
    assert report.totals.pages == 3


def test_the_results_of_a_run_are_no_source(tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.png", [("stamp", (10, 10, 60, 60))])
    run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, save_pages=True))
    with pytest.raises(InputError, match="results of an earlier run"):
        chosen_documents(InferConfig(source=(str(tmp_path / "out"),)))
