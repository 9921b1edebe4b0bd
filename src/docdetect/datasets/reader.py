"""The one reader of YOLO datasets: pictures with their labels, checked before anything is done with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from docdetect.annotations.yolo import YoloLabels, labels_from_yolo
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.data_yaml import DataYaml, data_yaml_text, read_data_yaml, wrong_entry
from docdetect.datasets.labelled import LabelRules
from docdetect.datasets.split import SPLIT_NAMES
from docdetect.documents.pictures import picture_size, read_picture
from docdetect.errors import DocdetectError, InputError, problem_list
from docdetect.files import absolute, nfc, read_json, read_text, relative_name, sha256_file, sha256_text
from docdetect.machine import available_cores
from docdetect.types import Detections, FloatArray, SizeWH


@dataclass(frozen=True)
class DatasetPicture:
    """A picture of a dataset and where its labels are.

    Attributes:
        path: the picture.
        name: the path relative to the dataset's folder, POSIX, NFC; the whole path where it lies elsewhere.
        label: its label file; None where there is none, which means a page without marks.
    """

    path: Path
    name: str
    label: Path | None


@dataclass(frozen=True)
class DatasetFiles:
    """Which pictures and label files a dataset has; none of them has been opened.

    Attributes:
        data_yaml: what its data.yaml says.
        pictures: split name -> pictures, sorted by path.
        notes: sentences about what is odd and was not refused.
    """

    data_yaml: DataYaml
    pictures: Mapping[str, tuple[DatasetPicture, ...]]
    notes: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The folder that names of pictures are relative to."""
        return self.data_yaml.root

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of their ids."""
        return self.data_yaml.class_names


@dataclass(frozen=True)
class LabelledImage:
    """A picture of a dataset with its ground truth.

    Attributes:
        path: the picture.
        name: the path relative to the dataset's folder, POSIX, NFC.
        ground_truth: boxes in px of the picture as displayed; its `size_wh` is the picture's.
        distractors: float32 (N, 4) xyxy px of the same: places that resemble marks and are none.
        labelled: ids of the classes that are labelled on this page; None for all. `ground_truth` has no other classes.
    """

    path: Path
    name: str
    ground_truth: Detections
    distractors: FloatArray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    labelled: frozenset[int] | None = None


@dataclass(frozen=True)
class TrainingShare:
    """One of several datasets that are trained on together; see `docdetect.datasets.several`.

    Attributes:
        file: its data.yaml.
        pages: number of pages of its training split.
        weight: how often it is drawn compared with others of its size.
    """

    file: Path
    pages: int
    weight: float


@dataclass(frozen=True)
class YoloDataset:
    """A dataset that was read and checked.

    Attributes:
        file: the data.yaml.
        root: the folder that its paths are relative to.
        class_names: in the order of their ids.
        splits: split name -> pictures, sorted by path.
        places: split name -> the folders and lists that the pictures come from.
        distractors: the JSON file of places that resemble marks, if there is one.
        notes: sentences about what is odd and was not refused, such as polygons that became boxes.
        labelled: what its data.yaml says of the classes that are labelled; None for all of them everywhere.
        shares: the datasets that it was put together from, in the order of their pages; empty for one dataset.
    """

    file: Path
    root: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, tuple[LabelledImage, ...]]
    places: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    distractors: Path | None = None
    notes: tuple[str, ...] = ()
    labelled: LabelRules | None = None
    shares: tuple[TrainingShare, ...] = ()

    def marks(self, split: str) -> int:
        """How many marks the ground truth of a split has."""
        return sum(len(image.ground_truth) for image in self.splits[split])

    def data_yaml_text(self) -> str:
        """A data.yaml for another folder that means this very dataset: every path in it is absolute."""
        places = {split: [absolute(place) for place in found] for split, found in self.places.items()}
        distractors = None if self.distractors is None else absolute(self.distractors)
        labelled = None if self.labelled is None else self.labelled.written
        return data_yaml_text(
            self.class_names, places, root=absolute(self.root), distractors=distractors, labelled=labelled
        )


@dataclass(frozen=True)
class ContentHashes:
    """Which data it was, by content.

    Attributes:
        dataset: SHA-256 over names and contents of all pictures and their boxes.
        split: SHA-256 over which picture is in which split.
        shared: names of pictures whose very content is in more than one split.
    """

    dataset: str
    split: str
    shared: tuple[str, ...]


def list_dataset(data: str | Path, splits: Sequence[str] | None = None) -> DatasetFiles:
    """The pictures and label files of a dataset.

    Args:
        data: a data.yaml, or the folder it lies in.
        splits: which splits are wanted, each of which must be there; None is every split whose places are there.

    Raises:
        InputError: no dataset, a wrong data.yaml, a list that names pictures that are not there, or no split at all.
    """
    described = read_data_yaml(data)
    found: dict[str, tuple[DatasetPicture, ...]] = {}
    notes: list[str] = []
    reasons: list[InputError] = []
    for split in SPLIT_NAMES if splits is None else splits:
        if splits is None and split not in described.entries:
            continue
        try:
            described.places(split)
        except InputError as error:
            if splits is not None:
                raise
            reasons.append(error)
            notes.append(f"{error.message}; the split is left out")
            continue
        found[split] = tuple(_picture(path, described.root) for path in described.pictures(split))
    if not found:
        raise reasons[0] if reasons else wrong_entry(
            described.file, described.lines, "train", "no split names any pictures",
            f"In {described.file} write for example: train: images/train and val: images/val.",
        )  # fmt: skip
    return DatasetFiles(described, found, tuple(notes))


def read_dataset(
    data: str | Path,
    splits: Sequence[str] = ("train", "val"),
    *,
    pixels: bool = False,
    need_marks: bool = True,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] | None = None,
) -> YoloDataset:
    """The checked dataset.

    Args:
        data: a data.yaml, or the folder it lies in.
        splits: which splits are wanted; each must be there and have pictures.
        pixels: also decode every picture, to find damaged ones before a long run starts.
        need_marks: refuse a training split without any mark, which is most often a mistake.
        on_progress: called for each picture.
        announce: called with each of the notes.

    Raises:
        InputError: no dataset, an empty split, unreadable pictures, labels or distractors, class ids beyond the names,
            no mark in the training split; every problem is listed.
    """
    files = list_dataset(data, splits)
    described = files.data_yaml
    for split in splits:
        if not files.pictures[split]:
            places = ", ".join(described.entries[split])
            remedy = f"Put pictures there, or name their folder in {described.file}."
            raise wrong_entry(described.file, described.lines, split, f"no picture in {places}", remedy)
    distractors = _read_distractors(described.distractors)
    reading = _Reading(described, distractors, pixels, on_progress)
    found = {split: reading.labelled(files.pictures[split]) for split in splits}
    if reading.problems:
        raise InputError(
            problem_list(f"{described.file}: the dataset cannot be used", reading.problems),
            "Correct or remove these files. docdetect prepare makes a dataset from documents and annotations.",
        )
    notes = (*files.notes, *reading.notes())
    places_of = {split: described.places(split) for split in splits}
    dataset = YoloDataset(
        described.file,
        described.root,
        described.class_names,
        found,
        places_of,
        described.distractors,
        notes,
        described.labelled,
    )
    if need_marks and "train" in found and not dataset.marks("train"):
        raise InputError(
            f"{described.file}: not one mark in the training split",
            "Check that labels/ lies beside images/ and holds boxes: a network learns nothing from empty pages alone.",
        )
    if announce is not None:
        for note in notes:
            announce(note)
    return dataset


def content_hashes(dataset: YoloDataset) -> ContentHashes:
    """Hashes of what is trained and evaluated on; reads every picture's file once."""
    contents, sides = hashlib.sha256(), hashlib.sha256()
    seen: dict[str, str] = {}
    shared: list[str] = []
    for split in sorted(dataset.splits):
        for image in dataset.splits[split]:
            content = sha256_file(image.path)
            if seen.setdefault(content, split) != split:
                shared.append(image.name)
            boxes = sha256_text(repr((image.ground_truth.xyxy.tolist(), image.ground_truth.class_ids.tolist())))
            distractors = image.distractors.tolist() or ""
            labelled = "" if image.labelled is None else f"\t{sorted(image.labelled)}"
            contents.update(f"{image.name}\t{content}\t{boxes}{distractors}{labelled}\n".encode())
            sides.update(f"{split}\t{image.name}\n".encode())
    return ContentHashes(contents.hexdigest(), sides.hexdigest(), tuple(shared))


