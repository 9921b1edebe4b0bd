"""CSV files: a spreadsheet shows what was found and runs none of it, and docdetect reads back what it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.errors import InputError
from docdetect.tables import csv_text, plain_cell, read_csv, safe_cell, table_from_csv, write_csv


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "'=1"]
)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    assert cell.startswith("'")
    assert plain_cell(cell) == text


@pytest.mark.parametrize("value", ["contract.pdf", "-5", "+1.5e3", "", -7, 0.25, None, True])
def test_numbers_and_plain_texts_stay(value: object) -> None:
    assert safe_cell(value) == value


def test_control_characters_can_be_seen_and_a_row_is_one_line() -> None:
    assert safe_cell("a\x00b\x1b[31m\r\nc\x7f") == "a␀b␛[31m␍␊c␡"
    assert csv_text([("a\nb", 1)], ("text", "count")).count("\n") == 2


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_what_is_written_is_read_back(text: str) -> None:
    table = table_from_csv(csv_text([(text, "x")], ("text", "other")), "made")
    assert table["text"].tolist() == [text]


def test_a_file_has_a_byte_order_mark_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "таблица.csv"
    write_csv(path, [("акт, 7.pdf", 1, None), ("=x.pdf", 2, 0.5)], ("document", "page", "score"))
    assert path.read_bytes() == '\ufeffdocument,page,score\n"акт, 7.pdf",1,\n\'=x.pdf,2,0.5\n'.encode()
    assert read_csv(path, ("document", "page")).to_numpy().tolist() == [["акт, 7.pdf", "1", ""], ["=x.pdf", "2", "0.5"]]


def test_what_is_not_known_is_an_empty_cell() -> None:
    row = float("nan"), None, np.float32(0.5), True
    assert csv_text([row], ("a", "b", "c", "d")) == "\ufeffa,b,c,d\n,,0.5,True\n"


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [], ("document", "page"))
    assert list(read_csv(tmp_path / "a.csv").columns) == ["document", "page"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a,b\n1,2,3,4\n", "not a CSV table .*line 2"),
        ("a,b\n1,2\n", "lacks the columns page"),
    ],
)
def test_what_is_no_such_table_is_bad_input(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_csv(tmp_path / "a.csv", ("a", "page") if "page" in message else ())


def test_a_cell_that_a_row_lacks_is_empty() -> None:
    assert table_from_csv("a,b\n1\n", "made").to_numpy().tolist() == [["1", ""]]
