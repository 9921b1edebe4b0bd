"""Families: documents and pages that are near-duplicates of each other and must not be divided by a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.candidates import candidate_pairs
from docdetect.datasets.fingerprints import Fingerprint
from docdetect.datasets.near_duplicates import NEAR_DUPLICATE, ink_agreement
from docdetect.datasets.split import PageKey


class Evidence(str, Enum):
    """Why two pages belong together, the strongest first."""

    SAME_FILE = "same file"
    SAME_PIXELS = "same page"
    NEAR_DUPLICATE = "near-duplicate"
    SAME_TEXT = "same text layer"
    SAME_DOCUMENT = "same document"
    SAME_FAMILY = "same family"


@dataclass(frozen=True)
class Link:
    """Two pages that belong together.

    Attributes:
        first, second: in page order.
        evidence: why.
        agreement: share of their ink that agrees, 0..1; 1.0 where the evidence is not the ink.
    """

    first: PageKey
    second: PageKey
    evidence: Evidence
    agreement: float = 1.0


@dataclass(frozen=True)
class Families:
    """Page -> family, and the links between documents that made them.

    A family is named after the first of its documents, in the order of their names.
    """

    family_of: Mapping[PageKey, str]
    links: tuple[Link, ...]

    def documents(self) -> dict[str, tuple[str, ...]]:
        """Family -> its documents, both in order."""
        members: dict[str, set[str]] = {}
        for key, family in self.family_of.items():
            members.setdefault(family, set()).add(key.document)
        return {family: tuple(sorted(members[family])) for family in sorted(members)}


def find_families(
    prints: Sequence[Fingerprint],
    file_hashes: Mapping[str, str] | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Families:
    """Groups pages into families.

    Joined are the pages of one document, documents of one file hash, pages of equal pixels or equal text, and
    near-duplicate pages; a chain of such pairs is one family. Nearly blank pages join nothing. Pairs of pages that are
    in one family already are not compared again, so that many copies of one page cost no more than as many others.

    Args:
        prints: one per page, no page twice.
        file_hashes: document -> hash of its file, where known.
        on_progress: called with the number of page pairs looked at.
    """
    prints = sorted(prints, key=lambda one: one.page)
    forest = _Forest([one.page.document for one in prints])
    links = [link for link in _equal(prints, file_hashes or {}) if forest.join(link)]
    pairs, _ = candidate_pairs(prints)
    for done, (i, j) in enumerate(pairs.tolist(), start=1):
        first, second = prints[i], prints[j]
        if not forest.joined(first.page.document, second.page.document):
            agreement = ink_agreement(first.ink(), second.ink())
            if agreement >= NEAR_DUPLICATE:
                link = Link(first.page, second.page, Evidence.NEAR_DUPLICATE, agreement)
                forest.join(link)
                links.append(link)
        on_progress(done, len(pairs), "pairs of pages")
    family_of = {one.page: forest.root(one.page.document) for one in prints}
    return Families(family_of, tuple(sorted(links, key=lambda link: (link.first, link.second))))


def _equal(prints: Sequence[Fingerprint], file_hashes: Mapping[str, str]) -> Iterable[Link]:
    """A link from each page to the first one with the same file, pixels or text."""
    first_with: dict[tuple[Evidence, str], PageKey] = {}
    for one in prints:
        marks = [(Evidence.SAME_FILE, file_hashes.get(one.page.document, ""))] if one.page.page == 1 else []
        marks.append((Evidence.SAME_PIXELS, "" if one.nearly_blank else one.pixels_sha256))
        marks.append((Evidence.SAME_TEXT, one.text_sha256))
        for mark in marks:
            if mark[1]:
                earlier = first_with.setdefault(mark, one.page)
                if earlier.document != one.page.document:
                    yield Link(earlier, one.page, mark[0])


class _Forest:
    """Union-find over documents; the root of a tree is its first document in the order of names."""

    def __init__(self, documents: Iterable[str]) -> None:
        self._parent = {document: document for document in documents}

    def root(self, document: str) -> str:
        while self._parent[document] != document:
            self._parent[document] = document = self._parent[self._parent[document]]
        return document

    def joined(self, first: str, second: str) -> bool:
        return self.root(first) == self.root(second)

    def join(self, link: Link) -> bool:
        """Joins the documents of a link; False when they were joined already."""
        one, other = sorted((self.root(link.first.document), self.root(link.second.document)))
        self._parent[other] = one
        return one != other
