"""One worker process for calls beside the flow: it may die, hang and raise, and the next call finds another."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from docdetect.documents.aside import AsideWorker
from docdetect.documents.reader import document_error
from docdetect.errors import InterruptedRunError, OutputError
from docdetect.types import ByteArray, Failure, FailureKind

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def pid_and_sum(pixels: ByteArray) -> tuple[int, int]:
    return os.getpid(), int(pixels.sum())


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    time.sleep(3600)


def fill_memory() -> int:
    return len(bytearray(8 << 30))


def encrypted() -> None:
    raise document_error(Path("a.pdf"), FailureKind.ENCRYPTED, "needs a password")


def full_disk() -> None:
    raise OutputError("disk full")


def bug() -> None:
    raise KeyError("unexpected")


@pytest.fixture
def aside() -> Iterator[AsideWorker]:
    with AsideWorker(memory_bytes=256 << 20) as worker:
        yield worker


def test_calls_share_one_process_and_errors_come_back_as_data(aside: AsideWorker) -> None:
    first = aside(60, pid_and_sum, np.ones((300, 400), np.uint8))
    pid = aside.pid
    assert first == (pid, 120_000)
    assert pid != os.getpid()
    assert aside(60, encrypted) == Failure(FailureKind.ENCRYPTED, "needs a password")
    assert aside(60, bug) == Failure(FailureKind.INTERNAL, "KeyError: 'unexpected'")
    with pytest.raises(OutputError, match="disk full"):
        aside(60, full_disk)
    assert aside(60, pid_and_sum, np.ones(3, np.uint8)) == (pid, 3)


def test_a_process_that_dies_or_hangs_is_replaced(aside: AsideWorker) -> None:
    assert aside(60, die) == Failure(FailureKind.CRASHED, "the worker crashed (SIGSEGV)")
    assert aside(0.3, hang) == Failure(FailureKind.TIMEOUT, "no result within 0.3 s")
    assert isinstance(aside(60, pid_and_sum, np.ones(3, np.uint8)), tuple)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is enforced on Linux")
def test_memory_is_bounded(aside: AsideWorker) -> None:
    assert aside(60, fill_memory) == Failure(FailureKind.MEMORY, "not enough memory")


def test_stopping_ends_the_call_under_way_and_all_later_ones(aside: AsideWorker) -> None:
    assert isinstance(aside(60, pid_and_sum, np.ones(3, np.uint8)), tuple)
    threading.Timer(0.2, aside.stop).start()
    started_s = time.monotonic()
    with pytest.raises(InterruptedRunError):
        aside(60, hang)
    assert time.monotonic() - started_s < 30
    with pytest.raises(InterruptedRunError):
        aside(60, pid_and_sum, np.ones(3, np.uint8))
