"""The inside of an isolated process: how the process is limited, and how it answers one request after the other.

The process may crash, hang or run out of memory at any moment; `process.py` watches it from outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from docdetect.errors import DocdetectError
from docdetect.machine import keep_freed_pictures
from docdetect.types import Failure, FailureKind
from docdetect.workers.ending import leave_interrupts_to_program
from docdetect.workers.transfer import receive_value, send_value

# Seconds beyond the time limit of a request after which the system ends a process that nobody watches any more.
_ALARM_GRACE_S = 30

# The number of the Linux system call option that names the signal sent when the parent process ends (prctl.h).
_PR_SET_PDEATHSIG = 1

NOT_ENOUGH_MEMORY = Failure(FailureKind.MEMORY, "not enough memory")


@dataclass(frozen=True)
class Request:
    """What a process is asked to do.

    Attributes:
        content: the argument of the process's handler.
        limit_s: seconds that the request may take.
    """

    content: Any
    limit_s: float


@dataclass(frozen=True)
class Reply:
    """The answer of a process to one request.

    Attributes:
        value: the result of the work, None where the work failed.
        failure: why there is no value.
        error: an error that concerns more than this request, such as a full disk.
        part_count: how many parts the item of the request has; 0 where the request was not about a part of an item,
            or where the item could not be opened.
        elapsed_s: seconds of work, where the handler measures them.
    """

    value: Any = None
    failure: Failure | None = None
    error: DocdetectError | None = None
    part_count: int = 0
    elapsed_s: float = 0.0


Handler: TypeAlias = Callable[[Any], Reply]
"""Answers the content of a request; picklable, since the process gets a copy. Errors of the work are in the reply."""


def attempt(function: Callable[..., object], *arguments: object) -> Reply:
    """The value of `function(*arguments)`, or its error as data.

    A DocdetectError with an attribute `failure` concerns this call only, and becomes the reply's failure. Any other
    DocdetectError becomes the reply's error. A lack of memory and every unexpected error become failures, too.
    """
    try:
        return Reply(function(*arguments))
    except DocdetectError as error:
        failure = getattr(error, "failure", None)
        return Reply(failure=failure) if isinstance(failure, Failure) else Reply(error=error)
    except MemoryError:
        return Reply(failure=NOT_ENOUGH_MEMORY)
    except Exception as error:  # noqa: BLE001 - the border of a process: an error of one call must not end the batch
        return Reply(failure=_unexpected(error))


def answer_requests(connection: Connection, handler: Handler, memory_bytes: int) -> None:
    """The main function of an isolated process: sends an empty reply when ready, then answers until the pipe closes.

    Args:
        connection: the process's end of the pipe.
        handler: answers the content of each request.
        memory_bytes: address space that the process may take on top of its start; enforced on Linux only.
    """
    _enter(memory_bytes)
    with contextlib.suppress(EOFError, OSError):  # the program closed the pipe, or died
        send_value(connection, Reply())
        while True:
            request, _ = receive_value(connection)
            assert isinstance(request, Request)
            _set_alarm(request.limit_s)
            reply = handler(request.content)
            _set_alarm(0)
            _send_reply(connection, reply)


def _send_reply(connection: Connection, reply: Reply) -> None:
    """Sends a reply, or why its value cannot be sent. A value is pickled whole before its first byte is sent."""
    try:
        send_value(connection, reply)
    except OSError:
        raise
    except MemoryError:
        send_value(connection, replace(reply, value=None, failure=NOT_ENOUGH_MEMORY))
    except Exception as error:  # noqa: BLE001 - whatever the pickling of a foreign value raises
        send_value(connection, replace(reply, value=None, failure=_unexpected(error)))


def _unexpected(error: Exception) -> Failure:
    return Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {error}")


def _enter(memory_bytes: int) -> None:
    """Prepares a new process for its work: its end, its signals, its memory, its threads, its output."""
    import cv2  # pictures are what most processes work on; the program itself may start without OpenCV

    _end_with_parent()
    leave_interrupts_to_program()
    _limit_memory(memory_bytes)
    keep_freed_pictures()
    cv2.setNumThreads(1)  # there are as many processes as cores
    _silence()


def _set_alarm(limit_s: float) -> None:
    """Has the system end this process if a request hangs and no program is left to end the process; 0 cancels."""
    if sys.platform != "win32":
        signal.alarm(math.ceil(limit_s) + _ALARM_GRACE_S if limit_s else 0)


def _end_with_parent() -> None:
    """Has Linux kill this process as soon as the process that forked it is gone.

    That is the fork server. The fork server ends when nobody holds its pipe any more, neither the program nor a
    process that the server forked; so this process closes its copy of the pipe. Otherwise a process in the middle of
    minutes of work would outlive a program that was killed.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a C library without prctl: the alarm ends the process
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        server: Any = forkserver._forkserver
        held = getattr(server, "_forkserver_alive_fd", None)
        if held is not None:
            server._forkserver_alive_fd = None
            os.close(held)


def _limit_memory(memory_bytes: int) -> None:
    """Bounds the address space to its present size plus `memory_bytes`; only Linux enforces such a bound."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _silence() -> None:
    """Discards what C libraries print: stdout belongs to the JSON output of commands, and failures are data."""
    with Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):
                os.dup2(nowhere.fileno(), descriptor)
