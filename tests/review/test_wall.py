"""The wall of crops: arrays and merging give what sorting everything would give, whatever is revised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.review.wall import (
    CropOrder,
    NetworkMarks,
    Place,
    RevisedMarks,
    Wall,
    WallMark,
    place_from_text,
    place_to_text,
)

NAMES = ("qr", "signature", "stamp")
SCORE = st.sampled_from([0.05, 0.3, 0.3000001, 0.5, 0.9, 1.0])
PAGES = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(1, 3)),
    st.lists(st.tuples(st.integers(0, 2), SCORE), max_size=12),
    max_size=8,
)


def network_of(pages: dict[tuple[int, int], list[tuple[int, float]]]) -> NetworkMarks:
    rows = [
        (document, page, number, category, score)
        for (document, page), marks in sorted(pages.items())
        for number, (category, score) in enumerate(marks)
    ]
    columns = [np.array([row[at] for row in rows]) for at in range(5)]
    documents, numbers_of_pages, numbers = (column.astype(np.int64) for column in columns[:3])
    categories, scores = columns[3].astype(np.uint8), columns[4].astype(np.float32)
    return NetworkMarks("n", documents, numbers_of_pages, numbers, categories, scores, NAMES)


@given(PAGES, st.lists(st.booleans(), min_size=8, max_size=8), st.sampled_from(("", *NAMES)), st.data())
def test_sections_are_those_of_one_sorted_list(
    pages: dict[tuple[int, int], list[tuple[int, float]]], is_revised: list[bool], category: str, data: st.DataObject
) -> None:
    order: CropOrder = data.draw(st.sampled_from(("confidence", "confidence-desc", "page")))
    reviewed = data.draw(st.sampled_from((None, True, False)))
    revised = [page for page, is_one in zip(sorted(pages), is_revised, strict=False) if is_one]
    kept = [
        WallMark(document, page, f"n{number}", NAMES[kind], math.nan if number == 3 else score, number % 2 == 0)
        for document, page in revised
        for number, (kind, score) in enumerate(pages[document, page])
        if number != 1  # was rejected
    ]
    wall = Wall(lambda: network_of(pages), lambda: RevisedMarks(revised, kept))
    untouched = [
        WallMark(document, page, f"n{number}", NAMES[kind], score, False)
        for (document, page), marks in pages.items()
        if (document, page) not in revised
        for number, (kind, score) in enumerate(marks)
    ]
    wanted = [
        mark for mark in (*untouched, *kept) if category in ("", mark.category) and reviewed in (None, mark.decided)
    ]

    def place(mark: WallMark) -> tuple[float, int, int, int]:
        first = 2.0 if math.isnan(mark.score) else round(float(np.float32(mark.score)), 6)
        first = -first if order == "confidence-desc" and first != 2.0 else first
        return 0.0 if order == "page" else first, mark.document, mark.page, int(mark.id[1:])

    expected = [(mark.document, mark.page, mark.id) for mark in sorted(wanted, key=place)]
    seen, last, limit = [], None, data.draw(st.integers(1, 5))
    while True:
        marks, last, total = wall.section((1, 1), category, order, reviewed, last, limit)
        assert total == len(expected)
        seen += [(mark.document, mark.page, mark.id) for mark in marks]
        if last is None:
            break
        last = place_from_text(place_to_text(last))
    assert seen == expected


def test_what_changes_is_read_anew() -> None:
    pages = {(0, 1): [(0, 0.5), (0, 0.6)]}
    revised = RevisedMarks([], [])
    wall = Wall(lambda: network_of(pages), lambda: revised)
    assert wall.section((1, 1), "qr", "page", None, None, 9)[2] == 2
    revised = RevisedMarks([(0, 1)], [WallMark(0, 1, "n1", "qr", 0.6, True)])
    assert wall.section((1, 1), "qr", "page", None, None, 9)[2] == 2
    assert wall.section((1, 2), "qr", "page", None, None, 9)[2] == 1
    pages[0, 2] = [(0, 0.7)]
    assert [mark.page for mark in wall.section((2, 3), "qr", "page", None, None, 9)[0]] == [1, 2]


@pytest.mark.parametrize("text", ["", "[]", "null", '[1,2,3,"a",5]', '["x",1,1,"a"]', "[" * 5000, '[1,1e999,1,"a"]'])
def test_a_text_that_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        place_from_text(text)


def test_a_place_survives_an_address() -> None:
    place: Place = (-0.123456, 7, 3, "n000000012")
    assert place_from_text(place_to_text(place)) == place
