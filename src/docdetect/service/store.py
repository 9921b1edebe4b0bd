"""The table of jobs: one SQLite file, so that a kill at any moment loses no job that was accepted.

The table says which jobs there are and who is next: the job that has waited longest for each page that it has left, so
that a letter need not wait behind an archive, and every job that waits becomes the next one in the end. What of a job
is done stands in the journal of its result folder, from which the work goes on after a restart.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from docdetect.errors import OutputError

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")

_VERSION = 2

LONGEST_WAIT_S = 300.0
"""Seconds after which a job that waits is before all jobs that have waited for less."""

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    created_s REAL NOT NULL,
    started_s REAL,
    ended_s REAL,
    key TEXT UNIQUE,
    digest TEXT NOT NULL,
    options TEXT NOT NULL,
    documents TEXT NOT NULL,
    pages INTEGER NOT NULL,
    cancel INTEGER NOT NULL DEFAULT 0,
    totals TEXT,
    problem TEXT,
    queued_s REAL NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    worked_s REAL NOT NULL DEFAULT 0
)
"""
# What brings a table of version 1 to version 2.
_UPGRADE = (
    "ALTER TABLE jobs ADD COLUMN queued_s REAL NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN done INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN worked_s REAL NOT NULL DEFAULT 0",
    "UPDATE jobs SET queued_s = created_s",
)
_LEFT = "max(pages - done, 1)"
# The next job first. `:now_s` is the time.
_ORDER = f"""
ORDER BY :now_s - queued_s < {LONGEST_WAIT_S},
    CASE WHEN :now_s - queued_s < {LONGEST_WAIT_S} THEN 0 ELSE queued_s END,
    max(:now_s - queued_s, 0.001) / {_LEFT} DESC,
    number
"""
_COLUMNS = (
    "id, state, created_s, started_s, ended_s, options, documents, pages, cancel, totals, problem, done, worked_s"
)


class StoreError(OutputError):
    """The table of jobs cannot be read or written just now; nothing is changed."""


class QueueFullError(Exception):
    """As many jobs wait as may wait."""


class KeyReusedError(Exception):
    """The idempotency key belongs to a job with other documents or options."""


@dataclass(frozen=True)
class StoredDocument:
    """A document of a job.

    Attributes:
        name: its name: path relative to the documents of the job, POSIX, NFC.
        size_bytes: of the file.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True)
class Job:
    """A row of the table.

    Attributes:
        id: 32 hex digits that nobody can guess.
        state: where the job stands.
        created_s: when the job was accepted, in seconds since 1970; `started_s` and `ended_s` likewise.
        options: what the sender chose, as JSON data.
        documents: in the order in which they were sent.
        pages: pages that all documents say they have.
        cancelled: somebody asked to cancel the job.
        totals: of the results, once the job is done.
        problem: why the job failed.
        done: pages that were done when the job was put back into the queue.
        worked_s: seconds that had been worked on the job by then.
    """

    id: str
    state: State
    created_s: float
    started_s: float | None
    ended_s: float | None
    options: dict[str, Any]
    documents: tuple[StoredDocument, ...]
    pages: int
    cancelled: bool = False
    totals: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    done: int = 0
    worked_s: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens with the job any more."""
        return self.state in ENDED


