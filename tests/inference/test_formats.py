"""The result formats beyond JSON and CSV, crops, and codes read on the way."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pymupdf
import pytest
import zxingcpp
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from docdetect.annotations.exchange import ReadSettings
from docdetect.annotations.native import annotations_from_json
from docdetect.annotations.yolo import labels_from_yolo
from docdetect.config.schema import InferConfig
from docdetect.datasets.label_files import READERS
from docdetect.documents.sizes import BoxFrac
from docdetect.documents.sources import DocumentFile, DocumentKind
from docdetect.inference.events import ReadPage
from docdetect.inference.finishing import Finisher, IsolatedRegionReader, crop_name
from docdetect.inference.multi_view.views import Found, PagePictures
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.types import ByteArray, Detections, PageInfo
from tests.support.fakes import SETTINGS, NoRegionReader, make_folder, make_pdf, run_once
from tests.support.labels import same_pages

ALL = InferConfig(
    formats=("json", "csv", "coco", "yolo", "label-studio", "cvat", "voc", "labelme", "parquet"),
)
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


def test_pycocotools_reads_the_coco_file_as_ground_truth_and_as_detections(output: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(output / "detections_coco.json")
        found = ground_truth.loadRes(read(output / "detections_coco.json")["annotations"])
        judged = COCOeval(ground_truth, found, "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    assert len(ground_truth.getImgIds()) == 6
    assert judged.stats[0] == pytest.approx(1.0), "detections that are held against themselves are all right"


def test_ultralytics_reads_the_yolo_labels(output: Path, tmp_path: Path) -> None:
    prepare_ultralytics()
    from ultralytics.data.utils import verify_image_label

    make_folder(tmp_path)
    label = output / "labels" / "photo.jpg" / "page_0001.txt"
    *_, message = checked = verify_image_label((str(tmp_path / "photo.jpg"), str(label), "", False, 3, 0, 0, False))
    assert message == ""
    assert checked[1][:, 0].tolist() == [2.0]


def test_yolo_labels_say_the_same_as_the_json(output: Path) -> None:
    text = (output / "labels" / "photo.jpg" / "page_0001.txt").read_text()
    found = labels_from_yolo(text, (300, 200), "page").boxes
    assert found.xyxy[0] == pytest.approx([50, 40, 120, 90], abs=3)
    assert (output / "labels" / "a.pdf" / "page_0002.txt").read_text() == ""
    assert (output / "classes.txt").read_text() == "qr\nsignature\nstamp\n"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("label-studio", "label_studio.json"),
        ("cvat", "cvat.xml"),
        ("coco", "detections_coco.json"),
        ("voc", "voc"),
        ("labelme", "labelme"),
    ],
)
def test_every_format_says_the_same_as_the_json(name: str, file: str, output: Path) -> None:
    found = READERS[name](output / file, ReadSettings())
    assert not found.remarks
    expected = annotations_from_json(read(output / "detections.json"), "detections.json")
    same_pages(found.annotations, expected, within_px=1.0)
    marks = [mark for pages in found.annotations.values() for page in pages.values() for mark in page.marks]
    assert all(mark.confidence is not None for mark in marks)


def test_files_of_other_tools_name_the_pictures_that_are_kept(output: Path) -> None:
    made = read(output / "labelme" / "photo.jpg" / "page_0001.json")
    assert made["imagePath"] == "../../images/photo.jpg/page_0001.jpg"
    assert read(output / "label_studio.json")[0]["data"]["image"] == "/data/local-files/?d=images/a.pdf/page_0001.jpg"


def test_overwriting_removes_what_the_formats_wrote(tmp_path: Path) -> None:
    run_once(make_folder(tmp_path / "in"), tmp_path / "out", wanted=ALL)
    other = InferConfig(formats=("json",))
    run_once(tmp_path / "in", tmp_path / "out", wanted=other, on_existing="overwrite")
    left = {path.name for path in (tmp_path / "out").iterdir()} - {".docdetect.lock"}
    assert left == {"detections.json", "detections.jsonl", "documents.csv", "summary.json", "index.html"}


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


class OneText(NoRegionReader):
    """A RegionReader that knows one text and notes what it was asked for."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked: list[BoxFrac] = []

    def texts(self, file: DocumentFile, number: int, regions: Sequence[BoxFrac]) -> list[str | None]:
        self.asked.extend(regions)
        return [self.text]


