"""The data that flows: frozen dataclasses, validated at birth; arrays in, arrays out.

Pixels are those of the page as displayed (rotation and crop box applied), origin top left, x right, y down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
ByteArray: TypeAlias = NDArray[np.uint8]
BoolArray: TypeAlias = NDArray[np.bool_]
SizeWH: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class PageInfo:
    """Which page, and how large it is, without its pixels.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        number: page number from 1.
        size_wh: (width, height) px of the image that boxes refer to.
        dpi: px/inch of that image; None where an image file does not say.
        size_pt: (width, height) of the displayed page in PDF points; None for images.
        damaged: what may be missing of a page from a damaged file, in words for people; None for a sound page, and
            before the page is rendered.
        sheet: where the page is a photograph whose perspective was corrected, the (x, y) px of the sheet of paper's top
            left, top right, bottom right and bottom left corner; None for every other page.
    """

    document: str
    number: int
    size_wh: SizeWH
    dpi: float | None = None
    size_pt: tuple[float, float] | None = None
    damaged: str | None = None
    sheet: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"page numbers start at 1, not {self.number}")
        if min(self.size_wh) < 1:
            raise ValueError(f"page size must be at least 1 x 1 px, not {self.size_wh}")


@dataclass(frozen=True)
class Page:
    """A page with its pixels: uint8 (H, W, 3), RGB, of the size that `info.size_wh` says."""

    info: PageInfo
    pixels: ByteArray

    def __post_init__(self) -> None:
        width, height = self.info.size_wh
        if self.pixels.dtype != np.uint8 or self.pixels.shape != (height, width, 3):
            raise ValueError(f"pixels are {self.pixels.dtype} {self.pixels.shape}, expected uint8 {(height, width, 3)}")


@dataclass(frozen=True)
class Detections:
    """Boxes on one page.

    Attributes:
        xyxy: float32 (N, 4) px: left, top, right, bottom with left <= right and top <= bottom, finite.
        class_ids: int64 (N,), >= 0.
        scores: float32 (N,) in [0, 1], or None for ground truth.
        size_wh: (width, height) px of the page.
    """

    xyxy: FloatArray
    class_ids: IntArray
    size_wh: SizeWH
    scores: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "xyxy", np.asarray(self.xyxy, dtype=np.float32).reshape(-1, 4))
        object.__setattr__(self, "class_ids", np.asarray(self.class_ids, dtype=np.int64).reshape(-1))
        count = len(self.xyxy)
        if len(self.class_ids) != count:
            raise ValueError(f"{count} boxes but {len(self.class_ids)} class ids")
        if count and (not np.isfinite(self.xyxy).all() or (self.xyxy[:, 2:] < self.xyxy[:, :2]).any()):
            raise ValueError("boxes must be finite with left <= right and top <= bottom")
        if count and self.class_ids.min() < 0:
            raise ValueError("class ids must be >= 0")
        if self.scores is not None:
            object.__setattr__(self, "scores", np.asarray(self.scores, dtype=np.float32).reshape(-1))
            self._check_scores(self.scores, count)

    @staticmethod
    def _check_scores(scores: FloatArray, count: int) -> None:
        if len(scores) != count:
            raise ValueError(f"{count} boxes but {len(scores)} scores")
        if count and not ((scores >= 0) & (scores <= 1)).all():
            raise ValueError("scores must lie in [0, 1]")

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def none(cls, size_wh: SizeWH, *, scored: bool = True) -> Detections:
        """No boxes on a page of `size_wh`."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.int64), size_wh, np.zeros(0, np.float32) if scored else None
        )

    @property
    def known_scores(self) -> FloatArray:
        """float32 (N,) the scores of predictions. Raises ValueError: the boxes are ground truth, which has none."""
        if self.scores is None:
            raise ValueError("ground truth has no scores")
        return self.scores

    def select(self, index: IntArray | BoolArray | slice) -> Detections:
        """The boxes that a NumPy index (positions, mask or slice) picks, in its order."""
        scores = None if self.scores is None else self.scores[index]
        return Detections(self.xyxy[index], self.class_ids[index], self.size_wh, scores)

    def of_classes(self, class_ids: Iterable[int]) -> Detections:
        """The boxes of these classes, in their order."""
        return self.select(np.isin(self.class_ids, np.array(sorted(class_ids), np.int64)))

    def scaled(self, size_wh: SizeWH) -> Detections:
        """The same boxes on the same page rendered at another size."""
        factor = np.array([size_wh[0] / self.size_wh[0], size_wh[1] / self.size_wh[1]] * 2, np.float32)
        return Detections(self.xyxy * factor, self.class_ids, size_wh, self.scores)


