from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docdetect import machine

GIB = 1 << 30

FAULTS = """
import resource, sys
import numpy as np
from docdetect import machine
if sys.argv[1] != "leave" and not getattr(machine, sys.argv[1])():
    sys.exit(3)
for k in range(9):
    if k == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.empty(80_000_000 // int(sys.argv[2]), np.uint8) for _ in range(int(sys.argv[2]))]
    for block in blocks:
        block.fill(k)
    del block, blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

HEAPS = """
import ctypes, sys, threading
from docdetect import machine
if sys.argv[1] != "leave" and not getattr(machine, sys.argv[1])():
    sys.exit(3)
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
together = threading.Barrier(8)
def use():
    block = libc.malloc(100_000)
    together.wait()
    libc.free(block)
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fdopen.restype = ctypes.c_void_p
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, stream)
libc.fflush(None)
"""

GIVING_BACK = """
import sys
import numpy as np
from docdetect.machine import keep_freed_memory, release_freed_memory
def held_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 1_000_000
if not keep_freed_memory():
    sys.exit(3)
before = held_mb()
np.empty(800_000_000, np.uint8).fill(1)
kept = held_mb() - before
release_freed_memory()
print(kept, max(1, held_mb() - before))
"""


def linux(folder: Path, *, available_kib: int, **groups: str) -> Path:
    (folder / "proc").mkdir()
    (folder / "proc/meminfo").write_text(
        f"MemTotal: 99999999 kB\nMemAvailable:  {available_kib} kB\n", encoding="ascii"
    )
    for name, text in groups.items():
        path = folder / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return folder


def test_free_memory_is_the_machines_where_no_group_limits_it(tmp_path: Path) -> None:
    root = linux(tmp_path, available_kib=8 << 20, memory_dot_max="max\n", memory_dot_current=f"{GIB}\n")
    assert machine.free_memory(root) == 8 * GIB


@pytest.mark.parametrize(
    "groups",
    [
        {"memory_dot_max": 4 * GIB, "memory_dot_current": 3 * GIB, "memory_dot_stat": "inactive_file"},
        {
            "memory__memory_dot_limit_in_bytes": 4 * GIB,
            "memory__memory_dot_usage_in_bytes": 3 * GIB,
            "memory__memory_dot_stat": "total_inactive_file",
        },
    ],
)
def test_free_memory_is_what_the_group_leaves_and_may_take_back(tmp_path: Path, groups: dict[str, object]) -> None:
    stat = {name: f"anon 5\n{text} {GIB}\n" for name, text in groups.items() if isinstance(text, str)}
    root = linux(tmp_path, available_kib=8 << 20, **{**{name: f"{text}\n" for name, text in groups.items()}, **stat})
    assert machine.free_memory(root) == 2 * GIB


def test_free_memory_is_none_where_nothing_tells_it(tmp_path: Path) -> None:
    assert machine.free_memory(tmp_path) == 0


@pytest.mark.parametrize(
    ("groups", "cores"),
    [
        ({}, 8),
        ({"cpu_dot_max": "max 100000\n"}, 8),
        ({"cpu_dot_max": "200000 100000\n"}, 2),
        ({"cpu_dot_max": "150000 100000\n"}, 2),
        ({"cpu_dot_max": "10000 100000\n"}, 1),
        ({"cpu_dot_max": "6400000 100000\n"}, 8),
        ({"cpu__cpu_dot_cfs_quota_us": "300000\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}, 3),
        ({"cpu__cpu_dot_cfs_quota_us": "-1\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}, 8),
    ],
)
def test_cores_are_those_whose_time_the_group_allows(
    groups: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.available_cores(linux(tmp_path, available_kib=1, **groups)) == cores


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
@pytest.mark.parametrize(("keep", "blocks"), [("keep_freed_memory", "1"), ("keep_freed_pictures", "8")])
def test_freed_memory_is_kept_for_the_next_block(keep: str, blocks: str) -> None:
    def faults(how: str) -> int:
        command = [sys.executable, "-c", FAULTS, how, blocks]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 3:
            pytest.skip("this C library has no mallopt")
        return int(done.stdout)

    given_back, kept = faults("leave"), faults(keep)
    assert given_back > 10 * kept
    assert kept < 100


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_kept_memory_can_be_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", GIVING_BACK], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    kept, released = (int(word) for word in done.stdout.split())
    assert kept > 700  # MB
    assert released < 50


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_threads_share_the_memory_of_two_heaps() -> None:
    def heaps(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", HEAPS, how], capture_output=True, text=True, check=False)
        if done.returncode == 3:
            pytest.skip("this C library has no mallopt")
        return done.stdout.count("<heap nr=")

    assert heaps("leave") > 4
    assert heaps("share_memory_among_threads") <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="told by Linux only")
def test_peak_memory_is_what_this_process_has_held() -> None:
    assert 10_000_000 < machine.peak_memory() < 1 << 40


def test_the_processor_is_named_by_family_model_and_stepping(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "cpu family": "26", "model": "2", "stepping": "1", "model name": "AMD EPYC",
        "flags": "avx2 avx512_vnni avx_vnni avx512_bf16",
    }  # fmt: skip
    monkeypatch.setattr(machine, "_processor", lambda: told)
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    assert machine.processor_name() == "26 2 1 AMD EPYC"
    assert machine.processor_summary() == "AMD EPYC (family 26, model 2), 2 cores, AVX2, VNNI, AVX512-BF16"
    monkeypatch.setattr(machine, "_processor", dict)
    assert machine.processor_summary().endswith(", 2 cores")


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="Linux tells the processor in /proc/cpuinfo")
def test_the_processor_of_this_machine_is_told_with_its_family() -> None:
    """The name that measurements are cached under holds every part that Linux tells of the processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    for key in ("cpu family", "model", "stepping", "model name"):
        assert told.get(key, "") in machine.processor_name()
