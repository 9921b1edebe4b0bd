"""data.yaml: written so that it works in any folder, read as people and other tools write it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from docdetect.datasets.data_yaml import data_yaml_text, read_data_yaml
from docdetect.datasets.reader import YoloDataset, list_dataset, read_dataset
from docdetect.errors import InputError
from docdetect.files import write_text
from tests.support.datasets import write_dataset

CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.fixture
def folder(tmp_path: Path, dataset: Path) -> Path:
    shutil.copytree(dataset.parent, tmp_path / "made")
    return tmp_path / "made"


def counts(dataset: YoloDataset) -> dict[str, int]:
    return {split: len(images) for split, images in dataset.splits.items()}


def test_there_is_no_path_in_it_so_that_ultralytics_takes_the_folder_of_the_file() -> None:
    text = data_yaml_text(("qr", "печать"), {"train": ["images/train"], "val": ["images/val"]})
    assert yaml.safe_load(text) == {"train": "images/train", "val": "images/val", "names": {0: "qr", 1: "печать"}}


def test_a_list_of_folders_is_one_split(folder: Path) -> None:
    names = "names: [qr, signature, stamp]\n"
    write_text(folder / "data.yaml", f"train: [images/train, images/val]\nval: images/val\n{names}")
    assert counts(read_dataset(folder)) == {"train": 9, "val": 3}


def test_what_a_run_folder_holds_means_the_same_dataset(folder: Path, tmp_path: Path) -> None:
    write_text(folder / "distractors.json", '{"images/train/страница_0.png": [[1, 2, 30, 40]]}')
    with (folder / "data.yaml").open("a", encoding="utf-8") as stream:
        stream.write("distractors: distractors.json\n")
    first = read_dataset(folder)
    write_text(tmp_path / "run" / "data.yaml", first.data_yaml_text())
    again = read_dataset(tmp_path / "run" / "data.yaml")
    assert [image.name for image in again.splits["train"]] == [image.name for image in first.splits["train"]]
    assert len(again.splits["train"][0].distractors) == 1
    assert list_dataset(tmp_path / "run").pictures.keys() == {"train", "val"}


def test_a_run_on_lists_of_one_folder_keeps_the_splits_apart(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", train=4, val=1)
    for name, numbers in (("train.txt", (0, 1, 2)), ("val.txt", (3,))):
        write_text(tmp_path / "set" / name, "".join(f"images/train/страница_{n}.png\n" for n in numbers))
    write_text(tmp_path / "set" / "data.yaml", "train: train.txt\nval: val.txt\nnames: [qr, signature, stamp]\n")
    write_text(tmp_path / "run" / "data.yaml", read_dataset(tmp_path / "set").data_yaml_text())
    assert counts(read_dataset(tmp_path / "run")) == {"train": 3, "val": 1}


def test_roboflow_begins_its_paths_one_folder_too_high(tmp_path: Path) -> None:
    write_dataset(tmp_path / "made", train=2, val=1)
    for side in ("train", "val"):
        for kind in ("images", "labels"):
            shutil.copytree(tmp_path / "made" / kind / side, tmp_path / "set" / side / kind)
    text = (
        "train: ../train/images\nval: ../val/images\ntest: ../test/images\nnc: 3\nnames: ['qr', 'signature', 'stamp']\n"
    )
    write_text(tmp_path / "set" / "data.yaml", text)
    found = read_dataset(tmp_path / "set")
    assert counts(found) == {"train": 2, "val": 1}
    assert found.marks("train") == 4
    (note,) = list_dataset(tmp_path / "set").notes
    assert "test: '../test/images' is no folder of pictures" in note


@pytest.mark.parametrize(
    "line",
    [
        "images/train/страница_0.png",
        "./images/train/страница_0.png",
        "{root}/images/train/страница_0.png",
        "data/images/train/страница_0.png",
        "images\\train\\страница_0.png",
    ],
)
def test_a_list_names_pictures_in_many_ways(folder: Path, line: str) -> None:
    write_text(folder / "train.txt", line.format(root=folder) + "\n\n")
    write_text(folder / "data.yaml", "train: train.txt\nval: images/val\nnames: [qr, signature, stamp]\n")
    assert [image.name for image in read_dataset(folder).splits["train"]] == ["images/train/страница_0.png"]


def test_a_list_may_be_relative_to_path(folder: Path, tmp_path: Path) -> None:
    write_text(tmp_path / "lists" / "train.txt", "images/train/страница_1.png\n")
    text = "path: ../made\ntrain: ../lists/train.txt\nval: images/val\nnames: [qr, signature, stamp]\n"
    write_text(tmp_path / "lists" / "data.yaml", text)
    assert [image.name for image in read_dataset(tmp_path / "lists").splits["train"]] == ["images/train/страница_1.png"]


def test_every_picture_that_a_list_names_and_that_is_not_there_is_told(folder: Path) -> None:
    write_text(folder / "train.txt", "images/train/страница_0.png\nimages/train/x.png\nimages/y.png\n")
    write_text(folder / "data.yaml", "train: train.txt\nval: images/val\nnames: [qr, signature, stamp]\n")
    with pytest.raises(InputError) as caught:
        read_dataset(folder)
    lines = caught.value.message.splitlines()
    assert lines[1:] == ["  - line 2: images/train/x.png: no such picture", "  - line 3: images/y.png: no such picture"]


@pytest.mark.parametrize("names", ["{0: qr, 1: signature}", "{'0': qr, '1': signature}", "[qr, signature]"])
def test_names_are_a_list_or_a_map(tmp_path: Path, names: str) -> None:
    write_text(tmp_path / "data.yaml", f"train: x\nnames: {names}\n")
    assert read_data_yaml(tmp_path).class_names == ("qr", "signature")


def test_other_names_of_the_validation_split(folder: Path) -> None:
    write_text(folder / "data.yaml", "train: images/train\nvalidation: images/val\nnames: [qr, signature, stamp]\n")
    assert counts(read_dataset(folder)) == {"train": 6, "val": 3}


def test_a_dataset_without_pages_for_tests_is_told_how_it_gets_some(folder: Path) -> None:
    write_text(folder / "data.yaml", "train: images/train\nval: images/val\nnames: [qr, signature, stamp]\n")
    with pytest.raises(InputError, match="test: no folder of pictures is named") as refused:
        read_dataset(folder, splits=("test",))
    assert "docdetect prepare --test 0.1 makes a dataset with a test split" in refused.value.remedy


def test_a_usual_place_that_is_not_there_is_to_be_filled_or_named_otherwise(tmp_path: Path) -> None:
    write_text(tmp_path / "data.yaml", "train: images/train\nval: images/val\nnames: [a]\n")
    with pytest.raises(InputError, match="line 2: val: 'images/val' is no folder") as refused:
        read_data_yaml(tmp_path).places("val")
    assert refused.value.remedy.startswith("Put the pictures of the split there, or change line 2 of ")


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("train: pages\nval: images/val\nnames: [a]\n", "line 1: train: 'pages' is no folder", "line 1 to: train: im"),
        ("names: [a]\ntrain: [images/train, gone]\n", "line 2: train: 'gone' is no folder", "line 2 to: train: im"),
        ("val: images/val\nnames: [a]\n", "data.yaml: train: no folder of pictures", "add a line to: train: "),
        ("train: 3\nnames: [a]\n", "line 1: train: expected a folder or a list of fold", "train: images/train"),
        ("train: images/train\nnames: [a, yes]\n", "line 2: names: expected the class names as texts", "names: [qr, "),
        ("train: images/train\nnames: {1: a}\n", "line 2: names: expected", "names: [qr"),
        ("names: [a, b, a]\n", "line 1: names: a name stands twice", "names: [qr"),
        ("nc: 4\nnames: [a, b]\n", "line 1: nc: 4 classes, but names has 2", "Take the line nc: out"),
        ("path: 7\nnames: [a]\n", "line 1: path: expected a folder, found 7", "take the line path: out"),
        ("names: [a]\ndistractors: [x]\n", "line 2: distractors: expected a JSON file", "take the line"),
        ("train: [\n", "not valid YAML", "Correct"),
        ("!!python/object:os.system x\n", "not valid YAML|expected sections", "Correct"),
    ],
)  # fmt: skip
def test_a_wrong_data_yaml_is_refused_with_the_line_to_change(
    folder: Path, text: str, message: str, remedy: str
) -> None:
    write_text(folder / "data.yaml", text)
    with pytest.raises(InputError, match=message) as caught:
        read_dataset(folder)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("pictures", [(), ("page_0001.jpg",)])
def test_what_label_studio_exports_as_yolo_is_refused_with_what_to_export(
    tmp_path: Path, pictures: tuple[str, ...]
) -> None:
    (tmp_path / "images").mkdir()
    for name in pictures:
        (tmp_path / "images" / name).write_bytes(b"")
    write_text(tmp_path / "labels" / "page_0001.txt", "0 0.5 0.5 0.1 0.1\n")
    write_text(tmp_path / "classes.txt", "qr\n")
    notes = '{"categories": [{"id": 0, "name": "qr"}], "info": {"year": 2026, "contributor": "Label Studio"}}'
    write_text(tmp_path / "notes.json", notes)
    with pytest.raises(InputError, match="Label Studio in its format YOLO") as caught:
        list_dataset(tmp_path)
    assert "labels --from label-studio --to native" in caught.value.remedy
    write_text(tmp_path / "data.yaml", "train: images\nnames: [qr]\n")  # somebody made a dataset of it
    assert read_data_yaml(tmp_path).class_names == ("qr",)


def test_an_archive_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InputError, match="archives are not read"):
        list_dataset(tmp_path / "export.zip")


def test_no_dataset_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such dataset"):
        read_data_yaml(tmp_path)


@pytest.mark.parametrize("case", ["roboflow-data-yaml", "cvat-image-lists"])
def test_datasets_of_other_tools(case: str) -> None:
    place = CASES / case / "dataset"
    if not place.is_dir():
        pytest.skip("the cases of the issue are not here")
    found = read_dataset(place, pixels=True)
    assert counts(found) == {"train": 3, "val": 3}
    assert found.marks("val") > 0
