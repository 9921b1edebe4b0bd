"""A network in an engine's own format: as a folder that `docdetect export` writes, or as one file in the cache.

Both hold the same: the engine's files, and `docdetect.json` with the class names, what else it takes to read the
network's outputs, and the SHA-256 of each file, which is checked when they are read.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.errors import InputError
from docdetect.files import json_text, read_json, staged_folder, write_bytes
from docdetect.models.head import HeadSpec

MANIFEST_NAME = "docdetect.json"
_FORMAT = 1


@dataclass(frozen=True)
class ConvertedNetwork:
    """Attributes:
    engine: openvino, onnx or tensorrt.
    precision: of its weights: fp32, fp16 or int8.
    spec: how its outputs are read.
    origin_sha256: of the weights that it was made from.
    files: (name, content) of the engine's files.
    """

    engine: str
    precision: str
    spec: HeadSpec
    origin_sha256: str
    files: tuple[tuple[str, bytes], ...]

    def content(self, suffix: str) -> bytes:
        """The file with this suffix. Raises ValueError: there is none."""
        found = [content for name, content in self.files if name.endswith(suffix)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} files end in {suffix}")
        return found[0]


def write_converted(folder: Path, network: ConvertedNetwork) -> Path:
    """Writes the folder, whole or not at all, and returns the path of its manifest. Raises OutputError."""
    with staged_folder(folder) as staging:
        for name, content in network.files:
            write_bytes(staging / name, content)
        write_bytes(staging / MANIFEST_NAME, _manifest(network))
    return folder / MANIFEST_NAME


def read_converted(manifest: Path) -> ConvertedNetwork:
    """The network whose manifest lies at that path.

    Raises:
        InputError: a file is missing, damaged, or not what the manifest says.
    """
    data = read_json(manifest)
    try:
        names = [str(name) for name in data["files"]]
        if any(Path(name).name != name for name in names):
            raise ValueError("a file outside the folder")
        return _from_manifest(data, {name: (manifest.parent / name).read_bytes() for name in names})
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(f"{manifest}: damaged, or not an exported network ({error})", "Export it again.") from error


def converted_to_bytes(network: ConvertedNetwork) -> bytes:
    """The network as one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (*network.files, (MANIFEST_NAME, _manifest(network))):
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def bytes_to_converted(data: bytes) -> ConvertedNetwork:
    """`converted_to_bytes` reversed. Raises ValueError: damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            manifest = json.loads(archive.read(MANIFEST_NAME))
            return _from_manifest(manifest, {name: archive.read(name) for name in manifest["files"]})
    except (KeyError, TypeError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def _manifest(network: ConvertedNetwork) -> bytes:
    spec = network.spec
    data = {
        "format": _FORMAT,
        "engine": network.engine,
        "precision": network.precision,
        "class_names": list(spec.class_names),
        "strides": list(spec.strides),
        "bins": spec.bins,
        "suppress": spec.suppress,
        "weights_sha256": network.origin_sha256,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in network.files},
    }
    return json_text(data).encode()


def _from_manifest(data: Any, contents: Mapping[str, bytes]) -> ConvertedNetwork:
    """Raises KeyError, TypeError, ValueError."""
    if data["format"] != _FORMAT:
        raise ValueError(f"format {_FORMAT} expected")
    for name, digest in data["files"].items():
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise ValueError(f"{name} is damaged")
    names, strides = (str(name) for name in data["class_names"]), (int(stride) for stride in data["strides"])
    spec = HeadSpec(tuple(names), tuple(strides), int(data["bins"]), bool(data["suppress"]))
    files = tuple((name, contents[name]) for name in data["files"])
    return ConvertedNetwork(str(data["engine"]), str(data["precision"]), spec, str(data["weights_sha256"]), files)
