from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest

from docdetect.cli.main import run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "pdfs"
    folder.mkdir()
    with pymupdf.open() as pdf:
        pdf.new_page(width=72, height=144)
        pdf.save(folder / "a.pdf")
    return folder


def convert_args(source: Path, *options: str) -> list[str]:
    return ["convert", "--pdfs", str(source), "--output", str(source.parent / "images"), "--workers", "1", *options]


def test_convert_says_what_it_did(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", *convert_args(source)]) == 0
    images = source.parent / "images"
    assert json.loads(capsys.readouterr().out) == {"output": str(images), "written": 1, "skipped": 0, "failures": []}
    assert (images / "a_page_0001.png").is_file()
    assert run(convert_args(source)) == 0
    assert "0 written, 1 there already, 0 failed" in capsys.readouterr().err


def test_a_failed_document_gives_exit_code_7_and_its_reason(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "broken.pdf").write_bytes(b"no")
    assert run(["--json", *convert_args(source, "--size", "long_side", "--long-side", "64")]) == 7
    out, err = capsys.readouterr()
    (failure,) = json.loads(out)["failures"]
    assert (failure["document"], failure["page"], failure["kind"]) == ("broken.pdf", None, "unreadable")
    assert "broken.pdf" in err


def test_a_size_that_does_not_exist_is_a_configuration_error(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(convert_args(source, "--size", "huge")) == 3
    assert "data.images_size" in capsys.readouterr().err
