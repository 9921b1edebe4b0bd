"""`audit --fix`: a new set of annotations with what is safe put right; no change can lose a mark, all are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from docdetect.annotations.cleaning import ClassRules, RemovalReason, clean_page
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.audit.label_checks import Finding, LabelledPages, Suspicion
from docdetect.boxes import clip, xywh_to_xyxy
from docdetect.datasets.split import PageKey
from docdetect.types import FloatArray, SizeWH

# Overlap above which two labels of one class are on the same box.
_NEARLY_EQUAL = 0.9
# Paper that a box keeps around the ink that it is shrunk to.
_MARGIN_PX = 2.0
_FIXERS = (Suspicion.DUPLICATE, Suspicion.LOOSE)
_UNUSABLE = (
    RemovalReason.NOT_FINITE,
    RemovalReason.NEGATIVE_SIZE,
    RemovalReason.ZERO_SIZE,
    RemovalReason.OUTSIDE,
    RemovalReason.DUPLICATE,
)


@dataclass(frozen=True)
class Fix:
    """One change: the page, the key and the category of the annotation, and what was done."""

    page: PageKey
    key: str
    category: str
    action: str


def fix_annotations(
    annotations: Annotations,
    document_of: Mapping[str, str],
    rules: ClassRules,
    pages: LabelledPages,
    findings: Sequence[Finding],
) -> tuple[Annotations, tuple[Fix, ...]]:
    """The annotations with what is safe put right.

    Removed: boxes that no training could use (not finite, without area, off the page), and of two labels of one class
    on nearly the same box (IoU or containment above 0.9) the later one. Cut: boxes that stick out of the page. Shrunk
    to the ink, with 2 px around: boxes of which the ink takes up less than 40 %. Labels on the wrong page or of the
    wrong class are for people to decide.

    Args:
        annotations: as read; not changed.
        document_of: name in the annotations -> name of the document, for those that have one.
        rules: classes of the categories.
        pages: labels and measures.
        findings: of these labels.
    """
    by_label = {(one.page, one.position): one for one in findings if one.suspicion in _FIXERS}
    fixes: list[Fix] = []
    fixed: Annotations = {}
    for name, numbered in annotations.items():
        fixed[name] = {}
        for number, page in numbered.items():
            key = PageKey(document_of.get(name, name), number)
            marks = []
            for mark, position, reason in _fates(page, rules, key):
                kept, action = _fixed(mark, reason, by_label.get((key, position)), pages, page.size_wh)
                if action:
                    fixes.append(Fix(key, mark.key, mark.category, action))
                if kept is not None:
                    marks.append(kept)
            fixed[name][number] = replace(page, marks=tuple(marks))
    return fixed, tuple(fixes)


def _fates(page: AnnotatedPage, rules: ClassRules, key: PageKey) -> list[tuple[Mark, int | None, RemovalReason | None]]:
    """Each mark, its position among the page's labels (None where it is no label), and what cleaning did to it."""
    fates: list[tuple[Mark, int | None, RemovalReason | None]] = []
    known, known_removals = 0, 0
    for end, mark in enumerate(page.marks, start=1):
        labels, removals = clean_page(replace(page, marks=page.marks[:end]), rules, key.document, key.page)
        reason = removals[-1].reason if len(removals) > known_removals else None
        fates.append((mark, known if len(labels) > known else None, reason))
        known, known_removals = len(labels), len(removals)
    return fates


def _fixed(
    mark: Mark, reason: RemovalReason | None, finding: Finding | None, pages: LabelledPages, size_wh: SizeWH
) -> tuple[Mark | None, str]:
    """The mark as it should be, None when it goes, and what was done to it; "" for nothing."""
    if reason in _UNUSABLE:
        return None, f"removed: {reason.value}"
    if finding is not None and finding.suspicion is Suspicion.DUPLICATE and finding.score > _NEARLY_EQUAL:
        return None, f"removed: {finding.message}"
    if finding is not None and finding.suspicion is Suspicion.LOOSE and finding.position is not None:
        tight = pages.measures[finding.page].boxes[finding.position].tight_xyxy
        return replace(mark, xywh=_shrunk(tight, mark, size_wh)), f"shrunk: {finding.message}"
    if reason is RemovalReason.CLIPPED:
        return replace(mark, xywh=_xywh(clip(_box(mark), size_wh)[0])), "cut at the edge of the page"
    return mark, ""


def _shrunk(tight: FloatArray, mark: Mark, size_wh: SizeWH) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) for value in clip(_box(mark), size_wh)[0])
    x0, y0 = max(left, float(tight[0]) - _MARGIN_PX), max(top, float(tight[1]) - _MARGIN_PX)
    x1, y1 = min(right, float(tight[2]) + _MARGIN_PX), min(bottom, float(tight[3]) + _MARGIN_PX)
    return round(x0, 2), round(y0, 2), round(x1 - x0, 2), round(y1 - y0, 2)


def _box(mark: Mark) -> FloatArray:
    return xywh_to_xyxy(np.array([mark.xywh], np.float32))


def _xywh(xyxy: FloatArray) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(float(value), 2) for value in xyxy)
    return left, top, round(right - left, 2), round(bottom - top, 2)
