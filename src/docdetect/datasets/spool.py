"""Much data of which little is needed at a time, in a temporary file instead of memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from docdetect.files import output_errors


class Spool:
    """Pieces of bytes in one unnamed file in the system's temporary folder, which vanishes with this object.

    Not for use from two threads at once, nor across processes.
    """

    def __init__(self) -> None:
        with output_errors(Path("the temporary folder")):
            self._place = Path(tempfile.gettempdir())  # tries to write there, unless it has before
        with output_errors(self._place):
            self._file = tempfile.TemporaryFile(buffering=0, prefix="docdetect-")  # noqa: SIM115 - lives as long as this
        self._end = 0

    def put(self, data: bytes) -> Spooled:
        """Stores a piece. Raises OutputError: the temporary folder is full or cannot be written."""
        piece = Spooled(self, self._end, len(data))
        with output_errors(self._place):
            self._file.seek(self._end)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        self._end += len(data)
        return piece

    def get(self, offset: int, size: int) -> bytes:
        """The piece of `size` bytes at `offset`."""
        self._file.seek(offset)
        return self._file.read(size)


@dataclass(frozen=True)
class Spooled:
    """Where a piece lies: the spool, its first byte and its size in bytes."""

    spool: Spool
    offset: int
    size: int

    def read(self) -> bytes:
        """The piece."""
        return self.spool.get(self.offset, self.size)
