from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from docdetect.documents.batches import DocumentOutcome, PageOutcome, Rendering, iter_pages, iter_rendered
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.errors import DocdetectError, InterruptedRunError, OutputError
from docdetect.types import FailureKind, Page
from docdetect.workers.parts import WorkerSettings
from tests.support.hostile import OpenerThatKillsItsWorker, fake_file, open_fake, render_first_two

SIZE = LongSide(6)


def fake_settings(workers: int, **limits: float) -> WorkerSettings:
    return WorkerSettings(
        workers=workers,
        timeout_s=limits.get("timeout_s", 60.0),
        memory_bytes=int(limits.get("memory_bytes", 1 << 30)),
        max_in_flight=int(limits.get("max_in_flight", 6)),
    )


def fake_pages(
    names: Sequence[str], settings: WorkerSettings, stop: threading.Event | None = None
) -> Generator[PageOutcome[Page] | DocumentOutcome, None, None]:
    files = [fake_file(name) for name in names]
    return iter_pages(files, Rendering(SIZE), settings, opener=open_fake, stop=stop)


def story(names: Sequence[str], settings: WorkerSettings) -> list[tuple[str, int, str]]:
    """(document, page or -1 at its end, failure kind or "ok") in the order of arrival; checks the pixels."""
    told = []
    for outcome in fake_pages(names, settings):
        kind = outcome.failure.kind.value if outcome.failure else "ok"
        number = outcome.number if isinstance(outcome, PageOutcome) else -1
        if isinstance(outcome, PageOutcome) and outcome.value is not None:
            assert outcome.value.info.document == outcome.file.name
            assert (outcome.value.pixels == number).all()
            assert outcome.value.pixels.flags.writeable
        told.append((outcome.file.name, number, kind))
    return told


def whole(name: str, pages: int) -> list[tuple[str, int, str]]:
    return [(name, number, "ok") for number in [*range(1, pages + 1), -1]]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_outcomes_come_in_document_and_page_order_whatever_the_workers(workers: int) -> None:
    names = ["good-7-a", "good-1-b", "encrypted-3-c", "bad2-3-d", "bug1-2-e", "good-12-f", "good-2-g"]
    expected = [
        *whole("good-7-a", 7),
        *whole("good-1-b", 1),
        ("encrypted-3-c", -1, "encrypted"),
        ("bad2-3-d", 1, "ok"),
        ("bad2-3-d", 2, "unreadable"),
        ("bad2-3-d", 3, "ok"),
        ("bad2-3-d", -1, "ok"),
        ("bug1-2-e", 1, "internal"),
        ("bug1-2-e", 2, "ok"),
        ("bug1-2-e", -1, "ok"),
        *whole("good-12-f", 12),
        *whole("good-2-g", 2),
    ]
    assert story(names, fake_settings(workers)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("behaviour", "kind"), [("crash", "crashed"), ("exit", "crashed"), ("oomkill", "memory"), ("hang", "timeout")]
)
def test_a_worker_that_dies_or_hangs_ends_its_document_only(behaviour: str, kind: str) -> None:
    names = ["good-4-a", f"{behaviour}3-5-b", "good-4-c", f"{behaviour}0-5-d", "good-1-e"]
    expected = [
        *whole("good-4-a", 4),
        (names[1], 1, "ok"),
        (names[1], 2, "ok"),
        (names[1], -1, kind),
        *whole("good-4-c", 4),
        (names[3], -1, kind),
        *whole("good-1-e", 1),
    ]
    assert story(names, fake_settings(2, timeout_s=1.5)) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is enforced on Linux")
def test_a_page_over_the_memory_limit_fails_and_the_rest_goes_on() -> None:
    told = story(["hog2-3-a", "good-1-b"], fake_settings(1, memory_bytes=256 << 20))
    assert told == [
        ("hog2-3-a", 1, "ok"),
        ("hog2-3-a", 2, "memory"),
        ("hog2-3-a", 3, "ok"),
        ("hog2-3-a", -1, "ok"),
        *whole("good-1-b", 1),
    ]


