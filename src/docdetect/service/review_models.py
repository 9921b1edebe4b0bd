"""The JSON of the review page, as models, from which the OpenAPI description is made, and their making."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from docdetect.annotations.reviews import ReviewedBox, ReviewState, Source
from docdetect.review.pages import MAX_BOXES, DocumentFacts, PageFacts, PageView
from docdetect.review.pictures import PictureFormat

_PAGE_ID = Annotated[str, Field(max_length=40)]
_LONGEST_BOX_ID = 64
_BOX_ID = Annotated[str, Field(min_length=1, max_length=_LONGEST_BOX_ID, pattern=r"^[A-Za-z0-9._:-]+$")]
_MOST_DECISIONS = 2000


class BoxAnswer(BaseModel):
    """A box on a page."""

    id: str = Field(description="Name of the box on its page, kept from revision to revision.")
    category: str
    xyxy: tuple[float, float, float, float] = Field(
        description="Left, top, right, bottom in px of the page as displayed, origin top left."
    )
    confidence: float | None = Field(description="Of the network; null for a box that a person drew.")
    source: Source = Field(description="network: the network found it; person: a person drew or accepted it.")
    text: str | None = Field(description="What a QR code says.")


class PageSummary(BaseModel):
    """A page in a list."""

    id: str = Field(description="Name of the page in addresses.")
    document: str
    number: int = Field(description="Number of the page, from 1.")
    width: int | None = Field(description="px that boxes refer to; null for a page without a result.")
    height: int | None = Field(description="px that boxes refer to; null for a page without a result.")
    status: str = Field(description="ok or failed.")
    reason: str = Field(description="Why the page has no result.")
    reviewed: bool = Field(description="Whether a person has looked at the page.")
    revision: int = Field(description="Of the last review; 0 where there is none.")
    review_state: ReviewState = Field(description="Of the last review.")
    counts: dict[str, int] = Field(description="Category: number of marks.")
    max_confidence: float | None = Field(description="Highest confidence of the network among the marks.")
    queue_reason: str | None = Field(description="Why the page stands in the queue; null where it does not.")


class PageAnswer(PageSummary):
    """A page to look at and to correct."""

    boxes: list[BoxAnswer] = Field(description="The marks: of the last review, else of the network.")
    possible_marks: list[BoxAnswer] = Field(
        description="Possible marks below the thresholds that are none of the boxes."
    )
    image: str = Field(description="Address of the picture of the page.")
    by: str = Field(description="Who reviewed the page.")
    at: str = Field(description="When, in UTC; empty where nobody has.")


class DocumentSummary(BaseModel):
    """A document in a list."""

    name: str
    status: str = Field(description="ok, partial or failed.")
    reason: str = Field(description="Why it failed, or why the first of its pages that failed did.")
    pages: int = Field(description="Pages that the run has reached.")
    reviewed: int = Field(description="Pages that a person has looked at.")
    counts: dict[str, int] = Field(description="Category: number of marks.")
    max_confidence: float | None = Field(description="Highest confidence of the network among the marks.")
    lacks: list[str] = Field(description="Categories of which it has no mark, seen as a whole.")
    check: list[str] = Field(description="Categories of which it has possible marks only.")
    first_page: str | None = Field(description="Id of its first page that can be shown, or of its first page.")


class ReviewAnswer(BaseModel):
    """A run that is reviewed, and its documents."""

    job: str
    categories: list[str]
    thresholds: dict[str, float] = Field(description="Category: lowest score of a mark.")
    required: list[str] = Field(description="Categories that every document should have.")
    documents: list[DocumentSummary]
    next: str | None = Field(description="Value of after for the documents that follow; null at the end.")
    documents_total: int = Field(description="Number of all documents that the run has reached.")
    pages: int = Field(description="Pages of all documents.")
    reviewed: int = Field(description="Pages of all documents that a person has looked at.")
    queue: bool = Field(description="Whether there is an order in which pages should be looked at.")
    queue_problem: str = Field(description="Why the queue of the run cannot be used; empty where it can.")


class PageList(BaseModel):
    """The next pages of a list."""

    pages: list[PageSummary]
    next: str | None = Field(description="Value of after for the pages that follow; null at the end.")
    total: int = Field(description="Number of all pages of the list.")
    offset: int = Field(description="Number of pages of the list before the first of these.")


class PagesQuery(BaseModel):
    """Which pages are wanted; what is left out filters nothing."""

    document: str = Field("", max_length=5000, description="Only pages of this document.")
    category: str = Field("", max_length=200, description="Only pages with a mark of this category.")
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Only pages with a mark (of category, where given) of at least this confidence; marks that a "
        "person drew count as 1.",
    )
    lacks: str = Field("", max_length=200, description="Only pages of documents that lack this category.")
    failed: bool | None = Field(None, description="Only pages without a result, or with one.")
    unreviewed: bool | None = Field(None, description="Only pages that nobody has looked at, or that somebody has.")
    queue: bool = Field(False, description="Only the pages of the queue, in its order.")
    after: str = Field("", max_length=40, description="next of the answer before, or the id of any page.")
    before: str = Field("", max_length=40, description="Id of a page: the pages before it.")
    around: str = Field("", max_length=40, description="Id of a page: pages before it, the page, pages behind it.")
    limit: int = Field(200, ge=1, le=5000, description="Most pages of the answer.")


class PictureQuery(BaseModel):
    """How large a picture of a page is wanted."""

    max_px: int = Field(2000, ge=16, le=10_000, description="Most px of the long side; pictures are not enlarged.")
    format: PictureFormat = Field("jpeg", description="How the picture is encoded.")
    v: str = Field("", max_length=40, description="Part of the addresses that answers give; it has no meaning.")


class ImageQuery(PictureQuery):
    """Which picture of a page is wanted."""

    region: str = Field(
        "",
        max_length=100,
        pattern=r"^(-?\d+(\.\d+)?(,-?\d+(\.\d+)?){3})?$",
        description="x0,y0,x1,y1 in px of the page: only this part of it, as sharp as max_px allows.",
    )


class CropQuery(PictureQuery):
    """Which picture of a mark is wanted."""

    box: str = Field(max_length=_LONGEST_BOX_ID, description="Id of the box.")
    max_px: int = Field(256, ge=16, le=4000, description="Most px of the long side.")
    margin: float = Field(0.15, ge=0, le=2, description="Around the box, as a share of its size.")


class BoxInput(BaseModel):
    """A box as a person leaves it."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    id: _BOX_ID | None = Field(None, description="The id that the box had; boxes without one get one.")
    category: str = Field(max_length=200)
    xyxy: tuple[float, float, float, float] = Field(description="Left, top, right, bottom in px of the page.")
    confidence: float | None = Field(None, ge=0, le=1)
    source: Source = "person"

    def to_box(self) -> ReviewedBox:
        """The box without what a QR code says, which only the network knows."""
        return ReviewedBox(self.id or "", self.category, self.xyxy, self.confidence, self.source)


