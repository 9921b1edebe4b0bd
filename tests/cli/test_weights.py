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


def test_small_forms_have_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights"]) == 0
    shown = capsys.readouterr().err
    assert " 0.05 MB" in shown, "the OpenVINO forms"
    assert " 0.0 MB" not in shown


def test_doctor_looks_at_the_bundled_weights(folder: Path) -> None:
    from docdetect.doctor import State, check_weights

    assert check_weights()[0].state is State.NOTE
    folder.mkdir()
    (folder / "weights.json").write_text("{}", encoding="utf-8")
    assert check_weights()[0].state is State.BROKEN


def write_ensemble(folder: Path, *names: str) -> None:
    looks = [{"weights": name, "imgsz": 64 * number} for number, name in enumerate(names, start=1)]
    data = {"format": 1, "looks": looks}
    (folder / "docdetect-both.ensemble.json").write_text(json.dumps(data), encoding="utf-8")


def test_ensembles_are_listed_and_one_that_lacks_a_network_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    for name in ("docdetect-n", "docdetect-s"):
        (folder / f"{name}.pt").write_bytes(b"x")
    write_ensemble(folder, "docdetect-n", "docdetect-s")
    assert run(["weights"]) == 0
    assert "docdetect-both is an ensemble of docdetect-n@64, docdetect-s@128" in capsys.readouterr().err
    assert run(["--json", "weights"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["ensembles"]
    file = str(folder / "docdetect-both.ensemble.json")
    networks = ["docdetect-n@64", "docdetect-s@128"]
    assert one == {"name": "docdetect-both", "state": "ok", "file": file, "networks": networks}
    (folder / "docdetect-n.pt").unlink()
    assert run(["--json", "weights"]) == 4
    shown = capsys.readouterr()
    assert json.loads(shown.out)["ensembles"][0] == {**one, "state": "damaged"}
    assert "docdetect-both.ensemble.json: docdetect-n: no such weights" in shown.err
    Path(file).write_text("[]", encoding="utf-8")
    assert run(["--json", "weights"]) == 4
    shown = capsys.readouterr()
    assert json.loads(shown.out)["ensembles"][0] == {**one, "state": "damaged", "networks": []}
    assert "not an ensemble of networks" in shown.err


def test_doctor_looks_at_the_bundled_ensemble(folder: Path) -> None:
    from docdetect.doctor import State, check_weights

    folder.mkdir()
    for name in ("docdetect-n", "docdetect-s"):
        (folder / f"{name}.pt").write_bytes(b"x")
    *_, alone = check_weights()
    assert (alone.subject, alone.state) == ("docdetect-both", State.NOTE)
    assert "infer looks with docdetect-s alone" in alone.detail
    write_ensemble(folder, "docdetect-n", "docdetect-s")
    *_, whole = check_weights()
    assert (whole.subject, whole.state) == ("docdetect-both", State.GOOD)
    assert whole.detail == "docdetect-n@64, docdetect-s@128"
    (folder / "docdetect-s.pt").unlink()
    *_, broken = check_weights()
    assert (broken.state, broken.remedy[:26]) == (State.BROKEN, "Install docdetect again, o")
    assert "docdetect-s: no such weights" in broken.detail


def test_an_ensemble_is_not_packed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    for name in ("docdetect-n", "docdetect-s"):
        (folder / f"{name}.pt").write_bytes(b"x")
    write_ensemble(folder, "docdetect-n", "docdetect-s")
    assert run(["weights", "--pack", "docdetect-both", "--name", "mine"]) == 4
    said = capsys.readouterr().err
    assert "an ensemble of networks; bundling takes one network" in said
    assert "Name one of: docdetect-n, docdetect-s." in said
    assert not (folder / "mine.pt").exists()
    assert run(["export", "--weights", "docdetect-both", "--output", "exported"]) == 4
    assert "an ensemble of networks; an export takes one network" in capsys.readouterr().err
    assert not Path("exported").exists()


def test_packing_weights_that_an_ensemble_looks_with_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    write_ensemble(folder, "docdetect-n", "docdetect-s.pt")
    write_checkpoint(tmp_path / "n.pt")
    for name, told in (("mine", False), ("docdetect-s", True)):
        run(["weights", "--pack", str(tmp_path / "n.pt"), "--name", name])
        said = " ".join(capsys.readouterr().err.split())
        assert (f"this ensemble looks with {name} as well" in said) == told
