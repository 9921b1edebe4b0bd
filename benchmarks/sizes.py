"""Evaluates weights at several sizes of the page, with several sizes fused, and with a second look, by source.

    python -m benchmarks.sizes --keep FOLDER [--weights FILE] [--precision int8] [--modes 1024,640,1024+640,640>1024]
        [--seen SET,...] [--times] [--sets]

A mode is a size in px, several sizes that are fused (1024+640, `infer --scales`), or a second look (640>1024: the page
is seen at 640 px, and at 1024 px as well where a detection is unsure, `infer --second-look`; 640>1024@0.02 takes
another lower end of what is unsure). The first mode is the one that all others are compared with. The alternatives are
other weights and precisions: run the program once for each, and do not compare figures of different engines.

The pages are those of `other_origins`: sets that the weights were not trained on (--seen names further ones), rendered
as `infer` does it, blank borders left out, without turned pages and tiles. Sets of one origin are one source, and a
source of which a set was seen is left out. Means and worst values are over sources with five marks or more of the
class; intervals (95 %) are bootstrapped over sources. `armeta` is reported beside them and is no source.

Two archives are looked at: one where every page has a mark, and one where nine of ten pages have none. The latter is
each source's pages with marks, and for each of these nine pages without marks: letters, receipts and official papers in
equal shares. Average precision is computed with these shares.

What the network finds at one size is kept in --keep; a second call reads it and takes seconds. --times measures the
processor seconds of the network a page at each size (half a minute), keeps them as well, and needs a quiet machine.
The documents are read where they lie.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.other_origins import FEWEST_MARKS, STEPS, TRAINED_ON, OriginSet, origin_engine, read_sets
from benchmarks.real_documents import MIN_CONF, NAMES, NMS_IOU, markdown
from benchmarks.source_figures import (
    Outcomes,
    SourceMean,
    average_precision,
    difference,
    mean_over_sources,
    outcomes,
    together,
)
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.files import sha256_file
from docdetect.inference.multi_view.fusion import fuse, mean_of_scales
from docdetect.inference.multi_view.views import LOWEST_OF_SEVERAL_SCALES, UNSURE
from docdetect.machine import processor_summary
from docdetect.metrics.matching import Sample
from docdetect.models.thresholds import DEFAULT_CONF, read_thresholds
from docdetect.models.weights import resolve_weights
from docdetect.types import ByteArray, Detections
from docdetect.workers.parts import WorkerSettings

MODES = "1024,1280,768,640,1024+640,768+640,1280+1024+768+640,640>1024,640>1024@0.02"

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
# A threshold is the lowest confidence whose F1 is within this of the best.
F1_TOLERANCE = 0.02
# Pages with marks, and as many without, whose time is measured at each size, and how often.
TIMED_PAGES, TIMED_ROUNDS = 24, 3


@dataclass(frozen=True)
class Mode:
    """How pages are looked at.

    Attributes:
        name: as it is written on the command line.
        sizes: px, the long sides at which a page is seen, the largest first.
        unsure_from: lowest confidence at the smallest size from which a page is seen at the other sizes, too; None for
            a page that is always seen at all sizes.
    """

    name: str
    sizes: tuple[int, ...]
    unsure_from: float | None = None

    @classmethod
    def parse(cls, text: str) -> Mode:
        """A mode as it is written on the command line. Raises ValueError: it is none."""
        plain, _, lowest = text.partition("@")
        sizes = tuple(sorted((int(px) for px in plain.replace(">", "+").split("+")), reverse=True))
        if ">" not in plain:
            return cls(text, sizes)
        return cls(text, sizes, float(lowest) if lowest else UNSURE[0])

    def of_page(self, by_px: Mapping[int, Sample]) -> tuple[Sample, bool]:
        """The page as this mode finds it, and whether it was seen at all its sizes.

        Args:
            by_px: the page as it was seen at each size alone.
        """
        whole = by_px[self.sizes[0]]
        if len(self.sizes) == 1:
            return whole, True
        sizes = self.sizes
        if self.unsure_from is not None:
            scores = by_px[sizes[-1]].scores
            if not ((scores >= self.unsure_from) & (scores < UNSURE[1])).any():
                sizes = sizes[-1:]
        found = [_as_view(by_px[px].found, whole, px < self.sizes[0]) for px in sizes]
        return replace(whole, found=mean_of_scales(found)), sizes == self.sizes


def _as_view(found: Detections, whole: Sample, smaller: bool) -> Detections:
    """What one view of several gives: from the lowest confidence that counts, on the page at its largest size."""
    assert found.scores is not None  # detections of a network always have scores
    kept = found.select(found.scores >= LOWEST_OF_SEVERAL_SCALES).scaled(whole.found.size_wh)
    return fuse([kept], [None]) if smaller else kept


@dataclass(frozen=True)
class Looked:
    """All sets as one mode finds them.

    Attributes:
        mode: the mode.
        sets: the sets, `armeta` among them.
        again: name of a set -> for each page, whether it was seen at all sizes of the mode.
    """

    mode: Mode
    sets: tuple[OriginSet, ...]
    again: Mapping[str, tuple[bool, ...]]

    @classmethod
    def of(cls, mode: Mode, by_px: Mapping[int, Sequence[OriginSet]]) -> Looked:
        sets, again = [], {}
        for at_sizes in zip(*(by_px[px] for px in mode.sizes), strict=True):
            pages = [
                mode.of_page(dict(zip(mode.sizes, page, strict=True)))
                for page in zip(*(one.samples for one in at_sizes), strict=True)
            ]
            sets.append(replace(at_sizes[0], samples=tuple(sample for sample, _ in pages)))
            again[at_sizes[0].name] = tuple(seen for _, seen in pages)
        return cls(mode, tuple(sets), again)

    def share_seen_again(self, *, marked: bool) -> float:
        """The share of pages that are seen at all sizes: of those with marks, or of the archive's pages without."""
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


