"""Tensors that a converted network has in common with the `.pt` file that it was made from.

A `.pt` file is a ZIP archive in which every tensor is an entry of its own: its numbers as they lie in memory, not
compressed. A network that was converted without changing a weight holds the same bytes among its constants. A form
beside the `.pt` file leaves them out and says where they belong. They are read back without PyTorch, and without the
pickle in the `.pt` file.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

# Where in a file a tensor belongs, in bytes, and the entry of the `.pt` file that holds it.
Shared: TypeAlias = tuple[int, str]

# A shorter tensor takes about as much space as the reference to it.
_LEAST_BYTES = 64
_TENSOR = re.compile(r"[^/]+/data/\d+")
# A constant of a network in OpenVINO's format: offset and length in bytes of its numbers in the file of weights.
_CONSTANT = re.compile(rb'\boffset="(\d+)" size="(\d+)"')


def read_tensors(weights: Path) -> dict[str, bytes]:
    """The tensors of a `.pt` file: entry -> numbers, together at most as large as the file.

    Compressed entries are left out. A file that is no ZIP archive has none.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is damaged.
    """
    if not zipfile.is_zipfile(weights):
        return {}
    try:
        with zipfile.ZipFile(weights) as archive:
            entries = [entry for entry in archive.infolist() if entry.compress_type == zipfile.ZIP_STORED]
            if sum(entry.file_size for entry in entries) > weights.stat().st_size:
                raise zipfile.BadZipFile("its entries are larger than the file")
            return {entry.filename: archive.read(entry) for entry in entries if _TENSOR.fullmatch(entry.filename)}
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise ValueError(f"{weights.name}: {error}") from error


def leave_out(content: bytes, description: bytes, tensors: Mapping[str, bytes]) -> tuple[bytes, list[Shared]]:
    """The file of weights of an OpenVINO network without what is among the tensors, and where that belongs.

    Every tensor is left out at most once, so that no form unpacks to more than its own size and that of the `.pt` file.

    Args:
        content: the file of weights.
        description: the XML file of the network, which says where in `content` each constant lies.
        tensors: entry -> numbers.
    """
    names = {numbers: name for name, numbers in tensors.items() if len(numbers) >= _LEAST_BYTES}
    rest, shared, end = bytearray(), [], 0
    for start, size in sorted({(int(start), int(size)) for start, size in _CONSTANT.findall(description)}):
        if start >= end and (name := names.pop(content[start : start + size], None)):
            rest += content[end:start]
            shared.append((start, name))
            end = start + size
    return bytes(rest + content[end:]), shared


def put_back(rest: bytes, shared: Sequence[Shared], tensors: Mapping[str, bytes]) -> bytes:
    """`leave_out` reversed.

    Raises:
        ValueError: a tensor is missing, named twice, or does not fit in.
    """
    left, pieces, end, taken = dict(tensors), [], 0, 0
    for start, name in shared:
        if start < end or name not in left:
            raise ValueError(f"{name} is not in the .pt file, or has no place")
        numbers = left.pop(name)
        pieces += [rest[taken : taken + start - end], numbers]
        taken, end = taken + start - end, start + len(numbers)
    return b"".join([*pieces, rest[taken:]])
