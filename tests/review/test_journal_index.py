"""The index of a journal: what `Journal` reads, while the journal grows, is torn, is sorted anew or starts over."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.inference.journal import JOURNAL_NAME, Journal
from docdetect.inference.journal_lines import DocumentEnd
from docdetect.review.journal_index import JournalIndex, page_id
from docdetect.types import Detections, FailedPage, Failure, FailureKind, PageInfo, PageResult
from tests.support.fakes import SETTINGS

DAMAGED = Failure(FailureKind.UNREADABLE, "cannot be decoded")


def result(document: str, number: int, classes: tuple[int, ...], possible: tuple[int, ...] = ()) -> PageResult:
    def found(ids: tuple[int, ...], score: float) -> Detections:
        boxes = np.array([[10 * at, 0, 10 * at + 8, 20] for at in range(len(ids))], np.float32).reshape(-1, 4)
        return Detections(boxes, np.array(ids, np.int64), (300, 200), np.full(len(ids), score, np.float32))

    marks = found(classes, 0.75)
    return PageResult(
        PageInfo(document, number, (300, 200)), marks, marks, possible_marks=found(possible, 0.1) if possible else None
    )


def shown(index: JournalIndex) -> dict[str, dict[int, tuple[bytes, str]]]:
    return {
        name: {number: (page.categories, page.reason) for number, page in sorted(index.documents[name].pages.items())}
        for name in index.names()
    }


def expected(journal: Journal) -> dict[str, dict[int, tuple[bytes, str]]]:
    pages: dict[str, dict[int, tuple[bytes, str]]] = {}
    for name in journal.documents():
        for page in journal.read_pages(name):
            if isinstance(page, FailedPage):
                assert page.page is not None
                pages.setdefault(name, {})[page.page] = (b"", page.failure.message)
            else:
                pages.setdefault(name, {})[page.info.number] = (bytes(page.grouped.class_ids.tolist()), "")
        pages.setdefault(name, {})
    return pages


Step = tuple[str, str, int, tuple[int, ...]]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("page", "page", "page", "failed", "end", "torn", "sorted", "content", "settings")),
        st.sampled_from(("a.pdf", "b.pdf", "c.pdf")),
        st.integers(1, 4),
        st.lists(st.integers(0, 2), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60)
@given(STEPS)
def test_the_index_follows_the_journal(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    folder = tmp_path_factory.mktemp("run")
    path, index = folder / JOURNAL_NAME, JournalIndex(folder)
    run, content = SETTINGS, dict.fromkeys(("a.pdf", "b.pdf", "c.pdf"), "1" * 64)
    journal = Journal(path, run)
    for what, document, number, classes in steps:
        if what == "page":
            journal.add_page(result(document, number, classes), content[document])
        elif what == "failed":
            journal.add_page(FailedPage(document, number, DAMAGED), content[document])
        elif what == "end":
            journal.add_end(DocumentEnd(document, 4), content[document])
        elif what == "content":
            content[document] = str(number) * 64
        elif what == "sorted":
            journal.rewrite_sorted()
        elif what == "settings":
            journal.close()
            run = replace(SETTINGS, conf=0.1 * number)
            journal = Journal(path, run)
        else:  # a reader sees a line that is only half there
            journal.close()
            whole = path.read_bytes()
            path.write_bytes(whole + b'{"record":"page","docu')
            index.refresh()
            journal = Journal(path, run)
        index.refresh()
        assert shown(index) == expected(journal)
        assert index.thresholds == dict.fromkeys(run.class_names, run.conf)
    journal.close()


def test_a_page_is_found_by_its_id_and_read(tmp_path: Path) -> None:
    index = JournalIndex(tmp_path)
    assert not index.refresh()
    with Journal(tmp_path / JOURNAL_NAME, SETTINGS) as journal:
        assert index.refresh()
        journal.add_page(result("Договор.pdf", 2, (2, 1), (0,)), "1" * 64)
        assert index.refresh()
        assert not index.refresh()
    name = page_id("Договор.pdf", 2)
    assert index.find(name) == ("Договор.pdf", 2)
    for other in (page_id("Договор.pdf", 3), page_id("a.pdf", 2), "", "x", f"{name}/..", name.upper()):
        assert index.find(other) is None
    page = index.page("Договор.pdf", 2)
    assert page is not None
    assert (page.size_wh, page.categories, page.possible_categories) == ((300, 200), b"\x02\x01", b"\x00")
    assert page.scores == array("f", [0.75, 0.75])
    line, base = index.read(page)
    assert [mark["category"] for mark in line.data["marks"]] == ["stamp", "signature"]
    assert len(base) == 16


@pytest.mark.parametrize(
    "change",
    [
        {"page_size": {"width": 0, "height": 5}},
        {"page_size": None},
        {"marks": [{"category": "seal", "confidence": 0.5, "xyxy": [0, 0, 1, 1]}]},
        {"marks": [{"category": "qr", "confidence": 7, "xyxy": [0, 0, 1, 1]}]},
        {"marks": [{"category": "qr", "confidence": 0.5, "xyxy": [0, 0, 1e999, 1]}]},
        {"marks": [{"category": "qr", "confidence": 0.5, "xyxy": [0, 0, 1]}]},
        {"possible_marks": [{"category": "qr", "confidence": "x", "xyxy": [0, 0, 1, 1]}]},
        {"page": 0},
        {"failure": "broken"},
    ],
)
def test_a_hostile_line_costs_only_itself(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / JOURNAL_NAME
    with Journal(path, SETTINGS) as journal:
        journal.add_page(result("a.pdf", 1, (0,)), "1" * 64)
    good = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(good | {"page": 2} | change) + "\n" + json.dumps(good | {"page": 3}) + "\n")
    index = JournalIndex(tmp_path)
    index.refresh()
    assert (sorted(index.documents["a.pdf"].pages), index.damaged_lines) == ([1, 3], 1)


def test_lines_that_are_none_are_counted(tmp_path: Path) -> None:
    with Journal(tmp_path / JOURNAL_NAME, SETTINGS) as journal:
        journal.add_page(result("a.pdf", 1, (0,)), "1" * 64)
    with (tmp_path / JOURNAL_NAME).open("a", encoding="utf-8") as stream:
        stream.write('damaged\n{"record":"page","document":"a.pdf","page":2,"settings":"x"}\n')
    index = JournalIndex(tmp_path)
    index.refresh()
    assert index.damaged_lines == 2
    assert list(index.documents["a.pdf"].pages) == [1]