def test_failures_say_on_which_page_and_why() -> None:
    *_, last = fake_pages(["crash2-3-a"], fake_settings(1))
    assert isinstance(last, DocumentOutcome)
    assert last.failure is not None
    assert last.page_count == 3
    assert last.failure.kind is FailureKind.CRASHED
    assert last.failure.message == "page 2: the worker crashed (SIGSEGV)"


def test_pages_that_make_steady_progress_may_take_longer_in_all_than_the_limit() -> None:
    assert story(["slow-5-a"], fake_settings(1, timeout_s=1.2)) == whole("slow-5-a", 5)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ["good-1-a", "slow-1-a"])  # the slow one ends when the other has failed already
def test_an_error_of_the_whole_batch_is_raised_after_the_outcomes_before_it(workers: int, name: str) -> None:
    stream = fake_pages([name, "fulldisk1-2-b"], fake_settings(workers))
    assert [next(stream).file.name, next(stream).file.name] == [name, name]
    with pytest.raises(OutputError, match="disk full"):
        next(stream)


def test_one_page_may_be_in_flight_at_a_time() -> None:
    names = ["good-5-a", "good-1-b", "good-4-c"]
    told = story(names, fake_settings(2, max_in_flight=1))
    assert told == [*whole("good-5-a", 5), *whole("good-1-b", 1), *whole("good-4-c", 4)]


def test_an_iterator_closed_early_leaves_no_process_behind() -> None:
    stream = fake_pages(["good-50-a", "hang1-1-b"], fake_settings(2))
    next(stream)
    stream.close()
    deadline_s = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def test_no_documents_give_no_outcomes() -> None:
    assert story([], fake_settings(2)) == []


def test_workers_that_never_start_are_an_error_and_no_endless_loop() -> None:
    opener, settings = OpenerThatKillsItsWorker(), WorkerSettings(workers=1)
    with pytest.raises(DocdetectError, match=r"worker processes do not start \(the worker ended with exit code 3\)"):
        next(iter_pages([fake_file("good-1-a")], Rendering(SIZE), settings, opener=opener))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_event_that_is_set_in_another_thread_stops_the_pages(workers: int) -> None:
    stop = threading.Event()
    stream = fake_pages(["slow-500-a"], fake_settings(workers), stop)
    next(stream)
    threading.Timer(0.3, stop.set).start()
    started_s = time.monotonic()
    with pytest.raises(InterruptedRunError):
        for _ in stream:
            pass
    assert time.monotonic() - started_s < 5


def test_real_pages_are_the_same_to_the_pixel_in_workers(shared_data: Path) -> None:
    files = list_documents(shared_data / "armeta" / "pdfs")[1:3]

    def pages(workers: int) -> list[bytes]:
        outcomes = iter_rendered(files, LongSide(128), WorkerSettings(workers=workers))
        return [
            outcome.value.pixels.tobytes() for outcome in outcomes if isinstance(outcome, PageOutcome) and outcome.value
        ]

    assert len(pages(0)) > 2
    assert pages(0) == pages(2)


@pytest.mark.slow
def test_every_odd_pdf_is_accounted_for(shared_data: Path) -> None:
    files = list_documents(shared_data / "pdfs_odd")
    ends = {}
    for outcome in iter_pages(files, render_first_two, WorkerSettings(workers=2, timeout_s=60)):
        if isinstance(outcome, DocumentOutcome):
            ends[outcome.file.name] = outcome.failure.kind.value if outcome.failure else "ok"
    assert list(ends) == [file.name for file in files]
    assert len(ends) == 123
    counts = {kind: list(ends.values()).count(kind) for kind in sorted(set(ends.values()))}
    assert counts == {"empty": 5, "encrypted": 12, "ok": 105, "unreadable": 1}
