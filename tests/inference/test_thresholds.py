"""From which confidence a mark counts: as asked for, as kept beside the weights, or the default."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.config.loading import load_config
from docdetect.files import read_json, write_json, write_text
from docdetect.inference import detector as module
from docdetect.inference.run import infer
from docdetect.models.thresholds import Thresholds, thresholds_path, thresholds_to_json
from tests.support.fakes import ColourEngine, make_image


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights that `infer` takes for those of the engine that finds colours, and a page for it."""
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: ColourEngine())
    make_image(tmp_path / "in" / "a.png", [("stamp", (10, 10, 160, 110)), ("signature", (200, 150, 240, 170))])
    file = tmp_path / "w.pt"
    write_text(file, "weights")
    return file


def _found(weights: Path, output: str, **more: object) -> tuple[list[str], dict[str, object]]:
    """The classes found and the settings of the run."""
    folder = weights.parent / output
    flags = {"source": str(weights.parent / "in"), "output": str(folder), "weights": str(weights), "save_pages": False}
    infer(load_config(None, (), {f"infer.{key}": value for key, value in {**flags, "workers": 1, **more}.items()}))
    marks = read_json(folder / "detections.json")["a.png"]["page_1"]["annotations"]
    settings = read_json(folder / "summary.json")["settings"]
    return sorted(mark["category"] for one in marks for mark in one.values()), settings


def test_thresholds_beside_the_weights_decide_unless_one_is_asked_for(weights: Path) -> None:
    classes, settings = _found(weights, "plain")
    assert classes == ["signature", "stamp"]
    assert (settings["conf"], settings["class_conf"]) == (0.15, [])
    write_json(thresholds_path(weights), thresholds_to_json(Thresholds({"signature": 0.7, "stamp": 0.3})))
    classes, settings = _found(weights, "kept")
    assert classes == ["stamp"], "the small signature has a confidence of about 0.5"
    assert (settings["conf"], settings["class_conf"]) == (0.15, [0.15, 0.7, 0.3])
    classes, settings = _found(weights, "asked", conf=0.2)
    assert classes == ["signature", "stamp"]
    assert (settings["conf"], settings["class_conf"]) == (0.2, [])
