"""Files on disk: names in one form, content hashes, writes that are whole or not at all.

Every result file goes through `staged_file`, directly or by one of the functions below it, so that a reader never
takes half a file for a whole one. Journals are the exception: they grow line by line while a run goes on, and their
readers leave out a last line that was cut off. Files in a folder that is itself staged, or that only this process
reads, need no staging of their own.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shlex
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from docdetect.errors import DiskFullError, InputError, OutputError, OutputExistsError

LOCK_NAME = ".docdetect.lock"

_CHUNK_BYTES = 1 << 20

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""What systems answer where a disk is full, and where a user may not take more of it."""

# What systems answer where a file system cannot lock files.
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)

# Seconds between two attempts to take a lock that another process has.
_LOCK_POLL_S = 0.2

_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*\\/]')


def nfc(text: str) -> str:
    """`text` in Unicode NFC, the form in which all document names are compared and written."""
    return unicodedata.normalize("NFC", text)


def relative_name(path: Path, root: Path) -> str:
    """`path` relative to `root` as a POSIX string in NFC: the name of a document everywhere in docdetect."""
    return nfc(path.relative_to(root).as_posix())


def absolute(path: Path | str) -> Path:
    """The absolute path: ".." goes, and links stay, since their names are those that people know."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute() keeps ".."


def safe_stem(document: str) -> str:
    """A file name for a document name, without folders and reserved characters.

    People can tell which document is meant; two documents may in rare cases get the same file name.
    """
    return _UNSAFE.sub("_", nfc(document).replace("/", "__")).strip(" .") or "document"


def as_argument(path: Path | str) -> str:
    """A path as people can copy it into a command line: in quotes where it has spaces or the like."""
    return shlex.quote(str(path))


def sha256_file(path: Path) -> str:
    """SHA-256 of the file's content as 64 hex digits.

    Raises:
        InputError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error})",
            "Check that the file exists and that you may read it.",
        ) from error
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(path: Path) -> str:
    """The file's UTF-8 text (a byte-order mark is dropped).

    Raises:
        InputError: the file is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})", "Save the file as UTF-8.") from error
    except OSError as error:
        if path.is_dir():
            raise InputError(f"{path}: this is a folder, not a file", "Name the file itself.") from error
        raise InputError(f"{path}: cannot be read ({error.strerror})", "Check the file's permissions.") from error


def read_json(path: Path) -> Any:
    """The parsed JSON file.

    Raises:
        InputError: the file is missing, unreadable or not JSON; the message has line and column.
    """
    return parse_json(read_text(path), str(path))


def parse_json(
    text: str, origin: str, *, note_object: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None
) -> Any:
    """The data of a JSON text.

    Args:
        text: the JSON.
        origin: names the text in messages.
        note_object: makes each object of its keys and values, in the order in which they stand in the text.

    Raises:
        InputError: not JSON (with line and column), nested too deeply, or a number that is too long.
    """
    remedy = "Repair the file or export it again."
    try:
        return json.loads(text, object_pairs_hook=note_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise InputError(f"{origin}: not valid JSON ({place})", remedy) from error
    except (RecursionError, ValueError) as error:  # nested without end, or a number of thousands of digits
        raise InputError(f"{origin}: not usable as JSON ({error})", remedy) from error


def json_text(data: Any) -> str:
    """Readable JSON, UTF-8 letters kept, keys in their order, newline at the end; NaN is refused (ValueError).

    Bytes of a path that are not UTF-8, which Python keeps as lone surrogates, are written as JSON's own escapes.
    """
    return _escaped(json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def json_line(data: Any) -> str:
    """The same data as compact JSON on one line, without a newline at the end; see `json_text`."""
    return _escaped(json.dumps(data, ensure_ascii=False, allow_nan=False))


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns an OSError while writing `path` into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        remedies = {
            errno.EROFS: "The file system is read-only: choose another folder.",
            errno.EACCES: "You may not write there: choose another folder or change its permissions.",
            **dict.fromkeys(_WITHOUT_LOCKS, "Choose a folder on a file system that knows locks."),
        }
        message = f"{path}: cannot be written ({error.strerror or error})"
        if error.errno in DISK_FULL:
            raise DiskFullError(message, "Free some space or choose another folder.") from error
        remedy = remedies.get(error.errno or 0, "Check the path and its permissions.")
        raise OutputError(message, remedy) from error


@contextmanager
def locked_folder(folder: Path, remedy: str, *, patience_s: float = 0.0) -> Iterator[None]:
    """Holds the lock of an existing folder while the block runs, so that one process at a time writes into the folder.

    The operating system keeps the lock on a file in the folder, `LOCK_NAME`: a killed process leaves the file behind,
    and no lock.

    Args:
        folder: what is to be written by this process alone.
        remedy: what to do when another process has the lock.
        patience_s: seconds that another process is waited for: helpers of a killed process live on for some seconds.

    Raises:
        OutputExistsError: another process has the lock.
        OutputError: the file system knows no locks, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    path = folder / LOCK_NAME
    # filelock's substitute for file systems without locks is a file, which a killed process would leave locked.
    lock = FileLock(path, timeout=patience_s, poll_interval=_LOCK_POLL_S, thread_local=False, fallback_to_soft=False)
    with output_errors(path):
        folder.stat()  # filelock would make a folder that is missing
        try:
            lock.acquire()
        except Timeout as error:
            raise OutputExistsError(f"{folder}: another docdetect is writing there", remedy) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """An empty file beside `target` that becomes `target` when the block ends well, and vanishes when the block fails.

    Readers see the old `target` or the new one, never a part, also when the process is killed or the machine stops.
    For writers that need a path; where a stream will do, use `replacing`. The folder of `target` is made if missing.

    Raises:
        OutputError: disk full, read-only, no permission; also when the block raises an OSError, since what the block
            does is to write the file.
    """
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_staging_prefix(target), suffix=".tmp", dir=target.parent)
        os.close(handle)
        staging = Path(name)
        try:
            yield staging
            with staging.open("r+b") as stream:
                os.fsync(stream.fileno())
            staging.chmod(0o666 & ~_umask())
            staging.replace(target)
        except BaseException:
            staging.unlink(missing_ok=True)
            raise


