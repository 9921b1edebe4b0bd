"""Runs a command and measures it with all its descendants: wall and CPU seconds, peak memory, time to its first result.

This module is used by other benchmarks and is no program of its own. It reads /proc, so that it works on Linux alone.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Option of prctl(2): processes whose parents have ended become children of this process.
_PR_SET_CHILD_SUBREAPER = 36

# Time between two looks at a running command, and the number of looks between two measurements of its memory.
_POLL_S = 0.05
_POLLS_PER_MEMORY = 8

# Longest time that descendants may take to end after their command.
_DESCENDANTS_END_S = 10


@dataclass(frozen=True)
class Watched:
    """What a command took.

    Attributes:
        output: what the command wrote to its standard output.
        wall_s: seconds from its start to the end of its last descendant.
        cpu_s: user and system CPU seconds of all its processes together.
        peak_mib: greatest memory of all its processes together, MiB; memory that processes share is divided among
            them (PSS).
        first_s: seconds until its first result; None where there was none.
    """

    output: str
    wall_s: float
    cpu_s: float
    peak_mib: float
    first_s: float | None


def watch(
    command: Sequence[str],
    environment: dict[str, str],
    first: Callable[[], bool],
    on_memory: Callable[[int, float], None] | None = None,
) -> Watched:
    """Runs a command to its end, on Linux.

    Descendants whose parents end become children of this process, so that their CPU seconds are counted, too.

    Args:
        command: program and arguments.
        environment: environment variables of the command.
        first: says whether the command's first result is there; it is asked often.
        on_memory: is told the command's process id and the memory of all its processes in MiB, a few times a second.

    Raises:
        SystemExit: the command failed; its standard error is shown.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, started = _children_cpu_s(), time.perf_counter()
    with subprocess.Popen(
        list(command), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first_s, peak_mib = _follow(process, started, first, on_memory)
        output, errors = process.communicate()
    _adopt_all()
    wall_s = time.perf_counter() - started
    if process.returncode not in (0, 7):
        sys.exit(f"{' '.join(command[:6])} ... failed with exit code {process.returncode}:\n{errors[-3000:]}")
    return Watched(output, wall_s, _children_cpu_s() - before, peak_mib, first_s)


def tree_mib(root: int) -> float:
    """Memory of a process and its descendants in MiB; memory that they share is divided among them (PSS)."""
    total_kib = 0
    pending = [root]
    while pending:
        pid = pending.pop()
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
            threads = [thread.name for thread in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            # The process has just ended.
            continue
        total_kib += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        pending += [int(child) for child in children.split()]
        for thread in threads:
            if int(thread) != pid:
                pending += _children_of_thread(pid, thread)
    return total_kib / 1024


def _children_of_thread(pid: int, thread: str) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{thread}/children").read_text("ascii").split()]
    except OSError:
        return []


def _follow(
    process: subprocess.Popen[str],
    started: float,
    first: Callable[[], bool],
    on_memory: Callable[[int, float], None] | None,
) -> tuple[float | None, float]:
    """Watches a process until it ends; returns the seconds until its first result, and its peak memory in MiB."""
    first_s, peak_mib, polls = None, 0.0, 0
    while process.poll() is None:
        if first_s is None and first():
            first_s = time.perf_counter() - started
        if polls % _POLLS_PER_MEMORY == 0:
            mib = tree_mib(process.pid)
            peak_mib = max(peak_mib, mib)
            if on_memory is not None:
                on_memory(process.pid, mib)
        polls += 1
        time.sleep(_POLL_S)
    return first_s, peak_mib


def _adopt_all() -> None:
    """Waits for descendants whose parents have ended: their CPU seconds are counted once this process has waited."""
    deadline_s = time.monotonic() + _DESCENDANTS_END_S
    while time.monotonic() < deadline_s:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.02)


def _children_cpu_s() -> float:
    """CPU seconds of all children that this process has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
