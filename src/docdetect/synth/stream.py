"""Made-up pages without end: processes that make pages one after the other, each page once.

Page `number` of a seed is always the same page, and process r of n makes the pages r, r + n, r + 2 n, ... What differs
from run to run is the order in which the pages of different processes arrive. A page that cannot be made and a process
that ends are counted and told; a process that ends is started again behind the page that it was at.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import cv2
import numpy as np

from docdetect.config.schema import SynthConfig
from docdetect.console import say_nothing
from docdetect.errors import DocdetectError
from docdetect.synth.dataset import detections_of
from docdetect.synth.generate import labelled_marks, load_materials
from docdetect.synth.page import Materials, make_page
from docdetect.synth.paper.damage import jpeg_bytes, jpeg_pixels
from docdetect.types import ByteArray, Detections, FloatArray
from docdetect.workers import ending
from docdetect.workers.ending import leave_interrupts_to_program

# A process that ends so many times without having made a page between is not started again.
_MOST_ENDS = 5
# Failed pages that are told one by one; all are counted.
_MOST_TOLD = 5


PageParts: TypeAlias = tuple[bytes, Detections, FloatArray]
"""A page as a JPEG, its marks with class ids, and its distractors as float32 (N, 4) xyxy px."""

MakePage: TypeAlias = Callable[[SynthConfig, Materials, int], PageParts]
"""Makes the page of a number."""


@dataclass(frozen=True)
class ArrivedPage:
    """A made-up page.

    Attributes:
        number: of the page.
        pixels: uint8 (H, W, 3) RGB.
        ground_truth: its marks, in px, with the class ids of the settings.
        distractors: float32 (N, 4) xyxy px: places that resemble marks and are none.
    """

    number: int
    pixels: ByteArray
    ground_truth: Detections
    distractors: FloatArray


@dataclass
class StreamCounts:
    """What a stream has done.

    Attributes:
        made: pages that have arrived.
        failed: pages that could not be made and were left out.
        ended: processes that ended and were started again.
        next_number: every page from this number on has not been begun.
    """

    made: int = 0
    failed: int = 0
    ended: int = 0
    next_number: int = 0


class GeneratorEndedError(DocdetectError):
    """The processes that make pages end again and again."""

    exit_code = 4


class PageStream:
    """Pages of one seed from some processes, from page `first` on.

    Attributes:
        counts: what has been done so far.
    """

    def __init__(
        self,
        settings: SynthConfig,
        workers: int,
        first: int = 0,
        *,
        announce: Callable[[str], None] = say_nothing,
        make: MakePage | None = None,
    ) -> None:
        """Starts the processes.

        Args:
            settings: what pages look like: the section `synth` of the configuration.
            workers: number of processes, at least 1.
            first: number of the first page.
            announce: told of the first failures.
            make: what makes a page in a process; `page_parts` if it is not given.

        Raises:
            InputError: fonts or recorded ink are missing.
        """
        self.counts = StreamCounts(next_number=first)
        self._settings, self._announce = settings, announce
        self._materials = load_materials(settings)
        self._make = make or page_parts
        self._context = multiprocessing.get_context("spawn")  # a forked copy of a process with threads may hang
        self._next = [first + rank for rank in range(workers)]
        self._ends = [0] * workers
        started = [self._start(rank) for rank in range(workers)]
        self._processes = [process for process, _ in started]
        self._readers = [reader for _, reader in started]
        self._turn = 0

    def arrived(self) -> ArrivedPage | None:
        """The next page that is there; None where none is.

        Raises:
            GeneratorEndedError: every process has ended too often.
        """
        for _ in self._readers:
            rank = self._turn
            self._turn = (self._turn + 1) % len(self._readers)
            page = self._taken(rank)
            if page is not None:
                return page
        if all(ends >= _MOST_ENDS for ends in self._ends):
            raise GeneratorEndedError(
                f"all {len(self._ends)} processes that make pages have ended {_MOST_ENDS} times without making one",
                "Run docdetect synth with the same settings to see why; with fewer workers in train.synth less memory "
                "is needed.",
            )
        return None

    def close(self) -> None:
        """Ends the processes."""
        for process, reader in zip(self._processes, self._readers, strict=True):
            reader.close()
            process.kill()
        for process in self._processes:
            process.join()

    def _start(self, rank: int) -> tuple[Any, Connection]:
        """A process and the end of the pipe that its pages come out of; it waits while nobody takes its page."""
        reader, writer = self._context.Pipe(duplex=False)
        numbers = range(self._next[rank], 2**62, len(self._next))
        arguments = (self._settings, self._materials, self._make, writer, numbers)
        process = self._context.Process(target=_work, args=arguments, daemon=True, name=f"pages-{rank}")
        ending.start(process)
        writer.close()  # so that the pipe ends with the process, however the process ends
        return process, reader

    def _taken(self, rank: int) -> ArrivedPage | None:
        reader = self._readers[rank]
        try:
            if self._ends[rank] >= _MOST_ENDS or not reader.poll():
                return None
            number, content, problem = reader.recv()
        except (EOFError, OSError):
            self._start_again(rank)
            return None
        self._next[rank] = number + len(self._readers)
        self.counts.next_number = max(self.counts.next_number, number + 1)
        if problem:
            self.counts.failed += 1
            if self.counts.failed <= _MOST_TOLD:
                self._announce(f"page {number} of the generator could not be made and is left out: {problem}")
            return None
        self.counts.made += 1
        self._ends[rank] = 0
        return _decoded(number, content)

    def _start_again(self, rank: int) -> None:
        """Starts a process that has ended behind the page that it was at, unless it has ended too often."""
        process, reader = self._processes[rank], self._readers[rank]
        process.join()
        reader.close()
        self.counts.ended += 1
        self._ends[rank] += 1
        number = self._next[rank]
        self._next[rank] += len(self._readers)
        last = self._ends[rank] >= _MOST_ENDS
        again = "it is not started again" if last else "it is started again"
        self._announce(f"a process that makes pages ended at page {number} (exit code {process.exitcode}); {again}")
        if not last:
            self._processes[rank], self._readers[rank] = self._start(rank)


def page_parts(settings: SynthConfig, materials: Materials, number: int) -> PageParts:
    """A page, as it travels between processes: the JPEG that a scanner would have made of it, and its labels."""
    page = make_page(settings.seed, number, settings.imgsz, materials)
    size_wh = page.pixels.shape[1], page.pixels.shape[0]
    boxes = detections_of(labelled_marks(page, settings), size_wh, settings.classes)
    jpeg = jpeg_bytes(page.pixels, page.plan.damage.jpeg_quality)
    return jpeg, boxes, np.array(page.distractors, np.float32).reshape(-1, 4)


def _decoded(number: int, parts: PageParts) -> ArrivedPage:
    jpeg, boxes, distractors = parts
    return ArrivedPage(number, jpeg_pixels(jpeg), boxes, distractors)


def _work(
    settings: SynthConfig,
    materials: Materials,
    make: MakePage,
    writer: Connection,
    numbers: range,
) -> None:
    """What a process does: page after page, until its parent is gone."""
    cv2.setNumThreads(1)
    leave_interrupts_to_program()
    if hasattr(os, "nice"):
        os.nice(5)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    for number in numbers:
        content, problem = None, ""
        try:
            content = make(settings, materials, number)
        except Exception as error:  # noqa: BLE001 - one page must not end the stream; it is counted and told
            problem = f"{type(error).__name__}: {error}"[:300]
        try:
            writer.send((number, content, problem))
        except OSError:  # nobody takes pages any more
            return


def _end_with(parent: int) -> None:
    """Ends this process when its parent is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)
