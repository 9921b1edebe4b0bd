"""A file of lines that another process appends to, and may replace: each look gives the lines that are new."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from docdetect.errors import InputError

# Bytes that are read at a time.
_PIECE_BYTES = 4 << 20

# A line that is longer is no line of docdetect's: it is passed over without being kept in memory.
_LONGEST_LINE = 64 << 20


class GrowingFile:
    """Reads the whole lines of a file, each once, and tells when another file has taken its place.

    Not safe to use from several threads at once.

    Args:
        path: the file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: BinaryIO | None = None
        self._offset = 0
        self._seen: tuple[int, int] | None = None

    def lines(self) -> Iterator[tuple[bool, int, bytes]]:
        """The whole lines that were added since the last call.

        A last line without line end is left for a later call. A file that was replaced, or cut shorter than what was
        read of it, is read from its beginning.

        Yields:
            Whether everything that was read before is void; the byte offset of the line; the line, without line end.
            Where the file is gone or begins anew without a line, one triple with an empty line says so.

        Raises:
            InputError: the file is there and cannot be read.
        """
        try:
            started_over = self._reopen()
            if started_over:
                yield True, 0, b""
            if self._stream is None:
                return
            yield from self._added(self._stream)
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be read ({error.strerror or error})", "Check the file's permissions."
            ) from error

    def read_at(self, offset: int, length: int) -> str:
        """So many bytes of the file that was read last, as text. Raises InputError."""
        assert self._stream is not None  # a line of the file was given before
        try:
            self._stream.seek(offset)
            return self._stream.read(length).decode("utf-8", "replace")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror or error})", "Check the disk.") from error

    def close(self) -> None:
        """Closes the file; a later call opens it again and reads it from its beginning."""
        if self._stream is not None:
            self._stream.close()
        self._stream, self._offset, self._seen = None, 0, None

    def _reopen(self) -> bool:
        """Opens the file that is there now; whether what was read before belongs to another one."""
        try:
            now = self.path.stat()
        except FileNotFoundError:
            had_lines = self._offset > 0
            self.close()
            return had_lines
        if self._stream is not None and self._seen == (now.st_dev, now.st_ino) and now.st_size >= self._offset:
            return False
        had_lines = self._offset > 0
        self.close()
        self._stream = self.path.open("rb", buffering=0)
        mine = os.fstat(self._stream.fileno())
        self._seen = (mine.st_dev, mine.st_ino)
        return had_lines

    def _added(self, stream: BinaryIO) -> Iterator[tuple[bool, int, bytes]]:
        rest = b""
        position = self._offset
        while True:
            stream.seek(position)
            piece = stream.read(_PIECE_BYTES)
            if not piece:
                return
            position += len(piece)
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                offset = self._offset
                self._offset += len(line) + 1
                yield False, offset, line
            if len(rest) > _LONGEST_LINE:
                raise InputError(f"{self.path}: a line of more than {_LONGEST_LINE >> 20} MiB", "Write the file again.")
