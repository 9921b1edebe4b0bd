"""Ways to look at pages (sizes, networks, fusions, a second look), and their figures by source; pure.

This module is used by `sizes` and is no program of its own. What a way finds is computed from what each network finds
at each size alone, as `infer` computes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.other_origins import FEWEST_MARKS, TRAINED_ON, OriginSet
from benchmarks.real_documents import NAMES
from benchmarks.source_figures import Outcomes, average_precision, outcomes, together
from docdetect.inference.multi_view.fusion import fuse
from docdetect.metrics.matching import Sample
from docdetect.types import Detections
from docdetect.weighted_fusion import (
    LOWEST_OF_SEVERAL_LOOKS,
    SAME_MARK_IOU,
    SAME_MARK_OF_NETWORKS_IOU,
    UNSURE,
    mean_of_looks,
)

# Sets of one origin, by the name of the source; every other set is a source of its own.
SAME_ORIGIN = {
    "rivergrove": ("usgov_rivergrove", "sig_rivergrove"),
    "federal_register": ("usgov_fedreg_eo", "sig_fedreg"),
    "fbi_cooper": ("usgov_fbi_cooper", "stamp_fbi", "neg_fbi"),
    "jfk": ("jfk_nara", "jfk_nara2"),
    "indonesia": ("sig_indonesia", "seal_indonesia2"),
    "vernonia": ("draw_vernonia", "cert_vernonia", "cert_fema"),
    "lathrop": ("stamp_lathrop", "neg_letters"),
    "oldbooks": ("stamp_oldbooks", "neg_oldbooks"),
}

# Kinds of pages without marks, by set; every other set holds official papers.
KINDS = {
    **dict.fromkeys(("neg_letters", "sig_fpki", "sig_fedfoia", "sig_uscongress_courts", "cert_vernonia"), "letters"),
    **dict.fromkeys(("neg_oldbooks", "stamp_oldbooks", "stamp_hands", "stamp_japan"), "old prints"),
    "neg_receipts": "receipts",
    "forms": "tax forms",
    "armeta": "armeta",
    "cert_fema": "letters",
}
OFFICIAL = "official papers"
# The kinds that make up the pages without marks of the archive of which nine in ten pages have none.
ARCHIVE_KINDS = ("letters", "receipts", OFFICIAL)
EMPTY_PER_MARKED = 9


@dataclass(frozen=True, order=True)
class Look:
    """A network that looks at a page at one size.

    Attributes:
        px: the long side of the page.
        weights: name of the network's weights; "" for those of --weights.
    """

    px: int
    weights: str = ""

    @classmethod
    def parse(cls, text: str) -> Look:
        """A look as it is written on the command line. Raises ValueError: it is none."""
        weights, _, px = text.rpartition("@")
        return cls(int(px), weights)


@dataclass(frozen=True)
class Mode:
    """How pages are looked at.

    Attributes:
        name: as it is written on the command line.
        looks: at least one; with a second look, the first one comes first.
        unsure_from: lowest confidence of the first look from which a page is seen by the other looks, too; None for a
            page that is always seen by all.
    """

    name: str
    looks: tuple[Look, ...]
    unsure_from: float | None = None

    @classmethod
    def parse(cls, text: str) -> Mode:
        """A mode as it is written on the command line. Raises ValueError: it is none."""
        plain, _, lowest = text.partition("~")
        looks = tuple(Look.parse(look) for look in plain.replace(">", "+").split("+"))
        if ">" not in plain:
            return cls(text, looks)
        return cls(text, looks, float(lowest) if lowest else UNSURE[0])

    def of_page(self, by_look: Mapping[Look, Sample]) -> tuple[Sample, bool]:
        """The page as this mode finds it, and whether it was seen by all its looks.

        Args:
            by_look: the page as each look alone saw it.
        """
        largest = max(self.looks)
        whole = by_look[largest]
        if len(self.looks) == 1:
            return whole, True
        looks = self.looks
        if self.unsure_from is not None:
            scores = by_look[looks[0]].scores
            if not ((scores >= self.unsure_from) & (scores < UNSURE[1])).any():
                looks = looks[:1]
        found = [_as_view(by_look[look].found, whole, look.px < largest.px) for look in looks]
        one_network = len({look.weights for look in self.looks}) == 1
        same_iou = SAME_MARK_IOU if one_network else SAME_MARK_OF_NETWORKS_IOU
        return replace(whole, found=mean_of_looks(found, same_iou)), looks == self.looks


def _as_view(found: Detections, whole: Sample, smaller: bool) -> Detections:
    """What one view of several gives: from the lowest confidence that counts, on the page at its largest size."""
    kept = found.select(found.known_scores >= LOWEST_OF_SEVERAL_LOOKS).scaled(whole.found.size_wh)
    return fuse([kept], [None]) if smaller else kept


@dataclass(frozen=True)
class Looked:
    """All sets as one mode finds them.

    Attributes:
        mode: the mode.
        sets: the sets, `armeta` among them.
        again: name of a set -> for each page, whether it was seen by all looks of the mode.
    """

    mode: Mode
    sets: tuple[OriginSet, ...]
    again: Mapping[str, tuple[bool, ...]]

    @classmethod
    def of(cls, mode: Mode, by_look: Mapping[Look, Sequence[OriginSet]]) -> Looked:
        sets, again = [], {}
        for of_looks in zip(*(by_look[look] for look in mode.looks), strict=True):
            pages = [
                mode.of_page(dict(zip(mode.looks, page, strict=True)))
                for page in zip(*(one.samples for one in of_looks), strict=True)
            ]
            sets.append(replace(of_looks[0], samples=tuple(sample for sample, _ in pages)))
            again[of_looks[0].name] = tuple(seen for _, seen in pages)
        return cls(mode, tuple(sets), again)

    def share_of_kind(self, kind: str) -> float:
        """The share of the pages of a kind without marks that are seen by all looks."""
        return _mean_or_zero(
            [
                again
                for one in self.sets
                if kind_of(one.name) == kind
                for sample, again in zip(one.samples, self.again[one.name], strict=True)
                if not len(sample.ground_truth)
            ]
        )

    def share_seen_again(self, *, marked: bool) -> float:
        """The share of pages that are seen by all looks: of those with marks, or of the archive's pages without."""
        by_kind: dict[str, list[bool]] = {}
        for one in self.sets:
            for sample, again in zip(one.samples, self.again[one.name], strict=True):
                if one.name not in ("armeta", "forms") and (len(sample.ground_truth) > 0) == marked:
                    by_kind.setdefault(kind_of(one.name), []).append(again)
        if marked:
            return _mean_or_zero([again for pages in by_kind.values() for again in pages])
        return _mean_or_zero([_mean_or_zero(by_kind[kind]) for kind in ARCHIVE_KINDS if kind in by_kind])


