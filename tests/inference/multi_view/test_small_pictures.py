"""Small pictures are enlarged only so far for the network, and their boxes refer to their own pixels as ever."""

from __future__ import annotations

import csv
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docdetect.documents.reader import open_document
from docdetect.documents.sources import list_documents
from docdetect.inference.multi_view.views import SIDEWAYS, MultiView, PagePictures
from docdetect.inference.reading import MOST_ENLARGED, PageReading
from docdetect.models.letterbox import PADDING_VALUE
from docdetect.types import ByteArray, Detections
from tests.support.fakes import COLOURS, SETTINGS, Box, ColourEngine, make_image, make_pdf, run_once

MARK: Box = (10.0, 16.0, 40.0, 32.0)


class MeasuringEngine(ColourEngine):
    """Remembers how large the page was in each picture, without the grey around it: (width, height) px."""

    def __init__(self) -> None:
        self.pages_wh: list[tuple[int, int]] = []

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        for page in pages:
            rows, columns = (np.flatnonzero((page != PADDING_VALUE).any(axis=(axis, 2))) for axis in (1, 0))
            self.pages_wh.append((len(columns), len(rows)))
        return super().detect(pages, conf, iou)


def read(path: Path, imgsz: int) -> PagePictures:
    (file,) = list_documents(path)
    with open_document(file) as document:
        read = PageReading(imgsz, 200)(document, 1)
    assert read is not None
    return read[1]


@pytest.mark.parametrize(("size_wh", "frac"), [((80, 64), 160 / 512), ((300, 200), 1.0), ((600, 900), 1.0)])
def test_a_picture_is_seen_at_most_twice_as_large_as_it_is(
    tmp_path: Path, size_wh: tuple[int, int], frac: float
) -> None:
    assert MOST_ENLARGED == 2
    page = read(make_image(tmp_path / "a.png", [], size_wh=size_wh), 512)
    assert page.usual_frac == pytest.approx(frac)
    engine = MeasuringEngine()
    MultiView(engine, np.full(3, 0.1, np.float32), None, 0.7, 1, threading.Event())([page])
    factor = min(2.0, 512 / max(size_wh))
    assert engine.pages_wh == [tuple(round(side * factor) for side in size_wh)]


def test_the_pages_of_pdfs_are_seen_at_the_usual_size_whatever_their_paper(tmp_path: Path) -> None:
    assert read(make_pdf(tmp_path / "a.pdf", [[]], size_pt=(30, 40)), 512).usual_frac == 1


def test_boxes_of_a_small_picture_refer_to_its_own_pixels(tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.png", [("stamp", MARK)], size_wh=(80, 64))
    for name, settings in (
        ("plain", SETTINGS),
        ("scales", replace(SETTINGS, scales=(128, 32))),
        ("second look", replace(SETTINGS, scales=(128, 32), second_look=True)),
        ("turned", replace(SETTINGS, rotations="all")),
    ):
        engine = MeasuringEngine()
        run_once(tmp_path / "in", tmp_path / name, settings, engine=engine)
        assert max(max(one) for one in engine.pages_wh) == 160
        with (tmp_path / name / "detections.csv").open(encoding="utf-8-sig", newline="") as stream:
            (row,) = csv.DictReader(stream)
        left, top, width, height = (float(row[key]) for key in ("x", "y", "width", "height"))
        box = left, top, left + width, top + height
        assert np.abs(np.subtract(box, MARK)).max() <= 1.5, name


def test_scales_that_are_larger_than_a_small_picture_may_be_are_seen_once() -> None:
    pixels = np.full((64, 80, 3), 255, np.uint8)
    pixels[16:32, 10:40] = COLOURS["stamp"]
    conf = np.full(3, 0.1, np.float32)
    engine = MeasuringEngine()
    page = PagePictures(pixels, usual_frac=0.5)
    (found,) = MultiView(engine, conf, None, 0.7, 1, threading.Event(), (1.0, 0.75, 0.25))([page])
    assert engine.pages_wh == [(40, 32), (20, 16)]
    assert len(found.marks) == 1
    engine.pages_wh.clear()
    MultiView(engine, conf, None, 0.7, 1, threading.Event())([replace(page, turns=SIDEWAYS)])
    assert engine.pages_wh == [(40, 32), (32, 40), (32, 40)]
