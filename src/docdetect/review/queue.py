"""`queue.csv` in a result folder: the pages that are to be looked at first, with the reason for each."""

from __future__ import annotations

from pathlib import Path

from docdetect.errors import InputError
from docdetect.files import nfc
from docdetect.inference.folder import QUEUE_NAME
from docdetect.tables import read_csv

# The columns that count, of those that `docdetect select` writes.
_COLUMNS = ("rank", "document", "page", "reason")

# A table that is larger is no queue that people work through.
_MOST_BYTES = 64 << 20


class ReviewQueue:
    """The queue of one result folder.

    Args:
        folder: the result folder.

    Attributes:
        reasons: document and page number -> reason, in the order of the ranks; empty where there is no queue.
        problem: why the table cannot be used; "" where it can, or there is none.
        version: grows whenever the table is read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / QUEUE_NAME
        self.reasons: dict[tuple[str, int], str] = {}
        self.problem = ""
        self.version = 0
        self._seen: tuple[int, int, int] | None = None

    def refresh(self) -> bool:
        """Reads the table when it has changed, and says whether it had."""
        try:
            now = self.path.stat()
            seen = (now.st_ino, now.st_size, now.st_mtime_ns)
        except OSError:
            seen = None
        if seen == self._seen:
            return False
        self._seen, self.problem, self.reasons = seen, "", {}
        self.version += 1
        if seen is not None:
            try:
                self.reasons = self._read(seen[1])
            except InputError as error:
                self.problem = error.message
        return True

    def _read(self, size: int) -> dict[tuple[str, int], str]:
        if size > _MOST_BYTES:
            raise InputError(f"{self.path}: larger than {_MOST_BYTES >> 20} MiB", "Select fewer pages.")
        table = read_csv(self.path, _COLUMNS)
        try:
            rows = [
                (float(rank), (nfc(document), int(page)), reason)
                for rank, document, page, reason in table[list(_COLUMNS)].itertuples(index=False, name=None)
            ]
        except ValueError as error:
            raise InputError(f"{self.path}: rank and page have to be numbers ({error})", "Select anew.") from error
        reasons: dict[tuple[str, int], str] = {}
        for _, key, reason in sorted(rows, key=lambda row: row[0]):
            reasons.setdefault(key, reason)
        return reasons
