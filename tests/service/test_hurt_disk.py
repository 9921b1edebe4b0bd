"""What happens where the folder of the service cannot be written for a while: nothing is lost, and the work goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from docdetect.service import runner
from docdetect.service.store import Job, JobStore, StoredDocument, StoreError
from tests.service.conftest import Start, fake_detector
from tests.service.test_detect import STAMP
from tests.support.fakes import make_image
from tests.support.waiting import wait_until


class _HurtConnection:
    """A connection whose statements of one kind fail while it is hurt, as they do on a full disk."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection, self._statement = connection, statement
        self.is_hurt, self.failed = True, 0

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.is_hurt and sql.startswith(self._statement):
            self.failed += 1
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(sql, *values)


def hurt(store: JobStore, statement: str) -> _HurtConnection:
    """Lets the statements of a table fail that begin with a text, until `is_hurt` is taken back."""
    connection = _HurtConnection(vars(store)["_connection"], statement)
    vars(store)["_connection"] = connection
    return connection


@pytest.mark.parametrize(
    ("statement", "clean_every_s"),
    [
        ("UPDATE jobs SET state = 'running'", 600.0),
        ("UPDATE jobs SET state = ?", 600.0),
        ("SELECT id FROM jobs WHERE ended_s", 0.0),
        ("COMMIT", 600.0),
    ],
    ids=["begin", "end", "clean", "commit"],
)
def test_jobs_go_on_when_the_table_can_be_written_again(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, clean_every_s: float
) -> None:
    monkeypatch.setattr(runner, "_LOOK_AFTER_FAILURE_S", 0.05)
    monkeypatch.setattr(runner, "_CLEAN_EVERY_S", clean_every_s)
    client = start()
    job = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP])).json()
    client.ended(job["id"])
    connection = hurt(client.service.store, statement)
    if statement == "COMMIT":
        answer = client.upload("/v1/jobs", make_image(tmp_path / "b.png", [STAMP]))
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:docdetect:problem:not-kept")
        assert answer.headers["retry-after"] == "60"
        assert str(tmp_path) not in answer.text
        # Nothing of the refused job stays.
        assert [path.name for path in (tmp_path / "serve" / "jobs").iterdir()] == [job["id"]]
        connection.is_hurt = False
    other = client.upload("/v1/jobs", make_image(tmp_path / "b.png", [STAMP])).json()
    wait_until(lambda: connection.failed)
    connection.is_hurt = False
    ended = client.ended(other["id"])
    assert (ended["state"], ended["problem"], ended["totals"]["marks"]["stamp"]) == ("done", None, 1)
    assert client.get("/readyz").status_code == 200


def test_a_job_that_cannot_be_written_is_refused_and_leaves_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        answer = client.upload("/v1/jobs", make_image(tmp_path / "a.png", [STAMP]))
    assert (answer.status_code, answer.json()["type"]) == (507, "urn:docdetect:problem:not-kept")
    for folder in ("jobs", "incoming"):
        assert list((tmp_path / "serve" / folder).iterdir()) == []
    assert client.get("/v1/jobs").json() == {"jobs": []}


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no file that stands for a full disk")
def test_a_disk_that_is_full_in_the_middle_of_a_document(
    start: Start, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, picture = start(), make_image(tmp_path / "a.png", [STAMP]).read_bytes()
    usual = Path.open

    def full(self: Path, *words: Any) -> Any:
        return usual(Path("/dev/full"), "wb") if words == ("xb",) else usual(self, *words)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        answer = client.upload(path, ("a.png", picture))
    assert (answer.status_code, answer.json()["type"]) == (507, "urn:docdetect:problem:disk-full")
    assert answer.headers["retry-after"] == "60"
    assert client.upload(path, ("a.png", picture)).status_code in (200, 202)


@pytest.mark.parametrize("path", ["/v1/detect", "/v1/jobs", "/detect"])
def test_a_folder_that_is_gone(start: Start, tmp_path: Path, path: str) -> None:
    client, picture = start(compat=True), make_image(tmp_path / "a.png", [STAMP]).read_bytes()
    (tmp_path / "serve" / "incoming").rmdir()
    answer = client.upload(path, ("a.png", picture))
    assert (answer.status_code, answer.headers["retry-after"]) == (507, "60")
    assert str(tmp_path) not in answer.text
    (tmp_path / "serve" / "incoming").mkdir()
    assert client.upload(path, ("a.png", picture)).status_code in (200, 202)


def test_a_table_that_another_program_holds(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    vars(store)["_connection"].execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"jobs\.sqlite: cannot be read or written .*locked"):
        store.claim()
    other.execute("ROLLBACK")
    other.close()
    job = Job("one", "queued", 1.0, None, None, {}, (StoredDocument("a.pdf", 3),), 1)
    store.add(job, key=None, digest="", most_queued=9)
    assert store.counts()["queued"] == 1
    store.close()


def test_a_folder_that_nobody_may_write(start: Start, tmp_path: Path) -> None:
    from docdetect.errors import OutputError

    (tmp_path / "serve").write_text("a file stands where the folder should be")
    with pytest.raises(OutputError, match="serve: cannot be written"):
        start(load=fake_detector)
