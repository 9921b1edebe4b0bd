"""Converted networks are kept by content, made again when damaged, and not needed to be keepable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docdetect.errors import InputError
from docdetect.models import conversions as conversion_cache
from docdetect.models.conversions import (
    ConvertedNetwork,
    bytes_to_converted,
    converted_to_bytes,
    entry_path,
    kept_network,
    read_converted,
    write_converted,
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


def test_a_compressed_file_is_smaller_and_holds_the_same() -> None:
    """Also one that is damaged anywhere is noticed: never is another network read from it."""
    network = replace(NETWORK, files=(("model.xml", b"<net/>" * 200), ("model.bin", bytes(range(64)) * 8)))
    data = converted_to_bytes(network, compressed=True)
    assert len(data) < len(converted_to_bytes(network)) / 2
    assert bytes_to_converted(data) == network
    refused = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        try:
            assert bytes_to_converted(bytes(damaged)) == network
        except ValueError:
            refused += 1
    assert refused > len(data) / 2


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
