"""Which networks look at pages: the bundled ensemble, one network alone, or an ensemble of one's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docdetect.config.loading import load_config
from docdetect.errors import ConfigError, InputError
from docdetect.files import read_json, write_json
from docdetect.inference import networks as module
from docdetect.inference.detector import Detector
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.networks import find_weights
from docdetect.inference.run import infer, loaded_detector
from docdetect.models.engines.base import Engine
from docdetect.models.engines.ensemble import EnsembleEngine
from docdetect.models.thresholds import Thresholds, thresholds_path, thresholds_to_json
from docdetect.models.weights import content_hash
from docdetect.service.runner import Service
from tests.support.fakes import ColourEngine, make_image

BOTH = "docdetect-both.ensemble.json"
LOOKS = (("docdetect-n", 64), ("docdetect-n", 256), ("docdetect-s", 96))


def ensemble(file: Path, *looks: tuple[str, int], second_look: bool = True) -> Path:
    named = [{"weights": weights, "imgsz": imgsz} for weights, imgsz in looks]
    file.write_text(json.dumps({"format": 1, "looks": named, "second_look": second_look}), encoding="utf-8")
    return file


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled weights whose networks find colours, and a page for them."""

    def load(weights: Path, **_: Any) -> Engine:
        if weights.suffix == ".json":
            return EnsembleEngine([ColourEngine(), ColourEngine()], second_look=True)
        return ColourEngine()

    monkeypatch.setattr(module, "load_engine", load)
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr("docdetect.models.weights.BUNDLED_FOLDER", folder)
    for name in ("docdetect-s", "docdetect-n"):
        (folder / f"{name}.pt").write_bytes(name.encode())
    ensemble(folder / BOTH, *LOOKS)
    make_image(tmp_path / "in" / "a.png", [("stamp", (10, 10, 160, 110))])
    return folder


def given(tmp_path: Path, **options: Any) -> Any:
    usual = {"source": str(tmp_path / "in"), "output": str(tmp_path / "out"), "save_pages": False, "workers": 1}
    options = {f"infer.{key}": value for key, value in {**usual, **options}.items()}
    return load_config(None, (), {"train.runs": str(tmp_path / "none"), **options})


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, BOTH),
        ({"engine": "torch", "precision": "fp32", "trim": "off", "conf": 0.3}, BOTH),
        ({"weights": "docdetect-both"}, BOTH),
        ({"weights": "docdetect-n"}, "docdetect-n.pt"),
        ({"fast": True}, "docdetect-n.pt"),
        ({"fast": True, "imgsz": 640}, "docdetect-n.pt"),
        ({"imgsz": 1024}, "docdetect-s.pt"),
        ({"scales": [768]}, "docdetect-s.pt"),
        ({"scales": [768], "second_look": True}, "docdetect-s.pt"),
        ({"screen": "docdetect-n"}, "docdetect-s.pt"),
        ({"weights": "docdetect-both", "screen": "docdetect-n"}, BOTH),
    ],
)
def test_infer_takes_the_ensemble_unless_an_option_is_about_one_network(
    options: dict[str, Any], weights: str, bundled: Path, tmp_path: Path
) -> None:
    report = infer(given(tmp_path, **options))
    assert report.totals.pages == 1
    summary = read_json(tmp_path / "out" / "summary.json")
    assert Path(summary["run"]["weights"]) == bundled / weights
    settings = summary["settings"]
    assert settings["weights_sha256"] == content_hash(bundled / weights)
    together = ["docdetect-n@64", "docdetect-n@256", "docdetect-s@96"] if weights == BOTH else []
    assert settings["ensemble"] == together
    assert settings["second_look"] == (weights == BOTH or options.get("second_look", False))
    if weights == BOTH:
        assert settings["imgsz"] == 256, "pages are rendered at the largest size"


def test_an_ensemble_that_always_looks_as_a_whole_has_no_second_look(bundled: Path, tmp_path: Path) -> None:
    ensemble(bundled / BOTH, *LOOKS, second_look=False)
    infer(given(tmp_path))
    settings = read_json(tmp_path / "out" / "summary.json")["settings"]
    assert (settings["ensemble"][0], settings["second_look"]) == ("docdetect-n@64", False)


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, BOTH),
        ({"alone": True}, "docdetect-s.pt"),
        ({"imgsz": 640}, "docdetect-s.pt"),
        ({"screen": "docdetect-n"}, "docdetect-s.pt"),
        ({"weights": "docdetect-both", "alone": True}, BOTH),
        ({"weights": "docdetect-n", "imgsz": 640}, "docdetect-n.pt"),
    ],
)
def test_a_detector_takes_the_ensemble_unless_an_argument_is_about_one_network(
    options: dict[str, Any], weights: str, bundled: Path
) -> None:
    with Detector(**options) as detector:
        assert detector.weights == bundled / weights
        assert isinstance(detector.engine, EnsembleEngine) == (weights == BOTH)


def test_the_service_takes_what_infer_takes(bundled: Path, tmp_path: Path) -> None:
    for options, weights in (({}, BOTH), ({"imgsz": 640}, "docdetect-s.pt"), ({"fast": True}, "docdetect-n.pt")):
        with Service(given(tmp_path, **options))._load() as detector:
            assert detector.weights == bundled / weights


