"""What a batch of work is: items with numbered parts, their outcomes, and the limits of the processes that do it.

An item is what has to be opened before anything can be done with it, such as a document; its parts are numbered
from 1, such as pages. How many parts an item has is known once it is open.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from docdetect.config.limits import PAGE_TIME_LIMIT_S, PROCESS_MEMORY_MB
from docdetect.types import Failure
from docdetect.workers.inside import Reply, attempt

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
I = TypeVar("I")  # noqa: E741 - an item


class OpenItem(Protocol[T_co]):
    """An item that is open."""

    @property
    def part_count(self) -> int:
        """How many parts the item has, at least 1."""

    def do_part(self, number: int) -> T_co:
        """Does the work on part `number`, from 1."""

    def close(self) -> None:
        """Lets go of the item."""


ItemOpener: TypeAlias = Callable[[I], OpenItem[T]]
"""Opens an item for work; picklable, since every process gets a copy."""


@dataclass(frozen=True)
class WorkerSettings:
    """How many processes work on a batch, and what an item may cost.

    Attributes:
        workers: processes; 0 does the work in the calling thread, without any protection.
        timeout_s: seconds in which an item must finish its next part, and that the item may take in all on top of one
            second for each finished part. Time in which its process waits is not counted.
        memory_bytes: address space that a process may take on top of its start; enforced on Linux only.
        max_in_flight: the most parts that are begun and not yet taken by the consumer.
        max_in_flight_bytes: arrays of finished parts that wait for the consumer take little more than this.
    """

    workers: int = 0
    timeout_s: float = PAGE_TIME_LIMIT_S
    memory_bytes: int = PROCESS_MEMORY_MB << 20
    max_in_flight: int = 16
    max_in_flight_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if self.workers < 0 or self.max_in_flight < 1 or self.timeout_s <= 0 or self.memory_bytes < 1:
            raise ValueError(f"limits must be positive: {self}")


@dataclass(frozen=True)
class PartOutcome(Generic[T]):
    """One part of an item: the value that the work returned, or why there is none.

    Attributes:
        item: position of the item in the batch, from 0.
        part: number of the part, from 1.
        part_count: how many parts the item has.
        value: what the work returned; None with a failure.
        failure: why there is no value.
        elapsed_s: seconds of work, with opening the item where that was needed.
    """

    item: int
    part: int
    part_count: int
    value: T | None
    failure: Failure | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class ItemOutcome:
    """The end of one item, after all of its parts.

    Attributes:
        item: position of the item in the batch, from 0.
        part_count: how many parts the item has; 0 when that did not become known.
        failure: why the item could not be opened, or why it ended before its last part.
        failed_part: the part that took down its process; None when the item ended otherwise. That part and the parts
            after it have no outcome.
    """

    item: int
    part_count: int
    failure: Failure | None = None
    failed_part: int | None = None


@dataclass(frozen=True)
class PartRequest:
    """One part of one item; for the attributes see `PartOutcome`."""

    item: int
    content: Any
    part: int


class PartHandler:
    """Does one part after the other, and keeps the newest item open in between. Picklable before its first call.

    Args:
        open_item: opens an item for work.
    """

    def __init__(self, open_item: ItemOpener[Any, Any]) -> None:
        self._open_item = open_item
        self._item: int | None = None
        self._opened: OpenItem[Any] | None = None

    def __call__(self, request: PartRequest) -> Reply:
        """The reply about one part, every error as data; `part_count` 0 says that the item could not be opened."""
        start_s = time.perf_counter()
        reply = attempt(self._count, request)
        if reply.failure is None and reply.error is None:
            count: int = reply.value
            assert self._opened is not None
            reply = replace(attempt(self._opened.do_part, request.part), part_count=count)
        return replace(reply, elapsed_s=time.perf_counter() - start_s)

    def close(self) -> None:
        """Closes the open item, whatever state it is in."""
        opened, self._opened, self._item = self._opened, None, None
        if opened is not None:
            with contextlib.suppress(Exception):  # a damaged item may fail to close; its work is done
                opened.close()

    def _count(self, request: PartRequest) -> int:
        if self._opened is None or self._item != request.item:
            self.close()
            self._opened = self._open_item(request.content)
            self._item = request.item
        count = self._opened.part_count
        if count < 1:
            raise ValueError("an open item has at least one part")
        return count
