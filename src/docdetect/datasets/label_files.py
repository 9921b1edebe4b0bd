"""Annotations of every format on disk: one reader for each format by name, and one function that writes them.

The codecs in `annotations/` turn text into annotations and back; this module opens the files. A further format to
read is a line in `READERS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docdetect.annotations.coco import read_coco
from docdetect.annotations.cvat import read_cvat
from docdetect.annotations.exchange import (
    AnnotationsBuilder,
    LabelFile,
    Reading,
    ReadSettings,
    page_of_picture,
    rounded,
)
from docdetect.annotations.label_studio import read_label_studio
from docdetect.annotations.labelme import read_labelme
from docdetect.annotations.marks import Annotations, Mark
from docdetect.annotations.native import annotations_from_text
from docdetect.annotations.voc import read_voc
from docdetect.annotations.writing import LabelWriter
from docdetect.boxes import xyxy_to_xywh
from docdetect.datasets.origins import Origin, read_origins
from docdetect.datasets.piece_files import PieceFiles
from docdetect.datasets.reader import DatasetFiles, DatasetPicture, list_dataset, read_labels
from docdetect.datasets.split import SPLIT_NAMES
from docdetect.documents.pictures import picture_size
from docdetect.errors import DocdetectError, InputError, problem_list
from docdetect.files import nfc, read_text, relative_name
from docdetect.types import SizeWH

# Most MiB of one file of annotations: text takes a multiple of its size in memory once it is data.
_MOST_MIB = 512
_REMEDY = "Check --from and the path."


def read_native(path: Path, settings: ReadSettings) -> Reading:
    """The JSON that `prepare` takes and `infer` writes. Raises InputError."""
    file = one_file(path, (".json",))
    return Reading(annotations_from_text(file.text, file.name))


def read_yolo(path: Path, settings: ReadSettings) -> Reading:
    """The labels of all splits of a YOLO dataset, given by its data.yaml or its folder, with their pictures.

    Pages are named by the dataset's `split.csv` where it is one of docdetect's, else by the paths of the pictures.

    Raises:
        InputError: no dataset, unreadable pictures or labels; every problem is listed.
    """
    files = list_dataset(path)
    builder, problems = AnnotationsBuilder(str(path)), []
    origins = read_origins(files.root)
    for picture, relative in _pictures(files):
        try:
            size_wh = picture_size(picture.path)
            labels = read_labels(picture, size_wh, len(files.class_names))
        except DocdetectError as error:
            problems.append(error.message)
            continue
        if labels.polygons:
            builder.remarks.add_enclosed("polygons", str(picture.label), labels.polygons)
        if picture.label is None:
            builder.remarks.add("pictures without a label file, taken as pages without marks", str(picture.path))
        xywh = xyxy_to_xywh(labels.boxes.xyxy).tolist()
        marks = [
            Mark(files.class_names[class_id], rounded(*box), "", score)
            for class_id, box, score in zip(labels.boxes.class_ids.tolist(), xywh, labels.scores, strict=True)
        ]
        origin = origins.get(nfc(picture.path.stem), Origin(*page_of_picture(relative), ""))
        builder.add(origin.document, origin.page, size_wh, marks, str(picture.path))
    for stray in _labels_without_picture(files):
        builder.remarks.add("label files without a picture, left out", str(stray))
    if problems:
        message = problem_list(f"{path}: the dataset cannot be used", problems)
        raise InputError(message, "Correct or remove these files.")
    for note in files.notes:
        builder.remarks.add(note, str(path))
    return builder.result()


READERS: Mapping[str, Callable[[Path, ReadSettings], Reading]] = {
    "native": read_native,
    "label-studio": lambda path, settings: read_label_studio(one_file(path, (".json",)), settings),
    "cvat": lambda path, settings: read_cvat(one_file(path, (".xml",)), settings),
    "coco": lambda path, settings: read_coco(one_file(path, (".json",)), settings),
    "voc": lambda path, settings: read_voc(all_files(path, ".xml"), str(path), settings),
    "yolo": read_yolo,
    "labelme": lambda path, settings: read_labelme(all_files(path, ".json"), str(path), settings),
}
"""Name of a format -> what reads a file or folder of it; raises InputError."""


def one_file(path: Path, suffixes: tuple[str, ...]) -> LabelFile:
    """The text of a file, or of the only file of a folder with one of the suffixes.

    Raises:
        InputError: no such file, several in the folder, an archive, not UTF-8, or more than 512 MiB.
    """
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.suffix.lower() in suffixes and one.is_file())
        if len(found) != 1:
            listed = f"{len(found)} files with the suffix {' or '.join(suffixes)}"
            raise InputError(f"{path}: the folder has {listed}, expected one", "Give the file itself.")
        path = found[0]
    if path.suffix.lower() == ".zip":
        raise InputError(f"{path}: archives are not read", "Unpack it, and give the file of annotations in it.")
    return LabelFile(str(path), _text_of(path))


def all_files(path: Path, suffix: str) -> Iterator[LabelFile]:
    """The texts of all files below a folder that have the suffix, by path relative to it; or of one file.

    Raises:
        InputError: no such folder, no such file in it, not UTF-8, or more than 512 MiB in one file.
    """
    if path.is_file():
        yield LabelFile(path.name, _text_of(path))
        return
    found = []
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() == suffix and one.is_file())
    if not found:
        raise InputError(f"{path}: no file with the suffix {suffix} in this folder", _REMEDY)
    for one in found:
        yield LabelFile(relative_name(one, path), _text_of(one))


def sizes_in(folder: Path | None) -> Callable[[str], SizeWH | None]:
    """A function that gives width and height in px of a picture by its name, from its header; None for no picture."""

    def size_of(name: str) -> SizeWH | None:
        if folder is None or not name:
            return None
        path = Path(os.path.normpath(folder / name))
        if not path.is_relative_to(os.path.normpath(folder)) or not path.is_file():
            return None
        try:
            return picture_size(path)
        except DocdetectError:
            return None

    return size_of


def write_labels(annotations: Annotations, writer: LabelWriter, folder: Path) -> tuple[str, ...]:
    """Writes annotations, and gives the names of the files, or of their folders, relative to `folder`.

    Raises:
        InputError: the name of a document leads out of the folder.
        OutputError: a file cannot be written.
    """
    with PieceFiles(folder) as files:
        files.put(writer.begin())
        for document, pages in annotations.items():
            files.put(writer.add(document, pages))
        files.put(writer.end())
    return tuple(files.names)


def _labels_without_picture(files: DatasetFiles) -> list[Path]:
    """The label files beside those of pictures that belong to no picture; programs write a list of classes there."""
    labels = {
        picture.label for pictures in files.pictures.values() for picture in pictures if picture.label is not None
    }
    found = {one for folder in {label.parent for label in labels} for one in folder.glob("*.txt")}
    return sorted(one for one in found - labels if one.name != "classes.txt")


def _pictures(files: DatasetFiles) -> Iterator[tuple[DatasetPicture, str]]:
    """Every picture once, with its path relative to the folder of pictures that the data.yaml names."""
    seen: set[Path] = set()
    for split, pictures in files.pictures.items():
        places = [Path(os.path.normpath(place)) for place in files.data_yaml.places(split)]
        for picture in pictures:
            path = Path(os.path.normpath(picture.path))
            if path not in seen:
                seen.add(path)
                place = next((one for one in places if path.is_relative_to(one)), None)
                yield picture, relative_name(path, place) if place else _below_images(picture.name)


def _below_images(name: str) -> str:
    """The path below the folder `images` and below a folder of its split, for pictures that a list names."""
    parts = name.split("/")
    if "images" in parts[:-1]:
        parts = parts[parts.index("images") + 1 :]
    return "/".join(parts[1:] if len(parts) > 1 and parts[0] in SPLIT_NAMES else parts)


def _text_of(path: Path) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # `read_text` says what is wrong
    if size > _MOST_MIB << 20:
        raise InputError(
            f"{path}: {size >> 20} MiB, and at most {_MOST_MIB} are read", "Export the annotations in several parts."
        )
    return read_text(path)
