"""Calls beside the flow of pages, in one worker process of their own that hostile files may crash, hang or fill.

    with AsideWorker() as aside:
        value = aside(60.0, function, argument)       # what function(argument) returns, or a Failure

The process starts with the first call. One that dies, or takes longer than its limit, is replaced.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import TypeVar, cast

from docdetect.documents.processes import death_of, enter_worker, set_alarm, worker_context
from docdetect.documents.reader import DocumentError
from docdetect.documents.transfer import receive_value, send_value
from docdetect.errors import DocdetectError, InterruptedRunError
from docdetect.types import Failure, FailureKind

T = TypeVar("T")

_START_LIMIT_S = 120.0
_EXIT_WAIT_S = 5.0


@dataclass(frozen=True)
class _Call:
    function: Callable[..., object]
    arguments: tuple[object, ...]
    limit_s: float


@dataclass(frozen=True)
class _Reply:
    """What a call gave, or the error that it raised."""

    value: object = None
    error: DocdetectError | None = None


@dataclass
class _Process:
    process: BaseProcess
    connection: Connection


class AsideWorker:
    """One worker process; calls from several threads take turns.

    Args:
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
    """

    def __init__(self, memory_bytes: int = 4 << 30) -> None:
        self._memory_bytes = memory_bytes
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        self._running: _Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        running = self._running
        return None if running is None else running.process.pid

    def __call__(self, limit_s: float, function: Callable[..., T], *arguments: object) -> T | Failure:
        """`function(*arguments)` in the process; picklable all of it.

        Args:
            limit_s: seconds that it may take.

        Returns:
            Its value, or why there is none: it raised a DocumentError, crashed, or exceeded its time or memory.

        Raises:
            InterruptedRunError: the worker was stopped.
            DocdetectError: raised by the function and not a DocumentError, such as OutputError.
        """
        with self._turn:
            try:
                running = self._started()
                send_value(running.connection, _Call(function, arguments, limit_s))
                reply = _received(running.connection, limit_s)
            except TimeoutError:
                self._end()
                return Failure(FailureKind.TIMEOUT, f"no result within {limit_s:g} s")
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                failure = self._end(died=True)
                if self._stopped.is_set():
                    raise InterruptedRunError("stopped") from error
                return failure
        if isinstance(reply.error, DocumentError):
            return reply.error.failure
        if reply.error is not None:
            raise reply.error
        return cast("T | Failure", reply.value)

    def stop(self) -> None:
        """Ends the process, at once; a call under way, and every later one, raises InterruptedRunError."""
        self._stopped.set()
        running = self._running
        if running is not None:
            running.process.kill()

    def __enter__(self) -> AsideWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        with self._turn:
            self._end()

    def _started(self) -> _Process:
        if self._stopped.is_set():
            raise InterruptedRunError("stopped")
        if self._running is None:
            context = worker_context()
            ours, theirs = context.Pipe()
            process = context.Process(  # type: ignore[attr-defined]
                target=run_aside, args=(theirs, self._memory_bytes), name="docdetect-aside", daemon=True
            )
            process.start()
            theirs.close()  # or the end of the process would not close the pipe
            self._running = _Process(process, ours)
            if self._stopped.is_set():  # `stop` may have looked before there was a process to kill
                process.kill()
            _received(ours, _START_LIMIT_S)
        return self._running

    def _end(self, *, died: bool = False) -> Failure:
        """Ends the process if there is one; says what it died of, if it `died`."""
        running, self._running = self._running, None
        if running is None:
            return death_of(None)
        if died:
            running.process.join(_EXIT_WAIT_S)  # its own exit code, not that of our signal
        exit_code = running.process.exitcode
        running.process.kill()
        running.process.join(_EXIT_WAIT_S)
        running.connection.close()
        return death_of(exit_code)


def run_aside(connection: Connection, memory_bytes: int) -> None:
    """The main function of the process: says that it is ready, then answers calls until the pipe closes."""
    enter_worker(memory_bytes)
    with contextlib.suppress(EOFError, OSError):  # the parent closed the pipe, or died
        send_value(connection, _Reply())
        while True:
            call, _ = receive_value(connection)
            assert isinstance(call, _Call)
            set_alarm(call.limit_s)
            reply = _answer(call)
            set_alarm(0)
            send_value(connection, reply)


def _answer(call: _Call) -> _Reply:
    try:
        return _Reply(call.function(*call.arguments))
    except DocdetectError as error:
        return _Reply(error=error)
    except MemoryError:
        return _Reply(Failure(FailureKind.MEMORY, "not enough memory"))
    except Exception as error:  # noqa: BLE001 - the border of a worker: one call's error must not end the batch
        return _Reply(Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {error}"))


def _received(connection: Connection, limit_s: float) -> _Reply:
    """The next reply. Raises TimeoutError, and EOFError or OSError where the process is gone."""
    if not connection.poll(limit_s):
        raise TimeoutError
    reply, _ = receive_value(connection)
    assert isinstance(reply, _Reply)
    return reply
