"""Runs of many pages: a request reads no more of the journal than what is new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from docdetect.config.schema import Config
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import parse_line, run_to_line
from docdetect.review.pictures import PictureMaker
from docdetect.service.review_app import ReviewPlan, make_review_app
from tests.support.fakes import SETTINGS

PAGES = 500
BASE = "/v1/jobs/run/review"


def line(document: int, page: int) -> str:
    where = {"document": f"{document:04d}.pdf", "page": page, "sha256": f"{document:064x}"}
    box = {"category": "stamp", "confidence": 0.2 + (document + page) % 60 / 100, "xyxy": [10, 10, 50, 50]}
    data = {"record": "page", **where, "settings": SETTINGS.content_hash(), "page_size": {"width": 500, "height": 700}}
    return json.dumps(data | {"dpi": 200.0, "size_pt": None, "raw": [box], "marks": [box | {"members": [0]}]}) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    lines = [line(document, page) for document in range(PAGES // 5) for page in range(1, 6)]
    (folder / JOURNAL_NAME).write_text(run_to_line(SETTINGS) + "\n" + "".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    pictures = PictureMaker(processes=1)
    yield TestClient(make_review_app(ReviewPlan(folder, Config()), pictures), base_url="http://127.0.0.1")
    pictures.close()


def test_a_request_reads_only_what_is_new(client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str) -> object:
        read.append(text)
        return parse_line(text)

    assert client.get(BASE).json()["pages"] == PAGES
    monkeypatch.setattr("docdetect.review.journal_index.parse_line", counted)
    for path in ("", "/pages?limit=500", "/pages?category=stamp&min_confidence=0.5&unreviewed=true", "/crops?limit=1"):
        client.get(BASE + path).raise_for_status()
    assert len(read) == 1  # of the page on which the one mark of the wall stands
    with (folder / JOURNAL_NAME).open("a", encoding="utf-8") as stream:
        stream.write(line(9999, 1))
    assert client.get(f"{BASE}/pages?document=9999.pdf").json()["total"] == 1
    assert len(read) == 2


def test_what_people_say_does_not_list_all_pages_anew(client: TestClient) -> None:
    every = client.get(f"{BASE}/pages").json()["pages"]
    page = client.get(f"{BASE}/pages/{every[7]['id']}").json()
    put = {"boxes": page["boxes"], "review_state": "right"}
    headers = {"If-Match": f'"{page["revision"]}"'}
    assert client.put(f"{BASE}/pages/{page['id']}", json=put, headers=headers).status_code == 200
    now = client.get(f"{BASE}/pages").json()["pages"]
    assert [one["id"] for one in now] == [one["id"] for one in every]
    assert [one["id"] for one in now if one["reviewed"]] == [page["id"]]
    left = client.get(f"{BASE}/pages", params={"unreviewed": True, "around": page["id"], "limit": 2}).json()
    assert [one["id"] for one in left["pages"]] == [every[6]["id"], every[8]["id"]]
