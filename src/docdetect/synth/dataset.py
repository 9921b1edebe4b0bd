"""What a made-up dataset consists of on disk: names of files, records of pages, labels in every format.

<output>/synth.json                the settings that its pages follow from
<output>/pages.jsonl               one line for each finished page, as it was finished
<output>/images/{train,val}/page_000000.jpg, labels/{train,val}/page_000000.txt, data.yaml
<output>/distractors.json           where pages show what resembles a mark and is none, for training on windows
<output>/annotations.json          docdetect's JSON format; of the PDFs where there are any, else of the pictures
<output>/pdfs/document_000000.pdf  with `pdf`
<output>/preview.jpg               with `preview`

A contact sheet of the first pages of a dataset with their boxes drawn.

Finished pages as a PDF: pages that nothing has copied as text, lines and marks, the others as scans.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from docdetect.annotations.native import AnnotatedPage, Annotations, Mark, annotations_to_json
from docdetect.annotations.yolo import detections_to_yolo
from docdetect.config.schema import SynthConfig
from docdetect.documents.drawing import contact_sheet, draw_detections, write_image
from docdetect.documents.pdf_writer import (
    PdfEllipse,
    PdfItem,
    PdfPath,
    PdfPicture,
    PdfScan,
    PdfSheet,
    PdfText,
    write_pdf,
)
from docdetect.errors import InputError
from docdetect.files import relative_name, sha256_text, write_json, write_text
from docdetect.synth.marks import Placed
from docdetect.synth.page import PagePlan, SynthPage
from docdetect.synth.paper.damage import jpeg_bytes
from docdetect.synth.sheet import Ellipse, Line, Stroke, Text
from docdetect.types import ByteArray, Detections, SizeWH

SETTINGS_NAME = "synth.json"

JOURNAL_NAME = "pages.jsonl"

DISTRACTORS_NAME = "distractors.json"

OWN_NAMES = (
    "images", "labels", "pdfs", "data.yaml", "annotations.json", DISTRACTORS_NAME, "preview.jpg", JOURNAL_NAME,
    SETTINGS_NAME,
)  # fmt: skip

_GENERATOR = 7  # goes up whenever the same settings give other pages than before

_LONGEST_DOCUMENT = 6  # pages

_NOT_CONTENT = {"output", "pages", "workers", "overwrite", "preview", "fonts", "ink", "system_fonts"}


@dataclass(frozen=True)
class LabelledMark:
    """A mark on a page: its class, its kind, left, top, right, bottom px, and what a QR code says."""

    category: str
    kind: str
    box: tuple[int, int, int, int]
    text: str | None = None


@dataclass(frozen=True)
class PageRecord:
    """A finished page.

    Attributes:
        number: page number from 0.
        split: "train" or "val".
        size_wh: px of the picture.
        size_bytes: of the picture's file; tells whether the file is whole.
        layout, paper: what kind of document, and how it was copied.
        marks: labelled marks.
        distractors: left, top, right, bottom px of what resembles a mark and is none.
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
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> PageRecord:
        """The record of a line of JSON. Raises ValueError, KeyError or TypeError when it is none."""
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
    """Where the picture of a page lies."""
    return folder / "images" / record.split / f"{page_name(record.number)}.{suffix}"


def page_name(number: int) -> str:
    """File name, without suffix, of page `number` from 0."""
    return f"page_{number:06d}"


def document_start(seed: int, number: int) -> int:
    """The first page of the document that page `number` belongs to; documents have 1 to 6 pages."""
    while number % _LONGEST_DOCUMENT and _share(seed, number, "same") < 0.45:
        number -= 1
    return number


def document_name(start: int) -> str:
    """The PDF that begins with page `start`."""
    return f"document_{start:06d}.pdf"


def split_of(seed: int, number: int, val: float) -> str:
    """ "train" or "val", the same for all pages of a document and whatever the number of pages."""
    return "val" if _share(seed, document_start(seed, number), "val") < val else "train"


def document_ranges(seed: int, pages: int) -> list[range]:
    """The pages 0 to `pages` - 1 as documents."""
    starts = [number for number in range(pages) if document_start(seed, number) == number]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], pages], strict=True)]


def fingerprint(settings: SynthConfig, materials: str) -> str:
    """SHA-256 of all that decides what pages look like; `materials` stands for fonts and recorded ink."""
    data: dict[str, Any] = settings.model_dump(mode="json", exclude=_NOT_CONTENT)
    return sha256_text(json.dumps([_GENERATOR, data, materials], sort_keys=True))


