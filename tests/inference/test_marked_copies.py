"""Marked copies of PDFs: made beside the flow, made up for by a resumed run, and never in the way of the results."""

from __future__ import annotations

import csv
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from docdetect.config.schema import InferConfig
from docdetect.documents.sources import collect_documents, list_documents
from docdetect.inference.detector import Detector
from docdetect.inference.folder import claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.marked_copies import PdfCopies
from docdetect.inference.run import run
from tests.inference.test_resume import CountingEngine, StoppingEngine
from tests.support.fakes import SETTINGS, ColourEngine, compared_files, make_folder, make_pdf, run_once
from tests.support.hostile import open_or_die_on_a_copy, open_or_hang_on_a_copy
from tests.support.waiting import wait_until

COPYING = replace(SETTINGS, save_pdf=True)
STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


def notes(path: Path) -> list[list[tuple[str, str, list[int]]]]:
    """Title, content and place of the annotations on each page, in whole points of the unturned page."""
    with pymupdf.open(path) as pdf:
        return [
            [
                (note.info["title"], note.info["content"].replace("\r", "\n"), [round(value) for value in note.rect])
                for note in page.annots()
            ]
            for page in pdf
        ]


def copies(output: Path) -> list[str]:
    return sorted(path.relative_to(output).as_posix() for path in (output / "pdf").rglob("*") if path.is_file())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "in")


def test_every_pdf_with_results_has_a_copy_with_its_marks(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    report = run_once(source, output, COPYING)
    assert copies(output) == ["pdf/a.pdf", "pdf/deep/Договор.PDF"]
    first, second, third = notes(output / "pdf" / "a.pdf")
    assert [title for title, _, _ in first] == ["stamp", "signature"]
    assert first[0][2] == pytest.approx([19, 19, 61, 51], abs=2)
    assert first[0][1].startswith("confidence 0.5")
    assert second == []
    assert [title for title, _, _ in third] == ["signature"]
    assert (output / "pdf" / "a.pdf").read_bytes().startswith((source / "a.pdf").read_bytes())
    assert report.without_copy == {}
    with (output / "documents.csv").open(encoding="utf-8-sig", newline="") as stream:
        told = {row["document"]: row["pdf"] for row in csv.DictReader(stream)}
    assert told == {"a.pdf": "written", "deep/Договор.PDF": "written", "broken.pdf": "", "photo.jpg": ""}


def test_a_code_says_in_the_copy_that_it_could_not_be_read(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[("qr", (20, 20, 60, 60))]], rotate=90)
    run_once(tmp_path / "in", tmp_path / "out", COPYING)
    (((title, content, place),),) = notes(tmp_path / "out" / "pdf" / "a.pdf")
    assert title == "qr"
    assert content.splitlines()[1:] == ["unreadable"]
    assert place == pytest.approx([19, 19, 61, 61], abs=2)


def test_a_copy_that_cannot_be_made_is_reported_with_its_reason(source: Path, tmp_path: Path) -> None:
    allowed = pymupdf.PDF_PERM_PRINT
    with pymupdf.open(source / "a.pdf") as pdf:
        pdf.save(source / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="x", permissions=allowed)
    report = run_once(source, tmp_path / "out", COPYING)
    (reason,) = report.without_copy.values()
    assert (list(report.without_copy), reason.kind) == (["locked.pdf"], "encrypted")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    message = "its permissions forbid annotations"
    assert summary["without_copy"] == [{"document": "locked.pdf", "kind": "encrypted", "message": message}]
    assert summary["totals"]["ok"] == 4, "its marks were found all the same"
    assert copies(tmp_path / "out") == ["pdf/a.pdf", "pdf/deep/Договор.PDF"]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_resumed_run_makes_the_missing_copies(source: Path, tmp_path: Path, calls: int) -> None:
    run_once(source, tmp_path / "whole", COPYING)
    output = tmp_path / "out"
    assert run_once(source, output, COPYING, engine=StoppingEngine(calls)).interrupted
    run_once(source, output, COPYING, on_existing="resume")
    assert compared_files(output) == compared_files(tmp_path / "whole")


