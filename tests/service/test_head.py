"""HEAD: what GET would say of itself, without a body."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.conftest import Client, Start
from tests.service.test_detect import STAMP, slow_detector
from tests.support.fakes import make_image, make_pdf

# Headers that differ from one request to the next.
_OF_ITS_OWN = {"x-request-id"}


def compared(client: Client, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """The status and the headers of HEAD, after a comparison with those of GET."""
    full = client.get(path, headers=headers, follow_redirects=False)
    head = client.head(path, headers=headers, follow_redirects=False)
    assert head.status_code == full.status_code, path
    assert head.content == b"", path
    ours, theirs = (
        {name: one.headers[name] for name in one.headers if name not in _OF_ITS_OWN} for one in (head, full)
    )
    assert ours == theirs, path
    return head.status_code, ours


def test_every_address_of_get_answers_head(start: Start, tmp_path: Path) -> None:
    client = start(compat=True)
    job = client.ended(client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["id"])
    paths = {"name:path": "detections.json", "job_id": job["id"], "job": job["id"]}
    page = client.get(f"/v1/jobs/{job['id']}/review/pages").json()["pages"][0]["id"]
    seen = 0
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" not in operations or path in ("/metrics", "/source"):  # figures change, and so does the archive's time
            continue
        address = path.format_map({"name": paths["name:path"], "page": page, **paths})
        if address.endswith("/crop"):
            continue  # needs the name of a box
        status, headers = compared(client, address)
        assert status == 200, address
        assert "content-length" in headers or headers["content-type"].startswith("text/event-stream"), address
        seen += 1
    assert seen > 12
    for address in ("/docs", "/health", "/static/index.html", "/openapi.json"):
        compared(client, address)
    assert client.head("/metrics").status_code == client.head("/source").status_code == 200
    assert compared(client, "/v1/jobs/none")[0] == 404
    assert compared(client, "/v1/jobs?limit=0")[0] == 422
    assert 'method="HEAD",route="/v1/jobs/{job_id}",status="200"' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("wanted", "status", "length"),
    [(None, 200, None), ("bytes=0-9", 206, "10"), ("bytes=-5", 206, "5"), ("bytes=999999999-", 416, None)],
)
def test_a_result_says_its_length_and_its_parts(
    start: Start, tmp_path: Path, wanted: str | None, status: int, length: str | None
) -> None:
    client = start()
    job = client.ended(client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()["id"])
    found, headers = compared(
        client, f"{job['links']['results']}/detections.json", None if wanted is None else {"Range": wanted}
    )
    assert found == status
    if length is not None:
        assert headers["content-length"] == length
        assert headers["content-range"].startswith("bytes ")
    if status == 200:
        assert headers["accept-ranges"] == "bytes"
        assert headers["etag"]


def test_head_of_events_does_not_wait_for_the_end(start: Start, tmp_path: Path) -> None:
    client = start(load=slow_detector)
    job = client.upload("/v1/jobs", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 200)).json()
    head = client.head(job["links"]["events"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")
    assert client.get(job["links"]["self"]).json()["state"] in ("queued", "running")
    client.delete(job["links"]["self"])


def test_head_needs_the_token_and_is_no_post(start: Start) -> None:
    client = start(token="a token of many letters")
    assert client.head("/v1/jobs").status_code == 401
    client.headers["X-API-Key"] = "a token of many letters"
    assert client.head("/v1/jobs").status_code == 200
    refused = client.head("/v1/detect")
    assert (refused.status_code, refused.headers["allow"], refused.content) == (405, "POST", b"")
    assert client.put("/v1/jobs").headers["allow"] == "GET, HEAD, POST"
    assert client.put("/v1/jobs/x").headers["allow"] == "DELETE, GET, HEAD"
