"""What is known of the pages and documents of a run under review, and what people make of them: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from docdetect.annotations.reviews import ReviewedBox, ReviewState
from docdetect.errors import InputError
from docdetect.types import SizeWH

MAX_BOXES = 1000
"""Most boxes of one page."""


@dataclass(frozen=True)
class PageFacts:
    """A page in a list.

    Attributes:
        id: its name in addresses.
        document, number: which page.
        size_wh: px that boxes refer to; None for a page without a result.
        reason: why the page has no result; "" where it has one.
        reviewed: whether a person has looked at it.
        revision: of its last review; 0 where there is none.
        review_state: of its last review.
        counts: category -> number of marks.
        max_confidence: highest confidence of the network among its marks; None without such a mark.
        possible: categories of possible marks below the thresholds that nobody has looked at.
        queue_reason: why the page stands in the queue; None for a page that does not.
    """

    id: str
    document: str
    number: int
    size_wh: SizeWH | None
    reason: str
    reviewed: bool
    revision: int
    review_state: ReviewState
    counts: dict[str, int]
    max_confidence: float | None
    possible: frozenset[str]
    queue_reason: str | None = None

    @property
    def status(self) -> str:
        """`ok` or `failed`."""
        return "ok" if self.size_wh is not None else "failed"


@dataclass(frozen=True)
class PageView:
    """A page to look at and to correct.

    Attributes:
        facts: see `PageFacts`.
        boxes: the marks: those of the last review, else those of the network.
        possible_marks: possible marks below the thresholds that are none of `boxes`.
        network: the network's marks.
        by, at: who reviewed the page and when; "" where nobody has.
        sha256: content of the document.
        base: hash of the journal's line.
    """

    facts: PageFacts
    boxes: tuple[ReviewedBox, ...]
    possible_marks: tuple[ReviewedBox, ...]
    network: tuple[ReviewedBox, ...]
    by: str
    at: str
    sha256: str
    base: str

    @property
    def network_ids(self) -> frozenset[str]:
        """Ids of the network's marks."""
        return frozenset(box.id for box in self.network)


@dataclass(frozen=True)
class DocumentFacts:
    """A document in a list.

    Attributes:
        name: path relative to the source.
        status: ok, partial or failed.
        reason: why it failed, or why the first of its pages that failed did; "" where nothing failed.
        pages: pages that the run has reached.
        reviewed: pages that a person has looked at.
        counts: category -> number of marks.
        max_confidence: highest confidence of the network among its marks.
        lacks: categories of which it has no mark, seen as a whole.
        check: categories of which it has possible marks only.
        first_page: id of its first page that has a result, or of its first page; None without pages.
    """

    name: str
    status: str
    reason: str
    pages: int
    reviewed: int
    counts: dict[str, int]
    max_confidence: float | None
    lacks: tuple[str, ...]
    check: tuple[str, ...]
    first_page: str | None = None


@dataclass(frozen=True)
class PageFilter:
    """Which pages of a run are wanted; what is left out filters nothing.

    Attributes:
        document: only pages of this document.
        category: only pages with a mark of this category.
        min_confidence: only pages with a mark (of `category`, where given) of at least this confidence; marks that a
            person drew count as 1.
        lacks: only pages of documents that lack this category.
        failed: only pages without a result (True), or with one (False).
        unreviewed: only pages that nobody has looked at (True), or that somebody has (False).
        queue: only pages of the queue, in its order.
    """

    document: str = ""
    category: str = ""
    min_confidence: float | None = None
    lacks: str = ""
    failed: bool | None = None
    unreviewed: bool | None = None
    queue: bool = False


@dataclass(frozen=True)
class PagePlace:
    """Which part of a list of pages is wanted.

    Attributes:
        after: id of a page: the pages behind it in the order, also where the page itself is not wanted any more.
        before: id of a page: the last pages before it.
        around: id of a page: about half of the pages before it, the page itself and pages behind it.
        limit: most pages.
    """

    after: str = ""
    before: str = ""
    around: str = ""
    limit: int = 200


@dataclass(frozen=True)
class PageSection:
    """A part of a list of pages.

    Attributes:
        pages: in the order of the list.
        offset: number of pages of the list before the first of them.
        total: number of all pages of the list.
    """

    pages: list[PageFacts]
    offset: int
    total: int

    @property
    def next(self) -> str | None:
        """Id of the last page where more pages follow."""
        more = self.offset + len(self.pages) < self.total
        return self.pages[-1].id if more and self.pages else None


@dataclass(frozen=True)
class Change:
    """What a person makes of a page.

    Attributes:
        page_id: which page.
        revision: the revision that the change was made from.
        boxes: all marks of the page; boxes without an id get one.
        review_state: what the person says.
        by: who says so.
    """

    page_id: str
    revision: int
    boxes: Sequence[ReviewedBox]
    review_state: ReviewState
    by: str = ""


class UnknownPageError(InputError):
    """The run has no page with this id."""


class BadBoxesError(InputError):
    """Boxes that no page can have."""