class JobStore:
    """The jobs in one file; all methods may be called from any thread.

    Args:
        path: the file; made when missing.

    Raises:
        OutputError: the file cannot be made, or is no table of jobs of this version. All methods but `close` raise
            StoreError where the file cannot be read or written, for instance on a full disk.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            with self._plain_transaction() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if not 0 <= version <= _VERSION:
                    raise OutputError(f"{path}: made by another version of docdetect", "Choose another --folder.")
                connection.execute(_TABLE)
                for step in _UPGRADE if version == 1 else ():
                    connection.execute(step)
                connection.execute(f"PRAGMA user_version={_VERSION}")
        except sqlite3.Error as error:
            raise OutputError(f"{path}: cannot be opened ({error})", "Choose another --folder.") from error

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def add(self, job: Job, *, key: str | None, digest: str, most_queued: int) -> Job:
        """Puts a job at the end of the queue; returns the earlier job where the key is known with the same digest.

        Args:
            job: the new job; its documents have to be on the disk already.
            key: the sender's idempotency key.
            digest: hash of the documents and options.
            most_queued: jobs that may wait.

        Raises:
            QueueFullError: so many jobs wait already.
            KeyReusedError: the key belongs to something else.
        """
        with self._transaction() as connection:
            if key is not None:
                row = connection.execute(
                    f"SELECT {_COLUMNS}, digest FROM jobs WHERE key = ?",
                    (key,),
                ).fetchone()
                if row is not None:
                    if row[-1] != digest:
                        raise KeyReusedError
                    return _job(row)
            queued = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0]
            if queued >= most_queued:
                raise QueueFullError
            documents = [[one.name, one.size_bytes] for one in job.documents]
            connection.execute(
                "INSERT INTO jobs (id, state, created_s, key, digest, options, documents, pages, queued_s) "
                "VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?)",
                (job.id, job.created_s, key, digest, _text(job.options), _text(documents), job.pages, job.created_s),
            )
        return job

    def has_key(self, key: str) -> bool:
        """Whether there is a job with this idempotency key."""
        with self._transaction() as connection:
            return connection.execute("SELECT 1 FROM jobs WHERE key = ?", (key,)).fetchone() is not None

    def get(self, job_id: str) -> Job | None:
        """The job, or None."""
        with self._transaction() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else _job(row)

    def newest(self, limit: int, state: State | None = None) -> list[Job]:
        """The newest jobs, the newest first."""
        condition, values = ("", ()) if state is None else ("WHERE state = ?", (state,))
        with self._transaction() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM jobs {condition} ORDER BY number DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [_job(row) for row in rows]

    def ids(self) -> set[str]:
        """The ids of all jobs."""
        with self._transaction() as connection:
            return {row[0] for row in connection.execute("SELECT id FROM jobs")}

    def counts(self) -> dict[State, int]:
        """How many jobs there are in each state."""
        with self._transaction() as connection:
            found = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: int(found.get(state, 0)) for state in STATES}

    def position(self, job_id: str) -> int | None:
        """1 for the job that is next, and so on; None for jobs that do not wait."""
        with self._transaction() as connection:
            waiting = connection.execute(
                f"SELECT id FROM jobs WHERE state = 'queued' {_ORDER}", {"now_s": time.time()}
            ).fetchall()
        return next((place for place, row in enumerate(waiting, 1) if row[0] == job_id), None)

    def claim(self) -> Job | None:
        """The job that is next, now `running`; None where none waits."""
        with self._transaction() as connection:
            # Where the clock was put back, a job would seem to wait from a moment to come on, behind all others.
            connection.execute(
                "UPDATE jobs SET queued_s = :now_s WHERE state = 'queued' AND queued_s > :now_s", {"now_s": time.time()}
            )
            row = connection.execute(
                "UPDATE jobs SET state = 'running', started_s = coalesce(started_s, :now_s) WHERE number = "
                f"(SELECT number FROM jobs WHERE state = 'queued' {_ORDER} LIMIT 1) "
                f"RETURNING {_COLUMNS}",
                {"now_s": time.time()},
            ).fetchone()
        return None if row is None else _job(row)

    def has_shorter(self, pages: int) -> bool:
        """Whether a job waits that has at most so many pages left."""
        with self._transaction() as connection:
            row = connection.execute(
                f"SELECT 1 FROM jobs WHERE state = 'queued' AND {_LEFT} <= ? LIMIT 1", (pages,)
            ).fetchone()
        return row is not None

    def note_work(self, job_id: str, pages: int, seconds: float) -> None:
        """Notes that so many more pages of a job are done, and how long that took, before the job is put back."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET done = done + ?, worked_s = worked_s + ?, queued_s = ? WHERE id = ?",
                (pages, seconds, time.time(), job_id),
            )

    def requeue(self, job_id: str | None = None) -> None:
        """Puts a running job, or all of them, back into the queue; jobs that were cancelled end instead."""
        condition, values = ("", ()) if job_id is None else ("AND id = ?", (job_id,))
        with self._transaction() as connection:
            connection.execute(
                f"UPDATE jobs SET state = 'cancelled', ended_s = ? WHERE state = 'running' AND cancel {condition}",
                (time.time(), *values),
            )
            connection.execute(
                f"UPDATE jobs SET state = 'queued' WHERE state = 'running' {condition}",
                values,
            )

    def finish(
        self,
        job_id: str,
        state: State,
        totals: dict[str, Any] | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        """Ends a job."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, ended_s = ?, totals = ?, problem = ? WHERE id = ?",
                (state, time.time(), *(None if one is None else _text(one) for one in (totals, problem)), job_id),
            )

    def cancel(self, job_id: str) -> Job | None:
        """Ends a job that waits, and notes of a running one that it is to end; the job as it then is, or None."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET cancel = 1 WHERE id = ? AND state IN ('queued', 'running')", (job_id,))
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', ended_s = ? WHERE id = ? AND state = 'queued'",
                (time.time(), job_id),
            )
        return self.get(job_id)

    def delete(self, job_id: str) -> bool:
        """Forgets a job that has ended; whether there was one."""
        with self._transaction() as connection:
            done = connection.execute(
                "DELETE FROM jobs WHERE id = ? AND state IN ('done', 'failed', 'cancelled')", (job_id,)
            )
            return done.rowcount > 0

    def ended_before(self, moment_s: float) -> list[str]:
        """The ids of jobs that ended before a moment."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT id FROM jobs WHERE ended_s < ? ORDER BY number", (moment_s,)).fetchall()
        return [row[0] for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._plain_transaction() as connection:
                yield connection
        except sqlite3.Error as error:
            raise StoreError(
                f"{self._path}: cannot be read or written ({error})",
                "Make room on the disk, and see that no other program has the file open.",
            ) from error

    @contextmanager
    def _plain_transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite has ended some of those that failed itself
                    self._connection.execute("ROLLBACK")
                raise


def _job(row: tuple[Any, ...]) -> Job:
    return Job(
        id=row[0],
        state=cast("State", row[1]),
        created_s=row[2],
        started_s=row[3],
        ended_s=row[4],
        options=json.loads(row[5]),
        documents=tuple(StoredDocument(name, size) for name, size in json.loads(row[6])),
        pages=row[7],
        cancelled=bool(row[8]),
        totals=None if row[9] is None else json.loads(row[9]),
        problem=None if row[10] is None else json.loads(row[10]),
        done=row[11],
        worked_s=row[12],
    )


def _text(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
