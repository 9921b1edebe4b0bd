"""Data types refuse what makes no sense at birth."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.types import (
    Detections,
    DocumentResult,
    DocumentStatus,
    FailedPage,
    Failure,
    FailureKind,
    Page,
    PageInfo,
    PageResult,
)

BOX = np.array([[1, 2, 3, 4]], np.float32)


@pytest.mark.parametrize(
    ("xyxy", "ids", "scores", "text"),
    [
        ([[3, 2, 1, 4]], [0], None, "left <= right"),
        ([[np.nan, 2, 3, 4]], [0], None, "finite"),
        ([[1, 2, 3, 4]], [0, 1], None, "1 boxes but 2 class ids"),
        ([[1, 2, 3, 4]], [-1], None, ">= 0"),
        ([[1, 2, 3, 4]], [0], [1.5], r"\[0, 1\]"),
        ([[1, 2, 3, 4]], [0], [np.nan], r"\[0, 1\]"),
        ([[1, 2, 3, 4]], [0], [0.5, 0.5], "1 boxes but 2 scores"),
    ],
)
def test_detections_are_validated(
    xyxy: list[list[float]], ids: list[int], scores: list[float] | None, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        Detections(np.array(xyxy), np.array(ids), (10, 10), None if scores is None else np.array(scores))


def test_detections_scale_with_their_page() -> None:
    scaled = Detections(BOX, np.array([2]), (10, 20), np.array([0.5])).scaled((20, 60))
    assert scaled.xyxy.tolist() == [[2, 6, 6, 12]]
    assert scaled.size_wh == (20, 60)
    assert scaled.scores is not None


def test_only_predictions_have_known_scores() -> None:
    assert Detections(BOX, np.array([2]), (10, 20), np.array([0.5])).known_scores.tolist() == [0.5]
    with pytest.raises(ValueError, match="ground truth has no scores"):
        _ = Detections(BOX, np.array([2]), (10, 20)).known_scores


def test_a_page_has_the_size_that_it_says() -> None:
    info = PageInfo("a.pdf", 1, (4, 3))
    Page(info, np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="expected uint8"):
        Page(info, np.zeros((4, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="start at 1"):
        PageInfo("a.pdf", 0, (4, 3))
    with pytest.raises(ValueError, match="at least 1 x 1"):
        PageInfo("a.pdf", 1, (0, 3))


def page(number: int, failure: Failure | None = None) -> PageResult | FailedPage:
    if failure is not None:
        return FailedPage("a.pdf", number, failure)
    none = Detections.none((4, 3))
    return PageResult(PageInfo("a.pdf", number, (4, 3)), none, none)


def test_status_of_a_document() -> None:
    broken = Failure(FailureKind.UNREADABLE, "torn")
    assert DocumentResult("a.pdf", "", (page(1), page(2))).status is DocumentStatus.OK
    assert DocumentResult("a.pdf", "", (page(1), page(2, broken))).status is DocumentStatus.PARTIAL
    assert DocumentResult("a.pdf", "", (page(1),), broken).status is DocumentStatus.PARTIAL
    assert DocumentResult("a.pdf", "", (page(1, broken),)).status is DocumentStatus.FAILED
    assert DocumentResult("a.pdf", "", (), broken).status is DocumentStatus.FAILED
    document = DocumentResult("a.pdf", "", (page(1), page(2, broken)))
    assert (document.good_pages, document.failed_pages) == ((document.pages[0],), (document.pages[1],))
