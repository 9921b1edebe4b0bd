"""The service as a program: it is killed in the middle of a job, ended by signals, and refuses to start unprotected."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI

from docdetect.cli.main import run
from docdetect.service import connections, server
from tests.support.fakes import compared_files, make_image, make_pdf
from tests.support.process_tree import ProcessTree
from tests.support.waiting import wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

ROOT = Path(__file__).parents[2]
LOG = "log.txt"
STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


@contextmanager
def serving(tmp_path: Path, seconds_a_page: float, *options: str) -> Iterator[tuple[ProcessTree, httpx2.Client]]:
    """The program, listening, with every process of it gone in the end."""
    log = tmp_path / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.support.serving_program", str(seconds_a_page), str(log)]
    places = ["--folder", str(tmp_path / "serve"), "--port", "0", "--imgsz", "256", "--workers", "1", "--min-free", "0"]
    tree = ProcessTree([*command, *places, *options], cwd=Path(__file__).parents[2])
    try:
        wait_until(lambda: log.is_file() and "listening on " in log.read_text())
        address = re.search(r"listening on (\S+)", log.read_text())
        assert address
        with httpx2.Client(base_url=address[1], timeout=30) as client:
            yield tree, client
    finally:
        tree.kill()


def post(client: httpx2.Client, *documents: Path) -> str:
    files = [("files", (path.name, path.read_bytes())) for path in documents]
    job = client.post("/v1/jobs", files=files)
    assert job.status_code == 202, job.text
    return str(job.json()["id"])


def state_of(client: httpx2.Client, job: str) -> str:
    return str(client.get(f"/v1/jobs/{job}").json()["state"])


@linux
def test_a_killed_service_loses_no_job(tmp_path: Path) -> None:
    documents = [make_pdf(tmp_path / "in" / f"{name}.pdf", [[STAMP], [], [STAMP]] * 4) for name in "ab"]
    small = make_image(tmp_path / "in" / "c.png", [STAMP])
    with serving(tmp_path / "calm", 0.0) as (_, client):
        undisturbed = post(client, *documents, small)
        wait_until(lambda: state_of(client, undisturbed) == "done")
    folder = tmp_path / "killed" / "serve"
    seen: list[str] = []
    with serving(tmp_path / "killed", 0.2) as (tree, client):
        job, waiting = post(client, *documents, small), post(client, small)
        with client.stream("GET", f"/v1/jobs/{job}/events") as events:
            for line in events.iter_lines():
                seen += [line.removeprefix("id: ")] if line.startswith("id: ") else []
                if len(seen) == 3:
                    break
        tree.process.kill()
        tree.process.wait()
    assert len(seen) == 3
    with serving(tmp_path / "killed", 0.0) as (_, client):
        with client.stream("GET", f"/v1/jobs/{job}/events", headers={"Last-Event-ID": seen[-1]}) as events:
            rest = [line.removeprefix("id: ") for line in events.iter_lines() if line.startswith("id: ")]
        assert state_of(client, job) == "done"
        wait_until(lambda: state_of(client, waiting) == "done")
    ours = compared_files(folder / "jobs" / job / "results")
    theirs = compared_files(tmp_path / "calm" / "serve" / "jobs" / undisturbed / "results")
    for name in ("config.yaml", "results.xlsx"):  # name the folder
        assert ours.pop(name)
        assert theirs.pop(name)
    assert ours == theirs
    assert len(ours) > 25
    assert len([*seen, *rest]) == len({*seen, *rest}) == 25 + 3 + 1  # pages, documents, the end


def sent(client: httpx2.Client, head: str, body: bytes = b"", *, patience_s: float) -> bytes:
    """What a server answers to bytes, as far as it comes within a time; the sender is gone afterwards."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
        connection.sendall(head.encode("latin-1") + body)
        connection.settimeout(patience_s)
        answer = b""
        with suppress(TimeoutError):
            while piece := connection.recv(1 << 16):
                answer += piece
        return answer