def size_rows(modes: Sequence[Figures], conf: Mapping[str, float]) -> list[tuple[str, ...]]:
    """A row for each class and mode: means over sources of all their pages, worst source, thresholds, `armeta`."""
    rows: list[tuple[str, ...]] = [
        (
            *("class", "mode", "sources", "AP.3, mean (95 %)", "AP50, mean (95 %)", "AP.3, worst source"),
            *("precision / recall", "armeta: AP.3 / AP50"),
        )
    ]
    for class_id, name in enumerate(NAMES):
        for one in modes:
            found, half = (one.by_source(class_id, iou) for iou in (0.3, 0.5))
            if not found:
                continue
            mean, mean_half = mean_over_sources(found), mean_over_sources(half)
            at = one.at_thresholds(class_id, conf[name])
            beside = (average_precision(one.outcomes(one.armeta.samples, class_id, iou)) for iou in (0.3, 0.5))
            worst = f"{mean.worst:.2f} ({mean.worst_source})"
            cells = (str(mean), str(mean_half), worst, f"{at[0]:.3f} / {at[1]:.3f}")
            rows.append((name, one.looked.mode.name, str(len(found)), *cells, " / ".join(f"{ap:.2f}" for ap in beside)))
    return rows


def archive_rows(
    modes: Sequence[Figures], archive: str, seconds: Mapping[str, Mapping[int, float]]
) -> list[tuple[str, ...]]:
    """A row for each mode: its cost in the archive, and its means for signatures and stamps beside the first mode."""
    rows: list[tuple[str, ...]] = [
        (
            *(archive, "network, CPU seconds a page", "beside the first", "seen again: with marks, without"),
            *(f"{name}, AP{iou}" for name in NAMES[1:] for iou in (".3", "50")),
            "source that loses most, AP.3",
        )
    ]
    first = modes[0]
    for one in modes:
        cells, losses = [], []
        for class_id in (1, 2):
            for iou in (0.3, 0.5):
                own, beside = (of.by_source(class_id, iou, archive) for of in (one, first))
                if not own:
                    cells.append("")
                    continue
                gain = difference(own, beside)
                cells.append(f"{mean_over_sources(own).mean:.3f}" + ("" if one is first else f", {_signed(gain)}"))
                losses += [gain] if iou == 0.3 else []
        cost, reference = (cost_of(of.looked, archive, seconds) for of in (one, first))
        looks = (
            ""
            if one.looked.mode.unsure_from is None
            else ", ".join(f"{one.looked.share_seen_again(marked=marked):.0%}" for marked in (True, False))
        )
        money = ("", "") if cost is None or reference is None else (f"{cost:.4f}", f"{cost / reference:.2f}")
        worst = "" if one is first else "; ".join(f"{loss.worst:+.2f} ({loss.worst_source})" for loss in losses)
        rows.append((one.looked.mode.name, *money, looks, *cells, worst))
    return rows


