"""What asks work for its end: Ctrl-C and SIGTERM, as a flag or as an interrupt, and a stop that joins several of them.

Ctrl-C (SIGINT) is what a person at a terminal presses; SIGTERM is what systemd, `docker stop` and schedulers send.
A program that is run in Python has Python's handler for Ctrl-C, and dies of SIGTERM at once. The `docdetect` command
asks for more with `sigterm_as_interrupt`: there SIGTERM does what Ctrl-C does. In programs of others SIGTERM stays
theirs.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Seconds in which a second signal belongs to the first one: `timeout` and runners of scripts pass Ctrl-C and SIGTERM on
# to programs that have got it already, and people press twice.
_SAME_PRESS_S = 1.0

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a program for its end. A terminal sends SIGINT, and systemd SIGTERM, to every process of it."""


class InterruptFlag:
    """Whether Ctrl-C was pressed or SIGTERM came.

    Asking and setting take no lock: a signal's handler runs between two instructions of the main thread, which may
    hold the lock of a `threading.Event` at that moment.
    """

    def __init__(self) -> None:
        self._first_s: float | None = None

    def is_set(self) -> bool:
        """Whether a signal came since the block of `interrupts_as_flag` began."""
        return self._first_s is not None

    def interrupt(self) -> None:
        """Notes a signal. Raises KeyboardInterrupt if one came before, a second ago or longer."""
        now_s = time.monotonic()
        if self._first_s is None:
            self._first_s = now_s
        elif now_s - self._first_s >= _SAME_PRESS_S:
            raise KeyboardInterrupt


class StopSignal(threading.Event):
    """An event that asks one run to stop. It also counts as set while one of several others is set.

    Args:
        others: the other events, such as one that stops several runs, or Ctrl-C and SIGTERM.
    """

    def __init__(self, *others: threading.Event | InterruptFlag | None) -> None:
        super().__init__()
        self._others = [other for other in others if other is not None]

    def is_set(self) -> bool:
        """Whether the stop was asked for."""
        return super().is_set() or any(other.is_set() for other in self._others)


class SigtermHandler:
    """Raises KeyboardInterrupt where the main thread is, as Python does on Ctrl-C; see `sigterm_as_interrupt`."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._pid = os.getpid()

    def has_come(self) -> bool:
        """Whether SIGTERM came since the block of `sigterm_as_interrupt` began."""
        return self._last_s is not None

    def note(self) -> bool:
        """Notes SIGTERM; whether it is another one than the one before, and not the same one passed on.

        A process that the program has forked has its handlers, and dies here of SIGTERM as it would without them.
        """
        if os.getpid() != self._pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        before_s, self._last_s = self._last_s, time.monotonic()
        return before_s is None or self._last_s - before_s >= _SAME_PRESS_S

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.note():
            raise KeyboardInterrupt


@contextmanager
def sigterm_as_interrupt() -> Iterator[SigtermHandler]:
    """Within the block SIGTERM raises KeyboardInterrupt in the main thread, and `interrupts_as_flag` notes it.

    Only the main thread gets signals. In another thread, and in a program that handles or ignores SIGTERM itself, the
    block changes nothing.

    Yields:
        The handler, which knows whether SIGTERM has come.
    """
    handler = SigtermHandler()
    if not _has_handler(signal.SIGTERM, signal.SIG_DFL):
        yield handler
        return
    signal.signal(signal.SIGTERM, handler)
    try:
        yield handler
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def interrupts_as_flag() -> Iterator[InterruptFlag]:
    """Within the block Ctrl-C sets the flag and interrupts nothing; pressed again, it raises KeyboardInterrupt.

    By default Ctrl-C raises KeyboardInterrupt wherever the main thread is: also between two files that belong together,
    or after a lock was taken and before the block that would give it back, so that other threads wait for it for ever.

    SIGTERM does the same within a block of `sigterm_as_interrupt`, and what it always did outside of one.

    Only the main thread gets signals. In another thread, and in a program that handles or ignores Ctrl-C itself, the
    block changes nothing and its flag stays unset.
    """
    flag = InterruptFlag()
    sigterm = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM and isinstance(sigterm, SigtermHandler):
            sigterm.note()
        flag.interrupt()

    taken: list[tuple[signal.Signals, Any]] = []
    if _has_handler(signal.SIGINT, signal.default_int_handler):
        taken.append((signal.SIGINT, signal.default_int_handler))
    if isinstance(sigterm, SigtermHandler) and _has_handler(signal.SIGTERM, sigterm):
        taken.append((signal.SIGTERM, sigterm))
    for number, _ in taken:
        signal.signal(number, handle)
    try:
        yield flag
    finally:
        for number, before in taken:
            signal.signal(number, before)


def _has_handler(number: signal.Signals, handler: Any) -> bool:
    """Whether this thread may set the handler of a signal, and `handler` is the present one."""
    return threading.current_thread() is threading.main_thread() and signal.getsignal(number) is handler
