"""Limits: what is too much is refused with a problem that says what to do, and nothing of it stays."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from docdetect.service import counting, uploads
from docdetect.service.options import DetectOptions
from docdetect.service.problems import ProblemError
from tests.service.conftest import Client, Start
from tests.service.test_detect import STAMP, slow_detector
from tests.support.fakes import make_image, make_pdf


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
        await uploads.receive(stalling(), headers, tmp_path / "in", uploads.Limits(99, 9, 0), DetectOptions)

    with pytest.raises(ProblemError, match="nothing of the request came") as caught:
        anyio.run(receive)
    assert (caught.value.status, caught.value.kind) == (408, "stalled")


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
