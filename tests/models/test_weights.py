"""Which file a name means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import InputError
from docdetect.models import weights as weights_module
from docdetect.models.weights import resolve_model, resolve_weights


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
