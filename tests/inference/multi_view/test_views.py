"""Pages on their side and large drawings, from documents on disk to marks, with a detector that is particular."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest

from docdetect.documents.reader import open_document
from docdetect.documents.sources import list_documents
from docdetect.errors import ConfigError
from docdetect.files import read_json
from docdetect.inference.detector import Detector
from docdetect.inference.multi_view.views import EVERY_WAY, SIDEWAYS, UPRIGHT, MultiView, PagePictures, View, views_of
from docdetect.inference.reading import PageReading
from docdetect.inference.settings import RunSettings
from docdetect.types import ByteArray, Detections
from tests.support.fakes import COLOURS, SETTINGS, Box, ColourEngine, compared_files, make_pdf, run_once

A0_PT = (2384.0, 3370.0)
PLAIN = replace(SETTINGS, read_codes=False)
TEXT = "The contractor shall hand over the works, and the customer shall accept them and pay for them. " * 12


class ParticularEngine(ColourEngine):
    """Overlooks marks of under 5 px and marks that are higher than wide; remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.shown += [page.shape[:2] for page in pages]
        return [self._particular(found) for found in super().detect(pages, conf, iou)]

    @staticmethod
    def _particular(found: Detections) -> Detections:
        sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
        return found.select((sides.min(axis=1) >= 5) & (sides[:, 0] > sides[:, 1]))