@linux
def test_requests_beyond_the_limit_of_connections_are_refused_and_events_go_on(tmp_path: Path) -> None:
    document = make_pdf(tmp_path / "long.pdf", [[STAMP]] * 30)
    with serving(tmp_path, 0.1, "--connections", "3") as (_, client):
        address, job = str(client.base_url).rstrip("/"), post(client, document)
        client.close()
        assert httpx2.get(f"{address}/v1/jobs").status_code == 200
        others = [socket.create_connection((client.base_url.host, client.base_url.port or 80)) for _ in range(2)]
        with httpx2.stream("GET", f"{address}/v1/jobs/{job}/events", timeout=60) as events:
            lines = events.iter_lines()
            assert next(lines)
            refused = httpx2.get(f"{address}/v1/jobs")
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:docdetect:problem:too-many-connections")
            assert (refused.headers["retry-after"], refused.headers["connection"]) == ("5", "close")
            assert httpx2.get(f"{address}/livez").status_code == 200
            assert "event: end" in list(lines)
        for one in others:
            one.close()
        wait_until(lambda: httpx2.get(f"{address}/v1/jobs").status_code == 200)


@linux
def test_senders_that_go_away_are_no_bugs_and_leave_nothing(tmp_path: Path) -> None:
    long = make_pdf(tmp_path / "long.pdf", [[STAMP]] * 50).read_bytes()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    whole = head + long + b"\r\n--b--\r\n"
    with serving(tmp_path, 0.2) as (_, client):
        wait_until(lambda: client.get("/readyz").status_code == 200)
        for path, body in (("/v1/jobs", head + b"half of it"), ("/v1/detect", whole)):
            lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: multipart/form-data; boundary=b")
            sent(client, "\r\n".join((*lines, f"Content-Length: {len(whole)}\r\n\r\n")), body, patience_s=0.5)
        log = tmp_path / LOG
        wait_until(lambda: [line["status"] for line in logged(log) if line.get("method") == "POST"] == [499, 499])
        assert not [line for line in logged(log) if line["level"] != "info"]
        assert list((tmp_path / "serve" / "incoming").iterdir()) == []
        assert 'route="/v1/detect",status="499"' in client.get("/metrics").text


def silent_connections(port: int) -> list[socket.socket]:
    """Connections whose senders have no more to say: before a request, within its head, and after a refusal."""
    length = "POST /v1/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nbegun"
    texts = ("", "GET /livez HTTP/1.1\r\nHost: 127", length)
    connections = []
    for text in texts:
        connections.append(socket.create_connection(("127.0.0.1", port)))
        connections[-1].sendall(text.encode())
        connections[-1].settimeout(20)
    return connections


@contextmanager
def answering(answer: Any) -> Iterator[int]:
    """The server around an ASGI application, in a thread; the port that it listens on."""

    class Work:
        def __init__(self) -> None:
            self.stopping = threading.Event()

        def stop(self) -> None:
            self.stopping.set()

    work, listening = Work(), server.listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    serving = threading.Thread(target=server.serve_until_stopped, args=(answer, work, listening, lambda _: None))
    serving.start()
    try:
        wait_until(lambda: httpx2.get(f"http://127.0.0.1:{port}/").status_code == 200)
        yield port
    finally:
        work.stop()
        serving.join(30)


async def send_ok(send: Any, pieces: int = 1, piece: bytes = b"ok") -> None:
    """An answer of so many pieces."""
    length = str(pieces * len(piece)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for number in range(1, pieces + 1):
        await send({"type": "http.response.body", "body": piece, "more_body": number < pieces})


def test_connections_without_a_request_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 1.0)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            await anyio.sleep(3)
        await send_ok(send)

    with answering(answer) as port:
        silent = silent_connections(port)
        dripping = silent[-1]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            # Work that takes longer than a connection may be idle is answered, on a connection that was used before.
            assert [client.get(path).content for path in ("/", "/slow", "/")] == [b"ok"] * 3
        assert dripping.recv(1000).endswith(b"ok")
        with dripping, suppress(ConnectionError):
            for _ in range(40):  # the rest of a body that nobody reads
                dripping.sendall(b"x")
                time.sleep(0.1)
            pytest.fail("a body that nobody reads was taken for ever")
        for connection in silent[:-1]:
            with connection, suppress(ConnectionResetError):
                assert connection.recv(1000) == b""


