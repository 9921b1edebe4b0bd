"""The sample documents: few, small, readable, with marks of every class where their annotations say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from docdetect.annotations.cleaning import ClassRules, clean_page
from docdetect.datasets.ground_truth import read_annotations
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.machine import has_native_int8
from docdetect.models.conversions import INT8_FORM, read_form
from docdetect.models.weights import resolve_weights

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
CLASSES = ("qr", "signature", "stamp")


def test_six_small_documents_of_several_kinds() -> None:
    files = list_documents(SAMPLES)
    assert len(files) == 6
    assert {file.path.suffix for file in files} == {".pdf", ".jpg", ".tif", ".png"}
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 2_000_000


def test_every_mark_is_ink_on_its_page() -> None:
    annotations, rules = read_annotations(SAMPLES / "annotations.json"), ClassRules(CLASSES)
    seen: list[int] = []
    pages = 0
    for file in list_documents(SAMPLES):
        with open_document(file) as document:
            pages += document.page_count
            for number, page in annotations[file.name].items():
                marks, removed = clean_page(page, rules, file.name, number)
                assert not removed
                pixels = document.render(number, LongSide(max(page.size_wh))).pixels
                assert pixels.shape[:2] == page.size_wh[::-1]
                for left, top, right, bottom in marks.xyxy.astype(int):
                    crop = pixels[top:bottom, left:right].min(axis=2)
                    assert np.percentile(crop, 2) < np.percentile(pixels.min(axis=2), 50) - 25
                seen += marks.class_ids.tolist()
    assert pages == 7
    assert min(np.bincount(seen, minlength=3)) >= 3


def test_the_bundled_int8_form_is_that_of_its_weights() -> None:
    form = read_form(resolve_weights("docdetect-s", Path("none")), INT8_FORM, pytest.fail)
    assert form is not None
    assert (form.precision, form.spec.class_names) == ("int8", CLASSES)


@pytest.mark.parametrize(("engine_name", "precision"), [("torch", "fp32"), ("openvino", "int8")])
def test_the_bundled_weights_find_most_marks_of_every_class(engine_name: str, precision: str) -> None:
    from docdetect.boxes import iou
    from docdetect.models.engines.select import load_engine

    if precision == "int8" and not has_native_int8():
        pytest.skip("this processor has no int8 arithmetic")
    weights = resolve_weights("docdetect-s", Path("none"))
    engine = load_engine(weights, imgsz=1024, device="cpu", engine=engine_name, precision=precision)
    assert engine.class_names == CLASSES
    annotations, rules = read_annotations(SAMPLES / "annotations.json"), ClassRules(CLASSES)
    found, there = np.zeros(3), np.zeros(3)
    for file in list_documents(SAMPLES):
        with open_document(file) as document:
            for number, page in annotations[file.name].items():
                ground_truth = clean_page(page, rules, file.name, number)[0]
                pixels = document.render(number, LongSide(1024)).pixels
                marks = engine.detect([pixels], 0.15, 0.7)[0].scaled(ground_truth.size_wh)
                same = ground_truth.class_ids[:, None] == marks.class_ids[None]
                met = (same & (iou(ground_truth.xyxy, marks.xyxy) >= 0.5)).any(axis=1)
                there += np.bincount(ground_truth.class_ids, minlength=3)
                found += np.bincount(ground_truth.class_ids[met], minlength=3)
    assert (found >= there / 2).all(), dict(zip(CLASSES, zip(found, there, strict=True), strict=True))
