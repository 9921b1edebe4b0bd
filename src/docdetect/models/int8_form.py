"""The int8 form of weights: a quantised network in one file beside the `.pt` that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docdetect.files import sha256_file, write_bytes
from docdetect.models.converted import ConvertedNetwork, bytes_to_converted, converted_to_bytes

SUFFIX = ".int8.zip"


def int8_path(weights: Path) -> Path:
    """Where the int8 form of a `.pt` file lies, if there is one."""
    return weights.with_suffix(SUFFIX)


def write_int8(weights: Path, network: ConvertedNetwork) -> Path:
    """Writes a quantised network beside the `.pt` file that it was made from. Raises OutputError."""
    path = int8_path(weights)
    write_bytes(path, converted_to_bytes(network))
    return path


def read_int8(weights: Path, announce: Callable[[str], None]) -> ConvertedNetwork | None:
    """The int8 form of a `.pt` file; None where there is none, or none that can be used, which is announced."""
    path = int8_path(weights)
    if not path.is_file():
        return None
    try:
        network = bytes_to_converted(path.read_bytes())
    except (OSError, ValueError) as error:
        announce(f"{path.name} is left out: damaged ({error})")
        return None
    if network.origin_sha256 != sha256_file(weights):
        announce(f"{path.name} is left out: it was made from other weights than {weights.name}")
        return None
    return network
