"""One process at a time: a folder locked by the operating system, so that a killed process leaves no lock behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from docdetect.errors import OutputError, OutputExistsError
from docdetect.files import output_errors

LOCK_NAME = ".docdetect.lock"
_POLL_S = 0.2


@contextmanager
def locked_folder(folder: Path, remedy: str, *, patience_s: float = 0.0) -> Iterator[None]:
    """Holds the lock of an existing folder while the block runs.

    Args:
        folder: what is to be written by this process alone.
        remedy: what to do when another process has it.
        patience_s: how long another process is waited for: the helpers of a killed one live on for some seconds.

    Raises:
        OutputExistsError: another process has it.
        OutputError: the file system knows no locks, or the folder cannot be written.
    """
    path = folder / LOCK_NAME
    with output_errors(path):
        stream = path.open("a+b")
    with stream:  # what fails inside the caller's block is not the lock's failure
        last_try = time.monotonic() + patience_s
        while not _taken(stream, path):
            if time.monotonic() >= last_try:
                raise OutputExistsError(f"{folder}: another docdetect is writing there", remedy)
            time.sleep(_POLL_S)
        yield


def _taken(stream: IO[bytes], path: Path) -> bool:
    try:
        _lock(stream)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be locked ({error.strerror or error})",
            "Choose a folder on a file system that knows locks.",
        ) from error
    return True


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