def label_path(image: Path) -> Path:
    """Where YOLO keeps the labels of a picture: the last folder `images` of its path replaced by `labels`."""
    parts = list(image.with_suffix(".txt").parts)
    positions = [position for position, part in enumerate(parts[:-1]) if part == "images"]
    if positions:
        parts[positions[-1]] = "labels"
    return Path(*parts)


def find_label(image: Path) -> Path | None:
    """The label file of a picture, whatever Unicode form its name has on disk; None where there is none."""
    usual = label_path(image)
    names = dict.fromkeys((usual.name, nfc(usual.name)))
    found = next((usual.with_name(name) for name in names if usual.with_name(name).is_file()), None)
    if found is None and not usual.name.isascii() and usual.parent.is_dir():
        wanted = nfc(usual.name)
        found = next((path for path in sorted(usual.parent.glob("*.txt")) if nfc(path.name) == wanted), None)
    return found


def check_pixels(path: Path, size_wh: SizeWH) -> str | None:
    """Decodes a picture as training and evaluation do.

    Args:
        path: the picture.
        size_wh: width and height in px that its header says.

    Returns:
        What may be missing of a damaged picture; None for a sound one.

    Raises:
        InputError: the pixels cannot be decoded, or the picture is not of the size that its header says.
    """
    picture = read_picture(path)
    if picture.size_wh != size_wh:
        shown, stated = (f"{width} x {height}" for width, height in (picture.size_wh, size_wh))
        raise InputError(f"{path}: the picture is {shown} px, but its header says {stated} px")
    return picture.damaged


