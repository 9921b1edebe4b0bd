"""The sample documents: few, small, readable, with marks of every class where their annotations say."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from docdetect.datasets.labels import read_annotations
from docdetect.documents.reader import LongSide, open_document
from docdetect.documents.sources import list_documents
from docdetect.labels.cleaning import ClassRules, clean_page

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