def _signed(gain: SourceMean) -> str:
    return f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def cost_of(looked: Looked, archive: str, seconds: Mapping[str, Mapping[int, float]]) -> float | None:
    """Processor seconds of the network a page of an archive; None where they were not measured at these sizes."""
    share = {"marked": 1.0, "without": 0.0}
    if archive == "mostly empty":
        share = {"marked": 1 / (1 + EMPTY_PER_MARKED), "without": EMPTY_PER_MARKED / (1 + EMPTY_PER_MARKED)}
    if any(px not in seconds.get(kind, {}) for kind in share for px in looked.mode.sizes):
        return None
    total = 0.0
    for kind, of_pages in share.items():
        again = looked.share_seen_again(marked=kind == "marked")
        *larger, smallest = (seconds[kind][px] for px in looked.mode.sizes)
        total += of_pages * (smallest + (again if looked.mode.unsure_from is not None else 1.0) * sum(larger))
    return total


def alarm_rows(modes: Sequence[Figures], conf: Mapping[str, float]) -> list[tuple[str, ...]]:
    """A row for each mode: false alarms a page on each kind of pages without marks, at the shipped thresholds."""
    kinds = modes[0].kinds()
    rows: list[tuple[str, ...]] = [("false alarms a page", *(f"{kind} ({count})" for kind, count in kinds))]
    return rows + [(one.looked.mode.name, *(one.alarms(kind, conf) for kind, _ in kinds)) for one in modes]


def threshold_rows(modes: Sequence[Figures], conf: Mapping[str, float]) -> list[tuple[str, ...]]:
    """A row for each class and mode: F1 at the shipped threshold, the best F1, and the threshold to choose."""
    rows: list[tuple[str, ...]] = [
        ("class", "mode", "F1 as shipped", "best F1", "lowest confidence near it", "precision / recall there")
    ]
    for class_id, name in enumerate(NAMES):
        for one in modes:
            at = {step: one.at_thresholds(class_id, step) for step in STEPS}
            best = max(figures[2] for figures in at.values())
            chosen = min(step for step, figures in at.items() if figures[2] >= best - F1_TOLERANCE)
            shipped = one.at_thresholds(class_id, conf[name])[2]
            there = f"{at[chosen][0]:.3f} / {at[chosen][1]:.3f}"
            rows.append((name, one.looked.mode.name, f"{shipped:.3f}", f"{best:.3f}", f"{chosen:g}", there))
    return rows


def set_rows(modes: Sequence[Figures]) -> list[tuple[str, ...]]:
    """A row for each set and class with enough marks: AP.3 / AP50 of each mode."""
    rows: list[tuple[str, ...]] = [("set", "class", "marks", *(one.looked.mode.name for one in modes))]
    for position, one in enumerate(modes[0].looked.sets):
        for class_id, name in enumerate(NAMES):
            marks = modes[0].outcomes(one.samples, class_id, 0.3).marks
            if name not in one.labelled or marks < FEWEST_MARKS:
                continue
            cells = []
            for mode in modes:
                pages = mode.looked.sets[position].samples
                figures = (average_precision(mode.outcomes(pages, class_id, iou)) for iou in (0.3, 0.5))
                cells.append(" / ".join(f"{ap:.2f}" for ap in figures))
            rows.append((one.name, name, str(marks), *cells))
    return rows


