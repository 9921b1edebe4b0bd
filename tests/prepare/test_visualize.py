"""Pictures of the ground truth: boxes where the labels say, every page, contact sheets, damage reported."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docdetect.datasets.data_yaml import data_yaml_text
from docdetect.datasets.reader import DatasetFiles, list_dataset
from docdetect.documents.drawing import write_image
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import AtDpi
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import write_text
from docdetect.prepare.manifest import Manifest, read_manifest, write_manifest
from docdetect.prepare.visualize import thumbnail, visualize_dataset
from docdetect.types import Detections

CLASSES = ("qr", "signature", "stamp")
PLACES = {"train": ["images/train"], "val": ["images/val"]}


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFiles:
    write_text(tmp_path / "data.yaml", data_yaml_text(CLASSES, PLACES))
    for split, names in {"train": ["a", "б", "c"], "val": ["d"]}.items():
        for name in names:
            write_image(tmp_path / "images" / split / f"{name}.png", np.full((300, 200, 3), 255, np.uint8))
            write_text(tmp_path / "labels" / split / f"{name}.txt", "2 0.5 0.5 0.5 0.4\n")
    (tmp_path / "labels" / "train" / "c.txt").unlink()
    return list_dataset(tmp_path)


def pixels_of(path: Path) -> Any:
    with open_document(DocumentFile(path, path.name, DocumentKind.IMAGE)) as image:
        return image.render(1, AtDpi(10_000)).pixels


def test_the_box_is_drawn_where_the_label_says(dataset: DatasetFiles, tmp_path: Path) -> None:
    visualize_dataset(dataset, tmp_path / "vis")
    drawn = pixels_of(tmp_path / "vis" / "train" / "a.jpg").astype(int)
    coloured = drawn.min(axis=2) < 200
    rows, columns = np.nonzero(coloured)
    assert abs(int(columns.min()) - 50) <= 2
    assert abs(int(columns.max()) - 150) <= 2
    assert abs(int(rows.max()) - 210) <= 2
    assert not coloured[200, 55:146].any(), "the inside of the box stays free"


def test_nothing_but_thin_frames_lies_on_the_marks_of_a_contact_sheet() -> None:
    page = np.full((1684, 1190, 3), 255, np.uint8)
    boxes = np.array([[100 + 60 * k, 300, 150 + 60 * k, 330] for k in range(10)], np.float32)
    for left, top, right, bottom in boxes.astype(int):
        page[top:bottom, left:right] = 0
    small = thumbnail(page, Detections(boxes, np.full(10, 1, np.int64), (1190, 1684)), CLASSES)
    shown = np.array(Image.open(io.BytesIO(small)).convert("L")).astype(int)
    scale = shown.shape[1] / 1190
    inside = [shown[round(315 * scale), round((left + right) / 2 * scale)] for left, _, right, _ in boxes]
    assert max(inside) < 60, "each mark is as dark as on the page"


def test_every_image_is_drawn_and_on_a_sheet(dataset: DatasetFiles, tmp_path: Path) -> None:
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


def test_folders_of_others_are_left_alone_and_drawings_of_pictures_that_are_gone_are_removed(
    dataset: DatasetFiles, tmp_path: Path
) -> None:
    mine = tmp_path / "mine" / "train" / "a.jpg"
    write_text(mine, "my own")
    with pytest.raises(OutputExistsError, match="mine: exists and was not made by docdetect visualize"):
        visualize_dataset(dataset, tmp_path / "mine")
    assert mine.read_text(encoding="utf-8") == "my own"
    output = tmp_path / "drawn"
    assert visualize_dataset(dataset, output).pages == 4
    manifest = read_manifest(output)
    assert manifest is not None
    assert set(manifest.files) == {path.relative_to(output).as_posix() for path in output.rglob("*.jpg")}
    (tmp_path / "images" / "val" / "d.png").rename(tmp_path / "images" / "val" / "e.png")
    (tmp_path / "images" / "train" / "c.png").unlink()
    (output / "train" / "c.jpg").write_bytes(b"changed by a person")
    assert visualize_dataset(list_dataset(tmp_path), output).pages == 3
    assert [path.name for path in (output / "val").iterdir()] == ["e.jpg"]
    assert (output / "train" / "c.jpg").read_bytes() == b"changed by a person"


def test_drawings_in_a_dataset_of_ours_belong_to_its_manifest(dataset: DatasetFiles, tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest("dataset", {}, {}))
    assert visualize_dataset(dataset, tmp_path / "vis").pages == 4
    assert visualize_dataset(dataset, tmp_path / "vis").pages == 4
    assert not (tmp_path / "vis" / "manifest.json").exists()


def test_damage_is_reported_and_the_rest_drawn(dataset: DatasetFiles, tmp_path: Path) -> None:
    write_text(tmp_path / "labels" / "train" / "a.txt", "2 5 5 5\n")
    (tmp_path / "images" / "val" / "e.png").write_bytes(b"no picture")
    drawn = visualize_dataset(list_dataset(tmp_path), tmp_path / "vis")
    assert drawn.pages == 3
    assert [failed.document for failed in drawn.failures] == ["train/a.png", "val/e.png"]
    assert "expected 5 values" in drawn.failures[0].failure.message


def test_no_images_is_an_error(tmp_path: Path) -> None:
    write_text(tmp_path / "data.yaml", data_yaml_text(CLASSES, PLACES))
    (tmp_path / "images" / "train").mkdir(parents=True)
    with pytest.raises(InputError, match="no pictures in this dataset"):
        visualize_dataset(list_dataset(tmp_path), tmp_path / "vis")


def test_every_folder_of_a_split_is_drawn(dataset: DatasetFiles, tmp_path: Path) -> None:
    write_text(tmp_path / "data.yaml", data_yaml_text(CLASSES, {"train": ["images/train", "images/val"]}))
    drawn = visualize_dataset(list_dataset(tmp_path), tmp_path / "vis")
    assert drawn.pages == 4
    assert (tmp_path / "vis" / "train" / "val" / "d.jpg").is_file()


def test_polygons_are_drawn_as_boxes_and_counted(dataset: DatasetFiles, tmp_path: Path) -> None:
    write_text(tmp_path / "labels" / "train" / "a.txt", "2 0.25 0.3 0.75 0.3 0.5 0.7\n0 .5 .5 .1 .1 0.9\n")
    drawn = visualize_dataset(dataset, tmp_path / "vis")
    assert drawn.failures == ()
    assert [note.rpartition(": ")[2] for note in drawn.notes] == ["1", "1"]
    assert "polygons" in drawn.notes[0]