def _mean_or_zero(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def kind_of(name: str) -> str:
    """The kind of pages without marks that a set holds."""
    return KINDS.get(name, OFFICIAL)


def sources_of(sets: Sequence[OriginSet], seen: Collection[str] = TRAINED_ON) -> dict[str, list[OriginSet]]:
    """Source -> its sets, without `armeta`, the tax forms, and sources of which the weights have seen a set."""
    source_of = {name: source for source, names in SAME_ORIGIN.items() for name in names}
    known = {source_of.get(name, name) for name in seen}
    found: dict[str, list[OriginSet]] = {}
    for one in sets:
        source = source_of.get(one.name, one.name)
        if one.name not in ("armeta", "forms") and source not in known:
            found.setdefault(source, []).append(one)
    return found


class Figures:
    """The figures of one mode over the sources.

    Args:
        looked: all sets as the mode finds them.
        seen: names of the sets that the weights were trained on.
    """

    def __init__(self, looked: Looked, seen: Collection[str] = TRAINED_ON) -> None:
        self.looked, self.sources = looked, sources_of(looked.sets, seen)
        self.armeta = next(one for one in looked.sets if one.name == "armeta")
        self._empty = empty_by_kind(looked.sets, seen)
        self._compared: dict[tuple[int, int, float], Outcomes] = {}

    def outcomes(self, pages: Iterable[Sample], class_id: int, iou: float) -> Outcomes:
        """See `source_figures.outcomes`; every page, which `looked` holds, is compared once."""
        parts = [outcomes((), class_id, iou)]
        for page in pages:
            key = id(page), class_id, iou
            if key not in self._compared:
                self._compared[key] = outcomes((page,), class_id, iou)
            parts.append(self._compared[key])
        return together(parts)

    def by_source(self, class_id: int, iou: float, archive: str = "all") -> dict[str, float]:
        """Average precision of a class in each source that has enough marks.

        Args:
            class_id: position in `NAMES`.
            iou: least IoU of a detection with the mark that it finds.
            archive: `all` for the pages of the source, `marked` for those with marks, `mostly empty` for those with
                marks and nine pages without marks for each of them.
        """
        found = {}
        for source, pages in self._labelled(class_id).items():
            chosen = pages if archive == "all" else [page for page in pages if len(page.ground_truth)]
            own = self.outcomes(chosen, class_id, iou)
            if own.marks < FEWEST_MARKS:
                continue
            if archive == "mostly empty":
                own = together([own, *self._empty_outcomes(class_id, iou, EMPTY_PER_MARKED * len(chosen))])
            found[source] = average_precision(own)
        return found

    def at_thresholds(self, class_id: int, conf: float, iou: float = 0.3) -> tuple[float, float, float]:
        """Precision, recall and F1 from a confidence on, each source weighted by one over the root of its pages."""
        hits = false = marks = 0.0
        for pages in self._labelled(class_id).values():
            weight, own = len(pages) ** -0.5, self.outcomes(pages, class_id, iou)
            of_source = own.above(conf)
            hits, false, marks = hits + weight * of_source[0], false + weight * of_source[1], marks + weight * own.marks
        return hits / max(hits + false, 1e-9), hits / max(marks, 1e-9), 2 * hits / max(hits + false + marks, 1e-9)

    def alarms(self, kind: str, conf: Mapping[str, float]) -> str:
        """False alarms a page on pages of a kind without marks, at the threshold of each class."""
        pages = self._empty.get(kind, [])
        if not pages:
            return ""
        lowest = np.array([conf[name] for name in NAMES])
        return f"{sum(int((page.scores >= lowest[page.found.class_ids]).sum()) for page in pages) / len(pages):.2f}"

    def kinds(self) -> list[tuple[str, int]]:
        """The kinds of pages without marks, and how many pages there are of each."""
        return [(kind, len(pages)) for kind, pages in self._empty.items()]

    def _labelled(self, class_id: int) -> dict[str, list[Sample]]:
        """Source -> the pages of its sets in which the class is labelled completely."""
        return {
            source: pages
            for source, sets in self.sources.items()
            if (pages := [page for one in sets if NAMES[class_id] in one.labelled for page in one.samples])
        }

    def _empty_outcomes(self, class_id: int, iou: float, pages: int) -> list[Outcomes]:
        kinds = [self._empty[kind] for kind in ARCHIVE_KINDS if self._empty.get(kind)]
        return [self.outcomes(of, class_id, iou).weighted(pages / len(kinds) / len(of)) for of in kinds]


def empty_by_kind(sets: Sequence[OriginSet], seen: Collection[str] = TRAINED_ON) -> dict[str, list[Sample]]:
    """Kind -> pages without any mark, of sets in which all classes are labelled and that the weights have not seen."""
    kept = {one.name for of_source in sources_of(sets, seen).values() for one in of_source} | {"armeta", "forms"}
    found: dict[str, list[Sample]] = {}
    for one in sets:
        if one.name in kept and one.labelled >= set(NAMES):
            for page in one.samples:
                if not len(page.ground_truth):
                    found.setdefault(kind_of(one.name), []).append(page)
    return found


def cost_of(looked: Looked, archive: str, seconds: Mapping[str, Mapping[Look, float]]) -> float | None:
    """Processor seconds of the networks a page of an archive; None where they were not measured for these looks."""
    share = {"marked": 1.0, "without": 0.0}
    if archive == "mostly empty":
        share = {"marked": 1 / (1 + EMPTY_PER_MARKED), "without": EMPTY_PER_MARKED / (1 + EMPTY_PER_MARKED)}
    if any(look not in seconds.get(kind, {}) for kind in share for look in looked.mode.looks):
        return None
    total = 0.0
    for kind, of_pages in share.items():
        again = looked.share_seen_again(marked=kind == "marked")
        first, *others = (seconds[kind][look] for look in looked.mode.looks)
        total += of_pages * (first + (again if looked.mode.unsure_from is not None else 1.0) * sum(others))
    return total


def screened(looked: Looked, smaller: Sequence[OriginSet], conf: float) -> tuple[Looked, dict[str, list[Sample]]]:
    """The sets as `infer --screen` finds them, and set -> the pages that are left out, as the network would find them.

    Args:
        looked: all sets as the network finds them.
        smaller: the same sets as the smaller network finds them.
        conf: lowest confidence at which the smaller network sees something.
    """
    sets, left_out = [], {}
    for one, seen in zip(looked.sets, smaller, strict=True):
        is_out = [float(page.scores.max(initial=0)) < conf for page in seen.samples]
        pages = [
            replace(page, found=page.found.select(slice(0))) if out else page
            for page, out in zip(one.samples, is_out, strict=True)
        ]
        sets.append(replace(one, samples=tuple(pages)))
        left_out[one.name] = [page for page, out in zip(one.samples, is_out, strict=True) if out]
    return replace(looked, sets=tuple(sets)), left_out
