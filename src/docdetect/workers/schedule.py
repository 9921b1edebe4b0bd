"""Which part is worked on next, and which outcome leaves next: bookkeeping without processes.

Outcomes leave in the order of items and parts, whatever order the work finishes in. A part is `held` from the moment
it is given to a process until the consumer has taken its outcome; the number of held parts is bounded. Items behind
the one whose outcomes leave now may hold half of that number, so that one large item keeps every process busy while
small items wait behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from docdetect.types import Failure
from docdetect.workers.parts import ItemOutcome, PartOutcome

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """Part `part` (from 1) of the item at position `item`; part 1 also opens the item and counts its parts."""

    item: int
    part: int


@dataclass(frozen=True)
class _End:
    """An item ends early: `part` is its first part without an outcome."""

    part: int
    failure: Failure
    lost_process: bool


@dataclass
class _Progress(Generic[T]):
    """An item between its first task and its last outcome."""

    part_count: int | None = None
    next_task: int = 1
    next_outcome: int = 1
    end: _End | None = None
    finished: dict[int, PartOutcome[T]] = field(default_factory=dict)
    # Bytes that each held part keeps in memory, 0 while it is worked on.
    held: dict[int, int] = field(default_factory=dict)
    # Whether the consumer took the outcome of the item; parts behind an early end may still be worked on then.
    taken: bool = False

    def has_work(self) -> bool:
        return self.part_count is not None and self.end is None and self.next_task <= self.part_count


class Schedule(Generic[T]):
    """The order of work and of outcomes.

    Args:
        item_count: items of the batch.
        max_in_flight: the most parts that are held at a time.
        max_in_flight_bytes: no further part is begun while finished parts take this much, unless it is the one that
            the consumer waits for.
    """

    def __init__(self, item_count: int, max_in_flight: int, max_in_flight_bytes: int) -> None:
        self._item_count = item_count
        self._max_parts = max_in_flight
        self._max_bytes = max_in_flight_bytes
        self._head = 0  # the item whose outcomes leave now
        self._unopened = 0  # the first item that no process was given yet
        self._progress: dict[int, _Progress[T]] = {}

    @property
    def done(self) -> bool:
        """Whether every outcome has left."""
        return self._head == self._item_count

    def backlog(self) -> int:
        """How many tasks are known of and not handed out: unopened items, and parts of items under way."""
        parts = (
            progress.part_count + 1 - progress.next_task
            for progress in self._progress.values()
            if progress.part_count is not None and progress.has_work()
        )
        return self._item_count - self._unopened + sum(parts)

    def next_task(self, opened: int | None) -> Task | None:
        """The best task for a process that has the item `opened` open, None while there is no task for it."""
        for item in self._candidates(opened):
            progress = self._progress.get(item)
            part = 1 if progress is None else progress.next_task
            if not self._has_room(item, part):
                continue
            if progress is None:
                progress = self._progress[item] = _Progress()
                self._unopened = item + 1
            progress.next_task = part + 1
            progress.held[part] = 0
            return Task(item, part)
        return None

    def finish(self, outcome: PartOutcome[T], size_bytes: int) -> None:
        """The work on a part is done; its value takes `size_bytes`."""
        progress = self._progress[outcome.item]
        if progress.part_count is None:
            progress.part_count = outcome.part_count
        if progress.end is not None and outcome.part >= progress.end.part:
            self._let_go(outcome.item, outcome.part)
            return
        progress.finished[outcome.part] = outcome
        progress.held[outcome.part] = size_bytes

    def end_item(self, task: Task, failure: Failure, *, lost_process: bool = False) -> None:
        """The item of a task ends there: it cannot be opened, or (`lost_process`) the part took down its process."""
        progress = self._progress[task.item]
        if progress.end is not None and progress.end.part <= task.part:
            self._let_go(task.item, task.part)
            return
        if progress.end is not None:
            progress.held.pop(progress.end.part, None)
        progress.end = _End(task.part, failure, lost_process)
        for part in [part for part in progress.finished if part > task.part]:
            progress.finished.pop(part)
            progress.held.pop(part)

    def pop_outcomes(self) -> Iterator[PartOutcome[T] | ItemOutcome]:
        """The outcomes whose turn it is."""
        while (progress := self._progress.get(self._head)) is not None and self._head < self._unopened:
            if progress.next_outcome in progress.finished:
                outcome = progress.finished.pop(progress.next_outcome)
                progress.next_outcome += 1
                yield outcome
                continue
            end = progress.end if progress.end and progress.end.part == progress.next_outcome else None
            if end is not None:
                failed_part = end.part if end.lost_process else None
                yield ItemOutcome(self._head, progress.part_count or 0, end.failure, failed_part)
            elif progress.part_count is None or progress.next_outcome <= progress.part_count:
                return
            else:
                yield ItemOutcome(self._head, progress.part_count)
            self._head += 1

    def release(self, item: int, part: int | None) -> None:
        """The consumer took the outcome of a part, or, with `part` None, the outcome of a whole item."""
        progress = self._progress[item]
        if part is None:
            progress.taken = True
            part = progress.end.part if progress.end else 0
        self._let_go(item, part)

    def _let_go(self, item: int, part: int) -> None:
        """A part is held no longer; its item is forgotten once its end was taken and no part is worked on."""
        progress = self._progress[item]
        progress.held.pop(part, None)
        if progress.taken and not progress.held:
            del self._progress[item]

    def _candidates(self, opened: int | None) -> Iterator[int]:
        """Items with work, best first: the open one, a new one, then those under way that could use help."""
        if opened is not None and opened in self._progress and self._progress[opened].has_work():
            yield opened
        if self._unopened < self._item_count:
            yield self._unopened
        yield from (item for item in sorted(self._progress) if self._progress[item].has_work())

    def _has_room(self, item: int, part: int) -> bool:
        total = sum(len(progress.held) for progress in self._progress.values())
        head = self._progress.get(self._head)
        awaited = item == self._head and (head is None or part == head.next_outcome)
        if total >= self._max_parts:
            return False
        held_by_head = 0 if head is None else len(head.held)
        if item != self._head and total - held_by_head >= self._max_parts // 2:
            return False
        size_bytes = sum(sum(progress.held.values()) for progress in self._progress.values())
        return awaited or size_bytes < self._max_bytes
