"""Cleaning: every kind of bad box has its reason, good boxes pass untouched."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.annotations.cleaning import ClassRules, Removal, RemovalReason, clean_page, unknown_categories
from docdetect.annotations.marks import AnnotatedPage, Mark

RULES = ClassRules(("qr", "signature", "stamp"), {"seal": "stamp", "initials": "signature", "logo": None})
ANY_NUMBER = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-200, 400)


def clean(*boxes: tuple[float, float, float, float], category: str = "qr") -> tuple[list[list[float]], list[str]]:
    page = AnnotatedPage((100, 200), tuple(Mark(category, box, f"a{n}") for n, box in enumerate(boxes)))
    found, removals = clean_page(page, RULES, "d.pdf", 1)
    return found.xyxy.tolist(), [removal.reason.value for removal in removals]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((math.nan, 1, 5, 5), RemovalReason.NOT_FINITE),
        ((1, math.inf, 5, 5), RemovalReason.NOT_FINITE),
        ((1e308, 1, 1e308, 5), RemovalReason.NOT_FINITE),
        ((10, 10, -5, 5), RemovalReason.NEGATIVE_SIZE),
        ((10, 10, 5, -0.01), RemovalReason.NEGATIVE_SIZE),
        ((10, 10, 0, 5), RemovalReason.ZERO_SIZE),
        ((10, 10, 5, 0.2), RemovalReason.ZERO_SIZE),
        ((100, 10, 5, 5), RemovalReason.OUTSIDE),
        ((-6, 10, 6, 5), RemovalReason.OUTSIDE),
        ((10, 400, 6, 5), RemovalReason.OUTSIDE),
        ((99.8, 10, 6, 5), RemovalReason.OUTSIDE),
    ],
)
def test_senseless_boxes_are_removed(box: tuple[float, float, float, float], reason: RemovalReason) -> None:
    page = AnnotatedPage((100, 200), (Mark("seal", box, "annotation_9"),))
    found, removals = clean_page(page, RULES, "d.pdf", 4)
    assert len(found) == 0
    assert len(removals) == 1
    assert (removals[0].document, removals[0].page, removals[0].key) == ("d.pdf", 4, "annotation_9")
    assert (removals[0].category, removals[0].reason, removals[0].box) == ("seal", reason, box)
    assert not removals[0].reason.kept


def test_boxes_that_stick_out_are_clipped_and_listed() -> None:
    assert clean((-10, 190, 30, 30)) == ([[0, 190, 20, 200]], ["clipped to the page"])
    assert RemovalReason.CLIPPED.kept


def test_rounding_at_the_edge_is_no_clipping() -> None:
    assert clean((90, 190, 10.009, 10.0)) == ([[90, 190, 100, 200]], [])


def test_a_box_of_the_whole_page_passes() -> None:
    assert clean((0, 0, 100, 200)) == ([[0, 0, 100, 200]], [])


def test_duplicates_are_removed_within_a_class() -> None:
    assert clean((1, 1, 9, 9), (1.5, 1, 9, 9.5), (3, 1, 9, 9)) == ([[1, 1, 10, 10], [3, 1, 12, 10]], ["duplicate"])


def test_duplicates_meet_after_the_class_map_and_after_clipping() -> None:
    marks = (Mark("seal", (-5, 0, 15, 9), "a"), Mark("stamp", (0, 0, 10, 9), "b"), Mark("qr", (0, 0, 10, 9), "c"))
    found, removals = clean_page(AnnotatedPage((100, 200), marks), RULES, "d.pdf", 1)
    assert found.class_ids.tolist() == [2, 0]
    assert [(removal.key, removal.reason.name) for removal in removals] == [("a", "CLIPPED"), ("b", "DUPLICATE")]


def test_class_map_renames_merges_and_drops() -> None:
    names = ["qr", "initials", "signature", "seal", "logo"]
    marks = tuple(Mark(name, (10 * n, 0, 5, 5), name) for n, name in enumerate(names))
    found, removals = clean_page(AnnotatedPage((100, 200), marks), RULES, "d.pdf", 1)
    assert found.class_ids.tolist() == [0, 1, 1, 2]
    assert removals == (Removal("d.pdf", 1, "logo", "logo", RemovalReason.DROPPED, (40, 0, 5, 5)),)


def test_the_class_map_wins_over_a_class_of_the_same_name() -> None:
    assert ClassRules(("qr", "stamp"), {"qr": None}).class_id("qr") is None


def test_ids_follow_the_order_of_the_classes() -> None:
    assert [ClassRules(("stamp", "qr")).class_id(name) for name in ("stamp", "qr")] == [0, 1]


def test_unknown_categories_with_their_places() -> None:
    page = AnnotatedPage((9, 9), (Mark("stmap", (0, 0, 1, 1)), Mark("qr", (0, 0, 1, 1)), Mark("stmap", (1, 1, 1, 1))))
    assert unknown_categories({"a.pdf": {2: page, 1: page}}, RULES) == {"stmap": [("a.pdf", 1), ("a.pdf", 2)]}
    assert RULES.suggestion("stmap") == " (did you mean stamp?)"
    assert RULES.suggestion("xyz") == ""
    with pytest.raises(KeyError):
        clean_page(page, RULES, "a.pdf", 1)


def test_a_map_to_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="leads to seal"):
        ClassRules(("qr",), {"stamp": "seal"})


@given(st.lists(st.tuples(ANY_NUMBER, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER), max_size=5))
def test_whatever_comes_in_good_boxes_come_out(boxes: list[tuple[float, float, float, float]]) -> None:
    page = AnnotatedPage((100, 200), tuple(Mark("qr", box, str(n)) for n, box in enumerate(boxes)))
    found, removals = clean_page(page, RULES, "d.pdf", 1)
    assert len(found) + sum(not removal.reason.kept for removal in removals) == len(boxes)
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= (100, 200, 100, 200)).all()
