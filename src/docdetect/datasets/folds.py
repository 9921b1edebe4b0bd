"""A dataset cut into folds for cross-validation: each fold is a dataset of its own, made of links to the pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from docdetect.datasets.data_yaml import DATA_YAML, data_yaml_text
from docdetect.datasets.labelled import write_rules
from docdetect.datasets.origins import Origin, origin_of
from docdetect.datasets.reader import LabelledImage, YoloDataset, find_label
from docdetect.datasets.split import PageKey, stratified_folds
from docdetect.errors import InputError, problem_list
from docdetect.files import output_errors, staged_folder, write_json, write_text

_DISTRACTORS = "distractors.json"


@dataclass(frozen=True)
class FoldedImage:
    """A picture, where it comes from, and the fold in which it is held out (from 0)."""

    image: LabelledImage
    origin: Origin
    fold: int


def fold_images(dataset: YoloDataset, origins: Mapping[str, Origin], folds: int, seed: int) -> tuple[FoldedImage, ...]:
    """All pictures of the dataset's splits with their folds, in the order of splits and names.

    Whole groups are divided, stratified by class.

    Args:
        dataset: the pictures and their ground truth.
        origins: file stem -> document, page and group of a picture, see `read_origins`.
        folds: how many.
        seed: of the order in which groups are taken.

    Raises:
        InputError: fewer groups than folds, or the same page twice.
    """
    images = [image for split in dataset.splits.values() for image in split]
    places = [origin_of(image, origins) for image in images]
    keys = [PageKey(place.document, place.page) for place in places]
    pages: dict[PageKey, LabelledImage] = {}
    for image, key in zip(images, keys, strict=True):
        if (other := pages.setdefault(key, image)) is not image:
            raise InputError(
                f"{dataset.file}: {other.name} and {image.name} are the same page, {key}",
                "Make the dataset again with docdetect prepare.",
            )
    groups = {key: place.group for key, place in zip(keys, places, strict=True)}
    if (count := len(set(groups.values()))) < folds:
        raise InputError(
            f"{dataset.file}: {count} groups of documents cannot be divided into {folds} folds",
            "Take fewer folds with --folds, or label more documents.",
        )
    marks = {key: _marks(image, len(dataset.class_names)) for key, image in pages.items()}
    fold_of = stratified_folds(groups, marks, folds, seed)
    return tuple(
        FoldedImage(image, place, fold_of[key]) for image, place, key in zip(images, places, keys, strict=True)
    )


def planned_images(
    dataset: YoloDataset, origins: Mapping[str, Origin], fold_of: Mapping[str, int]
) -> tuple[FoldedImage, ...]:
    """All pictures of the dataset's splits with the folds that an earlier run chose.

    Args:
        dataset: the pictures.
        origins: as for `fold_images`.
        fold_of: name of a picture -> its fold.

    Raises:
        InputError: a picture has no fold.
    """
    images = [image for split in dataset.splits.values() for image in split]
    unplanned = [image.name for image in images if image.name not in fold_of]
    if unplanned:
        raise InputError(
            problem_list(f"{dataset.file}: pictures that the earlier run did not have", unplanned),
            "Restore the dataset, or start a new cross-validation.",
        )
    return tuple(FoldedImage(image, origin_of(image, origins), int(fold_of[image.name])) for image in images)


def write_fold(folder: Path, images: Sequence[FoldedImage], fold: int, class_names: Sequence[str]) -> Path:
    """A YOLO dataset whose `val` side is the fold and whose `train` side is the rest; returns its data.yaml.

    Pictures are hard links where the file system has them and copies elsewhere, named by their position, so that no two
    collide. An existing folder is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    distractors = {}
    labelled = {}
    with staged_folder(folder) as staging:
        for position, one in enumerate(images):
            side = "val" if one.fold == fold else "train"
            stem = f"{position:05d}"
            labelled[f"images/{side}/{stem}{one.image.path.suffix.lower()}"] = one.image.labelled
            _link(one.image.path, staging / "images" / side / f"{stem}{one.image.path.suffix.lower()}")
            if label := find_label(one.image.path):
                _link(label, staging / "labels" / side / f"{stem}.txt")
            if len(one.image.distractors):
                distractors[f"images/{side}/{stem}{one.image.path.suffix.lower()}"] = one.image.distractors.tolist()
        if distractors:
            write_json(staging / _DISTRACTORS, distractors)
        places = {side: [f"images/{side}"] for side in ("train", "val")}
        rules = write_rules(staging, labelled, class_names)
        text = data_yaml_text(class_names, places, distractors=_DISTRACTORS if distractors else None, labelled=rules)
        write_text(staging / DATA_YAML, text)
    return folder / DATA_YAML


def _marks(image: LabelledImage, class_count: int) -> list[int]:
    counts: list[int] = np.bincount(image.ground_truth.class_ids, minlength=class_count).tolist()
    return counts


def _link(source: Path, target: Path) -> None:
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, target)
