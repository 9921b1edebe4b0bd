"""`docdetect prepare` from the command line: exit codes, messages, the JSON summary."""

from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from docdetect.cli.main import run
from tests.support.documents import MadeDocuments, make_documents

FAST = ["--set", "data.workers=1", "--set", "data.split_by=document"]  # the made documents are all alike


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> MadeDocuments:
    return make_documents(tmp_path_factory.mktemp("prepare"), ("a.pdf", "b.pdf"))


def arguments(documents: MadeDocuments, dataset: Path, *more: str) -> list[str]:
    inputs = ["--pdfs", str(documents.pdfs), "--annotations", str(documents.annotations)]
    return ["prepare", *inputs, "--dataset", str(dataset), *FAST, *more]


def test_first_again_and_otherwise(
    documents: MadeDocuments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(documents, tmp_path / "main", "--map", "seal=stamp", "--map", "qr=null")) == 0
    shown = capsys.readouterr().err
    assert "removed: a.pdf, page 1, qr_0: category dropped by the class map" in shown
    assert "warning: no qr in train: it cannot be learnt" in shown
    assert run(["--json", *arguments(documents, tmp_path / "main", "--map", "seal=stamp", "--map", "qr=null")]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["unchanged"] is True
    assert sum(entry["pages"] for entry in summary["splits"]) == 4
    assert run(arguments(documents, tmp_path / "main", "--by", "page")) == 6
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"error: {tmp_path / 'main'}: this dataset was made from other inputs or settings",
        f"  Add --overwrite to replace it, --add-to {tmp_path / 'main'} to add pages to it, or choose another place.",
    ]


def test_a_resolution_alone_is_the_size_of_the_pages(documents: MadeDocuments, tmp_path: Path) -> None:
    assert run(arguments(documents, tmp_path / "main", "--dpi", "36")) == 0
    sizes = set()
    for picture in (tmp_path / "main").glob("images/*/*.*"):
        with Image.open(picture) as image:
            sizes.add(image.size)
    with pymupdf.open(documents.pdfs / "a.pdf") as pdf:
        assert sizes == {(round(pdf[0].rect.width / 2), round(pdf[0].rect.height / 2))}


def test_a_failed_document_is_exit_code_seven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_documents(tmp_path, ("a.pdf",))
    (made.pdfs / "broken.pdf").write_bytes(b"")
    assert run(arguments(made, tmp_path / "main", "--empty", "drop")) == 7
    error = capsys.readouterr().err
    assert "error: finished, without 1 that failed\n  - broken.pdf: the file is empty (unreadable)" in error
    assert (tmp_path / "main" / "data.yaml").is_file()


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--by", "colour"], 3, "--by (data.split_by): should be 'group', 'document' or 'page' (found 'colour')"),
        (["--empty", "some"], 3, "--empty (data.empty): "),
        (["--map", "seal"], 2, "--map seal: expected CATEGORY=CLASS"),
        (["--map", "seal=sta"], 3, "--map (data.class_map): sta not among the classes qr, signature, stamp"),
        (
            ["--annotations", "nowhere.json"],
            4,
            "nowhere.json: no such file\n  Put the annotations there, or name their file with --annotations.",
        ),
    ],
)
def test_what_is_wrong_is_said(
    documents: MadeDocuments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    message: str,
) -> None:
    assert run(arguments(documents, tmp_path / "main", *more)) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "main").exists()
