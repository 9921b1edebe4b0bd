"""Each case runs in a program of its own: what pytest, its workers and libraries do with signals stays outside."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

_BEGINNING = """
import os, signal, threading, time
from docdetect import interrupts
from docdetect.interrupts import interrupts_as_flag, sigterm_as_interrupt

# A program that a script starts in the background ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def run(code: str, exit_code: int = 0) -> str:
    """What a program prints; it must end with the exit code."""
    ended = subprocess.run([sys.executable, "-c", _BEGINNING + code], capture_output=True, text=True, check=False)
    assert ended.returncode == exit_code, ended.stderr
    return ended.stdout


def test_ctrl_c_sets_the_flag_and_interrupts_nothing() -> None:
    said = run("""
with interrupts_as_flag() as flag:
    print(flag.is_set())
    signal.raise_signal(signal.SIGINT)
    print(flag.is_set())
    signal.raise_signal(signal.SIGINT)  # as a runner of scripts does, which passes it on
    print("uninterrupted")
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("as before")
""")
    assert said.splitlines() == ["False", "True", "uninterrupted", "as before"]


def test_sigterm_of_the_command_sets_the_flag_and_interrupts_outside_of_the_block() -> None:
    said = run("""
with sigterm_as_interrupt() as sigterm:
    with interrupts_as_flag() as flag:
        print(flag.is_set(), sigterm.has_come())
        signal.raise_signal(signal.SIGTERM)
        print(flag.is_set(), sigterm.has_come())
        signal.raise_signal(signal.SIGTERM)  # as `timeout` does, which sends it to the program and to its group
        print("uninterrupted")
    interrupts._SAME_PRESS_S = 0.0
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        print("interrupted")
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
""")
    assert said.splitlines() == ["False False", "True True", "uninterrupted", "interrupted", "True"]


def test_ctrl_c_is_not_taken_for_sigterm() -> None:
    said = run("""
with sigterm_as_interrupt() as sigterm, interrupts_as_flag() as flag:
    signal.raise_signal(signal.SIGINT)
    print(flag.is_set(), sigterm.has_come())
""")
    assert said.splitlines() == ["True False"]


def test_sigterm_that_is_passed_on_interrupts_once() -> None:
    said = run("""
with sigterm_as_interrupt():
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        signal.raise_signal(signal.SIGTERM)
        print("cleaned up")
""")
    assert said.splitlines() == ["cleaned up"]


@pytest.mark.parametrize(("first", "second"), [("SIGINT", "SIGINT"), ("SIGTERM", "SIGTERM"), ("SIGINT", "SIGTERM")])
def test_a_second_signal_later_interrupts(first: str, second: str) -> None:
    said = run(f"""
interrupts._SAME_PRESS_S = 0.0
with sigterm_as_interrupt() as sigterm:
    try:
        with interrupts_as_flag():
            signal.raise_signal(signal.{first})
            print("uninterrupted")
            signal.raise_signal(signal.{second})
            print("uninterrupted")
    except KeyboardInterrupt:
        print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        print(signal.getsignal(signal.SIGTERM) is sigterm)
""")
    assert said.splitlines() == ["uninterrupted", "interrupted True", "True"]


def test_a_program_that_handles_signals_itself_goes_on_doing_so() -> None:
    said = run("""
signal.signal(signal.SIGINT, lambda *_: print("heard"))
signal.signal(signal.SIGTERM, lambda *_: print("heard, too"))
with sigterm_as_interrupt() as sigterm, interrupts_as_flag() as flag:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
signal.raise_signal(signal.SIGINT)
signal.raise_signal(signal.SIGTERM)
print(flag.is_set(), sigterm.has_come())
""")
    assert said.splitlines() == ["heard", "heard, too", "heard", "heard, too", "False False"]


def test_signals_that_a_program_was_started_to_ignore_stay_ignored() -> None:
    said = run("""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with sigterm_as_interrupt() as sigterm, interrupts_as_flag() as flag:
    signal.raise_signal(signal.SIGTERM)
    print(flag.is_set(), sigterm.has_come())
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a program that a script starts in the background
with sigterm_as_interrupt() as sigterm, interrupts_as_flag() as flag:
    signal.raise_signal(signal.SIGINT)
    print(flag.is_set())
    signal.raise_signal(signal.SIGTERM)
    print(flag.is_set(), sigterm.has_come())
""")
    assert said.splitlines() == ["False False", "False", "True True"]


def test_in_programs_of_others_sigterm_ends_the_program_as_always() -> None:
    said = run(
        """
with interrupts_as_flag():
    print("at work", flush=True)
    signal.raise_signal(signal.SIGTERM)
    print("still there")
""",
        -signal.SIGTERM,
    )
    assert said.splitlines() == ["at work"]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="fork")
@pytest.mark.parametrize("block", ["interrupts_as_flag()", "open(os.devnull)"])
def test_a_forked_process_dies_of_sigterm_as_always(block: str) -> None:
    said = run(f"""
with sigterm_as_interrupt(), {block}:
    child = os.fork()
    if not child:
        signal.raise_signal(signal.SIGTERM)
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM)
""")
    assert said.splitlines() == ["True"]


def test_in_another_thread_the_blocks_change_nothing() -> None:
    said = run("""
def work():
    with sigterm_as_interrupt(), interrupts_as_flag() as flag:
        print(flag.is_set(), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)

thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    assert said.splitlines() == ["False True", "True"]
