"""Evaluates networks at several sizes of the page, several of them fused, and with a second look, by source.

    python -m benchmarks.sizes --keep FOLDER [--weights FILE] [--precision int8] [--modes 1024,640,1024+640,640>1024]
        [--seen SET,...] [--times] [--sets]

A mode is a size in px, several sizes that are fused (1024+640, `infer --scales`), or a second look (640>1024: the page
is seen at 640 px, and at 1024 px as well where a detection is unsure, `infer --second-look`; 640>1024~0.02 takes
another lower end of what is unsure). A size may name other weights than --weights: docdetect-n@640>1024 is an ensemble
of two networks. The first mode is the one that all others are compared with. Do not compare figures of different
engines and precisions.

The pages are those of `other_origins`: sets that none of the networks was trained on (--seen names further ones),
rendered as `infer` does it, blank borders left out, without turned pages and tiles. Sets of one origin are one source,
and a source of which a set was seen is left out. Means and worst values are over sources with five marks or more of the
class; intervals (95 %) are bootstrapped over sources. `armeta` is reported beside them and is no source.

Two archives are looked at: one where every page has a mark, and one where nine of ten pages have none. The latter is
each source's pages with marks, and for each of these nine pages without marks: letters, receipts and official papers in
equal shares. Average precision is computed with these shares.

What a network finds at one size is kept in the folder --keep; a second call reads it and takes seconds. --times
measures the processor seconds per page of each network at each size, keeps them as well, takes half a minute, and needs
a quiet machine. --screen shows which pages a smaller network leaves out (`infer --screen`), and which marks are lost by
it. The documents are read where they lie.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.other_origins import (
    FEWEST_MARKS,
    STEPS,
    TRAINED_ON,
    OriginSet,
    add_infer_options,
    has_documents,
    origin_engine,
    read_sets,
    seen_by,
)
from benchmarks.real_documents import MIN_CONF, NAMES, NMS_IOU, markdown
from benchmarks.size_modes import Figures, Look, Looked, Mode, cost_of, empty_by_kind, kind_of, screened
from benchmarks.source_figures import SourceMean, average_precision, difference, mean_over_sources
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.files import sha256_file
from docdetect.machine import processor_summary
from docdetect.models.thresholds import DEFAULT_CONF, read_thresholds
from docdetect.models.weights import network_imgsz, resolve_weights
from docdetect.types import ByteArray
from docdetect.workers.parts import WorkerSettings

MODES = "1024,1280,768,640,1024+768,1024+640,1280+1024+768+640,768>1024,640>1024,640>1024~0.02"

# A threshold is the lowest confidence whose F1 is within this of the best.
F1_TOLERANCE = 0.02
# Confidences of the smaller network that are tried.
SCREEN_STEPS = (0.02, 0.05, 0.1, 0.15, 0.25)
# Pages with marks, and as many without, whose time is measured at each size, and how often.
TIMED_PAGES, TIMED_ROUNDS = 24, 3


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
    modes: Sequence[Figures], archive: str, seconds: Mapping[str, Mapping[Look, float]]
) -> list[tuple[str, ...]]:
    """A row for each mode: its cost in the archive, and its means for signatures and stamps beside the first mode."""
    rows: list[tuple[str, ...]] = [
        (
            *(archive, "networks, CPU seconds a page", "beside the first", "seen again: with marks, without"),
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


def alarm_rows(modes: Sequence[Figures], conf: Mapping[str, float]) -> list[tuple[str, ...]]:
    """A row for each mode: false alarms a page on each kind of pages without marks, at the shipped thresholds.

    For a second look also the share of these pages that are seen again.
    """
    kinds = modes[0].kinds()
    rows: list[tuple[str, ...]] = [("false alarms a page", *(f"{kind} ({count})" for kind, count in kinds))]
    for one in modes:
        cells = [one.alarms(kind, conf) for kind, _ in kinds]
        if one.looked.mode.unsure_from is not None:
            shares = [one.looked.share_of_kind(kind) for kind, _ in kinds]
            cells = [f"{cell}, {share:.0%} seen again" for cell, share in zip(cells, shares, strict=True)]
        rows.append((one.looked.mode.name, *cells))
    return rows


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


def screen_rows(
    first: Figures, smaller: Sequence[OriginSet], conf: Mapping[str, float], seen: Collection[str] = TRAINED_ON
) -> list[tuple[str, ...]]:
    """A row for each confidence of a smaller network that looks first: what is left out, and what is lost by it."""
    kinds = [(kind, count) for kind, count in first.kinds() if count]
    rows: list[tuple[str, ...]] = [
        (
            *(
                "a smaller network first, from",
                "pages with marks left out",
                "marks on them, and those found without it",
            ),
            *("AP.3 of signatures", "AP.3 of stamps", *(f"left out of {kind} ({count})" for kind, count in kinds)),
        )
    ]
    names = {one.name for of_source in first.sources.values() for one in of_source}
    marked = sum(len(page.ground_truth) > 0 for of in first.sources.values() for one in of for page in one.samples)
    for lowest in SCREEN_STEPS:
        looked, left_out = screened(first.looked, smaller, lowest)
        after = Figures(looked, seen)
        lost = [page for name in names for page in left_out[name] if len(page.ground_truth)]
        cells = []
        for class_id, name in enumerate(NAMES):
            of_class = first.outcomes(lost, class_id, 0.3)
            cells.append(f"{name} {of_class.marks}, {of_class.above(conf[name])[0]:.0f}")
        pairs = [(after.by_source(class_id, 0.3), first.by_source(class_id, 0.3)) for class_id in (1, 2)]
        gains = [_signed(difference(own, beside)) if own else "" for own, beside in pairs]
        empty = empty_by_kind([replace(one, samples=tuple(left_out[one.name])) for one in first.looked.sets], seen)
        shares = [f"{len(empty.get(kind, [])) / count:.0%}" for kind, count in kinds]
        rows.append((f"{lowest:g}", f"{len(lost)} of {marked}", "; ".join(cells), *gains, *shares))
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
    weights: Mapping[Look, Path], precision: str, pictures: Mapping[str, Sequence[Path]]
) -> dict[str, dict[Look, float]]:
    """Processor seconds of a network a page by kind and look; looks take turns, and the best round of a page counts.

    Args:
        weights: look -> the weights of its network.
        precision: the precision in which OpenVINO runs them.
        pictures: kind -> pictures of pages.
    """
    engines = {look: origin_engine(of, look.px, precision=precision, trim=True) for look, of in weights.items()}
    pages: dict[tuple[str, Look], list[ByteArray]] = {}
    for kind, paths in pictures.items():
        files = [file for path in paths for file in list_documents(path)]
        for look in weights:
            rendered = iter_rendered(files, LongSide(look.px), WorkerSettings(workers=1))
            pages[kind, look] = [
                one.value.pixels for one in rendered if isinstance(one, PageOutcome) and one.value is not None
            ]
    best = {key: np.full(len(of), np.inf) for key, of in pages.items()}
    for _ in range(TIMED_ROUNDS):
        for (kind, look), of in pages.items():
            for number, page in enumerate(of):
                before = time.process_time()
                engines[look].detect([page], MIN_CONF, NMS_IOU)
                best[kind, look][number] = min(best[kind, look][number], time.process_time() - before)
    return {kind: {look: float(best[kind, look].mean()) for look in weights} for kind in pictures}


def kept_seconds(path: Path) -> dict[str, dict[Look, float]]:
    """The measured seconds by kind and look; nothing where none are kept."""
    if not path.is_file():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {kind: {Look.parse(look): float(value) for look, value in of.items()} for kind, of in kept.items()}


def keep_seconds(path: Path, seconds: Mapping[str, Mapping[Look, float]]) -> None:
    """Writes what `kept_seconds` reads."""
    by_text = {kind: {f"{look.weights}@{look.px}": value for look, value in of.items()} for kind, of in seconds.items()}
    path.write_text(json.dumps(by_text), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True, help="folder that keeps what the network found")
    add_infer_options(parser)
    parser.add_argument("--modes", default=MODES, help="modes, separated by commas; the first is the reference")
    parser.add_argument("--seen", default="", help="further sets that the weights were trained on, separated by commas")
    parser.add_argument("--screen", default="", help="weights of a smaller network that looks first, in fp32")
    parser.add_argument("--times", action="store_true", help="measure the processor seconds of the network")
    parser.add_argument("--sets", action="store_true", help="also print a row for each set and class")
    given = parser.parse_args()
    if not has_documents(given.data):
        return
    runs = Path("runs/train")
    weights = resolve_weights(given.weights, runs)
    smaller = resolve_weights(given.screen, runs) if given.screen else None
    modes = [Mode.parse(text) for text in given.modes.split(",")]
    networks = {
        look: resolve_weights(look.weights, runs) if look.weights else weights
        for look in sorted({look for mode in modes for look in mode.looks})
    }
    seen = seen_by(*networks.values(), *([smaller] if smaller is not None else []), further=given.seen)
    by_look = {look: kept_sets(given.keep, of, given.precision, look.px, given.data) for look, of in networks.items()}
    times = given.keep / f"{weights.stem}_{sha256_file(weights)[:12]}_{given.precision}_seconds.json"
    if given.times:
        kinds = {"marked": True, "without": False}
        sets = by_look[next(iter(by_look))]
        pictures = {kind: timed_pages(sets, given.data, marked=marked) for kind, marked in kinds.items()}
        keep_seconds(times, measured_seconds(networks, given.precision, pictures))
    kept = read_thresholds(weights)
    conf = dict.fromkeys(NAMES, DEFAULT_CONF) | ({} if kept is None else dict(kept.conf))
    figures = [Figures(Looked.of(mode, by_look), seen) for mode in modes]
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
    if smaller is not None:
        kept_smaller = kept_sets(given.keep, smaller, "fp32", network_imgsz(smaller), given.data)
        tables.append(screen_rows(figures[0], kept_smaller, conf, seen))
    print("\n\n".join(markdown(table) for table in tables))


if __name__ == "__main__":
    main()
