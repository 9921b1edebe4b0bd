"""The addresses of the review page: what is there to review, corrections, pictures, the wall, and who may ask."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from docdetect.config.schema import Config, InferConfig
from docdetect.review.pictures import PictureMaker
from docdetect.service.review_app import ReviewPlan, make_review_app
from tests.service.conftest import Start, fake_detector
from tests.service.test_detect import slow_detector
from tests.support.fakes import COLOURS, make_folder, make_image, make_pdf, run_once

STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))
BASE = "/v1/jobs/run/review"


@pytest.fixture(scope="module")
def maker() -> Any:
    pictures = PictureMaker(processes=1, memory_bytes=2 << 30)
    yield pictures
    pictures.close()


@pytest.fixture
def reviewing(tmp_path: Path, maker: PictureMaker) -> TestClient:
    """The review page on a run over four documents, one of which is none."""
    make_folder(tmp_path / "in")
    run_once(tmp_path / "in", tmp_path / "out")
    return client_of(tmp_path / "out", tmp_path / "in", maker)


def client_of(output: Path, source: Path, maker: PictureMaker) -> TestClient:
    config = Config(infer=InferConfig(source=(str(source),), require=("qr",)))
    return TestClient(make_review_app(ReviewPlan(output, config), maker), base_url="http://127.0.0.1")


def page_ids(client: TestClient, **filters: Any) -> list[str]:
    return [page["id"] for page in client.get(f"{BASE}/pages", params=filters).json()["pages"]]


def put(client: TestClient, page: dict[str, Any], **changes: Any) -> Any:
    body = {"boxes": page["boxes"], "review_state": "right"} | changes
    return client.put(f"{BASE}/pages/{page['id']}", json=body, headers={"If-Match": f'"{page["revision"]}"'})


def references(value: Any) -> list[str]:
    """Every reference in a description."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for one in value.values() for found in references(one)]
    return [found for one in value for found in references(one)] if isinstance(value, list) else []


