"""The log of reviews as text: what is written is read back, what is damaged is passed over, what is done is kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.annotations.reviews import (
    REVIEW_STATES,
    Review,
    ReviewedBox,
    annotations_from_reviews,
    latest_reviews,
    review_from_line,
    review_to_line,
)
from docdetect.files import nfc

COORDINATE = st.floats(0, 20_000, allow_nan=False).map(lambda value: round(value, 2))
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAME = TEXT.map(nfc).filter(bool)
BOXES = st.builds(
    ReviewedBox,
    id=st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    category=NAME,
    xyxy=st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE),
    confidence=st.none() | st.floats(0, 1),
    source=st.sampled_from(("network", "person")),
    text=st.none() | TEXT,
)
REVIEWS = st.builds(
    Review,
    document=NAME,
    page=st.integers(1, 5),
    revision=st.integers(1, 100),
    review_state=st.sampled_from(REVIEW_STATES),
    boxes=st.lists(BOXES, max_size=4).map(tuple),
    size_wh=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    at=st.just("2026-01-02T03:04:05.678+00:00"),
    by=TEXT,
    sha256=st.just("ab" * 32),
    base=st.just("cd" * 8),
)
PAGE = Review("a.pdf", 1, 1, "right", (ReviewedBox("n0", "stamp", (1, 2, 31, 42), 0.9),), (100, 200))


@given(REVIEWS)
def test_a_line_is_read_back(review: Review) -> None:
    line = review_to_line(review)
    assert "\n" not in line
    assert review_from_line(line) == review


@given(st.lists(REVIEWS, max_size=8), st.integers(0, 200))
def test_the_last_whole_revision_of_each_page_counts(reviews: list[Review], torn: int) -> None:
    text = "".join(f"{review_to_line(review)}\n" for review in reviews)
    expected = {review.key: review for review in reviews}
    assert latest_reviews(text) == (expected, 0)
    tail = review_to_line(PAGE)[: min(torn, len(review_to_line(PAGE)))]
    assert latest_reviews(text + tail) == (expected, 0)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_a_text_that_is_no_line_is_none(text: str) -> None:
    assert review_from_line(text) is None


@pytest.mark.parametrize(
    "change",
    [
        {"review_state": "perhaps"},
        {"revision": 0},
        {"page": 0},
        {"page_size": {"width": 0, "height": 5}},
        {"boxes": [{"id": "a", "category": "qr", "xyxy": [0, 0, 1], "source": "person"}]},
        {"boxes": [{"id": "a", "category": "qr", "xyxy": [0, 0, 1, "NaN"], "source": "person"}]},
        {"boxes": [{"id": "a", "category": "qr", "xyxy": [0, 0, 1, 1], "source": "nobody"}]},
        {"document": ""},
        {"boxes": None},
    ],
)
def test_a_line_that_no_page_can_have_is_none(change: dict[str, object]) -> None:
    data = json.loads(review_to_line(PAGE))
    assert review_from_line(json.dumps(data)) == PAGE
    assert review_from_line(json.dumps(data | change)) is None


def test_what_is_done_is_ground_truth() -> None:
    pages = [
        PAGE,
        Review("a.pdf", 2, 1, "corrected", (), (100, 200)),
        Review("a.pdf", 3, 1, "unsure", PAGE.boxes, (100, 200)),
        Review("b.pdf", 1, 1, "unreviewed", PAGE.boxes, (100, 200)),
    ]
    found = annotations_from_reviews("".join(f"{review_to_line(page)}\n" for page in pages) + "damaged\n")
    (mark,) = found.annotations["a.pdf"][1].marks
    assert (mark.category, mark.xywh, mark.confidence) == ("stamp", (1, 2, 30, 40), None)
    assert found.annotations["a.pdf"][2].marks == ()
    assert (set(found.annotations), found.pages, found.empty_pages) == ({"a.pdf"}, 2, 1)
    assert (found.left_out, found.damaged_lines) == ({"unsure": 1, "unreviewed": 1}, 1)


def test_logs_that_call_the_review_state_by_its_earlier_name_are_read() -> None:
    review = Review("a.pdf", 1, 2, "corrected", (), (100, 200))
    line = review_to_line(review)
    assert '"review_state":"corrected"' in line
    assert review_from_line(line.replace("review_state", "verdict")) == review
    assert review_from_line(line.replace("review_state", "said")) is None
