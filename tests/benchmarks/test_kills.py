"""Three kills of a process tree: a sample of what `python -m benchmarks.kills` does thirty times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.kills import Interrupt, Kill, kill_at_random, make_source, table

from tests.support.process_tree import ProcessTree


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the harness reads /proc")
def test_three_kills_lose_nothing_and_leave_no_process(tmp_path: Path) -> None:
    kills = list(kill_at_random(make_source(tmp_path / "in", 6), tmp_path, kills=3, seed=1))
    assert [kill.how for kill in kills] == ["all", "parent", "all"]
    for kill in kills:
        assert (kill.lost, kill.doubled, kill.orphans, kill.broken) == (0, 0, 0, 0)
        assert kill.torn <= 1
    assert kills[-1].equal
    assert all(kill.equal is not False for kill in kills)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the harness reads /proc")
@pytest.mark.parametrize("interrupt", ["Ctrl-C", "SIGTERM"])
def test_after_an_interrupt_the_result_files_agree(tmp_path: Path, interrupt: Interrupt) -> None:
    source = make_source(tmp_path / "in", 6)
    (kill,) = kill_at_random(source, tmp_path, kills=1, seed=6, interrupt=interrupt)
    assert kill == Kill(kill.at_s, interrupt, kill.pages, torn=0, lost=0, doubled=0, orphans=0, broken=0, equal=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the harness reads /proc")
def test_the_harness_sees_processes_that_outlive_their_parent() -> None:
    child = "import time; time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); {child}"
    tree = ProcessTree([sys.executable, "-c", parent])
    try:
        # The harness finds a child by its environment, which the child has only once its own program runs.
        while len(_programs(tree)) < 2:
            assert tree.process.poll() is None
        tree.kill(only_parent=True)
        tree.process.wait()
        assert tree.left_after(0.1) == 1
    finally:
        tree.kill()
    assert tree.left_after(10) == 0


def _programs(tree: ProcessTree) -> set[bytes]:
    return {Path(f"/proc/{pid}/cmdline").read_bytes() for pid in tree.alive()} - {b""}


def test_the_table_adds_up() -> None:
    kills = [Kill(1.0, "all", 5, 1, 0, 0, 0, 0), Kill(2.0, "Ctrl-C", 9, 0, 0, 0, 0, 0, 3, True)]
    assert table(kills).splitlines()[2:] == [
        "| 1.00 | all | 5 | 1 | 0 | 0 | 0 | 0 | 0 |  |",
        "| 2.00 | Ctrl-C | 9 | 0 | 0 | 0 | 0 | 0 | 3 | equal |",
        "| 2 kills | | | 1 | 0 | 0 | 0 | 0 | 3 | 1 of 1 equal |",
    ]
