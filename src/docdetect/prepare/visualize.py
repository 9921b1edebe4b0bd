"""Pictures of the ground truth: every page with its boxes as the label files have them, and contact sheets."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from docdetect.annotations.yolo import labels_from_yolo
from docdetect.config.schema import DataConfig
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.ground_truth import worker_settings
from docdetect.datasets.reader import DatasetFiles, DatasetPicture, label_notes, list_dataset
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.document import Document
from docdetect.documents.drawing import contact_sheet, draw_detections, encoded_image, write_image
from docdetect.documents.pictures import NATIVE
from docdetect.documents.sources import DocumentFile, DocumentKind, document_name
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import nfc, output_errors, read_text, sha256_file
from docdetect.prepare.manifest import Manifest, read_manifest, write_manifest
from docdetect.types import ByteArray, Detections, FailedPage, Failure, FailureKind
from docdetect.workers.parts import WorkerSettings

_CELL_PX = 400
_PER_SHEET = 24
_KIND = "drawings"


@dataclass(frozen=True)
class Visualized:
    """What was drawn.

    Attributes:
        folder: where the drawings are.
        pages: how many pages.
        sheets: paths of the contact sheets.
        failures: pictures that could not be drawn, and why.
        notes: sentences about what is odd in the labels.
    """

    folder: Path
    pages: int
    sheets: tuple[Path, ...]
    failures: tuple[FailedPage, ...]
    notes: tuple[str, ...] = ()


def thumbnail(pixels: ByteArray, boxes: Detections, classes: Sequence[str]) -> bytes:
    """A small JPEG of a page for a contact sheet, with thin frames and no plates, which would hide marks at this size.

    Args:
        pixels: the page without any drawing, uint8 (H, W, 3) RGB.
        boxes: the marks, in px of the page.
        classes: class names in the order of their ids.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, _CELL_PX / max(width, height))
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return encoded_image(".jpg", draw_detections(small, boxes, classes, plates=False))


def visualize(config: DataConfig, on_progress: ProgressCallback = no_progress) -> Visualized:
    """Draws every page of the dataset `data.dataset` into the folder `data.vis`, by default `vis` in the dataset.

    Raises:
        InputError: there is no such dataset, or it has no pictures.
        OutputExistsError: see `visualize_dataset`.
        OutputError: a drawing cannot be written.
    """
    dataset = list_dataset(config.dataset)
    folder = Path(config.vis) if config.vis else dataset.root / "vis"
    return visualize_dataset(dataset, folder, worker_settings(config), on_progress)


