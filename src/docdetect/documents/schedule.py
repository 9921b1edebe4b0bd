"""Which page is worked on next, and which outcome comes out next: pure bookkeeping, no processes.

Outcomes leave in document order and page order whatever order the work finishes in. A page is `held` from its
dispatch until the consumer took its outcome; the number of held pages is bounded. Half of them belong to the
document whose turn it is, so that one large document keeps every worker busy while small ones behind it wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from docdetect.documents.outcomes import DocumentOutcome, PageOutcome
from docdetect.documents.sources import DocumentFile
from docdetect.types import Failure

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """Page `number` of the document at `index`; page 1 also opens it and counts its pages."""

    index: int
    number: int


@dataclass
class _Progress(Generic[T]):
    """A document between its first dispatch and its last outcome."""

    page_count: int | None = None
    next_dispatch: int = 1
    next_outcome: int = 1
    end: tuple[int, Failure] | None = None  # first page that there will be no outcome for, and why
    finished: dict[int, tuple[PageOutcome[T], int]] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)  # page -> bytes of its value, 0 while it is worked on
    taken: bool = False  # whether the consumer took its last outcome; pages behind its end may still be worked on

    def has_work(self) -> bool:
        return self.page_count is not None and self.end is None and self.next_dispatch <= self.page_count


class Schedule(Generic[T]):
    """The order of work and of outcomes for `files`."""

    def __init__(self, files: Sequence[DocumentFile], max_in_flight: int, max_in_flight_bytes: int) -> None:
        self._files = files
        self._max_pages = max_in_flight
        self._max_bytes = max_in_flight_bytes
        self._head = 0  # the document whose outcomes leave now
        self._unopened = 0
        self._progress: dict[int, _Progress[T]] = {}

    @property
    def done(self) -> bool:
        """Whether every outcome has left."""
        return self._head == len(self._files)

    def backlog(self) -> int:
        """Tasks known of and not handed out: unopened documents, and pages of those under way."""
        pages = (
            progress.page_count + 1 - progress.next_dispatch
            for progress in self._progress.values()
            if progress.page_count is not None and progress.has_work()
        )
        return len(self._files) - self._unopened + sum(pages)

    def next_task(self, opened: int | None) -> Task | None:
        """The best task for a worker that has the document `opened` open, or None while there is none for it."""
        for index in self._candidates(opened):
            progress = self._progress.get(index)
            number = 1 if progress is None else progress.next_dispatch
            if not self._has_room(index, number):
                continue
            if progress is None:
                progress = self._progress[index] = _Progress()
                self._unopened = index + 1
            progress.next_dispatch = number + 1
            progress.held[number] = 0
            return Task(index, number)
        return None

    def finish(self, task: Task, outcome: PageOutcome[T], size_bytes: int) -> None:
        """The work on a page is done; `outcome.page_count` tells how many pages its document has."""
        progress = self._progress[task.index]
        if progress.page_count is None:
            progress.page_count = outcome.page_count
        if progress.end is not None and task.number >= progress.end[0]:
            self._let_go(task.index, task.number)
            return
        progress.finished[task.number] = (outcome, size_bytes)
        progress.held[task.number] = size_bytes

    def end_document(self, task: Task, failure: Failure) -> None:
        """The document of `task` ends there: it does not open, or the page took its worker down."""
        progress = self._progress[task.index]
        if progress.end is not None and progress.end[0] <= task.number:
            self._let_go(task.index, task.number)
            return
        if progress.end is not None:
            progress.held.pop(progress.end[0], None)
        progress.end = (task.number, failure)
        for number in [number for number in progress.finished if number > task.number]:
            progress.finished.pop(number)
            progress.held.pop(number)

    def pop_outcomes(self) -> Iterator[tuple[int, PageOutcome[T] | DocumentOutcome]]:
        """The outcomes whose turn it is, each with its document's index."""
        while (progress := self._progress.get(self._head)) is not None and self._head < self._unopened:
            file = self._files[self._head]
            if progress.next_outcome in progress.finished:
                outcome, _ = progress.finished.pop(progress.next_outcome)
                progress.next_outcome += 1
                yield self._head, outcome
                continue
            failure = progress.end[1] if progress.end and progress.end[0] == progress.next_outcome else None
            if failure is None and (progress.page_count is None or progress.next_outcome <= progress.page_count):
                return
            yield self._head, DocumentOutcome(file, progress.page_count or 0, failure)
            self._head += 1

    def release(self, index: int, number: int | None) -> None:
        """The consumer took the outcome of a page, or, with `number` None, of a whole document."""
        progress = self._progress[index]
        if number is None:
            progress.taken = True
            number = progress.end[0] if progress.end else 0
        self._let_go(index, number)

    def _let_go(self, index: int, number: int) -> None:
        """A page is held no longer; its document is forgotten once its end was taken and no page is worked on."""
        progress = self._progress[index]
        progress.held.pop(number, None)
        if progress.taken and not progress.held:
            del self._progress[index]

    def _candidates(self, opened: int | None) -> Iterator[int]:
        """Documents with work, best first: the one open already, a new one, then help with those under way."""
        if opened is not None and opened in self._progress and self._progress[opened].has_work():
            yield opened
        if self._unopened < len(self._files):
            yield self._unopened
        yield from (index for index in sorted(self._progress) if self._progress[index].has_work())

    def _has_room(self, index: int, number: int) -> bool:
        held = {key: len(progress.held) for key, progress in self._progress.items()}
        total = sum(held.values())
        head = self._progress.get(self._head)
        awaited = index == self._head and (head is None or number == head.next_outcome)
        if total >= self._max_pages:
            return False
        if index != self._head and total - held.get(self._head, 0) >= self._max_pages // 2:
            return False
        size = sum(sum(progress.held.values()) for progress in self._progress.values())
        return awaited or size < self._max_bytes
