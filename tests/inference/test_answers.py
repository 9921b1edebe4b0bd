"""Which documents lack a class: the same answer in documents.csv, summary.json, results.xlsx and index.html."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from docdetect.config.loading import load_config
from docdetect.files import read_json, write_json, write_text
from docdetect.inference import networks as module
from docdetect.inference.report import InferReport
from docdetect.inference.run import infer
from docdetect.inference.workbook import MAX_ROWS, Sheet, write_workbook
from docdetect.models.thresholds import Thresholds, thresholds_path, thresholds_to_json
from docdetect.tables import read_csv
from tests.support.fakes import ColourEngine, make_image, make_pdf

LARGE = ("signature", (10, 10, 160, 110))
EXPECTED = {"signed.png": "has", "unsigned.png": "none", "doubt.pdf": "check", "broken.pdf": "unknown"}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights that `infer` takes for those of the engine that finds colours; a small mark is only a possible one."""
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: ColourEngine())
    file = tmp_path / "w.pt"
    write_text(file, "weights")
    kept = Thresholds({"signature": 0.55}, check={"signature": 0.1})
    write_json(thresholds_path(file), thresholds_to_json(kept))
    return file


def run_over(weights: Path, **more: object) -> InferReport:
    source, output = weights.parent / "in", weights.parent / "out"
    make_image(source / "signed.png", [LARGE])
    make_image(source / "unsigned.png", [("stamp", (10, 10, 160, 110))])
    make_pdf(source / "doubt.pdf", [[], [("signature", (20, 20, 40, 32))]])
    write_text(source / "broken.pdf", "%PDF-1.7 and no more")
    write_text(source / "notes.docx", "no document of ours")
    flags: dict[str, object] = {"source": str(source), "output": str(output), "weights": str(weights), "workers": 1}
    flags |= {"require": ["signature"], "imgsz": 256}
    return infer(load_config(None, (), {f"infer.{key}": value for key, value in (flags | more).items()}))


def sheets(output: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(output / "results.xlsx")
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_every_file_has_one_answer(weights: Path) -> None:
    report = run_over(weights)
    output = report.output
    assert report.lacking == {"unsigned.png": ("signature",)}
    assert report.to_check == {"doubt.pdf": ("signature",)}
    assert report.unknown == {"broken.pdf": ("signature",)}
    table = read_csv(output / "documents.csv").set_index("document")
    assert table.loc[list(EXPECTED), "signature"].to_dict() == EXPECTED
    assert table.loc["unsigned.png", "lacks"] == "signature"
    assert (table.loc["doubt.pdf", "lacks"], table.loc["doubt.pdf", "check_pages"]) == ("", "2")
    assert (table.loc["notes.docx", "status"], table.loc["notes.docx", "signature"]) == ("left_out", "")
    summary = read_json(output / "summary.json")
    assert {row["document"]: row["answers"]["signature"] for row in summary["documents"]} == EXPECTED
    text = (output / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    listed = {one["name"]: one for one in json.loads(found[1])["documents"]}
    assert {name: one["answers"]["signature"] for name, one in listed.items()} == EXPECTED
    page = listed["doubt.pdf"]["pages"][1]
    ((_, _, box),) = page["possible_marks"]
    shares = [value / page["size"][axis % 2] for axis, value in enumerate(box)]
    assert shares == pytest.approx([20 / 200, 20 / 300, 40 / 200, 32 / 300], abs=0.005), "where to look on the page"


def test_the_first_sheet_says_so_where_no_document_lacks_anything(weights: Path) -> None:
    output = run_over(weights, include=["signed.png"]).output
    assert sheets(output)["Lacks signature"][1:] == [("all documents have signature", None, None, None, None)]


def test_pages_to_check_are_listed_only_where_they_change_the_answer(weights: Path) -> None:
    possible = ("signature", (200, 120, 220, 132))
    make_image(weights.parent / "in" / "signed_twice.png", [LARGE, possible])
    output = run_over(weights).output
    table = read_csv(output / "documents.csv").set_index("document")
    assert table.loc["signed_twice.png", ["signature", "check_pages"]].to_list() == ["has", ""]
    page = read_json(output / "summary.json")["documents"][-2]
    assert (page["document"], page["pages_to_check"]) == ("signed_twice.png", {"signature": [1]})


def test_the_first_sheet_of_the_workbook_is_the_answer(weights: Path) -> None:
    output = run_over(weights).output
    found = sheets(output)
    assert list(found) == ["Lacks signature", "Documents", "Marks", "Failures", "Settings"]
    heading, *rows = found["Lacks signature"]
    assert heading == ("document", "signature", "pages", "pages to check", "remarks")
    assert [row[:2] for row in rows] == [
        ("unsigned.png", "has none"),
        ("doubt.pdf", "please check"),
        ("broken.pdf", "not seen as a whole"),
    ]
    assert len(found["Marks"]) == 1 + 2
    assert {row[0] for row in found["Failures"][1:]} == {"broken.pdf", "notes.docx"}
    sheet = openpyxl.load_workbook(output / "results.xlsx")["Lacks signature"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E4")
    assert (output / sheet["A2"].hyperlink.target).is_file(), "a link leads to the drawn page"
    assert sheet["A3"].hyperlink.target == "pages/doubt.pdf/page_0002.jpg", "the page to check"


def test_without_required_classes_the_documents_come_first(weights: Path) -> None:
    assert next(iter(sheets(run_over(weights, require=[]).output))) == "Documents"


def test_a_damaged_document_never_lacks_anything(weights: Path) -> None:
    source = weights.parent / "in"
    make_pdf(source / "whole.pdf", [[], []])
    torn = (source / "whole.pdf").read_bytes()
    (source / "torn.pdf").write_bytes(torn[: torn.rindex(b"xref")])
    report = run_over(weights)
    row = next(row for row in report.totals.documents if row.document == "torn.pdf")
    assert row.answers["signature"] == "unknown"
    assert "repaired" in row.remarks
    assert "torn.pdf" not in report.lacking
    assert "whole.pdf" in report.lacking


def test_texts_of_strangers_are_texts_in_the_workbook(tmp_path: Path) -> None:
    hostile = "=cmd|' /C calc'!A0\x1b[31m"
    write_workbook(tmp_path / "a.xlsx", [Sheet("Marks", ("text", "n"), [(hostile, 1), ("plain", None)])])
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet is not None
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("=cmd|' /C calc'!A0␛[31m", "s")
    assert sheet["B2"].value == 1


def test_rows_beyond_the_limit_are_said_to_be_left_out(tmp_path: Path) -> None:
    rows = [(number,) for number in range(MAX_ROWS + 3)]
    write_workbook(tmp_path / "a.xlsx", [Sheet("Marks", ("n",), rows, None, "detections.csv")])
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True)["Marks"]
    rows_read = list(sheet.iter_rows(values_only=True))
    assert len(rows_read) == MAX_ROWS + 2
    assert rows_read[-1][0] == "3 more rows are left out here; all are in detections.csv."


def test_the_same_results_give_the_same_workbook(tmp_path: Path) -> None:
    sheet = Sheet("Marks", ("n",), [(1,)])
    for name in ("a", "b"):
        write_workbook(tmp_path / f"{name}.xlsx", [sheet])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_marks_that_the_workbook_leaves_out_are_all_counted(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module_name in ("results", "workbook"):
        monkeypatch.setattr(f"docdetect.inference.{module_name}.MAX_ROWS", 1)
    found = sheets(run_over(weights).output)
    assert len(found["Marks"]) == 1 + 1 + 1
    assert found["Marks"][-1][0] == "1 more rows are left out here; all are in detections.csv."
