"""Converted networks are kept by content, made again when damaged, and not needed to be keepable."""

from __future__ import annotations

import json
import math
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from docdetect.errors import InputError
from docdetect.files import sha256_file
from docdetect.models import conversions as conversion_cache
from docdetect.models.conversions import (
    MANIFEST_NAME,
    OPENVINO_FORM,
    ConvertedNetwork,
    bytes_to_converted,
    bytes_to_form,
    converted_imgsz,
    converted_to_bytes,
    entry_path,
    form_path,
    form_to_bytes,
    kept_network,
    read_converted,
    read_form,
    write_converted,
    write_form,
)
from docdetect.models.head import HeadSpec

SPEC = HeadSpec(("печать", "qr"), (8, 16), 16, suppress=False)
NETWORK = ConvertedNetwork("openvino", "fp32", SPEC, "0" * 64, (("model.xml", b"<net/>"), ("model.bin", b"\0" * 99)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Converter:
    """Counts its calls and what is announced."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.told: list[str] = []

    def __call__(self, weights: Path, digest: str) -> ConvertedNetwork:
        self.calls.append(digest)
        return NETWORK

    def kept(self, weights: Path, made_for: str = "engine 1") -> ConvertedNetwork:
        return kept_network(weights, made_for, self, self.told.append)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.pt"
    path.write_bytes(b"weights")
    return path


def test_converted_once_for_content_and_engine(cache: Path, file: Path) -> None:
    converter = Converter()
    assert converter.kept(file) == converter.kept(file) == NETWORK
    assert len(converter.calls) == 1
    assert converter.told == ["converting w.pt for engine 1, once for these weights"]
    converter.kept(file, "engine 2")
    file.write_bytes(b"other weights")
    converter.kept(file)
    assert len(converter.calls) == 3


@pytest.mark.parametrize("damage", [b"", b"PK", None])
def test_a_damaged_entry_is_made_again(cache: Path, file: Path, damage: bytes | None) -> None:
    converter = Converter()
    converter.kept(file)
    (entry,) = (cache / "docdetect" / "converted").iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole.replace(b"\0" * 99, b"\0" * 98 + b"1") if damage is None else damage)
    assert converter.kept(file) == NETWORK
    assert len(converter.calls) == 2
    assert entry.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_time_only(cache: Path, file: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    converter = Converter()
    assert converter.kept(file) == NETWORK
    assert "cannot be kept, the next run will convert it again" in converter.told[1]


def test_what_was_not_used_for_longest_is_forgotten(cache: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion_cache, "_MOST_ENTRIES", 2)
    converter = Converter()
    for number in (1, 2, 1, 3):
        converter.kept(file, f"engine {number}")
    folder = cache / "docdetect" / "converted"
    assert len(list(folder.iterdir())) == 2
    converter.kept(file, "engine 1")
    assert len(converter.calls) == 3
    assert entry_path(converter.calls[0], "engine 1").is_file()


TENSOR = random.Random(0).randbytes(300)


def write_tensors(file: Path, compression: int = zipfile.ZIP_STORED) -> ConvertedNetwork:
    """Writes a `.pt` file with a tensor, and returns a network that was made from it and holds the same tensor."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data/7"), TENSOR, compression)
    xml = b'<data offset="40" size="300" />' + b"<net/>" * 100
    files = (("model.xml", xml), ("model.bin", bytes(range(40)) + TENSOR + b"end"))
    return replace(NETWORK, origin_sha256=sha256_file(file), files=files)


def test_a_form_is_small_and_gives_the_network_that_was_converted(file: Path) -> None:
    """Also a form that is damaged anywhere is noticed: never is another network read from it."""
    network = write_tensors(file)
    data = write_form(file, OPENVINO_FORM, network).read_bytes()
    assert read_form(file, OPENVINO_FORM, pytest.fail) == network
    assert len(data) < 0.6 * len(converted_to_bytes(network))
    with zipfile.ZipFile(form_path(file, OPENVINO_FORM)) as archive:
        assert archive.read("model.bin") == bytes(range(40)) + b"end"
    refused = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        try:
            assert bytes_to_form(bytes(damaged), file) == network
        except ValueError:
            refused += 1
    assert refused > len(data) / 2


def test_a_form_does_not_depend_on_tensors_that_are_compressed(file: Path) -> None:
    network = write_tensors(file, zipfile.ZIP_DEFLATED)
    write_form(file, OPENVINO_FORM, network)
    assert read_form(file, OPENVINO_FORM, pytest.fail) == network
    with zipfile.ZipFile(form_path(file, OPENVINO_FORM)) as archive:
        assert archive.read("model.bin") == network.content(".bin")


def test_a_form_is_written_for_its_own_weights_only(file: Path) -> None:
    network = write_tensors(file)
    with pytest.raises(ValueError, match="made from other weights"):
        write_form(file, OPENVINO_FORM, replace(network, origin_sha256="0" * 64))
    assert not form_path(file, OPENVINO_FORM).exists()


