"""A run under review: lists and filters, the queue, what stands when documents or resolutions change, the wall."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docdetect.active_learning.queue import QueuedPage, queue_text
from docdetect.annotations.reviews import ReviewedBox
from docdetect.datasets.split import PageKey
from docdetect.errors import InputError
from docdetect.inference.folder import QUEUE_NAME
from docdetect.review.log import RevisionError
from docdetect.review.pages import BadBoxesError, Change, PageFilter, PagePlace, PageView, UnknownPageError
from docdetect.review.run import ReviewedRun, run_folder
from docdetect.tables import write_csv
from tests.support.fakes import SETTINGS, make_pdf, run_once

STAMP, BIG_STAMP = ("stamp", (20.0, 20.0, 60.0, 50.0)), ("stamp", (20.0, 100.0, 180.0, 280.0))
SIGNATURE = ("signature", (100.0, 200.0, 150.0, 220.0))
BOX = ReviewedBox("", "qr", (10.0, 10.0, 50.0, 50.0), source="person")


@pytest.fixture
def run(tmp_path: Path) -> ReviewedRun:
    """a.pdf has a stamp, a blank page and both; b.pdf has a large stamp; broken.pdf is none."""
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP], [], [STAMP, SIGNATURE]])
    make_pdf(tmp_path / "in" / "b.pdf", [[BIG_STAMP]])
    (tmp_path / "in" / "broken.pdf").write_bytes(b"this is no PDF")
    run_once(tmp_path / "in", tmp_path / "out")
    return opened(tmp_path)


def opened(tmp_path: Path) -> ReviewedRun:
    run = ReviewedRun(tmp_path / "out", ("signature",))
    run.refresh()
    return run


def places(run: ReviewedRun, **wanted: object) -> list[tuple[str, int]]:
    return [(page.document, page.number) for page in run.pages(PageFilter(**wanted))]  # type: ignore[arg-type]


def view(run: ReviewedRun, document: str, number: int) -> PageView:
    (found,) = [page for page in run.pages() if (page.document, page.number) == (document, number)]
    return run.page(found.id)


def revise(
    run: ReviewedRun, page: PageView, *boxes: ReviewedBox, review_state: str = "corrected", by: str = ""
) -> PageView:
    return run.revise([Change(page.facts.id, page.facts.revision, boxes, review_state, by)])[0]  # type: ignore[arg-type]


def test_filters(run: ReviewedRun) -> None:
    every = [("a.pdf", 1), ("a.pdf", 2), ("a.pdf", 3), ("b.pdf", 1)]
    assert places(run) == every
    assert places(run, document="b.pdf") == [("b.pdf", 1)]
    assert places(run, document="nothing.pdf") == []
    assert places(run, category="signature") == [("a.pdf", 3)]
    assert places(run, category="seal") == []
    assert places(run, min_confidence=0.9) == [("b.pdf", 1)]
    assert places(run, category="signature", min_confidence=0.9) == []
    assert places(run, lacks="signature") == [("b.pdf", 1)]
    assert places(run, failed=True) == []
    assert places(run, unreviewed=True) == every
    revise(run, view(run, "a.pdf", 2), BOX)
    assert places(run, unreviewed=True) == [("a.pdf", 1), ("a.pdf", 3), ("b.pdf", 1)]
    assert places(run, unreviewed=False) == [("a.pdf", 2)]
    assert places(run, category="qr", min_confidence=0.9) == [("a.pdf", 2)]


def test_parts_of_the_list_of_pages(run: ReviewedRun) -> None:
    every = [page.id for page in run.pages()]

    def section(**place: object) -> tuple[list[int], int, str | None]:
        found = run.section(PageFilter(unreviewed=True), PagePlace(**place))  # type: ignore[arg-type]
        return [every.index(page.id) for page in found.pages], found.offset, found.next

    assert section(limit=2) == ([0, 1], 0, every[1])
    assert section(limit=2, after=every[1]) == ([2, 3], 2, None)
    assert section(limit=2, before=every[3]) == ([1, 2], 1, every[2])
    assert section(limit=2, before=every[0]) == ([], 0, None)
    assert section(limit=3, around=every[2]) == ([1, 2, 3], 1, None)
    revise(run, view(run, "a.pdf", 2), review_state="right")  # the page that the reader is at is not wanted any more
    assert section(limit=1, after=every[1]) == ([2], 1, every[2])
    assert section(limit=2, before=every[1]) == ([0], 0, every[0])
    with pytest.raises(UnknownPageError):
        section(after="0123456789abcdef-1")


def test_possible_marks_have_a_wall(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP, BIG_STAMP], [STAMP]])
    run_once(tmp_path / "in", tmp_path / "out", replace(SETTINGS, conf=0.6, check_conf=(0.1, 0.1, 0.1)))
    run = opened(tmp_path)
    possible_marks, _, total = run.wall("stamp", "page", None, None, 9, possible_marks=True)
    assert [(page.facts.number, box.id) for page, box, _ in possible_marks] == [(1, "g0"), (2, "g0")]
    assert total == 2
    (first, _, _), (second, _, _) = possible_marks
    (now,) = run.decide({first.facts.id: ["g0"]}, {first.facts.id: ["n0"]}, {first.facts.id: 0})
    assert [(box.id, box.source) for box in now.boxes] == [("g0", "person")]
    assert [page.facts.number for page, _, _ in run.wall("", "page", None, None, 9, possible_marks=True)[0]] == [2]
    (now,) = run.decide({first.facts.id: ["n0"]}, {}, {first.facts.id: 1})  # a rejected mark comes back
    assert sorted(box.id for box in now.boxes) == ["g0", "n0"]
    revise(run, second, review_state="right")
    assert run.wall("", "page", None, None, 9, possible_marks=True)[2] == 0


def test_a_page_stays_unreviewed_until_somebody_is_done_with_it(run: ReviewedRun) -> None:
    page = view(run, "a.pdf", 1)
    for review_state in ("unreviewed", "unsure"):
        page = revise(run, page, BOX, review_state=review_state)
        assert (page.facts.reviewed, page.facts.review_state, len(page.boxes)) == (False, review_state, 1)
        assert run.annotations().annotations == {}
    page = revise(run, page, *page.boxes, review_state="right")
    assert (page.facts.reviewed, page.facts.revision) == (True, 3)
    assert run.annotations().pages == 1


def test_the_answers_of_documents_follow_the_reviews(run: ReviewedRun) -> None:
    def lacks() -> dict[str, tuple[str, ...]]:
        return {one.name: one.lacks for one in run.documents()}

    assert lacks() == {"a.pdf": ("qr",), "b.pdf": ("qr", "signature"), "broken.pdf": ()}
    page = view(run, "b.pdf", 1)
    revise(run, page, replace(BOX, category="signature"))
    assert lacks() == {"a.pdf": ("qr",), "b.pdf": ("qr", "stamp"), "broken.pdf": ()}
    assert {one.name: (one.pages, one.reviewed) for one in run.documents()} == {
        "a.pdf": (3, 0),
        "b.pdf": (1, 1),
        "broken.pdf": (0, 0),
    }


def test_boxes_keep_their_ids_and_new_ones_get_one(run: ReviewedRun) -> None:
    page = view(run, "a.pdf", 3)
    assert [box.id for box in page.boxes] == ["n0", "n1"]
    page = revise(run, page, page.boxes[1], BOX, BOX)
    assert [box.id for box in page.boxes] == ["n1", "p1-1", "p1-2"]
    with pytest.raises(BadBoxesError, match="two boxes have the id 'n1'"):
        revise(run, page, page.boxes[0], replace(BOX, id="n1"))
    assert view(run, "a.pdf", 3).facts.revision == 1


def test_two_people_do_not_overwrite_each_other(run: ReviewedRun, tmp_path: Path) -> None:
    other = opened(tmp_path)
    mine, theirs = view(run, "a.pdf", 1), view(other, "a.pdf", 1)
    revise(other, theirs, BOX, by="Bob")
    with pytest.raises(RevisionError):
        revise(run, mine, by="Ann")
    now = view(run, "a.pdf", 1)
    assert (now.by, len(now.boxes)) == ("Bob", 1)
    changes = [Change(view(run, "a.pdf", 2).facts.id, 0, (), "right"), Change(mine.facts.id, 0, (), "right")]
    with pytest.raises(RevisionError):
        run.revise(changes)
    assert view(run, "a.pdf", 2).facts.revision == 0


def test_a_review_holds_for_the_content_that_was_looked_at(run: ReviewedRun, tmp_path: Path) -> None:
    revise(run, view(run, "a.pdf", 1), BOX)
    revise(run, view(run, "b.pdf", 1), BOX)
    make_pdf(tmp_path / "in" / "a.pdf", [[SIGNATURE], [STAMP]])
    run_once(tmp_path / "in", tmp_path / "out", on_existing="resume")
    run.refresh()
    changed, same = view(run, "a.pdf", 1), view(run, "b.pdf", 1)
    assert (changed.facts.reviewed, changed.facts.review_state) == (False, "unreviewed")
    assert changed.boxes[0].category == "signature"
    assert (same.facts.reviewed, same.boxes[0].category) == (True, "qr")
    assert run.void_reviews() == [("a.pdf", 1)]
    again = revise(run, changed, *changed.boxes, review_state="right")
    assert (again.facts.revision, again.facts.reviewed) == (2, True)


def test_a_review_is_shown_in_the_pixels_of_the_run(run: ReviewedRun, tmp_path: Path) -> None:
    page = view(run, "a.pdf", 1)
    assert page.facts.size_wh == (556, 833)
    revise(run, page, BOX)
    half = replace(SETTINGS, dpi=100)
    run_once(tmp_path / "in", tmp_path / "out", half, on_existing="overwrite")
    page = view(opened(tmp_path), "a.pdf", 1)
    assert page.facts.size_wh == (278, 417)
    assert page.boxes[0].xyxy == pytest.approx((5.0, 5.0, 25.0, 25.0), abs=0.05)
    assert page.facts.reviewed


def test_possible_marks_are_offered_until_they_are_boxes(tmp_path: Path) -> None:
    make_pdf(tmp_path / "in" / "a.pdf", [[STAMP, BIG_STAMP, SIGNATURE]])
    strict = replace(SETTINGS, conf=0.6, check_conf=(0.1, 0.1, 0.1))
    run_once(tmp_path / "in", tmp_path / "out", strict)
    run = opened(tmp_path)
    page = view(run, "a.pdf", 1)
    assert [box.category for box in page.boxes] == ["stamp"]
    assert sorted(possible_mark.category for possible_mark in page.possible_marks) == ["signature", "stamp"]
    assert run.documents()[0].check == ("signature",)
    (signature,) = [possible_mark for possible_mark in page.possible_marks if possible_mark.category == "signature"]
    page = revise(run, page, *page.boxes, signature, review_state="unreviewed")
    assert [possible_mark.category for possible_mark in page.possible_marks] == ["stamp"]
    assert [box.id for box in page.boxes] == ["n0", signature.id]
    page = revise(run, page, *page.boxes, review_state="right")
    assert run.documents()[0].check == ()


def test_the_queue_orders_the_pages(run: ReviewedRun, tmp_path: Path) -> None:
    assert places(run, queue=True) == []
    rows = [(2, "a.pdf", 2, "random"), (1, "b.pdf", 1, "=unsure"), (3, "gone.pdf", 1, "x")]
    write_csv(tmp_path / "out" / "queue.csv", rows, ("rank", "document", "page", "reason"))
    run.refresh()
    assert run.has_queue
    assert places(run, queue=True) == [("b.pdf", 1), ("a.pdf", 2)]
    assert view(run, "b.pdf", 1).facts.queue_reason == "=unsure"
    assert view(run, "a.pdf", 1).facts.queue_reason is None
    revise(run, view(run, "b.pdf", 1), review_state="right")
    assert places(run, queue=True, unreviewed=True) == [("a.pdf", 2)]
    (tmp_path / "out" / "queue.csv").write_text("rank,document\n1,a.pdf\n", encoding="utf-8")
    run.refresh()
    assert (run.has_queue, "lacks the columns page, reason" in run.queue_problem) == (False, True)


def test_the_queue_of_select_is_read(run: ReviewedRun, tmp_path: Path) -> None:
    pages = [QueuedPage(PageKey("b.pdf", 1), "train", "rare: =2"), QueuedPage(PageKey("a.pdf", 3), "test", "random")]
    (tmp_path / "out" / QUEUE_NAME).write_text(queue_text(pages), encoding="utf-8")
    run.refresh()
    queued = run.pages(PageFilter(queue=True))
    assert [(page.document, page.number, page.queue_reason) for page in queued] == [
        ("b.pdf", 1, "rare: =2"),
        ("a.pdf", 3, "random"),
    ]


def test_unknown_pages_and_folders_that_are_no_results(run: ReviewedRun, tmp_path: Path) -> None:
    with pytest.raises(UnknownPageError):
        run.page("0123456789abcdef-1")
    with pytest.raises(InputError, match="no such folder"):
        run_folder(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"detections\.jsonl is missing"):
        run_folder(tmp_path / "in")
    assert run_folder(tmp_path / "out") == tmp_path / "out"


def test_the_wall_decides_single_marks(run: ReviewedRun) -> None:
    marks, last, total = run.wall("stamp", "confidence", None, None, 2)
    assert (total, len(marks)) == (3, 2)
    more, end, _ = run.wall("stamp", "confidence", None, last, 5)
    assert end is None
    scores = [box.confidence for _, box, _ in (*marks, *more)]
    assert scores == sorted(scores, key=lambda score: score or 0)
    down, _, _ = run.wall("stamp", "confidence-desc", None, None, 5)
    assert [box.confidence for _, box, _ in down] == scores[::-1]
    page = view(run, "a.pdf", 1)
    (after,) = run.decide({page.facts.id: ["n0"]}, {}, {page.facts.id: 0})
    assert (after.boxes[0].source, after.boxes[0].confidence) == ("person", page.boxes[0].confidence)
    undecided, _, total = run.wall("stamp", "page", False, None, 5)
    assert total == len(undecided) == 2
    with pytest.raises(BadBoxesError, match="not on the page"):
        run.decide({page.facts.id: ["n7"]}, {}, {page.facts.id: 1})
    with pytest.raises(BadBoxesError, match="accepted and rejected at once"):
        run.decide({page.facts.id: ["n0"]}, {page.facts.id: ["n0"]}, {page.facts.id: 1})
    with pytest.raises(BadBoxesError, match="no revision"):
        run.decide({page.facts.id: ["n0"]}, {}, {})


def test_a_reader_of_the_wall_misses_nothing_when_marks_go(run: ReviewedRun) -> None:
    seen = []
    place = None
    while True:
        marks, place, _ = run.wall("", "confidence", None, place, 1)
        seen += [(page.facts.document, page.facts.number, box.id) for page, box, _ in marks]
        for page, box, _ in marks:  # the mark on which the next question builds is gone by then
            now = run.page(page.facts.id)
            run.decide({}, {now.facts.id: [box.id]}, {now.facts.id: now.facts.revision})
        if place is None:
            break
    assert sorted(seen) == [("a.pdf", 1, "n0"), ("a.pdf", 3, "n0"), ("a.pdf", 3, "n1"), ("b.pdf", 1, "n0")]
    assert run.wall("", "confidence", None, None, 9)[2] == 0
