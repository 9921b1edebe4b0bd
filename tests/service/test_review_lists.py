"""What the review page asks for beyond single pages: a list from its middle, parts of pictures, the wall of possible
marks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from docdetect.config.schema import Config, InferConfig
from docdetect.review.pictures import PictureMaker
from docdetect.service.review_app import ReviewPlan, make_review_app
from tests.support.fakes import COLOURS, SETTINGS, make_pdf, run_once

BASE = "/v1/jobs/run/review"
LARGE, SMALL = ("stamp", (20.0, 20.0, 90.0, 80.0)), ("stamp", (20.0, 220.0, 50.0, 240.0))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Nine pages, each with a mark, and the first two with a possible mark below the threshold."""
    make_pdf(tmp_path / "in" / "a.pdf", [[LARGE, SMALL], [LARGE, SMALL], [LARGE], [LARGE]])
    make_pdf(tmp_path / "in" / "b.pdf", [[LARGE]] * 5)
    (tmp_path / "in" / "broken.pdf").write_bytes(b"no PDF")
    run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, conf=0.55, check_conf=(0.5, 0.5, 0.5)))
    config = Config(infer=InferConfig(source=(str(tmp_path / "in"),)))
    pictures = PictureMaker(processes=1, memory_bytes=2 << 30)
    try:
        app = make_review_app(ReviewPlan(tmp_path / "out", config), pictures)
        yield TestClient(app, base_url="http://127.0.0.1")
    finally:
        pictures.close()


def listed(client: TestClient, **query: Any) -> tuple[list[str], int, int]:
    answer = client.get(f"{BASE}/pages", params=query).json()
    return [page["id"] for page in answer["pages"]], answer["offset"], answer["total"]


def test_a_list_is_had_from_its_middle(client: TestClient) -> None:
    every, offset, total = listed(client)
    assert (offset, total) == (0, 9)
    assert listed(client, around=every[5], limit=4) == (every[3:7], 3, 9)
    assert listed(client, around=every[0], limit=4) == (every[:4], 0, 9)
    assert listed(client, before=every[3], limit=2) == (every[1:3], 1, 9)
    assert listed(client, before=every[0], limit=2) == ([], 0, 9)
    assert listed(client, after=every[6], limit=5) == (every[7:], 7, 9)
    assert client.get(f"{BASE}/pages", params={"around": "0" * 16 + "-1"}).status_code == 404


def test_a_page_that_is_left_out_still_has_a_place(client: TestClient) -> None:
    every, _, _ = listed(client)
    page = client.get(f"{BASE}/pages/{every[4]}").json()
    body = {"boxes": page["boxes"], "review_state": "right"}
    client.put(f"{BASE}/pages/{every[4]}", json=body, headers={"If-Match": '"0"'})
    assert listed(client, unreviewed=True, around=every[4], limit=2) == ([every[3], every[5]], 3, 8)
    assert client.get(f"{BASE}/pages", params={"around": every[4]}).json()["pages"][4]["review_state"] == "right"


def test_documents_name_their_first_page(client: TestClient) -> None:
    every, _, _ = listed(client)
    documents = {one["name"]: one["first_page"] for one in client.get(BASE).json()["documents"]}
    assert documents == {"a.pdf": every[0], "b.pdf": every[4], "broken.pdf": None}


def test_a_part_of_a_page_is_sharper_than_the_page(client: TestClient) -> None:
    page = client.get(f"{BASE}/pages/{listed(client)[0][0]}").json()
    left, top, right, bottom = page["boxes"][0]["xyxy"]
    address = f"{BASE}/pages/{page['id']}/image"
    region = f"{left},{top},{right},{bottom}"
    answer = client.get(address, params={"region": region, "max_px": 600})
    assert answer.status_code == 200
    picture = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert 500 < max(picture.size) <= 600  # the box has some 190 px of the page
    assert picture.getpixel((picture.width // 2, picture.height // 2)) == pytest.approx(COLOURS["stamp"], abs=12)
    assert client.get(address, params={"region": region, "max_px": 600}).headers["etag"] == answer.headers["etag"]
    assert client.get(address, params={"max_px": 600}).headers["etag"] != answer.headers["etag"]
    for wrong in ("1,2,3", "a,b,c,d", "5,5,5,90", f"{page['width'] + 1},0,{page['width'] + 9},9"):
        assert client.get(address, params={"region": wrong}).status_code == 422, wrong


def decided(client: TestClient, pages: dict[str, int], accept: Any = (), reject: Any = ()) -> Any:
    places = {"accept": list(accept), "reject": list(reject)}
    boxes = {name: [{"page": page, "box": box} for page, box in chosen] for name, chosen in places.items()}
    return client.post(f"{BASE}/crops", json=boxes | {"revisions": pages})


def test_possible_marks_have_a_wall_of_their_own(client: TestClient) -> None:
    first, second = listed(client)[0][:2]
    wall: dict[str, Any] = {"category": "stamp", "possible_marks": True, "order": "confidence-desc"}
    answer = client.get(f"{BASE}/crops", params=wall).json()
    assert answer["total"] == 2
    assert [(crop["page"]["id"], crop["box"]["id"]) for crop in answer["crops"]] == [(first, "g0"), (second, "g0")]
    assert client.get(answer["crops"][0]["image"]).status_code == 200
    assert decided(client, {first: 0}, accept=[(first, "g0")]).status_code == 200
    page = client.get(f"{BASE}/pages/{first}").json()
    assert [box["id"] for box in page["boxes"]] == ["n0", "g0"]
    assert page["possible_marks"] == []
    assert not page["reviewed"]  # the other mark is not decided
    answer = client.get(f"{BASE}/crops", params=wall).json()
    assert [crop["page"]["id"] for crop in answer["crops"]] == [second]
    assert decided(client, {second: 0}, reject=[(second, "g0")]).status_code == 422  # it is no box


def test_a_rejected_mark_of_the_network_comes_back(client: TestClient) -> None:
    page = listed(client)[0][2]
    assert decided(client, {page: 0}, reject=[(page, "n0")]).json()["pages"][0]["counts"]["stamp"] == 0
    assert decided(client, {page: 1}, accept=[(page, "n0")]).json()["pages"][0]["counts"]["stamp"] == 1
    box = client.get(f"{BASE}/pages/{page}").json()["boxes"][0]
    assert (box["id"], box["source"]) == ("n0", "person")
    assert box["confidence"] is not None
    assert decided(client, {page: 2}, accept=[(page, "n7")]).status_code == 422
