"""Every format gives back what it was given: documents, page numbers, pages without marks, boxes, confidences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import given, settings

from docdetect.annotations.coco import read_coco
from docdetect.annotations.cvat import read_cvat
from docdetect.annotations.exchange import LabelFile, Reading, ReadSettings, page_of_picture
from docdetect.annotations.formats import FORMATS
from docdetect.annotations.label_studio import read_label_studio
from docdetect.annotations.labelme import read_labelme
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_from_text
from docdetect.annotations.voc import read_voc
from docdetect.annotations.writing import WriteSettings, picture_name
from docdetect.annotations.yolo import labels_from_yolo
from docdetect.boxes import xyxy_to_xywh
from tests.support.labels import ANNOTATIONS, CLASSES, SAMPLE, label_files, same_pages, written

PLAIN = ReadSettings()
Read: TypeAlias = Callable[[dict[str, str]], Reading]


def only(files: dict[str, str], suffix: str) -> LabelFile:
    (name,) = [name for name in files if name == f"labels{suffix}"]
    return LabelFile(name, files[name])


READ: dict[str, Read] = {
    "native": lambda files: Reading(annotations_from_text(only(files, ".json").text, "made")),
    "label-studio": lambda files: read_label_studio(only(files, ".json"), PLAIN),
    "cvat": lambda files: read_cvat(only(files, ".xml"), PLAIN),
    "coco": lambda files: read_coco(only(files, ".json"), PLAIN),
    "voc": lambda files: read_voc(label_files(files), "made", PLAIN),
    "labelme": lambda files: read_labelme(label_files(files), "made", PLAIN),
}
# Pascal VOC has whole pixels: each edge moves by half a pixel at most, and a width by one.
WITHIN_PX = {"native": 0.0, "label-studio": 2e-3, "cvat": 2e-3, "coco": 0.0, "voc": 1.0, "labelme": 2e-3}


@pytest.mark.parametrize("name", READ)
@settings(max_examples=40)
@given(annotations=ANNOTATIONS)
def test_round_trip(name: str, annotations: Annotations) -> None:
    read = READ[name](written(name, annotations))
    same_pages(read.annotations, annotations, within_px=WITHIN_PX[name])
    assert not read.remarks
    assert confidences(read.annotations) == confidences(annotations)


def confidences(annotations: Annotations) -> list[float | None]:
    return [
        mark.confidence
        for _, pages in sorted(annotations.items())
        for _, page in sorted(pages.items())
        for mark in page.marks
    ]


@pytest.mark.parametrize("first", READ)
@pytest.mark.parametrize("second", READ)
def test_any_two_formats_in_a_row(first: str, second: str) -> None:
    sample = SAMPLE | {"back\\slash.pdf": {3: AnnotatedPage((100, 200), (Mark("stamp", (1.0, 2.0, 3.0, 4.0)),))}}
    once = READ[first](written(first, sample)).annotations
    twice = READ[second](written(second, once)).annotations
    same_pages(twice, sample, within_px=1.0)
    assert confidences(twice) == confidences(sample)


@settings(max_examples=40)
@given(annotations=ANNOTATIONS)
def test_yolo_keeps_everything_but_texts(annotations: Annotations) -> None:
    files = written("yolo", annotations, WriteSettings(CLASSES, confidences=True))
    for document, pages in annotations.items():
        for number, page in pages.items():
            text = files[f"labels/{picture_name(document, number, '.txt')}"]
            labels = labels_from_yolo(text, page.size_wh, "made")
            assert [CLASSES[one] for one in labels.boxes.class_ids.tolist()] == [mark.category for mark in page.marks]
            for box, score, mark in zip(
                xyxy_to_xywh(labels.boxes.xyxy).tolist(), labels.scores, page.marks, strict=True
            ):
                assert box == pytest.approx(mark.xywh, abs=0.01)
                assert (score is None) == (mark.confidence is None)
                assert score is None or math.isclose(score, mark.confidence or 0, abs_tol=1e-6)


def test_yolo_labels_have_no_confidences_unless_they_are_wanted() -> None:
    lines = [
        line for name, text in written("yolo", SAMPLE).items() if name.endswith(".txt") for line in text.split("\n")
    ]
    assert {len(line.split()) for line in lines if line[:1].isdigit()} == {5}


@settings(max_examples=60)
@given(annotations=ANNOTATIONS)
def test_the_name_of_a_picture_says_document_and_page(annotations: Annotations) -> None:
    for document, pages in annotations.items():
        for number in pages:
            assert page_of_picture(picture_name(document, number)) == (document, number)
            assert page_of_picture(picture_name(document, number, ".txt")) == (document, number)


def test_other_pictures_are_documents_of_one_page() -> None:
    assert page_of_picture("scan 17.png") == ("scan 17.png", 1)
    assert page_of_picture("a\\b.png") == ("a/b.png", 1)
    assert page_of_picture("a\\b.pdf\\page_0002.png") == ("a/b.pdf", 2)
    assert page_of_picture("a\\b.pdf/page_0002.png") == ("a\\b.pdf", 2)  # a backslash in the name of the document
    assert page_of_picture("x/page_0000.jpg") == ("x/page_0000.jpg", 1)


def test_names_and_texts_that_xml_cannot_hold_do_not_make_a_file_that_nobody_reads() -> None:
    page = SAMPLE["deep/b & c.jpg"]
    for name in ("cvat", "voc"):
        read = READ[name](written(name, {"bad\x01\ud800 name.pdf": page}))
        assert list(read.annotations) == ["bad?? name.pdf"]
    for name in ("coco", "label-studio", "labelme", "native"):
        files = written(name, {"half\ud800.pdf": page})
        assert "half" in "".join(files.values()).encode("utf-8").decode()


def test_pascal_voc_with_pixels_counted_from_one() -> None:
    files = written("voc", SAMPLE, WriteSettings(CLASSES, voc_origin=1))
    text = files["договор № 7.pdf/page_0012.xml"]
    assert "<xmin>11</xmin><ymin>21</ymin><xmax>60</xmax><ymax>80</ymax>" in text
    read = read_voc(label_files(files), "made", ReadSettings(voc_origin=1))
    same_pages(read.annotations, SAMPLE, within_px=1.0)


def test_labelme_names_the_picture_relative_to_its_json() -> None:
    files = written("labelme", SAMPLE, WriteSettings(CLASSES, images="../images"))
    assert '"imagePath": "../../../images/deep/b & c.jpg/page_0001.jpg"' in files["deep/b & c.jpg/page_0001.json"]
    files = written("labelme", SAMPLE, WriteSettings(CLASSES, images="."))
    assert '"imagePath": "page_0001.jpg"' in files["deep/b & c.jpg/page_0001.json"]


@pytest.mark.parametrize("name", READ)
def test_what_a_format_says_of_itself_is_so(name: str) -> None:
    marks = (Mark("qr", (1.0, 1.0, 5.0, 5.0), "", None, "01\x1d21"),)
    read = READ[name](written(name, {"a.pdf": {1: AnnotatedPage((20, 20), marks)}, "none.pdf": {}}))
    assert FORMATS[name].keeps_documents == ("none.pdf" in read.annotations)
    (mark,) = read.annotations["a.pdf"][1].marks
    assert mark.text == ("01\x1d21" if FORMATS[name].holds_text("01\x1d21") else "01?21")