def test_connections_beyond_the_limit_do_not_stay_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LATE_IDLE_S", 0.5)
    limited = connections.connections_up_to(2)
    monkeypatch.setattr(server, "connections_up_to", lambda _: limited)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send_ok(send)

    def opened() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.settimeout(20)
        return connection

    # The connection of `answering`, which asks whether the server listens, may count for a moment.
    with answering(answer) as port, opened() as first, opened(), opened() as late:
        assert late.recv(1000) == b""
        first.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b"".join(iter(lambda: first.recv(1000), b"")).endswith(b"ok")


def test_answers_that_nobody_reads_are_given_up_and_slow_readers_get_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 1.0)
    ended: list[str] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/":
            await send_ok(send)
        elif scope["path"] == "/many":
            await send_ok(send, 500, bytes(1 << 16))
        else:  # at once, as JSON is sent
            await send_ok(send, 2, bytes(8_000_000))
        ended.append(scope["path"])

    def asked(path: str) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.connect(("127.0.0.1", port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        connection.settimeout(20)
        return connection

    with answering(answer) as port:
        with asked("/many"), asked("/once"):
            wait_until(lambda: {"/many", "/once"} <= set(ended))
        ended.clear()
        with asked("/once") as connection:
            started_s, received = time.monotonic(), 0
            while received < 16_000_000:
                piece = connection.recv(1 << 16)
                assert piece, f"cut off after {received} bytes"
                received += len(piece)
                time.sleep(0.01)
            assert time.monotonic() - started_s > 2.0


@linux
def test_files_that_grow_while_they_are_sent_come_whole(tmp_path: Path) -> None:
    with serving(tmp_path, 0.0) as (_, client):
        job = post(client, make_image(tmp_path / "a.png", [STAMP]))
        wait_until(lambda: state_of(client, job) == "done")
        path = tmp_path / "serve" / "jobs" / job / "results" / "detections.jsonl"
        ends = threading.Event()

        def grow() -> None:
            with path.open("ab", buffering=0) as stream:
                while not ends.is_set() and stream.tell() < 50_000_000:
                    stream.write(b"x" * 5_000)

        growing = threading.Thread(target=grow)
        growing.start()
        try:
            for _ in range(20):
                answer = client.get(f"/v1/jobs/{job}/results/detections.jsonl")
                assert len(answer.content) == int(answer.headers["content-length"])
        finally:
            ends.set()
            growing.join()


@linux
def test_odd_values_of_last_event_id(tmp_path: Path) -> None:
    with serving(tmp_path, 0.0) as (_, client):
        job = post(client, make_image(tmp_path / "a.png", [STAMP]))
        wait_until(lambda: state_of(client, job) == "done")
        for odd in ("x", "/", "x/\xb2/a", "x/-1/a", "%00/1/%ff", f"x/{'9' * 400}/a", "\xe9/1/\xfc"):
            lines = (f"GET /v1/jobs/{job}/events HTTP/1.1", "Host: 127.0.0.1", "Connection: close")
            head = "\r\n".join((*lines, f"Last-Event-ID: {odd}\r\n\r\n"))
            assert sent(client, head, patience_s=20).count(b"event: ") == 3, odd
        # A browser comes again after the end of a stream until it is told not to.
        answer = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "end"})
        assert (answer.status_code, answer.content) == (204, b"")
        assert not [line for line in logged(tmp_path / LOG) if line["level"] != "info"]


def logged(log: Path) -> list[dict[str, Any]]:
    """The whole lines of a log."""
    return [json.loads(line) for line in log.read_text().split("\n")[:-1] if line.startswith("{")]


