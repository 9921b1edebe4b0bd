"""The flow of pages: read -> batches through the model -> finished in threads -> journal.

Reading may happen in other processes; the model runs in as many threads as it has lanes; finishing (grouping, codes,
drawing, writing JPEG) happens in threads beside it; the journal is written by one thread, in the order of the pages. No
stage waits for another unless it has too many pages before it: the number of pages in memory is bounded.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from docdetect.errors import DocdetectError
from docdetect.inference.journal import DocumentEnd, Journal, failed_page
from docdetect.inference.multi_view.views import Looking
from docdetect.inference.settings import RunSettings
from docdetect.inference.stages import ReadDocument, ReadEvent, ReadPage, UnreadablePage
from docdetect.models.engines.base import Engine
from docdetect.types import Detections, Failure, FailureKind, PageResult

_FINISHING_THREADS = 2
_GRACE_S = 0.5  # for pages that are being finished when the run is interrupted
_PAGES_IN_FLIGHT = 8  # beyond the batches that the model works on: 2 MB each

Finish: TypeAlias = Callable[[ReadPage, Detections], PageResult]
OnDocument: TypeAlias = Callable[[ReadDocument, int], None]
"""Called when a document is in the journal, with the number of pages done so far."""


@dataclass(frozen=True)
class _Waiting:
    """Something on its way into the journal, in order; a page with its batch and its place among the batch's pages.

    It counts as `weight` pages where the number of pages in memory is bounded.
    """

    event: ReadEvent
    batch: Future[list[Future[PageResult]]] | None = None
    place: int = 0
    weight: int = 1

    def done(self) -> bool:
        """Whether `result` answers at once."""
        return self.batch is None or (self.batch.done() and (self._stopped() or self.batch.result()[self.place].done()))

    def gets_done_by(self, deadline_s: float) -> bool:
        """Waits, until a moment of the monotonic clock, for a result; False also where there will be none."""
        if self.batch is None:
            return True
        if wait([self.batch], _until(deadline_s)).not_done or self._stopped():
            return False
        return bool(wait([self.batch.result()[self.place]], _until(deadline_s)).done)

    def result(self) -> PageResult:
        """The page's result; waits for it, and raises what stopped it."""
        assert self.batch is not None
        return self.batch.result()[self.place].result()

    def _stopped(self) -> bool:
        assert self.batch is not None
        return self.batch.cancelled() or self.batch.exception() is not None


