"""Ctrl-C, as a terminal sends it, and SIGTERM, as systemd sends it: to every process. Docker sends SIGTERM to one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from docdetect.inference.journal import JOURNAL_NAME
from tests.support.fakes import make_folder
from tests.support.process_tree import ProcessTree
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

_PATIENCE_S = 15.0  # for loaded machines; a run that waited for what is slow here would take a minute or more


@contextmanager
def started(tmp_path: Path, where: str, *options: str) -> Iterator[ProcessTree]:
    """The program at work, with every process of it gone in the end."""
    places = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--imgsz", "256", "--workers", "2"]
    command = [sys.executable, "-m", "tests.support.stopped_program", where, *places, *options]
    tree = ProcessTree(command, cwd=Path(__file__).parents[2])
    try:
        yield tree
    finally:
        tree.kill()


Signal: TypeAlias = Literal["Ctrl-C", "SIGTERM", "SIGTERM for the first process"]
every_signal = pytest.mark.parametrize("signal", ["Ctrl-C", "SIGTERM", "SIGTERM for the first process"])


def send(tree: ProcessTree, signal: Signal) -> None:
    if signal == "Ctrl-C":
        tree.interrupt()
    else:
        tree.terminate(only_parent=signal != "SIGTERM")


def interrupted(tree: ProcessTree, signal: Signal) -> str:
    """Sends a signal, checks that everything ends soon with its exit code, and returns what was said on stderr."""
    send(tree, signal)
    if tree.left_after(_PATIENCE_S):
        pytest.fail(f"it still runs, and is here:\n{tree.stacks()}")
    text = tree.errors()
    assert tree.process.returncode == (130 if signal == "Ctrl-C" else 143), text
    assert "Traceback" not in text
    return text


@every_signal
def test_in_the_middle_of_the_work_the_files_are_finished(tmp_path: Path, signal: Signal) -> None:
    for number in range(10):
        make_folder(tmp_path / "in" / str(number))
    with started(tmp_path, "nowhere", "--save-pdf", "--save-crops") as tree:
        journal = tmp_path / "out" / JOURNAL_NAME
        wait_until(lambda: journal.is_file() and journal.read_bytes().count(b'"record":"page"') >= 3)
        text = interrupted(tree, signal)
    assert "error: interrupted after " in text
    assert "--resume" in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    found = json.loads((tmp_path / "out" / "detections.json").read_text(encoding="utf-8"))
    assert not summary["finished"]
    assert 3 <= summary["totals"]["pages"] < 60
    assert sum(len(pages) for pages in found.values()) == summary["totals"]["pages"]
    assert [path.name for path in (tmp_path / "out").rglob(".*") if path.name != ".docdetect.lock"] == []


@every_signal
def test_a_worker_in_the_middle_of_a_page_without_end_is_not_waited_for(tmp_path: Path, signal: Signal) -> None:
    (tmp_path / "in").mkdir()
    for name in ("good-2-a.pdf", "hang3-4-b.pdf"):
        (tmp_path / "in" / name).touch()
    with started(tmp_path, "page", "--doc-timeout", "3600", "--no-save-pages", "--batch", "1") as tree:
        wait_until((tmp_path / "in" / "hang3-4-b.misbehaving").is_file)
        assert "error: interrupted after " in interrupted(tree, signal)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert not summary["finished"]
    assert not any(row["finished"] for row in summary["documents"] if row["document"].startswith("hang"))


def test_a_worker_in_the_middle_of_a_page_without_end_does_not_outlive_a_killed_program(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("good-2-a.pdf", "hang3-4-b.pdf"):
        (tmp_path / "in" / name).touch()
    with started(tmp_path, "page", "--doc-timeout", "3600", "--no-save-pages") as tree:
        wait_until((tmp_path / "in" / "hang3-4-b.misbehaving").is_file)
        tree.kill(only_parent=True)
        tree.process.wait()
        assert tree.left_after(_PATIENCE_S) == 0


@every_signal
def test_while_the_workers_start_only_the_program_says_so(tmp_path: Path, signal: Signal) -> None:
    make_folder(tmp_path / "in")
    with started(tmp_path, "nowhere") as tree:
        wait_until(lambda: len(tree.alive()) > 2)  # the fork server and the tracker of its resources
        time.sleep(0.1)
        assert "error: interrupted" in interrupted(tree, signal)


@every_signal
def test_during_start_up_nothing_is_left(tmp_path: Path, signal: Signal) -> None:
    make_folder(tmp_path / "in")
    with started(tmp_path, "start-up") as tree:
        assert tree.process.stderr is not None
        said = []
        while "loading\n" not in said:
            said.append(tree.process.stderr.readline())
            assert said[-1], said
        assert said == ["infer: listing the documents\n", "infer: loading the network\n", "loading\n"]
        assert interrupted(tree, signal).endswith("error: interrupted\n  What was finished is kept.\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("signal", ["Ctrl-C", "SIGTERM"])
def test_a_second_signal_ends_the_program_at_once_and_the_journal_is_whole(tmp_path: Path, signal: Signal) -> None:
    for number in range(10):
        make_folder(tmp_path / "in" / str(number))
    with started(tmp_path, "files", "--no-save-pages") as tree:
        journal = tmp_path / "out" / JOURNAL_NAME
        wait_until(lambda: journal.is_file() and journal.read_bytes().count(b'"record":"page"') >= 3)
        send(tree, signal)
        wait_until((tmp_path / "out" / "writing").is_file)
        time.sleep(1.1)  # a signal that comes sooner belongs to the first one
        assert interrupted(tree, signal).endswith("error: interrupted\n  What was finished is kept.\n")
    assert not (tmp_path / "out" / "summary.json").exists()
    assert all(json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines())