def test_the_description_is_whole(reviewing: TestClient) -> None:
    described = reviewing.get("/openapi.json").json()
    revise = described["paths"]["/v1/jobs/{job}/review/pages/{page}"]["put"]
    body = revise["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["boxes"]["items"]["properties"]["xyxy"]["maxItems"] == 4
    for reference in references(described):
        found = described
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
    assert {"409", "428"} <= set(revise["responses"])
    assert not [name for name in described["components"]["schemas"] if "__" in name]
    assert reviewing.get("/docs").status_code == 200


def test_what_is_to_be_reviewed(reviewing: TestClient) -> None:
    about = reviewing.get("/v1/about").json()
    assert (about["mode"], about["categories"], about["token_required"]) == (
        "review",
        ["qr", "signature", "stamp"],
        False,
    )
    (job,) = reviewing.get("/v1/jobs").json()["jobs"]
    assert (job["id"], job["state"]) == ("run", "done")
    review = reviewing.get(BASE).json()
    assert (review["pages"], review["reviewed"], review["required"], review["queue"]) == (6, 0, ["qr"], False)
    assert review["thresholds"] == {"qr": 0.15, "signature": 0.15, "stamp": 0.15}
    by_name = {one["name"]: one for one in review["documents"]}
    assert list(by_name) == ["a.pdf", "broken.pdf", "deep/Договор.PDF", "photo.jpg"]
    assert by_name["a.pdf"]["counts"] == {"qr": 0, "signature": 2, "stamp": 1}
    assert by_name["a.pdf"]["lacks"] == ["qr"]
    assert by_name["broken.pdf"]["status"] == "failed"
    assert by_name["broken.pdf"]["reason"]
    assert by_name["broken.pdf"]["lacks"] == []


def test_a_correction_is_kept(reviewing: TestClient, tmp_path: Path) -> None:
    first = page_ids(reviewing)[0]
    answer = reviewing.get(f"{BASE}/pages/{first}")
    page = answer.json()
    assert (page["document"], page["number"], page["revision"], page["review_state"]) == ("a.pdf", 1, 0, "unreviewed")
    assert answer.headers["etag"] == '"0"'
    drawn = {"category": "qr", "xyxy": [10, 10, 30.123, 30], "source": "person"}
    kept = [box for box in page["boxes"] if box["category"] == "stamp"]
    corrected = put(reviewing, page, boxes=[*kept, drawn], review_state="corrected", by="Ann")
    assert corrected.status_code == 200
    now = corrected.json()
    assert (now["revision"], now["review_state"], now["by"], now["reviewed"]) == (1, "corrected", "Ann", True)
    assert [(box["category"], box["source"], box["xyxy"]) for box in now["boxes"]] == [
        ("stamp", "network", kept[0]["xyxy"]),
        ("qr", "person", [10, 10, 30.12, 30]),
    ]
    assert reviewing.get(f"{BASE}/pages/{first}").json() == now
    assert reviewing.get(BASE).json()["documents"][0]["counts"] == {"qr": 1, "signature": 1, "stamp": 1}
    (line,) = reviewing.get(f"{BASE}/reviews.jsonl").text.splitlines()
    assert json.loads(line)["boxes"][1]["category"] == "qr"
    assert (tmp_path / "out" / "reviews.jsonl").read_text(encoding="utf-8") == line + "\n"
    assert reviewing.get(f"{BASE}/annotations.json").json()["a.pdf"]["page_1"]["page_size"] == {
        "width": page["width"],
        "height": page["height"],
    }


def test_nobody_is_overwritten(reviewing: TestClient, tmp_path: Path, maker: PictureMaker) -> None:
    other = client_of(tmp_path / "out", tmp_path / "in", maker)
    first = page_ids(reviewing)[0]
    mine, theirs = (client.get(f"{BASE}/pages/{first}").json() for client in (reviewing, other))
    assert put(other, theirs, boxes=[], review_state="corrected", by="Bob").status_code == 200
    refused = put(reviewing, mine)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:docdetect:problem:revised-meanwhile"
    assert (refused.json()["current"]["revision"], refused.json()["current"]["by"]) == (1, "Bob")
    assert put(reviewing, refused.json()["current"], review_state="right").json()["revision"] == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"boxes": [{"category": "qr", "xyxy": [0, 0, 5000, 10], "source": "person"}]}, 422),
        ({"boxes": [{"category": "seal", "xyxy": [0, 0, 50, 10], "source": "person"}]}, 422),
        ({"boxes": [{"category": "qr", "xyxy": [50, 0, 20, 10], "source": "person"}]}, 422),
        ({"boxes": [{"category": "qr", "xyxy": [0, 0, 20], "source": "person"}]}, 422),
        ({"boxes": [{"category": "qr", "xyxy": [0, 0, 20, 20], "confidence": 2}]}, 422),
        ({"boxes": [{"category": "qr", "xyxy": [0, 0, 20, 20]}] * 1001}, 422),
        ({"review_state": "perhaps"}, 422),
        ({"by": "x" * 101}, 422),
        ({"by": "x" * (3 << 20)}, 413),
    ],
)
def test_what_no_page_can_have_is_refused(reviewing: TestClient, change: Any, status: int) -> None:
    page = reviewing.get(f"{BASE}/pages/{page_ids(reviewing)[0]}").json()
    answer = put(reviewing, page, **change)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert reviewing.get(f"{BASE}/reviews.jsonl").content == b""


