"""What this machine has: cores, and what its processor can do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

_NATIVE_BF16 = frozenset({"amx_bf16", "avx512_bf16"})  # Linux' names for arithmetic, not mere storage

BF16_GAIN = 0.92
"""Share of the time of fp32 below which bf16 is worth being coarser; more than what chance makes of a measurement."""


def available_cores() -> int:
    """Cores that this process may use (fewer than the machine has, in a container or under taskset)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity is not None else os.cpu_count() or 1)


def processor_flags() -> frozenset[str]:
    """The processor's features as Linux names them; empty where they cannot be told."""
    return frozenset(_processor().get("flags", "").split())


def processor_name() -> str:
    """The processor's family, model and name as Linux tells them; "" where they cannot be told."""
    return " ".join(_processor().get(key, "") for key in ("cpu family", "model", "stepping", "model name")).strip()


def has_native_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AMX or AVX512-BF16)."""
    return bool(_NATIVE_BF16 & processor_flags())


def has_matrix_bf16() -> bool:
    """Whether it does so by whole tiles (AMX), several times as fast as fp32."""
    return "amx_bf16" in processor_flags()


def least_seconds(run: Callable[[], object]) -> float:
    """Least time that `run` takes of three calls, after one that warms up."""
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


@lru_cache(maxsize=1)
def _processor() -> dict[str, str]:
    """What Linux says of the first processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
