"""Networks converted at first use, kept in docdetect's cache folder by the content of the weights.

An entry's name is a hash of all that it depends on, so that nothing in it ever goes stale; an entry is one file that is
replaced atomically, so that processes that convert at the same time cannot spoil each other's; a damaged one is made
again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from docdetect.errors import OutputError
from docdetect.files import sha256_file, sha256_text, write_bytes
from docdetect.models.converted import ConvertedNetwork, bytes_to_converted, converted_to_bytes
from docdetect.models.ultralytics_setup import cache_folder

CONVERSION = 1
"""Raised when docdetect converts differently than before."""
_MOST_ENTRIES = 16


def kept_network(
    weights: Path,
    made_for: str,
    convert: Callable[[Path, str], ConvertedNetwork],
    announce: Callable[[str], None],
) -> ConvertedNetwork:
    """The converted network of a weights file, from the cache or, at its first use, made and put there.

    Args:
        weights: the `.pt` file.
        made_for: what the result depends on beside the weights and docdetect's own way, such as an engine's version.
        convert: (weights, their sha256) -> network.
        announce: told when a conversion starts, and when its result cannot be kept.

    Raises:
        InputError: the weights cannot be used.
    """
    digest = sha256_file(weights)
    entry = entry_path(digest, made_for)
    try:
        network = bytes_to_converted(entry.read_bytes())
        _mark_used(entry)
        return network
    except (OSError, ValueError):
        announce(f"converting {weights.name} for {made_for}, once for these weights")
    network = convert(weights, digest)
    try:
        write_bytes(entry, converted_to_bytes(network))
        _mark_used(entry)
        _forget_old(entry.parent)
    except OutputError as error:
        announce(f"the converted network cannot be kept, the next run will convert it again: {error.message}")
    return network


def entry_path(weights_sha256: str, made_for: str) -> Path:
    """Where the converted network of weights is kept."""
    key = sha256_text(f"{weights_sha256} {made_for} {CONVERSION}")[:32]
    return cache_folder() / "converted" / f"{key}.zip"


def _mark_used(entry: Path) -> None:
    """Sets the entry's time to the clock's, which is finer than the one that files get by themselves."""
    now = time.time_ns()
    with contextlib.suppress(OSError):
        os.utime(entry, ns=(now, now))


def _forget_old(folder: Path) -> None:
    """Removes the entries that were not used for longest."""
    with contextlib.suppress(OSError):  # another process may be at it too
        entries = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime_ns)
        for entry in entries[:-_MOST_ENTRIES]:
            entry.unlink(missing_ok=True)
