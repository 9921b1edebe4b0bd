"""Pages from several processes: each page once and always the same, failures counted, processes started again."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from docdetect.config.schema import SynthConfig
from docdetect.synth.generate import load_materials
from docdetect.synth.page import Materials
from docdetect.synth.stream import ArrivedPage, GeneratorEndedError, PageParts, PageStream, page_parts
from docdetect.types import Detections

SETTINGS = SynthConfig(imgsz=128, system_fonts=False)
PATIENCE_S = 120.0


def tiny(settings: SynthConfig, materials: Materials, number: int) -> PageParts:
    """A page whose number stands in its box; pages 4, 10, 16, ... cannot be made."""
    import cv2

    if number % 6 == 4:
        raise ValueError("no such page")
    _, jpeg = cv2.imencode(".jpg", np.full((40, 30, 3), 200, np.uint8))
    boxes = Detections(np.array([[1, 2, 3 + number, 50]], np.float32), np.array([1]), (30, 40))
    return jpeg.tobytes(), boxes, np.zeros((0, 4), np.float32)


def ending(settings: SynthConfig, materials: Materials, number: int) -> PageParts:
    """As `tiny`, but the process ends at page 3 as if it had been killed."""
    if number == 3:
        os._exit(9)
    return tiny(settings, materials, number)


def never(settings: SynthConfig, materials: Materials, number: int) -> PageParts:
    os._exit(7)


def taken(stream: PageStream, count: int) -> list[ArrivedPage]:
    pages: list[ArrivedPage] = []
    until = time.monotonic() + PATIENCE_S
    while len(pages) < count:
        page = stream.arrived()
        if page is not None:
            pages.append(page)
        else:
            assert time.monotonic() < until, "no page arrived"
            time.sleep(0.01)
    return pages


def test_each_page_arrives_once_and_one_that_cannot_be_made_is_counted() -> None:
    told: list[str] = []
    stream = PageStream(SETTINGS, 2, 2, announce=told.append, make=tiny)
    try:
        pages = taken(stream, 8)
        while {page.number % 2 for page in pages} != {0, 1}:  # on a busy machine one of the two starts late
            pages += taken(stream, 1)
        processes = list(stream._processes)
    finally:
        stream.close()
    numbers = [page.number for page in pages]
    assert len(set(numbers)) == len(numbers) >= 8
    assert all(number >= 2 and number % 6 != 4 for number in numbers)
    assert [page.ground_truth.xyxy[0, 2] for page in pages] == [3 + number for number in numbers]
    assert pages[0].pixels.shape == (40, 30, 3)
    assert stream.counts.made == len(numbers)
    assert stream.counts.failed >= 1
    assert "page 4 of the generator could not be made and is left out: ValueError: no such page" in told
    assert stream.counts.next_number >= max(numbers) + 1
    assert not any(process.is_alive() for process in processes)


def test_a_process_that_ends_is_counted_told_and_started_again_behind_its_page() -> None:
    told: list[str] = []
    stream = PageStream(SETTINGS, 1, announce=told.append, make=ending)
    try:
        numbers = [page.number for page in taken(stream, 5)]
    finally:
        stream.close()
    assert numbers == [0, 1, 2, 5, 6]
    assert stream.counts.ended == 1
    assert "a process that makes pages ended at page 3 (exit code 9); it is started again" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_for_every_process_ends_none(number: signal.Signals) -> None:
    stream = PageStream(SETTINGS, 1, make=tiny)
    try:
        taken(stream, 1)  # the process is at work
        os.kill(stream._processes[0].pid, number)
        taken(stream, 200)  # more than the pipe holds
        assert stream.counts.ended == 0
    finally:
        stream.close()


def test_processes_that_always_end_are_an_error() -> None:
    stream = PageStream(SETTINGS, 1, make=never)
    try:
        with pytest.raises(GeneratorEndedError, match="have ended 5 times without making one"):
            taken(stream, 1)
    finally:
        stream.close()
    assert stream.counts.ended == 5


def test_a_page_of_the_stream_is_the_page_of_the_generator() -> None:
    materials = load_materials(SETTINGS)
    first, again = (page_parts(SETTINGS, materials, 3) for _ in range(2))
    assert first[0] == again[0]
    assert first[1].xyxy.tolist() == again[1].xyxy.tolist()
    other = page_parts(SETTINGS, materials, 4)
    assert other[0] != first[0]
