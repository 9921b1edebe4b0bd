"""What this machine has: cores, memory, what its processor can do, and which optional packages are installed."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from docdetect.errors import MissingDependencyError, UsageError

EXTRA_MODULES: Mapping[str, tuple[str, ...]] = {
    "data": ("fontTools", "imagehash", "matplotlib"),
    "train": ("fontTools", "imagehash", "matplotlib", "pycocotools", "scipy", "torch", "torchvision", "ultralytics"),
    "serve": ("fastapi", "prometheus_client", "python_multipart", "uvicorn", "wsproto"),
}
"""Extra of the package -> the modules that it adds to a plain installation; `pyproject.toml` names their packages."""

_NATIVE_BF16 = frozenset({"amx_bf16", "avx512_bf16"})  # Linux' names for arithmetic, not mere storage

_NATIVE_INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})

# Features that decide how fast networks run, with Linux' names for them.
_NAMED_FEATURES = (
    ("AVX2", frozenset({"avx2"})),
    ("VNNI", frozenset({"avx512_vnni", "avx_vnni"})),
    ("AVX512-BF16", frozenset({"avx512_bf16"})),
    ("AMX", frozenset({"amx_int8", "amx_bf16"})),
)

GAIN = 0.92
"""Share of the time below which a coarser precision is worth it; more than what chance makes of a measurement."""

_KEEP = ((-4, 0), (-1, -1), (-2, 256 << 20))  # M_MMAP_MAX none, M_TRIM_THRESHOLD never, M_TOP_PAD in bytes (mallopt(3))

_KEEP_PICTURES = ((-3, 32 << 20), (-1, 128 << 20))  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD in bytes

_FEW_HEAPS = (-8, 2)  # M_ARENA_MAX

_GROUPS = (  # control groups of version 2 and 1: folder, limit, use, and what of that is a cache that can be given up
    ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def missing_modules(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the modules that are not installed. No module is imported to find out."""
    return tuple(name for name in names if find_spec(name) is None)


def require_extra(extra: str, purpose: str, *, modules: Sequence[str] = (), otherwise: str = "") -> None:
    """Makes sure that the packages of an extra are installed.

    Args:
        extra: `data`, `train` or `serve`.
        purpose: what needs the extra, as the subject of the message: "docdetect train".
        modules: the modules that are needed; empty for all modules of the extra.
        otherwise: another way out, which the remedy adds to the pip command.

    Raises:
        MissingDependencyError: a package is missing; the remedy is the pip command that adds the extra.
    """
    missing = missing_modules(modules or EXTRA_MODULES[extra])
    if missing:
        raise MissingDependencyError(
            f"{purpose} needs packages that are not installed: {', '.join(missing)}",
            f'Install them with: pip install "docdetect[{extra}]"' + (f" ({otherwise})" if otherwise else ""),
        )


class OwnProcess:
    """Notes which process made something that a fork of that process cannot use.

    A fork has the memory of the process that it is a copy of, and none of its threads: what it asks them for never
    comes.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()

    def check(self) -> None:
        """Raises UsageError in a fork of the process that made this object."""
        if os.getpid() != self._pid:
            raise used_in_fork()


def used_in_fork() -> UsageError:
    """The error of a process that is a fork of one that has used docdetect."""
    return UsageError(
        "this process is a fork of one that has used docdetect, and has none of the threads of that process",
        'Start processes in another way, for example with multiprocessing.get_context("spawn"), and make a Detector in '
        "each of them; or use one Detector in several threads.",
    )


def available_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: fewer than the machine has under taskset or a limit of a container.

    A limit of one and a half cores counts as two: work for one would leave the half idle.

    Args:
        root: where `sys` is.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that may still be taken before the machine or this process' control group is full; 0 where none is told.

    Args:
        root: where `proc` and `sys` are.
    """
    free = 1024 * _figures(root / "proc/meminfo").get("MemAvailable", 0)
    for folder, most, used, cached in _GROUPS:
        group = root / folder
        limit = _figure(group / most)
        if limit is not None:  # "max", or no such group
            taken = (_figure(group / used) or 0) - _figures(group / "memory.stat").get(cached, 0)
            free = min(free, max(0, limit - taken))
    return free


