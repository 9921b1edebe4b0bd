"""The benchmark of small pictures: cut-outs hold their mark, and pictures are enlarged as far as each row says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.small_pictures import cut_outs

from benchmarks import small_pictures
from docdetect.types import Detections
from tests.benchmarks.test_sizes import made_up_folder
from tests.support.fakes import COLOURS, ColourEngine


def test_a_cut_out_holds_its_mark() -> None:
    pixels = np.full((400, 300, 3), 255, np.uint8)
    pixels[100:140, 50:150] = COLOURS["signature"]
    marks = Detections(np.array([[100, 200, 300, 280]], np.float32), np.array([1]), (600, 800))
    (picture,) = cut_outs(pixels, marks)
    assert picture.kind == "cut-out, signature"
    assert picture.pixels.shape == (90, 150, 3)
    left, top, right, bottom = picture.marks.xyxy[0].astype(int)
    assert (picture.pixels[top:bottom, left:right] == COLOURS["signature"]).all()


def test_every_factor_has_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up_folder(tmp_path / "data")
    monkeypatch.setattr(small_pictures, "origin_engine", lambda *_, **__: ColourEngine())
    (tmp_path / "data/train/sig_unc/images/9.png").write_bytes(b"no picture")
    monkeypatch.setattr(small_pictures, "network_imgsz", lambda _: 640)
    command = ["small_pictures", "--data", str(tmp_path / "data"), "--every", "3"]
    monkeypatch.setattr(sys, "argv", command)
    small_pictures.main()
    printed, told = capsys.readouterr()
    assert "sig_unc, 9.png: left out" in told
    assert told.count("neg_letters: 1 pages") == 1
    for factor in ("1", "1.5", "2", "2.6", "none"):
        assert f"| page of 320 px | {factor} | 2: 1.000 / 1.000 |  |" in printed
        assert f"| cut-out, signature | {factor} | 2: 1.000, 100% found |  |" in printed
    monkeypatch.setattr(sys, "argv", [*command, "--pages", "1"])
    small_pictures.main()
    assert "| page of 320 px | 1 | 1: 1.000 / 1.000 |  |" in capsys.readouterr().out
