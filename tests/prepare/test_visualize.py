"""Pictures of the ground truth: boxes where the labels say, every page, contact sheets, damage reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docdetect.datasets.layout import YoloDataset, data_yaml_text, read_dataset
from docdetect.documents.drawing import class_colour, write_image
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import AtDpi
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError
from docdetect.files import write_text
from docdetect.prepare.visualize import draw_labels, visualize_dataset

CLASSES = ("qr", "signature", "stamp")


@pytest.fixture
def dataset(tmp_path: Path) -> YoloDataset:
    write_text(tmp_path / "data.yaml", data_yaml_text(CLASSES, test=False))
    for split, names in {"train": ["a", "б", "c"], "val": ["d"]}.items():
        for name in names:
            write_image(tmp_path / "images" / split / f"{name}.png", np.full((300, 200, 3), 255, np.uint8))
            write_text(tmp_path / "labels" / split / f"{name}.txt", "2 0.5 0.5 0.5 0.4\n")
    (tmp_path / "labels" / "train" / "c.txt").unlink()
    return read_dataset(tmp_path)


def pixels_of(path: Path) -> Any:
    with open_document(DocumentFile(path, path.name, DocumentKind.IMAGE)) as image:
        return image.render(1, AtDpi(10_000)).pixels


def test_the_box_is_drawn_where_the_label_says() -> None:
    drawn = draw_labels(np.full((300, 200, 3), 255, np.uint8), "2 0.5 0.5 0.5 0.4\n", CLASSES, "x")
    red = (drawn == class_colour(2, "stamp")).all(axis=2)
    rows, columns = np.nonzero(red)
    assert abs(int(columns.min()) - 50) <= 1
    assert abs(int(columns.max()) - 150) <= 1
    assert abs(int(rows.max()) - 210) <= 1
    assert red[200, 50:151].sum() <= 4, "the inside of the box stays free"


def test_every_image_is_drawn_and_on_a_sheet(dataset: YoloDataset, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    drawn = visualize_dataset(dataset, tmp_path / "vis", on_progress=lambda done, total, _: seen.append((done, total)))
    assert (drawn.pages, drawn.failures) == (4, ())
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [path.name for path in drawn.sheets] == ["contact_train_01.jpg", "contact_val_01.jpg"]
    assert {path.relative_to(tmp_path / "vis").as_posix() for path in (tmp_path / "vis").rglob("*.jpg")} == {
        "train/a.jpg",
        "train/б.jpg",
        "train/c.jpg",
        "val/d.jpg",
        "contact_train_01.jpg",
        "contact_val_01.jpg",
    }
    coloured = {path.stem: np.ptp(pixels_of(path), axis=2).max() > 80 for path in (tmp_path / "vis").glob("*/*.jpg")}
    assert coloured == {"a": True, "б": True, "c": False, "d": True}


def test_damage_is_reported_and_the_rest_drawn(dataset: YoloDataset, tmp_path: Path) -> None:
    write_text(tmp_path / "labels" / "train" / "a.txt", "2 5 5 5\n")
    (tmp_path / "images" / "val" / "e.png").write_bytes(b"no picture")
    drawn = visualize_dataset(dataset, tmp_path / "vis")
    assert drawn.pages == 3
    assert [failed.document for failed in drawn.failures] == ["train/a.png", "val/e.png"]
    assert "expected 5 values" in drawn.failures[0].failure.message


def test_no_images_is_an_error(tmp_path: Path) -> None:
    write_text(tmp_path / "data.yaml", data_yaml_text(CLASSES, test=False))
    with pytest.raises(InputError, match="no images in this dataset"):
        visualize_dataset(read_dataset(tmp_path), tmp_path / "vis")
