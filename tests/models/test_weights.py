"""Which file a name means."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import ConfigError, InputError
from docdetect.files import sha256_file
from docdetect.models import weights as weights_module
from docdetect.models.conversions import MANIFEST_NAME
from docdetect.models.weights import (
    content_hash,
    network_imgsz,
    networks_in,
    require_single_network,
    resolve_for_pages,
    resolve_model,
    resolve_weights,
)


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(weights_module, "BUNDLED_FOLDER", folder)
    return folder


def finished_run(runs: Path, name: str, time_s: int) -> Path:
    best = runs / name / "weights" / "best.pt"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"x")
    os.utime(best, (time_s, time_s))
    return best


def test_nothing_given_takes_the_bundled_weights_then_the_newest_run(tmp_path: Path, bundled: Path) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(InputError, match="no weights: none came with this docdetect"):
        resolve_weights("", runs)
    finished_run(runs, "b_old", 1000)
    newest = finished_run(runs, "a_new", 2000)
    assert resolve_weights("", runs) == newest
    (bundled / "docdetect-s.pt").write_bytes(b"x")
    assert resolve_weights("", runs) == bundled / "docdetect-s.pt"
    assert resolve_weights("last", runs) == newest
    with pytest.raises(InputError, match=r"no weights: .*holds no training run"):
        resolve_weights("last", tmp_path / "none")


def test_path_run_folder_and_name(tmp_path: Path, bundled: Path) -> None:
    runs = tmp_path / "runs"
    best = finished_run(runs, "run", 1000)
    (bundled / "docdetect-s.pt").write_bytes(b"x")
    assert resolve_weights(str(best), runs) == best
    assert resolve_weights(str(runs / "run"), runs) == best
    for name in ("docdetect-s", "docdetect-s.pt"):
        assert resolve_weights(name, runs) == bundled / "docdetect-s.pt"
        assert resolve_model(name) == bundled / "docdetect-s.pt"
    with pytest.raises(InputError, match=r"nothing\.pt: no such weights"):
        resolve_weights("nothing.pt", runs)


def test_architectures_by_name_and_path(tmp_path: Path) -> None:
    assert resolve_model("yolo11n.yaml") == Path("yolo11n.yaml")
    local = tmp_path / "my.yaml"
    local.write_text("nc: 1", encoding="utf-8")
    assert resolve_model(str(local)) == local
    with pytest.raises(InputError, match="no such architecture"):
        resolve_model("yolo99n.yaml")
    with pytest.raises(InputError, match="no such model file"):
        resolve_model(str(tmp_path / "none.yaml"))


def test_unknown_names(bundled: Path) -> None:
    with pytest.raises(InputError, match="no pretrained network of that name"):
        resolve_model("resnet.pt")


def test_pretrained_offline_says_the_three_ways_out(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def no_network(*args: Any, **kwargs: Any) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    with pytest.raises(InputError) as caught:
        resolve_model("yolo11s.pt", announce=said.append)
    assert said
    assert "downloading yolo11s.pt" in said[0]
    assert "cannot be downloaded here" in caught.value.message
    assert "give its path with --model" in caught.value.remedy
    assert "--model yolo11s.yaml" in caught.value.remedy
    assert "run this once where there is a network" in caught.value.remedy
    assert not list(tmp_path.rglob("*.pt"))


def test_pretrained_from_the_cache_needs_no_network(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = tmp_path / "docdetect" / "weights" / "yolo11s.pt"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"x")
    assert resolve_model("yolo11s.pt") == cached
    assert resolve_model("yolo11s") == cached


def ensemble(file: Path, *looks: tuple[str, int], second_look: bool = True) -> Path:
    named = [{"weights": weights, "imgsz": imgsz} for weights, imgsz in looks]
    file.write_text(json.dumps({"format": 1, "looks": named, "second_look": second_look}), encoding="utf-8")
    return file


def test_pages_are_looked_at_by_the_bundled_ensemble_where_it_is_whole(tmp_path: Path, bundled: Path) -> None:
    newest = finished_run(tmp_path / "runs", "run", 1000)
    runs = tmp_path / "runs"
    both = ensemble(bundled / "docdetect-both.ensemble.json", ("docdetect-n", 640), ("docdetect-s", 768))
    assert resolve_for_pages("", runs) == newest
    (bundled / "docdetect-n.pt").write_bytes(b"n")
    assert resolve_for_pages("", runs) == newest, "without docdetect-s"
    (bundled / "docdetect-s.pt").write_bytes(b"s")
    assert resolve_for_pages("", runs) == both
    assert resolve_weights("", runs) == bundled / "docdetect-s.pt", "where a single network is meant"
    for name in ("docdetect-both", "docdetect-both.ensemble.json", str(both)):
        assert resolve_weights(name, runs) == resolve_for_pages(name, runs) == both
    assert resolve_for_pages("docdetect-s", runs) == bundled / "docdetect-s.pt"
    assert resolve_for_pages("last", runs) == newest
    (bundled / "docdetect-n.pt").unlink()
    assert resolve_for_pages("", runs) == bundled / "docdetect-s.pt"
    (bundled / "docdetect-n.pt").write_bytes(b"n")
    both.unlink()
    assert resolve_for_pages("", runs) == bundled / "docdetect-s.pt"
    with pytest.raises(InputError, match=r"nothing: no such weights") as caught:
        resolve_for_pages("nothing", runs)
    assert "(docdetect-n, docdetect-s)" in caught.value.remedy
    ensemble(both, ("docdetect-n", 640), ("docdetect-s", 768))
    with pytest.raises(InputError) as caught:
        resolve_weights("nothing", runs)
    assert "(docdetect-n, docdetect-s, docdetect-both)" in caught.value.remedy


def test_networks_of_an_ensemble_are_named_by_paths_and_by_bundled_names(tmp_path: Path, bundled: Path) -> None:
    (tmp_path / "far").mkdir()
    for file in (tmp_path / "a.pt", tmp_path / "far" / "b.pt", bundled / "docdetect-n.pt"):
        file.write_bytes(b"x")
    run = finished_run(tmp_path / "runs", "run", 1000)
    exported = tmp_path / "exported"
    exported.mkdir()
    (exported / MANIFEST_NAME).write_text("{}", encoding="utf-8")
    (tmp_path / "docdetect-n").mkdir()  # a folder without weights hides no bundled ones
    places = {
        "a.pt": tmp_path / "a.pt",
        "far/../far/b.pt": tmp_path / "far" / ".." / "far" / "b.pt",
        str(tmp_path / "far" / "b.pt"): tmp_path / "far" / "b.pt",
        "runs/run": run,
        "exported": exported / MANIFEST_NAME,
        "docdetect-n": bundled / "docdetect-n.pt",
        "docdetect-n.pt": bundled / "docdetect-n.pt",
    }
    looks = [(name, 32 * number) for number, name in enumerate(places, start=1)]
    file = ensemble(tmp_path / "all.ensemble.json", *looks)
    sizes = [imgsz for _, imgsz in looks]
    assert networks_in(file) == tuple(zip(places.values(), sizes, strict=True))
    (tmp_path / "docdetect-n.pt").write_bytes(b"mine")
    beside = [path for path, _ in networks_in(file)[-2:]]
    assert beside == [tmp_path / "docdetect-n.pt"] * 2, "what lies beside the file comes first"


def test_the_folder_that_a_command_runs_in_does_not_matter(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.pt").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "there").mkdir()
    file = ensemble(tmp_path / "there" / "two.ensemble.json", ("a.pt", 64), ("../here/a.pt", 32))
    with pytest.raises(InputError, match=r"two\.ensemble\.json: a\.pt: no such weights"):
        networks_in(file)
    with pytest.raises(InputError) as caught:
        networks_in(ensemble(Path("two.ensemble.json"), ("b.pt", 64), ("a.pt", 32)))
    assert str(tmp_path / "here") in caught.value.remedy, "and not the folder '.'"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none.pt", "no such weights"),
        ("last", "no such weights"),
        ("empty", "no such weights"),
        ("x" * 300, "no such weights"),
        ("docdetect-both", "an ensemble in an ensemble"),
        ("two.ensemble.json", "an ensemble in an ensemble"),
        ("other.ensemble.json", "an ensemble in an ensemble"),
    ],
)
def test_what_an_ensemble_cannot_have_is_named_with_its_file(
    name: str, reason: str, tmp_path: Path, bundled: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (bundled / "docdetect-s.pt").write_bytes(b"x")
    ensemble(bundled / "docdetect-both.ensemble.json", ("docdetect-s", 64), ("docdetect-s", 96))
    ensemble(tmp_path / "other.ensemble.json", ("docdetect-s", 64), ("docdetect-s", 96))
    file = ensemble(tmp_path / "two.ensemble.json", ("docdetect-s", 64), (name, 32))
    with pytest.raises(InputError, match=rf"two\.ensemble\.json: {re.escape(name)}: {reason}") as caught:
        networks_in(file)
    assert caught.value.remedy == f"Name weights by a path relative to {tmp_path}, or one of docdetect-s."
    (bundled / "docdetect-s.pt").unlink()
    with pytest.raises(InputError, match="docdetect-s: no such weights") as caught:
        networks_in(file)
    assert caught.value.remedy == f"Name weights by a path relative to {tmp_path}."


def test_a_file_that_is_no_weights_is_named_with_the_ensemble(tmp_path: Path, bundled: Path) -> None:
    (bundled / "docdetect-s.pt").write_bytes(b"x")
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    file = ensemble(tmp_path / "two.ensemble.json", ("docdetect-s", 64), ("mine.json", 32))
    with pytest.raises(InputError, match=r"two\.ensemble\.json: .*mine\.json: \.json is not a kind of w") as caught:
        networks_in(file)
    assert "its name ends in .ensemble.json" in caught.value.remedy


def test_the_content_hash_of_an_ensemble_is_that_of_all_its_networks(tmp_path: Path, bundled: Path) -> None:
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(name.encode())
    file = ensemble(tmp_path / "two.ensemble.json", ("a.pt", 64), ("b.pt", 32))
    hashes = [content_hash(file)]
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(b"other" + name.encode())
        hashes.append(content_hash(file))
    ensemble(file, ("a.pt", 64), ("b.pt", 96))
    hashes.append(content_hash(file))
    ensemble(file, ("a.pt", 64), ("b.pt", 96), second_look=False)
    hashes.append(content_hash(file))
    assert len(set(hashes)) == len(hashes)
    assert all(len(one) == 64 for one in hashes)
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (file, tmp_path / "a.pt", tmp_path / "b.pt"):
        (moved / path.name).write_bytes(path.read_bytes())
    assert content_hash(moved / file.name) == hashes[-1], "the place does not count"
    assert content_hash(tmp_path / "a.pt") == sha256_file(tmp_path / "a.pt")


def test_an_ensemble_has_its_own_sizes(tmp_path: Path, bundled: Path) -> None:
    file = ensemble(tmp_path / "two.ensemble.json", ("a.pt", 64), ("b.pt", 320))
    assert network_imgsz(file) == network_imgsz(file, 320) == 320
    with pytest.raises(ConfigError, match=r"imgsz: two\.ensemble\.json is an ensemble, whose networks") as caught:
        network_imgsz(file, 640)
    assert caught.value.remedy == "Leave imgsz out, or name one network, for example --weights docdetect-s."


def test_where_one_network_is_needed_an_ensemble_names_its_own(tmp_path: Path) -> None:
    file = ensemble(tmp_path / "two.ensemble.json", ("a.pt", 64), ("b.pt", 32), ("a.pt", 96))
    with pytest.raises(
        InputError, match=r"two\.ensemble\.json: an ensemble of networks; an export takes one"
    ) as caught:
        require_single_network(file, "an export")
    assert caught.value.remedy == "Name one of: a.pt, b.pt."
    assert require_single_network(tmp_path / "a.pt", "an export") == tmp_path / "a.pt"


@pytest.mark.parametrize("name", ["docdetect-both", "docdetect-both.ensemble.json", "mine.ensemble.json"])
def test_a_training_starts_from_no_ensemble(
    name: str, tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in (bundled / "docdetect-both.ensemble.json", tmp_path / "mine.ensemble.json"):
        ensemble(file, ("docdetect-s", 64), ("docdetect-s", 96))
    with pytest.raises(InputError, match="an ensemble of networks; a training takes one network") as caught:
        resolve_model(name)
    assert caught.value.remedy == "Name one of: docdetect-s."