@linux
@pytest.mark.parametrize("end", ["interrupt", "terminate"])
def test_a_signal_ends_the_service_and_its_streams(tmp_path: Path, end: str) -> None:
    with serving(tmp_path, 0.2) as (tree, client):
        job = post(client, make_pdf(tmp_path / "a.pdf", [[STAMP]] * 100))
        with client.stream("GET", f"/v1/jobs/{job}/events") as events:
            lines = events.iter_lines()
            next(lines)
            tree.interrupt() if end == "interrupt" else tree.process.terminate()
            assert "event: end" not in list(lines)
        assert tree.left_after(15) == 0
        assert tree.process.wait(15) == 0, (tmp_path / LOG).read_text()
        assert "Traceback" not in (tmp_path / LOG).read_text()
    logged = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines() if line.startswith("{")]
    requests = [line for line in logged if line["event"] == "request"]
    assert {"POST", "GET"} == {line["method"] for line in requests}
    assert all(line["request_id"] and line["seconds"] >= 0 for line in requests)
    assert [line["job"] for line in logged if line["event"] == "job put back"] == [job]


def test_a_signal_that_comes_while_the_service_starts_is_not_lost() -> None:
    """In a process of its own, which the signal would end if nothing took it."""
    program = [sys.executable, "-c", f"from {__name__} import serve_after_a_signal; serve_after_a_signal()"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "stopped in time\n"), done.stderr


def serve_after_a_signal() -> None:
    """Serves until SIGTERM, which comes before the server listens, and says whether it was heard."""

    class Work:
        stopping = threading.Event()

        def stop(self) -> None:
            self.stopping.set()

    class Listening(socket.socket):
        def __enter__(self) -> Listening:
            signal.raise_signal(signal.SIGTERM)
            return self

    def stop_late() -> None:
        late.append(True)
        work.stop()

    late: list[bool] = []
    work, listening = Work(), Listening()
    rescue = threading.Timer(20, stop_late)
    rescue.start()
    listening.bind(("127.0.0.1", 0))
    server.serve_until_stopped(FastAPI(), work, listening, lambda _: None)
    rescue.cancel()
    print("too late" if late else "stopped in time")


def test_a_signal_that_the_service_was_started_to_ignore_stays_ignored() -> None:
    program = [sys.executable, "-c", f"from {__name__} import serve_without_ctrl_c; serve_without_ctrl_c()"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "listening\nnot stopped\nstopped\n"), done.stderr


def serve_without_ctrl_c() -> None:
    """Serves until SIGTERM; SIGINT, which comes before, is ignored, as of `nohup docdetect serve &`."""

    class Work:
        stopping = threading.Event()

        def stop(self) -> None:
            self.stopping.set()

    def said(_: str) -> None:
        print("listening")
        signal.raise_signal(signal.SIGINT)
        print("stopped too soon" if work.stopping.is_set() else "not stopped")
        signal.raise_signal(signal.SIGTERM)
        print("stopped" if work.stopping.is_set() else "not stopped")

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work, listening = Work(), socket.socket()
    listening.bind(("127.0.0.1", 0))
    with listening:
        signal.raise_signal(signal.SIGINT)
        server.serve_until_stopped(FastAPI(), work, listening, said)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_no_token_and_another_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--folder", str(tmp_path / "serve")]) == 3
    text = capsys.readouterr().err
    assert "serve.host: 0.0.0.0 can be reached from other machines" in text
    assert "--token-file" in text
    short = tmp_path / "token.txt"
    short.write_text("secret\n")
    assert run(["serve", "--host", "0.0.0.0", "--token-file", str(short), "--folder", str(tmp_path / "serve")]) == 4
    text = capsys.readouterr().err
    assert "16 or more" in text
    assert "secret" not in text
    assert not (tmp_path / "serve").exists()


def test_weights_that_are_missing_end_the_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["serve", "--folder", str(tmp_path / "serve"), "--port", "0", "--weights", str(tmp_path / "none.pt")]
    assert run(words) == 4
    assert "none.pt" in capsys.readouterr().err


def test_the_service_keeps_freed_memory_as_infer_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(server, "keep_freed_pictures", lambda: asked.append("keep"))
    monkeypatch.setattr(server, "share_memory_among_threads", lambda: asked.append("share"))
    assert run(["serve", "--weights", str(tmp_path / "none.pt"), "--folder", str(tmp_path), "--port", "0"]) == 4
    assert asked == ["share", "keep"]


def test_an_address_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run(["serve", "--folder", str(tmp_path / "serve"), "--port", str(port)]) == 4
    assert f"127.0.0.1:{port}: the service cannot listen there" in capsys.readouterr().err
