"""Limits: what is too much is refused with a problem that says what to do, and nothing of it stays."""

from __future__ import annotations

import json
import shutil
import threading
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import Response
from starlette.types import Message

from docdetect.service import counting, review_routes, uploads
from docdetect.service.options import DetectOptions
from docdetect.service.problems import ProblemError
from tests.service.conftest import Client, Start
from tests.service.test_detect import STAMP, slow_detector
from tests.support.fakes import make_image, make_pdf
from tests.support.waiting import wait_until


def check(client: Client, answer: Any, status: int, kind: str) -> None:
    """The answer is this problem, it was counted, and nothing of the request stays on the disk."""
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), problem
    assert problem["type"] == f"urn:docdetect:problem:{kind}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert f'docdetect_refused_requests_total{{problem="{kind}"}}' in client.get("/metrics").text
    assert list((client.service.folder / "incoming").iterdir()) == []


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs"])
def test_bytes(start: Start, path: str) -> None:
    client = start(max_upload_mb=1)
    check(client, client.upload(path, ("big.pdf", b"x" * (1 << 20))), 413, "too-many-bytes")


def test_bytes_that_are_not_announced(start: Start) -> None:
    client = start(max_upload_mb=1)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'

    def chunks() -> Any:
        yield head
        for _ in range(40):
            yield b"x" * (64 << 10)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    check(client, client.post("/v1/jobs", content=chunks(), headers=headers), 413, "too-many-bytes")


def test_documents(start: Start, tmp_path: Path) -> None:
    client, picture = start(max_documents=2), make_image(tmp_path / "a.png", [STAMP])
    check(client, client.upload("/v1/jobs", picture, picture, picture), 413, "too-many-documents")
    assert client.upload("/v1/jobs", picture, picture).status_code == 202
    check(client, client.upload("/v1/detect", picture, picture), 413, "too-many-documents")


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs"])
def test_pages(start: Start, tmp_path: Path, path: str) -> None:
    client = start(max_pages=3)
    check(client, client.upload(path, make_pdf(tmp_path / "a.pdf", [[]] * 4)), 413, "too-many-pages")
    assert client.upload(path, make_pdf(tmp_path / "a.pdf", [[]] * 3)).status_code < 300


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs"])
def test_documents_that_take_too_long_to_be_opened(
    start: Start, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP])
    monkeypatch.setattr(counting, "MOST_S", -1.0)
    check(client, client.upload(path, picture), 504, "too-long")


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs"])
def test_disk(start: Start, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start(min_free_mb=100)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 0, 99 << 20))
    answer = client.upload(path, make_image(tmp_path / "a.png", [STAMP]))
    check(client, answer, 507, "disk-full")
    assert answer.headers["retry-after"] == "60"


def test_waiting_jobs(start: Start, tmp_path: Path) -> None:
    client, picture = start(queue=1, load=slow_detector), make_image(tmp_path / "a.png", [STAMP])
    long = client.upload("/v1/jobs", make_pdf(tmp_path / "long.pdf", [[STAMP]] * 200)).json()
    while client.get(long["links"]["self"]).json()["state"] == "queued":
        pass
    key = {"Idempotency-Key": "one"}
    waiting = client.upload("/v1/jobs", picture, headers=key)
    assert waiting.status_code == 202
    answer = client.upload("/v1/jobs", picture)
    check(client, answer, 429, "queue-full")
    assert answer.headers["retry-after"] == "5"
    repeated = client.upload("/v1/jobs", picture, headers=key)
    assert (repeated.status_code, repeated.json()["id"]) == (202, waiting.json()["id"])
    assert 'docdetect_jobs{state="queued"} 1.0' in client.get("/metrics").text
    client.delete(long["links"]["self"])
    client.ended(waiting.json()["id"])
    assert client.upload("/v1/jobs", picture).status_code == 202


def test_a_request_that_stalls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "STALL_S", 0.1)

    async def stalling() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        await anyio.sleep(30)
        yield b"never"

    async def receive() -> None:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        await uploads.receive(stalling(), headers, tmp_path / "in", uploads.Limits(99, 9, 0, 60), DetectOptions)

    with pytest.raises(ProblemError, match="nothing of the request came") as caught:
        anyio.run(receive)
    assert (caught.value.status, caught.value.kind) == (408, "stalled")


