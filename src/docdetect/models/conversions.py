"""Networks in an engine's own format: what one is, and the three places where one is stored.

A converted network is stored

- as a folder that `docdetect export` writes (`write_converted`, `read_converted`);
- as one file in docdetect's cache folder, made at the first use of the weights (`kept_network`);
- as one file beside the `.pt` file that it was made from, a *form* of these weights (`write_form`, `read_form`).

All three hold the engine's files and a manifest, `docdetect.json`: the class names, how the outputs of the network are
read, the size of the pictures that it is meant for, and the SHA-256 of each file, which is checked when it is read.
A form leaves out the tensors that the `.pt` file beside it holds (`shared_tensors.py`).

The name of an entry of the cache is a hash of all that the entry depends on, so nothing in the cache ever goes stale.
An entry is replaced atomically, so processes that convert at the same time cannot spoil each other's entries, and a
damaged entry is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import lzma
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.errors import InputError, OutputError
from docdetect.files import json_text, read_json, sha256_file, sha256_text, staged_folder, write_bytes
from docdetect.models.head import HeadSpec
from docdetect.models.shared_tensors import Shared, leave_out, put_back, read_tensors
from docdetect.models.ultralytics_setup import cache_folder

MANIFEST_NAME = "docdetect.json"
CONVERSION = 2
"""Number of the way in which docdetect converts networks. A change of that way adds 1, and older entries go unused."""
INT8_FORM = "int8"
"""The form with most of its arithmetic in 8-bit integers."""
OPENVINO_FORM = "openvino"
"""The form in OpenVINO's format with the numbers of the `.pt` file, for any precision of OpenVINO's but int8."""
FORM_SUFFIXES: Mapping[str, str] = {INT8_FORM: ".int8.zip", OPENVINO_FORM: ".openvino.zip"}

_FORMAT = 1
_MOST_ENTRIES = 16  # of the cache folder

# What reading a damaged archive or manifest raises beside OSError and ValueError.
_DAMAGED = (
    *(KeyError, TypeError, AttributeError, ArithmeticError, EOFError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network in the format of an engine.

    Attributes:
        engine: openvino, onnx or tensorrt.
        precision: of the stored weights: fp32, fp16 or int8.
        spec: how the outputs of the network are read.
        origin_sha256: SHA-256 of the weights that the network was made from.
        files: (name, content) of the engine's files.
        imgsz: px, the long side of the pictures that the network is meant for; 0 where that is not known.
        half_range: whether the 8-bit weights of an int8 network use half of their range only, so that sums of two
            products fit into 16 bits: processors without VNNI or AMX add them up so.
    """

    engine: str
    precision: str
    spec: HeadSpec
    origin_sha256: str
    files: tuple[tuple[str, bytes], ...]
    imgsz: int = 0
    half_range: bool = False

    def content(self, suffix: str) -> bytes:
        """The content of the only file with this suffix. Raises ValueError: there is none, or several."""
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
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, OSError) as error:
        raise InputError(f"{manifest}: damaged, or not an exported network ({error})", "Export it again.") from error


def converted_imgsz(manifest: Path) -> int:
    """The size in px that an exported network is meant for, from its manifest alone; 0 where the manifest tells none.

    Raises:
        InputError: the manifest is damaged.
    """
    try:
        return int(read_json(manifest).get("imgsz", 0))
    except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
        raise InputError(f"{manifest}: damaged, or not an exported network ({error})", "Export it again.") from error


def converted_from(manifest: Path) -> str:
    """SHA-256 of the weights that an exported network was made from, from its manifest alone; "" where it tells none.

    Raises:
        InputError: the manifest is damaged.
    """
    try:
        return str(read_json(manifest).get("weights_sha256", ""))
    except AttributeError as error:
        raise InputError(f"{manifest}: damaged, or not an exported network ({error})", "Export it again.") from error


def converted_to_bytes(network: ConvertedNetwork) -> bytes:
    """The network as one ZIP archive; the same network gives the same bytes."""
    return _archive(network.files, _manifest(network))


def bytes_to_converted(data: bytes) -> ConvertedNetwork:
    """`converted_to_bytes` reversed. Raises ValueError: damaged."""
    manifest, contents = _unpacked(data)
    with _damage():
        return _from_manifest(manifest, contents)


