"""What every annotation format is about: annotated marks, and the pages and documents that they are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from docdetect.types import SizeWH

CODE_STATUSES = ("decoded", "unreadable")
"""Values of `status`, which says whether `infer` could read the text of a QR code."""


@dataclass(frozen=True)
class Mark:
    """One mark, as a file of annotations says it.

    Attributes:
        category: what the annotator calls the mark, before any class map.
        xywh: left, top, width, height in px at the page's size; may make no sense (NaN, negative), see `cleaning`.
        key: its key in docdetect's own JSON, such as `annotation_117`; the writer of that JSON numbers marks with "".
        confidence: in [0, 1]; None for ground truth.
        text: the text of a QR code; None where no text was read.
        status: `decoded` or `unreadable` for a QR code that `infer` found; None for every other mark.
    """

    category: str
    xywh: tuple[float, float, float, float]
    key: str = ""
    confidence: float | None = None
    text: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class AnnotatedPage:
    """The marks of one page and the size in px (width, height) that their boxes refer to."""

    size_wh: SizeWH
    marks: tuple[Mark, ...]


Annotations: TypeAlias = dict[str, dict[int, AnnotatedPage]]
"""Document name (NFC) -> page number from 1 -> page."""
