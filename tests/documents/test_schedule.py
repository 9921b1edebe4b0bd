from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.documents.outcomes import DocumentOutcome, PageOutcome
from docdetect.documents.schedule import Schedule, Task
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.types import Failure, FailureKind

CRASH = Failure(FailureKind.CRASHED, "crashed")


@settings(deadline=None, max_examples=200)
@given(
    documents=st.lists(st.tuples(st.integers(0, 7), st.none() | st.integers(1, 7)), max_size=8),
    workers=st.integers(1, 4),
    max_in_flight=st.integers(1, 9),
    max_bytes=st.sampled_from([0, 25, 10_000]),
    seed=st.integers(0, 1000),
)
def test_any_order_of_work_gives_all_outcomes_in_order_within_the_bounds(
    documents: list[tuple[int, int | None]], workers: int, max_in_flight: int, max_bytes: int, seed: int
) -> None:
    """`documents` are (pages, page that crashes its worker); work ends, and the consumer takes, at random moments."""
    chance = random.Random(seed)
    files = [DocumentFile(Path(str(i)), str(i), DocumentKind.PDF) for i in range(len(documents))]
    schedule: Schedule[int] = Schedule(files, max_in_flight, max_bytes)
    busy: dict[int, Task] = {}
    opened: dict[int, int] = {}
    waiting: list[tuple[int, PageOutcome[int] | DocumentOutcome]] = []
    told: list[tuple[str, int]] = []
    for _ in range(5000):
        if schedule.done and not waiting:
            break
        for worker in range(workers):
            task = None if worker in busy else schedule.next_task(opened.get(worker))
            if task is not None:
                busy[worker], opened[worker] = task, task.index
        assert busy or waiting, "nobody works and nothing waits: the schedule is stuck"
        assert len(busy) + sum(isinstance(item[1], PageOutcome) for item in waiting) <= max_in_flight
        if busy and (not waiting or chance.random() < 0.6):
            task = busy.pop(chance.choice(sorted(busy)))
            pages, crash = documents[task.index]
            if pages == 0 or task.number == crash:
                schedule.end_document(task, CRASH)
            else:
                schedule.finish(task, PageOutcome(files[task.index], task.number, pages, task.number), 10)
        elif waiting:
            index, outcome = waiting.pop(0)
            number = outcome.number if isinstance(outcome, PageOutcome) else None
            told.append((outcome.file.name, number or -1))
            schedule.release(index, number)
        waiting += list(schedule.pop_outcomes())
    expected = [
        (str(index), number)
        for index, (pages, crash) in enumerate(documents)
        for number in [*range(1, min(pages, (crash or 99) - 1) + 1), -1]
    ]
    assert told == expected
    assert schedule.done
    assert schedule.backlog() == 0


def test_a_page_that_finishes_after_its_document_ended_and_was_taken_is_dropped() -> None:
    files = [DocumentFile(Path("a"), "a", DocumentKind.PDF)]
    schedule: Schedule[int] = Schedule(files, max_in_flight=8, max_in_flight_bytes=1 << 30)
    assert schedule.next_task(None) == Task(0, 1)
    schedule.finish(Task(0, 1), PageOutcome(files[0], 1, 4, 1), 10)
    assert [schedule.next_task(0), schedule.next_task(0), schedule.next_task(0)] == [Task(0, 2), Task(0, 3), Task(0, 4)]
    schedule.end_document(Task(0, 3), CRASH)
    schedule.end_document(Task(0, 2), CRASH)
    outcomes = list(schedule.pop_outcomes())
    assert outcomes[-1] == (0, DocumentOutcome(files[0], 4, CRASH))
    schedule.release(0, 1)
    schedule.release(0, None)
    schedule.finish(Task(0, 4), PageOutcome(files[0], 4, 4, 4), 10)
    assert list(schedule.pop_outcomes()) == []
    assert schedule.done


def test_a_large_document_is_shared_by_all_workers_and_small_ones_behind_it_get_half_the_room() -> None:
    files = [DocumentFile(Path(str(i)), str(i), DocumentKind.PDF) for i in range(20)]
    schedule: Schedule[int] = Schedule(files, max_in_flight=8, max_in_flight_bytes=1 << 30)
    first = schedule.next_task(None)
    assert first == Task(0, 1)
    schedule.finish(Task(0, 1), PageOutcome(files[0], 1, 100, 1), 10)
    tasks = [schedule.next_task(opened) for opened in (0, None, 1, 2, 3, 4, 0, 0)]
    assert [task and task.index for task in tasks] == [0, 1, 2, 3, 4, 0, 0, None]
