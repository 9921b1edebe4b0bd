"""Pictures of the ground truth: every page with its boxes as the label files have them, and contact sheets."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docdetect.annotations.yolo import labels_from_yolo, yolo_to_detections
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.reader import DatasetFiles, DatasetPicture, label_notes
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.drawing import contact_sheet, draw_detections, write_image
from docdetect.documents.pictures import NATIVE
from docdetect.documents.reader import Document, open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind, document_name
from docdetect.errors import InputError
from docdetect.files import read_text
from docdetect.types import ByteArray, FailedPage, Failure, FailureKind
from docdetect.workers.parts import WorkerSettings

_CELL_PX = 400
_PER_SHEET = 24


@dataclass(frozen=True)
class Visualized:
    """What was drawn.

    Attributes:
        pages: how many pages.
        sheets: paths of the contact sheets.
        failures: pictures that could not be drawn, and why.
        notes: sentences about what is odd in the labels.
    """

    pages: int
    sheets: tuple[Path, ...]
    failures: tuple[FailedPage, ...]
    notes: tuple[str, ...] = ()


def draw_labels(pixels: ByteArray, text: str, classes: Sequence[str], origin: str) -> ByteArray:
    """The page, uint8 (H, W, 3) RGB, with the boxes of a YOLO label text. Raises InputError: not YOLO labels."""
    height, width = pixels.shape[:2]
    return draw_detections(pixels, yolo_to_detections(text, (width, height), origin), classes)


def visualize_dataset(
    dataset: DatasetFiles,
    output: Path,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Visualized:
    """Draws every picture of a YOLO dataset with its labels to `output/<split>/<name>.jpg`, and contact sheets.

    A picture without a label file carries no mark. Pictures and labels that are damaged are in the result.

    Raises:
        InputError: the dataset has no pictures.
        OutputError: a drawing cannot be written.
    """
    total = sum(map(len, dataset.pictures.values()))
    if not total:
        raise InputError(
            f"{dataset.data_yaml.file}: no pictures in this dataset",
            "docdetect prepare makes a dataset from documents and annotations.",
        )
    drawn, sheets = 0, list[Path]()
    failures: list[FailedPage] = []
    counts = Counter[str]()
    for split, pictures in dataset.pictures.items():
        labels = {name: picture.label for name, picture in _short_names(pictures).items()}
        files = [
            DocumentFile(picture.path, name, DocumentKind.IMAGE) for name, picture in _short_names(pictures).items()
        ]
        drawer = _Drawer(labels, output / split, dataset.class_names)
        for outcome in iter_pages(files, drawer, workers):
            name = f"{split}/{outcome.file.name}"
            failure = outcome.failure
            if isinstance(outcome, PageOutcome):
                if isinstance(outcome.value, Failure):
                    failure = outcome.value
                elif outcome.value is not None:
                    drawn += 1
                    counts.update(polygons=outcome.value[0], confidences=outcome.value[1])
                on_progress(drawn + len(failures), total, name)
            if failure is not None:
                failures.append(FailedPage(name, None, failure))
        sheets += write_contact_sheets(output, split)
    notes = (*dataset.notes, *label_notes(dataset.data_yaml.file, **counts))
    return Visualized(drawn, tuple(sheets), tuple(failures), notes)


def write_contact_sheets(folder: Path, split: str) -> list[Path]:
    """All pictures of `folder/<split>`, 24 to a sheet, as `folder/contact_<split>_01.jpg` and on.

    Raises:
        DocumentError: a picture is damaged.
        OutputError: a sheet cannot be written.
    """
    pictures = sorted((folder / split).rglob("*.jpg"))
    sheets = []
    for number, start in enumerate(range(0, len(pictures), _PER_SHEET), start=1):
        chosen = pictures[start : start + _PER_SHEET]
        sheet = contact_sheet([_thumbnail(path) for path in chosen], [path.stem for path in chosen], cell_px=_CELL_PX)
        sheets.append(folder / f"contact_{split}_{number:02d}.jpg")
        write_image(sheets[-1], sheet)
    return sheets


@dataclass(frozen=True)
class _Drawer:
    """The PageWork that draws one picture with its label file.

    It returns how many of the labels are polygons and how many have a confidence; or, where the labels are damaged, why
    nothing was drawn.
    """

    labels: Mapping[str, Path | None]
    output: Path
    classes: tuple[str, ...]

    def __call__(self, document: Document, number: int) -> tuple[int, int] | Failure | None:
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
        write_image(self.output / PurePosixPath(name).with_suffix(".jpg"), drawn)
        return labels.polygons, labels.confidences


def _short_names(pictures: Sequence[DatasetPicture]) -> dict[str, DatasetPicture]:
    """Name relative to the deepest folder that holds all pictures of the split -> picture."""
    if not pictures:
        return {}
    common = Path(os.path.commonpath([os.path.abspath(picture.path.parent) for picture in pictures]))  # noqa: PTH100
    return {document_name(Path(os.path.abspath(picture.path)), common): picture for picture in pictures}  # noqa: PTH100


def _thumbnail(path: Path) -> ByteArray:
    with open_document(DocumentFile(path, path.name, DocumentKind.IMAGE)) as picture:
        return picture.render(1, LongSide(_CELL_PX)).pixels
