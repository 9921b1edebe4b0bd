"""A person who reviews the queue of a run, for tests: every page gets the marks that annotations have for it."""

from __future__ import annotations

from pathlib import Path

from docdetect.active_learning.queue import QueuedPage
from docdetect.active_learning.scores import SCORE_NAMES
from docdetect.annotations.native import annotations_from_text
from docdetect.annotations.reviews import REVIEWS_NAME, Review, ReviewedBox, review_to_line
from docdetect.datasets.split import PageKey
from docdetect.inference.folder import QUEUE_NAME
from docdetect.tables import read_csv


def review_queue(run: Path, annotations: Path) -> int:
    """Appends a review of each queued page to the log of a run; returns how many.

    Args:
        run: the result folder.
        annotations: JSON annotations; a page that they do not list has no mark.
    """
    known = annotations_from_text(annotations.read_text(encoding="utf-8"), str(annotations))
    pages = read_queue(run / QUEUE_NAME)
    with (run / REVIEWS_NAME).open("a", encoding="utf-8") as stream:
        for page in pages:
            annotated = known.get(page.key.document, {}).get(page.key.page)
            marks = () if annotated is None else annotated.marks
            boxes = tuple(
                ReviewedBox(f"b{number}", mark.category, corners(mark.xywh), source="person")
                for number, mark in enumerate(marks)
            )
            size_wh = (1000, 1400) if annotated is None else annotated.size_wh
            review = Review(page.key.document, page.key.page, 1, "corrected", boxes, size_wh)
            stream.write(review_to_line(review) + "\n")
    return len(pages)


def read_queue(path: Path) -> list[QueuedPage]:
    """All that a queue says about its pages, in its order."""
    return [
        QueuedPage(
            PageKey(row["document"], int(row["page"])),
            row["purpose"],
            row["reason"],
            float(row["score"]),
            {name: float(row[name]) for name in SCORE_NAMES},
            float(row["distance"]) if row["distance"] else None,
            row["group"],
        )
        for row in read_csv(path).to_dict("records")
    ]


def corners(xywh: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, width, height = xywh
    return left, top, left + width, top + height
