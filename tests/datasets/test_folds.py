"""Folds: whole groups of pictures, and a dataset of its own for each fold."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from docdetect.datasets.folds import fold_images, planned_images, write_fold
from docdetect.datasets.origins import Origin
from docdetect.datasets.reader import read_dataset
from docdetect.errors import InputError
from docdetect.files import write_json, write_text


def test_groups_stay_together(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = read_dataset(dataset)
    assert {one.fold for one in fold_images(source, {}, 2, 0)} == {0, 1}
    images = [image for split in source.splits.values() for image in split]
    # The pictures of both splits have the same names, so that each split is given a document of its own.
    origins = {image.name: Origin(image.name, 1, "a" if number < 5 else "b") for number, image in enumerate(images)}
    monkeypatch.setattr("docdetect.datasets.folds.origin_of", lambda image, known: known[image.name])
    folds = [one.fold for one in fold_images(source, origins, 2, 0)]
    assert len(set(folds[:5])) == 1
    assert len(set(folds[5:])) == 1
    assert folds[0] != folds[-1]
    with pytest.raises(InputError, match="9 groups of documents cannot be divided into 10 folds"):
        fold_images(source, {image.name: Origin(image.name, 1, image.name) for image in images}, 10, 0)


def test_a_fold_is_a_dataset_of_its_own(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset.parent, tmp_path / "whole")
    with (tmp_path / "whole" / "data.yaml").open("a", encoding="utf-8") as file:
        file.write("distractors: distractors.json\n")
    write_json(tmp_path / "whole" / "distractors.json", {"images/train/страница_0.png": [[1, 2, 30, 40]]})
    source = read_dataset(str(tmp_path / "whole"))
    images = fold_images(source, {}, 3, 0)
    data = write_fold(tmp_path / "fold", images, 1, source.class_names)
    write_text(tmp_path / "fold" / "images" / "stray.txt", "replaced with the folder")
    data = write_fold(tmp_path / "fold", images, 1, source.class_names)
    assert not (tmp_path / "fold" / "images" / "stray.txt").exists()
    made = read_dataset(str(data))
    assert made.class_names == source.class_names
    held_out = [one.image for one in images if one.fold == 1]
    assert [one.ground_truth.xyxy.tolist() for one in made.splits["val"]] == [
        one.ground_truth.xyxy.tolist() for one in held_out
    ]
    assert sum(len(image.distractors) for split in made.splits.values() for image in split) == 1
    assert made.marks("train") + made.marks("val") == source.marks("train") + source.marks("val")


def test_an_earlier_plan_is_kept_and_must_know_every_picture(dataset: Path) -> None:
    source = read_dataset(dataset)
    plan = {one.image.name: one.fold for one in fold_images(source, {}, 3, 7)}
    assert {one.image.name: one.fold for one in planned_images(source, {}, plan)} == plan
    del plan["images/val/страница_1.png"]
    with pytest.raises(InputError, match=r"images/val/страница_1\.png"):
        planned_images(source, {}, plan)
