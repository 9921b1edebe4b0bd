"""Pages with incomplete labels: only what is labelled is scored, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from docdetect.metrics.codec import predictions_from_json, predictions_to_json
from docdetect.metrics.figures import class_figures, empty_pages
from docdetect.metrics.matching import Sample, match
from docdetect.metrics.paired import compare

NAMES = ("qr", "signature", "stamp")
CONF = (0.25, 0.25, 0.25)


@pytest.fixture
def pages(make_sample: Callable[..., Sample]) -> list[Sample]:
    """A complete page, and one on which stamps alone are labelled and the network rightly finds a signature, too."""
    stamp, signature = (100, 100, 200, 200, 2), (300, 300, 400, 350, 1)
    complete = make_sample([stamp, signature], [(*stamp, 0.9), (*signature, 0.9)])
    partial = make_sample([stamp], [(*stamp, 0.8), (*signature, 0.95)], "b.pdf", 1, "b")
    return [complete, partial]


def test_what_is_not_labelled_is_neither_right_nor_wrong(pages: list[Sample]) -> None:
    taken_as_complete = class_figures(match(pages, 3), NAMES, CONF)
    assert taken_as_complete[2].wrong == 1
    known = [pages[0], replace(pages[1], labelled=frozenset({2}))]
    figures = class_figures(match(known, 3), NAMES, CONF)
    assert [row.wrong for row in figures] == [0, 0, 0, 0]
    assert figures[2].ap50.value == 1.0
    assert figures[3].marks == figures[3].hits == 2


def test_a_page_of_which_not_everything_is_known_is_not_called_empty(make_sample: Callable[..., Sample]) -> None:
    alarm = make_sample([], [(1, 1, 50, 50, 2, 0.9)])
    partial = replace(alarm, document="b.pdf", labelled=frozenset({2}))
    found = empty_pages(match([alarm, partial], 3), CONF)
    assert (found.pages, found.false_positives) == (1, 1)


def test_it_is_kept_with_predictions_and_runs_that_differ_in_it_are_not_compared(pages: list[Sample]) -> None:
    known = [pages[0], replace(pages[1], labelled=frozenset({2}))]
    again, _ = predictions_from_json(predictions_to_json(known, NAMES), "x")
    assert [sample.labelled for sample in again] == [None, frozenset({2})]
    assert [len(sample.found) for sample in again] == [2, 1]
    with pytest.raises(ValueError, match="different marks"):
        compare(pages, known, NAMES, (CONF, CONF))
