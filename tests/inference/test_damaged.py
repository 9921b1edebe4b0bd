"""Damaged files: what there is of them is read, and the journal says that they are damaged."""

from __future__ import annotations

import json
from pathlib import Path

from docdetect.config.schema import InferConfig
from docdetect.inference.detector import Detector
from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.types import Note, NoteKind
from tests.support.fakes import SETTINGS, ColourEngine, make_image, make_pdf, run_once


def test_a_jpeg_without_its_end_is_read_and_its_page_says_damaged(tmp_path: Path) -> None:
    for name in ("cut.jpg", "whole.jpg"):
        make_image(tmp_path / "in" / name, [("stamp", (50, 40, 120, 90))])
    cut = tmp_path / "in" / "cut.jpg"
    cut.write_bytes(cut.read_bytes()[:-2])
    report = run_once(tmp_path / "in", tmp_path / "out")
    assert report.totals.marks["stamp"] == 2
    lines = [json.loads(line) for line in (tmp_path / "out" / JOURNAL_NAME).read_text(encoding="utf-8").splitlines()]
    pages = {line["document"]: line for line in lines if line["record"] == "page"}
    assert "damaged" in pages["cut.jpg"]["damaged"]
    assert "damaged" not in pages["whole.jpg"]
    with Journal(tmp_path / "out" / JOURNAL_NAME, SETTINGS) as journal:
        (page,) = journal.read_document("cut.jpg")[0].good_pages
    assert page.info.damaged == pages["cut.jpg"]["damaged"]


def test_a_repaired_document_never_lacks_a_mark(tmp_path: Path) -> None:
    for name in ("cut.pdf", "whole.pdf"):
        make_pdf(tmp_path / "in" / name, [[], [], []])
    cut = tmp_path / "in" / "cut.pdf"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 8 // 10])
    wanted = InferConfig(require=("signature",))
    report = run_once(tmp_path / "in", tmp_path / "out", wanted=wanted)
    assert set(report.lacking) == {"whole.pdf"}
    rows = {row["document"]: row for row in json.loads((tmp_path / "out" / "summary.json").read_text())["documents"]}
    assert [note["kind"] for note in rows["cut.pdf"]["notes"]] == ["repaired"]
    assert rows["whole.pdf"]["notes"] == []
    text = (tmp_path / "out" / "documents.csv").read_text(encoding="utf-8-sig")
    assert "was damaged and was repaired while it was read" in text
    with Journal(tmp_path / "out" / JOURNAL_NAME, SETTINGS) as journal:
        result, _ = journal.read_document("cut.pdf")
    assert result.notes == (Note(NoteKind.REPAIRED),)


def test_a_document_with_a_damaged_page_never_lacks_a_mark(tmp_path: Path) -> None:
    cut = make_image(tmp_path / "in" / "cut.jpg", [])
    cut.write_bytes(cut.read_bytes()[:-2])
    make_image(tmp_path / "in" / "whole.jpg", [])
    report = run_once(tmp_path / "in", tmp_path / "out", wanted=InferConfig(require=("signature",)))
    assert set(report.lacking) == {"whole.jpg"}
    assert report.totals.documents[0].remarks == "has a damaged page (page 1)"


def test_the_python_interface_says_what_is_damaged(tmp_path: Path) -> None:
    cut_picture = make_image(tmp_path / "a.jpg", [])
    cut_picture.write_bytes(cut_picture.read_bytes()[:-2])
    cut_pdf = make_pdf(tmp_path / "b.pdf", [[], []])
    cut_pdf.write_bytes(cut_pdf.read_bytes()[: cut_pdf.stat().st_size * 8 // 10])
    sound = make_image(tmp_path / "c.jpg", [])
    with Detector(engine=ColourEngine(), workers=0) as detector:
        picture, pdf, whole = detector.detect_documents([cut_picture, cut_pdf, sound])
    assert picture.pages[0].damaged is not None
    assert pdf.notes == (Note(NoteKind.REPAIRED),)
    assert (whole.pages[0].damaged, whole.notes) == (None, ())
