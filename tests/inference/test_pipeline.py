"""Pages that the network or the finishing cannot cope with, how many are on their way at once, and stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InterruptedRunError, OutputError
from docdetect.inference.events import FinishedEvent, FinishedPage, NothingToRead, ReadDocument, ReadEvent, ReadPage
from docdetect.inference.finishing import Finisher
from docdetect.inference.journal_lines import page_place
from docdetect.inference.multi_view.views import Found, PagePictures
from docdetect.inference.pipeline import Pipeline
from docdetect.models.engines.base import Traits
from docdetect.types import ByteArray, Detections, FailedPage, FailureKind, PageInfo, PageResult
from tests.support.fakes import SETTINGS, ColourEngine, NoRegionReader

FILE = DocumentFile(Path("a.pdf"), "a.pdf", DocumentKind.PDF)
END = ReadDocument(FILE, "a" * 64, 3)


class ShyEngine(ColourEngine):
    """Fails on every batch with a dark page in it."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        if any(page.mean() < 50 for page in pages):
            raise RuntimeError("CUDA out of memory")
        return super().detect(pages, conf, iou)


def page(number: int, *, dark: bool = False) -> ReadPage:
    pixels = np.full((30, 20, 3), 0 if dark else 255, np.uint8)
    return ReadPage(FILE, "a" * 64, PageInfo("a.pdf", number, (200, 300)), PagePictures(pixels))


def given(events: Sequence[ReadEvent]) -> Generator[ReadEvent, None, None]:
    yield from events


@pytest.fixture
def pipeline_of() -> Generator[Callable[[ColourEngine], Pipeline], None, None]:
    with ThreadPoolExecutor(2) as lanes:
        yield lambda engine: Pipeline(engine, Finisher(SETTINGS, NoRegionReader()), SETTINGS, lanes)


Make = Callable[[ColourEngine], Pipeline]


def numbers(events: Sequence[FinishedEvent]) -> list[int]:
    return [page_place(event.result)[1] for event in events if isinstance(event, FinishedPage)]


def test_only_the_page_that_the_network_fails_on_is_lost(pipeline_of: Make) -> None:
    events: list[ReadEvent] = [page(1), page(2, dark=True), page(3), END]
    *pages, end = pipeline_of(ShyEngine()).results(given(events))
    assert end == END
    results = [event.result for event in pages if isinstance(event, FinishedPage)]
    assert [type(result) for result in results] == [PageResult, FailedPage, PageResult]
    assert isinstance(results[1], FailedPage)
    assert results[1].page == 2
    assert results[1].failure.kind is FailureKind.INTERNAL
    assert results[1].failure.message == "RuntimeError: CUDA out of memory"


def test_a_bug_met_by_one_page_does_not_lose_the_others(pipeline_of: Make) -> None:
    pipeline = pipeline_of(ColourEngine())
    finish = pipeline.finish

    def finish_badly(read: ReadPage, found: Found) -> PageResult:
        if read.info.number == 2:
            raise ZeroDivisionError
        return finish(read, found)

    pipeline.finish = finish_badly
    events = pipeline.results(given([page(1), page(2), page(3)]))
    results = [event.result for event in events if isinstance(event, FinishedPage)]
    assert [type(result) for result in results] == [PageResult, FailedPage, PageResult]


def test_an_output_that_cannot_be_written_stops_the_run(pipeline_of: Make) -> None:
    def refuse(read: ReadPage, found: Found) -> PageResult:
        raise OutputError("disk full")

    pipeline = pipeline_of(ColourEngine())
    pipeline.finish = refuse
    with pytest.raises(OutputError, match="disk full"):
        list(pipeline.results(given([page(number) for number in range(1, 100)])))


