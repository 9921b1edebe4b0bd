"""Large files in parts that are small enough to carry: through mails, uploads and version control with a limit.

`<name>.json` lists the parts `<name>.000`, `<name>.001`, ... with their sizes and SHA-256, so that a missing or damaged
part is seen.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from docdetect.errors import InputError
from docdetect.files import output_errors, read_json, write_bytes, write_json

PART_BYTES = 15 * 2**20
"""Largest part: below 16 MiB."""
_FORMAT = 1


def split_into_parts(content: bytes, folder: Path, name: str, *, part_bytes: int = PART_BYTES) -> Path:
    """Writes the parts and their list into a folder; returns the list.

    Raises:
        OutputError: they cannot be written.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, start in enumerate(range(0, max(len(content), 1), part_bytes)):
        part = content[start : start + part_bytes]
        write_bytes(folder / f"{name}.{number:03d}", part)
        parts.append({"file": f"{name}.{number:03d}", "bytes": len(part), "sha256": hashlib.sha256(part).hexdigest()})
    listed = folder / f"{name}.json"
    write_json(listed, {"format": _FORMAT, "bytes": len(content), "parts": parts})
    return listed


def join_parts(listed: Path) -> bytes:
    """The content of the parts that a list names.

    Raises:
        InputError: the list is none, or a part is missing or is not what the list says.
    """
    remedy = "Copy all parts and their list into one folder again."
    data = read_json(listed)
    content = []
    for part in _listed(data, listed, remedy):
        file = listed.parent / Path(str(part["file"])).name
        if not file.is_file():
            raise InputError(f"{file}: this part is missing", remedy)
        piece = file.read_bytes()
        if hashlib.sha256(piece).hexdigest() != part["sha256"]:
            raise InputError(f"{file}: this part is damaged", remedy)
        content.append(piece)
    return b"".join(content)


def _listed(data: Any, listed: Path, remedy: str) -> list[dict[str, Any]]:
    parts = data.get("parts") if isinstance(data, dict) and data.get("format") == _FORMAT else None
    if not isinstance(parts, list) or not all(
        isinstance(one, dict) and {"file", "sha256"} <= set(one) for one in parts
    ):
        raise InputError(f"{listed}: no list of parts", remedy)
    return parts
