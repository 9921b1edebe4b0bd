"""The files of a made-up dataset: their names, the journal of finished pages, labels in every format, the preview.

`generate.py` decides which pages to make and writes their pictures; this module says what lies where:

<output>/synth.json                settings from which the pages follow
<output>/pages.jsonl               journal: one line for each finished page, in the order in which pages were finished
<output>/images/{train,val}/page_000000.jpg, labels/{train,val}/page_000000.txt, data.yaml
<output>/distractors.json          where pages show distractors (hard negatives), for training on windows
<output>/annotations.json          docdetect's JSON format: about the PDFs where there are any, else about the pictures
<output>/pdfs/document_000000.pdf  with the setting `pdf`
<output>/preview.jpg               with the setting `preview`
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_to_json
from docdetect.annotations.yolo import detections_to_yolo
from docdetect.config.schema import SynthConfig
from docdetect.documents.drawing import contact_sheet, draw_detections, write_image
from docdetect.errors import InputError
from docdetect.files import relative_name, sha256_text, write_json, write_text
from docdetect.types import ByteArray, Detections, SizeWH

SETTINGS_NAME = "synth.json"
JOURNAL_NAME = "pages.jsonl"
DISTRACTORS_NAME = "distractors.json"
PREVIEW_NAME = "preview.jpg"

# Files and folders that `docdetect synth --overwrite` may remove from its output folder.
OWN_NAMES = (
    "images", "labels", "pdfs", "data.yaml", "annotations.json", DISTRACTORS_NAME, PREVIEW_NAME, JOURNAL_NAME,
    SETTINGS_NAME,
)  # fmt: skip

# Version of the code that draws pages. It goes up whenever the same settings give other pages than before, so that
# pages of two versions are never mixed in one dataset.
_GENERATOR_VERSION = 14

# Greatest number of pages of a document.
_MAX_DOCUMENT_PAGES = 6

# Probability that a page belongs to the same document as the page before it, where the document is not full yet.
_P_SAME_DOCUMENT = 0.45

# Settings that do not change what a page looks like. Fonts and recorded ink count by their contents, not by their path.
_SETTINGS_WITHOUT_EFFECT = {
    "output",
    "pages",
    "workers",
    "overwrite",
    "preview",
    "fonts",
    "ink",
    "system_fonts",
    "marks",
    "real_pages",
}

# Pages on the contact sheet of the preview, and the number of its columns.
_PREVIEW_PAGES = 20
_PREVIEW_COLUMNS = 5


@dataclass(frozen=True)
class LabelledMark:
    """A labelled mark on a page.

    Attributes:
        category: its class, one of the dataset's classes.
        kind: the finer kind of mark from which the class follows, one of `config.schema.MARK_KINDS`.
        box: left, top, right, bottom px (right and bottom exclusive).
        text: payload of a QR code, None for other marks.
    """

    category: str
    kind: str
    box: tuple[int, int, int, int]
    text: str | None = None


@dataclass(frozen=True)
class PageRecord:
    """A finished page, as the journal keeps it.

    Attributes:
        number: page number from 0.
        split: "train" or "val".
        size_wh: (width, height) px of the page's picture.
        size_bytes: size of the picture's file, which tells whether the file was written whole.
        layout: kind of document, a key of `layouts.DOCUMENT_KINDS`.
        paper: how the page was copied, one of `paper.copying.COPY_PROCESSES`.
        marks: the labelled marks.
        distractors: left, top, right, bottom px of the distractors on the page.
    """

    number: int
    split: str
    size_wh: SizeWH
    size_bytes: int
    layout: str
    paper: str
    marks: tuple[LabelledMark, ...]
    distractors: tuple[tuple[int, int, int, int], ...] = ()

    def to_line(self) -> str:
        """The record as one line of JSON, with the line's end."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> PageRecord:
        """The record that `to_line` wrote. Raises ValueError, KeyError or TypeError for any other line."""
        data = json.loads(line)
        marks = tuple(
            LabelledMark(mark["category"], mark["kind"], tuple(mark["box"]), mark["text"]) for mark in data["marks"]
        )
        size_wh = int(data["size_wh"][0]), int(data["size_wh"][1])
        distractors = tuple((left, top, right, bottom) for left, top, right, bottom in data["distractors"])
        return cls(
            data["number"],
            data["split"],
            size_wh,
            data["size_bytes"],
            data["layout"],
            data["paper"],
            marks,
            distractors,
        )


def image_path(folder: Path, record: PageRecord, suffix: str) -> Path:
    """Path of a page's picture in the dataset `folder`; `suffix` is "jpg" or "png"."""
    return folder / "images" / record.split / f"{page_name(record.number)}.{suffix}"


def page_name(number: int) -> str:
    """File name, without suffix, of page `number` (from 0)."""
    return f"page_{number:06d}"


def document_start(seed: int, number: int) -> int:
    """The first page of the document that page `number` belongs to; documents have 1 to 6 pages."""
    while number % _MAX_DOCUMENT_PAGES and _uniform(seed, number, "same") < _P_SAME_DOCUMENT:
        number -= 1
    return number


def document_name(start: int) -> str:
    """File name of the PDF document that begins with page `start`."""
    return f"document_{start:06d}.pdf"


