"""The JSON annotations: round trips, tolerance where it is meant, and every problem in one message."""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_from_json, annotations_from_text, annotations_to_json
from docdetect.errors import InputError
from docdetect.files import json_text, nfc

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map(nfc)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
MARKS = st.builds(
    Mark,
    category=st.text(min_size=1).filter(lambda text: bool(text.strip())),
    xywh=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    key=st.text(min_size=1),
    confidence=st.none() | st.floats(0, 1),
    text=st.none() | st.text(),
)
SIZES = st.tuples(st.integers(1, 20000), st.integers(1, 20000))
PAGES = st.builds(AnnotatedPage, size_wh=SIZES, marks=st.lists(MARKS, max_size=3).map(tuple))
ANNOTATIONS = st.dictionaries(NAMES, st.dictionaries(st.integers(1, 999), PAGES, max_size=3), max_size=3)


def page(**changes: Any) -> dict[str, Any]:
    body = {"category": "qr", "bbox": {"x": 1, "y": 2, "width": 3, "height": 4}, "area": 12} | changes
    return {"page_size": {"width": 100, "height": 200}, "annotations": [{"annotation_7": body}]}


@settings(max_examples=40)
@given(ANNOTATIONS)
def test_round_trip(annotations: Annotations) -> None:
    assert annotations_from_json(annotations_to_json(annotations), "made") == annotations


@settings(max_examples=40)
@given(ANNOTATIONS.map(annotations_to_json))
def test_round_trip_through_text(data: dict[str, Any]) -> None:
    text = json_text(data).encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    assert annotations_to_json(annotations_from_text(text, "made")) == data


def test_reads_the_format() -> None:
    found = annotations_from_json({"a.pdf": {"page_3": page()}}, "x.json")
    assert found == {"a.pdf": {3: AnnotatedPage((100, 200), (Mark("qr", (1, 2, 3, 4), "annotation_7"),))}}


def test_real_annotations_round_trip(shared_data: Path) -> None:
    data = json.loads((shared_data / "armeta" / "annotations.json").read_text(encoding="utf-8"))
    found = annotations_from_json(data, "armeta")
    assert len(found) == 22
    assert sum(len(pages) for pages in found.values()) == 33
    written = annotations_to_json(found)
    again = [mark for pages in written.values() for page in pages.values() for mark in page["annotations"]]
    original = [mark for pages in data.values() for page in pages.values() for mark in page["annotations"]]
    assert [(*mark, *(body["bbox"] for body in mark.values())) for mark in again] == [
        (*mark, *(body["bbox"] for body in mark.values())) for mark in original
    ]


def test_confidence_and_text_are_kept() -> None:
    mark = Mark("qr", (1, 2, 3, 4), "m", confidence=0.5, text="https://пример")
    written = annotations_to_json({"a.pdf": {1: AnnotatedPage((9, 9), (mark,))}})
    assert written["a.pdf"]["page_1"]["annotations"][0]["m"]["text"] == "https://пример"
    assert annotations_from_json(written, "x")["a.pdf"][1].marks == (mark,)


def test_marks_without_key_are_numbered_past_those_in_use() -> None:
    marks = tuple(Mark("qr", (1, 1, 1, 1), key) for key in ("", "annotation_1", ""))
    written = annotations_to_json({"b.pdf": {1: AnnotatedPage((9, 9), marks)}})
    keys = [next(iter(item)) for item in written["b.pdf"]["page_1"]["annotations"]]
    assert keys == ["annotation_2", "annotation_1", "annotation_3"]


def test_pages_without_marks_and_documents_without_pages_stay() -> None:
    data = {"a.pdf": {"page_1": {"page_size": {"width": 5, "height": 6}, "annotations": []}}, "b.pdf": {}}
    assert annotations_from_json(data, "x") == {"a.pdf": {1: AnnotatedPage((5, 6), ())}, "b.pdf": {}}


def test_names_are_nfc() -> None:
    decomposed = unicodedata.normalize("NFD", "йод.pdf")
    assert list(annotations_from_json({decomposed: {}}, "x")) == ["йод.pdf"]


def test_names_that_meet_in_nfc_are_an_error() -> None:
    with pytest.raises(InputError, match=r"йод\.pdf: two names are the same document"):
        annotations_from_json({"йод.pdf": {}, unicodedata.normalize("NFD", "йод.pdf"): {}}, "x")


def test_senseless_boxes_reach_cleaning() -> None:
    data = {"a.pdf": {"page_1": page(bbox={"x": None, "y": float("inf"), "width": -1, "height": 10**400})}}
    x, y, width, height = annotations_from_json(data, "x")["a.pdf"][1].marks[0].xywh
    assert math.isnan(x)
    assert (y, width, height) == (math.inf, -1, math.inf)


def test_every_problem_is_listed() -> None:
    data = {
        "a.pdf": {
            "page_0": page(),
            "page_1": page(category=3),
            "page_2": page(bbox={"x": 1, "y": 2, "width": "3"}),
            "page_3": page() | {"page_size": {"width": 10.5, "height": 0}},
            "page_4": {"page_size": {"width": 1, "height": 1}, "annotations": [{}, {"a": 1}, {"a": {}, "b": {}}]},
            "page_5": page(confidence=1.5, text=[]),
            "page_6": [],
        },
        "b.pdf": [],
    }
    with pytest.raises(InputError) as caught:
        annotations_from_json(data, "x.json")
    assert caught.value.message.splitlines() == [
        "x.json: not in the annotation format",
        "  - a.pdf: page key 'page_0', expected page_1, page_2, ...",
        "  - a.pdf, page_1, annotation 1 (annotation_7): category must be a text",
        "  - a.pdf, page_2, annotation 1 (annotation_7): bbox needs the numbers x, y, width and height",
        "  - a.pdf, page_3: page_size needs width and height in whole px, at least 1 "
        "(found {'width': 10.5, 'height': 0})",
        *[
            f'  - a.pdf, page_4, annotation {n}: expected an object with one key, like {{"annotation_1": {{...}}}}'
            for n in (1, 2, 3)
        ],
        "  - a.pdf, page_5, annotation 1 (annotation_7): confidence must be a number from 0 to 1; text must be a text",
        "  - a.pdf, page_6: expected an object, found a list",
        "  - b.pdf: expected an object of pages, found a list",
    ]


@pytest.mark.parametrize("data", [[], "text", 3, None, True])
def test_no_object_at_all(data: object) -> None:
    with pytest.raises(InputError, match="expected an object of documents"):
        annotations_from_json(data, "x.json")


def test_what_stands_twice_in_the_text_is_an_error() -> None:
    text = '{"a.pdf": {"page_1": 1, "page_1": 2}, "b.pdf": {}, "b.pdf": {}}'
    with pytest.raises(InputError) as caught:
        annotations_from_text(text, "x.json")
    assert "the file: 'b.pdf' stands in it twice" in caught.value.message
    assert "a.pdf: 'page_1' stands in it twice" in caught.value.message


@pytest.mark.parametrize("text", ["{", "[" * 100000, '{"a": ' + "1" * 5000 + "}"])
def test_text_that_is_no_json(text: str) -> None:
    with pytest.raises(InputError, match=r"x\.json: "):
        annotations_from_text(text, "x.json")


def test_half_surrogate_pairs_do_not_get_through() -> None:
    text = json.dumps({"a\ud800.pdf": {"page_1": page(category="q\ud800")}})
    found = annotations_from_text(text, "x.json")
    assert found["a?.pdf"][1].marks[0].category == "q?"
