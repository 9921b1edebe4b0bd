"""`reviews.jsonl` on disk: read as it grows, and appended to by several people and processes without losing a word.

A revision is appended only when the page is still at the revision that it was made from (optimistic locking). The line
is on the disk before anybody is told that it is kept. A kill leaves at most a torn last line, which no reader takes
for a revision, and which the next writer cuts off.
"""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docdetect.annotations.reviews import REVIEWS_NAME, Review, review_from_line, review_to_line
from docdetect.errors import DocdetectError, InputError, OutputError
from docdetect.files import output_errors
from docdetect.review.growing import GrowingFile

LOCK_NAME = ".reviews.lock"
"""The file beside the log on which the operating system keeps the lock of the one process that appends."""

_PATIENCE_S = 10.0

Key = tuple[str, int]
"""Document and page number."""


class RevisionError(DocdetectError):
    """Pages were revised by somebody else since the revision that a change was made from.

    Attributes:
        pages: document, page -> the revision at which the page is now.
    """

    exit_code = 4

    def __init__(self, pages: Mapping[Key, int]) -> None:
        first = next(iter(pages))
        more = f" and {len(pages) - 1} more" if len(pages) > 1 else ""
        super().__init__(
            f"{first[0]}, page {first[1]}{more}: somebody has revised the page meanwhile",
            "Look at the page as it is now, and decide again.",
        )
        self.pages = dict(pages)


@dataclass(frozen=True, slots=True)
class LoggedReview:
    """What is kept in memory of the last revision of a page.

    Attributes:
        offset: where its line begins in the log.
        length: bytes of the line, without line end.
        revision, review_state, sha256: see `Review`.
        categories: of its boxes.
        scores: of its boxes; NaN for boxes that a person drew.
        ids: of its boxes.
        decided: of each box, 1 where a person drew or accepted it.
    """

    offset: int
    length: int
    revision: int
    review_state: str
    sha256: str
    categories: tuple[str, ...]
    scores: array[float]
    ids: tuple[str, ...]
    decided: bytes


class ReviewLog:
    """The log of one result folder, for one process; several processes and threads may use it at once.

    Args:
        folder: the result folder.
        on_change: told the document and page of every line that is read.

    Attributes:
        damaged_lines: whole lines that are no revision.
        version: grows whenever lines are read.
    """

    def __init__(self, folder: Path, on_change: Callable[[Key], None] = lambda key: None) -> None:
        self.path = folder / REVIEWS_NAME
        self.damaged_lines = 0
        self.version = 0
        self._on_change = on_change
        self._latest: dict[Key, LoggedReview] = {}
        self._file = GrowingFile(self.path)
        self._names: dict[str, str] = {}
        self._writing = threading.Lock()
        self._reading = threading.RLock()

    def refresh(self) -> bool:
        """Reads what was appended since the last call, and says whether there was anything. Raises InputError."""
        with self._reading:
            changed = False
            for started_over, offset, line in self._file.lines():
                if started_over:
                    for key in self._latest:
                        self._on_change(key)
                    self._latest, self.damaged_lines = {}, 0
                changed = True
                if line:
                    self._note(line, offset)
            self.version += changed
            return changed

    def latest(self, key: Key) -> LoggedReview | None:
        """What is known of the last revision of a page; None where nobody has revised it."""
        return self._latest.get(key)

    def pages(self) -> list[Key]:
        """Documents and numbers of the pages that somebody has revised."""
        with self._reading:
            return list(self._latest)

    def read(self, key: Key) -> Review | None:
        """The last revision of a page, from the disk."""
        with self._reading:
            logged = self._latest.get(key)
            return None if logged is None else review_from_line(self._file.read_at(logged.offset, logged.length))

    def content(self) -> bytes:
        """The whole lines of the file. Raises InputError."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror or error})", "Check the disk.") from error
        return data[: data.rfind(b"\n") + 1]

    def append(self, reviews: Sequence[Review]) -> None:
        """Appends revisions, all of them or none, and returns when they are on the disk.

        Args:
            reviews: of different pages; the revision of each has to be the one that follows the last.

        Raises:
            RevisionError: somebody else has revised a page meanwhile.
            OutputError: the log cannot be written, or another process does not let go of it.
        """
        with self._writing, self._locked():
            self.refresh()
            moved_on = {}
            for review in reviews:
                logged = self._latest.get(review.key)
                revision = 0 if logged is None else logged.revision
                if review.revision != revision + 1:
                    moved_on[review.key] = revision
            if moved_on:
                raise RevisionError(moved_on)
            self._write("".join(f"{review_to_line(review)}\n" for review in reviews).encode())
            self.refresh()

    def _write(self, data: bytes) -> None:
        with output_errors(self.path):
            is_new = not self.path.exists()
            with self.path.open("ab", buffering=0) as stream:
                end = _end_of_whole_lines(self.path, stream.seek(0, os.SEEK_END))
                stream.truncate(end)
                try:
                    written = 0
                    while written < len(data):
                        written += stream.write(data[written:])
                    os.fsync(stream.fileno())
                except BaseException:
                    stream.truncate(end)
                    raise
            if is_new:
                _sync_folder(self.path.parent)

    def _note(self, line: bytes, offset: int) -> None:
        review = review_from_line(line.decode("utf-8", "replace"))
        if review is None:
            self.damaged_lines += 1
            return
        boxes = review.boxes
        nan = float("nan")
        self._latest[review.key] = LoggedReview(
            offset,
            len(line),
            review.revision,
            review.review_state,
            review.sha256,
            tuple(self._names.setdefault(box.category, box.category) for box in boxes),
            array("f", [nan if box.confidence is None else box.confidence for box in boxes]),
            tuple(box.id for box in boxes),
            bytes(box.source == "person" for box in boxes),
        )
        self._on_change(review.key)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock that no other process has at the same time; the system takes it from a process that dies."""
        from filelock import FileLock, Timeout

        path = self.path.parent / LOCK_NAME
        lock = FileLock(path, timeout=_PATIENCE_S, poll_interval=0.01, thread_local=False, fallback_to_soft=False)
        with output_errors(path):
            try:
                lock.acquire()
            except Timeout as error:
                raise OutputError(
                    f"{self.path}: another process has been writing there for {_PATIENCE_S:g} s",
                    "Try again; look for a docdetect that hangs.",
                ) from error
        try:
            yield
        finally:
            lock.release()


def _end_of_whole_lines(path: Path, size: int) -> int:
    """The length of the file without a torn last line."""
    if size == 0:
        return 0
    with path.open("rb") as stream:
        end = size
        while end > 0:
            start = max(0, end - (1 << 16))
            stream.seek(start)
            newline = stream.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def _sync_folder(folder: Path) -> None:
    """Puts the name of a new file on the disk, on systems where a folder can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reviewed_since(folder: Path, moment_s: float) -> bool:
    """Whether somebody has reviewed a page of a result folder after a moment of the clock."""
    try:
        return (folder / REVIEWS_NAME).stat().st_mtime > moment_s
    except OSError:
        return False
