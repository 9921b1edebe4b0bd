"""From which confidence a mark counts: as asked for, as kept beside the weights, or the default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docdetect.config.loading import load_config
from docdetect.errors import ConfigError
from docdetect.files import read_json, write_json, write_text
from docdetect.inference import networks as module
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import line_to_page, line_to_thresholds, parse_line, run_to_line
from docdetect.inference.run import infer
from docdetect.models.thresholds import Thresholds, thresholds_path, thresholds_to_json
from docdetect.review.journal_index import JournalIndex
from docdetect.types import PageResult
from tests.support.fakes import SETTINGS, ColourEngine, make_image


def test_the_line_of_a_runs_settings_tells_the_threshold_of_each_category() -> None:
    def read(**changes: Any) -> dict[str, float]:
        line = json.loads(run_to_line(SETTINGS))
        line["values"].update(changes)
        parsed = parse_line(json.dumps(line))
        assert parsed is not None
        return line_to_thresholds(parsed)

    assert read(class_conf=[]) == dict.fromkeys(SETTINGS.class_names, SETTINGS.conf)
    assert read(class_conf=[0.1, 0.2, 0.3]) == dict(zip(SETTINGS.class_names, (0.1, 0.2, 0.3), strict=True))
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        read(class_conf=[0.1])
    with pytest.raises(ValueError, match="a category twice"):
        read(class_names=["qr", "stamp", "qr"])


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


def _journal_pages(weights: Path, output: str) -> list[dict[str, Any]]:
    lines = (weights.parent / output / "detections.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for line in lines if (record := json.loads(line))["record"] == "page"]


def test_a_possible_mark_between_two_thresholds_is_kept_for_a_person(weights: Path) -> None:
    kept = Thresholds({"signature": 0.7, "stamp": 0.3}, check={"signature": 0.4})
    write_json(thresholds_path(weights), thresholds_to_json(kept))
    classes, settings = _found(weights, "kept")
    assert classes == ["stamp"]
    assert settings["check_conf"] == [0.05, 0.4, 0.05]
    (page,) = _journal_pages(weights, "kept")
    (possible,) = page["possible_marks"]
    assert possible["category"] == "signature"
    assert 0.4 <= possible["confidence"] < 0.7
    _found(weights, "off", check_conf=1.0)
    (page,) = _journal_pages(weights, "off")
    assert "possible_marks" not in page


def test_journals_with_the_earlier_key_of_possible_marks_are_read(weights: Path) -> None:
    _found(weights, "kept", conf=0.7, check_conf=0.4)
    journal = weights.parent / "kept" / JOURNAL_NAME
    (before,) = _journal_pages(weights, "kept")
    journal.write_text(journal.read_text(encoding="utf-8").replace("possible_marks", "doubtful"), encoding="utf-8")
    (after,) = _journal_pages(weights, "kept")
    assert after["doubtful"] == before["possible_marks"] != []
    line = parse_line(json.dumps(after))
    assert line is not None
    result = line_to_page(line, SETTINGS.class_names)
    assert isinstance(result, PageResult)
    assert result.possible_marks is not None
    assert sorted(result.possible_marks.class_ids.tolist()) == [1, 2]
    index = JournalIndex(weights.parent / "kept")
    index.refresh()
    page = index.page("a.png", 1)
    assert page is not None
    assert sorted(page.possible_categories) == [1, 2]


def test_one_threshold_for_each_class(weights: Path) -> None:
    classes, settings = _found(weights, "pairs", conf="signature=0.9,stamp=0.2")
    assert classes == ["stamp"]
    assert settings["class_conf"] == [0.15, 0.9, 0.2]
    with pytest.raises(ConfigError, match="seal not among the classes"):
        _found(weights, "unknown", conf="seal=0.9")
    with pytest.raises(ConfigError, match=r"pairs such as signature=0\.3"):
        _found(weights, "words", conf="signature=high")
