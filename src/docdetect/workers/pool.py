"""Batches of work in isolated processes, so that a hostile item takes down one process and nothing else.

    for outcome in iter_parts(items, open_item, WorkerSettings(workers=available_cores())):
        if isinstance(outcome, PartOutcome):      # outcome.value, or outcome.failure says why there is none
            ...
        else:                                     # ItemOutcome: the end of the item
            ...

A thread hands out parts, collects replies, and replaces processes that die or hang. Outcomes come in the order of
items and parts, the same whatever the number of processes.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from typing import Generic, TypeVar

from docdetect.errors import DocdetectError, InterruptedRunError
from docdetect.types import Failure, FailureKind
from docdetect.workers.inside import Reply
from docdetect.workers.parts import ItemOpener, ItemOutcome, PartHandler, PartOutcome, PartRequest, WorkerSettings
from docdetect.workers.process import NO_START, NO_START_REMEDY, STOP_POLL_S, ProcessEndedError, WatchedProcess
from docdetect.workers.schedule import Schedule, Task

I = TypeVar("I")  # noqa: E741 - an item
T = TypeVar("T")

# Seconds that each finished part adds to what its item may take in all.
_PART_ALLOWANCE_S = 1.0

# Processes in a row that end before they are ready, after which the batch gives up.
_MAX_FAILED_STARTS = 3


def iter_parts(
    items: Sequence[I],
    open_item: ItemOpener[I, T],
    settings: WorkerSettings | None = None,
    *,
    preload: Sequence[str] = (),
    stop: threading.Event | None = None,
) -> Generator[PartOutcome[T] | ItemOutcome, None, None]:
    """Does the work on every part of every item, ahead of the consumer by a bounded number of parts.

    Yields, for each item in the order given, a PartOutcome for each part from the first to the last, then one
    ItemOutcome. A part that fails has an outcome with its failure, and the item goes on. A part that crashes its
    process or exceeds the time limit ends its item with FailureKind.CRASHED, MEMORY or TIMEOUT; the parts before it
    stay, those after it are not tried. Processes start when the first outcome is asked for, and end with the iterator,
    also when the iterator is closed early.

    Args:
        items: picklable.
        open_item: opens an item in a process; picklable, and so must the values of its parts be.
        settings: processes and limits; the default works in the calling thread, without protection.
        preload: modules that are imported once for all processes; see `start_server`.
        stop: an event that may be set in any thread; the iterator then ends its processes and raises.

    Raises:
        InterruptedRunError: `stop` was set. Outcomes that the consumer had not taken are lost.
        DocdetectError: raised by the work and without a failure of its own, such as OutputError: it concerns the
            whole batch. Outcomes before it in order have been yielded.
    """
    settings = settings or WorkerSettings()
    if settings.workers == 0:
        yield from _iter_in_this_thread(items, open_item, stop or threading.Event())
        return
    pool = Pool(items, open_item, settings, preload=preload, stop=stop)
    try:
        yield from pool.outcomes()
    finally:
        pool.close()


def _iter_in_this_thread(
    items: Sequence[I], open_item: ItemOpener[I, T], stop: threading.Event
) -> Iterator[PartOutcome[T] | ItemOutcome]:
    handler = PartHandler(open_item)
    try:
        for item, content in enumerate(items):
            part, part_count = 1, 1
            reply = Reply()
            while part <= part_count:
                if stop.is_set():
                    raise _stopped()
                reply = handler(PartRequest(item, content, part))
                if reply.error is not None:
                    raise reply.error
                part_count = reply.part_count
                if part_count:
                    yield PartOutcome[T](item, part, part_count, reply.value, reply.failure, reply.elapsed_s)
                part += 1
            yield ItemOutcome(item, part_count, None if part_count else reply.failure)
    finally:
        handler.close()


@dataclass
class _Worker:
    """A process, what it works on, and which item it has open."""

    process: WatchedProcess
    task: Task | None = None
    opened: int | None = None


class Pool(Generic[I, T]):
    """The processes of one batch; `iter_parts` is the way to use it, unless `stop` is wanted.

    `outcomes` and `close` are for the consumer's thread, `stop` for any thread; methods from `_run` on are the
    watching thread's. For the arguments see `iter_parts`.
    """

    def __init__(
        self,
        items: Sequence[I],
        open_item: ItemOpener[I, T],
        settings: WorkerSettings,
        *,
        preload: Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> None:
        self._items = items
        self._handler = PartHandler(open_item)
        self._settings = settings
        self._preload = preload
        self._schedule: Schedule[T] = Schedule(len(items), settings.max_in_flight, settings.max_in_flight_bytes)
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        # An error that concerns the whole batch; it is raised when the other processes have finished their parts.
        self._batch_error: DocdetectError | None = None
        self._busy_s: dict[int, float] = {}
        self._parts_done: dict[int, int] = {}
        self._out: queue.SimpleQueue[PartOutcome[T] | ItemOutcome | BaseException] = queue.SimpleQueue()
        self._taken: queue.SimpleQueue[tuple[int, int | None]] = queue.SimpleQueue()
        self._bell, self._bell_push = Pipe(duplex=False)
        self._bell_lock = threading.Lock()
        self._stopping = threading.Event()
        self._stop_asked = stop
        self._thread = threading.Thread(target=self._run, name="docdetect-pool", daemon=True)
        self._thread.start()

    def outcomes(self) -> Iterator[PartOutcome[T] | ItemOutcome]:
        """Every outcome in order; raises what stopped the batch."""
        left = len(self._items)
        while left:
            outcome = self._out.get()
            if self._is_stopped():
                raise _stopped()
            if isinstance(outcome, BaseException):
                raise outcome
            part = None if isinstance(outcome, ItemOutcome) else outcome.part
            left -= part is None
            self._taken.put((outcome.item, part))
            self._ring()
            yield outcome

    def stop(self) -> None:
        """Has all processes end at once, without waiting for it; `outcomes` raises InterruptedRunError."""
        self._stopping.set()
        self._ring()

    def close(self) -> None:
        """Ends all processes at once, and waits until they are gone."""
        self.stop()
        self._thread.join()
        with self._bell_lock:
            self._bell.close()
            self._bell_push.close()

    def _ring(self) -> None:
        """Wakes the watching thread."""
        with self._bell_lock:
            if not self._bell_push.closed:
                self._bell_push.send_bytes(b"!")

    def _is_stopped(self) -> bool:
        return self._stopping.is_set() or (self._stop_asked is not None and self._stop_asked.is_set())

    def _run(self) -> None:
        try:
            while not self._schedule.done:
                if self._is_stopped():
                    raise _stopped()
                self._release_taken()
                if self._batch_error is None:
                    self._start_workers()
                    self._dispatch()
                elif all(worker.task is None for worker in self._workers):
                    raise self._batch_error
                self._collect()
                for outcome in self._schedule.pop_outcomes():
                    self._out.put(outcome)
        except BaseException as error:  # noqa: BLE001 - the border of a thread: the consumer raises it
            for outcome in self._schedule.pop_outcomes():  # what was finished beside it is not lost
                self._out.put(outcome)
            self._out.put(error)
        finally:
            for worker in self._workers:
                worker.process.kill()
            for worker in tuple(self._workers):
                self._remove(worker)

    def _release_taken(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._schedule.release(*self._taken.get_nowait())

    def _start_workers(self) -> None:
        """One process for each known task that no idle or starting process will take: a single part starts one."""
        free = sum(worker.task is None for worker in self._workers)
        missing = min(self._settings.workers - len(self._workers), self._schedule.backlog() - free)
        for _ in range(missing):
            process = WatchedProcess(self._handler, self._settings.memory_bytes, self._preload)
            self._workers.append(_Worker(process))

    def _dispatch(self) -> None:
        for worker in self._workers:
            if not worker.process.ready or worker.task is not None:
                continue
            task = self._schedule.next_task(worker.opened)
            if task is None:
                continue
            worker.task, worker.opened = task, task.item
            worker.process.send(PartRequest(task.item, self._items[task.item], task.part), self._limit_s(task.item))

    def _limit_s(self, item: int) -> float:
        """Seconds that the next part of an item may take."""
        earned_s = self._parts_done.get(item, 0) * _PART_ALLOWANCE_S
        left_s = self._settings.timeout_s + earned_s - self._busy_s.get(item, 0.0)
        return max(0.1, min(self._settings.timeout_s, left_s))

    def _collect(self) -> None:
        """Waits for a reply, an end, a deadline, the consumer or a stop, and deals with all that came."""
        deadline_s = min((worker.process.deadline_s for worker in self._workers), default=math.inf)
        pause_s = max(0.0, deadline_s - time.monotonic())
        if self._stop_asked is not None:
            pause_s = min(pause_s, STOP_POLL_S)
        connections = [self._bell, *(worker.process.connection for worker in self._workers)]
        ready = wait(connections, None if math.isinf(pause_s) else pause_s)
        if self._bell in ready:
            self._bell.recv_bytes()
        for worker in tuple(self._workers):
            if worker.process.connection in ready:
                try:
                    reply, size_bytes = worker.process.receive()
                except ProcessEndedError as error:
                    self._bury(worker, error.failure)
                else:
                    self._take(worker, reply, size_bytes)
            elif worker.process.timed_out() is not None:
                limit = f"no result within {self._settings.timeout_s:g} s"
                self._bury(worker, Failure(FailureKind.TIMEOUT, limit))

    def _take(self, worker: _Worker, reply: Reply, size_bytes: int) -> None:
        task, worker.task = worker.task, None
        if task is None:  # the process says that it is ready
            self._failed_starts = 0
            return
        if reply.error is not None:
            self._batch_error = self._batch_error or reply.error
            return
        self._busy_s[task.item] = self._busy_s.get(task.item, 0.0) + reply.elapsed_s
        self._parts_done[task.item] = self._parts_done.get(task.item, 0) + 1
        if reply.part_count == 0:
            assert reply.failure is not None
            self._schedule.end_item(task, reply.failure)
        else:
            outcome = PartOutcome[T](
                task.item, task.part, reply.part_count, reply.value, reply.failure, reply.elapsed_s
            )
            self._schedule.finish(outcome, size_bytes)
        if reply.failure is not None and reply.failure.kind is FailureKind.MEMORY:
            self._remove(worker)  # what is left of its heap is in pieces

    def _bury(self, worker: _Worker, failure: Failure) -> None:
        """Ends a process that died or has to, with the failure given. Its item ends where it was."""
        self._remove(worker)
        if not worker.process.ready:
            self._failed_starts += 1
            if self._failed_starts >= _MAX_FAILED_STARTS:
                raise DocdetectError(f"{NO_START} ({failure.message})", NO_START_REMEDY)
        elif worker.task is not None:
            self._schedule.end_item(worker.task, failure, lost_process=True)

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.process.end()


def _stopped() -> InterruptedRunError:
    return InterruptedRunError("stopped")
