"""`reviews.jsonl`, the append-only log of what people said about pages: one JSON object a line, pure text and data.

A line is a revision of one page: all boxes of the page as they are from then on, who said so and when, and what the
revision was made from. The last line of a page counts; earlier lines stay as its history. Boxes are left, top, right,
bottom in px of `page_size`, origin top left, of the page as displayed.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.files import nfc
from docdetect.types import SizeWH

REVIEWS_NAME = "reviews.jsonl"
"""Name of the log in the result folder of a run."""

ReviewState: TypeAlias = Literal["unreviewed", "right", "corrected", "unsure"]
"""What a person says about a page; with `unreviewed` and `unsure` the boxes are kept, and the page is not done with."""

Source: TypeAlias = Literal["network", "person"]

REVIEW_STATES: tuple[ReviewState, ...] = get_args(ReviewState)
REVIEWED: frozenset[str] = frozenset({"right", "corrected"})
"""States of a page that a person is done with: its boxes are ground truth."""


@dataclass(frozen=True)
class ReviewedBox:
    """A box of a reviewed page.

    Attributes:
        id: name of the box on its page, kept from revision to revision.
        category: the class of the mark.
        xyxy: left, top, right, bottom in px.
        confidence: of the network, in [0, 1]; None for a box that a person drew.
        source: who found the mark.
        text: what a QR code says; None where it was not read.
    """

    id: str
    category: str
    xyxy: tuple[float, float, float, float]
    confidence: float | None = None
    source: Source = "network"
    text: str | None = None


@dataclass(frozen=True)
class Review:
    """One revision of one page.

    Attributes:
        document: name of the document.
        page: page number from 1.
        revision: 1 for the first revision of the page.
        review_state: what the person said.
        boxes: all marks of the page.
        size_wh: px of the page that the boxes refer to.
        at: moment in UTC, ISO 8601.
        by: who said so; "" where nobody was named.
        sha256: content hash of the document that was looked at.
        base: hash of the journal's line of the page that the revision was made from.
    """

    document: str
    page: int
    revision: int
    review_state: ReviewState
    boxes: tuple[ReviewedBox, ...]
    size_wh: SizeWH
    at: str = ""
    by: str = ""
    sha256: str = ""
    base: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """The document and the number of the page."""
        return self.document, self.page


def review_to_line(review: Review) -> str:
    """The line of the log, without line end."""
    data: dict[str, Any] = {"revision": review.revision, "at": review.at, "by": review.by}
    data |= {"document": review.document, "page": review.page, "sha256": review.sha256}
    data["page_size"] = {"width": review.size_wh[0], "height": review.size_wh[1]}
    data["review_state"] = review.review_state
    data["boxes"] = [_box_to_json(box) for box in review.boxes]
    text = json.dumps(data | {"base": review.base}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


def review_from_line(text: str) -> Review | None:
    """The revision that a line holds; None for a text that is torn or no line of the log."""
    try:
        data = json.loads(text)
        revision, page = int(data["revision"]), int(data["page"])
        size = (int(data["page_size"]["width"]), int(data["page_size"]["height"]))
        boxes = tuple(_box_from_json(box) for box in data["boxes"])
        # Logs that were begun before the key had this name call it "verdict".
        review_state = data["review_state"] if "review_state" in data else data["verdict"]
        document = nfc(data["document"])
        if review_state not in REVIEW_STATES or min(revision, page, *size) < 1 or not document:
            return None
        about = (str(data.get(name, "")) for name in ("at", "by", "sha256", "base"))
        return Review(document, page, revision, review_state, boxes, size, *about)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def latest_reviews(text: str) -> tuple[dict[tuple[str, int], Review], int]:
    """The last revision of each page in the text of a log, and the number of lines that could not be read.

    A last line without line end is one that is being written, or was torn by a kill; it is passed over.
    """
    found: dict[tuple[str, int], Review] = {}
    damaged = 0
    *whole, _ = text.split("\n")
    for line in whole:
        review = review_from_line(line)
        if review is None:
            damaged += 1
        else:
            found[review.key] = review
    return found, damaged


@dataclass(frozen=True)
class ReviewedAnnotations:
    """What a log of reviews says, as ground truth.

    Attributes:
        annotations: pages that a person found right or corrected, pages without a mark included.
        left_out: review state -> number of pages with it whose boxes are no ground truth.
        damaged_lines: lines of the log that could not be read.
    """

    annotations: Annotations
    left_out: Counter[str] = field(default_factory=Counter)
    damaged_lines: int = 0

    @property
    def pages(self) -> int:
        """Number of annotated pages."""
        return sum(len(pages) for pages in self.annotations.values())

    @property
    def empty_pages(self) -> int:
        """Number of annotated pages without a mark."""
        return sum(not page.marks for pages in self.annotations.values() for page in pages.values())


def annotations_from_reviews(text: str) -> ReviewedAnnotations:
    """Ground truth from the text of a log of reviews; see `annotations_of`."""
    found, damaged = latest_reviews(text)
    return annotations_of(found.values(), damaged)


def annotations_of(reviews: Iterable[Review], damaged_lines: int = 0) -> ReviewedAnnotations:
    """Ground truth from the last revisions of pages.

    Args:
        reviews: one for each page.
        damaged_lines: see `ReviewedAnnotations`.
    """
    left_out: Counter[str] = Counter()
    annotations: Annotations = {}
    for review in sorted(reviews, key=lambda one: one.key):
        if review.review_state not in REVIEWED:
            left_out[review.review_state] += 1
            continue
        marks = tuple(_mark(box) for box in review.boxes)
        annotations.setdefault(review.document, {})[review.page] = AnnotatedPage(review.size_wh, marks)
    return ReviewedAnnotations(annotations, left_out, damaged_lines)


def _mark(box: ReviewedBox) -> Mark:
    left, top, right, bottom = box.xyxy
    return Mark(box.category, (left, top, round(right - left, 2), round(bottom - top, 2)), text=box.text)


def _box_to_json(box: ReviewedBox) -> dict[str, Any]:
    data: dict[str, Any] = {"id": box.id, "category": box.category, "xyxy": list(box.xyxy)}
    data |= {"confidence": box.confidence, "source": box.source}
    return data if box.text is None else data | {"text": box.text}


def _box_from_json(data: Any) -> ReviewedBox:
    left, top, right, bottom = (float(value) for value in data["xyxy"])
    confidence, text, source = data.get("confidence"), data.get("text"), data["source"]
    if not all(map(math.isfinite, (left, top, right, bottom))) or source not in get_args(Source):
        raise ValueError("no box of a review")
    return ReviewedBox(
        str(data["id"]),
        nfc(data["category"]),
        (left, top, right, bottom),
        None if confidence is None else float(confidence),
        source,
        None if text is None else str(text),
    )