@pytest.mark.parametrize("damage", ["other", "cut", "gone", "compressed", "other numbers"])
def test_a_form_without_its_tensors_is_left_out(file: Path, tmp_path: Path, damage: str) -> None:
    """Where the `.pt` file is another one, and where the form says falsely that it was made from it."""
    network = write_tensors(file)
    data = write_form(file, OPENVINO_FORM, network).read_bytes()
    other = tmp_path / "other.pt"
    with zipfile.ZipFile(other, "w") as archive:
        if damage != "gone":
            compression = zipfile.ZIP_DEFLATED if damage == "compressed" else zipfile.ZIP_STORED
            archive.writestr("archive/data/7", TENSOR[::-1] if damage == "other numbers" else TENSOR, compression)
    other.write_bytes(other.read_bytes()[:-9] if damage == "cut" else other.read_bytes())
    if damage not in ("other", "cut"):
        data = form_to_bytes(replace(network, origin_sha256=sha256_file(other)), file)
    form_path(other, OPENVINO_FORM).write_bytes(data)
    told: list[str] = []
    assert read_form(other, OPENVINO_FORM, told.append) is None
    lacking = "damaged (archive/data/7 is not in the .pt file, or has no place)"
    reasons = {"gone": lacking, "compressed": lacking, "other numbers": "damaged (model.bin is damaged)"}
    reason = reasons.get(damage, "it was made from other weights than other.pt")
    assert told == [f"other.openvino.zip is left out: {reason}"]


@pytest.mark.parametrize(
    "said",
    [
        {"shared": 7},
        {"shared": ["model.bin"]},
        {"shared": {"model.bin": [[40.5, "archive/data/7"]]}},
        {"shared": {"model.bin": [[40]]}},
        {"shared": {"x": [[0, "archive/data/7"]]}},
        {"files": ["model.bin"], "shared": {}},
    ],
)
def test_a_form_whose_manifest_is_nonsense_is_left_out(file: Path, said: dict[str, object]) -> None:
    network = write_tensors(file)
    path = write_form(file, OPENVINO_FORM, network)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[MANIFEST_NAME] = json.dumps({**json.loads(contents[MANIFEST_NAME]), **said}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    told: list[str] = []
    assert read_form(file, OPENVINO_FORM, told.append) is None
    assert told[0].startswith("w.openvino.zip is left out: damaged (")


def test_a_form_in_which_damage_looks_like_another_compression_is_left_out(file: Path) -> None:
    with zipfile.ZipFile(form_path(file, OPENVINO_FORM), "w") as archive:
        archive.writestr(MANIFEST_NAME, b"\t\x14\x05\0" + b"\xff" * 99)
    damaged = bytearray(form_path(file, OPENVINO_FORM).read_bytes())
    damaged[damaged.index(b"PK\x01\x02") + 10] = zipfile.ZIP_LZMA
    form_path(file, OPENVINO_FORM).write_bytes(damaged)
    told: list[str] = []
    assert read_form(file, OPENVINO_FORM, told.append) is None
    assert told == ["w.openvino.zip is left out: damaged (Invalid or unsupported options)"]


@pytest.mark.parametrize("said", [{"files": ["model.bin", "model.xml"]}, {"imgsz": math.inf}, {"bins": math.inf}])
def test_a_manifest_of_an_export_that_is_nonsense_is_named(tmp_path: Path, said: dict[str, object]) -> None:
    manifest = write_converted(tmp_path / "out", NETWORK)
    manifest.write_text(json.dumps({**json.loads(manifest.read_text(encoding="utf-8")), **said}), encoding="utf-8")
    with pytest.raises(InputError, match=r"docdetect\.json: damaged, or not an exported network"):
        read_converted(manifest)
    if said == {"imgsz": math.inf}:
        with pytest.raises(InputError, match=r"docdetect\.json: damaged, or not an exported network"):
            converted_imgsz(manifest)


def test_folder_and_file_hold_the_same(tmp_path: Path) -> None:
    assert bytes_to_converted(converted_to_bytes(NETWORK)) == NETWORK
    manifest = write_converted(tmp_path / "out", NETWORK)
    assert read_converted(manifest) == NETWORK
    assert sorted(path.name for path in manifest.parent.iterdir()) == ["docdetect.json", "model.bin", "model.xml"]
    (manifest.parent / "model.bin").write_bytes(b"\1")
    with pytest.raises(InputError, match=r"model\.bin is damaged"):
        read_converted(manifest)


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    manifest = write_converted(tmp_path / "out", NETWORK)
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("model.bin", "../model.bin"), encoding="utf-8")
    with pytest.raises(InputError, match="a file outside the folder"):
        read_converted(manifest)
