"""data.yaml: written so that it works from any folder, read as others write it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from docdetect.datasets.layout import data_yaml_text, read_dataset
from docdetect.errors import InputError


def test_no_path_in_it_so_that_ultralytics_takes_the_folder_of_the_file() -> None:
    data = yaml.safe_load(data_yaml_text(("qr", "печать"), test=False))
    assert data == {"train": "images/train", "val": "images/val", "names": {0: "qr", 1: "печать"}}
    assert yaml.safe_load(data_yaml_text(("qr",), test=True))["test"] == "images/test"


def test_round_trip(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(data_yaml_text(("qr", "stamp"), test=False), encoding="utf-8")
    for given in (tmp_path, tmp_path / "data.yaml"):
        dataset = read_dataset(given)
        assert dataset.classes == ("qr", "stamp")
        assert dataset.image_folders == {"train": tmp_path / "images/train", "val": tmp_path / "images/val"}
        assert dataset.label_folder("val") == tmp_path / "labels/val"


def test_only_the_last_images_becomes_labels(tmp_path: Path) -> None:
    root = tmp_path / "images" / "set"
    root.mkdir(parents=True)
    (root / "data.yaml").write_text("path: .\ntrain: images\nval: images\nnames: [a, b]\n", encoding="utf-8")
    dataset = read_dataset(root)
    assert dataset.image_folders == {"train": root / "images"}, "one folder under two names is one folder"
    assert dataset.label_folder("train") == root / "labels"
    assert dataset.classes == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: {0: a}\n", r"no image folders"),
        ("train: x\n", r"no names in it"),
        ("train: x\nnames: {1: a}\n", r"no names in it"),
        ("train: [\n", r"not valid YAML"),
        ("!!python/object:os.system x\n", r"not valid YAML|expected sections"),
    ],
)
def test_broken_data_yaml_is_bad_input(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_dataset(tmp_path)


def test_no_dataset_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_dataset(tmp_path)
