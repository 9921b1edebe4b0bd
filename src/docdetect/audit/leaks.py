"""Leaks: pages of a dataset that have a near-duplicate, or a page of their own group, in another split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.groups import NEAR_DUPLICATE, Evidence, find_groups, ink_agreement, nearest_first
from docdetect.datasets.page_fingerprints import PageFingerprint
from docdetect.datasets.split import SPLIT_NAMES, TRAIN, PageKey

# Number of pages of a group, the nearest by hash, whose ink is compared with the ink of a leaked page.
_MOST_PARTNERS = 12


@dataclass(frozen=True)
class Leak:
    """A page outside training, and the most similar page of another split.

    Attributes:
        page, split: the page and the split that it is in.
        other, other_split: the similar page and its split.
        evidence: the strongest evidence that the two belong together.
        agreement: share of their ink that agrees, 0..1, where it was measured; else 0.
        pages: how many pages of the other split are of its group.
    """

    page: PageKey
    split: str
    other: PageKey
    other_split: str
    evidence: Evidence
    agreement: float
    pages: int


def find_leaks(
    prints: Sequence[PageFingerprint],
    side_of: Mapping[PageKey, str],
    on_progress: ProgressCallback = no_progress,
) -> tuple[Leak, ...]:
    """At most one leak for each page outside training and each other split, the strongest evidence first.

    Args:
        prints: of the pages in `side_of`; further ones (pages that are in no split) may bind groups together.
        side_of: page -> split name. Pages of test are held against train and val, pages of val against train.
    """
    groups = find_groups(prints, on_progress=on_progress)
    print_of = {one.page: one for one in prints}
    members: dict[tuple[str, str], list[PageFingerprint]] = {}
    for key in sorted(side_of):
        members.setdefault((groups.group_of[key], side_of[key]), []).append(print_of[key])
    leaks = [
        _leak(print_of[key], side_of[key], partners, other_side)
        for key in sorted(side_of)
        for other_side in SPLIT_NAMES[: SPLIT_NAMES.index(side_of[key])]
        if side_of[key] != TRAIN and (partners := members.get((groups.group_of[key], other_side)))
    ]
    rank = list(Evidence).index
    return tuple(sorted(leaks, key=lambda leak: (rank(leak.evidence), -leak.agreement, leak.page, leak.other_split)))


def _leak(one: PageFingerprint, side: str, partners: Sequence[PageFingerprint], other_side: str) -> Leak:
    evidence, other, agreement = _strongest(one, partners)
    return Leak(one.page, side, other.page, other_side, evidence, agreement, len(partners))


def _strongest(one: PageFingerprint, partners: Sequence[PageFingerprint]) -> tuple[Evidence, PageFingerprint, float]:
    for other in partners:
        if other.pixels_sha256 == one.pixels_sha256 and not one.nearly_blank:
            return Evidence.SAME_PIXELS, other, 1.0
    looked_at = [partners[i] for i in nearest_first(one, partners)[:_MOST_PARTNERS]]
    ink = one.ink()
    compared = [(ink_agreement(ink, other.ink()), other) for other in looked_at]
    agreement, other = max(compared, key=lambda pair: pair[0])
    if agreement >= NEAR_DUPLICATE and not one.nearly_blank:
        return Evidence.NEAR_DUPLICATE, other, agreement
    for other in partners:
        if one.text_sha256 and other.text_sha256 == one.text_sha256:
            return Evidence.SAME_TEXT, other, agreement
    for other in partners:
        if other.page.document == one.page.document:
            return Evidence.SAME_DOCUMENT, other, 0.0
    return Evidence.SAME_GROUP, other, agreement
