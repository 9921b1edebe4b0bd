"""A second, larger look at single pages, for codes and cut-outs: in a process of its own that may crash or hang."""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from threading import Lock
from types import TracebackType

from docdetect.documents.reader import open_document
from docdetect.documents.sources import DocumentFile
from docdetect.errors import DocdetectError
from docdetect.inference.reading import reference_size
from docdetect.types import ByteArray


class CloserLooks:
    """Renders pages again at other resolutions; to be called from any thread, used as a context manager.

    The process starts with the first call. One that dies, or takes longer than the limit, is replaced.

    Args:
        timeout_s: seconds that a page may take.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.pool: ProcessPoolExecutor | None = None
        self._lock = Lock()

    def __call__(self, file: DocumentFile, number: int, dpi: int) -> ByteArray | None:
        """Page `number` as displayed, RGB, at `dpi` px/inch (images: their own pixels); None when it cannot be had."""
        with self._lock:
            try:
                return self._started().submit(render_closer, file, number, dpi).result(self._timeout_s)
            except (BrokenProcessPool, FutureTimeoutError, MemoryError, DocdetectError):
                self._kill()
                return None

    def __enter__(self) -> CloserLooks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._kill()

    def _started(self) -> ProcessPoolExecutor:
        if self.pool is None:
            context = multiprocessing.get_context("spawn")  # a forked copy of threads and GPU state would hang
            self.pool = ProcessPoolExecutor(1, context, initializer=ignore_interrupts)
        return self.pool

    def _kill(self) -> None:
        pool, self.pool = self.pool, None
        if pool is None:
            return
        processes = list((getattr(pool, "_processes", None) or {}).values())  # a hanging one ends in no other way
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


def render_closer(file: DocumentFile, number: int, dpi: int) -> ByteArray | None:
    """What the process does; None when the page cannot be rendered."""
    try:
        with open_document(file) as document:
            return document.render(number, reference_size(file, dpi)).pixels
    except DocdetectError:
        return None


def ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent decides what ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
