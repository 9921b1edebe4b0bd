"""Worker processes under watch: a thread hands out pages, collects replies, and replaces workers that die or hang."""

from __future__ import annotations

import contextlib
import math
import pickle
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from docdetect.documents.outcomes import DocumentOutcome, PageOutcome, PageWork, WorkerSettings
from docdetect.documents.processes import death_of, worker_context
from docdetect.documents.schedule import Schedule, Task
from docdetect.documents.sources import DocumentFile
from docdetect.documents.transfer import receive_value, send_value
from docdetect.documents.worker import Reply, Request, run_worker
from docdetect.errors import DocdetectError
from docdetect.types import Failure, FailureKind

T = TypeVar("T")

_PAGE_ALLOWANCE_S = 1.0
_START_LIMIT_S = 120.0
_MAX_FAILED_STARTS = 3
_EXIT_WAIT_S = 5.0


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    ready: bool = False
    task: Task | None = None
    opened: int | None = None  # index of the document that it has open
    deadline_s: float = field(default_factory=lambda: time.monotonic() + _START_LIMIT_S)


def iter_in_workers(
    files: Sequence[DocumentFile], work: PageWork[T], settings: WorkerSettings
) -> Iterator[PageOutcome[T] | DocumentOutcome]:
    """`iter_pages` with at least one worker."""
    pool = _Pool(files, work, settings)
    pool.start()
    try:
        yield from pool.outcomes()
    finally:
        pool.stop()


