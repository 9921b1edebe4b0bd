"""How worker processes start, are bounded, and end with the program that started them, however that ends."""

from __future__ import annotations

import contextlib
import ctypes
import math
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from docdetect.machine import keep_freed_pictures
from docdetect.types import Failure, FailureKind

_ALARM_GRACE_S = 30
_PR_SET_PDEATHSIG = 1


def worker_context() -> BaseContext:
    """A way to start workers that copies neither this process's memory nor its threads."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"docdetect.documents.{name}" for name in ("worker", "pdf", "images")])
    # The server ignores Ctrl-C once it runs. Until then it would print a traceback over the program's own message: it
    # starts with the signal blocked. The tracker comes first, since starting it unblocks the signal.
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return context


def prepare_workers() -> None:
    """Lets the server that forks workers start, and import what they need, while this process does something else."""
    context = worker_context()
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()


def enter_worker(memory_bytes: int) -> None:
    """What a worker process does first.

    Args:
        memory_bytes: address space that it may take on top of its start; enforced on Linux only.
    """
    import cv2  # every worker draws with it; the program itself may start without

    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _limit_memory(memory_bytes)
    keep_freed_pictures()
    cv2.setNumThreads(1)  # there are as many workers as cores
    _silence()


def set_alarm(limit_s: float) -> None:
    """Lets the system end this process if a request hangs and the parent is no longer there to end it; 0: no more."""
    if sys.platform != "win32":
        signal.alarm(math.ceil(limit_s) + _ALARM_GRACE_S if limit_s else 0)


def death_of(exit_code: int | None) -> Failure:
    """What the exit code of a dead worker means."""
    if exit_code is not None and exit_code < 0:
        number = -exit_code
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        if name == "SIGKILL":  # we did not send it
            return Failure(FailureKind.MEMORY, "the system killed the worker, most likely for lack of memory")
        return Failure(FailureKind.CRASHED, f"the worker crashed ({name})")
    return Failure(FailureKind.CRASHED, f"the worker ended with exit code {exit_code}")


def _end_with_parent() -> None:
    """Has Linux kill this process as soon as the one that forked it is gone.

    That is the fork server, which ends when nobody holds its pipe any more: neither the program nor a worker, which
    therefore lets go of it. A worker in the middle of a page that takes minutes would otherwise outlive a program that
    was killed.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a C library without it: the alarm still ends the process
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        server: Any = forkserver._forkserver
        held = getattr(server, "_forkserver_alive_fd", None)
        if held is not None:
            server._forkserver_alive_fd = None
            os.close(held)


def _limit_memory(memory_bytes: int) -> None:
    """Bounds the address space to what it is now plus `memory_bytes`; only Linux keeps such a promise."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _silence() -> None:
    """Sends what C libraries print nowhere: stdout belongs to --json, and failures come back as data."""
    with Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):
                os.dup2(nowhere.fileno(), descriptor)
