"""The inside of a worker process: opens documents, does the work on one page after the other, answers each request.

It may crash, hang or run out of memory at any moment: `pool.py` watches it from outside.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from docdetect.documents.outcomes import PageWork
from docdetect.documents.processes import enter_worker, set_alarm
from docdetect.documents.reader import Document, DocumentError, Opener
from docdetect.documents.sources import DocumentFile
from docdetect.documents.transfer import receive_value, send_value
from docdetect.errors import DocdetectError
from docdetect.types import Failure, FailureKind


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
    enter_worker(memory_bytes)
    server = PageServer(work, opener)
    with contextlib.suppress(EOFError, OSError):  # the parent closed the pipe, or died
        send_value(connection, None)
        while True:
            request, _ = receive_value(connection)
            assert isinstance(request, Request)
            set_alarm(request.limit_s)
            reply = server.serve(request)
            set_alarm(0)
            _answer(connection, reply)
    server.close()


def _answer(connection: Connection, reply: Reply) -> None:
    try:
        send_value(connection, reply)
    except MemoryError:
        failure = Failure(FailureKind.MEMORY, "not enough memory")
        send_value(connection, Reply(reply.page_count, failure=failure, elapsed_s=reply.elapsed_s))
