"""From documents on disk to results, with real rendering and a detector that finds colours."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from docdetect.annotations.native import annotations_from_json
from docdetect.config.schema import InferConfig
from docdetect.documents.sources import collect_documents
from docdetect.inference.detector import Detector
from docdetect.inference.folder import claimed_folder
from docdetect.inference.journal import JOURNAL_NAME, Entry, Journal
from docdetect.inference.report import InferReport, write_summary
from docdetect.inference.run import run
from docdetect.types import DocumentStatus
from tests.support.fakes import (
    SETTINGS,
    Box,
    ColourEngine,
    compared_files,
    make_folder,
    make_image,
    make_pdf,
    run_once,
    with_pages,
)

PX_PER_PT = 200 / 72
SHARP = replace(SETTINGS, imgsz=1024)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def only_box(output: Path, document: str) -> Box:
    (annotation,) = read(output / "detections.json")[document]["page_1"]["annotations"]
    ((_, mark),) = annotation.items()
    box = mark["bbox"]
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


@pytest.mark.parametrize(
    ("rotate", "displayed_pt"),
    [
        (0, (30, 40, 90, 60)),
        (90, (300 - 60, 30, 300 - 40, 90)),
        (180, (200 - 90, 300 - 60, 200 - 30, 300 - 40)),
        (270, (40, 200 - 90, 60, 200 - 30)),
    ],
)
def test_boxes_are_those_of_the_displayed_page(tmp_path: Path, rotate: int, displayed_pt: Box) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[("stamp", (30, 40, 90, 60))]], rotate=rotate)
    run_once(tmp_path / "in", tmp_path / "out", SHARP)
    expected = [value * PX_PER_PT for value in displayed_pt]
    assert only_box(tmp_path / "out", "a.pdf") == pytest.approx(expected, abs=1.5)
    with (tmp_path / "out" / "detections.csv").open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert [float(row[name]) for name in ("x0_pt", "y0_pt", "x1_pt", "y1_pt")] == pytest.approx(displayed_pt, abs=0.6)
    size_wh = (556, 833) if rotate % 180 == 0 else (833, 556)
    assert (int(row["page_width"]), int(row["page_height"])) == size_wh


def test_boxes_are_those_of_the_crop_box(tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "in" / "whole.pdf", [[("stamp", (80, 90, 140, 110))]])
    with pymupdf.open(path) as pdf:
        pdf[0].set_cropbox(pymupdf.Rect(50, 60, 150, 260))
        pdf.save(tmp_path / "in" / "cropped.pdf")
    path.unlink()
    run_once(tmp_path / "in", tmp_path / "out", SHARP)
    expected = [value * PX_PER_PT for value in (30, 30, 90, 50)]
    assert only_box(tmp_path / "out", "cropped.pdf") == pytest.approx(expected, abs=1.5)


def test_boxes_of_images_are_in_their_own_pixels(tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.png", [("stamp", (100, 60, 220, 140))], size_wh=(640, 480))
    Image.open(tmp_path / "in" / "a.png").save(tmp_path / "in" / "fine.png", dpi=(600, 600))
    run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, imgsz=640))
    for name in ("a.png", "fine.png"):
        assert only_box(tmp_path / "out", name) == pytest.approx((100, 60, 220, 140), abs=1.5)
        assert read(tmp_path / "out" / "detections.json")[name]["page_1"]["page_size"] == {"width": 640, "height": 480}


def test_a_page_over_the_pixel_budget_at_200_dpi_still_has_a_result(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "plan.pdf", [[("stamp", (3600, 3600, 7200, 7200))]], size_pt=(14_400, 14_400))
    report = run_once(tmp_path / "in", tmp_path / "out")
    assert report.totals.failures == []
    assert only_box(tmp_path / "out", "plan.pdf") == pytest.approx((10_000, 10_000, 20_000, 20_000), abs=200)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, InferReport]:
    folder = tmp_path_factory.mktemp("ran")
    report = run_once(make_folder(folder / "in"), folder / "out", with_pages())
    return folder / "out", report


@pytest.fixture
def source(ran: tuple[Path, InferReport]) -> Path:
    return ran[0].parent / "in"


def test_every_document_is_accounted_for(ran: tuple[Path, InferReport]) -> None:
    _, report = ran
    statuses = {row.document: row.status for row in report.totals.documents}
    ok = DocumentStatus.OK
    assert statuses == {"a.pdf": ok, "broken.pdf": DocumentStatus.FAILED, "deep/Договор.PDF": ok, "photo.jpg": ok}
    ((failure),) = report.totals.failures
    assert (failure.document, failure.page, failure.failure.kind) == ("broken.pdf", None, "unreadable")
    assert report.failed_documents == 1
    assert report.totals.pages == 6
    assert report.totals.marks == {"stamp": 4, "signature": 3}


def test_results_read_back_as_annotations(ran: tuple[Path, InferReport]) -> None:
    output, _ = ran
    annotations = annotations_from_json(read(output / "detections.json"), "detections.json")
    assert {name: sorted(pages) for name, pages in annotations.items()} == {
        "a.pdf": [1, 2, 3],
        "deep/Договор.PDF": [1, 2],
        "photo.jpg": [1],
    }
    assert annotations["a.pdf"][2].marks == ()
    marks = [mark for pages in annotations.values() for page in pages.values() for mark in page.marks]
    assert [mark.key for mark in marks] == [f"annotation_{number}" for number in range(1, 8)]
    assert all(mark.confidence is not None and 0.5 <= mark.confidence <= 1 for mark in marks)


def test_csv_has_a_row_per_mark(ran: tuple[Path, InferReport]) -> None:
    output, _ = ran
    with (output / "detections.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert ",".join(rows[0]) == (
        "document,page,category,confidence,x,y,width,height,page_width,page_height,x0_pt,y0_pt,x1_pt,y1_pt,text,status"
    )
    assert [(row["document"], row["page"]) for row in rows].count(("deep/Договор.PDF", "2")) == 2
    assert next(row for row in rows if row["document"] == "photo.jpg")["x0_pt"] == ""


def test_the_journal_keeps_raw_boxes_and_hashes(ran: tuple[Path, InferReport]) -> None:
    output, _ = ran
    lines = [json.loads(line) for line in (output / "detections.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["record"] for line in lines].count("page") == 6
    page = next(line for line in lines if line["record"] == "page" and line["document"] == "a.pdf")
    assert len(page["sha256"]) == 64
    assert page["settings"] == lines[0]["settings"] == with_pages().content_hash()
    assert sorted(position for mark in page["marks"] for position in mark["members"]) == [0, 1]
    assert {raw["category"] for raw in page["raw"]} == {"stamp", "signature"}
    ends = {line["document"]: line for line in lines if line["record"] == "document"}
    assert ends["broken.pdf"]["failure"]["kind"] == "unreadable"
    assert ends["a.pdf"]["pages"] == 3


def test_pages_are_drawn_where_their_document_says(ran: tuple[Path, InferReport]) -> None:
    output, _ = ran
    drawn = sorted(path.relative_to(output).as_posix() for path in output.rglob("*.jpg") if path.is_file())
    assert drawn == [
        "pages/a.pdf/page_0001.jpg",
        "pages/a.pdf/page_0002.jpg",
        "pages/a.pdf/page_0003.jpg",
        "pages/deep/Договор.PDF/page_0001.jpg",
        "pages/deep/Договор.PDF/page_0002.jpg",
        "pages/photo.jpg/page_0001.jpg",
        "thumbs/a.pdf/page_0001.jpg",
        "thumbs/deep/Договор.PDF/page_0001.jpg",
        "thumbs/photo.jpg/page_0001.jpg",
    ]


def test_the_summary_names_every_document(ran: tuple[Path, InferReport]) -> None:
    output, _ = ran
    summary = read(output / "summary.json")
    assert summary["totals"]["documents"] == 4
    assert summary["totals"]["failed"] == 1
    assert summary["totals"]["marks"] == {"qr": 0, "signature": 3, "stamp": 4}
    by_name = {row["document"]: row for row in summary["documents"]}
    assert by_name["a.pdf"]["pages_with"] == {"qr": [], "signature": [1, 3], "stamp": [1]}
    assert by_name["broken.pdf"]["failure"]["kind"] == "unreadable"
    with (output / "documents.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["document"]: row for row in csv.DictReader(stream)}
    assert rows["a.pdf"]["signature_pages"] == "1 3"
    assert rows["broken.pdf"]["reason"].startswith("unreadable: ")


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_results_do_not_depend_on_the_batch(
    ran: tuple[Path, InferReport], source: Path, tmp_path: Path, batch: int
) -> None:
    output, _ = ran
    run_once(source, tmp_path / "out", replace(with_pages(), batch=batch))
    assert compared_files(tmp_path / "out") == compared_files(output)


def test_results_do_not_depend_on_the_number_of_workers(
    ran: tuple[Path, InferReport], source: Path, tmp_path: Path
) -> None:
    output, _ = ran
    run_once(source, tmp_path / "out", replace(with_pages(), workers=2))
    assert compared_files(tmp_path / "out") == compared_files(output)


def test_pictures_codes_and_copies_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "in")
    make_pdf(source / "code.pdf", [[("qr", (20, 20, 60, 60))]], rotate=90)
    outputs = []
    for workers, batch in ((0, 3), (2, 1)):
        settings = replace(with_pages(), save_crops=True, save_pdf=True, workers=workers, batch=batch)
        run_once(source, tmp_path / f"{workers}", settings)
        outputs.append(compared_files(tmp_path / f"{workers}"))
    assert outputs[0] == outputs[1]
    assert {"pdf/code.pdf", "crops/code.pdf/page_0001_qr_01.jpg", "pages/code.pdf/page_0001.jpg"} <= set(outputs[0])


def test_results_do_not_depend_on_the_order_of_the_files(
    ran: tuple[Path, InferReport], source: Path, tmp_path: Path
) -> None:
    output, _ = ran
    chosen = collect_documents([str(source)])
    chosen = replace(chosen, files=chosen.files[::-1])
    with (
        Detector(engine=ColourEngine()) as detector,
        claimed_folder(tmp_path / "out", "refuse"),
        Journal(tmp_path / "out" / JOURNAL_NAME, with_pages()) as journal,
    ):
        report = run(chosen, detector, journal, InferConfig())
        write_summary(report, with_pages(), source="", weights=Path("fake.pt"))
    assert compared_files(tmp_path / "out") == compared_files(output)


def test_what_is_kept_of_each_document_to_the_end_of_a_run_takes_no_dictionary(
    ran: tuple[Path, InferReport],
) -> None:
    _, report = ran
    kept = [*report.totals.documents, Entry("0" * 64)]
    assert len(kept) > 1
    assert [one for one in kept if hasattr(one, "__dict__")] == []


def test_a_run_imports_nothing_that_it_has_no_use_for(source: Path, tmp_path: Path) -> None:
    unwanted = ["torch", "torchvision", "ultralytics", "pymupdf", "pandas", "matplotlib", "scipy", "polars"]
    code = f"""
import sys
from docdetect.cli.main import main
sys.argv = ["docdetect", "infer", {str(source)!r}, "--fast", "--output", {str(tmp_path / "out")!r}]
try:
    main()
except SystemExit as end:
    print(end.code, [name for name in {unwanted!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (tmp_path / "out" / "results.xlsx").is_file()
    assert done.stdout.splitlines()[-1] == "7 []"  # one document cannot be read
