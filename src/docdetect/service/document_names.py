"""Names of documents that are sent: what a part of a form says, made safe, and each name given once.

Names are the sender's, made safe: relative, without `..`, and with nothing in them that a file system does not take.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from docdetect.files import nfc

_MOST_NAME_BYTES = 180
_MOST_FOLDERS = 16
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')

# A parameter of a header: `; name=value` or `; name="value"`.
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')

# Character sets that RFC 8187 names for extended parameters, and that of RFC 822.
_CHARSETS = ("utf-8", "iso-8859-1", "us-ascii")

# A path of Windows from a drive or a machine on: no sender means the folders of its own machine.
_WINDOWS_ROOT = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def sent_name(disposition: bytes, parameters: Mapping[bytes, bytes]) -> str | None:
    """The file name that a part of a form brings; None for a part that is no file.

    `filename*` (RFC 6266) comes before `filename`, which clients that send both fill with a name in ASCII or with an
    encoded word for those who do not know `filename*`.

    Args:
        disposition: the header Content-Disposition of the part.
        parameters: its parameters, but for those with `*` in their names.

    Raises:
        ValueError: there is nothing but a `filename*` that cannot be decoded.
    """
    plain = parameters.get(b"filename")
    extended = next((value for name, value in _PARAMETER.findall(disposition) if name.lower() == b"filename*"), None)
    if extended is not None:
        try:
            return _decoded(extended)
        except ValueError:
            if plain is None:
                raise
    return None if plain is None else plain.decode("utf-8", "replace")


def _decoded(extended: bytes) -> str:
    """The text of `UTF-8''%D0%B0.pdf`. Raises ValueError."""
    charset, *rest = extended.strip().strip(b'"').split(b"'", 2)
    name = charset.decode("ascii", "replace").lower()
    if len(rest) != 2 or name not in _CHARSETS:
        raise ValueError("filename* has to be of the form UTF-8''NAME, with NAME percent-encoded")
    try:
        text = unquote_to_bytes(rest[1]).decode(name)
    except UnicodeDecodeError:
        raise ValueError(f"filename* is no text in {name}") from None
    return re.split(r"[\\/]", text)[-1] if _WINDOWS_ROOT.match(text) else text


def safe_name(sent: str) -> str:
    """A relative POSIX path for the file name that a sender gave: the same name where it is harmless."""
    parts = []
    for part in nfc(sent.replace("\\", "/")).split("/"):
        encodable = part.encode("utf-8", "replace").decode("utf-8")
        clean = _UNSAFE.sub("_", encodable).strip(". ")
        if clean:
            parts.append(_shortened(clean))
    return "/".join(parts[-_MOST_FOLDERS:]) or "document"


def _shortened(part: str) -> str:
    """At most so many bytes that file systems take the name; the end, with the suffix, stays."""
    data = part.encode()
    return part if len(data) <= _MOST_NAME_BYTES else data[-_MOST_NAME_BYTES:].decode("utf-8", "ignore").lstrip(". ")


@dataclass
class Names:
    """Gives each document a name of its own: a repeated name gets a number, and no file has the name of a folder."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=dict)

    def take(self, name: str) -> str:
        """The name, or the name with a number; a folder whose name a file has already is left out."""
        folder, _, last = name.rpartition("/")
        if self._is_under_a_file(name):
            folder = ""
        stem, dot, suffix = last.rpartition(".")
        if not dot:
            stem, suffix = last, ""
        wanted = f"{folder}/{last}".casefold()
        count = self._counts.get(wanted, 0) + 1  # ten thousand files of one name are numbered without a search for each
        while True:
            numbered = last if count == 1 else f"{stem} ({count}){dot}{suffix}"
            candidate = f"{folder}/{numbered}" if folder else numbered
            if self._is_free(candidate):
                break
            count += 1
        self._counts[wanted] = count
        low = candidate.casefold()
        self.files.add(low)
        self.folders.update(_folders_of(low))
        return candidate

    def _is_free(self, name: str) -> bool:
        low = name.casefold()
        return low not in self.files and low not in self.folders

    def _is_under_a_file(self, name: str) -> bool:
        return any(folder in self.files for folder in _folders_of(name.casefold()))


def _folders_of(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
