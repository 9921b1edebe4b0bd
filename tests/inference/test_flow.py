"""Pages that the model or the finishing cannot cope with, and how many are on their way at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InterruptedRunError, OutputError
from docdetect.inference.flow import Flow
from docdetect.inference.journal import JOURNAL_NAME, Journal, failed_page
from docdetect.inference.stages import Finisher, ReadDocument, ReadEvent, ReadPage
from docdetect.models.engines.base import Traits
from docdetect.types import ByteArray, Detections, Failure, FailureKind, PageInfo, PageResult
from tests.support.fakes import SETTINGS, ColourEngine, NoCloserLook

FILE = DocumentFile(Path("a.pdf"), "a.pdf", DocumentKind.PDF)


class ShyEngine(ColourEngine):
    """Fails on every batch with a dark page in it."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        if any(page.mean() < 50 for page in pages):
            raise RuntimeError("CUDA out of memory")
        return super().detect(pages, conf, iou)


def page(number: int, *, dark: bool = False) -> ReadPage:
    pixels = np.full((30, 20, 3), 0 if dark else 255, np.uint8)
    return ReadPage(FILE, "a" * 64, PageInfo("a.pdf", number, (200, 300)), pixels)


def flow_into(journal: Journal, engine: ColourEngine) -> Flow:
    finisher = Finisher(SETTINGS, journal.path.parent, NoCloserLook())
    return Flow(engine, finisher, journal, SETTINGS, lambda *_: None, lambda: None)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / JOURNAL_NAME, SETTINGS) as journal:
        yield journal


def test_only_the_page_that_the_model_fails_on_is_lost(journal: Journal) -> None:
    events: list[ReadEvent] = [page(1), page(2, dark=True), page(3), ReadDocument(FILE, "a" * 64, 3)]
    flow_into(journal, ShyEngine()).run(iter(events))
    result, end = journal.read_document("a.pdf")
    assert [found.failure is None for found in result.pages] == [True, False, True]
    failure = result.pages[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.INTERNAL
    assert failure.message == "RuntimeError: CUDA out of memory"
    assert end is not None


def test_a_bug_met_by_one_page_does_not_lose_the_others(journal: Journal) -> None:
    flow = flow_into(journal, ColourEngine())
    finish = flow.finish

    def finish_badly(read: ReadPage, found: Detections) -> PageResult:
        if read.info.number == 2:
            raise ZeroDivisionError
        return finish(read, found)

    flow.finish = finish_badly
    flow.run(iter([page(1), page(2), page(3)]))
    result, _ = journal.read_document("a.pdf")
    assert [found.failure is None for found in result.pages] == [True, False, True]


def test_an_output_that_cannot_be_written_stops_the_run(journal: Journal) -> None:
    def refuse(read: ReadPage, found: Detections) -> PageResult:
        raise OutputError("disk full")

    flow = flow_into(journal, ColourEngine())
    flow.finish = refuse
    with pytest.raises(OutputError, match="disk full"):
        flow.run(page(number) for number in range(1, 100))


def test_an_interruption_waits_for_pages_that_are_nearly_finished_and_for_no_others(journal: Journal) -> None:
    released = threading.Event()

    def finish(read: ReadPage, found: Detections) -> PageResult:
        if read.info.number == 2:
            assert released.wait(60)
            raise InterruptedRunError("stopped")
        return failed_page("a.pdf", read.info.number, Failure(FailureKind.INTERNAL, "none"))

    def events() -> Iterator[ReadEvent]:
        yield from (page(1), page(2), page(3), page(4))
        raise KeyboardInterrupt

    flow = flow_into(journal, ColourEngine())
    flow.finish, flow.give_up = finish, released.set
    with pytest.raises(KeyboardInterrupt):
        flow.run(events())
    assert released.is_set()
    assert journal.done_pages("a.pdf", "a" * 64) == {1}, "in order: what comes behind page 2 is done again"


def test_reading_does_not_run_ahead_of_the_journal(journal: Journal) -> None:
    ahead: list[int] = []

    def events() -> Iterator[ReadEvent]:
        for number in range(1, 101):
            ahead.append(number - len(journal.done_pages("a.pdf", "a" * 64)))
            yield page(number)

    flow_into(journal, ColourEngine()).run(events())
    assert max(ahead) <= 2 * SETTINGS.batch + 8
    assert len(journal.done_pages("a.pdf", "a" * 64)) == 100


def test_pages_with_a_large_sheet_count_for_several(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docdetect.inference.flow._weight", lambda page: 5)
    ahead: list[int] = []

    def events() -> Iterator[ReadEvent]:
        for number in range(1, 41):
            ahead.append(number - len(journal.done_pages("a.pdf", "a" * 64)))
            yield page(number)

    flow_into(journal, ColourEngine()).run(events())
    assert max(ahead) <= 2 * SETTINGS.batch + 8 // 5
    assert len(journal.done_pages("a.pdf", "a" * 64)) == 40


def test_a_sheet_is_let_go_after_the_model(journal: Journal) -> None:
    sheets: list[object] = []
    flow = flow_into(journal, ColourEngine())
    finish = flow.finish

    def look(read: ReadPage, found: Detections) -> PageResult:
        sheets.append(read.sheet)
        return finish(read, found)

    flow.finish = look
    flow.run(iter([replace(page(1), sheet=np.full((45, 30, 3), 255, np.uint8))]))
    assert sheets == [None]


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


def test_as_many_calls_as_the_engine_has_lanes_run_at_once_and_pages_keep_their_order(journal: Journal) -> None:
    engine = MeetingEngine()
    events: list[ReadEvent] = [*(page(number) for number in range(1, 17)), ReadDocument(FILE, "a" * 64, 16)]
    flow_into(journal, engine).run(iter(events))
    assert engine.most == 2
    lines = journal.path.read_text(encoding="utf-8").splitlines()
    pages = [json.loads(line)["page"] for line in lines if '"record":"page"' in line]
    assert pages == list(range(1, 17))