class FailureKind(str, Enum):
    """Why a page or a document has no result."""

    UNREADABLE = "unreadable"  # damaged or not what its suffix says
    ENCRYPTED = "encrypted"  # needs a password
    EMPTY = "empty"  # no pages
    TOO_LARGE = "too_large"  # over the pixel budget
    UNSUPPORTED = "unsupported"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    MEMORY = "memory"
    INTERNAL = "internal"  # a bug in docdetect, reported with its message


@dataclass(frozen=True)
class Failure:
    """An error as data: its kind and a message for people."""

    kind: FailureKind
    message: str


class NoteKind(str, Enum):
    """What is to be known about a document although its pages were read."""

    REPAIRED = "repaired"
    XFA_FORM = "xfa_form"
    PORTFOLIO = "portfolio"
    ATTACHMENTS = "attachments"


@dataclass(frozen=True)
class Note:
    """Something that bears on how far the result of a document can be relied on.

    Attributes:
        kind: what it is.
        count: of attached files, for a portfolio and for attachments; 0 for other kinds.
    """

    kind: NoteKind
    count: int = 0

    @property
    def message(self) -> str:
        """The note in words for people."""
        files = "1 attached file" if self.count == 1 else f"{self.count} attached files"
        return {
            NoteKind.REPAIRED: "was damaged and was repaired while it was read, so that a part of it may be missing",
            NoteKind.XFA_FORM: "is an XFA form, of which only the placeholder page was seen",
            NoteKind.PORTFOLIO: f"is a portfolio, whose contents ({files}) were not opened",
            NoteKind.ATTACHMENTS: f"holds {files} that {'was' if self.count == 1 else 'were'} not opened",
        }[self.kind]

    @property
    def leaves_doubt(self) -> bool:
        """Whether nobody can say that a mark is not there which was not found: the document was not seen as a whole.

        Attachments leave no doubt about the document that they are attached to.
        """
        return self.kind is not NoteKind.ATTACHMENTS


@dataclass(frozen=True)
class PageResult:
    """What was found on one page.

    Attributes:
        info: the page; its `size_wh` is the image that the boxes refer to.
        raw: detections as the model gave them, above the confidence threshold.
        grouped: one box per mark.
        members: for each grouped box the positions in `raw` that it stands for.
        texts: for each grouped box its decoded text (QR codes), None where there is none.
        possible_marks: what may be a mark below the confidence threshold and a person should check, beside the boxes in
            `raw`; None where there is nothing of that kind.
        screened_out: whether a smaller network saw nothing on the page, so that the network itself never saw the page.
    """

    info: PageInfo
    raw: Detections
    grouped: Detections
    members: tuple[tuple[int, ...], ...] = ()
    texts: tuple[str | None, ...] = ()
    possible_marks: Detections | None = None
    screened_out: bool = False

    def __post_init__(self) -> None:
        if self.raw.size_wh != self.info.size_wh or self.grouped.size_wh != self.info.size_wh:
            raise ValueError("detections and page must have the same size")
        if not self.members:
            object.__setattr__(self, "members", ((),) * len(self.grouped))
        if not self.texts:
            object.__setattr__(self, "texts", (None,) * len(self.grouped))
        if len(self.members) != len(self.grouped) or len(self.texts) != len(self.grouped):
            raise ValueError("members and texts need one entry for each grouped box")


@dataclass(frozen=True)
class FailedPage:
    """A page that gives no result, or with `page` None a whole document, and why.

    Attributes:
        document: the document's name.
        page: page number from 1; None for the document as a whole.
        failure: the kind of failure, and a message for people.
    """

    document: str
    page: int | None
    failure: Failure

    def __str__(self) -> str:
        where = self.document if self.page is None else f"{self.document}, page {self.page}"
        return f"{where}: {self.failure.message} ({self.failure.kind.value})"


class DocumentStatus(str, Enum):
    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True)
class DocumentResult:
    """All pages of one document, in page order.

    Attributes:
        document: path relative to the source, POSIX, NFC.
        sha256: hex digest of the file, or "" when it could not be read.
        pages: the result of each page, or why the page has none, in page order.
        failure: why the document as a whole failed or ended early.
        notes: what else is to be known about the document.
    """

    document: str
    sha256: str
    pages: tuple[PageResult | FailedPage, ...]
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()

    @property
    def good_pages(self) -> tuple[PageResult, ...]:
        """The pages that have a result, in page order."""
        return tuple(page for page in self.pages if isinstance(page, PageResult))

    @property
    def failed_pages(self) -> tuple[FailedPage, ...]:
        """The pages that have none, in page order."""
        return tuple(page for page in self.pages if isinstance(page, FailedPage))

    @property
    def status(self) -> DocumentStatus:
        """ok: every page has a result; failed: none has; partial: in between."""
        good = len(self.good_pages)
        if good == 0:
            return DocumentStatus.FAILED
        return DocumentStatus.OK if good == len(self.pages) and self.failure is None else DocumentStatus.PARTIAL
