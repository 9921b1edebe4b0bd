"""What an audit of labels finds, one finding per label (or document), ranked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from docdetect.datasets.split import PageKey
from docdetect.types import FloatArray, SizeWH


class Suspicion(str, Enum):
    """What may be wrong with a label, the gravest first."""

    OTHER_PAGE = "labels of another page"
    BEYOND_END = "page beyond the end"
    BLANK = "on blank paper"
    MISSING = "missing label"
    DUPLICATE = "two labels on one mark"
    WRONG_CLASS = "wrong class"
    DISAGREES = "model disagrees"
    CUT = "ink mostly outside"
    NO_MARK = "does not look like a mark"
    LOOSE = "ink far inside"
    UNUSUAL = "unusual size or shape"


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes:
        suspicion: what kind of thing.
        page: where.
        score: how sure, 0..1; ranks findings of one kind.
        message: a sentence for people, without place.
        position: of the label in its page's Detections; None where it is about none.
        class_name: of the label, or of the missing one.
        xyxy: (4,) px of the label, or of the missing one; None for a whole document.
        size_wh: px of the page that the box refers to.
        suggested_offset: pages by which the document's labels must be moved; 0 for other findings.
    """

    suspicion: Suspicion
    page: PageKey
    score: float
    message: str
    position: int | None = None
    class_name: str = ""
    xyxy: FloatArray | None = None
    size_wh: SizeWH = (1, 1)
    suggested_offset: int = 0


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest kind first, within a kind the surest first, then in page order; of one label the gravest only."""
    order = list(Suspicion).index
    in_order = sorted(
        findings, key=lambda one: (order(one.suspicion), -round(one.score, 4), one.page, one.position or 0)
    )
    kept: list[Finding] = []
    known: set[tuple[PageKey, int]] = set()
    for one in in_order:
        if one.position is None or (one.page, one.position) not in known:
            kept.append(one)
        if one.position is not None:
            known.add((one.page, one.position))
    return tuple(kept)
