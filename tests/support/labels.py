"""Annotations for tests of formats: some by hand, others drawn at random, and what the writers make of them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from docdetect.annotations.exchange import LabelFile
from docdetect.annotations.formats import FORMATS
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.writing import WriteSettings
from docdetect.files import nfc

CLASSES = ("qr", "signature", "stamp")

SAMPLE: Annotations = {
    "договор № 7.pdf": {
        1: AnnotatedPage((1000, 1400), (Mark("stamp", (100.5, 200.25, 300.0, 250.0), "", 0.91),)),
        2: AnnotatedPage((1000, 1400), ()),
        12: AnnotatedPage(
            (1400, 1000),
            (Mark("qr", (10.0, 20.0, 50.0, 60.0), "", 0.5, "https://пример/?a=1&b=<2>"), Mark("stamp", (0, 0, 9, 9))),
        ),
    },
    "deep/b & c.jpg": {1: AnnotatedPage((640, 480), (Mark("signature", (5.0, 6.0, 100.0, 40.0), "", 0.123456),))},
}

# What every format can hold: no control characters, which XML has no way to write.
_LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"])
_NAMES = (
    st.text(_LETTERS, min_size=1, max_size=12)
    .map(lambda text: nfc(text).strip("/. "))
    .filter(lambda text: bool(text) and "//" not in text and "/." not in text)
)
_TEXTS = st.none() | st.text(_LETTERS, min_size=1, max_size=10).filter(lambda text: bool(text.strip()))


@st.composite
def _pages(draw: st.DrawFn) -> AnnotatedPage:
    width, height = draw(st.integers(20, 9000)), draw(st.integers(20, 9000))
    marks = []
    for _ in range(draw(st.integers(0, 3))):
        left, right = sorted(draw(st.tuples(*[st.integers(0, width * 100)] * 2)))
        top, bottom = sorted(draw(st.tuples(*[st.integers(0, height * 100)] * 2)))
        box = (left / 100, top / 100, (right - left) / 100, (bottom - top) / 100)
        confidence = draw(st.none() | st.floats(0, 1))
        marks.append(Mark(draw(st.sampled_from(CLASSES)), box, "", confidence, draw(_TEXTS)))
    return AnnotatedPage((width, height), tuple(marks))


ANNOTATIONS = st.dictionaries(
    _NAMES, st.dictionaries(st.integers(1, 99999), _pages(), min_size=1, max_size=2), min_size=1, max_size=2
)
"""Documents with pages, some of them without marks, whose boxes lie on the page with two decimals."""


def written(name: str, annotations: Annotations, settings: WriteSettings | None = None) -> dict[str, str]:
    """The files of a format, name -> text."""
    writer = FORMATS[name].writer(settings or WriteSettings(CLASSES, name=f"labels{FORMATS[name].suffix}"))
    files: dict[str, str] = {}
    late: dict[str, str] = {}
    pieces = [*writer.begin()]
    for document, pages in annotations.items():
        pieces += writer.add(document, pages)
    for piece in [*pieces, *writer.end()]:
        assert piece.place != "whole" or piece.file not in files, f"{piece.file} is written twice"
        target = late if piece.place == "last" else files
        target[piece.file] = target.get(piece.file, "") + piece.text
    return {file: text + late.get(file, "") for file, text in files.items()}


def label_files(files: Mapping[str, str]) -> list[LabelFile]:
    """The same as the readers take them."""
    return [LabelFile(name, text) for name, text in files.items()]


def same_pages(found: Annotations, expected: Annotations, *, within_px: float) -> None:
    """Asserts that documents, pages, sizes, categories, texts and boxes are the same; boxes within some px."""
    assert sorted(found) == sorted(expected)
    for document, pages in expected.items():
        assert sorted(found[document]) == sorted(pages)
        for number, page in pages.items():
            other = found[document][number]
            assert other.size_wh == page.size_wh
            assert [(mark.category, mark.text) for mark in other.marks] == [
                (mark.category, mark.text) for mark in page.marks
            ]
            for mark, expected_mark in zip(other.marks, page.marks, strict=True):
                apart = [abs(a - b) for a, b in zip(mark.xywh, expected_mark.xywh, strict=True)]
                assert max(apart) <= within_px, (mark, expected_mark)
