"""`infer --screen` and `--fast`: from the options to the counts in the results, with two tiny networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docdetect.cli.main import run
from docdetect.config.loading import load_config
from docdetect.errors import ConfigError, InputError
from docdetect.files import read_json
from docdetect.inference.detector import Detector
from docdetect.inference.journal_lines import Origin, line_to_page, page_to_line, parse_line
from docdetect.inference.networks import find_weights
from docdetect.inference.run import infer, loaded_detector
from docdetect.models.conversions import MANIFEST_NAME
from docdetect.models.weights import (
    BUNDLED_NAMES,
    FAST_NAME,
    bundled_weights,
    is_same_network,
    network_imgsz,
    resolve_weights,
)
from docdetect.types import Detections, PageInfo, PageResult
from tests.support.fakes import SETTINGS, make_folder
from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two untrained networks, of which the threshold of the second decides whether it sees nothing or anything."""
    folder = tmp_path_factory.mktemp("networks")
    return write_checkpoint(folder / "a.pt"), write_checkpoint(folder / "b.pt", half=False)


@pytest.mark.parametrize(("conf", "screened_out"), [("1", 6), ("0", 0)])
def test_pages_that_are_screened_out_are_counted(
    conf: str, screened_out: int, networks: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(tmp_path / "in")
    first, second = networks
    options = ["--weights", str(first), "--screen", str(second), "--screen-conf", conf, "--imgsz", "96"]
    command = ["infer", str(tmp_path / "in"), "--output", str(tmp_path / "out"), *options, "--workers", "1"]
    assert run([*command, "--set", "infer.save_pages=false"]) == 7  # one of the documents is damaged
    summary = read_json(tmp_path / "out" / "summary.json")
    assert summary["totals"]["pages"] == 6
    assert summary["totals"]["screened_out"] == screened_out
    assert ("smaller network saw nothing" in capsys.readouterr().err) == bool(screened_out)


def test_the_journal_remembers_which_pages_were_screened_out() -> None:
    info = PageInfo("a.pdf", 1, (100, 200))
    none = Detections.none((100, 200))
    for screened_out in (True, False):
        line = parse_line(
            page_to_line(PageResult(info, none, none, screened_out=screened_out), Origin("", ""), SETTINGS)
        )
        assert line is not None
        page = line_to_page(line, SETTINGS.class_names)
        assert isinstance(page, PageResult)
        assert page.screened_out == screened_out


def test_a_network_does_not_screen_for_itself(networks: tuple[Path, Path]) -> None:
    first, _ = networks
    config = load_config(None, (), {"infer.weights": str(first), "infer.screen": str(first), "infer.imgsz": 96})
    with pytest.raises(ConfigError, match="is the network itself"):
        loaded_detector(config, print)


def test_networks_that_do_not_go_together_are_refused_before_anything_is_loaded_or_listed(
    networks: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(*_: object, **__: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr("docdetect.inference.networks.load_engine", begun)
    monkeypatch.setattr("docdetect.inference.run.chosen_documents", begun)
    copy = tmp_path / "copy.pt"
    copy.write_bytes(networks[0].read_bytes())
    same = {"infer.weights": str(networks[0]), "infer.screen": str(copy)}
    two = {"infer.weights": str(networks[0]), "infer.fast": True}
    for given, message in ((same, "is the network itself"), (two, "--fast means the weights docdetect-n")):
        config = load_config(None, (), {"infer.source": [str(tmp_path)], **given})
        with pytest.raises(ConfigError, match=message):
            infer(config)
    with pytest.raises(ConfigError, match="is the network itself"):
        Detector(networks[0], screen=copy)
    with pytest.raises(InputError, match="no such weights"):
        infer(load_config(None, (), {"infer.source": [str(tmp_path)], "infer.screen": "none.pt"}))


def test_an_export_of_a_network_is_the_network_itself(networks: tuple[Path, Path], tmp_path: Path) -> None:
    exports = []
    for number, (weights, engine) in enumerate((one, kind) for one in networks for kind in ("openvino", "onnx")):
        exports.append(tmp_path / f"{number}_{engine}")
        options = ["--engine", engine, "--imgsz", "96", "--output", str(exports[-1])]
        assert run(["--quiet", "export", "--weights", str(weights), *options]) == 0
    first, second = networks
    for weights, screen in ((first, exports[0]), (exports[0], first), (exports[0], exports[1])):
        with pytest.raises(ConfigError, match="is the network itself") as caught:
            find_weights(str(weights), str(screen), tmp_path, alone=True)
        assert "--scales 640 --second-look" in caught.value.remedy
        with pytest.raises(ConfigError, match="is the network itself"):
            Detector(weights, screen=screen)
    for weights, screen in ((first, second), (first, exports[2]), (exports[0], second), (exports[1], exports[3])):
        assert find_weights(str(weights), str(screen), tmp_path, alone=True).screen is not None


def test_an_export_that_does_not_tell_its_origin_is_compared_by_its_content(tmp_path: Path) -> None:
    for name, manifest in (("a", "{}"), ("b", '{"imgsz": 96}'), ("damaged", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST_NAME).write_text(manifest, encoding="utf-8")
    a, b, damaged = (tmp_path / name / MANIFEST_NAME for name in ("a", "b", "damaged"))
    assert is_same_network(a, a)
    assert not is_same_network(a, b)
    with pytest.raises(InputError, match="damaged, or not an exported network"):
        is_same_network(a, damaged)


def test_fast_means_weights_of_its_own(networks: tuple[Path, Path]) -> None:
    config = load_config(None, (), {"infer.weights": str(networks[0]), "infer.fast": True})
    with pytest.raises(ConfigError, match="--fast means the weights docdetect-n"):
        loaded_detector(config, print)


def test_fast_finds_the_marks_of_a_sample_at_the_size_of_its_weights(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "data" / "samples" / "affidavit.tif"
    assert run(["--quiet", "infer", str(sample), "--fast", "--output", str(tmp_path / "out"), "--workers", "1"]) == 0
    found = read_json(tmp_path / "out" / "detections.json")["affidavit.tif"]["page_1"]["annotations"]
    assert {mark["category"] for one in found for mark in one.values()} == {"qr", "signature", "stamp"}
    summary = read_json(tmp_path / "out" / "summary.json")
    assert Path(summary["run"]["weights"]).stem == FAST_NAME
    assert summary["settings"]["imgsz"] == network_imgsz(bundled_weights()[FAST_NAME]) == 768


@pytest.mark.parametrize("name", ["mine.json", "mine.onnx", "notes"])
def test_a_file_that_is_no_weights_is_refused_before_anything_is_done(
    name: str, networks: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("{}", encoding="utf-8")
    given = ["--weights", str(tmp_path / name)]
    for options in (given, ["--weights", str(networks[0]), "--screen", str(tmp_path / name)]):
        assert run(["infer", str(tmp_path / "nowhere"), "--output", str(tmp_path / "out"), *options]) == 4
        said = capsys.readouterr().err
        assert said.startswith(f"error: {tmp_path / name}: {Path(name).suffix or 'no suffix'} is not a kind of weights")
        assert "The file of an ensemble is JSON, and its name ends in .ensemble.json." in said


def test_bundled_weights_that_are_not_there_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("docdetect.models.weights.BUNDLED_FOLDER", tmp_path)
    assert bundled_weights() == {}
    for name in BUNDLED_NAMES:
        with pytest.raises(InputError, match=f"{name}: these weights did not come with this docdetect") as caught:
            resolve_weights(name, tmp_path)
        assert f"docdetect weights --pack FILE.pt --name {name}" in caught.value.remedy
    (tmp_path / f"{FAST_NAME}.pt").write_bytes(b"")
    assert resolve_weights(FAST_NAME, tmp_path) == tmp_path / f"{FAST_NAME}.pt"
    assert np.all([name.startswith("docdetect-") for name in BUNDLED_NAMES])
