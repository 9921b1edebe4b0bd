"""`docdetect labels`, `split` and `visualize` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from docdetect.cli.main import run
from docdetect.documents.drawing import write_image
from docdetect.files import write_text
from tests.support.documents import make_documents


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    made = make_documents(tmp_path, ("a.pdf", "b.pdf"))
    return ["--pdfs", str(made.pdfs), "--annotations", str(made.annotations), "--set", "data.workers=1"]


def test_labels(inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "labels", *inputs, "--output", str(tmp_path / "labels"), "--map", "signature=null"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["output"], summary["unchanged"]) == (str(tmp_path / "labels"), False)
    assert summary["splits"][0]["marks"] == {"qr": 2, "signature": 0, "stamp": 2}
    assert len(list((tmp_path / "labels").glob("*_page_*.txt"))) == 4


def test_split_and_its_manifest(inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run(["split", *inputs, "--output", str(first), "--seed", "7", "--by", "page", "--empty", "0.5"]) == 0
    assert "1 pages without marks left out" in capsys.readouterr().err
    assert len(first.read_text().splitlines()) == 4
    again = ["split", *inputs, "--output", str(second), "--manifest", str(first), "--by", "page", "--seed", "7"]
    assert run([*again, "--empty", "0.5"]) == 0
    assert second.read_bytes() == first.read_bytes()
    assert run([*again, "--empty", "keep"]) == 4
    assert "not in the manifest" in capsys.readouterr().err


def test_visualize(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(tmp_path / "data.yaml", "train: images\nval: images\nnames: [qr]\n")
    write_image(tmp_path / "images" / "a.png", np.full((80, 60, 3), 255, np.uint8))
    write_text(tmp_path / "labels" / "a.txt", "0 .5 .5 .5 .5\n")
    assert run(["--json", "visualize", "--dataset", str(tmp_path), "--set", "data.workers=1"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pages"], summary["failures"]) == (2, []), "a picture is drawn in each of its splits"
    assert (tmp_path / "vis" / "train" / "a.jpg").is_file()
    assert run(["visualize", "--dataset", str(tmp_path / "nowhere")]) == 4
