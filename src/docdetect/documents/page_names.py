"""File names for pages and documents: readable, and never two pages with one name."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from docdetect.files import nfc, safe_stem

HASH_DIGITS = 8
"""Hexadecimal digits of a hash that makes a name distinct."""

HASH_MARK = "~"
"""What stands before the hash in such a name. No name without a hash has this character."""

# Longest part of a file name that comes from the document's name. File systems allow 255 bytes for the whole.
_MAX_STEM_BYTES = 160


def document_stem(document: str) -> str:
    """A file name, without suffix, for a document name; distinct documents get distinct stems.

    The stem depends on this name alone, so more documents in a folder rename nothing. `act 7.pdf` becomes `act 7`.
    Names for which that would not be unique - in folders, of another suffix, with capital letters (one file to
    Windows and macOS), with reserved characters, very long - get a hash of the name appended: `Act.PDF` becomes
    `Act~1d82317b`.
    """
    name = nfc(document)
    sound = name.encode("utf-8", "replace").decode("utf-8")  # a JSON can hold half a surrogate pair
    stem = safe_stem(sound.removesuffix(PurePosixPath(sound).suffix))
    plain = f"{stem}.pdf" == name and nfc(name.casefold()) == name and HASH_MARK not in name
    if plain and len(stem.encode()) <= _MAX_STEM_BYTES:
        return stem
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
    return f"{_shortened(stem)}{HASH_MARK}{digits}"


def page_stem(document: str, number: int) -> str:
    """`<document_stem>_page_0001`: the file name, without suffix, of a page (from 1) in a flat folder."""
    return f"{document_stem(document)}_page_{number:04d}"


def _shortened(stem: str) -> str:
    return stem.encode()[:_MAX_STEM_BYTES].decode("utf-8", "ignore")
