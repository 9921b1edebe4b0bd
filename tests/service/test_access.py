"""Who may ask, what everybody may ask, and how the service says that it works."""

from __future__ import annotations

import io
import json
import logging
import re
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from docdetect.inference.detector import Detector
from docdetect.service.logs import format_line
from tests.service.conftest import Start, fake_detector
from tests.service.test_detect import STAMP
from tests.support.browser import open_browser
from tests.support.fakes import make_image

TOKEN = "correct-horse-battery-staple"


def test_the_token(start: Start, tmp_path: Path) -> None:
    client = start(token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": TOKEN[:-1]}, {"Authorization": TOKEN}):
        answer = client.get("/v1/jobs", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:docdetect:problem:no-token")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP]), headers=headers).status_code == 401
    for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"X-API-Key": TOKEN}):
        assert client.get("/v1/jobs", headers=headers).json() == {"jobs": []}
    for path in ("/livez", "/readyz", "/source", "/docs", "/openapi.json"):  # a browser follows links without a token
        assert client.get(path).status_code == 200
    for path in ("/", "/metrics", "/v1/jobs/x/results/%2e%2e/livez", "/livez/../metrics"):
        assert client.get(path).status_code == 401


OPEN_PATHS = {"/livez", "/readyz", "/source", "/docs", "/openapi.json", "/v1/about"}


def test_every_address_but_those_that_are_open_needs_the_token(start: Start) -> None:
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    client = start(token=TOKEN, compat=True)
    routes = list(routes_of(vars(client.app)["_app"].routes))
    tokens: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"X-API-Key": f"{TOKEN}x"},
    )
    asked = set()
    for route in routes:
        path = re.sub(r"{[^}]*}", "x", getattr(route, "path", ""))
        if isinstance(route, Route):
            methods = set(route.methods or ())
            for method in methods | ({"HEAD"} if "GET" in methods else set()):
                for headers in tokens:
                    status = client.request(method, path, headers=headers, follow_redirects=False).status_code
                    is_open = path in OPEN_PATHS or path.startswith("/static/")
                    assert (status == 401) is not is_open, (method, path, headers)
                asked.add(path)
        elif isinstance(route, WebSocketRoute):
            for headers in tokens:
                with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=headers):
                    pass
            with client.websocket_connect(path, headers={"X-API-Key": TOKEN}):
                asked.add(path)
    assert {"/v1/jobs/x/events", "/v1/jobs/x/results/x", "/docs", "/openapi.json", "/metrics", "/ws/detect"} <= asked
    assert {"/v1/jobs/x/review/pages/x", "/batch-detect-hq", "/v1/detect", "/health"} <= asked
    assert len(asked) > 30


def routes_of(routes: Sequence[object]) -> Iterator[object]:
    """The routes of an application, those of its parts included."""
    for route in routes:
        yield route
        yield from routes_of(getattr(route, "routes", None) or ())


def test_other_web_pages_cannot_reach_a_service_of_this_machine(start: Start) -> None:
    client = start(any_host=False, allow_origins=("https://scans.example.org",))
    for host in ("127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"):
        assert client.get("/v1/jobs", headers={"Host": host}).status_code == 200
    for host in ("evil.example.org", "localhost.evil.example.org", "127.0.0.1.nip.io", "", "10.0.0.1", "[::1", "[x]"):
        answer = client.get("/v1/jobs", headers={"Host": host})
        assert (answer.status_code, answer.json()["type"]) == (421, "urn:docdetect:problem:wrong-host")
    local = {"Host": "localhost:8000"}
    for origin in ("https://evil.example.org", "null", "http://localhost:9000"):
        answer = client.post("/v1/jobs", headers={**local, "Origin": origin})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:docdetect:problem:wrong-origin")
        # The option of serve: review refuses in the same words and has none.
        assert "docdetect serve --allow-origin" in answer.json()["remedy"]
    assert client.get("/v1/jobs", headers={**local, "Origin": "http://localhost:8000"}).status_code == 200
    allowed = client.get("/v1/jobs", headers={**local, "Origin": "https://scans.example.org"})
    assert allowed.headers["access-control-allow-origin"] == "https://scans.example.org"