def finish(pixels: ByteArray, regions: OneText, tmp_path: Path) -> tuple[str | None, ...]:
    height, width = pixels.shape[:2]
    box = np.array([[width / 4, height / 3, width / 2, height / 2]])
    found = Detections(box, np.array([0]), (width, height), np.array([0.9]))
    file = DocumentFile(tmp_path / "a.pdf", "a.pdf", DocumentKind.PDF)
    page = ReadPage(file, "a" * 64, PageInfo("a.pdf", 1, (width, height)), PagePictures(pixels))
    return Finisher(SETTINGS, regions, tmp_path)(page, Found(found)).texts


def test_a_code_is_read_from_the_pixels_at_hand(tmp_path: Path) -> None:
    regions = OneText(None)
    assert finish(code_page(100), regions, tmp_path) == ("https://example.org/договор/17",)
    assert regions.asked == []


def test_a_code_too_small_is_read_again_from_its_document(tmp_path: Path) -> None:
    small = np.array(Image.fromarray(code_page(100)).resize((60, 90), Image.Resampling.BILINEAR))
    regions = OneText("https://example.org")
    assert finish(small, regions, tmp_path) == ("https://example.org",)
    assert regions.asked == [pytest.approx((0.25, 1 / 3, 0.5, 0.5), abs=1e-3)]
    assert finish(small, OneText(None), tmp_path) == (None,)


def test_every_format_says_whether_a_code_could_be_read(tmp_path: Path) -> None:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=400, height=600)
        page.draw_rect(pymupdf.Rect(20, 20, 60, 60), color=None, fill=(0, 0, 1))
        page.draw_rect(pymupdf.Rect(200, 200, 300, 300), color=None, fill=(0, 0, 1))
        stream = io.BytesIO()
        Image.fromarray(code_page(80)[190:290, 90:190]).save(stream, "PNG")
        page.insert_image(pymupdf.Rect(225, 225, 275, 275), stream=stream.getvalue())
        page.draw_rect(pymupdf.Rect(20, 400, 60, 440), color=None, fill=(1, 0, 0))
        (tmp_path / "in").mkdir()
        pdf.save(tmp_path / "in" / "a.pdf")
    output = tmp_path / "out"
    report = run_once(tmp_path / "in", output, wanted=ALL)
    assert (report.totals.codes_read, report.totals.codes_unreadable) == (1, 1)
    line = json.loads((output / "detections.jsonl").read_text(encoding="utf-8").splitlines()[1])
    codes = [(mark["text"], mark["status"]) for mark in line["marks"] if mark["category"] == "qr"]
    assert codes == [("https://example.org/договор/17", "decoded"), (None, "unreadable")]
    assert all("status" not in mark for mark in line["marks"] if mark["category"] != "qr")
    marks = [next(iter(mark.values())) for mark in read(output / "detections.json")["a.pdf"]["page_1"]["annotations"]]
    in_json = [(mark.get("text"), mark.get("status")) for mark in marks]
    assert sorted(in_json, key=str) == sorted([*codes, (None, None)], key=str)
    table = polars.read_parquet(output / "detections.parquet")
    assert table.select("text", "status").rows() == in_json
    back = annotations_from_json(read(output / "detections.json"), "detections.json")["a.pdf"][1].marks
    assert [(mark.text, mark.status) for mark in back] == in_json
    run_once(tmp_path / "in", output, replace(SETTINGS, read_codes=False), on_existing="overwrite")
    assert "status" not in (output / "detections.jsonl").read_text(encoding="utf-8")


def test_reading_regions_survives_what_kills_its_process(tmp_path: Path) -> None:
    good = DocumentFile(make_pdf(tmp_path / "a.pdf", [[STAMP]]), "a.pdf", DocumentKind.PDF)
    gone = DocumentFile(tmp_path / "gone.pdf", "gone.pdf", DocumentKind.PDF)
    part = (0.1, 0.1, 0.6, 0.2)
    with IsolatedRegionReader(60) as reader:
        assert reader.crops(gone, 1, [part], 72) is None
        assert reader.texts(gone, 1, [part]) == [None]
        pixels = reader.crops(good, 1, [part], 72)
        assert pixels is not None
        assert pixels[0].shape == (30, 100, 3)
        pid = reader.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert reader.crops(good, 1, [part], 72) is None, "the call that finds the process dead"
        assert reader.crops(good, 1, [part], 72) is not None


def test_a_class_name_from_hostile_weights_cannot_lead_out_of_the_output() -> None:
    assert crop_name(3, "../../etc/passwd", 1) == "page_0003___..__etc__passwd_01.jpg"
    assert crop_name(3, "печать", 12) == "page_0003_печать_12.jpg"
