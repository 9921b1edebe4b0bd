"""How processes end that work for this program: when the program says so, and with the program, at the latest.

    process = context.Process(target=work, daemon=True)
    start(process)                           # in the program

    def work():
        leave_interrupts_to_program()        # in the process

Ctrl-C and SIGTERM reach every process of a program: a terminal signals the group, and systemd the control group. A
process that ended then would lose what it is at, and the program would take its end for a crash.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import weakref
from multiprocessing import util
from multiprocessing.process import BaseProcess

from docdetect.errors import InterruptedRunError
from docdetect.interrupts import INTERRUPTS

_STARTING = threading.Lock()
_started: weakref.WeakSet[BaseProcess] = weakref.WeakSet()
_ending = threading.Event()


def leave_interrupts_to_program() -> None:
    """Has this process ignore Ctrl-C and SIGTERM from now on; `start` has to have started it."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


def leave_sigterm_to_parent() -> None:
    """Has this process die of SIGTERM only where its parent sends it; for processes that a library forks and ends.

    No thread of the process may have been started before. Where a system cannot say who sends a signal, as outside of
    Linux, nothing changes.
    """
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_die_of_parent, args=(os.getppid(),), name="sigterm", daemon=True).start()


def _die_of_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)


def start(process: BaseProcess) -> None:
    """Starts a process that is killed when the program ends, in case that it still runs.

    `multiprocessing` ends what still runs with SIGTERM, and waits for it: for ever, where the process ignores SIGTERM.

    Raises:
        InterruptedRunError: the program is ending.
    """
    with _STARTING:
        if _ending.is_set():
            raise InterruptedRunError("the program is ending")
        process.start()
        _started.add(process)


def _kill_all() -> None:
    """Kills what still runs, and lets nothing more start."""
    with _STARTING:
        _ending.set()
        for process in tuple(_started):
            process.kill()


# Called before `multiprocessing` sends SIGTERM, and not in a copy of the program that was forked.
util.Finalize(None, _kill_all, exitpriority=1)
