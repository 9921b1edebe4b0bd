"""One isolated process, seen from the program: started, asked, limited in time, replaced, stopped.

    with IsolatedProcess() as process:
        value = process.call(60.0, function, argument)       # what function(argument) returns, or a Failure

`IsolatedProcess` is for single calls. `pool.py` builds batches of work on the same `WatchedProcess`.

Processes start with a fresh interpreter, which does not import the program's main module.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker, spawn
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import TypeVar, cast

from docdetect.config.limits import PROCESS_MEMORY_MB
from docdetect.errors import DocdetectError, InterruptedRunError
from docdetect.interrupts import INTERRUPTS
from docdetect.machine import used_in_fork
from docdetect.types import Failure, FailureKind
from docdetect.workers import ending
from docdetect.workers.inside import Handler, Reply, Request, answer_requests, attempt
from docdetect.workers.transfer import receive_value, send_value

T = TypeVar("T")

# Seconds that a new process may take until it is ready: it imports libraries, perhaps from a slow disk.
_START_LIMIT_S = 120.0

# Seconds that are waited for the exit code of a process that has closed its pipe or was killed.
_EXIT_WAIT_S = 5.0

# Seconds between two looks at an event that may stop the wait for a process.
STOP_POLL_S = 0.1

NO_START = "worker processes do not start"
"""The message where the system starts no isolated process; the reason follows it."""
NO_START_REMEDY = (
    "See that the limits of processes, open files and memory (ulimit -a) are not reached; docdetect doctor says what "
    "this machine lacks."
)

_STARTING = threading.Lock()


def start_server(preload: Sequence[str] = ()) -> BaseContext:
    """Lets the server that forks processes start while the program does something else.

    The server copies neither the program's memory nor its threads. It exists on Linux; elsewhere every process starts
    as a new interpreter, and nothing happens here. The server runs until the program ends; calling this again is
    harmless.

    Args:
        preload: modules that the server imports once for all processes; the first call in a program decides.

    Returns:
        The context of `multiprocessing` that starts processes.

    Raises:
        UsageError: this process is a fork of one that has started the server, which does not answer forks.
        DocdetectError: the server cannot be started.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    # The server starts with Ctrl-C and SIGTERM blocked, for itself and for its processes, which end when it ends. Of
    # Ctrl-C it would also print a traceback over the program's own message while it starts. The resource tracker comes
    # first, since starting it unblocks the signals; it ignores them itself.
    with _start_errors():
        resource_tracker.ensure_running()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return context


@contextlib.contextmanager
def _start_errors() -> Iterator[None]:
    """Turns an OSError while a process is started, such as a limit of the system, into one that says so."""
    try:
        yield
    except ChildProcessError as error:  # the server is a child of the process that this one is a fork of
        raise used_in_fork() from error
    except OSError as error:
        raise DocdetectError(f"{NO_START} ({error.strerror or error})", NO_START_REMEDY) from error


def _start_without_main(process: BaseProcess) -> None:
    """Starts a process that does not import the program's main module, also in a process of `multiprocessing.Pool`.

    `multiprocessing` would import it, for the sake of functions that it defines; the functions here never come from
    there. A short script that has no `if __name__ == "__main__":` would be run again in every process.

    Processes of a pool are daemons, which `multiprocessing` allows no processes of their own, since nobody ends these
    where a daemon is killed. The processes here end by themselves as soon as nobody holds their pipe.
    """
    program = multiprocessing.current_process()
    with _STARTING:
        is_daemon = program.daemon
        if is_daemon:
            program.daemon = False
        preparation = spawn.get_preparation_data
        spawn.get_preparation_data = lambda name: {
            key: value for key, value in preparation(name).items() if not key.startswith("init_main")
        }
        try:
            ending.start(process)
        finally:
            spawn.get_preparation_data = preparation
            if is_daemon:
                program.daemon = True


