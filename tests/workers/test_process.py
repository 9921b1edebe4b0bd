"""One isolated process for single calls: it may die, hang and raise, and the next call finds another."""

from __future__ import annotations

import _thread
import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docdetect.errors import DiskFullError, DocdetectError, InputError, InterruptedRunError
from docdetect.types import ByteArray, Failure, FailureKind
from docdetect.workers.process import IsolatedProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def pid_and_sum(pixels: ByteArray) -> tuple[int, int]:
    return os.getpid(), int(pixels.sum())


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    time.sleep(3600)


def fill_memory() -> int:
    return len(bytearray(8 << 30))


class WorkError(InputError):
    """An error that concerns one call, and says so with its failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def encrypted() -> None:
    raise WorkError(Failure(FailureKind.ENCRYPTED, "needs a password"))


def full_disk() -> None:
    raise DiskFullError("disk full")


def echo_after(text: str, pause_s: float) -> str:
    time.sleep(pause_s)
    return text


def bug() -> None:
    raise KeyError("unexpected")


@pytest.fixture
def isolated() -> Iterator[IsolatedProcess]:
    with IsolatedProcess(memory_bytes=256 << 20) as process:
        yield process


def test_calls_share_one_process_and_errors_come_back_as_data(isolated: IsolatedProcess) -> None:
    first = isolated.call(60, pid_and_sum, np.ones((300, 400), np.uint8))
    pid = isolated.pid
    assert first == (pid, 120_000)
    assert pid != os.getpid()
    assert isolated.call(60, encrypted) == Failure(FailureKind.ENCRYPTED, "needs a password")
    assert isolated.call(60, bug) == Failure(FailureKind.INTERNAL, "KeyError: 'unexpected'")
    with pytest.raises(DiskFullError, match="disk full"):
        isolated.call(60, full_disk)
    assert isolated.call(60, pid_and_sum, np.ones(3, np.uint8)) == (pid, 3)


def test_a_process_that_dies_or_hangs_is_replaced(isolated: IsolatedProcess) -> None:
    assert isolated.call(60, die) == Failure(FailureKind.CRASHED, "the worker crashed (SIGSEGV)")
    assert isolated.call(0.3, hang) == Failure(FailureKind.TIMEOUT, "no result within 0.3 s")
    assert isinstance(isolated.call(60, pid_and_sum, np.ones(3, np.uint8)), tuple)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is enforced on Linux")
def test_memory_is_bounded(isolated: IsolatedProcess) -> None:
    assert isolated.call(60, fill_memory) == Failure(FailureKind.MEMORY, "not enough memory")


def test_a_process_that_ran_out_of_memory_is_replaced(isolated: IsolatedProcess) -> None:
    before = isolated.call(60, os.getpid)
    isolated.call(60, fill_memory)
    assert isolated.call(60, os.getpid) not in (before, os.getpid())


def test_a_value_that_cannot_be_sent_is_a_failure_of_its_call(isolated: IsolatedProcess) -> None:
    pid = isolated.call(60, os.getpid)
    failure = isolated.call(60, threading.Lock)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.INTERNAL
    assert "pickle" in failure.message
    assert isolated.call(60, os.getpid) == pid


def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(isolated: IsolatedProcess) -> None:
    isolated.call(60, os.getpid)
    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        isolated.call(60, echo_after, "first", 1.0)
    assert isolated.call(60, echo_after, "second", 0.0) == "second"


@pytest.mark.parametrize("how", ["stop", "event"])
def test_stopping_from_another_thread_ends_the_call_under_way_and_all_later_ones(how: str) -> None:
    event = threading.Event()
    with IsolatedProcess(stop=event) as isolated:
        pid = isolated.call(60, os.getpid)
        threading.Timer(0.3, isolated.stop if how == "stop" else event.set).start()
        started_s = time.monotonic()
        with pytest.raises(InterruptedRunError):
            isolated.call(60, hang)
        assert time.monotonic() - started_s < 10
        with pytest.raises(InterruptedRunError):
            isolated.call(60, pid_and_sum, np.ones(3, np.uint8))
        assert isolated.pid is None
    assert pid not in [child.pid for child in multiprocessing.active_children()]


def test_a_stop_reaches_every_thread_that_waits_for_its_turn() -> None:
    with IsolatedProcess() as isolated:
        isolated.call(60, os.getpid)
        ends: list[str] = []

        def use() -> None:
            try:
                isolated.call(60, hang)
            except InterruptedRunError:
                ends.append("interrupted")

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        isolated.stop()
        for thread in threads:
            thread.join(10)
        assert ends == ["interrupted"] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no server that forks processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_for_every_process_leaves_the_work_to_the_program(
    isolated: IsolatedProcess, number: signal.Signals
) -> None:
    isolated.call(60, os.getpid)
    pid, server = isolated.pid, forkserver._forkserver
    assert pid is not None

    def send() -> None:
        for one in (pid, _pid_of(server)):
            os.kill(one, number)

    threading.Timer(0.3, send).start()
    assert isolated.call(60, echo_after, "finished", 1.0) == "finished"
    assert isolated.pid == pid
    assert isolated.call(60, die) == Failure(FailureKind.CRASHED, "the worker crashed (SIGSEGV)")
    assert isolated.call(60, echo_after, "of another process", 0.0) == "of another process"


def _pid_of(server: Any) -> int:
    pid = server._forkserver_pid
    assert isinstance(pid, int)
    return pid


def test_a_process_that_nobody_ended_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    """It ignores SIGTERM, with which `multiprocessing` would end it; and nothing starts in its place meanwhile."""
    program = """
import os
from multiprocessing import util
from docdetect.errors import InterruptedRunError
from docdetect.workers.process import IsolatedProcess

def start_another():
    try:
        second.call(60, os.getpid)
    except InterruptedRunError as error:
        print(error.message)

if __name__ == "__main__":
    first, second = IsolatedProcess(), IsolatedProcess()
    print(first.call(60, os.getpid))
    util.Finalize(None, start_another, exitpriority=0)
"""
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    pid, said = done.stdout.splitlines()
    assert said == "the program is ending"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the server that forks processes")
def test_a_limit_of_the_system_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where results are being written, a plain OSError would be taken for one about their files."""

    def no_more_files() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(forkserver, "ensure_running", no_more_files)
    with IsolatedProcess() as process, pytest.raises(DocdetectError) as caught:
        process.call(10, os.getpid)
    assert caught.value.message == "worker processes do not start (Too many open files)"
    assert "ulimit -a" in caught.value.remedy
