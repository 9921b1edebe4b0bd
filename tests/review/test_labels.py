"""From results over corrections in the browser's way to annotations, and from these to a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from docdetect.annotations.reviews import REVIEWS_NAME
from docdetect.cli.main import run as command
from docdetect.config.schema import Config, InferConfig
from docdetect.datasets.reader import list_dataset
from docdetect.review.pictures import PictureMaker
from docdetect.service.review_app import ReviewPlan, make_review_app
from tests.support.fakes import make_pdf, run_once

STAMP, SIGNATURE = ("stamp", (20.0, 20.0, 60.0, 50.0)), ("signature", (100.0, 200.0, 150.0, 220.0))
BASE = "/v1/jobs/run/review"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Four documents of two pages each, the second without marks."""
    for name in "abcd":
        make_pdf(tmp_path / "in" / f"{name}.pdf", [[STAMP, SIGNATURE], []])
    run_once(tmp_path / "in", tmp_path / "out")
    config = Config(infer=InferConfig(source=(str(tmp_path / "in"),)))
    pictures = PictureMaker(processes=1)
    yield TestClient(make_review_app(ReviewPlan(tmp_path / "out", config), pictures), base_url="http://127.0.0.1")
    pictures.close()


def review(client: TestClient, document: str, number: int, review_state: str, boxes: Any = None) -> None:
    (facts,) = [
        page
        for page in client.get(f"{BASE}/pages", params={"document": document}).json()["pages"]
        if page["number"] == number
    ]
    page = client.get(f"{BASE}/pages/{facts['id']}").json()
    body = {"boxes": page["boxes"] if boxes is None else boxes, "review_state": review_state}
    answer = client.put(f"{BASE}/pages/{page['id']}", json=body, headers={"If-Match": f'"{page["revision"]}"'})
    assert answer.status_code == 200, answer.text


def test_corrections_become_a_dataset(client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abc":
        review(client, f"{name}.pdf", 1, "right")
    code = {"category": "qr", "xyxy": [300, 100, 380, 180], "source": "person"}
    review(client, "b.pdf", 1, "corrected", [code])
    review(client, "a.pdf", 2, "right")
    review(client, "b.pdf", 2, "unsure")
    review(client, "c.pdf", 2, "unreviewed", [code])
    target = tmp_path / "out" / "annotations.json"
    assert command(["labels", "--from", "reviews", str(tmp_path / "out"), "--json"]) == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert summary["output"] == str(target)
    assert (summary["pages"], summary["empty"], summary["marks"]) == (4, 1, {"qr": 1, "signature": 2, "stamp": 2})
    assert summary["remarks"] == {
        "pages that a person was unsure about, left out": 1,
        "pages that a person has begun and not finished, left out": 1,
        "pages that nobody has reviewed, left out": 2,
        "documents of which only some pages are reviewed: give prepare --unlisted-pages skip": 2,
    }
    annotations = json.loads(target.read_text(encoding="utf-8"))
    assert {name: list(pages) for name, pages in annotations.items()} == {
        "a.pdf": ["page_1", "page_2"],
        "b.pdf": ["page_1"],
        "c.pdf": ["page_1"],
    }
    assert annotations["a.pdf"]["page_2"]["annotations"] == []
    assert annotations == client.get(f"{BASE}/annotations.json").json()

    dataset = tmp_path / "dataset"
    options = ["--annotations", str(target), "--output", str(dataset), "--unlisted", "skip", "--unlisted-pages", "skip"]
    assert command(["prepare", "--pdfs", str(tmp_path / "in"), *options]) == 0, capsys.readouterr().err
    files = list_dataset(dataset)
    labels = {
        picture.path.stem: picture.label.read_text().split("\n") if picture.label and picture.label.exists() else []
        for split in files.pictures.values()
        for picture in split
    }
    assert sorted(sum(bool(line) for line in lines) for lines in labels.values()) == [0, 1, 2, 2]


def test_a_log_alone_and_another_format(client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    review(client, "a.pdf", 1, "right")
    log = tmp_path / "downloaded.jsonl"
    log.write_bytes((tmp_path / "out" / REVIEWS_NAME).read_bytes())
    assert command(["labels", "--from", "reviews", "--to", "coco", str(log), str(tmp_path / "coco.json")]) == 0
    assert len(json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))["annotations"]) == 2
    assert command(["labels", "--from", "reviews", str(log)]) == 0
    assert (tmp_path / "annotations.json").is_file()
    assert command(["labels", "--from", "reviews", str(log)]) == 6
    assert "is there already" in capsys.readouterr().err


def test_results_that_nobody_has_reviewed(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["labels", "--from", "reviews", str(tmp_path / "out")]) == 4
    assert f"docdetect review {tmp_path / 'out'}" in capsys.readouterr().err
    assert command(["labels", "--from", "reviews", str(tmp_path / "in")]) == 4
    assert "no results of docdetect infer" in capsys.readouterr().err
