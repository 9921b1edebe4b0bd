"""Ctrl-C as a flag, for work that has to end at a moment of its own choice."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Seconds in which a second signal belongs to the first one: `timeout` and runners of scripts pass Ctrl-C on to programs
# that the terminal has told already, and people press twice.
_SAME_PRESS_S = 1.0


class CtrlC:
    """Whether Ctrl-C was pressed.

    Asking and setting take no lock: a signal's handler runs between two instructions of the main thread, which may
    hold the lock of a `threading.Event` at that moment.
    """

    def __init__(self) -> None:
        self._pressed_s: float | None = None

    def is_set(self) -> bool:
        """Whether Ctrl-C was pressed since the block of `ctrl_c_as_flag` began."""
        return self._pressed_s is not None

    def press(self) -> None:
        """Notes that it was pressed. Raises KeyboardInterrupt if it was pressed before, a second ago or longer."""
        now_s = time.monotonic()
        if self._pressed_s is None:
            self._pressed_s = now_s
        elif now_s - self._pressed_s >= _SAME_PRESS_S:
            raise KeyboardInterrupt


@contextmanager
def ctrl_c_as_flag() -> Iterator[CtrlC]:
    """Within the block Ctrl-C sets the flag and interrupts nothing; pressed again, it raises KeyboardInterrupt.

    By default Ctrl-C raises KeyboardInterrupt wherever the main thread is: also between two files that belong together,
    or after a lock was taken and before the block that would give it back, so that other threads wait for it for ever.

    Only the main thread gets signals. In another thread, and in a program that handles or ignores Ctrl-C itself, the
    block changes nothing and its flag stays unset.
    """
    ctrl_c = CtrlC()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield ctrl_c
        return

    def handle(number: int, frame: FrameType | None) -> None:
        ctrl_c.press()

    signal.signal(signal.SIGINT, handle)
    try:
        yield ctrl_c
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
