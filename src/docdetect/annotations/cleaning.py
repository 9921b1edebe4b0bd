"""From marks as annotated to boxes that can be trained on.

Categories become classes, boxes that make no sense are taken out, and boxes that stick out of the page are clipped.
Everything that is taken out or cut is listed as a `Removal`. The functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.errors import did_you_mean
from docdetect.files import nfc
from docdetect.types import Detections, SizeWH

# Shortest side of a box: nothing can be seen in less, and the thin rest of a clipped box teaches nothing.
_LEAST_SIDE_PX = 0.5
# Boxes are written with two decimals, so that left plus width may pass the edge of the page by this much.
_ROUNDING_PX = 0.01
# Two boxes of one class whose edges all differ by at most this much are the same box.
_SAME_EDGE_PX = 1.0


class RemovalReason(str, Enum):
    """Why a mark is not, or not wholly, in the dataset."""

    DROPPED = "category dropped by the class map"
    NOT_FINITE = "not finite"
    NEGATIVE_SIZE = "negative size"
    ZERO_SIZE = "zero size"
    OUTSIDE = "wholly outside the page"
    DUPLICATE = "duplicate"
    CLIPPED = "clipped to the page"  # the only reason for which a mark stays, cut at the edge of the page

    @property
    def kept(self) -> bool:
        """Whether the mark is still in the dataset."""
        return self is RemovalReason.CLIPPED


@dataclass(frozen=True)
class Removal:
    """One mark that was taken out or cut.

    Attributes:
        document, page: where the mark stands.
        key: the key of the annotation.
        category: category as annotated.
        reason: why it was taken out or cut.
        box: left, top, width, height in px as annotated; may hold NaN.
    """

    document: str
    page: int
    key: str
    category: str
    reason: RemovalReason
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class ClassRules:
    """Which category becomes which class.

    Attributes:
        classes: class names in the order of their ids.
        class_map: category -> class name, or None to drop the category; wins over a class of the same name.
    """

    classes: tuple[str, ...]
    class_map: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mapped = {_category(name): target for name, target in self.class_map.items()}
        object.__setattr__(self, "class_map", mapped)
        strangers = sorted({target for target in mapped.values() if target is not None} - set(self.classes))
        if strangers:
            raise ValueError(f"the class map leads to {', '.join(strangers)}, not among {', '.join(self.classes)}")

    def class_id(self, category: str) -> int | None:
        """The id of the category's class, None when it is dropped. Raises KeyError for an unknown category."""
        name = _category(category)
        target = self.class_map.get(name, name)
        if target is None:
            return None
        if target not in self.classes:
            raise KeyError(category)
        return self.classes.index(target)

    def suggestion(self, category: str) -> str:
        """` (did you mean X?)` for an unknown category that resembles a known one, else ""."""
        return did_you_mean(_category(category), (*self.class_map, *self.classes))


def unknown_categories(annotations: Annotations, rules: ClassRules) -> dict[str, list[tuple[str, int]]]:
    """Categories that are neither a class nor in the class map -> the (document, page) pairs where they stand."""
    found: dict[str, list[tuple[str, int]]] = {}
    for document, pages in annotations.items():
        for number, page in sorted(pages.items()):
            for category in dict.fromkeys(mark.category for mark in page.marks):
                if not _is_known(category, rules):
                    found.setdefault(category, []).append((document, number))
    return found


def clean_page(
    page: AnnotatedPage, rules: ClassRules, document: str, number: int
) -> tuple[Detections, tuple[Removal, ...]]:
    """The boxes of one page that can be trained on, in px of the annotation's page size, in the annotated order.

    Removed: dropped categories, values that are not finite, negative sizes, sides under 0.5 px, boxes wholly outside
    the page, duplicates (same class, every edge within 1 px of an earlier box). Boxes that stick out are clipped.

    Raises:
        KeyError: a category that the rules do not know; see `unknown_categories`.
    """
    boxes: list[tuple[float, float, float, float]] = []
    class_ids: list[int] = []
    removals: list[Removal] = []
    for mark in page.marks:
        class_id = rules.class_id(mark.category)
        box, reason = _checked_box(mark, page.size_wh)
        if class_id is None:
            reason = RemovalReason.DROPPED
        elif box is not None and _has_same(box, class_id, zip(boxes, class_ids, strict=True)):
            reason = RemovalReason.DUPLICATE
        elif box is not None:
            boxes.append(box)
            class_ids.append(class_id)
        if reason is not None:
            removals.append(Removal(document, number, mark.key, mark.category, reason, mark.xywh))
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array(class_ids, np.int64), page.size_wh), tuple(removals)


def _checked_box(mark: Mark, size_wh: SizeWH) -> tuple[tuple[float, float, float, float] | None, RemovalReason | None]:
    """The box of the mark as xyxy, None when it makes no sense; and what is wrong with it, None for nothing."""
    x, y, width, height = mark.xywh
    if not all(math.isfinite(value) for value in (x, y, width, height, x + width, y + height)):
        return None, RemovalReason.NOT_FINITE
    if width < 0 or height < 0:
        return None, RemovalReason.NEGATIVE_SIZE
    if width < _LEAST_SIDE_PX or height < _LEAST_SIDE_PX:
        return None, RemovalReason.ZERO_SIZE
    left, right = (min(max(edge, 0.0), float(size_wh[0])) for edge in (x, x + width))
    top, bottom = (min(max(edge, 0.0), float(size_wh[1])) for edge in (y, y + height))
    if right - left < _LEAST_SIDE_PX or bottom - top < _LEAST_SIDE_PX:
        return None, RemovalReason.OUTSIDE
    cut_px = max(left - x, top - y, x + width - right, y + height - bottom)
    return (left, top, right, bottom), RemovalReason.CLIPPED if cut_px > _ROUNDING_PX else None


def _has_same(box: tuple[float, ...], class_id: int, others: Iterable[tuple[tuple[float, ...], int]]) -> bool:
    return any(
        class_id == other_id and all(abs(a - b) <= _SAME_EDGE_PX for a, b in zip(box, other, strict=True))
        for other, other_id in others
    )


def _is_known(category: str, rules: ClassRules) -> bool:
    try:
        rules.class_id(category)
    except KeyError:
        return False
    return True


def _category(text: str) -> str:
    return nfc(text).strip()
