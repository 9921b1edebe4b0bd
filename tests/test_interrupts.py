"""Each case runs in a program of its own: what pytest, its workers and libraries do with signals stays outside."""

from __future__ import annotations

import subprocess
import sys

import pytest

_BEGINNING = """
import signal, threading
from docdetect import interrupts
from docdetect.interrupts import ctrl_c_as_flag

signal.signal(signal.SIGINT, signal.default_int_handler)  # a program that a script starts in the background ignores it
"""


def run(code: str) -> str:
    """What a program prints; it must end with exit code 0."""
    ended = subprocess.run([sys.executable, "-c", _BEGINNING + code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_sets_the_flag_and_interrupts_nothing() -> None:
    said = run("""
with ctrl_c_as_flag() as ctrl_c:
    print(ctrl_c.is_set())
    signal.raise_signal(signal.SIGINT)
    print(ctrl_c.is_set())
    signal.raise_signal(signal.SIGINT)  # as a runner of scripts does, which passes it on
    print("uninterrupted")
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("as before")
""")
    assert said.splitlines() == ["False", "True", "uninterrupted", "as before"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_pressed_again_later_it_interrupts() -> None:
    said = run("""
interrupts._SAME_PRESS_S = 0.0
try:
    with ctrl_c_as_flag():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        print("uninterrupted")
except KeyboardInterrupt:
    print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
""")
    assert said.splitlines() == ["interrupted True"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_program_that_handles_ctrl_c_itself_goes_on_doing_so() -> None:
    said = run("""
signal.signal(signal.SIGINT, lambda *_: print("heard"))
with ctrl_c_as_flag() as ctrl_c:
    signal.raise_signal(signal.SIGINT)
signal.raise_signal(signal.SIGINT)
print(ctrl_c.is_set())
""")
    assert said.splitlines() == ["heard", "heard", "False"]


def test_in_another_thread_the_block_changes_nothing() -> None:
    said = run("""
def work():
    with ctrl_c_as_flag() as ctrl_c:
        print(ctrl_c.is_set(), signal.getsignal(signal.SIGINT) is signal.default_int_handler)

thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    assert said.splitlines() == ["False True"]