def dripped(client: Client, method: str, path: str, head: bytes) -> Response:
    """The answer to a request whose body never ends, though a letter of it comes twenty times a second."""
    answer = Response()
    pieces = [head]

    async def receive() -> Message:
        await anyio.sleep(0.05)  # never so long that the request would stall
        return {"type": "http.request", "body": pieces.pop() if pieces else b"x", "more_body": True}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code = message["status"]
            answer.raw_headers = message["headers"]
        else:
            answer.body = message["body"]

    async def ask() -> None:
        headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=b"), (b"if-match", b"0")]
        scope: Any = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b""}
        with anyio.fail_after(20):
            await client.app(scope, receive, send)

    anyio.run(ask)
    return answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/detect"),
        ("POST", "/v1/jobs"),
        ("PUT", "/v1/jobs/x/review/pages/y"),
        ("POST", "/v1/jobs/x/review/crops"),
    ],
)
def test_a_request_that_comes_too_slowly(start: Start, method: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_routes, "_MOST_BODY_S", 0.5)
    client = start(upload_timeout_s=0.5)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    answer = dripped(client, method, path, head)
    problem = json.loads(bytes(answer.body))
    assert (answer.status_code, problem["type"]) == (408, "urn:docdetect:problem:too-slow")
    assert answer.headers["connection"] == "close"
    assert list((client.service.folder / "incoming").iterdir()) == []
    assert client.service.uploads.acquire(blocking=False)


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs", "/detect", "/batch-detect", "/classify-document"])
def test_only_so_many_requests_are_received_at_once(start: Start, tmp_path: Path, path: str) -> None:
    client, picture = start(uploads=1, compat=True), make_image(tmp_path / "a.png", [STAMP])

    def send() -> Any:
        return client.upload(path, ("a.png", picture.read_bytes()))

    with client.service.uploads:
        answer = send()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert 'docdetect_refused_requests_total{problem="too-many-uploads"} 1.0' in client.get("/metrics").text
    if path.startswith("/v1"):
        check(client, answer, 429, "too-many-uploads")
    # A place is free again after an answer, after a refusal, and after a form that cannot be read.
    assert (
        client.post(path, content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"}).status_code == 400
    )
    assert client.post(path, content=b"x", headers={"Content-Type": "text/plain"}).status_code in (400, 415)
    assert [send().status_code < 300 for _ in range(2)] == [True, True]
    assert client.service.uploads.acquire(blocking=False)


def test_documents_that_open_slowly_take_no_thread_of_others(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty requests wait for their pages to be counted, and forty threads are all there are."""
    client, picture = start(uploads=60), make_image(tmp_path / "a.png", [STAMP])
    counted = threading.Event()

    def count(*_: object) -> int:
        assert counted.wait(30)
        return 1

    monkeypatch.setattr(client.service, "check_pages", count)
    with ThreadPoolExecutor(60) as pool:
        sent = [pool.submit(client.upload, "/v1/jobs", picture) for _ in range(60)]
        try:
            wait_until(lambda: len(list((client.service.folder / "incoming").iterdir())) == 60)
            assert pool_of_one(lambda: client.get("/v1/jobs").status_code) == 200
        finally:
            counted.set()
        assert {one.result().status_code for one in sent} == {202}


def pool_of_one(work: Callable[[], int]) -> int:
    """What work gives within ten seconds."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(work).result(10)
    finally:
        pool.shutdown(wait=False)


@pytest.mark.parametrize(
    ("content", "kind", "status", "problem"),
    [
        (b"{}", "application/json", 415, "no-form"),
        (b"", "multipart/form-data", 415, "no-form"),
        (b"nonsense", "multipart/form-data; boundary=b", 400, "malformed-form"),
        (b"nonsense", f"multipart/form-data; boundary={'b' * 300}", 400, "malformed-form"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422, "no-documents"),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\nhalf of it',
            "multipart/form-data; boundary=b",
            400,
            "malformed-form",
        ),
        (
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-16''a.pdf\r\n\r\nx\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            400,
            "malformed-form",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            400,
            "malformed-form",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"conf":\r\n'
            b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n0.5}\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            400,
            "malformed-form",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="conf"\r\n\r\n0.2\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            422,
            "unknown-field",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n' + b"x" * 70_000 + b"\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            413,
            "too-many-bytes",
        ),
    ],
)
def test_forms_that_are_none(start: Start, content: bytes, kind: str, status: int, problem: str) -> None:
    client = start()
    check(client, client.post("/v1/jobs", content=content, headers={"Content-Type": kind}), status, problem)


def test_a_compressed_body(start: Start, tmp_path: Path) -> None:
    client = start()
    for encoding in ("gzip", "br", "GZIP, identity"):
        headers = {"Content-Encoding": encoding}
        answer = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP]), headers=headers)
        check(client, answer, 415, "encoded")
    assert client.upload("/v1/jobs", tmp_path / "a.png", headers={"Content-Encoding": "identity"}).status_code == 202


def test_options_from_a_file(start: Start, tmp_path: Path) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP]).read_bytes()
    files: list[Any] = [
        ("options", ("options.json", b'{"conf": 0.99}', "application/json")),
        ("file", ("a.png", picture)),
    ]
    answer = client.post("/v1/detect", files=files).json()
    assert answer["document"] == "a.png"
    assert answer["detections"]["a.png"]["page_1"]["annotations"] == []