def read_journal(path: Path) -> dict[int, PageRecord]:
    """The finished pages by number; a last line that was cut off by a crash is left out.

    Raises:
        InputError: another line is damaged.
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
    """The YOLO labels of a page."""
    boxes = np.array([mark.box for mark in record.marks], np.float32).reshape(-1, 4)
    ids = np.array([classes.index(mark.category) for mark in record.marks], np.int64)
    return detections_to_yolo(Detections(boxes, ids, record.size_wh))


def write_indexes(folder: Path, records: Iterable[PageRecord], settings: SynthConfig) -> None:
    """Writes annotations.json, distractors.json and data.yaml. Raises OutputError."""
    annotations: Annotations = {}
    distractors = {}
    for record in records:
        document, page = _place(record, settings)
        annotations.setdefault(document, {})[page] = AnnotatedPage(record.size_wh, _marks(record))
        if record.distractors:
            distractors[relative_name(image_path(folder, record, settings.format), folder)] = record.distractors
    write_json(folder / "annotations.json", annotations_to_json(annotations))
    write_json(folder / DISTRACTORS_NAME, distractors)
    write_text(folder / "data.yaml", _data_yaml(settings.classes))


def _place(record: PageRecord, settings: SynthConfig) -> tuple[str, int]:
    if settings.pdf:
        start = document_start(settings.seed, record.number)
        return document_name(start), record.number - start + 1
    return f"{record.split}/{page_name(record.number)}.{settings.format}", 1


def _marks(record: PageRecord) -> tuple[Mark, ...]:
    return tuple(
        Mark(mark.category, (left, top, right - left, bottom - top), text=mark.text)
        for mark in record.marks
        for left, top, right, bottom in [mark.box]
    )


def _data_yaml(classes: Sequence[str]) -> str:
    """Without `path`: Ultralytics then takes the folder that the file lies in."""
    import yaml

    data = {
        "train": "images/train", "val": "images/val", "names": dict(enumerate(classes)),
        "distractors": DISTRACTORS_NAME,
    }  # fmt: skip
    return "# Made by docdetect synth.\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _share(seed: int, number: int, purpose: str) -> float:
    digest = hashlib.sha256(f"{seed}/{number}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


_PAGES = 20

_COLUMNS = 5


def write_preview(folder: Path, records: Sequence[PageRecord], settings: SynthConfig) -> Path:
    """Writes preview.jpg into the dataset's folder and returns its path."""
    shown = records[:_PAGES]
    pictures = [_drawn(image_path(folder, record, settings.format), record, settings) for record in shown]
    captions = [f"{record.number}: {record.layout}, {record.paper}" for record in shown]
    path = folder / "preview.jpg"
    write_image(path, contact_sheet(pictures, captions, columns=_COLUMNS, cell_px=480))
    return path


def _drawn(path: Path, record: PageRecord, settings: SynthConfig) -> ByteArray:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
    boxes = np.array([mark.box for mark in record.marks], np.float32).reshape(-1, 4)
    ids = np.array([settings.classes.index(mark.category) for mark in record.marks], np.int64)
    return draw_detections(pixels, Detections(boxes, ids, record.size_wh), settings.classes)


_PT_PER_MM = 72 / 25.4


def pages_to_pdf(pages: Sequence[SynthPage]) -> bytes:
    """The pages as one PDF; rendered at the size of their pictures, the boxes of their marks are right."""
    return write_pdf([_vector(page) if page.plan.finish.kind == "digital" else _scan(page) for page in pages])


def _scan(page: SynthPage) -> PdfScan:
    height, width = page.pixels.shape[:2]
    pt_per_px = _pt_per_px(page.plan)
    return PdfScan((width * pt_per_px, height * pt_per_px), jpeg_bytes(page.pixels, page.plan.finish.quality))


def _vector(page: SynthPage) -> PdfSheet:
    plan = page.plan
    items = [_stroke(stroke, plan.finish.grey) for stroke in plan.sheet.strokes]
    items += [_picture(placed, plan) for placed in page.drawn]
    pt_per_px = _pt_per_px(plan)
    size_pt = plan.sheet_wh[0] * pt_per_px, plan.sheet_wh[1] * pt_per_px
    return PdfSheet(size_pt, tuple(items), -90 * plan.geometry.quarter_turns % 360)


def _stroke(stroke: Stroke, grey: bool) -> PdfItem:
    if isinstance(stroke, Text):
        face = stroke.style.face
        size_pt = stroke.style.size_mm * _PT_PER_MM
        rgb = _rgb(stroke.style.colour, grey)
        return PdfText(
            stroke.x * _PT_PER_MM, stroke.y * _PT_PER_MM, stroke.text, size_pt, face.program, rgb, stroke.turn
        )
    if isinstance(stroke, Line):
        points = tuple((x * _PT_PER_MM, y * _PT_PER_MM) for x, y in stroke.points)
        fill = None if stroke.fill is None else _rgb(stroke.fill, grey)
        return PdfPath(points, stroke.width * _PT_PER_MM, _rgb(stroke.colour, grey), fill)
    x0, y0, x1, y1 = (value * _PT_PER_MM for value in stroke.box)
    if isinstance(stroke, Ellipse):
        fill = None if stroke.fill is None else _rgb(stroke.fill, grey)
        return PdfEllipse((x0, y0, x1, y1), stroke.width * _PT_PER_MM, _rgb(stroke.colour, grey), fill)
    return PdfPicture(_toned(stroke.rgba, grey), (x0, y0, x1, y1))


def _picture(placed: Placed, plan: PagePlan) -> PdfPicture:
    pt_per_px = _pt_per_px(plan)
    width, height = placed.patch.size_wh
    box = tuple(value * pt_per_px for value in (placed.x, placed.y, placed.x + width, placed.y + height))
    rgba = (placed.fine or placed.patch).rgba
    return PdfPicture(_toned(rgba, plan.finish.grey), (box[0], box[1], box[2], box[3]))


def _pt_per_px(plan: PagePlan) -> float:
    return plan.sheet.width * _PT_PER_MM / plan.sheet_wh[0]


def _rgb(colour: tuple[int, int, int], grey: bool) -> tuple[int, int, int]:
    if not grey:
        return colour
    luma = round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    return luma, luma, luma


def _toned(rgba: ByteArray, grey: bool) -> ByteArray:
    if not grey:
        return rgba
    toned: ByteArray = rgba.copy()
    toned[:, :, :3] = cv2.cvtColor(np.ascontiguousarray(rgba[:, :, :3]), cv2.COLOR_RGB2GRAY)[:, :, None]
    return toned
