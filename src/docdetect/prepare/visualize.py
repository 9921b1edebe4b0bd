"""Pictures of the ground truth: every page with its boxes as the label files have them, and contact sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docdetect.annotations.yolo import yolo_to_detections
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.layout import YoloDataset
from docdetect.documents.batches import PageOutcome, iter_pages
from docdetect.documents.drawing import contact_sheet, draw_detections, write_image
from docdetect.documents.reader import Document, open_document
from docdetect.documents.sizes import AtDpi, LongSide
from docdetect.documents.sources import DocumentFile, DocumentKind, list_documents
from docdetect.errors import InputError
from docdetect.files import read_text, relative_name
from docdetect.types import ByteArray, FailedPage, Failure, FailureKind
from docdetect.workers.parts import WorkerSettings

_NATIVE = AtDpi(1_000_000)  # no image is enlarged: this is its own size
_CELL_PX = 400
_PER_SHEET = 24


@dataclass(frozen=True)
class Visualized:
    """What was drawn: number of pages, contact sheets (paths), and images that could not be."""

    pages: int
    sheets: tuple[Path, ...]
    failures: tuple[FailedPage, ...]


def draw_labels(pixels: ByteArray, text: str, classes: Sequence[str], origin: str) -> ByteArray:
    """The page, uint8 (H, W, 3) RGB, with the boxes of a YOLO label text. Raises InputError: not YOLO labels."""
    height, width = pixels.shape[:2]
    return draw_detections(pixels, yolo_to_detections(text, (width, height), origin), classes)


def visualize_dataset(
    dataset: YoloDataset,
    output: Path,
    workers: WorkerSettings | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Visualized:
    """Draws every image of a YOLO dataset with its labels to `output/<split>/<name>.jpg`, and contact sheets.

    An image without a label file carries no mark. Images or labels that are damaged are in the result.

    Raises:
        InputError: the dataset has no images.
        OutputError: a picture cannot be written.
    """
    files = {split: list_documents(folder) for split, folder in dataset.image_folders.items() if _has_files(folder)}
    total = sum(map(len, files.values()))
    if not total:
        raise InputError(f"{dataset.root}: no images in this dataset", "docdetect prepare makes one.")
    drawn, sheets = 0, list[Path]()
    failures: list[FailedPage] = []
    for split, images in files.items():
        drawer = _Drawer(_label_files(dataset.label_folder(split)), output / split, dataset.classes)
        for outcome in iter_pages(images, drawer, workers):
            name = f"{split}/{outcome.file.name}"
            failure = outcome.failure
            if isinstance(outcome, PageOutcome):
                failure = failure or outcome.value
                drawn += failure is None
                on_progress(drawn + len(failures), total, name)
            if failure is not None:
                failures.append(FailedPage(name, None, failure))
        sheets += write_contact_sheets(output, split)
    return Visualized(drawn, tuple(sheets), tuple(failures))


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
    """The PageWork that draws one image with its label file; returns why not when the labels are damaged."""

    labels: Mapping[str, Path]
    output: Path
    classes: tuple[str, ...]

    def __call__(self, document: Document, number: int) -> Failure | None:
        page = document.render(number, _NATIVE)
        name = PurePosixPath(page.info.document).with_suffix("")
        label = self.labels.get(str(name))
        try:
            drawn = draw_labels(page.pixels, read_text(label) if label else "", self.classes, f"{name}.txt")
        except InputError as error:  # one image's labels: the others go on
            return Failure(FailureKind.UNREADABLE, error.message)
        write_image(self.output / f"{name}.jpg", drawn)
        return None


def _label_files(folder: Path) -> dict[str, Path]:
    """Name relative to the folder, in NFC and without suffix -> label file."""
    return {relative_name(path, folder).removesuffix(".txt"): path for path in sorted(folder.rglob("*.txt"))}


def _thumbnail(path: Path) -> ByteArray:
    with open_document(DocumentFile(path, path.name, DocumentKind.IMAGE)) as picture:
        return picture.render(1, LongSide(_CELL_PX)).pixels


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
