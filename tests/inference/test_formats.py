"""The result formats beyond JSON and CSV, crops, and codes read on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import zxingcpp
from PIL import Image

from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.inference.closer import CloserLooks
from docdetect.inference.finishing import Finisher
from docdetect.inference.reading import ReadPage
from docdetect.labels.yolo import yolo_to_detections
from docdetect.schema import InferConfig
from docdetect.types import ByteArray, Detections, PageInfo
from tests.inference.fakes import SETTINGS, make_folder, make_pdf, run_once

ALL = InferConfig(formats=("json", "csv", "coco", "yolo", "parquet"))
STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    run_once(make_folder(folder / "in"), folder / "out", replace(SETTINGS, save_crops=True), wanted=ALL)
    return folder / "out"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_coco_has_every_page_and_every_mark(output: Path) -> None:
    coco = read(output / "detections_coco.json")
    assert [category["name"] for category in coco["categories"]] == ["qr", "signature", "stamp"]
    assert [image["id"] for image in coco["images"]] == [1, 2, 3, 4, 5, 6]
    assert [mark["id"] for mark in coco["annotations"]] == [1, 2, 3, 4, 5, 6, 7]
    last = coco["images"][-1]
    assert (last["document"], last["page"], last["width"], last["height"]) == ("photo.jpg", 1, 300, 200)
    (mark,) = [mark for mark in coco["annotations"] if mark["image_id"] == 6]
    assert mark["category_id"] == 3
    assert mark["bbox"] == pytest.approx([50, 40, 70, 50], abs=3)


def test_yolo_labels_say_the_same_as_the_json(output: Path) -> None:
    text = (output / "yolo" / "photo.jpg" / "page_0001.txt").read_text()
    found = yolo_to_detections(text, (300, 200), "page")
    assert found.xyxy[0] == pytest.approx([50, 40, 120, 90], abs=3)
    assert (output / "yolo" / "a.pdf" / "page_0002.txt").read_text() == ""
    assert (output / "yolo" / "classes.txt").read_text() == "qr\nsignature\nstamp\n"


def test_parquet_has_the_rows_of_the_csv(output: Path) -> None:
    table = polars.read_parquet(output / "detections.parquet")
    from_csv = polars.read_csv(output / "detections.csv", schema_overrides={"text": polars.String})
    assert table.equals(from_csv.cast(table.schema))


def test_every_mark_is_cut_out(output: Path) -> None:
    crops = sorted(path.relative_to(output).as_posix() for path in (output / "crops").rglob("*") if path.is_file())
    assert crops == [
        "crops/a.pdf/page_0001_signature_01.jpg",
        "crops/a.pdf/page_0001_stamp_01.jpg",
        "crops/a.pdf/page_0003_signature_01.jpg",
        "crops/deep/Договор.PDF/page_0001_stamp_01.jpg",
        "crops/deep/Договор.PDF/page_0002_signature_01.jpg",
        "crops/deep/Договор.PDF/page_0002_stamp_01.jpg",
        "crops/photo.jpg/page_0001_stamp_01.jpg",
    ]
    crop = np.array(Image.open(output / "crops" / "a.pdf" / "page_0001_stamp_01.jpg"))
    assert crop.shape[1] == pytest.approx(40 * 200 / 72, rel=0.25), "at 200 dpi, not at the model's size"
    centre = crop[crop.shape[0] // 2, crop.shape[1] // 2].tolist()
    assert centre == pytest.approx([255, 0, 0], abs=30)


def code_page(side_px: int, height: int = 600, width: int = 400) -> ByteArray:
    """A white page with a QR code of `side_px` at (100, 200)."""
    code = zxingcpp.create_barcode("https://example.org/договор/17", zxingcpp.BarcodeFormat.QRCode)
    picture = Image.fromarray(np.array(code.to_image(scale=8))).resize((side_px, side_px), Image.Resampling.LANCZOS)
    page = np.full((height, width, 3), 255, np.uint8)
    page[200 : 200 + side_px, 100 : 100 + side_px] = np.array(picture.convert("RGB"))
    return page


def finish(pixels: ByteArray, closer: ByteArray | None, tmp_path: Path) -> tuple[tuple[str | None, ...], list[int]]:
    asked: list[int] = []

    def closer_look(file: DocumentFile, number: int, dpi: int) -> ByteArray | None:
        asked.append(dpi)
        return closer

    height, width = pixels.shape[:2]
    box = np.array([[width / 4, height / 3, width / 2, height / 2]])
    found = Detections(box, np.array([0]), (width, height), np.array([0.9]))
    file = DocumentFile(tmp_path / "a.pdf", "a.pdf", DocumentKind.PDF)
    page = ReadPage(file, "a" * 64, PageInfo("a.pdf", 1, (width, height)), pixels)
    return Finisher(SETTINGS, tmp_path, closer_look)(page, found).texts, asked


def test_a_code_is_read_from_the_pixels_at_hand(tmp_path: Path) -> None:
    assert finish(code_page(100), None, tmp_path) == (("https://example.org/договор/17",), [])


def test_a_code_too_small_is_read_from_a_closer_look(tmp_path: Path) -> None:
    large = code_page(100)
    small = np.array(Image.fromarray(large).resize((60, 90), Image.Resampling.BILINEAR))
    assert finish(small, large, tmp_path) == (("https://example.org/договор/17",), [300])
    assert finish(small, None, tmp_path) == ((None,), [300])


def test_the_journal_says_when_a_code_is_unreadable(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[("qr", (20, 20, 60, 60))]])
    run_once(tmp_path / "in", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    (mark,) = lines[1]["marks"]
    assert (mark["text"], mark["text_status"]) == (None, "unreadable")
    run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, read_codes=False), on_existing="overwrite")
    assert "text_status" not in (tmp_path / "out" / "detections.jsonl").read_text()


def test_a_closer_look_survives_what_kills_its_process(tmp_path: Path) -> None:
    good = DocumentFile(make_pdf(tmp_path / "a.pdf", [[STAMP]]), "a.pdf", DocumentKind.PDF)
    gone = DocumentFile(tmp_path / "gone.pdf", "gone.pdf", DocumentKind.PDF)
    with CloserLooks(60) as closer_look:
        assert closer_look(gone, 1, 72) is None
        pixels = closer_look(good, 1, 72)
        assert pixels is not None
        assert pixels.shape == (300, 200, 3)
        assert closer_look.pool is not None
        for process in list(closer_look.pool._processes.values()):
            process.kill()
        closer_look(good, 1, 72)  # may be the one that finds the process dead
        assert closer_look(good, 1, 72) is not None
