"""Pictures of what an audit found: the label on its page, two pages side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from docdetect.datasets.findings import Finding
from docdetect.datasets.mark_features import box_window
from docdetect.datasets.split import PageKey
from docdetect.documents.drawing import contact_sheet, draw_detections
from docdetect.documents.reader import Document, LongSide
from docdetect.documents.sources import DocumentFile
from docdetect.documents.workers import PageOutcome, WorkerSettings, iter_pages
from docdetect.types import ByteArray, Detections, SizeWH

_PAGE_PX = 1200
_PAIR_CELL_PX = 560
_CROP_WH: SizeWH = (520, 380)
_AROUND_FRAC = 0.6
_LEAST_AROUND_PX = 60


@dataclass(frozen=True)
class PagesWanted:
    """The PageWork that renders some pages and skips the others."""

    wanted: frozenset[PageKey]
    long_side_px: int

    def __call__(self, document: Document, number: int) -> ByteArray | None:
        info = document.page_info(number, LongSide(self.long_side_px))
        if PageKey(info.document, number) not in self.wanted:
            return None
        return document.render(number, LongSide(self.long_side_px)).pixels


def render_pages(
    files: Sequence[DocumentFile], wanted: Iterable[PageKey], workers: WorkerSettings | None = None
) -> dict[PageKey, ByteArray]:
    """The wanted pages, 1200 px on the long side; those that fail are missing."""
    keys = frozenset(wanted)
    named = {key.document for key in keys}
    outcomes = iter_pages([file for file in files if file.name in named], PagesWanted(keys, _PAGE_PX), workers)
    return {
        PageKey(outcome.file.name, outcome.number): outcome.value
        for outcome in outcomes
        if isinstance(outcome, PageOutcome) and outcome.value is not None
    }


def pages_of_finding(finding: Finding) -> tuple[PageKey, ...]:
    """The pages that its picture shows."""
    if finding.suggested_offset:
        there = finding.page.page + finding.suggested_offset
        return finding.page, PageKey(finding.page.document, there)
    return (finding.page,)


def finding_picture(
    finding: Finding,
    pages: Mapping[PageKey, ByteArray],
    labels: Mapping[PageKey, Detections],
    classes: Sequence[str],
) -> ByteArray | None:
    """The label and what is around it; for labels of another page both pages with them; None without a page."""
    if finding.suggested_offset:
        own = labels[finding.page]
        keys = [key for key in pages_of_finding(finding) if key in pages]
        captions = [f"{key}: {'as labelled' if key == finding.page else 'where they fit'}" for key in keys]
        shown = [draw_detections(pages[key], own, classes) for key in keys]
        return contact_sheet(shown, captions, columns=2, cell_px=_PAIR_CELL_PX) if shown else None
    if finding.xyxy is None or finding.page not in pages:
        return None
    pixels = pages[finding.page]
    height, width = pixels.shape[:2]
    named = classes.index(finding.class_name) if finding.class_name in classes else 0
    one = Detections(finding.xyxy[None], np.array([named]), finding.size_wh).scaled((width, height))
    around = np.maximum((one.xyxy[0, 2:] - one.xyxy[0, :2]) * _AROUND_FRAC, _LEAST_AROUND_PX)
    window = box_window(one.xyxy[0] + np.concatenate([-around, around]).astype(np.float32), pixels.shape)
    return _fitted(draw_detections(pixels, one, classes)[window], _CROP_WH)


def _fitted(pixels: ByteArray, size_wh: SizeWH) -> ByteArray:
    height, width = pixels.shape[:2]
    scale = min(size_wh[0] / width, size_wh[1] / height, 2.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
