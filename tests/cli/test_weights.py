"""`docdetect weights`: what people and scripts see of the bundled weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docdetect.cli.main import run
from docdetect.models.thresholds import read_thresholds
from docdetect.models.weights import resolve_weights
from tests.support.tiny_network import write_checkpoint


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("docdetect.models.weights.BUNDLED_FOLDER", tmp_path / "folder")
    monkeypatch.setattr("docdetect.evaluation.export.BUNDLED_FOLDER", tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "folder"


def test_an_empty_folder_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights"]) == 0
    assert f"no weights in {folder}" in capsys.readouterr().err


def test_pack_list_and_damage(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = tmp_path / "runs" / "train" / "a" / "weights" / "best.pt"
    best.parent.mkdir(parents=True)
    write_checkpoint(best)
    assert run(["weights", "--pack", "last"]) == 0
    assert "packed runs/train/a/weights/best.pt as docdetect-s" in capsys.readouterr().err.replace("\\", "/")
    assert run(["--json", "weights"]) == 0
    one, form = json.loads(capsys.readouterr().out)["weights"]
    assert (form["name"], form["state"]) == ("docdetect-s.openvino", "ok")
    assert (one["name"], one["state"], one["classes"]) == ("docdetect-s", "ok", ["qr", "signature", "stamp"])
    (folder / "docdetect-s.pt").write_bytes(b"x")
    assert run(["--json", "weights"]) == 4
    shown = capsys.readouterr()
    assert json.loads(shown.out)["weights"][0]["state"] == "damaged"
    assert "docdetect-s is damaged" in shown.err
    assert run(["weights", "--pack", str(best)]) == 6


def test_thresholds_are_packed_for_their_new_weights(folder: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "n.pt")
    chosen = {"format": 1, "conf": {"stamp": 0.3}, "check": {"stamp": 0.1}, "origin": "here", "weights_sha256": "old"}
    (tmp_path / "chosen.json").write_text(json.dumps(chosen), encoding="utf-8")
    command = ["weights", "--pack", str(tmp_path / "n.pt"), "--name", "docdetect-n"]
    assert run([*command, "--thresholds", str(tmp_path / "chosen.json")]) == 0
    kept = read_thresholds(folder / "docdetect-n.pt")
    assert kept is not None
    assert (kept.conf, kept.check, kept.origin) == ({"stamp": 0.3}, {"stamp": 0.1}, "here")
    assert run([*command, "--thresholds", str(tmp_path / "n.pt")]) == 4, "no such file of thresholds"
    assert resolve_weights("docdetect-n", tmp_path) == folder / "docdetect-n.pt"


def test_doctor_looks_at_the_bundled_weights(folder: Path) -> None:
    from docdetect.doctor import State, check_weights

    assert check_weights()[0].state is State.NOTE
    folder.mkdir()
    (folder / "weights.json").write_text("{}", encoding="utf-8")
    assert check_weights()[0].state is State.BROKEN
