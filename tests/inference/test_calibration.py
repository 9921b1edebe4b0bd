"""A calibration beside the weights: confidences become probabilities everywhere, scores and thresholds stay."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pymupdf
import pytest

from docdetect.calibration import Calibration, ScoreMap, calibration_to_json
from docdetect.config.loading import load_config
from docdetect.files import read_json, sha256_file, write_json, write_text
from docdetect.inference import networks as module
from docdetect.inference.detector import Detector
from docdetect.inference.run import infer
from docdetect.models.thresholds import calibration_path
from tests.support.fakes import ColourEngine, make_pdf

HALVED = Calibration({"stamp": ScoreMap("platt", (0.0, 1.0), (0.0, 0.5))})


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights that stand for the engine that finds colours, and a document for it."""
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: ColourEngine())
    make_pdf(tmp_path / "in" / "a.pdf", [[("stamp", (20, 20, 60, 50)), ("signature", (100, 200, 150, 220))]])
    file = tmp_path / "w.pt"
    write_text(file, "weights")
    return file


def _run(weights: Path, output: str, **more: object) -> Path:
    folder = weights.parent / output
    values = {"source": str(weights.parent / "in"), "output": str(folder), "weights": str(weights), "imgsz": 256}
    values |= {"workers": 1, "formats": ("json", "csv", "coco"), "save_pdf": True, **more}
    infer(load_config(None, (), {f"infer.{key}": value for key, value in values.items()}))
    return folder


def _in_json(folder: Path) -> dict[str, float]:
    marks = read_json(folder / "detections.json")["a.pdf"]["page_1"]["annotations"]
    return {mark["category"]: mark["confidence"] for one in marks for mark in one.values()}


def test_every_result_shows_probabilities_and_the_journal_keeps_the_scores(weights: Path) -> None:
    scores = _in_json(_run(weights, "plain"))
    write_json(calibration_path(weights), calibration_to_json(HALVED))
    folder = _run(weights, "calibrated")
    shown = _in_json(folder)
    assert shown["signature"] == scores["signature"], "a class without a map keeps its scores"
    assert shown["stamp"] == pytest.approx(scores["stamp"] / 2, abs=1e-4)
    assert 0 < shown["stamp"] < 0.3
    with (folder / "detections.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert {row["category"]: float(row["confidence"]) for row in csv.DictReader(stream)} == shown
    coco = read_json(folder / "detections_coco.json")["annotations"]
    assert sorted(mark["score"] for mark in coco) == sorted(shown.values())
    page = json.loads((folder / "detections.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert {mark["category"]: mark["confidence"] for mark in page["marks"]} == shown
    assert {mark["category"]: mark["score"] for mark in page["marks"]} == scores
    assert {mark["category"]: mark["confidence"] for mark in page["raw"]} == scores
    with pymupdf.open(folder / "pdf" / "a.pdf") as pdf:
        said = " ".join(annotation.info["content"] for annotation in pdf[0].annots())
    assert f"confidence {shown['stamp']:.2f}" in said
    with Detector(weights, imgsz=256, workers=1) as detector:
        (found,) = detector.detect(weights.parent / "in" / "a.pdf")
    assert {mark.category: mark.confidence for mark in found.marks} == shown


def test_thresholds_refer_to_scores(weights: Path) -> None:
    write_json(calibration_path(weights), calibration_to_json(HALVED))
    assert set(_in_json(_run(weights, "out", conf=0.4))) == {"stamp", "signature"}


def test_resumed_results_with_a_calibration_are_those_of_an_uninterrupted_run(weights: Path) -> None:
    write_json(calibration_path(weights), calibration_to_json(HALVED))
    make_pdf(weights.parent / "in" / "b.pdf", [[("stamp", (20, 20, 60, 50))]])
    first = _run(weights, "whole")
    parts = _run(weights, "parts", include=("a.pdf",))
    _run(weights, "parts", resume=True)
    for name in ("detections.json", "detections.csv", "detections.jsonl"):
        assert (parts / name).read_bytes() == (first / name).read_bytes()


def test_another_calibration_is_another_setting(weights: Path) -> None:
    def settings_hash() -> str:
        with Detector(weights, imgsz=256, workers=1) as detector:
            return detector.settings().content_hash()

    hashes = [settings_hash()]
    for calibration in (HALVED, Calibration({"qr": HALVED.maps["stamp"]}, "", sha256_file(weights))):
        write_json(calibration_path(weights), calibration_to_json(calibration))
        hashes.append(settings_hash())
    assert len(set(hashes)) == 3