def test_copies_can_be_asked_for_later_and_no_page_is_done_again(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output)
    engine = CountingEngine()
    run_once(source, output, COPYING, engine=engine, on_existing="resume")
    assert engine.pages == 0
    run_once(source, tmp_path / "whole", COPYING)
    assert compared_files(output) == compared_files(tmp_path / "whole")
    (output / "pdf" / "a.pdf").unlink()
    run_once(source, output, COPYING, engine=engine, on_existing="resume")
    assert compared_files(output) == compared_files(tmp_path / "whole")
    run_once(source, output, engine=engine, on_existing="resume")
    run_once(source, tmp_path / "without")
    assert compared_files(output) == compared_files(tmp_path / "without")
    assert engine.pages == 0


def test_the_copy_of_a_changed_document_is_made_again(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output, COPYING)
    make_pdf(source / "a.pdf", [[STAMP]])
    run_once(source, output, COPYING, on_existing="resume")
    assert [[title for title, _, _ in page] for page in notes(output / "pdf" / "a.pdf")] == [["stamp"]]
    (source / "a.pdf").unlink()
    run_once(source, output, COPYING, on_existing="resume")
    assert copies(output) == ["pdf/deep/Договор.PDF"]


def test_the_journal_has_a_line_for_every_copy_behind_its_document(source: Path, tmp_path: Path) -> None:
    run_once(source, tmp_path / "out", COPYING)
    lines = [json.loads(line) for line in (tmp_path / "out" / JOURNAL_NAME).read_text(encoding="utf-8").splitlines()]
    kinds = [(line["record"], line["document"]) for line in lines[1:] if line["record"] != "page"]
    assert kinds == [
        ("document", "a.pdf"),
        ("pdf", "a.pdf"),
        ("document", "broken.pdf"),
        ("document", "deep/Договор.PDF"),
        ("pdf", "deep/Договор.PDF"),
        ("document", "photo.jpg"),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_is_killed_over_a_copy_leaves_no_half_of_it(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with (
        Detector(engine=ColourEngine()) as detector,
        claimed_folder(output, "refuse"),
        Journal(output / JOURNAL_NAME, COPYING) as journal,
    ):
        report = run(collect_documents([str(source)]), detector, journal, InferConfig(), opener=open_or_die_on_a_copy)
    assert {name: failure.kind for name, failure in report.without_copy.items()} == {
        "a.pdf": "memory",
        "deep/Договор.PDF": "memory",
    }
    assert copies(output) == []


def test_a_stop_in_the_middle_of_a_copy_leaves_nothing_of_it(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_once(source, output, COPYING)
    (output / "pdf" / "a.pdf").unlink()
    (file,) = (file for file in list_documents(source) if file.name == "a.pdf")
    with (
        Journal(output / JOURNAL_NAME, COPYING) as journal,
        PdfCopies(journal, output, open_or_hang_on_a_copy) as making,
    ):
        making.add(file)
        wait_until(lambda: [path for path in (output / "pdf").iterdir() if path.suffix == ".tmp"])
    assert copies(output) == ["pdf/deep/Договор.PDF"]


def test_a_stop_waits_for_no_copy(source: Path, tmp_path: Path) -> None:
    output, stop = tmp_path / "out", threading.Event()
    run_once(source, output, COPYING)
    (output / "pdf" / "a.pdf").unlink()
    with (
        Journal(output / JOURNAL_NAME, COPYING) as journal,
        PdfCopies(journal, output, open_or_hang_on_a_copy, stop) as making,
    ):
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        making.finish(list_documents(source))
        timer.join()
        noted = journal.read_pdf("a.pdf")
        assert noted is not None
        assert noted.failure is None, "the copy's time limit was waited for"
    assert copies(output) == ["pdf/deep/Договор.PDF"]
