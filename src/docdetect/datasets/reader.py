"""A YOLO dataset read from disk and checked, all its problems at once, before anything is trained or judged on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from docdetect.annotations.yolo import yolo_to_detections
from docdetect.config.loading import parse_yaml
from docdetect.console import ProgressCallback, no_progress
from docdetect.documents.pictures import picture_size
from docdetect.errors import ConfigError, DocdetectError, InputError, problem_list
from docdetect.files import read_json, read_text, relative_name, sha256_file, sha256_text
from docdetect.types import Detections, FloatArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_PREPARE = "docdetect prepare makes a dataset from documents and annotations."


@dataclass(frozen=True)
class LabelledImage:
    """A picture of a dataset with its true boxes.

    Attributes:
        path: the picture.
        name: the same relative to the dataset's folder, POSIX, NFC.
        ground truth: boxes in px of the picture as displayed; its `size_wh` is the picture's.
        distractors: float32 (N, 4) xyxy px of the same: places that resemble marks and are none.
    """

    path: Path
    name: str
    ground_truth: Detections
    distractors: FloatArray = field(default_factory=lambda: np.zeros((0, 4), np.float32))


@dataclass(frozen=True)
class YoloDataset:
    """What a `data.yaml` describes.

    Attributes:
        file: the data.yaml.
        root: the folder that its paths are relative to.
        class_names: in the order of their ids.
        splits: split name -> pictures, sorted by name.
    """

    file: Path
    root: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, tuple[LabelledImage, ...]]

    def marks(self, split: str) -> int:
        """How many true boxes a split has."""
        return sum(len(image.ground_truth) for image in self.splits[split])


@dataclass(frozen=True)
class Fingerprint:
    """Which data it was, by content.

    Attributes:
        dataset: SHA-256 over names and contents of all pictures and their boxes.
        split: SHA-256 over which picture is on which side.
        shared: names of pictures whose very content is in more than one split.
    """

    dataset: str
    split: str
    shared: tuple[str, ...]


def find_data_yaml(data: str) -> Path:
    """The data.yaml that `data` means: the file, or the folder it lies in.

    Raises:
        InputError: there is none.
    """
    path = Path(data)
    file = path / "data.yaml" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{file}: no such dataset", _PREPARE)
    return file


def read_dataset(
    data: str, splits: Sequence[str] = ("train", "val"), *, on_progress: ProgressCallback = no_progress
) -> YoloDataset:
    """The checked dataset.

    Args:
        data: a data.yaml, or the folder it lies in.
        splits: which splits are wanted; each must be there and have pictures.

    Raises:
        InputError: no dataset, an empty split, unreadable pictures, labels or distractors, class ids beyond the names,
            no mark in the training split; every problem is listed.
    """
    file = find_data_yaml(data)
    try:
        tree = parse_yaml(read_text(file), str(file))
    except ConfigError as error:
        raise InputError(error.message, error.remedy) from error
    names = _class_names(tree.get("names"), file)
    root = _root(tree.get("path"), file)
    distractors = _distractors(tree.get("distractors"), root, file)
    problems: list[str] = []
    found: dict[str, tuple[LabelledImage, ...]] = {}
    for split in splits:
        pictures = _pictures(tree.get(split), root, f"{file}: {split}")
        found[split] = _labelled(pictures, root, len(names), distractors, problems, on_progress)
    if problems:
        raise InputError(problem_list(f"{file}: the dataset cannot be used", problems), _PREPARE)
    dataset = YoloDataset(file, root, names, found)
    if "train" in found and not dataset.marks("train"):
        raise InputError(f"{file}: not one mark in the training split", "Check that labels/ lies beside images/.")
    return dataset


def fingerprint(dataset: YoloDataset) -> Fingerprint:
    """Hashes of what is trained and judged on; reads every picture once."""
    contents, sides = hashlib.sha256(), hashlib.sha256()
    seen: dict[str, str] = {}
    shared: list[str] = []
    for split in sorted(dataset.splits):
        for image in dataset.splits[split]:
            content = sha256_file(image.path)
            if seen.setdefault(content, split) != split:
                shared.append(image.name)
            boxes = sha256_text(repr((image.ground_truth.xyxy.tolist(), image.ground_truth.class_ids.tolist())))
            places = image.distractors.tolist() or ""
            contents.update(f"{image.name}\t{content}\t{boxes}{places}\n".encode())
            sides.update(f"{split}\t{image.name}\n".encode())
    return Fingerprint(contents.hexdigest(), sides.hexdigest(), tuple(shared))


def _class_names(names: Any, file: Path) -> tuple[str, ...]:
    if isinstance(names, dict) and sorted(names, key=str) and set(names) == set(range(len(names))):
        names = [names[key] for key in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(
            f"{file}: names: expected the class names in the order of their ids, found {names!r}", _PREPARE
        )
    if len(set(names)) != len(names):
        raise InputError(f"{file}: names: a name stands twice in {names}", _PREPARE)
    return tuple(names)


def _root(path: Any, file: Path) -> Path:
    """`path` of a data.yaml as docdetect reads it: relative to the file, so that a dataset can be moved about."""
    if path is None:
        return file.parent
    if not isinstance(path, str):
        raise InputError(f"{file}: path: expected a folder, found {path!r}", _PREPARE)
    root = file.parent / path  # an absolute path wins
    return root if root.is_dir() else file.parent


def _pictures(entry: Any, root: Path, origin: str) -> list[Path]:
    folders = [entry] if isinstance(entry, str) else entry
    if not isinstance(folders, list) or not folders or not all(isinstance(folder, str) for folder in folders):
        raise InputError(f"{origin}: no folder of pictures is named", _PREPARE)
    found: list[Path] = []
    for folder in folders:
        place = root / folder
        if not place.is_dir():
            raise InputError(f"{origin}: {place} is no folder", _PREPARE)
        found += [path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not found:
        raise InputError(f"{origin}: no picture in {', '.join(folders)}", _PREPARE)
    return sorted(set(found))


def _distractors(entry: Any, root: Path, file: Path) -> dict[str, FloatArray]:
    """Name of a picture -> float32 (N, 4) xyxy px, from the JSON file that `distractors` of a data.yaml names."""
    if entry is None:
        return {}
    if not isinstance(entry, str):
        raise InputError(f"{file}: distractors: expected a JSON file, found {entry!r}", _PREPARE)
    path = root / entry
    tree = read_json(path)
    try:
        found = {name: np.array(boxes, np.float32).reshape(-1, 4) for name, boxes in tree.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: expected lists of [left, top, right, bottom] px by name of picture ({error})",
            "Correct it, or take `distractors` out of the data.yaml.",
        ) from error
    return found


def _labelled(
    pictures: Sequence[Path],
    root: Path,
    class_count: int,
    distractors: Mapping[str, FloatArray],
    problems: list[str],
    on_progress: ProgressCallback,
) -> tuple[LabelledImage, ...]:
    none = np.zeros((0, 4), np.float32)
    images = []
    for done, path in enumerate(pictures, start=1):
        try:
            ground_truth = _ground_truth(path, class_count)
            name = relative_name(path, root) if path.is_relative_to(root) else path.as_posix()
            images.append(LabelledImage(path, name, ground_truth, distractors.get(name, none)))
        except DocdetectError as error:
            problems.append(error.message)
        on_progress(done, len(pictures), "reading labels")
    return tuple(images)


def _ground_truth(path: Path, class_count: int) -> Detections:
    size_wh = picture_size(path)
    label = label_path(path)
    ground_truth = yolo_to_detections(read_text(label) if label.is_file() else "", size_wh, str(label))
    beyond = sorted({int(k) for k in ground_truth.class_ids if k >= class_count})
    if beyond:
        raise InputError(f"{label}: class {', '.join(map(str, beyond))}, but there are {class_count} names (from 0)")
    return ground_truth


def label_path(image: Path) -> Path:
    """Where YOLO keeps the labels of a picture: the last folder `images` of its path replaced by `labels`."""
    parts = list(image.with_suffix(".txt").parts)
    positions = [position for position, part in enumerate(parts[:-1]) if part == "images"]
    if positions:
        parts[positions[-1]] = "labels"
    return Path(*parts)
