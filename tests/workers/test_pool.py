"""Batches of work that know nothing of documents: order, failures, limits, and stopping from any thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from docdetect.errors import InputError, InterruptedRunError
from docdetect.types import ByteArray, Failure, FailureKind
from docdetect.workers.parts import ItemOutcome, PartOutcome, WorkerSettings
from docdetect.workers.pool import Pool, iter_parts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@dataclass(frozen=True)
class Item:
    """An item that misbehaves at one of its parts; `bad_part` 0 is its opening."""

    part_count: int
    behaviour: str = "good"
    bad_part: int = -1


class LockedError(InputError):
    def __init__(self) -> None:
        super().__init__("locked")
        self.failure = Failure(FailureKind.ENCRYPTED, "locked")


def misbehave(behaviour: str) -> None:
    if behaviour == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif behaviour == "hang":
        time.sleep(3600)
    elif behaviour == "locked":
        raise LockedError
    elif behaviour == "bug":
        raise KeyError("unexpected")


@dataclass(frozen=True)
class OpenedItem:
    item: Item

    @property
    def part_count(self) -> int:
        return self.item.part_count

    def do_part(self, number: int) -> ByteArray:
        if number == self.item.bad_part:
            misbehave(self.item.behaviour)
        if self.item.behaviour == "slow":
            time.sleep(0.2)
        return np.full((300, 300), number, np.uint8)

    def close(self) -> None: ...


def open_item(item: Item) -> OpenedItem:
    if item.bad_part == 0:
        misbehave(item.behaviour)
    return OpenedItem(item)


def processes_left() -> list[str]:
    """Worker processes of this program that are still there; gives them a moment to go."""
    deadline_s = time.monotonic() + 5
    while multiprocessing.active_children() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return [child.name for child in multiprocessing.active_children() if child.name == "docdetect-worker"]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_outcomes_come_in_order_and_failures_are_data_whatever_the_workers(workers: int) -> None:
    items = [Item(3), Item(2, "locked", 0), Item(3, "locked", 2), Item(2, "bug", 1), Item(0), Item(9), Item(1)]
    told: list[tuple[int, int, str]] = []
    for outcome in iter_parts(items, open_item, WorkerSettings(workers=workers, max_in_flight=4)):
        kind = outcome.failure.kind.value if outcome.failure else "ok"
        if isinstance(outcome, PartOutcome):
            told.append((outcome.item, outcome.part, kind))
            if outcome.value is not None:
                assert (outcome.value == outcome.part).all()
        else:
            told.append((outcome.item, -1, kind))
    assert told == [
        *[(0, 1, "ok"), (0, 2, "ok"), (0, 3, "ok"), (0, -1, "ok")],
        *[(1, -1, "encrypted")],
        *[(2, 1, "ok"), (2, 2, "encrypted"), (2, 3, "ok"), (2, -1, "ok")],
        *[(3, 1, "internal"), (3, 2, "ok"), (3, -1, "ok")],
        *[(4, -1, "internal")],
        *[(5, part, "ok") for part in range(1, 10)],
        *[(5, -1, "ok"), (6, 1, "ok"), (6, -1, "ok")],
    ]


@pytest.mark.parametrize(
    ("item", "end"),
    [
        (Item(5, "crash", 3), ItemOutcome(0, 5, Failure(FailureKind.CRASHED, "the worker crashed (SIGSEGV)"), 3)),
        (Item(5, "hang", 2), ItemOutcome(0, 5, Failure(FailureKind.TIMEOUT, "no result within 1 s"), 2)),
        (Item(5, "crash", 0), ItemOutcome(0, 0, Failure(FailureKind.CRASHED, "the worker crashed (SIGSEGV)"), 1)),
    ],
)
def test_a_part_that_takes_down_its_process_ends_its_item_and_no_other(item: Item, end: ItemOutcome) -> None:
    *_, first_end, part, second_end = iter_parts([item, Item(1)], open_item, WorkerSettings(workers=2, timeout_s=1))
    assert first_end == end
    assert isinstance(part, PartOutcome)
    assert (part.item, part.part, part.failure) == (1, 1, None)
    assert second_end == ItemOutcome(1, 1)


@pytest.mark.parametrize("behaviour", ["slow", "hang"])
@pytest.mark.parametrize("how", ["stop", "event"])
def test_a_pool_that_is_stopped_in_another_thread_raises_at_once_and_leaves_no_process(
    behaviour: str, how: str
) -> None:
    event = threading.Event()
    items = [Item(500, behaviour, 2), Item(500, behaviour, 1)]
    pool = Pool(items, open_item, WorkerSettings(workers=2), stop=event)
    try:
        stream = pool.outcomes()
        next(stream)
        threading.Timer(0.3, pool.stop if how == "stop" else event.set).start()
        started_s = time.monotonic()
        with pytest.raises(InterruptedRunError):
            for _ in stream:
                pass
        assert time.monotonic() - started_s < 5
        assert processes_left() == [], "the processes end without the consumer's help"
    finally:
        pool.close()


def test_a_stop_while_the_consumer_is_busy_ends_the_processes_before_the_consumer_comes_back() -> None:
    event = threading.Event()
    stream = iter_parts([Item(500, "slow")], open_item, WorkerSettings(workers=2), stop=event)
    next(stream)
    event.set()
    assert processes_left() == []
    with pytest.raises(InterruptedRunError):
        next(stream)


def test_a_batch_without_processes_stops_between_two_parts() -> None:
    event = threading.Event()
    stream = iter_parts([Item(500)], open_item, WorkerSettings(workers=0), stop=event)
    next(stream)
    event.set()
    with pytest.raises(InterruptedRunError):
        next(stream)


def test_stopping_a_pool_that_has_ended_is_harmless() -> None:
    pool = Pool([Item(1)], open_item, WorkerSettings(workers=1))
    assert len(list(pool.outcomes())) == 2
    pool.close()
    pool.stop()
    pool.close()
