"""Files on disk: names in one Unicode form, content hashes, and writes that are whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from docdetect.errors import InputError, OutputError

_CHUNK_BYTES = 1 << 20
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*\\/]')


def nfc(text: str) -> str:
    """`text` in Unicode NFC, the form in which all document names are compared and written."""
    return unicodedata.normalize("NFC", text)


def relative_name(path: Path, root: Path) -> str:
    """`path` relative to `root` as a POSIX string in NFC: the name of a document everywhere in docdetect."""
    return nfc(path.relative_to(root).as_posix())


def safe_stem(document: str) -> str:
    """A file name (no folders, no reserved characters) that stands for a document name; distinct names stay distinct
    to a reader, not by guarantee."""
    return _UNSAFE.sub("_", nfc(document).replace("/", "__")).strip(" .") or "document"


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
        raise InputError(f"{path}: cannot be read ({error.strerror})", "Check the file's permissions.") from error


def read_json(path: Path) -> Any:
    """The parsed JSON file.

    Raises:
        InputError: the file is missing, unreadable or not JSON; the message has line and column.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: not valid JSON (line {error.lineno}, column {error.colno}: {error.msg})",
            "Repair the file or export it again.",
        ) from error


def json_text(data: Any) -> str:
    """Readable JSON, UTF-8 letters kept, keys in their order, newline at the end; NaN is refused (ValueError)."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns an OSError while writing `path` into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: "Free some space or choose another folder.",
            errno.EROFS: "The file system is read-only: choose another folder.",
            errno.EACCES: "You may not write there: choose another folder or change its permissions.",
        }
        remedy = remedies.get(error.errno or 0, "Check the path and its permissions.")
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})", remedy) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces `path` by `data` atomically: readers see the old file or the new one, never a part.

    Raises:
        OutputError: disk full, read-only, no permission.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