def test_ready_means_warm(start: Start, tmp_path: Path) -> None:
    loading = threading.Event()

    def load() -> Detector:
        assert loading.wait(30)
        return fake_detector()

    client, picture = start(load=load, wait=False), make_image(tmp_path / "a.png", [STAMP])
    assert client.get("/livez").json() == {"status": "alive"}
    for answer in (client.get("/readyz"), client.upload("/v1/detect", picture)):
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:docdetect:problem:not-ready")
        assert answer.headers["retry-after"] == "2"
    job = client.upload("/v1/jobs", picture)
    assert job.json()["state"] == "queued"
    loading.set()
    assert client.service.warm.wait(30)
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.ended(job.json()["id"])["state"] == "done"
    client.service.stop()
    assert client.get("/readyz").json()["type"] == "urn:docdetect:problem:stopping"
    assert client.upload("/v1/jobs", picture).status_code == 503


def test_metrics(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP])
    client.upload("/v1/detect", picture)
    client.ended(client.upload("/v1/jobs", picture, ("broken.pdf", b"this is no PDF")).json()["id"])
    client.get("/nowhere")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    for line in (
        'docdetect_pages_total{by="detect"} 1.0',
        'docdetect_pages_total{by="job"} 1.0',
        'docdetect_failures_total{reason="unreadable"} 1.0',
        'docdetect_jobs{state="done"} 1.0',
        'docdetect_jobs{state="queued"} 0.0',
        "docdetect_job_seconds_count 1.0",
        "docdetect_detect_seconds_count 1.0",
        'docdetect_http_requests_total{method="POST",route="/v1/detect",status="200"} 1.0',
        'docdetect_http_requests_total{method="GET",route="none",status="404"} 1.0',
        "docdetect_ready 1.0",
    ):
        assert line in answer.text.splitlines(), line
    assert re.search(r'docdetect_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="200"}', answer.text)


def test_the_log_has_a_line_for_each_request(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    client = start()
    with caplog.at_level(logging.INFO, "docdetect.service"):
        answer = client.get("/v1/jobs/none", headers={"X-Request-ID": "from-the-proxy.1"})
        other = client.get("/v1/jobs", headers={"X-Request-ID": "two\twords"})
    assert answer.headers["x-request-id"] == "from-the-proxy.1"
    assert answer.json()["request_id"] == "from-the-proxy.1"
    assert re.fullmatch("[0-9a-f]{16}", other.headers["x-request-id"])
    lines = [json.loads(format_line(record)) for record in caplog.records if record.name == "docdetect.service"]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["path"], line["status"]) for line in requests] == [("/v1/jobs/none", 404), ("/v1/jobs", 200)]


def test_a_bug_is_told_without_its_inside(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start()

    def broken(*_: object) -> None:
        raise RuntimeError("the inside of /etc/secret")

    monkeypatch.setattr(client.service.store, "newest", broken)
    answer = client.get("/v1/jobs")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:docdetect:problem:internal")
    assert "inside" not in answer.text
    bug = next(record for record in caplog.records if record.getMessage() == "bug")
    assert "the inside of /etc/secret" in json.loads(format_line(bug))["traceback"]


def test_the_page_about_the_service_loads_nothing(start: Start) -> None:
    client = start()
    page = client.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|<link|src=|https?://(?!www\.w3\.org)", page.text)
    description = client.get("/openapi.json").json()
    for path in description["paths"]:
        assert path in page.text
    answer = description["paths"]["/v1/jobs"]["post"]["responses"]
    assert answer["202"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobAnswer"}
    assert {"413", "422", "429", "507"} <= set(answer)
    models = description["components"]["schemas"]
    assert {"bbox", "category", "confidence", "text"} <= set(models["MarkAnswer"]["properties"])
    # An object of which nothing is said is no model; the options of a job are those of the request.
    untyped = [
        f"{name}.{member}"
        for name, model in models.items()
        for member, kind in model.get("properties", {}).items()
        if kind.get("type") == "object" and kind.get("additionalProperties") is True
    ]
    assert untyped == ["JobDetails.options"]
    assert description["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]


def test_the_page_about_the_service_fits_a_phone(start: Start, tmp_path: Path) -> None:
    page = tmp_path / "docs.html"
    page.write_text(start().get("/docs").text, encoding="utf-8")
    with open_browser(390, 844) as browser:
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_the_source_code_is_offered(start: Start) -> None:
    client = start()
    assert client.get("/").json()["source"] == "/source"
    with tarfile.open(fileobj=io.BytesIO(client.get("/source").content)) as archive:
        names = archive.getnames()
    assert any(name.endswith("src/docdetect/service/source.py") for name in names)
    assert not any(name.endswith((".pt", ".zip", ".pyc")) for name in names)


def test_the_source_code_of_a_changed_service(start: Start) -> None:
    client = start(source_url="https://code.example.org/ours")
    assert client.get("/").json()["source"] == "https://code.example.org/ours"
    answer = client.get("/source", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "https://code.example.org/ours")