@pytest.mark.parametrize("missing", ["docdetect-n.pt", BOTH])
def test_without_a_whole_ensemble_docdetect_s_looks_alone(missing: str, bundled: Path, tmp_path: Path) -> None:
    (bundled / missing).unlink()
    with Detector() as detector, loaded_detector(given(tmp_path), print) as loaded:
        assert detector.weights == loaded.weights == bundled / "docdetect-s.pt"
        assert detector.settings().ensemble == ()


def test_a_damaged_ensemble_is_no_matter_where_one_network_looks(bundled: Path, tmp_path: Path) -> None:
    (bundled / BOTH).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"docdetect-both\.ensemble\.json: not valid JSON"):
        infer(given(tmp_path))
    assert infer(given(tmp_path, imgsz=64)).totals.pages == 1
    with Detector(imgsz=64) as detector:
        assert detector.weights == bundled / "docdetect-s.pt"


def test_options_about_one_network_are_refused_for_an_ensemble(bundled: Path, tmp_path: Path) -> None:
    remedy = "or name one network, for example --weights docdetect-s."
    for options, message in (
        ({"imgsz": 640}, "imgsz: .* is an ensemble, whose networks have their own sizes"),
        ({"scales": [64]}, "scales: .* is an ensemble, whose networks have their own sizes"),
        ({"scales": [64], "second_look": True}, "scales: .* is an ensemble, whose networks"),
        ({"second_look": True}, "second_look: .* is an ensemble, which says itself"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            infer(given(tmp_path, weights="docdetect-both", **options))
        assert caught.value.remedy.endswith(remedy)
    with pytest.raises(ConfigError, match=r"imgsz: .* is an ensemble"):
        Detector(str(bundled / BOTH), imgsz=64)


def test_an_ensemble_is_refused_before_documents_are_looked_for(
    bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(*_: object, **__: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr("docdetect.inference.run.chosen_documents", begun)
    file = ensemble(tmp_path / "mine.ensemble.json", ("docdetect-n", 64), ("gone.pt", 96))
    with pytest.raises(InputError, match=r"mine\.ensemble\.json: gone\.pt: no such weights"):
        infer(given(tmp_path, weights=str(file)))
    with pytest.raises(InputError, match="an ensemble of networks; screen takes one network"):
        infer(given(tmp_path, screen="docdetect-both"))
    with pytest.raises(ConfigError, match="docdetect-s is the network itself"):
        infer(given(tmp_path, screen="docdetect-s"))
    for options in ({"imgsz": 640}, {"scales": [64]}, {"second_look": True}):
        with pytest.raises(ConfigError, match="is an ensemble"):
            infer(given(tmp_path, weights="docdetect-both", **options))
    with pytest.raises(InputError, match="an ensemble of networks; screen takes one network"):
        Detector(engine=ColourEngine(), screen="docdetect-both")
    assert find_weights("", "docdetect-n", tmp_path, alone=True).screen == bundled / "docdetect-n.pt"


def test_thresholds_beside_an_ensemble_decide_and_those_of_its_networks_do_not(bundled: Path, tmp_path: Path) -> None:
    for file, conf in ((BOTH, 0.6), ("docdetect-n.pt", 0.2), ("docdetect-s.pt", 0.3)):
        kept = Thresholds(dict.fromkeys(("qr", "signature", "stamp"), conf), "here")
        write_json(thresholds_path(bundled / file), thresholds_to_json(kept))
    with Detector() as detector:
        assert set(detector.settings().thresholds) == {0.6}
    with Detector(alone=True) as detector:
        assert set(detector.settings().thresholds) == {0.3}


def test_a_run_of_an_ensemble_goes_on_and_starts_over_where_one_of_its_networks_is_another(
    bundled: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    infer(given(tmp_path), announce=said.append)
    again = infer(given(tmp_path, resume=True), announce=said.append)
    assert (again.pages_now, said) == (0, [])
    (bundled / "docdetect-s.pt").write_bytes(b"another network")
    again = infer(given(tmp_path, resume=True), announce=said.append)
    assert again.pages_now == 1
    assert "1 document starts over, because settings are others" in said[0]
    assert "weights_sha256 was " in said[0]
    again = infer(given(tmp_path, resume=True, weights="docdetect-s"), announce=said.append)
    assert again.pages_now == 1
    assert "ensemble was docdetect-n@64, docdetect-n@256, docdetect-s@96 and is none" in said[1]


def test_runs_go_on_whose_journals_do_not_tell_of_the_second_look_of_an_ensemble(bundled: Path, tmp_path: Path) -> None:
    said: list[str] = []
    infer(given(tmp_path), announce=said.append)
    journal = tmp_path / "out" / JOURNAL_NAME
    text = journal.read_text(encoding="utf-8")
    assert text.count('"second_look":true') == 1
    journal.write_text(text.replace('"second_look":true', '"second_look":false'), encoding="utf-8")
    again = infer(given(tmp_path, resume=True), announce=said.append)
    assert (again.pages_now, said) == (0, [])
    assert read_json(tmp_path / "out" / "summary.json")["settings"]["second_look"] is True
    infer(given(tmp_path, resume=True, iou=0.6), announce=said.append)
    assert "(iou was 0.7 and is 0.6)" in said[0], "what has not changed is not named"


def test_the_hash_of_settings_depends_on_the_second_look_of_one_network(bundled: Path) -> None:
    with Detector() as together, Detector(alone=True, imgsz=96) as alone:
        both, one = together.settings(), alone.settings(scales=[64], second_look=True)
    assert both.second_look
    assert both.content_hash() == replace(both, second_look=False).content_hash()
    assert one.content_hash() != replace(one, second_look=False).content_hash()
