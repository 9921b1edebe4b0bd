"""The inside of a worker process: opens documents, does the work on one page after the other, answers each request.

It may crash, hang or run out of memory at any moment: `pool.py` watches it from outside.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from docdetect.documents.document import Document, DocumentError
from docdetect.documents.outcomes import Opener, PageWork
from docdetect.documents.sources import DocumentFile
from docdetect.documents.transfer import receive_value, send_value
from docdetect.errors import DocdetectError
from docdetect.types import Failure, FailureKind

_ALARM_GRACE_S = 30


@dataclass(frozen=True)
class Request:
    """One page of a document, to be done within `limit_s`."""

    index: int
    file: DocumentFile
    number: int
    limit_s: float


@dataclass(frozen=True)
class Reply:
    """The answer to a request.

    Attributes:
        page_count: pages of the document; 0 when it does not open.
        value: what the work gave.
        failure: why the page, or with page_count 0 the document, gives nothing.
        stop: an error that concerns the whole batch (such as a full disk).
        elapsed_s: seconds of work.
    """

    page_count: int = 0
    value: Any = None
    failure: Failure | None = None
    stop: DocdetectError | None = None
    elapsed_s: float = 0.0


class PageServer:
    """Does requests one by one and keeps the newest document open between them."""

    def __init__(self, work: PageWork[Any], opener: Opener) -> None:
        self._work = work
        self._opener = opener
        self._index: int | None = None
        self._document: Document | None = None

    def serve(self, request: Request) -> Reply:
        """Opens the document unless it is open, does the work, and turns every error into data."""
        start_s = time.perf_counter()
        page_count, value, failure, stop = 0, None, None, None
        try:
            document = self._opened(request)
            page_count = document.page_count
            value = self._work(document, request.number)
        except DocumentError as error:
            failure = error.failure
        except DocdetectError as error:
            stop = error
        except MemoryError:
            failure = Failure(FailureKind.MEMORY, "not enough memory")
        except Exception as error:  # noqa: BLE001 - the border of a worker: one page's error must not end the batch
            failure = Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {error}")
        return Reply(page_count, value, failure, stop, time.perf_counter() - start_s)

    def close(self) -> None:
        """Closes the open document, whatever state it is in."""
        document, self._document, self._index = self._document, None, None
        if document is not None:
            with contextlib.suppress(Exception):  # a damaged document may fail to close; its work is done
                document.close()

    def _opened(self, request: Request) -> Document:
        if self._document is None or self._index != request.index:
            self.close()
            self._document = self._opener(request.file)
            self._index = request.index
        return self._document


def run_worker(connection: Connection, work: PageWork[Any], opener: Opener, memory_bytes: int) -> None:
    """The main function of a worker process: says that it is ready, then answers requests until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _limit_memory(memory_bytes)
    _silence()
    server = PageServer(work, opener)
    with contextlib.suppress(EOFError, OSError):  # the parent closed the pipe, or died
        send_value(connection, None)
        while True:
            request, _ = receive_value(connection)
            assert isinstance(request, Request)
            _set_alarm(request.limit_s)
            reply = server.serve(request)
            _set_alarm(0)
            _answer(connection, reply)
    server.close()


def _answer(connection: Connection, reply: Reply) -> None:
    try:
        send_value(connection, reply)
    except MemoryError:
        failure = Failure(FailureKind.MEMORY, "not enough memory")
        send_value(connection, Reply(reply.page_count, failure=failure, elapsed_s=reply.elapsed_s))


def _set_alarm(limit_s: float) -> None:
    """Lets the system end this process if a request hangs and the parent is no longer there to end it."""
    if sys.platform != "win32":
        signal.alarm(math.ceil(limit_s) + _ALARM_GRACE_S if limit_s else 0)


def _limit_memory(memory_bytes: int) -> None:
    """Bounds the address space to what it is now plus `memory_bytes`; only Linux keeps such a promise."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _silence() -> None:
    """Sends what C libraries print nowhere: stdout belongs to --json, and failures come back as data."""
    with Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):
                os.dup2(nowhere.fileno(), descriptor)
