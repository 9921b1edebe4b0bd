"""Made-up pages in the memory of the device: each is seen a few times and then replaced by one that was never seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from docdetect.synth.stream import ArrivedPage
from docdetect.training.resident.pages import StoredPage, stored_page

_POLL_S = 0.005


class Pages(Protocol):
    """Where made-up pages come from, such as `docdetect.synth.stream.PageStream`."""

    def arrived(self) -> ArrivedPage | None:
        """The next page that is there; None where none is. Raises DocdetectError if no more will come."""
        ...

    def close(self) -> None:
        """Ends whatever makes pages."""
        ...


@dataclass
class _Entry:
    """A page of the ring, and how often it was seen."""

    page: StoredPage
    seen: int = 0


class Ring:
    """A bounded number of made-up pages, which arrive in a thread of their own.

    A page that has been seen as often as it should is replaced by the next one that arrives. Where pages arrive more
    slowly than they are seen, pages are seen more often, and the network never waits; where pages arrive faster, their
    makers wait.
    """

    def __init__(
        self,
        stream: Pages,
        capacity: int,
        looks: int,
        long_side_px: int,
        device: torch.device,
    ) -> None:
        """Starts to take pages.

        Args:
            stream: where pages come from; it belongs to the ring from now on.
            capacity: most pages that are kept.
            looks: how often a page is seen before it may be replaced.
            long_side_px: the greatest long side of a page.
            device: where pages are kept.
        """
        self._stream = stream
        self._capacity, self._looks = capacity, looks
        self._store: Callable[[ArrivedPage], StoredPage] = lambda page: stored_page(
            page.pixels, page.ground_truth, page.distractors, None, long_side_px, device
        )
        self._entries: list[_Entry] = []  # the longest unseen first
        self._lock = threading.Lock()
        self._room = threading.Semaphore(capacity)
        self._ended = threading.Event()
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._fill, name="ring", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def take(self, rng: np.random.Generator) -> StoredPage | None:
        """A page out of the half that was not seen for the longest time; None while there is none.

        Raises:
            GeneratorEndedError: no more pages will come; or whatever else ended the thread that takes them.
        """
        if self._problem is not None:
            raise self._problem
        chance = float(rng.random())
        with self._lock:
            if not self._entries:
                return None
            entry = self._entries.pop(int(chance * ((len(self._entries) + 1) // 2)))
            entry.seen += 1
            self._entries.append(entry)
            if entry.seen == self._looks:
                self._room.release()  # the next page that arrives takes the place of one that was seen enough
        return entry.page

    def wait_for(self, pages: int, most_s: float) -> None:
        """Waits until so many pages have arrived, or the ring is full, or the time is over.

        Raises:
            GeneratorEndedError: no more pages will come; or whatever else ended the thread that takes them.
        """
        until = time.monotonic() + most_s
        while len(self) < min(pages, self._capacity) and time.monotonic() < until:
            if self._problem is not None:
                raise self._problem
            time.sleep(0.05)

    def close(self) -> None:
        """Ends the thread and the processes of the stream."""
        self._ended.set()
        self._thread.join()
        self._stream.close()

    def _fill(self) -> None:
        try:
            while not self._ended.is_set():
                if self._room.acquire(timeout=0.1):
                    self._take_one()
        except Exception as error:  # noqa: BLE001 - it is raised where pages are taken
            self._problem = error

    def _take_one(self) -> None:
        """Waits for the next page that arrives, and keeps it."""
        while not self._ended.is_set():
            page = self._stream.arrived()
            if page is not None:
                self._add(self._store(page))
                return
            time.sleep(_POLL_S)

    def _add(self, page: StoredPage) -> None:
        with self._lock:
            if len(self._entries) >= self._capacity:
                most_seen = max(range(len(self._entries)), key=lambda k: self._entries[k].seen)
                self._entries.pop(most_seen)
            self._entries.insert(0, _Entry(page))