class PageInput(BaseModel):
    """What a person makes of a page."""

    model_config = ConfigDict(extra="forbid")

    boxes: list[BoxInput] = Field(max_length=MAX_BOXES, description="All marks of the page.")
    review_state: ReviewState
    by: str = Field("", max_length=100, description="Who says so.")


class BoxPlace(BaseModel):
    """A box of a page."""

    model_config = ConfigDict(extra="forbid")

    page: _PAGE_ID
    box: _BOX_ID


class DecisionsInput(BaseModel):
    """Marks that are accepted and marks that are rejected."""

    model_config = ConfigDict(extra="forbid")

    accept: list[BoxPlace] = Field(default_factory=list, max_length=_MOST_DECISIONS)
    reject: list[BoxPlace] = Field(default_factory=list, max_length=_MOST_DECISIONS)
    revisions: dict[_PAGE_ID, int] = Field(description="Page: the revision that was looked at.")
    by: str = Field("", max_length=100, description="Who decides.")


class DecisionsAnswer(BaseModel):
    """The pages as they now are."""

    pages: list[PageSummary]


class CropAnswer(BaseModel):
    """A mark on the wall of crops."""

    page: PageSummary
    box: BoxAnswer
    reviewed: bool = Field(description="Whether a person has looked at the mark or at its page.")
    image: str = Field(description="Address of the picture of the mark.")


class CropsAnswer(BaseModel):
    """The next marks of the wall of crops."""

    crops: list[CropAnswer]
    next: str | None = Field(description="Value of after for the marks that follow; null at the end.")
    total: int = Field(description="Number of all such marks.")


def box_answer(box: ReviewedBox) -> BoxAnswer:
    """A box as the service shows it."""
    return BoxAnswer(
        id=box.id,
        category=box.category,
        xyxy=box.xyxy,
        confidence=None if box.confidence is None else round(box.confidence, 4),
        source=box.source,
        text=box.text,
    )


def page_summary(facts: PageFacts) -> PageSummary:
    """A page in a list as the service shows it."""
    return PageSummary(**_summary(facts))


def page_answer(job_address: str, view: PageView) -> PageAnswer:
    """A page with its boxes as the service shows it."""
    return PageAnswer(
        **_summary(view.facts),
        boxes=[box_answer(box) for box in view.boxes],
        possible_marks=[box_answer(box) for box in view.possible_marks],
        image=f"{_address(job_address, view.facts.id)}/image?v={view.sha256[:8]}",
        by=view.by,
        at=view.at,
    )


def crop_answer(job_address: str, view: PageView, box: ReviewedBox, *, decided: bool) -> CropAnswer:
    """A mark on the wall as the service shows it."""
    address = (
        f"{_address(job_address, view.facts.id)}/crop?box={quote(box.id)}&v={view.facts.revision}-{view.sha256[:8]}"
    )
    return CropAnswer(page=page_summary(view.facts), box=box_answer(box), reviewed=decided, image=address)


def document_summary(facts: DocumentFacts) -> DocumentSummary:
    """A document as the service shows it."""
    return DocumentSummary.model_validate(facts, from_attributes=True)


def _summary(facts: PageFacts) -> dict[str, object]:
    width, height = facts.size_wh or (None, None)
    return {
        "id": facts.id,
        "document": facts.document,
        "number": facts.number,
        "width": width,
        "height": height,
        "status": facts.status,
        "reason": facts.reason,
        "reviewed": facts.reviewed,
        "revision": facts.revision,
        "review_state": facts.review_state,
        "counts": facts.counts,
        "max_confidence": facts.max_confidence,
        "queue_reason": facts.queue_reason,
    }


def _address(job_address: str, page: str) -> str:
    return f"{job_address}/review/pages/{quote(page)}"