def visualize_dataset(
    dataset: DatasetFiles,
    output: Path,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Visualized:
    """Draws every picture of a YOLO dataset with its labels to `output/<split>/<name>.jpg`, and contact sheets.

    A picture without a label file carries no mark. Pictures and labels that are damaged are in the result. The folder
    has a manifest, by which drawings are replaced and those of pictures that are gone are removed; drawings in `vis` of
    a dataset that docdetect made belong to the manifest of the dataset.

    Raises:
        InputError: the dataset has no pictures.
        OutputExistsError: the folder holds something and was not made by `visualize`.
        OutputError: a drawing cannot be written.
    """
    total = sum(map(len, dataset.pictures.values()))
    if not total:
        raise InputError(
            f"{dataset.data_yaml.file}: no pictures in this dataset",
            "docdetect prepare makes a dataset from documents and annotations.",
        )
    before = _claimed(output, dataset)
    drawn, sheets = list[Path](), list[Path]()
    failures: list[FailedPage] = []
    counts = Counter[str]()
    for split, pictures in dataset.pictures.items():
        labels = {name: picture.label for name, picture in _short_names(pictures).items()}
        files = [
            DocumentFile(picture.path, name, DocumentKind.IMAGE) for name, picture in _short_names(pictures).items()
        ]
        thumbnails: dict[str, bytes] = {}
        drawer = _Drawer(labels, output / split, dataset.class_names)
        for outcome in iter_pages(files, drawer, workers):
            name = f"{split}/{outcome.file.name}"
            failure = outcome.failure
            if isinstance(outcome, PageOutcome):
                if isinstance(outcome.value, Failure):
                    failure = outcome.value
                elif outcome.value is not None:
                    drawn.append(drawer.target(outcome.file.name))
                    counts.update(polygons=outcome.value.polygons, confidences=outcome.value.confidences)
                    thumbnails[outcome.file.name] = outcome.value.thumbnail
                on_progress(len(drawn) + len(failures), total, name)
            if failure is not None:
                failures.append(FailedPage(name, None, failure))
        sheets += write_contact_sheets(output, split, thumbnails)
    notes = (*dataset.notes, *label_notes(dataset.data_yaml.file, **counts))
    if before is not None:
        _settle(output, before, [*drawn, *sheets])
    return Visualized(output, len(drawn), tuple(sheets), tuple(failures), notes)


def _claimed(output: Path, dataset: DatasetFiles) -> Manifest | None:
    """The manifest of the drawings that are there; None where they belong to the manifest of the dataset.

    A new folder gets an empty manifest, so that drawings that were interrupted can be made again.
    """
    if output.resolve() == (dataset.root / "vis").resolve() and read_manifest(dataset.root) is not None:
        return None
    manifest = read_manifest(output)
    if manifest is not None and manifest.kind == _KIND:
        return manifest
    with output_errors(output):
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise OutputExistsError(
                f"{output}: exists and was not made by docdetect visualize", "Choose another folder, or remove it."
            )
    manifest = Manifest(_KIND, {}, {})
    write_manifest(output, manifest)
    return manifest


def _settle(output: Path, before: Manifest, made: Sequence[Path]) -> None:
    """Writes the manifest, and removes drawings of earlier times that nobody has changed since. Raises OutputError."""
    files = {nfc(path.relative_to(output).as_posix()): sha256_file(path) for path in made}
    for name in before.files.keys() - files:
        path = output / name
        inside = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
        if inside and path.is_file() and sha256_file(path) == before.files[name]:
            with output_errors(path):
                path.unlink()
    write_manifest(output, Manifest(_KIND, {}, dict(sorted(files.items()))))


def write_contact_sheets(folder: Path, split: str, thumbnails: Mapping[str, bytes]) -> list[Path]:
    """Writes small pictures, 24 to a sheet, as `folder/contact_<split>_01.jpg` and on; returns the paths.

    Args:
        folder: where the sheets go.
        split: name of the split.
        thumbnails: caption -> picture as `thumbnail` makes it, in the order of the sheets.

    Raises:
        OutputError: a sheet cannot be written.
    """
    captions = list(thumbnails)
    sheets = []
    for number, start in enumerate(range(0, len(captions), _PER_SHEET), start=1):
        chosen = captions[start : start + _PER_SHEET]
        sheet = contact_sheet([_pixels(thumbnails[caption]) for caption in chosen], chosen, cell_px=_CELL_PX)
        sheets.append(folder / f"contact_{split}_{number:02d}.jpg")
        write_image(sheets[-1], sheet)
    return sheets


@dataclass(frozen=True)
class _Drawn:
    """One drawn picture: how many of its labels are polygons or have a confidence, and a JPEG for the contact sheet."""

    polygons: int
    confidences: int
    thumbnail: bytes


@dataclass(frozen=True)
class _Drawer:
    """The PageWork that draws one picture with its label file; it returns why not where the labels are damaged."""

    labels: Mapping[str, Path | None]
    output: Path
    classes: tuple[str, ...]

    def target(self, name: str) -> Path:
        """The file of the drawing of a picture."""
        return self.output / PurePosixPath(name).with_suffix(".jpg")

    def __call__(self, document: Document, number: int) -> _Drawn | Failure | None:
        if number > 1:  # a dataset has the first page of a TIFF with several
            return None
        page = document.render(number, NATIVE)
        name = page.info.document
        label = self.labels[name]
        try:
            labels = labels_from_yolo(read_text(label) if label else "", page.info.size_wh, str(label))
        except InputError as error:  # the labels of one picture are damaged: the other pictures are still drawn
            return Failure(FailureKind.UNREADABLE, error.message)
        drawn = draw_detections(page.pixels, labels.boxes, self.classes)
        write_image(self.target(name), drawn)
        return _Drawn(labels.polygons, labels.confidences, thumbnail(page.pixels, labels.boxes, self.classes))


def _short_names(pictures: Sequence[DatasetPicture]) -> dict[str, DatasetPicture]:
    """Name relative to the deepest folder that holds all pictures of the split -> picture."""
    if not pictures:
        return {}
    common = Path(os.path.commonpath([os.path.abspath(picture.path.parent) for picture in pictures]))  # noqa: PTH100
    return {document_name(Path(os.path.abspath(picture.path)), common): picture for picture in pictures}  # noqa: PTH100


def _pixels(jpeg: bytes) -> ByteArray:
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
