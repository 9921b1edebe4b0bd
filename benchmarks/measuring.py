"""A command and all its descendants under watch: wall and CPU seconds, peak memory, time to its first result."""

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

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.05
_MEMORY_EVERY = 8  # polls


@dataclass(frozen=True)
class Watched:
    """What a command took.

    Attributes:
        output: its stdout.
        wall_s: from its start to the end of its last descendant.
        cpu_s: user and system seconds of all processes together.
        peak_mib: highest sum of memory, what processes share divided among them (PSS).
        first_s: seconds until `first` was true; None where it never was.
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
    """Runs a command to its end. Linux only: descendants are adopted so that their CPU seconds are counted too.

    Args:
        command: program and arguments.
        environment: its environment.
        first: whether its first result is there; asked often.
        on_memory: told the process's id and the memory of all processes, in MiB, a few times a second.

    Raises:
        SystemExit: the command failed; its stderr is shown.
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
    """Memory of a process and its descendants (PSS)."""
    total_kib = 0
    pending = [root]
    while pending:
        pid = pending.pop()
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
            threads = [thread.name for thread in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            continue  # it has just ended
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
    first_s, peak_mib, polls = None, 0.0, 0
    while process.poll() is None:
        if first_s is None and first():
            first_s = time.perf_counter() - started
        if polls % _MEMORY_EVERY == 0:
            mib = tree_mib(process.pid)
            peak_mib = max(peak_mib, mib)
            if on_memory is not None:
                on_memory(process.pid, mib)
        polls += 1
        time.sleep(_POLL_S)
    return first_s, peak_mib


def _adopt_all() -> None:
    """Waits for descendants whose parents are gone: their seconds count as our children's only then."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.02)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
