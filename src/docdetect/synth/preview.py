"""A contact sheet of the first pages of a dataset with their boxes drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from docdetect.documents.drawing import contact_sheet, draw_detections, write_image
from docdetect.schema_synth import SynthConfig
from docdetect.synth.dataset import PageRecord, image_path
from docdetect.types import ByteArray, Detections

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