def boxes_in_pt(output: Path, document: str, size_pt: tuple[float, float]) -> list[tuple[str, Any]]:
    """The marks of page 1 in points, by their left edge."""
    page = read_json(output / "detections.json")[document]["page_1"]
    scale = size_pt[0] / page["page_size"]["width"]
    boxes = [(mark["category"], mark["bbox"]) for one in page["annotations"] for mark in one.values()]
    corners = [(name, (b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"])) for name, b in boxes]
    return sorted((name, tuple(scale * value for value in box)) for name, box in corners)


def sideways_pdf(path: Path, rotate: int) -> Path:
    """Text and a signature; displayed turned by `rotate` degrees clockwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=400, height=600)
        page.insert_htmlbox(pymupdf.Rect(40, 40, 360, 400), f"<p style='font-size:9px'>{TEXT}</p>")
        page.draw_rect(
            pymupdf.Rect(100, 500, 200, 530), color=None, fill=[value / 255 for value in COLOURS["signature"]]
        )
        page.set_rotation(rotate)
        pdf.save(path)
    return path


@pytest.mark.parametrize(
    ("rotate", "size_pt", "displayed"),
    [
        (0, (400, 600), (100, 500, 200, 530)),
        (90, (600, 400), (70, 100, 100, 200)),
        (270, (600, 400), (500, 200, 530, 300)),
    ],
)
def test_a_page_on_its_side_is_seen_turned(
    tmp_path: Path, rotate: int, size_pt: tuple[float, float], displayed: Box
) -> None:
    sideways_pdf(tmp_path / "in" / "a.pdf", rotate)
    settings = replace(PLAIN, imgsz=512, rotations="auto")
    engine = ParticularEngine()
    run_once(tmp_path / "in", tmp_path / "out", settings, engine=engine)
    ((name, box),) = boxes_in_pt(tmp_path / "out", "a.pdf", size_pt)
    assert name == "signature"
    assert box == pytest.approx(displayed, abs=1)
    assert len(engine.shown) == (1 if rotate == 0 else 3), "an upright page costs no more than before"
    run_once(tmp_path / "in", tmp_path / "off", replace(settings, rotations="off"), engine=ParticularEngine())
    assert len(boxes_in_pt(tmp_path / "off", "a.pdf", size_pt)) == (rotate == 0)


def test_every_page_can_be_seen_in_all_orientations(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[("stamp", (20.0, 20.0, 40.0, 60.0)), ("qr", (100.0, 100.0, 140.0, 120.0))]])
    engine = ParticularEngine()
    settings = replace(PLAIN, imgsz=320, rotations="all")
    run_once(tmp_path / "in", tmp_path / "out", settings, engine=engine)
    found = boxes_in_pt(tmp_path / "out", "a.pdf", (200, 300))
    assert [name for name, _ in found] == ["qr", "stamp"]
    assert found[0][1] == pytest.approx((100, 100, 140, 120), abs=1.5)
    assert found[1][1] == pytest.approx((20, 20, 40, 60), abs=1.5)
    assert len(engine.shown) == 4


SMALL_MARKS: list[tuple[str, Box]] = [
    ("qr", (2290.0, 3300.0, 2350.0, 3340.0)),  # in a corner
    ("signature", (640.0, 1700.0, 700.0, 1720.0)),  # across the edges of tiles
    ("signature", (1240.0, 1500.0, 1300.0, 1520.0)),
    ("stamp", (100.0, 100.0, 2000.0, 700.0)),  # larger than a tile
]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    make_pdf(tmp_path / "in" / "plan.pdf", [SMALL_MARKS], size_pt=A0_PT)
    return tmp_path / "in"


def tiled(settings: RunSettings = PLAIN) -> RunSettings:
    return replace(settings, imgsz=256, tile=True)


def test_small_marks_of_a_large_drawing_are_found_in_tiles_whole_and_once(plan: Path, tmp_path: Path) -> None:
    engine = ParticularEngine()
    run_once(plan, tmp_path / "out", tiled(), engine=engine)
    found = boxes_in_pt(tmp_path / "out", "plan.pdf", A0_PT)
    assert [name for name, _ in found] == [name for name, _ in SMALL_MARKS]
    for (_, box), (_, ground_truth) in zip(found, SMALL_MARKS, strict=True):
        assert box == pytest.approx(ground_truth, abs=16)
    assert len(engine.shown) == 21
    assert max(max(shape) for shape in engine.shown) == 256
    run_once(plan, tmp_path / "off", replace(tiled(), tile=False), engine=ParticularEngine())
    assert [name for name, _ in boxes_in_pt(tmp_path / "off", "plan.pdf", A0_PT)] == ["stamp"]


def test_tiles_give_the_same_whatever_the_workers_and_the_batch(plan: Path, tmp_path: Path) -> None:
    make_pdf(plan / "letter.pdf", [[("stamp", (20.0, 20.0, 60.0, 50.0))]] * 3)
    run_once(plan, tmp_path / "one", tiled(), engine=ParticularEngine())
    run_once(plan, tmp_path / "two", replace(tiled(), workers=2, batch=5), engine=ParticularEngine())
    assert compared_files(tmp_path / "one") == compared_files(tmp_path / "two")


def test_a_14400_pt_page_stays_within_its_budget(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "plan.pdf", [[]], size_pt=(14_400, 14_400))
    (file,) = list_documents(tmp_path / "in")
    with open_document(file) as document:
        pictures = PageReading(1024, 200, tile=True)(document, 1)
    assert pictures is not None
    info, page = pictures
    assert page.enlarged is not None
    assert page.enlarged.nbytes <= 3 * 64_000_000
    assert info.size_wh == (40_000, 40_000)


def page_of(turns: tuple[int, ...], enlarged: ByteArray | None = None) -> PagePictures:
    return PagePictures(np.full((64, 48, 3), 255, np.uint8), enlarged, turns)


@pytest.mark.parametrize(("turns", "views"), [(UPRIGHT, 1), (SIDEWAYS, 3), (EVERY_WAY, 4)])
def test_turns_and_tiles_multiply(turns: tuple[int, ...], views: int) -> None:
    assert len(views_of(page_of(turns))) == views
    assert len(views_of(page_of(turns, np.zeros((128, 96, 3), np.uint8)))) == views * (1 + 2 * 3)


def test_a_stopped_run_gives_the_network_no_further_picture() -> None:
    stop = threading.Event()

    class Stopping(ColourEngine):
        calls = 0

        def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
            self.calls += 1
            stop.set()
            return super().detect(pages, conf, iou)

    engine = Stopping()
    with pytest.raises(CancelledError):
        MultiView(engine, np.full(3, 0.1, np.float32), None, 0.7, 2, stop)([page_of(EVERY_WAY)])
    assert engine.calls == 1


class SureOfParts(ColourEngine):
    """Is sure of the upper half of a signature wherever it sees one, and doubts the whole signature."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        return [self._doubting(found, conf) for found in super().detect(pages, 0.0, iou)]

    @staticmethod
    def _doubting(found: Detections, conf: float) -> Detections:
        halves = found.xyxy.copy()
        halves[:, 3] = (halves[:, 1] + halves[:, 3]) / 2
        scores = np.repeat(np.array([0.9, 0.1], np.float32), len(found))
        both = Detections(np.concatenate([halves, found.xyxy]), np.tile(found.class_ids, 2), found.size_wh, scores)
        return both.select(scores >= conf)


def test_possible_marks_have_no_influence_on_marks() -> None:
    pixels = np.full((120, 90, 3), 255, np.uint8)
    pixels[20:40, 10:70] = COLOURS["signature"]
    pixels[80:100, 10:70] = COLOURS["stamp"]
    page = PagePictures(pixels, None, SIDEWAYS)
    conf, check = np.full(3, 0.5, np.float32), np.full(3, 0.05, np.float32)
    (alone,) = MultiView(SureOfParts(), conf, None, 0.7, 2, threading.Event())([page])
    (both,) = MultiView(SureOfParts(), conf, check, 0.7, 2, threading.Event())([page])
    assert alone.possible_marks is None
    assert len(alone.marks) > 0
    assert np.array_equal(both.marks.xyxy, alone.marks.xyxy)
    assert both.possible_marks is not None
    assert len(both.possible_marks) == 0, "each whole signature is a second box of its sure half"


def test_a_smaller_view_finds_the_same_place() -> None:
    pixels = np.full((240, 180, 3), 255, np.uint8)
    pixels[40:80, 30:150] = COLOURS["signature"]
    conf = np.full(3, 0.1, np.float32)
    (alone,) = MultiView(ColourEngine(), conf, None, 0.7, 2, threading.Event())([PagePictures(pixels)])
    (mean,) = MultiView(ColourEngine(), conf, None, 0.7, 2, threading.Event(), (1.0, 0.5))([PagePictures(pixels)])
    assert len(mean.marks) == len(alone.marks) == 1
    assert np.abs(mean.marks.xyxy - alone.marks.xyxy).max() <= 2
    assert (View(0, None, 0.5).picture(PagePictures(pixels))[130:, 100:] == 114).all(), "the rest is grey"


def test_scales_are_an_option_of_infer(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[("stamp", (40, 60, 120, 140))]])
    run_once(tmp_path / "in", tmp_path / "plain", PLAIN)
    run_once(tmp_path / "in", tmp_path / "scales", replace(PLAIN, scales=(128,)))
    plain, scales = (boxes_in_pt(tmp_path / name, "a.pdf", (200, 300)) for name in ("plain", "scales"))
    assert [name for name, _ in scales] == [name for name, _ in plain] == ["stamp"]
    assert np.abs(np.subtract(scales[0][1], plain[0][1])).max() < 3
    with (
        Detector(engine=ColourEngine(), imgsz=256) as detector,
        pytest.raises(ConfigError, match="not smaller than 256"),
    ):
        detector.settings(scales=(256,))


def test_the_usual_size_may_be_named_among_the_scales() -> None:
    with Detector(engine=ColourEngine(), imgsz=256) as detector:
        assert detector.settings(scales=(128, 256, 64)).scales == (128, 64)
        with pytest.raises(ConfigError, match="512 is not smaller than 256"):
            detector.settings(scales=(256, 512, 64))


class CountingEngine(ColourEngine):
    """Counts the pictures that it is shown."""

    def __init__(self) -> None:
        self.shown = 0

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.shown += len(pages)
        return super().detect(pages, conf, iou)


def test_a_second_look_is_for_pages_where_something_is_unsure() -> None:
    blank = np.full((240, 180, 3), 255, np.uint8)
    unsure = blank.copy()
    unsure[40:80, 30:150] = COLOURS["signature"]
    pages = [PagePictures(pixels) for pixels in (blank, unsure, blank)]
    conf = np.full(3, 0.1, np.float32)
    engine = CountingEngine()
    found = MultiView(engine, conf, None, 0.7, 2, threading.Event(), (1.0, 0.5), second_look=True)(pages)
    assert engine.shown == 3 + 1, "all pages at the smaller size, one of them again"
    assert [len(one.marks) for one in found] == [0, 1, 0]
    (both,) = MultiView(ColourEngine(), conf, None, 0.7, 2, threading.Event(), (1.0, 0.5))([pages[1]])
    assert np.array_equal(found[1].marks.xyxy, both.marks.xyxy)
    assert found[1].marks.scores is not None
    assert both.marks.scores is not None
    assert found[1].marks.scores.tolist() == both.marks.scores.tolist()
    with Detector(engine=ColourEngine(), imgsz=256) as detector, pytest.raises(ConfigError, match="no smaller size"):
        detector.settings(second_look=True)


class NoticingEngine(ColourEngine):
    """A smaller network: it notices stamps alone, and remembers how many pictures it was shown."""

    def __init__(self) -> None:
        self.shown = 0

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.shown += len(pages)
        return [found.select(found.class_ids == 2) for found in super().detect(pages, conf, iou)]


def page_with(*names: str) -> PagePictures:
    pixels = np.full((120, 80, 3), 255, np.uint8)
    for position, name in enumerate(names):
        pixels[10 + 40 * position : 30 + 40 * position, 10:60] = COLOURS[name]
    return PagePictures(pixels)


def test_pages_on_which_the_smaller_network_sees_nothing_are_not_looked_at_again() -> None:
    screen, engine = NoticingEngine(), ParticularEngine()
    conf = np.full(3, 0.1, np.float32)
    views = MultiView(engine, conf, None, 0.7, 2, threading.Event(), screen=screen, screen_conf=0.1)
    pages = [page_with(), page_with("stamp", "signature"), page_with("signature"), page_with("stamp")]
    found = views(pages)
    assert [one.screened_out for one in found] == [True, False, True, False]
    assert [len(one.marks) for one in found] == [0, 2, 0, 1]
    assert (screen.shown, len(engine.shown)) == (4, 2)


def test_the_smaller_network_looks_at_every_view_of_a_page() -> None:
    """A mark that only shows on the turned page keeps the page."""

    class SeesWideStamps(NoticingEngine):
        def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
            return [ParticularEngine._particular(found) for found in super().detect(pages, conf, iou)]

    pixels = np.full((120, 80, 3), 255, np.uint8)
    pixels[10:90, 30:50] = COLOURS["stamp"]  # higher than wide
    conf = np.full(3, 0.1, np.float32)
    views = MultiView(ColourEngine(), conf, None, 0.7, 1, threading.Event(), screen=SeesWideStamps(), screen_conf=0.1)
    upright, turned = views([PagePictures(pixels), PagePictures(pixels, turns=SIDEWAYS)])
    assert (upright.screened_out, turned.screened_out) == (True, False)
    assert len(turned.marks) == 1
