"""Ctrl-C, as a terminal sends it: to every process of the group."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def interrupted(tree: ProcessTree) -> str:
    """Sends Ctrl-C, checks that everything ends soon with exit code 130, and returns what was said on stderr."""
    tree.interrupt()
    if tree.left_after(_PATIENCE_S):
        pytest.fail(f"it still runs, and is here:\n{tree.stacks()}")
    text = tree.errors()
    assert tree.process.returncode == 130, text
    assert "Traceback" not in text
    return text


def test_in_the_middle_of_the_work_the_files_are_finished(tmp_path: Path) -> None:
    for number in range(10):
        make_folder(tmp_path / "in" / str(number))
    with started(tmp_path, "nowhere", "--save-pdf", "--save-crops") as tree:
        journal = tmp_path / "out" / JOURNAL_NAME
        wait_until(lambda: journal.is_file() and journal.read_bytes().count(b'"record":"page"') >= 3)
        text = interrupted(tree)
    assert "error: interrupted after " in text
    assert "--resume" in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    found = json.loads((tmp_path / "out" / "detections.json").read_text(encoding="utf-8"))
    assert not summary["finished"]
    assert 3 <= summary["totals"]["pages"] < 60
    assert sum(len(pages) for pages in found.values()) == summary["totals"]["pages"]
    assert [path.name for path in (tmp_path / "out").rglob(".*") if path.name != ".docdetect.lock"] == []


def test_a_worker_in_the_middle_of_a_page_without_end_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("good-2-a.pdf", "hang3-4-b.pdf"):
        (tmp_path / "in" / name).touch()
    with started(tmp_path, "page", "--doc-timeout", "3600", "--no-save-pages", "--batch", "1") as tree:
        wait_until((tmp_path / "in" / "hang3-4-b.misbehaving").is_file)
        assert "error: interrupted after " in interrupted(tree)
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


def test_while_the_workers_start_only_the_program_says_so(tmp_path: Path) -> None:
    make_folder(tmp_path / "in")
    with started(tmp_path, "nowhere") as tree:
        wait_until(lambda: len(tree.alive()) > 2)  # the fork server and the tracker of its resources
        time.sleep(0.1)
        assert "error: interrupted" in interrupted(tree)


def test_during_start_up_nothing_is_left(tmp_path: Path) -> None:
    make_folder(tmp_path / "in")
    with started(tmp_path, "start-up") as tree:
        assert tree.process.stderr is not None
        said = []
        while "loading\n" not in said:
            said.append(tree.process.stderr.readline())
            assert said[-1], said
        assert said == ["infer: listing the documents\n", "infer: loading the network\n", "loading\n"]
        assert interrupted(tree) == "error: interrupted\n  What was finished is kept.\n"
    assert not (tmp_path / "out").exists()