def split_of(seed: int, number: int, val: float) -> str:
    """The split of page `number`, "train" or "val".

    All pages of a document are in one split, and a page stays in its split when the dataset grows. Where chance
    leaves the first 1 / `val` pages without validation, the document of the last of them is in it, so that a small
    dataset can be trained on, too.

    Args:
        seed: random seed of the dataset.
        number: page number from 0.
        val: probability that a document is in the validation split.
    """
    start = document_start(seed, number)
    if _uniform(seed, start, "val") < val:
        return "val"
    if val <= 0 or start != document_start(seed, pages_for_validation(val) - 1):
        return "train"
    earlier = (_uniform(seed, document_start(seed, page), "val") for page in range(start))
    return "train" if min(earlier, default=1.0) < val else "val"


def pages_for_validation(val: float) -> int:
    """With how many pages a dataset has one in the validation split for sure; `val` is above 0."""
    return math.ceil(1 / val)


def document_ranges(seed: int, pages: int) -> list[range]:
    """The pages 0 to `pages` - 1, grouped into documents."""
    starts = [number for number in range(pages) if document_start(seed, number) == number]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], pages], strict=True)]


def content_hash(settings: SynthConfig, materials_hash: str) -> str:
    """SHA-256 of everything that decides what pages look like; `materials_hash` stands for fonts, ink, cut-outs and
    real pages."""
    # Shares of what is not there have no effect, either.
    idle = {key for key, of in (("marks_share", settings.marks), ("real_share", settings.real_pages)) if not of}
    data: dict[str, Any] = settings.model_dump(mode="json", exclude=_SETTINGS_WITHOUT_EFFECT | idle)
    return sha256_text(json.dumps([_GENERATOR_VERSION, data, materials_hash], sort_keys=True))


def read_journal(path: Path) -> dict[int, PageRecord]:
    """The finished pages by page number. A last line that a crash has cut off is left out.

    Raises:
        InputError: a line other than the last one is damaged.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {}
    for position, line in enumerate(lines, start=1):
        try:
            record = PageRecord.from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            if position == len(lines):
                break
            raise InputError(f"{path}: line {position} is no page record", "Start again with --overwrite.") from error
        found[record.number] = record
    return found


def label_text(record: PageRecord, classes: Sequence[str]) -> str:
    """The content of a page's YOLO label file."""
    return detections_to_yolo(_detections(record, classes))


def write_indexes(folder: Path, records: Iterable[PageRecord], settings: SynthConfig) -> None:
    """Writes annotations.json, distractors.json and data.yaml into the dataset `folder`.

    Raises:
        OutputError: the disk is full, or writing is not permitted.
    """
    annotations: Annotations = {}
    distractors = {}
    for record in records:
        document, page = _document_and_page(record, settings)
        annotations.setdefault(document, {})[page] = AnnotatedPage(record.size_wh, _annotated_marks(record))
        if record.distractors:
            distractors[relative_name(image_path(folder, record, settings.format), folder)] = record.distractors
    write_json(folder / "annotations.json", annotations_to_json(annotations))
    write_json(folder / DISTRACTORS_NAME, distractors)
    write_text(folder / "data.yaml", _data_yaml(settings.classes))


def write_preview(folder: Path, records: Sequence[PageRecord], settings: SynthConfig) -> Path:
    """Writes a contact sheet of the first pages with their boxes into the dataset `folder` and returns its path."""
    shown = records[:_PREVIEW_PAGES]
    pictures = [_page_with_boxes(image_path(folder, record, settings.format), record, settings) for record in shown]
    captions = [f"{record.number}: {record.layout}, {record.paper}" for record in shown]
    path = folder / PREVIEW_NAME
    write_image(path, contact_sheet(pictures, captions, columns=_PREVIEW_COLUMNS, cell_px=480))
    return path


def _page_with_boxes(path: Path, record: PageRecord, settings: SynthConfig) -> ByteArray:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
    return draw_detections(pixels, _detections(record, settings.classes), settings.classes)


def detections_of(marks: Sequence[LabelledMark], size_wh: SizeWH, classes: Sequence[str]) -> Detections:
    """The boxes of marks on a page of `size_wh` px, with the positions of their classes as class ids."""
    boxes = np.array([mark.box for mark in marks], np.float32).reshape(-1, 4)
    class_ids = np.array([classes.index(mark.category) for mark in marks], np.int64)
    return Detections(boxes, class_ids, size_wh)


def _detections(record: PageRecord, classes: Sequence[str]) -> Detections:
    return detections_of(record.marks, record.size_wh, classes)


def _document_and_page(record: PageRecord, settings: SynthConfig) -> tuple[str, int]:
    """The document's name and the page number (from 1) under which annotations.json lists the page."""
    if settings.pdf:
        start = document_start(settings.seed, record.number)
        return document_name(start), record.number - start + 1
    return f"{record.split}/{page_name(record.number)}.{settings.format}", 1


def _annotated_marks(record: PageRecord) -> tuple[Mark, ...]:
    return tuple(
        Mark(mark.category, (left, top, right - left, bottom - top), text=mark.text)
        for mark in record.marks
        for left, top, right, bottom in [mark.box]
    )


def _data_yaml(classes: Sequence[str]) -> str:
    """The content of data.yaml. It has no key `path`: Ultralytics then takes the folder that the file lies in."""
    import yaml

    data = {
        "train": "images/train", "val": "images/val", "names": dict(enumerate(classes)),
        "distractors": DISTRACTORS_NAME,
    }  # fmt: skip
    return "# Made by docdetect synth.\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _uniform(seed: int, number: int, purpose: str) -> float:
    """A number in [0, 1) that depends on the arguments alone, whichever pages are made and in whatever order."""
    digest = hashlib.sha256(f"{seed}/{number}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