@pytest.mark.parametrize("body", [b"[", b"\xff", b"[" * 100_000, b'{"boxes": NaN}'])
def test_what_is_no_json_is_refused_as_what_it_is(reviewing: TestClient, body: bytes) -> None:
    page = page_ids(reviewing)[0]
    answer = reviewing.put(f"{BASE}/pages/{page}", content=body, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:docdetect:problem:wrong-request")
    assert answer.json()["detail"].startswith("boxes: " if b"NaN" in body else "the body: Invalid JSON")


def test_a_correction_names_its_revision(reviewing: TestClient) -> None:
    address, body = f"{BASE}/pages/{page_ids(reviewing)[0]}", {"boxes": [], "review_state": "right"}
    assert reviewing.put(address, json=body).status_code == 428
    assert reviewing.put(address, json=body, headers={"If-Match": "*"}).status_code == 400
    assert reviewing.put(address, json=body, headers={"If-Match": '"7"'}).status_code == 409
    assert reviewing.put(f"{BASE}/pages/0-1", json=body, headers={"If-Match": '"0"'}).status_code == 404


def test_pictures_of_pages_and_marks(reviewing: TestClient) -> None:
    page = reviewing.get(f"{BASE}/pages/{page_ids(reviewing)[0]}").json()
    answer = reviewing.get(page["image"], params={"max_px": 150})
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (100, 150))
    assert answer.headers["cache-control"] == "private, max-age=86400"
    again = reviewing.get(page["image"], params={"max_px": 150}, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Image.open(io.BytesIO(reviewing.get(page["image"], params={"format": "webp"}).content)).format == "WEBP"
    (stamp,) = [box for box in page["boxes"] if box["category"] == "stamp"]
    region = ",".join(map(str, stamp["xyxy"]))
    part = Image.open(io.BytesIO(reviewing.get(page["image"], params={"region": region, "max_px": 200}).content))
    assert max(part.size) == 200
    colour = part.convert("RGB").getpixel((part.width // 2, part.height // 2))
    assert max(abs(a - b) for a, b in zip(colour, COLOURS["stamp"], strict=True)) < 40  # type: ignore[arg-type]
    for wrong in ("1,2,3", "5,5,5,5", "90000,0,90010,10", "a,b,c,d"):
        assert reviewing.get(page["image"], params={"region": wrong}).status_code == 422
    crop = reviewing.get(f"{BASE}/pages/{page['id']}/crop", params={"box": stamp["id"], "max_px": 64, "margin": 0})
    cut = Image.open(io.BytesIO(crop.content)).convert("RGB")
    assert max(cut.size) == 64
    assert max(abs(a - b) for a, b in zip(cut.getpixel((32, 20)), COLOURS["stamp"], strict=True)) < 40  # type: ignore[arg-type]
    assert reviewing.get(f"{BASE}/pages/{page['id']}/crop", params={"box": "n99"}).status_code == 404
    assert reviewing.get(page["image"], params={"max_px": 20000}).status_code == 422


def test_a_mark_with_the_longest_id_has_a_picture(reviewing: TestClient) -> None:
    page = reviewing.get(f"{BASE}/pages/{page_ids(reviewing)[0]}").json()
    box = page["boxes"][0] | {"id": "b" * 64, "source": "person"}
    assert put(reviewing, page, boxes=[box], review_state="corrected").status_code == 200
    crop = reviewing.get(f"{BASE}/pages/{page['id']}/crop", params={"box": box["id"]})
    assert (crop.status_code, crop.headers["content-type"]) == (200, "image/jpeg")
    assert reviewing.get(f"{BASE}/pages/{page['id']}/crop", params={"box": "b" * 65}).status_code == 422


def test_a_document_that_was_changed_is_not_shown(reviewing: TestClient, tmp_path: Path) -> None:
    page = reviewing.get(f"{BASE}/pages/{page_ids(reviewing)[0]}").json()
    make_pdf(tmp_path / "in" / "a.pdf", [[]])
    answer = reviewing.get(page["image"])
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:docdetect:problem:document-gone")
    assert "was changed after the run" in answer.json()["detail"]
    assert str(tmp_path) not in answer.json()["detail"]
    (tmp_path / "in" / "a.pdf").unlink()
    assert "--source" in reviewing.get(page["image"]).json()["remedy"]


def test_the_wall(reviewing: TestClient) -> None:
    first = reviewing.get(f"{BASE}/crops", params={"category": "stamp", "limit": 2}).json()
    rest = reviewing.get(f"{BASE}/crops", params={"category": "stamp", "limit": 9, "after": first["next"]}).json()
    crops = first["crops"] + rest["crops"]
    assert (first["total"], len(crops), rest["next"]) == (4, 4, None)
    scores = [crop["box"]["confidence"] for crop in crops]
    assert scores == sorted(scores)
    assert len({(crop["page"]["id"], crop["box"]["id"]) for crop in crops}) == 4
    one, other = crops[0], crops[-1]
    decision = {
        "accept": [{"page": one["page"]["id"], "box": one["box"]["id"]}],
        "reject": [{"page": other["page"]["id"], "box": other["box"]["id"]}],
        "revisions": {crop["page"]["id"]: crop["page"]["revision"] for crop in (one, other)},
    }
    done = reviewing.post(f"{BASE}/crops", json=decision)
    assert done.status_code == 200, done.text
    assert {page["revision"] for page in done.json()["pages"]} == {1}
    left = reviewing.get(f"{BASE}/crops", params={"category": "stamp", "reviewed": False}).json()
    assert left["total"] == 2
    assert reviewing.get(f"{BASE}/crops", params={"category": "stamp"}).json()["total"] == 3
    again = reviewing.post(f"{BASE}/crops", json=decision)
    assert again.status_code == 409
    assert {page["id"] for page in again.json()["pages"]} == set(decision["revisions"])
    assert len(reviewing.get(f"{BASE}/reviews.jsonl").text.splitlines()) == 2


def test_jobs_show_pages_while_they_run(start: Start, tmp_path: Path) -> None:
    client = start(load=slow_detector)
    job = client.upload("/v1/jobs", make_pdf(tmp_path / "a.pdf", [[STAMP]] * 12)).json()["id"]
    seen = set()
    while client.get(f"/v1/jobs/{job}").json()["state"] in ("queued", "running"):
        seen.add(client.get(f"/v1/jobs/{job}/review").json()["pages"])
    assert seen & set(range(1, 12))
    review = client.get(f"/v1/jobs/{job}/review").json()
    assert (review["pages"], review["documents"][0]["status"]) == (12, "ok")
    page = client.get(f"/v1/jobs/{job}/review/pages").json()["pages"][0]
    assert client.get(f"/v1/jobs/{job}/review/pages/{page['id']}/image").status_code == 200
    assert client.get("/v1/jobs/nothing/review").status_code == 404


def test_only_the_page_itself_needs_no_token(start: Start, tmp_path: Path) -> None:
    client = start(token="long-enough-token")
    about = client.get("/v1/about")
    assert (about.status_code, about.json()["token_required"], about.json()["mode"]) == (200, True, "serve")
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 401
    with_token = {"Accept": "application/json", "X-API-Key": "long-enough-token"}
    assert client.get("/", headers=with_token).json()["service"] == "docdetect"
    assert client.get("/static/../server.py").status_code in (401, 404)
    assert client.get("/static/%2e%2e/server.py").status_code == 404
    job = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP]), headers={"X-API-Key": "long-enough-token"})
    for path in ("review", "review/pages", "review/crops", "review/reviews.jsonl", "review/annotations.json"):
        assert client.get(f"/v1/jobs/{job.json()['id']}/{path}").status_code == 401
    foreign = client.put(
        f"/v1/jobs/{job.json()['id']}/review/pages/x",
        headers={"X-API-Key": "long-enough-token", "Origin": "https://evil.example"},
    )
    assert foreign.status_code == 403


