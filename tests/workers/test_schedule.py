from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.types import Failure, FailureKind
from docdetect.workers.parts import ItemOutcome, PartOutcome
from docdetect.workers.schedule import Schedule, Task

CRASH = Failure(FailureKind.CRASHED, "crashed")


@settings(max_examples=200)
@given(
    items=st.lists(st.tuples(st.integers(0, 7), st.none() | st.integers(1, 7)), max_size=8),
    workers=st.integers(1, 4),
    max_in_flight=st.integers(1, 9),
    max_bytes=st.sampled_from([0, 25, 10_000]),
    seed=st.integers(0, 1000),
)
def test_any_order_of_work_gives_all_outcomes_in_order_within_the_bounds(
    items: list[tuple[int, int | None]], workers: int, max_in_flight: int, max_bytes: int, seed: int
) -> None:
    """`items` are (parts, part that crashes its process); work ends, and the consumer takes, at random moments."""
    chance = random.Random(seed)
    schedule: Schedule[int] = Schedule(len(items), max_in_flight, max_bytes)
    busy: dict[int, Task] = {}
    opened: dict[int, int] = {}
    waiting: list[PartOutcome[int] | ItemOutcome] = []
    told: list[tuple[int, int, int | None]] = []
    for _ in range(5000):
        if schedule.done and not waiting:
            break
        for worker in range(workers):
            task = None if worker in busy else schedule.next_task(opened.get(worker))
            if task is not None:
                busy[worker], opened[worker] = task, task.item
        assert busy or waiting, "nobody works and nothing waits: the schedule is stuck"
        assert len(busy) + sum(isinstance(outcome, PartOutcome) for outcome in waiting) <= max_in_flight
        if busy and (not waiting or chance.random() < 0.6):
            task = busy.pop(chance.choice(sorted(busy)))
            parts, crash = items[task.item]
            if parts == 0 or task.part == crash:
                schedule.end_item(task, CRASH, lost_process=parts > 0)
            else:
                schedule.finish(PartOutcome(task.item, task.part, parts, task.part), 10)
        elif waiting:
            outcome = waiting.pop(0)
            part = outcome.part if isinstance(outcome, PartOutcome) else None
            failed_part = outcome.failed_part if isinstance(outcome, ItemOutcome) else None
            told.append((outcome.item, part or -1, failed_part))
            schedule.release(outcome.item, part)
        waiting += list(schedule.pop_outcomes())
    expected: list[tuple[int, int, int | None]] = []
    for item, (parts, crash) in enumerate(items):
        expected += [(item, part, None) for part in range(1, min(parts, (crash or 99) - 1) + 1)]
        expected.append((item, -1, crash if crash is not None and crash <= parts else None))
    assert told == expected
    assert schedule.done
    assert schedule.backlog() == 0


def test_a_part_that_finishes_after_its_item_ended_and_was_taken_is_dropped() -> None:
    schedule: Schedule[int] = Schedule(1, max_in_flight=8, max_in_flight_bytes=1 << 30)
    assert schedule.next_task(None) == Task(0, 1)
    schedule.finish(PartOutcome(0, 1, 4, 1), 10)
    assert [schedule.next_task(0), schedule.next_task(0), schedule.next_task(0)] == [Task(0, 2), Task(0, 3), Task(0, 4)]
    schedule.end_item(Task(0, 3), CRASH, lost_process=True)
    schedule.end_item(Task(0, 2), CRASH, lost_process=True)
    outcomes = list(schedule.pop_outcomes())
    assert outcomes[-1] == ItemOutcome(0, 4, CRASH, failed_part=2)
    schedule.release(0, 1)
    schedule.release(0, None)
    schedule.finish(PartOutcome(0, 4, 4, 4), 10)
    assert list(schedule.pop_outcomes()) == []
    assert schedule.done


def test_a_large_item_is_shared_by_all_workers_and_small_ones_behind_it_get_half_the_room() -> None:
    schedule: Schedule[int] = Schedule(20, max_in_flight=8, max_in_flight_bytes=1 << 30)
    first = schedule.next_task(None)
    assert first == Task(0, 1)
    schedule.finish(PartOutcome(0, 1, 100, 1), 10)
    tasks = [schedule.next_task(opened) for opened in (0, None, 1, 2, 3, 4, 0, 0)]
    assert [task and task.item for task in tasks] == [0, 1, 2, 3, 4, 0, 0, None]
