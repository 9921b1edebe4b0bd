"""The table of real documents, on made-up folders laid out like the real ones, with a detector that finds colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.real_documents import COLUMNS, Asked, evaluate_set, markdown

from docdetect.annotations.marks import AnnotatedPage, Mark
from docdetect.annotations.native import annotations_to_json
from docdetect.errors import InputError
from docdetect.files import write_json
from tests.support.fakes import Box, ColourEngine, make_image

SIZE_WH = (362, 512)
SIGNATURE, STAMP = (40.0, 60.0, 140.0, 100.0), (200.0, 300.0, 280.0, 380.0)


def write_page(path: Path, *marks: tuple[str, Box]) -> None:
    make_image(path, marks, size_wh=SIZE_WH)


def yolo_line(class_id: int, box: Box) -> str:
    left, top, right, bottom = (edge / side for edge, side in zip(box, (*SIZE_WH, *SIZE_WH), strict=True))
    return f"{class_id} {(left + right) / 2} {(top + bottom) / 2} {right - left} {bottom - top}\n"


def asked(data: Path, gallery: Path | None = None) -> Asked:
    return Asked(ColourEngine(), data, imgsz=512, conf=0.25, every=1, resamples=20, gallery=gallery)


def test_annotated_pages_are_scaled_to_the_rendered_size_and_evaluated_class_by_class(tmp_path: Path) -> None:
    write_page(tmp_path / "armeta/pdfs/a.png", ("signature", SIGNATURE), ("stamp", STAMP))
    write_page(tmp_path / "armeta/pdfs/b.png")
    x, y, right, bottom = (2 * edge for edge in SIGNATURE)
    marks = (Mark("signature", (x, y, right - x, bottom - y)), Mark("stamp", (20, 20, 100, 100)))
    page = AnnotatedPage((2 * SIZE_WH[0], 2 * SIZE_WH[1]), marks)
    write_json(tmp_path / "armeta/annotations.json", annotations_to_json({"a.png": {1: page}}))
    rows = {row[1]: row for row in evaluate_set("armeta", asked(tmp_path, tmp_path / "gallery"))}
    assert rows["signature"][2:6] == ("2", "1", "1.000", "1.000")
    assert rows["signature"][-2:] == ("1.00 / 1.00", "1.00 / 1.00")
    # The stamp is labelled in another place than the one where the detector finds it.
    assert rows["stamp"][3:6] == ("1", "0.000", "0.000")
    assert rows["qr"][3:6] == ("0", "–", "–")
    assert sorted(path.name for path in (tmp_path / "gallery").iterdir()) == ["armeta_false.jpg", "armeta_missed.jpg"]


def test_only_the_labelled_class_counts_and_parts_of_a_set_have_their_own_rows(tmp_path: Path) -> None:
    write_page(tmp_path / "stamps/images/ru_1.png", ("signature", SIGNATURE), ("stamp", STAMP))
    write_page(tmp_path / "stamps/images/india_1.png", ("signature", SIGNATURE))
    labels = tmp_path / "stamps/labels"
    labels.mkdir()
    (labels / "ru_1.txt").write_text(yolo_line(2, STAMP), encoding="utf-8")
    (labels / "india_1.txt").write_text(yolo_line(2, STAMP), encoding="utf-8")
    rows = evaluate_set("stamps", asked(tmp_path))
    assert [row[0] for row in rows] == ["stamps", "stamps, ru_*", "stamps, india_*"]
    assert [row[-2] for row in rows] == ["1.00 / 0.50", "1.00 / 1.00", "– / 0.00"]


def test_on_pages_without_marks_every_detection_is_a_false_alarm(tmp_path: Path) -> None:
    write_page(tmp_path / "forms/a.png", ("stamp", STAMP), ("qr", SIGNATURE))
    write_page(tmp_path / "forms/b.png")
    (row,) = evaluate_set("forms", asked(tmp_path))
    assert row[4] == "1.000 false alarms a page (qr 1, stamp 1)"
    assert row[6:] == (".01", "0", "2 false", "2 false")
    assert markdown([COLUMNS, row]).splitlines()[1].count("|") == len(COLUMNS) + 1


def test_damaged_labels_are_named(tmp_path: Path) -> None:
    write_page(tmp_path / "signatures/images/a.png")
    (tmp_path / "signatures/labels").mkdir()
    (tmp_path / "signatures/labels/a.txt").write_text("1 0.5 0.5 0.1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.txt: not YOLO labels"):
        evaluate_set("signatures", asked(tmp_path))
