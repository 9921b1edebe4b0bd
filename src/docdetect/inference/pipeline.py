"""The stages that a page passes through: read, network, finish. Results come out in the order of the pages.

    documents -> `read_documents` -> `Pipeline` (network -> `Finisher`) -> results in page order

Reading renders pages in isolated processes, straight at the size that the network sees; the size that boxes refer to
is only calculated. The network runs in as many threads as its engine has lanes. Finishing (one box per mark, QR codes
read, pictures written) runs in threads beside the network. No stage waits for another one unless too many pages wait
behind it, so the number of pages in memory is bounded. What cannot be read, and a page that a stage fails on, is data
that keeps its place in the order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np

from docdetect.errors import DocdetectError
from docdetect.inference.events import (
    FinishedEvent,
    FinishedPage,
    NothingToRead,
    ReadDocument,
    ReadEvent,
    ReadPage,
    UnreadablePage,
)
from docdetect.inference.finishing import FINISHING_THREADS, PAGES_IN_FLIGHT
from docdetect.inference.multi_view.views import Found, MultiView
from docdetect.inference.settings import RunSettings
from docdetect.models.engines.base import Engine
from docdetect.types import FailedPage, Failure, FailureKind, PageResult

_T = TypeVar("_T")

# Seconds that pages which are being finished still have when a run is stopped.
_GRACE_S = 0.5
# Seconds after which a wait looks whether the run was stopped.
_POLL_S = 0.1

Finish: TypeAlias = Callable[[ReadPage, Found], PageResult]


@dataclass
class Pipeline:
    """The way of pages through the network and the finisher, for one run.

    Attributes:
        engine: runs the network.
        finish: what the network found on a page -> the page's result.
        settings: of the run.
        lanes: threads that the network runs in.
        stop: once this event is set, no further page is begun, and what is finished soon still comes out.
        give_up: called when the run is stopped; ends what finishing still waits for.
        screen: runs a smaller network that looks first; pages on which it sees nothing are not looked at again.
    """

    engine: Engine
    finish: Finish
    settings: RunSettings
    lanes: Executor
    stop: threading.Event = field(default_factory=threading.Event)
    give_up: Callable[[], None] = lambda: None
    screen: Engine | None = None
    _waiting: deque[_Waiting] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._batch = self.settings.batch or self.engine.traits.batch
        self._cancel = threading.Event()
        conf = np.array(self.settings.thresholds, np.float32)
        check_conf = np.array(self.settings.check_conf, np.float32) if self.settings.check_conf else None
        self._views = MultiView(
            self.engine,
            conf,
            check_conf,
            iou=self.settings.iou,
            batch=self._batch,
            stop=self._cancel,
            scales=(1.0, *(px / self.settings.imgsz for px in self.settings.scales)),
            # An ensemble has no scales: its engine decides by itself what is looked at again.
            second_look=self.settings.second_look and bool(self.settings.scales),
            screen=self.screen,
            screen_conf=self.settings.screen_conf,
        )

    def results(self, events: Generator[ReadEvent, None, None]) -> Generator[FinishedEvent, None, None]:
        """Takes pages through the network and the finisher.

        Args:
            events: what was read, in order; closed at the end.

        Yields:
            For each document, in the order of `events`, its pages in order and then its end. After a stop: what was
            finished, without a gap.

        Raises:
            OutputError: a picture cannot be written.
        """
        most = max(1, self.engine.traits.lanes) * self._batch + PAGES_IN_FLIGHT
        finishing = ThreadPoolExecutor(FINISHING_THREADS, thread_name_prefix="finish")
        try:
            with closing(events):
                for batch, leave in _batches(events, self._batch, most):
                    if self.stop.is_set() or not self._take(batch, finishing):
                        break
                    yield from self._finished(leave)
                yield from self._finished(0)
            if self.stop.is_set():
                self._cancel.set()
                yield from self._finished_by(time.monotonic() + _GRACE_S)
        finally:
            self._cancel.set()
            if self._waiting:
                self.give_up()
            finishing.shutdown(cancel_futures=True)

    def _take(self, batch: list[ReadEvent], finishing: Executor) -> bool:
        """Gives pages to the network; False where another thread has stopped the run and let go of the network."""
        pages = [event for event in batch if isinstance(event, ReadPage)]
        try:
            results = self.lanes.submit(self._through_network, pages, finishing) if pages else None
        except RuntimeError:  # the threads of the network are shut down
            if not self.stop.is_set():
                raise
            return False
        place = 0
        for event in batch:
            if isinstance(event, ReadPage):
                self._waiting.append(_Waiting(event.without_enlarged(), results, place, _weight(event)))
                place += 1
            elif not isinstance(event, NothingToRead):
                self._waiting.append(_Waiting(event))
        return True

    def _through_network(self, pages: list[ReadPage], finishing: Executor) -> list[Future[PageResult | FailedPage]]:
        """Runs in a thread of `lanes`."""
        found = self._detect(pages)
        return [
            finishing.submit(self._finish, page.without_enlarged(), one) for page, one in zip(pages, found, strict=True)
        ]

    def _detect(self, pages: list[ReadPage]) -> list[Found | Failure]:
        """What the network finds; a batch that fails is tried page by page, so that only the bad page is lost."""
        if not pages:
            return []
        try:
            return list(self._views([page.pictures for page in pages]))
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the network's library may raise anything: for one page that is data
            if len(pages) == 1:
                return [_internal(error)]
        return [found for page in pages for found in self._detect([page])]

    def _finish(self, page: ReadPage, found: Found | Failure) -> PageResult | FailedPage:
        if isinstance(found, Failure):
            return FailedPage(page.info.document, page.info.number, found)
        try:
            return self.finish(page, found)
        except DocdetectError:
            raise  # the output cannot be written: no page could be
        except Exception as error:  # noqa: BLE001 - a bug met by one page must not lose the others
            return FailedPage(page.info.document, page.info.number, _internal(error))

    def _finished(self, leave: int) -> Iterator[FinishedEvent]:
        """What is finished; waits until at most `leave` entries, by their weight, are under way, or for a stop."""
        weight = sum(waiting.weight for waiting in self._waiting)
        while self._waiting and not self.stop.is_set():
            first = self._waiting[0]
            if not first.is_done(_POLL_S if weight > leave else 0.0):
                if weight <= leave:
                    return
                continue
            yield first.finished()
            self._waiting.popleft()
            weight -= first.weight

    def _finished_by(self, deadline_s: float) -> Iterator[FinishedEvent]:
        """What is finished, in order, by a moment of the monotonic clock."""
        while self._waiting and self._waiting[0].is_done(deadline_s - time.monotonic()):
            if self._waiting[0].is_cancelled():
                return
            yield self._waiting[0].finished()
            self._waiting.popleft()


@dataclass(frozen=True)
class _Waiting:
    """An event on its way out: a page with its batch and its place among the batch's pages, or anything else.

    The entry counts as `weight` pages where the number of pages in memory is bounded.
    """

    event: ReadPage | UnreadablePage | ReadDocument
    batch: Future[list[Future[PageResult | FailedPage]]] | None = None
    place: int = 0
    weight: int = 1

    def is_done(self, patience_s: float) -> bool:
        """Whether `finished` answers, or raises, at once; waits up to `patience_s` seconds for that."""
        if self.batch is None:
            return True
        deadline_s = time.monotonic() + patience_s
        if not _done_by(self.batch, deadline_s):
            return False
        return self.is_cancelled() or self.batch.exception() is not None or _done_by(self._page(), deadline_s)

    def is_cancelled(self) -> bool:
        """Whether the stop of the run kept the page from being done; only where `is_done`."""
        return self.batch is not None and (self.batch.cancelled() or isinstance(self.batch.exception(), CancelledError))

    def finished(self) -> FinishedEvent:
        """The outcome. Raises what stopped it."""
        event = self.event
        if isinstance(event, ReadDocument):
            return event
        if isinstance(event, UnreadablePage):
            result: PageResult | FailedPage = FailedPage(event.file.name, event.number, event.failure)
        else:
            result = self._page().result()
        return FinishedPage(event.file, event.sha256, result)

    def _page(self) -> Future[PageResult | FailedPage]:
        assert self.batch is not None
        return self.batch.result()[self.place]


def _done_by(future: Future[_T], deadline_s: float) -> bool:
    return future.done() or bool(wait([future], max(0.0, deadline_s - time.monotonic())).done)


def _batches(events: Iterator[ReadEvent], size: int, most: int) -> Iterator[tuple[list[ReadEvent], int]]:
    """Runs of events, in order, with `size` pages each, and the weight of what may be under way after each run.

    The last run may have fewer pages, and so has a run that ends because there is nothing to read at the moment.
    """
    batch: list[ReadEvent] = []
    pages = 0
    for event in events:
        batch.append(event)
        pages += isinstance(event, ReadPage)
        idle = isinstance(event, NothingToRead)
        if idle or pages == size or len(batch) >= 16 * size:
            yield batch, 0 if idle else most
            batch, pages = [], 0
    if batch:
        yield batch, most


def _weight(page: ReadPage) -> int:
    """Pages that a page counts for while it is on its way: one more for each 16 MB of its larger pictures."""
    pictures = (page.pictures.enlarged, page.pictures.drawn, page.pictures.clean)
    return 1 + sum(picture.nbytes for picture in pictures if picture is not None) // (16 << 20)


def _internal(error: Exception) -> Failure:
    cause = " ".join(str(error).split())[:300]
    return Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {cause}" if cause else type(error).__name__)