def _archive(files: Iterable[tuple[str, bytes]], manifest: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in (*files, (MANIFEST_NAME, manifest)):
            archive.writestr(zipfile.ZipInfo(name), content, compression, 9)  # a ZipInfo has no date of its own
    return stream.getvalue()


def _unpacked(data: bytes) -> tuple[Any, dict[str, bytes]]:
    """The manifest in an archive, and the files that the manifest names. Raises ValueError: damaged."""
    with _damage(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(archive.read(MANIFEST_NAME))
        return manifest, {name: archive.read(name) for name in manifest["files"]}


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """Raises ValueError for all that a damaged archive or manifest may lead to."""
    try:
        yield
    except _DAMAGED as error:
        raise ValueError(str(error)) from error


def _manifest(network: ConvertedNetwork, shared: Mapping[str, Sequence[Shared]] | None = None) -> bytes:
    """The manifest; for a form with what its files have in common with the `.pt` file."""
    spec = network.spec
    data = {
        "format": _FORMAT,
        "engine": network.engine,
        "precision": network.precision,
        "class_names": list(spec.class_names),
        "strides": list(spec.strides),
        "bins": spec.bins,
        "suppress": spec.suppress,
        "imgsz": network.imgsz,
        "half_range": network.half_range,
        "weights_sha256": network.origin_sha256,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in network.files},
        **({"shared": shared} if shared else {}),
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
    origin, imgsz = str(data["weights_sha256"]), int(data.get("imgsz", 0))  # older exports do not name a size
    half_range = bool(data.get("half_range", False))
    return ConvertedNetwork(str(data["engine"]), str(data["precision"]), spec, origin, files, imgsz, half_range)


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
        convert: (weights, their SHA-256) -> network.
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
    """Where the cache keeps the converted network of weights."""
    key = sha256_text(f"{weights_sha256} {made_for} {CONVERSION}")[:32]
    return cache_folder() / "converted" / f"{key}.zip"


def _mark_used(entry: Path) -> None:
    """Sets the entry's time to the clock's, which is finer than the time that files get by themselves."""
    now = time.time_ns()
    with contextlib.suppress(OSError):
        os.utime(entry, ns=(now, now))


def _forget_old(folder: Path) -> None:
    """Removes the entries that were not used for longest."""
    with contextlib.suppress(OSError):  # another process may remove entries at the same time
        entries = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime_ns)
        for entry in entries[:-_MOST_ENTRIES]:
            entry.unlink(missing_ok=True)


def form_path(weights: Path, form: str) -> Path:
    """Where a form (`INT8_FORM` or `OPENVINO_FORM`) of a `.pt` file lies, if there is one."""
    return weights.with_suffix(FORM_SUFFIXES[form])


def int8_path(weights: Path) -> Path:
    """Where the int8 form of a `.pt` file lies, if there is one."""
    return form_path(weights, INT8_FORM)


def write_form(weights: Path, form: str, network: ConvertedNetwork) -> Path:
    """Writes a form beside the `.pt` file that it was made from, and returns its path.

    Raises:
        OutputError: the file cannot be written.
        InputError: the `.pt` file cannot be read.
        ValueError: the network was not made from this `.pt` file.
    """
    path = form_path(weights, form)
    data = form_to_bytes(network, weights)
    if bytes_to_form(data, weights) != network:
        raise ValueError(f"{path.name} would not be the network that was converted")
    write_bytes(path, data)
    return path


def read_form(weights: Path, form: str, announce: Callable[[str], None]) -> ConvertedNetwork | None:
    """A form of a `.pt` file; None where there is none. One that cannot be used is announced and left out."""
    path = form_path(weights, form)
    if not path.is_file():
        return None
    try:
        return bytes_to_form(path.read_bytes(), weights)
    except _OtherWeightsError:
        announce(f"{path.name} is left out: it was made from other weights than {weights.name}")
    except (OSError, ValueError) as error:
        announce(f"{path.name} is left out: damaged ({error})")
    return None


class _OtherWeightsError(ValueError):
    """A form was made from other weights than those beside it."""


def form_to_bytes(network: ConvertedNetwork, weights: Path) -> bytes:
    """The network as one compressed ZIP archive, without the tensors that are in the `.pt` file.

    Raises:
        OSError: the `.pt` file cannot be read.
        ValueError: the `.pt` file is damaged.
    """
    tensors, files, shared = read_tensors(weights), dict(network.files), {}
    for name in [name for name in files if name.endswith(".bin")]:
        files[name], places = leave_out(files[name], network.content(".xml"), tensors)
        if places:
            shared[name] = places
    return _archive(files.items(), _manifest(network, shared), zipfile.ZIP_DEFLATED)


def bytes_to_form(data: bytes, weights: Path) -> ConvertedNetwork:
    """`form_to_bytes` reversed.

    Raises:
        OSError, InputError: the `.pt` file cannot be read.
        ValueError: the form is damaged, or was made from other weights.
    """
    manifest, contents = _unpacked(data)
    with _damage():
        if manifest["weights_sha256"] != sha256_file(weights):
            raise _OtherWeightsError("made from other weights")
        if shared := manifest.get("shared", {}):
            tensors = read_tensors(weights)
            contents.update({name: put_back(contents[name], shared[name], tensors) for name in shared})
        return _from_manifest(manifest, contents)
