"""A detector over the pictures of a dataset: nothing that is odd about a picture passes in silence."""

from __future__ import annotations

from pathlib import Path

from docdetect.datasets.reader import read_dataset
from docdetect.evaluation.predictions import Prediction, predict_dataset
from tests.support.fakes import CLASSES, ColourEngine, make_image


def test_a_damaged_picture_is_evaluated_and_said(tmp_path: Path) -> None:
    for name in ("cut", "whole"):
        make_image(tmp_path / "val" / "images" / f"{name}.jpg", [("stamp", (50, 40, 120, 90))])
    cut = tmp_path / "val" / "images" / "cut.jpg"
    cut.write_bytes(cut.read_bytes()[:-2])
    (tmp_path / "data.yaml").write_text(f"val: val/images\nnames: [{', '.join(CLASSES)}]\n", encoding="utf-8")
    images = read_dataset(str(tmp_path / "data.yaml"), ("val",)).splits["val"]
    said: list[str] = []
    pages = list(
        predict_dataset(ColourEngine(), images, CLASSES, Prediction(conf=0.5, workers=0), announce=said.append)
    )
    assert [len(page.found) for page in pages] == [1, 1]
    assert len(said) == 1
    assert said[0].startswith(f"{cut}: the picture is damaged (")