@pytest.mark.parametrize("how", ["an exception", "a stop"])
def test_an_end_waits_for_no_page_that_is_not_nearly_finished(pipeline_of: Make, how: str) -> None:
    released = threading.Event()
    reached = threading.Event()
    pipeline = pipeline_of(ColourEngine())
    pipeline.give_up = released.set
    finish_page = pipeline.finish

    def finish(read: ReadPage, found: Found) -> PageResult:
        if read.info.number == 2:
            reached.set()
            assert released.wait(60)
            raise InterruptedRunError("stopped")
        return finish_page(read, found)

    def events() -> Generator[ReadEvent, None, None]:
        yield from (page(1), page(2), page(3), page(4))
        assert reached.wait(60)
        if how == "an exception":
            raise KeyboardInterrupt
        pipeline.stop.set()

    pipeline.finish = finish
    finished: list[FinishedEvent] = []
    stream = pipeline.results(events())
    if how == "an exception":
        with pytest.raises(KeyboardInterrupt):
            finished.extend(stream)
    else:
        finished.extend(stream)
        assert numbers(finished) == [1], "in order: what comes behind page 2 is done again"
    assert released.is_set()


def test_a_consumer_that_leaves_early_leaves_nothing_behind(pipeline_of: Make) -> None:
    closed = threading.Event()

    def events() -> Generator[ReadEvent, None, None]:
        try:
            for number in range(1, 1000):
                yield page(number)
        finally:
            closed.set()

    stream = pipeline_of(ColourEngine()).results(events())
    next(stream)
    stream.close()
    assert closed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("finish")]


def most_ahead(pipeline: Pipeline, count: int) -> int:
    """The most pages that were read and not yet given out, of `count`."""
    done = 0
    ahead: list[int] = []

    def events() -> Generator[ReadEvent, None, None]:
        for number in range(1, count + 1):
            ahead.append(number - done)
            yield page(number)

    for done, _ in enumerate(pipeline.results(events()), start=1):  # noqa: B007 - `events` looks at it
        pass
    assert done == count
    return max(ahead)


def test_reading_does_not_run_ahead_of_the_results(pipeline_of: Make) -> None:
    assert most_ahead(pipeline_of(ColourEngine()), 100) <= 2 * SETTINGS.batch + 8


def test_pages_with_an_enlarged_picture_count_for_several(pipeline_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docdetect.inference.pipeline._weight", lambda page: 5)
    assert most_ahead(pipeline_of(ColourEngine()), 40) <= 2 * SETTINGS.batch + 8 // 5


def test_what_is_under_way_comes_out_before_a_slow_source_is_waited_for(pipeline_of: Make) -> None:
    seen: list[FinishedEvent] = []

    def events() -> Generator[ReadEvent, None, None]:
        yield page(1)
        yield NothingToRead()
        assert numbers(seen) == [1], "page 1 has to be out before page 2 is asked for"
        yield page(2)

    for event in pipeline_of(ColourEngine()).results(events()):
        seen.append(event)
    assert numbers(seen) == [1, 2]


def test_an_enlarged_picture_is_let_go_after_the_network(pipeline_of: Make) -> None:
    enlarged: list[object] = []
    pipeline = pipeline_of(ColourEngine())
    finish_page = pipeline.finish

    def finish(read: ReadPage, found: Found) -> PageResult:
        enlarged.append(read.pictures.enlarged)
        return finish_page(read, found)

    pipeline.finish = finish
    read = page(1)
    pictures = replace(read.pictures, enlarged=np.full((45, 30, 3), 255, np.uint8))
    list(pipeline.results(given([replace(read, pictures=pictures)])))
    assert enlarged == [None]


class MeetingEngine(ColourEngine):
    """Wants two calls at once: each waits for another before it answers."""

    traits = Traits("meeting", lanes=2)

    def __init__(self) -> None:
        self.meeting = threading.Barrier(2)
        self.most = 0
        self.now = 0

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.now += 1
        self.most = max(self.most, self.now)
        self.meeting.wait(20)
        self.now -= 1
        return super().detect(pages, conf, iou)


def test_as_many_calls_as_the_engine_has_lanes_run_at_once_and_pages_keep_their_order(pipeline_of: Make) -> None:
    engine = MeetingEngine()
    events: list[ReadEvent] = [*(page(number) for number in range(1, 17)), END]
    finished = list(pipeline_of(engine).results(given(events)))
    assert engine.most == 2
    assert numbers(finished) == list(range(1, 17))
    assert finished[-1] == END
