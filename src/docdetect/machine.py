"""What this machine has: cores, and what its processor can do."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

_NATIVE_BF16 = frozenset({"amx_bf16", "avx512_bf16"})  # Linux' names for arithmetic, not mere storage


def available_cores() -> int:
    """Cores that this process may use (fewer than the machine has, in a container or under taskset)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity is not None else os.cpu_count() or 1)


@lru_cache(maxsize=1)
def processor_flags() -> frozenset[str]:
    """The processor's features as Linux names them; empty where they cannot be told."""
    return frozenset(_processor_says("flags").split())


@lru_cache(maxsize=1)
def processor_name() -> str:
    """The processor's family, model and name as Linux tells them; "" where they cannot be told."""
    return " ".join(_processor_says(key) for key in ("cpu family", "model", "stepping", "model name")).strip()


def has_native_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AMX or AVX512-BF16)."""
    return bool(_NATIVE_BF16 & processor_flags())


def has_matrix_bf16() -> bool:
    """Whether it does so by whole tiles (AMX), several times as fast as fp32."""
    return "amx_bf16" in processor_flags()


def _processor_says(key: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    pairs = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")
