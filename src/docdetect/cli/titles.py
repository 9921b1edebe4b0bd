"""Takes passwords out of the command line that every user of the machine can read in its list of processes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_OPTION = b"--password"
_VALUE = re.compile(rb"(?:--password|(?:--set=)?infer\.passwords)=")


def hide_passwords() -> None:
    """Overwrites the values of `--password` and `infer.passwords` in this process's title with asterisks.

    Linux only, where a title is memory of the process; elsewhere it stays. `sys.argv` keeps its values.
    """
    if sys.platform != "linux":
        return
    title = Path("/proc/self/cmdline").read_bytes()
    spans = password_spans(title)
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, fields 48 and 49 of proc(5)
    if not start or end - start != len(title):
        return
    import ctypes

    for begin, stop in spans:
        ctypes.memset(start + begin, ord("*"), stop - begin)


def password_spans(title: bytes) -> list[tuple[int, int]]:
    """Where values of passwords begin and end in a command line whose arguments end in NUL."""
    spans, position, is_value = [], 0, False
    for argument in title.split(b"\0")[:-1]:
        match = _VALUE.match(argument)
        if is_value or match:
            begin = 0 if is_value or match is None else match.end()
            spans.append((position + begin, position + len(argument)))
        is_value = argument == _OPTION and not is_value
        position += len(argument) + 1
    return spans