class ProcessEndedError(Exception):
    """The process ended although nobody ended it.

    Attributes:
        failure: what the exit code says about the cause.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class WatchedProcess:
    """A process that answers requests; it starts at once. Only `kill` may be called from any thread.

    Args:
        handler: answers each request in the process.
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
        preload: see `start_server`.

    Raises:
        DocdetectError: the process cannot be started.
        UsageError: see `start_server`.

    Attributes:
        connection: readable when `receive` has something to receive, or the process has ended.
        ready: whether the process has started and said so.
        deadline_s: moment of the monotonic clock at which the process has taken too long; infinity while it is idle.
    """

    def __init__(self, handler: Handler, memory_bytes: int, preload: Sequence[str] = ()) -> None:
        context = start_server(preload)
        with _start_errors():
            self.connection, theirs = context.Pipe()
        self._process = context.Process(  # type: ignore[attr-defined]
            target=answer_requests, args=(theirs, handler, memory_bytes), name="docdetect-worker", daemon=True
        )
        try:
            with _start_errors():
                _start_without_main(self._process)
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()  # the end of the process closes the pipe only if nobody else holds its other end
        self.ready = False
        self.deadline_s = time.monotonic() + _START_LIMIT_S
        self._limit_s = _START_LIMIT_S

    @property
    def pid(self) -> int | None:
        """The process's number in the system."""
        pid: int | None = self._process.pid
        return pid

    def send(self, content: object, limit_s: float) -> None:
        """Asks an idle process. If the process has died meanwhile, `receive` says so.

        Args:
            content: for the handler; picklable.
            limit_s: seconds that the answer may take.
        """
        with contextlib.suppress(OSError):
            send_value(self.connection, Request(content, limit_s))
        self._limit_s, self.deadline_s = limit_s, time.monotonic() + limit_s

    def receive(self) -> tuple[Reply, int]:
        """The next reply and the number of bytes of its arrays; the first reply of a process says that it is ready.

        Raises:
            ProcessEndedError: there is no reply, since the process has ended.
        """
        try:
            reply, size_bytes = receive_value(self.connection)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._process.join(_EXIT_WAIT_S)  # its own exit code, not that of the signal that `end` sends
            raise ProcessEndedError(death_of(self._process.exitcode)) from error
        assert isinstance(reply, Reply)
        self.ready, self.deadline_s = True, math.inf
        return reply, size_bytes

    def timed_out(self) -> Failure | None:
        """The failure of a process whose deadline has passed, None before that."""
        if time.monotonic() < self.deadline_s:
            return None
        what = "no result" if self.ready else "the process did not start"
        return Failure(FailureKind.TIMEOUT, f"{what} within {self._limit_s:g} s")

    def kill(self) -> None:
        """Ends the process at once, without waiting; harmless for a process that has ended."""
        self._process.kill()

    def end(self) -> None:
        """Ends the process at once, and waits until the system has forgotten it."""
        self.kill()
        self._process.join(_EXIT_WAIT_S)
        self.connection.close()


@dataclass(frozen=True)
class _Call:
    function: Callable[..., object]
    arguments: tuple[object, ...]


def _handle_call(call: _Call) -> Reply:
    return attempt(call.function, *call.arguments)


class IsolatedProcess:
    """A process for single calls, which hostile input may crash, hang or fill; calls from several threads take turns.

    The process starts with the first call. A process that died, took too long or ran out of memory is replaced by the
    next call.

    Args:
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
        preload: see `start_server`.
        stop: an event that, once set, has the same effect as `stop()`, within a tenth of a second.
    """

    def __init__(
        self,
        memory_bytes: int = PROCESS_MEMORY_MB << 20,
        preload: Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._preload = preload
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        self._stop_asked = stop or self._stopped
        self._process: WatchedProcess | None = None

    @property
    def pid(self) -> int | None:
        """The process's number in the system, None while there is no process."""
        process = self._process
        return None if process is None else process.pid

    def call(self, limit_s: float, function: Callable[..., T], *arguments: object) -> T | Failure:
        """What `function(*arguments)` returns in the process; function, arguments and value have to be picklable.

        Args:
            limit_s: seconds that the call may take; the start of a process is not counted.

        Returns:
            The value, or why there is none: the call raised an error with a failure (see `attempt`) or an unexpected
            error, crashed, or exceeded its time or memory.

        Raises:
            InterruptedRunError: the process was stopped.
            DocdetectError: raised by the function and without a failure, such as OutputError.
        """
        with self._turn:
            try:
                process = self._started()
                process.send(_Call(function, arguments), limit_s)
                reply = self._received(process)
            except ProcessEndedError as error:
                self._end()
                self._check_stopped()
                return error.failure
            except BaseException:  # the answer would come when the next call waits for its own
                self._end()
                raise
            if reply.failure is not None and reply.failure.kind in (FailureKind.TIMEOUT, FailureKind.MEMORY):
                self._end()  # after a lack of memory what is left of the heap is in pieces
        if reply.error is not None:
            raise reply.error
        return cast("T", reply.value) if reply.failure is None else reply.failure

    def stop(self) -> None:
        """Ends the process at once, from any thread; calls under way and later calls raise InterruptedRunError."""
        self._stopped.set()
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Stops, and waits until the process is gone."""
        self.stop()
        with self._turn:
            self._end()

    def __enter__(self) -> IsolatedProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _check_stopped(self) -> None:
        if self._stopped.is_set() or self._stop_asked.is_set():
            raise InterruptedRunError("stopped")

    def _started(self) -> WatchedProcess:
        self._check_stopped()
        if self._process is None:
            process = self._process = WatchedProcess(_handle_call, self._memory_bytes, self._preload)
            self._check_stopped()  # `stop` may have looked before there was a process to kill
            failure = self._received(process).failure
            if failure is not None:
                raise ProcessEndedError(failure)
        return self._process

    def _received(self, process: WatchedProcess) -> Reply:
        """The next reply; a failure where the time is over."""
        while not process.connection.poll(min(STOP_POLL_S, max(0.0, process.deadline_s - time.monotonic()))):
            self._check_stopped()
            failure = process.timed_out()
            if failure is not None:
                return Reply(failure=failure)
        reply, _ = process.receive()
        return reply

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()


def death_of(exit_code: int | None) -> Failure:
    """What the exit code of a process that ended by itself means."""
    if exit_code is not None and exit_code < 0:
        number = -exit_code
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        if name == "SIGKILL":  # not sent by docdetect, which asks for no exit code after its own signal
            return Failure(FailureKind.MEMORY, "the system killed the worker, most likely for lack of memory")
        return Failure(FailureKind.CRASHED, f"the worker crashed ({name})")
    return Failure(FailureKind.CRASHED, f"the worker ended with exit code {exit_code}")