def test_other_names_of_this_machine_are_refused(reviewing: TestClient) -> None:
    assert reviewing.get("/v1/about", headers={"Host": "evil.example"}).status_code == 421


def test_jobs_are_kept_as_long_as_they_are_corrected(start: Start, tmp_path: Path) -> None:
    client = start(keep=2)
    jobs = [client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["id"] for _ in range(2)]
    for job in jobs:
        client.ended(job)
    reviewed, other = jobs
    (page,) = client.get(f"/v1/jobs/{reviewed}/review/pages").json()["pages"]
    address, body = f"/v1/jobs/{reviewed}/review/pages/{page['id']}", {"boxes": [], "review_state": "corrected"}
    assert client.put(address, json=body, headers={"If-Match": '"0"'}).status_code == 200
    log = client.service.results_folder(reviewed) / "reviews.jsonl"
    with sqlite3.connect(tmp_path / "serve" / "jobs.sqlite") as database:
        database.execute("UPDATE jobs SET ended_s = ended_s - 3 * 86400")
    client.service.remove_old_jobs()
    assert [client.get(f"/v1/jobs/{job}").status_code for job in (reviewed, other)] == [200, 404]
    os.utime(log, (log.stat().st_atime, log.stat().st_mtime - 3 * 86400))
    client.service.remove_old_jobs()
    assert client.get(address).status_code == client.get(f"/v1/jobs/{reviewed}").status_code == 404


def test_browsers_get_the_page_and_clients_of_the_original_system_its_answer(start: Start) -> None:
    client = start(compat=True)
    page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "docdetect" in page.text
    assert client.get("/").json()["message"] == "Document Detection API"


def test_the_page_knows_the_categories_of_the_configuration_until_the_network_is_loaded(start: Start) -> None:
    loading = threading.Event()

    def load() -> Any:
        loading.wait(30)
        return fake_detector()

    client = start(load=load, wait=False, data={"classes": ["seal", "initials"]})
    assert client.get("/v1/about").json()["categories"] == ["seal", "initials"]
    loading.set()
    assert client.service.warm.wait(30)
    assert client.get("/v1/about").json()["categories"] == ["qr", "signature", "stamp"]