def remove_staging(target: Path) -> None:
    """Removes what a process that was killed while it wrote `target` left of it, and leaves `target` as it is.

    Only for a moment at which nobody writes `target`. Raises OutputError.
    """
    with output_errors(target):
        for path in target.parent.iterdir() if target.parent.is_dir() else ():
            if path.name.startswith(_staging_prefix(target)) and path.name.endswith(".tmp"):
                path.unlink(missing_ok=True)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A stream of bytes that becomes `target` when the block ends well; see `staged_file`. Raises OutputError."""
    with staged_file(target) as staging, staging.open("wb") as stream:
        yield stream


@contextmanager
def replacing_text(target: Path) -> Iterator[IO[str]]:
    """A stream of text (UTF-8, line ends as written) that becomes `target` when the block ends well; see
    `staged_file`. Raises OutputError."""
    with staged_file(target) as staging, staging.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces `path` by `data` atomically; see `staged_file`. Raises OutputError."""
    with replacing(path) as stream:
        stream.write(data)


def write_text(path: Path, text: str) -> None:
    """Replaces `path` by `text` in UTF-8 with \\n line ends, atomically. Raises OutputError."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """Replaces `path` by `json_text(data)`, atomically. Raises OutputError."""
    write_text(path, json_text(data))


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A new empty folder beside `target` that becomes `target` when the block ends well, and vanishes when it fails.

    An existing `target` is replaced only at the end; an interruption leaves it untouched.

    Raises:
        OutputError: the folder cannot be made or moved.
    """
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
        staging.chmod(0o777 & ~_umask())
    try:
        yield staging
        with output_errors(target):
            _swap_in(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def timestamped(name: str, now: datetime | None = None) -> str:
    """`<name>_<YYYYMMDD_HHMMSS>`, the name of a run folder."""
    return f"{name}_{(now or datetime.now()):%Y%m%d_%H%M%S}"


def make_run_folder(runs: Path, name: str, now: datetime | None = None) -> Path:
    """Makes the folder `<runs>/<name>_<YYYYMMDD_HHMMSS>` for one run.

    Where another run of that name began in the same second, the folder is `<name>_<YYYYMMDD_HHMMSS>_2`, and so on.

    Raises:
        OutputError: the folder cannot be made.
        OutputExistsError: a thousand runs of that name began in one second.
    """
    stem = timestamped(name, now)
    with output_errors(runs):
        for number in range(1, 1000):
            folder = runs / (stem if number == 1 else f"{stem}_{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return folder
    raise OutputExistsError(f"{runs / stem}: a thousand runs of that name in one second", "Give the run another name.")


def _swap_in(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    target.rename(old / "was")
    try:
        staging.rename(target)
    except BaseException:
        (old / "was").rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _staging_prefix(target: Path) -> str:
    """How the names of staging files of `target` begin; shortened, since file systems limit names to 255 bytes."""
    return f".{target.name[:40]}."


def _escaped(text: str) -> str:
    """JSON with lone surrogates as JSON's own escapes, since no UTF-8 file can hold them."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
