"""`docdetect export`: an exported network runs without its checkpoint, and engines are held against each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docdetect.calibration import Calibration, ScoreMap, calibration_to_json
from docdetect.cli.main import run
from docdetect.files import sha256_file, write_json
from docdetect.machine import has_native_int8
from docdetect.models.checkpoint import load_network
from docdetect.models.engines.openvino import import_openvino
from docdetect.models.engines.quantization import convolutions
from docdetect.models.thresholds import (
    Thresholds,
    calibration_path,
    read_calibration,
    read_thresholds,
    thresholds_path,
    thresholds_to_json,
)
from tests.support.fakes import make_image
from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.pt")


def test_an_export_runs_and_keeps_its_thresholds(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "w.pt"
    file.write_bytes(weights.read_bytes())
    kept = Thresholds({"stamp": 0.4}, "by hand", sha256_file(file))
    write_json(thresholds_path(file), thresholds_to_json(kept))
    score_map = ScoreMap("platt", (0.0, 1.0), (0.1, 0.9))
    calibration = Calibration({"stamp": score_map}, "by hand", sha256_file(file))
    write_json(calibration_path(file), calibration_to_json(calibration))
    folder = tmp_path / "exported"
    command = ["export", "--weights", str(file), "--output", str(folder)]
    assert run(command) == 0
    assert run(command) == 6
    assert run([*command, "--overwrite"]) == 0
    thresholds = read_thresholds(folder / "docdetect.json")
    assert thresholds is not None
    assert thresholds.conf == {"stamp": 0.4}
    calibrated = read_calibration(folder / "docdetect.json")
    assert calibrated is not None
    assert calibrated.maps == {"stamp": score_map}
    file.unlink()
    make_image(tmp_path / "in" / "a.png", [("stamp", (10, 10, 160, 110))])
    places = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--weights", str(folder)]
    capsys.readouterr()
    assert run(["--json", "infer", *places, "--imgsz", "96", "--workers", "1"]) == 0
    settings = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["settings"]
    assert settings["engine"] == "openvino"
    assert settings["class_conf"] == [0.15, 0.15, 0.4]
    assert run(["infer", *places, "--overwrite", "--engine", "onnx"]) == 3
    assert "was exported for openvino, not for onnx" in capsys.readouterr().err


def test_other_folders_are_not_replaced(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    command = ["export", "--weights", str(weights), "--output", str(tmp_path / "mine"), "--overwrite"]
    assert run(command) == 6
    assert "no export of docdetect's" in capsys.readouterr().err


def test_engines_are_held_against_torch(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 68, 3), dtype=np.uint8)  # no two anchors score the same
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    command = ["export", "--weights", str(weights), "--check", str(tmp_path / "in"), "--imgsz", "96", "--device", "cpu"]
    overlap = ["--set", "export.iou=0.537"]  # boxes of an untrained network overlap by round shares
    assert run(["--json", *command, *overlap]) == 0
    rows = {(row["engine"], row["precision"]): row for row in json.loads(capsys.readouterr().out)["engines"]}
    assert rows["torch", "fp32"]["agreement"]["marks"] > 0
    assert rows["openvino", "fp32"]["same"] is True
    assert rows["openvino", "fp32"]["agreement"]["worst_px"] < 0.1
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]


@pytest.mark.skipif(not has_native_int8(), reason="this processor has no int8 arithmetic")
def test_an_int8_network_finds_its_ranges_on_pages_and_runs(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nncf", reason="the extra int8 is not installed")
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 68, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    source, folder = str(tmp_path / "in"), tmp_path / "exported"
    command = ["export", "--weights", str(weights), "--precision", "int8", "--calibration", source, "--check", source]
    assert run(["--json", *command, "--output", str(folder), "--imgsz", "96", "--device", "cpu"]) == 0
    rows = json.loads(capsys.readouterr().out)["engines"]
    assert (rows[-1]["engine"], rows[-1]["precision"], rows[-1]["same"]) == ("openvino", "int8", None)
    assert [row["precision"] for row in rows].count("int8") == 1  # these weights have no int8 form of their own
    model = import_openvino().Core().read_model(str(folder / "model.xml"))
    exact = [_place(node) for node in convolutions(model) if not _is_small(node.input_value(1).get_node())]
    head = int(load_network(weights).model[-1].i)  # type: ignore[index,union-attr]
    assert sorted(exact) == [f"{head}.cv{branch}.{level}.2" for branch in (2, 3) for level in range(3)]
    infer = ["infer", "--source", source, "--weights", str(folder), "--imgsz", "96", "--workers", "1"]
    assert run([*infer, "--output", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))["settings"]["precision"] == "int8"
    assert run([*infer, "--output", str(tmp_path / "no"), "--precision", "fp32"]) == 3
    assert "was exported in int8, not for fp32" in capsys.readouterr().err


def test_int8_says_what_it_needs(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", "--weights", str(weights), "--output", str(tmp_path / "out"), "--precision", "int8"]
    assert run(command) == 2
    assert "--calibration" in capsys.readouterr().err
    assert run([*command, "--engine", "onnx"]) == 2
    assert "goes with --engine openvino" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def _place(convolution: Any) -> str:
    """Where it is among Ultralytics' modules: `23.cv2.0.2`."""
    found = re.search(r"\bmodel\.([\w.]+)/", convolution.get_friendly_name())
    assert found
    return found[1].removesuffix(".conv")


def _is_small(node: Any) -> bool:
    """Whether weights are kept as 8-bit integers, whatever is done to them on their way."""
    while node.get_input_size():
        node = node.input_value(0).get_node()
    return str(node.get_element_type().get_type_name()) == "i8"
