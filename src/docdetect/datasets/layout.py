"""How a YOLO dataset lies on disk: `images/<split>`, `labels/<split>`, and the data.yaml that names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docdetect.datasets.split import SPLIT_NAMES
from docdetect.errors import ConfigError, InputError
from docdetect.files import read_text

DATA_YAML = "data.yaml"
SPLIT_CSV = "split.csv"


@dataclass(frozen=True)
class YoloDataset:
    """A YOLO dataset.

    Attributes:
        root: the folder that data.yaml refers to.
        classes: class names in the order of their ids.
        image_folders: split name -> folder of images.
    """

    root: Path
    classes: tuple[str, ...]
    image_folders: dict[str, Path]

    def label_folder(self, split: str) -> Path:
        """Where the labels of a split are: the images' path with its last part named `images` named `labels`."""
        parts = list(self.image_folders[split].parts)
        if "images" in parts:
            parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
        return Path(*parts)


def data_yaml_text(classes: Sequence[str], *, test: bool) -> str:
    """The data.yaml of a dataset in docdetect's layout.

    It has no `path`: Ultralytics then takes the folder that data.yaml lies in, from whatever folder it is run, and
    the dataset can be moved. (A `path: .` would mean the folder that the training is started in.)
    """
    import yaml

    splits = SPLIT_NAMES if test else SPLIT_NAMES[:2]
    data = {**{split: f"images/{split}" for split in splits}, "names": dict(enumerate(classes))}
    return "# Made by docdetect. Paths are relative to this file.\n" + yaml.safe_dump(
        data, sort_keys=False, allow_unicode=True
    )


def read_dataset(path: Path) -> YoloDataset:
    """The dataset of a data.yaml, or of the folder that it lies in.

    Raises:
        InputError: missing, or without class names or image folders.
    """
    from docdetect.config.loading import parse_yaml

    file = path / DATA_YAML if path.is_dir() else path
    remedy = "Give a dataset's folder or its data.yaml; docdetect prepare makes one."
    try:
        data = parse_yaml(read_text(file), str(file))
    except ConfigError as error:  # to a dataset's reader a broken data.yaml is bad input, no configuration
        raise InputError(error.message, remedy) from error
    root = file.parent / str(data.get("path") or ".")
    classes = _class_names(data.get("names"))
    folders: dict[str, Path] = {}
    for split in SPLIT_NAMES:
        value = data.get(split)
        if isinstance(value, str) and (root / value) not in folders.values():  # a folder named twice is one folder
            folders[split] = root / value
    if not classes or not folders:
        missing = "names" if not classes else "image folders (train, val or test)"
        raise InputError(f"{file}: no {missing} in it", remedy)
    return YoloDataset(root, classes, folders)


def _class_names(names: Any) -> tuple[str, ...]:
    if isinstance(names, dict) and sorted(map(str, names)) == sorted(map(str, range(len(names)))):
        return tuple(str(names.get(class_id, names.get(str(class_id)))) for class_id in range(len(names)))
    return tuple(map(str, names)) if isinstance(names, list) else ()
