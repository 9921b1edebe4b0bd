"""`--dewarp`: sheets in photographs are laid flat for the network, and everything comes back to the photograph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docdetect import Detector
from docdetect.documents.drawing import drawing_size
from docdetect.types import ByteArray, Detections, PageInfo
from tests.support.fakes import SETTINGS, ColourEngine, compared_files, make_image, make_pdf, run_once
from tests.support.photographs import (
    CORNERS,
    PICTURE_WH,
    SHEET_WH,
    box_in_photograph,
    make_photograph,
    photographed,
    sheet_with,
)

MARKS = [("stamp", (250.0, 400.0, 330.0, 450.0)), ("qr", (60.0, 70.0, 140.0, 150.0))]
DEWARP = replace(SETTINGS, imgsz=512, dewarp="auto")


class SeeingEngine(ColourEngine):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.pages: list[ByteArray] = []

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        self.pages += pages
        return super().detect(pages, conf, iou)


def marks_of(output: Path, name: str) -> dict[str, list[float]]:
    lines = [json.loads(line) for line in (output / "detections.jsonl").read_text().splitlines()]
    (page,) = (line for line in lines if line["record"] == "page" and line["document"] == name)
    return {mark["category"]: mark["xyxy"] for mark in page["marks"]}


def test_boxes_refer_to_the_photograph(tmp_path: Path) -> None:
    make_photograph(tmp_path / "in" / "photo.png", MARKS)
    engine = SeeingEngine()
    run_once(tmp_path / "in", tmp_path / "out", DEWARP, engine=engine)
    found = marks_of(tmp_path / "out", "photo.png")
    for name, box in MARKS:
        assert found[name] == pytest.approx(box_in_photograph(box), abs=3)
    (seen,) = engine.pages
    ratio = max(seen.shape[:2]) / min(seen.shape[:2])
    assert max(seen.shape[:2]) == 512
    assert ratio == pytest.approx(SHEET_WH[1] / SHEET_WH[0], abs=0.1)
    assert seen[4, 4].min() > 200  # paper up to the corners: the desk is gone


def test_the_journal_says_where_the_sheet_is(tmp_path: Path) -> None:
    make_photograph(tmp_path / "in" / "photo.png", MARKS)
    make_image(tmp_path / "in" / "scan.png", [("stamp", (50, 40, 120, 90))])
    run_once(tmp_path / "in", tmp_path / "out", DEWARP)
    lines = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    sheets = {line["document"]: line.get("sheet") for line in lines if line["record"] == "page"}
    assert np.abs(np.array(sheets["photo.png"]) - CORNERS).max() < 2
    assert sheets["scan.png"] is None


def test_without_it_photographs_are_seen_as_they_are(tmp_path: Path) -> None:
    make_photograph(tmp_path / "in" / "photo.png", MARKS)
    engine = SeeingEngine()
    run_once(tmp_path / "in", tmp_path / "out", replace(DEWARP, dewarp="off"), engine=engine)
    assert engine.pages[0].shape[:2] == (512, 384)
    found = marks_of(tmp_path / "out", "photo.png")
    assert found["stamp"] == pytest.approx(box_in_photograph(MARKS[0][1]), abs=3)


def test_scans_and_pdfs_are_not_touched(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[("stamp", (20.0, 20.0, 60.0, 50.0))], []])
    make_image(tmp_path / "in" / "scan.png", [("stamp", (50, 40, 120, 90))])
    for name, settings in (("off", replace(DEWARP, dewarp="off")), ("auto", DEWARP)):
        run_once(tmp_path / "in", tmp_path / name, settings)
    assert marks_of(tmp_path / "off", "scan.png") == marks_of(tmp_path / "auto", "scan.png")
    files = [compared_files(tmp_path / name) for name in ("off", "auto")]
    assert files[0]["detections.json"] == files[1]["detections.json"]


def test_drawn_pages_and_crops_show_the_photograph(tmp_path: Path) -> None:
    make_photograph(tmp_path / "in" / "photo.png", MARKS)
    settings = replace(DEWARP, save_pages=True, save_crops=True, save_images=True)
    for imgsz in (512, 1024):  # smaller and larger than the photograph itself
        output = tmp_path / f"out{imgsz}"
        run_once(tmp_path / "in", output, replace(settings, imgsz=imgsz))
        with Image.open(output / "pages" / "photo.png" / "page_0001.jpg") as drawn:
            assert drawn.width / drawn.height == pytest.approx(PICTURE_WH[0] / PICTURE_WH[1], abs=0.01)
            assert drawn.size[1] >= drawing_size(PageInfo("photo.png", 1, PICTURE_WH), PICTURE_WH[1]).px
            red, green, blue = np.asarray(drawn)[5, 5].tolist()
            assert red > blue + 20  # the desk
        with Image.open(output / "images" / "photo.png" / "page_0001.jpg") as clean:
            assert clean.size == PICTURE_WH
        with Image.open(output / "crops" / "photo.png" / "page_0001_stamp_01.jpg") as crop:
            red, green, blue = np.asarray(crop)[crop.height // 2, crop.width // 2].tolist()
            assert (red > 200, green < 60, blue < 60) == (True, True, True)


def test_a_run_that_goes_on_writes_the_same_bytes(tmp_path: Path) -> None:
    for number in range(3):
        make_photograph(tmp_path / "in" / f"{number}.png", MARKS[: number % 2 + 1])
    run_once(tmp_path / "in", tmp_path / "whole", DEWARP)
    run_once(tmp_path / "in", tmp_path / "parts", DEWARP)
    journal = tmp_path / "parts" / "detections.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:4]))
    run_once(tmp_path / "in", tmp_path / "parts", DEWARP, on_existing="resume")
    assert compared_files(tmp_path / "parts") == compared_files(tmp_path / "whole")


def test_arrays_and_files_through_the_python_interface(tmp_path: Path) -> None:
    path = make_photograph(tmp_path / "photo.png", MARKS)
    with Detector(engine=ColourEngine(), imgsz=512, workers=0) as detector:
        for source in (path, photographed(sheet_with(MARKS))):
            (page,) = detector.detect(source)
            assert page.sheet is not None
            assert page.size_wh == PICTURE_WH
            assert len(page.marks) == 2
            (plain,) = detector.detect(source, dewarp="off")
            assert plain.sheet is None


def test_it_is_a_setting_that_results_depend_on() -> None:
    assert DEWARP.content_hash() != replace(DEWARP, dewarp="off").content_hash()
    with Detector(engine=ColourEngine()) as detector:
        assert detector.settings().dewarp == "auto"