@dataclass
class Flow:
    """One pass of pages through the model into the journal.

    Attributes:
        engine: the detector.
        finish: raw detections -> result.
        journal: where results go.
        settings: of the run.
        on_document: told about every document that is done.
        give_up: ends what finishing still waits for when the run is interrupted.
        pages: pages put into the journal so far.
        interrupted: the run is ending early.
    """

    engine: Engine
    finish: Finish
    journal: Journal
    settings: RunSettings
    on_document: OnDocument
    give_up: Callable[[], None]
    pages: int = 0
    interrupted: bool = False
    _waiting: deque[_Waiting] = field(default_factory=deque)

    def __post_init__(self) -> None:
        batch = self.settings.batch or self.engine.traits.batch
        self._looking = Looking(self.engine, self.settings.conf, self.settings.iou, batch, threading.Event())

    def run(self, events: Iterator[ReadEvent]) -> None:
        """Takes all events through the flow.

        Pages that are past the model when the run is interrupted still reach the journal if they are finished soon.

        Raises:
            OutputError: results cannot be written.
        """
        lanes = max(1, self.engine.traits.lanes)
        size = self.settings.batch or self.engine.traits.batch
        with (
            ThreadPoolExecutor(_FINISHING_THREADS, thread_name_prefix="finish") as finishing,
            ThreadPoolExecutor(lanes, thread_name_prefix="detect") as detecting,
        ):
            try:
                for batch in _batches(events, size):
                    self._take(batch, detecting, finishing)
                    self._drain(lanes * size + _PAGES_IN_FLIGHT)
                self._drain(0)
            except KeyboardInterrupt:
                self.interrupted = True
                self._looking.stop.set()
                detecting.shutdown(wait=False, cancel_futures=True)
                self._drain_until(time.monotonic() + _GRACE_S)
                self.give_up()
                finishing.shutdown(wait=False, cancel_futures=True)
                raise
            except BaseException:
                self._looking.stop.set()
                detecting.shutdown(wait=False, cancel_futures=True)
                finishing.shutdown(wait=False, cancel_futures=True)
                raise

    def _take(self, batch: list[ReadEvent], detecting: ThreadPoolExecutor, finishing: ThreadPoolExecutor) -> None:
        pages = [event for event in batch if isinstance(event, ReadPage)]
        results = detecting.submit(self._through_model, pages, finishing) if pages else None
        place = 0
        for event in batch:
            if isinstance(event, ReadPage):
                self._waiting.append(_Waiting(event.without_sheet(), results, place, _weight(event)))
                place += 1
            else:
                self._waiting.append(_Waiting(event))

    def _through_model(self, pages: list[ReadPage], finishing: ThreadPoolExecutor) -> list[Future[PageResult]]:
        """Runs in a lane."""
        found = self._detect(pages)
        return [
            finishing.submit(self._finish, page.without_sheet(), one) for page, one in zip(pages, found, strict=True)
        ]

    def _detect(self, pages: list[ReadPage]) -> list[Detections | Failure]:
        """Raw detections per page; a batch that fails is tried page by page, so that only the bad page is lost."""
        if not pages:
            return []
        try:
            return [_sure_enough(found, self.settings.class_conf) for found in self._looking(pages)]
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the model's library may raise anything: for one page that is data
            if len(pages) == 1:
                return [_internal(error)]
        return [found for page in pages for found in self._detect([page])]

    def _finish(self, page: ReadPage, found: Detections | Failure) -> PageResult:
        if isinstance(found, Failure):
            return failed_page(page.info.document, page.info.number, found)
        try:
            return self.finish(page, found)
        except DocdetectError:
            raise  # the output cannot be written: no page could be
        except Exception as error:  # noqa: BLE001 - a bug met by one page must not lose the others
            return failed_page(page.info.document, page.info.number, _internal(error))

    def _drain(self, leave: int) -> None:
        """Journals what is finished; waits until at most `leave` entries, by their weight, are under way."""
        weight = sum(waiting.weight for waiting in self._waiting)
        while self._waiting:
            first = self._waiting[0]
            if not first.done() and weight <= leave:
                return
            self._record(first)
            self._waiting.popleft()
            weight -= first.weight

    def _drain_until(self, deadline_s: float) -> None:
        """Journals, in order, what gets finished in time."""
        while self._waiting and self._waiting[0].gets_done_by(deadline_s):
            self._record(self._waiting[0])
            self._waiting.popleft()

    def _record(self, waiting: _Waiting) -> None:
        event = waiting.event
        if isinstance(event, ReadDocument):
            self.journal.add_end(DocumentEnd(event.file.name, event.page_count, event.failure), event.sha256)
            self.on_document(event, self.pages)
            return
        if isinstance(event, UnreadablePage):
            result = failed_page(event.file.name, event.number, event.failure)
        else:
            result = waiting.result()
        self.journal.add_page(result, event.sha256)
        self.pages += 1


def _until(deadline_s: float) -> float:
    return max(0.0, deadline_s - time.monotonic())


def _batches(events: Iterator[ReadEvent], size: int) -> Iterator[list[ReadEvent]]:
    """Runs of events, in order, with `size` pages each; the last may have fewer."""
    batch: list[ReadEvent] = []
    pages = 0
    for event in events:
        batch.append(event)
        pages += isinstance(event, ReadPage)
        if pages == size or len(batch) >= 16 * size:
            yield batch
            batch, pages = [], 0
    if batch:
        yield batch


def _weight(page: ReadPage) -> int:
    """Pages that a page counts for while it is on its way: one more for each 16 MB of its sheet."""
    return 1 if page.sheet is None else 1 + page.sheet.nbytes // (16 << 20)


def _sure_enough(found: Detections, class_conf: tuple[float, ...]) -> Detections:
    """What reaches its class's threshold; everything where there are none by class."""
    if not class_conf or found.scores is None:
        return found
    return found.select(found.scores >= np.array(class_conf, np.float32)[found.class_ids])


def _internal(error: Exception) -> Failure:
    cause = " ".join(str(error).split())[:300]
    return Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {cause}" if cause else type(error).__name__)
