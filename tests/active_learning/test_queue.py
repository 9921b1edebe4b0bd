"""The queue is read back as it was written, and the log of reviews says which pages need no look."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.active_learning.queue import QueuedPage, queue_text, reviewed_pages, spread
from docdetect.annotations.reviews import Review, review_to_line
from docdetect.datasets.pages_for_tests import TEST_PAGES_CSV, pages_for_tests_text, read_pages_for_tests
from docdetect.datasets.split import PageKey
from docdetect.errors import InputError
from docdetect.files import write_text
from docdetect.review.queue import ReviewQueue
from tests.support.reviewing import read_queue


def page(name: str, number: int = 1, purpose: str = "train") -> QueuedPage:
    return QueuedPage(PageKey(name, number), purpose, "unsure", 0.5, {"entropy": 0.25}, 0.125, "g")  # type: ignore[arg-type]


def test_a_queue_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    pages = (page("=cmd|calc.pdf"), page("Договор.pdf", 12, "test"), page("a,b\n.pdf"))
    write_text(tmp_path / "queue.csv", queue_text(pages))
    back = read_queue(tmp_path / "queue.csv")
    assert [(one.key, one.purpose, one.reason) for one in back] == [(one.key, one.purpose, one.reason) for one in pages]
    assert back[0].scores["entropy"] == 0.25
    assert back[0].distance == 0.125
    assert back[0].group == "g"


def test_a_table_that_is_no_queue_is_refused_by_name(tmp_path: Path) -> None:
    write_text(tmp_path / "queue.csv", "rank,document,page,purpose,reason\n1,a.pdf,first,train,x\n")
    queue = ReviewQueue(tmp_path)
    assert queue.refresh()
    assert queue.reasons == {}
    assert f"{tmp_path / 'queue.csv'}: rank and page have to be numbers" in queue.problem


def test_pages_for_tests_lie_evenly_in_the_queue() -> None:
    mixed = spread([page(f"{i}.pdf") for i in range(8)], [page("x.pdf", i, "test") for i in (1, 2)])
    places = [place for place, one in enumerate(mixed) if one.purpose == "test"]
    assert len(mixed) == 10
    assert places[0] in (2, 3)
    assert places[1] in (6, 7, 8)
    assert [one.key.document for one in mixed if one.purpose == "train"] == [f"{i}.pdf" for i in range(8)]
    assert spread([], [page("x.pdf")]) == [page("x.pdf")]


def test_the_last_review_of_a_page_counts_and_torn_lines_do_not(tmp_path: Path) -> None:
    def line(document: str, number: int, review_state: str) -> str:
        return review_to_line(Review(document, number, 1, review_state, (), (100, 100))) + "\n"  # type: ignore[arg-type]

    log = tmp_path / "reviews.jsonl"
    text = line("a.pdf", 1, "right") + line("a.pdf", 2, "corrected") + line("b.pdf", 1, "unsure")
    text += line("a.pdf", 1, "unreviewed") + "not json\n" + line("c.pdf", 1, "right")[:-1]
    log.write_text(text, encoding="utf-8")
    assert reviewed_pages(log) == {PageKey("a.pdf", 2)}, "nobody is done with a page that is unsure"
    assert reviewed_pages(tmp_path / "none.jsonl") == set()


def test_a_list_of_test_pages_is_read_back_sorted_and_once(tmp_path: Path) -> None:
    file = tmp_path / TEST_PAGES_CSV
    assert read_pages_for_tests(file) == ()
    write_text(file, pages_for_tests_text([PageKey("b.pdf", 2), PageKey("a.pdf", 10), PageKey("b.pdf", 2)]))
    assert read_pages_for_tests(file) == (PageKey("a.pdf", 10), PageKey("b.pdf", 2))
    write_text(file, "document,page\na.pdf,0\n")
    with pytest.raises(InputError, match="line 2"):
        read_pages_for_tests(file)
