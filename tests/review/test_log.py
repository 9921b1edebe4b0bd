"""The log of reviews on disk: nobody overwrites anybody, and nothing that was kept is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.annotations.reviews import REVIEWS_NAME, Review, ReviewedBox, review_to_line
from docdetect.errors import OutputError
from docdetect.review.log import ReviewLog, RevisionError, reviewed_since

BOX = ReviewedBox("n0", "stamp", (1.0, 2.0, 31.0, 42.0), 0.9)


def review(page: int = 1, revision: int = 1, by: str = "", document: str = "a.pdf") -> Review:
    return Review(document, page, revision, "corrected", (BOX,), (100, 200), by=by)


def test_revisions_follow_each_other(tmp_path: Path) -> None:
    log, other = ReviewLog(tmp_path), ReviewLog(tmp_path)
    log.append([review(1), review(2)])
    with pytest.raises(RevisionError) as refused:
        other.append([review(1, 1), review(3, 1)])
    assert refused.value.pages == {("a.pdf", 1): 1}
    assert other.read(("a.pdf", 3)) is None
    assert other.version == 1  # what was read before it was refused is known to be new
    other.append([review(1, 2, by="Bob")])
    log.refresh()
    found = log.read(("a.pdf", 1))
    assert found is not None
    assert (found.revision, found.by, found.boxes) == (2, "Bob", (BOX,))
    assert len((tmp_path / REVIEWS_NAME).read_text(encoding="utf-8").splitlines()) == 3


def test_a_torn_line_is_passed_over_and_cut_off(tmp_path: Path) -> None:
    ReviewLog(tmp_path).append([review(1)])
    path = tmp_path / REVIEWS_NAME
    whole = path.read_bytes()
    path.write_bytes(whole + review_to_line(review(1, 2)).encode()[:40])
    log = ReviewLog(tmp_path)
    log.refresh()
    logged = log.latest(("a.pdf", 1))
    assert logged is not None
    assert logged.revision == 1
    assert log.content() == whole
    log.append([review(1, 2)])
    assert path.read_bytes() == whole + review_to_line(review(1, 2)).encode() + b"\n"


@settings(max_examples=30)
@given(cuts=st.lists(st.tuples(st.integers(1, 4), st.floats(0, 1)), min_size=1, max_size=6))
def test_a_log_that_is_cut_anywhere_keeps_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, float]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    path, kept = folder / REVIEWS_NAME, b""
    for page, share in cuts:
        log = ReviewLog(folder)
        log.refresh()
        logged = log.latest(("a.pdf", page))
        line = review_to_line(review(page, 1 if logged is None else logged.revision + 1)).encode() + b"\n"
        log.append([review(page, 1 if logged is None else logged.revision + 1)])
        assert path.read_bytes() == kept + line
        length = len(kept) + round(share * len(line))
        path.write_bytes((kept + line)[:length])
        kept = kept + line if length == len(kept) + len(line) else kept
    log = ReviewLog(folder)
    log.refresh()
    assert log.content() == kept
    assert log.damaged_lines == 0


def test_a_damaged_line_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    lines = [review_to_line(review(1)), "{damaged", review_to_line(review(2))]
    (tmp_path / REVIEWS_NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    log = ReviewLog(tmp_path)
    log.refresh()
    assert (log.damaged_lines, log.pages()) == (1, [("a.pdf", 1), ("a.pdf", 2)])


def test_threads_of_one_process_and_two_logs_lose_nothing(tmp_path: Path) -> None:
    logs = [ReviewLog(tmp_path), ReviewLog(tmp_path)]
    refused: list[int] = []

    def work(number: int) -> None:
        log, done = logs[number % 2], 0
        while done < 5:
            log.refresh()
            logged = log.latest(("a.pdf", 1))
            try:
                log.append([review(1, 1 if logged is None else logged.revision + 1, by=f"{number}-{done}")])
                done += 1
            except RevisionError:
                refused.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = ReviewLog(tmp_path)
    log.refresh()
    logged = log.latest(("a.pdf", 1))
    assert logged is not None
    assert logged.revision == 20
    lines = (tmp_path / REVIEWS_NAME).read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) == 20


_WRITER = """
import sys
from pathlib import Path
from docdetect.annotations.reviews import Review
from docdetect.review.log import ReviewLog, RevisionError

log, page, done = ReviewLog(Path(sys.argv[1])), int(sys.argv[2]), 0
while True:
    log.refresh()
    logged = log.latest(("a.pdf", page))
    try:
        log.append([Review("a.pdf", page, 1 + (0 if logged is None else logged.revision), "right", (), (10, 10))])
    except RevisionError:
        continue
    done += 1
    print(done, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")
def test_what_a_killed_process_said_it_kept_is_there(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), str(page)], stdout=subprocess.PIPE, text=True)
        for page in (1, 1, 2)
    ]
    told: list[int] = []
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline().strip() == "1"
        time.sleep(0.3)
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            assert writer.stdout is not None
            rest = writer.stdout.read().split("\n")
            told.append(max((int(line) for line in rest if line), default=1))
            writer.wait()
    log = ReviewLog(tmp_path)
    log.refresh()
    assert log.damaged_lines == 0
    one, two = log.latest(("a.pdf", 1)), log.latest(("a.pdf", 2))
    assert one is not None
    assert two is not None
    # A line may be on the disk that its writer was killed before it could tell.
    assert told[0] + told[1] <= one.revision <= told[0] + told[1] + 2
    assert told[2] <= two.revision <= told[2] + 1
    log.append([review(1, one.revision + 1)])  # the locks of the dead are gone


def test_a_full_disk_takes_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    log = ReviewLog(tmp_path)
    log.append([review(1)])
    before = (tmp_path / REVIEWS_NAME).read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        log.append([review(1, 2)])
    monkeypatch.undo()
    assert (tmp_path / REVIEWS_NAME).read_bytes() == before
    log.append([review(1, 2)])


def test_the_time_of_the_last_review(tmp_path: Path) -> None:
    assert not reviewed_since(tmp_path, 0)
    ReviewLog(tmp_path).append([review(1)])
    assert reviewed_since(tmp_path, time.time() - 60)
    assert not reviewed_since(tmp_path, time.time() + 60)
