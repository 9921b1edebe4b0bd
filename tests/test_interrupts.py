from __future__ import annotations

import signal
import threading

import pytest

from docdetect import interrupts
from docdetect.interrupts import CtrlC, ctrl_c_as_flag


def test_ctrl_c_sets_the_flag_and_interrupts_nothing() -> None:
    with ctrl_c_as_flag() as ctrl_c:
        assert not ctrl_c.is_set()
        signal.raise_signal(signal.SIGINT)
        assert ctrl_c.is_set()
        signal.raise_signal(signal.SIGINT)  # as a runner of scripts does, which passes it on
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_pressed_again_later_it_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_SAME_PRESS_S", 0.0)
    with ctrl_c_as_flag():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_handles_ctrl_c_itself_goes_on_doing_so() -> None:
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with ctrl_c_as_flag() as ctrl_c:
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT, signal.SIGINT]
    assert not ctrl_c.is_set()


def test_in_another_thread_the_block_changes_nothing() -> None:
    flags: list[CtrlC] = []

    def work() -> None:
        with ctrl_c_as_flag() as ctrl_c:
            flags.append(ctrl_c)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [flag.is_set() for flag in flags] == [False]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
