"""The benchmark of training at the smallest size: both trainers run, and both modes print their table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import training as benchmark
from docdetect.config.schema import Config
from tests.support.datasets import write_dataset
from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("benchmark")
    write_dataset(folder / "data", train=4, val=6)
    write_checkpoint(folder / "tiny.pt")
    sizes = ["--imgsz", "96", "--batch", "2", "--epochs", "2", "--freeze", "0"]
    return ["--data", str(folder / "data"), "--model", str(folder / "tiny.pt"), *sizes]


@pytest.mark.slow
def test_stock_and_docdetect_are_timed_and_evaluated(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[benchmark.Trained] = []

    def here(arm: str, config: Config, folder: Path) -> benchmark.Trained:
        assert (config.train.erasing, config.train.auto_augment) == (0, None)
        seen.append(benchmark.train_here(arm, config))
        return seen[-1]

    monkeypatch.setattr(benchmark, "in_new_process", here)
    benchmark.main(small)
    shown = capsys.readouterr().out
    assert [(one.pages, len(one.epochs_s), len(one.speeds)) for one in seen] == [(4, 2, 1)] * 2
    assert all(seconds > 0 for one in seen for seconds in one.epochs_s)
    assert [line.split(" | ")[0] for line in shown.splitlines()[2:4]] == ["| Ultralytics", "| docdetect"]
    assert "times the pages a second of stock Ultralytics" in shown
    assert "start tiny.pt, device cpu; pages: 4 train, 6 val" in shown


def test_flips_are_compared_with_no_flips(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arms: dict[str, bool] = {}

    def untrained(arm: str, config: Config, folder: Path) -> benchmark.Trained:
        arms[arm] = config.train.flips
        return benchmark.Trained([1.0], 4, config.train.networks[0].path)

    monkeypatch.setattr(benchmark, "in_new_process", untrained)
    benchmark.main([*small, "--flips"])
    shown = capsys.readouterr().out
    assert arms == {"flips": True, "no_flips": False}
    assert "| all | AP50 | " in shown
    assert shown.count("| noise |") == shown.count("(0.000 to 0.000)") > 0