class _Reading:
    """Labels read picture by picture: what is wrong, and what is odd."""

    def __init__(
        self,
        described: DataYaml,
        distractors: Mapping[str, FloatArray],
        pixels: bool,
        on_progress: ProgressCallback,
    ) -> None:
        self.problems: list[str] = []
        self._described = described
        self._distractors = distractors
        self._pixels = pixels
        self._on_progress = on_progress
        self._damaged: list[str] = []
        self._polygons = self._confidences = self._unlabelled = self._ignored = 0
        self._partial = self._pictures = 0

    def labelled(self, pictures: Sequence[DatasetPicture]) -> tuple[LabelledImage, ...]:
        none = np.zeros((0, 4), np.float32)
        images = []
        with ThreadPoolExecutor(available_cores()) as pool:  # headers and pixels are read by libraries, outside the GIL
            for done, (picture, read) in enumerate(zip(pictures, pool.map(self._read, pictures), strict=True), start=1):
                if isinstance(read, str):
                    self.problems.append(read)
                else:
                    self._polygons += read.polygons
                    self._confidences += read.confidences
                    self._unlabelled += picture.label is None
                    images.append(self._image(picture, read.boxes, self._distractors.get(picture.name, none)))
                self._on_progress(done, len(pictures), "reading the dataset")
        return tuple(images)

    def notes(self) -> list[str]:
        """A sentence about each oddity of the labels, and about each damaged picture."""
        counted = label_notes(self._described.file, self._polygons, self._confidences, self._unlabelled)
        if self._partial:
            counted.append(
                f"{self._described.file}: pictures on which only some classes are labelled, so that the others are "
                f"neither learnt nor scored there: {self._partial} of {self._pictures}"
            )
        if self._ignored:
            counted.append(
                f"{self._described.file}: labels of classes that `labelled` does not name, which are left out: "
                f"{self._ignored}"
            )
        return [*counted, *sorted(self._damaged)]

    def _image(self, picture: DatasetPicture, boxes: Detections, distractors: FloatArray) -> LabelledImage:
        rules, names = self._described.labelled, self._described.class_names
        labelled = None if rules is None else rules.ids_at(picture.name, names)
        kept = boxes if labelled is None else boxes.of_classes(labelled)
        self._ignored += len(boxes) - len(kept)
        self._pictures += 1
        self._partial += labelled is not None
        return LabelledImage(picture.path, picture.name, kept, distractors, labelled)

    def _read(self, picture: DatasetPicture) -> YoloLabels | str:
        """The labels of a picture, or what is wrong with it."""
        try:
            size_wh = picture_size(picture.path)
            if self._pixels and (damaged := check_pixels(picture.path, size_wh)):
                self._damaged.append(f"{picture.path}: the picture is damaged ({damaged})")
            return read_labels(picture, size_wh, len(self._described.class_names))
        except DocdetectError as error:
            return error.message


def label_notes(file: Path, polygons: int = 0, confidences: int = 0, unlabelled: int = 0) -> list[str]:
    """Sentences about what is odd in the labels of a dataset.

    Args:
        file: the data.yaml.
        polygons: labels that are polygons.
        confidences: labels with a sixth value.
        unlabelled: pictures without a label file.
    """
    notes = []
    if polygons:
        notes.append(f"{file}: labels that are polygons, of which the bounding boxes are used: {polygons}")
    if confidences:
        notes.append(f"{file}: labels with a sixth value, a confidence, which is not used: {confidences}")
    if unlabelled:
        notes.append(f"{file}: pictures without a label file, which count as pages without marks: {unlabelled}")
    return notes


def read_labels(picture: DatasetPicture, size_wh: SizeWH, class_count: int) -> YoloLabels:
    """The labels of a picture of `size_wh` px; none where it has no label file.

    Raises:
        InputError: not YOLO labels, or a class id that is not below `class_count`.
    """
    origin = str(picture.label or picture.path)
    labels = labels_from_yolo(read_text(picture.label) if picture.label else "", size_wh, origin)
    beyond = sorted({int(class_id) for class_id in labels.boxes.class_ids if class_id >= class_count})
    if beyond:
        raise InputError(f"{origin}: class {', '.join(map(str, beyond))}, but there are {class_count} names (from 0)")
    return labels


def _picture(path: Path, root: Path) -> DatasetPicture:
    # A place such as "../pictures" is resolved without following links, whose names people would not know.
    plain, plain_root = Path(os.path.normpath(path)), Path(os.path.normpath(root))
    inside = plain.is_relative_to(plain_root)
    name = relative_name(plain, plain_root) if inside else nfc(absolute(path).as_posix())
    return DatasetPicture(path, name, find_label(path))


def _read_distractors(file: Path | None) -> dict[str, FloatArray]:
    """Name of a picture -> float32 (N, 4) xyxy px."""
    if file is None:
        return {}
    tree = read_json(file)
    try:
        return {name: np.array(boxes, np.float32).reshape(-1, 4) for name, boxes in tree.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}: expected lists of [left, top, right, bottom] px by name of picture ({error})",
            "Correct it, or take `distractors` out of the data.yaml.",
        ) from error
