"""The file of an ensemble: what it says, and what is said about one that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import InputError
from docdetect.models.ensemble import Ensemble, Look, ensemble_name, is_ensemble, read_ensemble

SMALL, LARGE = {"weights": "a.pt", "imgsz": 640}, {"weights": "b.pt", "imgsz": 1024}


def written(folder: Path, data: Any) -> Path:
    file = folder / "two.ensemble.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return file


def test_what_a_file_says(tmp_path: Path) -> None:
    both = Ensemble((Look("a.pt", 640), Look("b.pt", 1024)), second_look=True)
    data = {"format": 1, "looks": [SMALL, LARGE], "second_look": True}
    assert read_ensemble(written(tmp_path, data)) == both
    assert read_ensemble(written(tmp_path, "\ufeff" + json.dumps(data))) == both, "with a byte-order mark"
    assert not read_ensemble(written(tmp_path, {"format": 1, "looks": [SMALL, LARGE]})).second_look
    assert both.imgsz == 1024
    assert Ensemble((Look("b.pt", 1024), Look("a.pt", 640)), second_look=True).imgsz == 1024


def test_the_name_of_a_file_tells_what_it_is() -> None:
    assert is_ensemble(Path("x") / "two.ensemble.json")
    for other in ("two.json", "ensemble.json", "two.pt", "two.ensemble.json.thresholds.json"):
        assert not is_ensemble(Path(other))
    assert ensemble_name(Path("x") / "a.b.ensemble.json") == "a.b"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], r"\{\.\.\.\} with format, looks expected"),
        ({"looks": [SMALL, LARGE]}, "format is missing"),
        ({"format": 1}, "looks is missing"),
        ({"format": 2, "looks": [SMALL, LARGE]}, "format 1 expected"),
        ({"format": 1, "looks": [SMALL, LARGE], "secondlook": True}, "'secondlook' means nothing here"),
        ({"format": 1, "looks": [SMALL, LARGE], "second_look": "false"}, "second_look is 'false', neither"),
        ({"format": 1, "looks": []}, "at least two looks expected"),
        ({"format": 1, "looks": [SMALL]}, "at least two looks expected"),
        ({"format": 1, "looks": [SMALL, SMALL]}, "two looks are the same"),
        ({"format": 1, "looks": None}, r"looks is no list"),
        ({"format": 1, "looks": SMALL}, r"looks is no list"),
        ({"format": 1, "looks": ["a.pt", "b.pt"]}, r"\{\.\.\.\} with weights, imgsz expected"),
        ({"format": 1, "looks": [SMALL, {"weights": "b.pt"}]}, "imgsz is missing"),
        ({"format": 1, "looks": [SMALL, {"imgsz": 640}]}, "weights is missing"),
        ({"format": 1, "looks": [SMALL, {**LARGE, "size": 3}]}, "'size' means nothing here"),
        ({"format": 1, "looks": [SMALL, {"weights": 7, "imgsz": 640}]}, "weights 7 are neither a path nor a name"),
        ({"format": 1, "looks": [SMALL, {"weights": "", "imgsz": 640}]}, "weights '' are neither a path nor a name"),
        ({"format": 1, "looks": [SMALL, {"weights": "a\0", "imgsz": 640}]}, "are neither a path nor a name"),
    ],
)
def test_what_is_no_ensemble_says_why_and_how_to_write_one(tmp_path: Path, data: Any, reason: str) -> None:
    with pytest.raises(InputError, match=rf"two\.ensemble\.json: not an ensemble of networks \(.*{reason}") as caught:
        read_ensemble(written(tmp_path, data))
    assert caught.value.remedy.startswith('Write it as {"format": 1, "looks": [')


@pytest.mark.parametrize("imgsz", [0, -640, 16, 650, 640.0, "640", None, True, 8224, 10**30])
def test_a_size_is_a_multiple_of_32_in_bounds(tmp_path: Path, imgsz: object) -> None:
    data = {"format": 1, "looks": [SMALL, {"weights": "b.pt", "imgsz": imgsz}]}
    with pytest.raises(InputError, match=r"imgsz .* is no multiple of 32 up to 8192"):
        read_ensemble(written(tmp_path, data))
    for sound in (32, 8192):
        data["looks"][1]["imgsz"] = sound  # type: ignore[index]
        assert read_ensemble(written(tmp_path, data)).looks[1].imgsz == sound


def test_files_that_are_no_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"two\.ensemble\.json: not valid JSON \(line 1, column 2") as caught:
        read_ensemble(written(tmp_path, "{"))
    assert caught.value.remedy.startswith('Write it as {"format": 1, "looks": ['), "YAML is a likely mistake"
    with pytest.raises(InputError, match=r"none\.ensemble\.json: no such file"):
        read_ensemble(tmp_path / "none.ensemble.json")
    (tmp_path / "latin.ensemble.json").write_bytes(b'{"format": 1, "looks": [{"weights": "caf\xe9.pt"}]}')
    with pytest.raises(InputError, match=r"latin\.ensemble\.json: not UTF-8 text"):
        read_ensemble(tmp_path / "latin.ensemble.json")
    (tmp_path / "folder.ensemble.json").mkdir()
    with pytest.raises(InputError, match=r"folder\.ensemble\.json: "):
        read_ensemble(tmp_path / "folder.ensemble.json")