def kept_sets(keep: Path, weights: Path, precision: str, px: int, data: Path) -> list[OriginSet]:
    """What the network finds at one size: read from the folder, else found and kept there."""
    path = keep / f"{weights.stem}_{sha256_file(weights)[:12]}_{precision}_{px}.pickle"
    if path.is_file():
        return list(pickle.loads(path.read_bytes()))
    started = time.perf_counter()
    engine = origin_engine(weights, px, precision=precision, trim=True)
    sets = read_sets(data, engine, px, forms=True)
    keep.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(tuple(sets)))
    print(f"{px} px: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return sets


def timed_pages(sets: Sequence[OriginSet], data: Path, *, marked: bool) -> list[Path]:
    """Pictures of pages with or without marks, taken evenly from all sets that are pictures, old prints apart."""
    every = [
        data / "train" / one.name / "images" / page.document
        for one in sets
        if one.name not in ("armeta", "forms") and kind_of(one.name) != "old prints"
        for page in one.samples
        if (len(page.ground_truth) > 0) == marked
    ]
    return [every[int(place)] for place in np.linspace(0, len(every) - 1, min(TIMED_PAGES, len(every)))]


def measured_seconds(
    weights: Path, precision: str, sizes: Sequence[int], pictures: Mapping[str, Sequence[Path]]
) -> dict[str, dict[int, float]]:
    """Processor seconds of the network a page by kind and size; sizes take turns, and the best round of a page counts.

    Args:
        weights: the weights.
        precision: the precision in which OpenVINO runs them.
        sizes: px, long sides of pages.
        pictures: kind -> pictures of pages.
    """
    engines = {px: origin_engine(weights, px, precision=precision, trim=True) for px in sizes}
    pages: dict[tuple[str, int], list[ByteArray]] = {}
    for kind, paths in pictures.items():
        files = [file for path in paths for file in list_documents(path)]
        for px in sizes:
            rendered = iter_rendered(files, LongSide(px), WorkerSettings(workers=1))
            pages[kind, px] = [
                one.value.pixels for one in rendered if isinstance(one, PageOutcome) and one.value is not None
            ]
    best = {key: np.full(len(of), np.inf) for key, of in pages.items()}
    for _ in range(TIMED_ROUNDS):
        for (kind, px), of in pages.items():
            for number, page in enumerate(of):
                before = time.process_time()
                engines[px].detect([page], MIN_CONF, NMS_IOU)
                best[kind, px][number] = min(best[kind, px][number], time.process_time() - before)
    return {kind: {px: float(best[kind, px].mean()) for px in sizes} for kind in pictures}


def kept_seconds(path: Path) -> dict[str, dict[int, float]]:
    """The measured seconds by kind and size; nothing where none are kept."""
    if not path.is_file():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {kind: {int(px): float(value) for px, value in of.items()} for kind, of in kept.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True, help="folder that keeps what the network found")
    parser.add_argument("--weights", default="", help="a .pt file or a run folder; empty takes the bundled weights")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--precision", default="int8", help="int8 (what infer runs on most CPUs), fp32 or bf16")
    parser.add_argument("--modes", default=MODES, help="modes, separated by commas; the first is the reference")
    parser.add_argument("--seen", default="", help="further sets that the weights were trained on, separated by commas")
    parser.add_argument("--times", action="store_true", help="measure the processor seconds of the network")
    parser.add_argument("--sets", action="store_true", help="also print a row for each set and class")
    given = parser.parse_args()
    if not (given.data / "train" / "sources.tsv").is_file():
        print(f"skipped: no real documents at {given.data} (--data says where they are)", file=sys.stderr)
        return
    weights = resolve_weights(given.weights, Path("runs/train"))
    seen = TRAINED_ON | {name for name in given.seen.split(",") if name}
    modes = [Mode.parse(text) for text in given.modes.split(",")]
    sizes = sorted({px for mode in modes for px in mode.sizes})
    by_px = {px: kept_sets(given.keep, weights, given.precision, px, given.data) for px in sizes}
    times = given.keep / f"{weights.stem}_{sha256_file(weights)[:12]}_{given.precision}_seconds.json"
    if given.times:
        kinds = {"marked": True, "without": False}
        pictures = {kind: timed_pages(by_px[sizes[0]], given.data, marked=marked) for kind, marked in kinds.items()}
        times.write_text(json.dumps(measured_seconds(weights, given.precision, sizes, pictures)), encoding="utf-8")
    kept = read_thresholds(weights)
    conf = dict.fromkeys(NAMES, DEFAULT_CONF) | ({} if kept is None else dict(kept.conf))
    figures = [Figures(Looked.of(mode, by_px), seen) for mode in modes]
    print(f"{weights.name}, {given.precision}, thresholds {conf}, {processor_summary()}\n")
    seconds = kept_seconds(times)
    tables = [
        size_rows(figures, conf),
        archive_rows(figures, "marked", seconds),
        archive_rows(figures, "mostly empty", seconds),
        alarm_rows(figures, conf),
        threshold_rows(figures, conf),
        *([set_rows(figures)] if given.sets else []),
    ]
    print("\n\n".join(markdown(table) for table in tables))


if __name__ == "__main__":
    main()
