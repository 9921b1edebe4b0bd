"""What happens to a job, as server-sent events that are read from the journal of its result folder.

The id of an event names the settings of the run, the document and the page, not a place in a file: events come in the
order of documents and pages, so that a reader who was cut off, also by a restart of the service, goes on behind the
last event that it has seen.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import quote, unquote

import anyio
from starlette.concurrency import run_in_threadpool

from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import JournalLine, parse_line
from docdetect.service.answers import job_answer
from docdetect.service.runner import Service

# Seconds between two looks at the journal, and between two signs of life where nothing happens.
_LOOK_EVERY_S = 0.2
_COMMENT_EVERY_S = 15.0

# Members of a journal's line that are of use to nobody but docdetect.
_LEFT_OUT = ("record", "raw", "settings")

# Bytes of the journal that are read at a time.
_PIECE_BYTES = 4 << 20

END_ID = "end"
"""The id of the event `end`: a reader that has seen it has seen everything."""

_Place: TypeAlias = tuple[str, float]
"""The document, and the page or infinity for the end of the document."""


@dataclass
class JournalTail:
    """Reads the events of a journal that grows, and that may be replaced by a sorted one when the run ends.

    Attributes:
        path: the journal.
        last: settings, document and page of the last event; events up to there are left out.
        at_end: whether the last call has read all that was there.
    """

    path: Path
    last: tuple[str, _Place] | None = None
    at_end: bool = True
    _file: BinaryIO | None = field(default=None, repr=False)
    _rest: bytes = b""
    _settings: str = ""

    def read(self) -> list[str]:
        """The events that were added since the last call."""
        events: list[str] = []
        for line in self._lines():
            if line.kind == "run":
                self._settings = line.origin.settings
                continue
            if line.kind not in ("page", "document"):
                continue
            place = (line.document, float(line.page) if line.kind == "page" else math.inf)
            if self.last is not None and self.last[0] == line.origin.settings and place <= self.last[1]:
                continue
            self.last = (line.origin.settings, place)
            data = {name: value for name, value in line.data.items() if name not in _LEFT_OUT}
            events.append(sse(line.kind, data, event_id(line.origin.settings, place)))
        return events

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lines(self) -> Iterator[JournalLine]:
        """Whole lines that were added, of the last settings only."""
        self._reopen()
        if self._file is None:
            return
        data = self._file.read(_PIECE_BYTES)
        self.at_end = len(data) < _PIECE_BYTES
        *whole, self._rest = (self._rest + data).split(b"\n")
        lines = [line for text in whole if (line := parse_line(text.decode("utf-8", "replace"))) is not None]
        newest = next((line.origin.settings for line in reversed(lines) if line.kind == "run"), self._settings)
        for line in lines:
            if line.origin.settings == newest:
                yield line

    def _reopen(self) -> None:
        """Opens the file when it is there, and anew when another one has taken its place."""
        try:
            now = self.path.stat()
        except OSError:
            return
        if self._file is not None:
            mine = os.fstat(self._file.fileno())
            if (mine.st_ino, mine.st_dev) == (now.st_ino, now.st_dev) and self._file.tell() <= now.st_size:
                return
            self.close()
        self._file, self._rest = self.path.open("rb"), b""


async def job_events(service: Service, job_id: str, last_event_id: str) -> AsyncIterator[str]:
    """Events of a job: `page` for each finished page, `document` for each finished document, then `end`.

    Args:
        service: the `Service`.
        job_id: of a job that exists.
        last_event_id: the header `Last-Event-ID`; "" for all events.
    """
    tail = JournalTail(service.results_folder(job_id) / JOURNAL_NAME, place_of(last_event_id))
    quiet_s = 0.0
    try:
        while not service.stopping.is_set():
            job = await run_in_threadpool(service.store.get, job_id)  # before the journal: nothing comes after the end
            events = await run_in_threadpool(tail.read)
            for event in events:
                yield event
            if job is None:
                return
            if not tail.at_end:
                continue
            if job.has_ended:
                yield sse("end", job_answer(service, job).model_dump(mode="json"), END_ID)
                return
            quiet_s = 0.0 if events else quiet_s + _LOOK_EVERY_S
            if quiet_s >= _COMMENT_EVERY_S:
                quiet_s = 0.0
                yield ": still here\n\n"
            await anyio.sleep(_LOOK_EVERY_S)
    finally:
        tail.close()


def sse(event: str, data: dict[str, Any], event_id: str) -> str:
    """One server-sent event."""
    return f"id: {event_id}\nevent: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def event_id(settings: str, place: _Place) -> str:
    """The id of an event: settings, page number or `end`, and the document's name, percent-encoded."""
    document, page = place
    return f"{settings}/{'end' if page == math.inf else int(page)}/{quote(document, safe='')}"


def place_of(event_id_text: str) -> tuple[str, _Place] | None:
    """`event_id` reversed; None for a text that is no such id."""
    settings, _, rest = event_id_text.partition("/")
    page, _, document = rest.partition("/")
    if not document or not (page == "end" or (page.isascii() and page.isdigit())):
        return None
    return settings, (unquote(document), math.inf if page == "end" else float(page))
