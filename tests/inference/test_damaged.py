"""Damaged files: what is there of them is looked at, and the journal says that they are damaged."""

from __future__ import annotations

import json
from pathlib import Path

from docdetect.inference.journal import JOURNAL_NAME, Journal
from tests.support.fakes import SETTINGS, make_image, run_once


def test_a_jpeg_without_its_end_is_looked_at_and_its_page_says_damaged(tmp_path: Path) -> None:
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