class _Pool(Generic[T]):
    """The watching thread (methods from `_run` on) and its consumer (the public methods)."""

    def __init__(self, files: Sequence[DocumentFile], work: PageWork[T], settings: WorkerSettings) -> None:
        self._files = files
        self._work = work
        self._settings = settings
        self._context = worker_context()
        self._schedule: Schedule[T] = Schedule(files, settings.max_in_flight, settings.max_in_flight_bytes)
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._batch_error: DocdetectError | None = None  # raised when the other workers are through with their pages
        self._busy_s: dict[int, float] = {}
        self._pages_done: dict[int, int] = {}
        self._out: queue.SimpleQueue[tuple[int, PageOutcome[T] | DocumentOutcome] | BaseException] = queue.SimpleQueue()
        self._taken: queue.SimpleQueue[tuple[int, int | None]] = queue.SimpleQueue()
        self._bell, self._bell_push = self._context.Pipe(duplex=False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docdetect-pages", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def outcomes(self) -> Iterator[PageOutcome[T] | DocumentOutcome]:
        """Every outcome in order; raises what stopped the batch."""
        left = len(self._files)
        while left:
            item = self._out.get()
            if isinstance(item, BaseException):
                raise item
            index, outcome = item
            number = None if isinstance(outcome, DocumentOutcome) else outcome.number
            left -= number is None
            self._taken.put((index, number))
            self._ring()
            yield outcome

    def stop(self) -> None:
        """Ends all workers, at once, and the thread."""
        self._stopping.set()
        self._ring()
        self._thread.join()
        self._bell.close()
        self._bell_push.close()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # the thread ended on its own
            self._bell_push.send_bytes(b"!")

    def _run(self) -> None:
        try:
            while not (self._stopping.is_set() or self._schedule.done):
                self._release_taken()
                if self._batch_error is None:
                    self._start_workers()
                    self._dispatch()
                elif all(worker.task is None for worker in self._workers):
                    raise self._batch_error
                self._collect()
                for item in self._schedule.pop_outcomes():
                    self._out.put(item)
        except BaseException as error:  # noqa: BLE001 - the border of a thread: the consumer raises it
            for item in self._schedule.pop_outcomes():  # what was finished beside it is not lost
                self._out.put(item)
            self._out.put(error)
        finally:
            for worker in tuple(self._workers):
                self._remove(worker)

    def _release_taken(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._schedule.release(*self._taken.get_nowait())

    def _start_workers(self) -> None:
        """One worker for each known task that no idle or starting worker will take: a single page starts one."""
        free = sum(worker.task is None for worker in self._workers)
        missing = min(self._settings.workers - len(self._workers), self._schedule.backlog() - free)
        for _ in range(missing):
            ours, theirs = self._context.Pipe()
            arguments = (theirs, self._work, self._settings.opener, self._settings.memory_bytes)
            process = self._context.Process(  # type: ignore[attr-defined]
                target=run_worker, args=arguments, name="docdetect-worker", daemon=True
            )
            process.start()
            theirs.close()  # or the end of the worker would not close the pipe
            self._workers.append(_Worker(process, ours))

    def _dispatch(self) -> None:
        for worker in self._workers:
            if not worker.ready or worker.task is not None:
                continue
            task = self._schedule.next_task(worker.opened)
            if task is None:
                continue
            limit_s = self._limit_s(task.index)
            worker.task, worker.opened, worker.deadline_s = task, task.index, time.monotonic() + limit_s
            with contextlib.suppress(OSError):  # it died while idle; `_collect` sees its end
                send_value(worker.connection, Request(task.index, self._files[task.index], task.number, limit_s))

    def _limit_s(self, index: int) -> float:
        earned_s = self._pages_done.get(index, 0) * _PAGE_ALLOWANCE_S
        left_s = self._settings.timeout_s + earned_s - self._busy_s.get(index, 0.0)
        return max(0.1, min(self._settings.timeout_s, left_s))

    def _collect(self) -> None:
        """Waits for a reply, an end, a deadline or the consumer, and deals with all that came."""
        deadline_s = min((worker.deadline_s for worker in self._workers), default=math.inf)
        pause_s = None if math.isinf(deadline_s) else max(0.0, deadline_s - time.monotonic())
        ready = wait([self._bell, *(worker.connection for worker in self._workers)], pause_s)
        if self._bell in ready:
            self._bell.recv_bytes()
        for worker in tuple(self._workers):
            if worker.connection in ready:
                try:
                    message, size_bytes = receive_value(worker.connection)
                except (EOFError, OSError, pickle.UnpicklingError):
                    self._bury(worker, None)
                else:
                    self._take(worker, message, size_bytes)
            elif worker.deadline_s <= time.monotonic():
                limit = f"no result within {self._settings.timeout_s:g} s"
                self._bury(worker, Failure(FailureKind.TIMEOUT, limit))

    def _take(self, worker: _Worker, message: object, size_bytes: int) -> None:
        task, worker.task, worker.deadline_s = worker.task, None, math.inf
        if task is None:  # its first message
            worker.ready = True
            self._failed_starts = 0
            return
        assert isinstance(message, Reply)
        if message.stop is not None:
            self._batch_error = self._batch_error or message.stop
            return
        self._busy_s[task.index] = self._busy_s.get(task.index, 0.0) + message.elapsed_s
        self._pages_done[task.index] = self._pages_done.get(task.index, 0) + 1
        if message.page_count == 0:
            assert message.failure is not None
            self._schedule.end_document(task, message.failure)
        else:
            outcome = PageOutcome[T](
                self._files[task.index],
                task.number,
                message.page_count,
                message.value,
                message.failure,
                message.elapsed_s,
            )
            self._schedule.finish(task, outcome, size_bytes)
        if message.failure is not None and message.failure.kind is FailureKind.MEMORY:
            self._remove(worker)  # what is left of its heap is in pieces

    def _bury(self, worker: _Worker, failure: Failure | None) -> None:
        """A worker died, or with a failure given: has to. Its document ends where it was."""
        if failure is None:
            worker.process.join(_EXIT_WAIT_S)  # its own exit code, not that of our signal
        exit_code = worker.process.exitcode
        self._remove(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _MAX_FAILED_STARTS:
                raise DocdetectError(
                    f"worker processes do not start (exit code {exit_code})",
                    "Run docdetect doctor; a script that uses docdetect needs `if __name__ == '__main__':`.",
                )
        elif worker.task is not None:
            failure = failure or death_of(exit_code)
            self._schedule.end_document(
                worker.task, Failure(failure.kind, f"page {worker.task.number}: {failure.message}")
            )

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.process.kill()
        worker.process.join(_EXIT_WAIT_S)
        worker.connection.close()
