"""Three kills of a service under load: a sample of what `python -m benchmarks.service` does twenty times."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.service import Load, kill_under_load, load_table, make_sources, ratio_with_interval


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the harness reads /proc")
def test_three_kills_lose_no_job(tmp_path: Path) -> None:
    kills = kill_under_load(tmp_path, make_sources(tmp_path / "in"), kills=3, seed=1)
    assert kills.jobs >= 2
    assert (kills.lost, kills.different) == (0, 0)


def test_the_table_names_what_was_wrong() -> None:
    mib = [10.0, 30.0] * 5 + [20.0] * 10
    load = Load(Counter({("job", 202): 2}), [0.1] * 99 + [1.0], {"a": (1, 0)}, mib, ["job a: None"])
    assert load_table(load).splitlines() == [
        "job, status 202: 2",
        "seconds of a document: median 0.10, 95 % 0.10, 99 % 0.11",
        "memory: 20, 20, 20, 20, 20, 20, 20, 20, 20, 20 MiB, means of 10 parts of the time; at most 30 MiB",
        "jobs: 1; wrong: 1",
        "job a: None",
    ]


def test_the_ratio_is_the_median_with_an_interval_around_it() -> None:
    pairs = [(9.0, 10.0), (10.0, 10.0), (8.0, 10.0), (30.0, 10.0), (9.5, 10.0)]
    median, low, high = ratio_with_interval(pairs, 0)
    assert median == 0.95
    assert 0.8 <= low < median < high <= 3.0
    assert ratio_with_interval([(9.0, 10.0)] * 4, 0) == (0.9, 0.9, 0.9)