def peak_memory() -> int:
    """Most bytes that this process has held so far; 0 where they cannot be told."""
    if sys.platform != "linux":
        return 0
    import resource  # not on Windows

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def keep_freed_memory() -> bool:
    """Has the C library keep what is freed for the next call instead of giving it back page by page; false elsewhere.

    glibc maps large blocks anew each time, and the system fills every page of them with zeros first. A training step
    takes and frees gigabytes. Call `release_freed_memory` before a fork: the child would hold all that is kept.
    """
    mallopt = _c_function("mallopt")
    return mallopt is not None and all(mallopt(option, value) == 1 for option, value in _KEEP)


def keep_freed_pictures() -> bool:
    """The same for a process that handles one page after the other: blocks of up to 32 MiB, 128 MiB of them at most."""
    mallopt = _c_function("mallopt")
    return mallopt is not None and all(mallopt(option, value) == 1 for option, value in _KEEP_PICTURES)


def share_memory_among_threads() -> bool:
    """Has all threads take memory from two heaps of the C library instead of eight for each core; false elsewhere.

    Each heap keeps what was freed in it, and threads come and go: the service had 850 MiB after two minutes of load and
    grew, with two heaps 400 MiB, at the same speed. Call this before threads are started.
    """
    mallopt = _c_function("mallopt")
    return mallopt is not None and mallopt(*_FEW_HEAPS) == 1


def release_freed_memory() -> None:
    """Gives back to the system what the C library has kept of freed memory, in all threads."""
    trim = _c_function("malloc_trim")
    if trim is not None:
        trim(0)


def processor_flags() -> frozenset[str]:
    """The processor's features as Linux names them; empty where they cannot be told."""
    return frozenset(_processor().get("flags", "").split())


def processor_name() -> str:
    """The processor's family, model, stepping and name as Linux tells them; "" where they cannot be told."""
    return " ".join(_processor().get(key, "") for key in ("cpu family", "model", "stepping", "model name")).strip()


def processor_summary() -> str:
    """The processor in words, to stand beside a figure, such as "AMD EPYC (family 26, model 2), 2 cores, VNNI"."""
    import platform

    told = _processor()
    name = told.get("model name") or platform.processor() or platform.machine() or "unknown processor"
    numbers = f" (family {told['cpu family']}, model {told['model']})" if {"cpu family", "model"} <= set(told) else ""
    features = [label for label, flags in _NAMED_FEATURES if flags & processor_flags()]
    return ", ".join([f"{name}{numbers}", f"{available_cores()} cores", *features])


def has_native_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AMX or AVX512-BF16)."""
    return bool(_NATIVE_BF16 & processor_flags())


def has_matrix_bf16() -> bool:
    """Whether it does so by whole tiles (AMX), several times as fast as fp32."""
    return "amx_bf16" in processor_flags()


def has_native_int8() -> bool:
    """Whether the processor has dot products of 8-bit integers with sums of 32 bits (VNNI or AMX)."""
    return bool(_NATIVE_INT8 & processor_flags())


def has_short_int8() -> bool:
    """Whether the processor multiplies 8-bit integers with sums of 16 bits (AVX2 without VNNI and AMX).

    Such sums overflow unless the 8-bit weights use half of their range only.
    """
    return "avx2" in processor_flags() and not has_native_int8()


def least_seconds(run: Callable[[], object]) -> float:
    """Least time that `run` takes of three calls, after one that warms up."""
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def _c_function(name: str) -> Callable[..., int] | None:
    """A function of glibc; None where the C library is another one."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


@lru_cache(maxsize=1)
def _processor() -> dict[str, str]:
    """What Linux says of the first processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _quotas(root: Path) -> list[float]:
    """Cores whose whole time this process' control groups allow, of version 2 and 1; empty where nothing limits it."""
    groups = root / "sys/fs/cgroup"
    quotas = [(_figure(groups / "cpu/cpu.cfs_quota_us"), _figure(groups / "cpu/cpu.cfs_period_us"))]
    try:
        words = (groups / "cpu.max").read_text(encoding="ascii").split()
    except OSError:
        words = []
    if len(words) == 2 and all(word.isdigit() for word in words):  # not "max"
        quotas.append((int(words[0]), int(words[1])))
    return [quota / period for quota, period in quotas if quota and period and quota > 0]  # -1: no limit


def _figure(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _figures(path: Path) -> dict[str, int]:
    """The numbers of a file of lines like `name 12` or `name: 12 kB`."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    words = (line.replace(":", " ").split() for line in lines)
    return {word[0]: int(word[1]) for word in words if len(word) > 1 and word[1].isdigit()}
