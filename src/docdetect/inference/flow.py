"""The flow of pages: read -> batches through the model -> finished in threads -> journal.

Reading may happen in other processes; finishing (grouping, codes, drawing, writing JPEG) happens in threads beside the
model; the journal is written by one thread, in the order of the pages. At most a few batches of pages are in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from docdetect.errors import DocdetectError
from docdetect.inference.journal import Journal
from docdetect.inference.reading import ReadDocument, ReadEvent, ReadPage, UnreadablePage
from docdetect.inference.records import DocumentEnd, failed_page
from docdetect.inference.settings import RunSettings
from docdetect.models.engine import Engine
from docdetect.types import Detections, Failure, FailureKind, PageResult

_FINISHING_THREADS = 2
_PAGES_IN_FLIGHT = 8  # beyond the batch: 2 MB each

Finish: TypeAlias = Callable[[ReadPage, Detections], PageResult]
OnDocument: TypeAlias = Callable[[ReadDocument, int], None]
"""Called when a document is in the journal, with the number of pages done so far."""


@dataclass(frozen=True)
class _Waiting:
    """Something on its way into the journal, in order."""

    event: ReadEvent
    result: Future[PageResult] | None = None


@dataclass
class Flow:
    """One pass of pages through the model into the journal.

    Attributes:
        engine: the detector.
        finish: raw detections -> result.
        journal: where results go.
        settings: of the run.
        on_document: told about every document that is done.
        pages: pages put into the journal so far.
    """

    engine: Engine
    finish: Finish
    journal: Journal
    settings: RunSettings
    on_document: OnDocument
    pages: int = 0
    _waiting: deque[_Waiting] = field(default_factory=deque)

    def run(self, events: Iterator[ReadEvent]) -> None:
        """Takes all events through the flow.

        Pages that are past the model when the run is interrupted still reach the journal.

        Raises:
            OutputError: results cannot be written.
        """
        with ThreadPoolExecutor(_FINISHING_THREADS, thread_name_prefix="finish") as pool:
            try:
                for batch in _batches(events, self.settings.batch):
                    self._take(batch, pool)
                    self._drain(_PAGES_IN_FLIGHT)
            except KeyboardInterrupt:
                self._drain(0)
                raise
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            self._drain(0)

    def _take(self, batch: list[ReadEvent], pool: ThreadPoolExecutor) -> None:
        pages = [event for event in batch if isinstance(event, ReadPage)]
        found = iter(self._detect(pages))
        for event in batch:
            if isinstance(event, ReadPage):
                self._waiting.append(_Waiting(event, pool.submit(self._finish, event, next(found))))
            else:
                self._waiting.append(_Waiting(event))

    def _detect(self, pages: list[ReadPage]) -> list[Detections | Failure]:
        """Raw detections per page; a batch that fails is tried page by page, so that only the bad page is lost."""
        if not pages:
            return []
        try:
            found = self.engine.detect([page.pixels for page in pages], self.settings.conf, self.settings.iou)
            return [_sure_enough(one, self.settings.class_conf) for one in found]
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
        """Journals what is finished; waits until at most `leave` entries are under way."""
        while self._waiting:
            first = self._waiting[0]
            if first.result is not None and not first.result.done() and len(self._waiting) <= leave:
                return
            self._record(first)
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
            assert waiting.result is not None
            result = waiting.result.result()
        self.journal.add_page(result, event.sha256)
        self.pages += 1


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


def _sure_enough(found: Detections, class_conf: tuple[float, ...]) -> Detections:
    """What reaches its class's threshold; everything where there are none by class."""
    if not class_conf or found.scores is None:
        return found
    return found.select(found.scores >= np.array(class_conf, np.float32)[found.class_ids])


def _internal(error: Exception) -> Failure:
    cause = " ".join(str(error).split())[:300]
    return Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {cause}" if cause else type(error).__name__)
