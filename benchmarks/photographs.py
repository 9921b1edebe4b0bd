"""Measures whether laying sheets flat (`infer --dewarp auto`) helps on photographs, and whether scans stay untouched.

    python -m benchmarks.photographs [--data FOLDER] [--photographs 6] [--weights FILE] [--seed 0]

1. Photographs are made from the labelled pages of `armeta`, which no weights were trained on (see `made_photographs`):
   each page --photographs times slanted, as by hand, and as often from nearly straight above. Printed are AP50,
   AP50-95, precision and recall without and with `--dewarp auto`, and the differences with paired bootstrap intervals
   by group of near-duplicate documents. The boxes of both are compared in the photograph.
2. Every picture in the data folder, and every page of the PDFs there as a picture, is looked at: how many count as
   photographs. The list names them, since some of these pictures are photographs.

The documents are read where they lie; nothing of them is kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.made_photographs import photograph
from benchmarks.real_documents import NAMES, in_groups, markdown, read_ground_truth
from docdetect import Detector
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.photographs import examine
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.inference.settings import Dewarp
from docdetect.machine import available_cores, processor_summary
from docdetect.metrics.figures import BootstrapSettings
from docdetect.metrics.matching import Sample
from docdetect.metrics.paired import Difference, compare
from docdetect.types import ByteArray, Detections
from docdetect.workers.parts import WorkerSettings

# Lowest confidence of the detections that average precision is made of, and that of marks whose recall is printed.
_LOWEST_CONF, _CONF = 0.01, 0.25

# Long side in px of the rendered pages that are photographed.
_PAGE_PX = 1800

# How slanted the photographs are, with the names of the rows.
_KINDS = {"slanted": 1.0, "nearly straight": 0.25}


@dataclass(frozen=True)
class FlatPage:
    """A labelled page: its pixels, uint8 (H, W, 3) RGB, and the sample that says where it belongs."""

    pixels: ByteArray
    sample: Sample


def labelled_pages(data: Path) -> list[FlatPage]:
    """The pages of `armeta` that have marks, with the groups of near-duplicates that they belong to."""
    ground_truth = read_ground_truth(data / "armeta/annotations.json")
    files = list_documents(data / "armeta/pdfs")
    pixels, samples = [], []
    for outcome in iter_rendered(files, LongSide(_PAGE_PX), WorkerSettings(available_cores())):
        if isinstance(outcome, PageOutcome) and outcome.value is not None:
            size_wh = outcome.value.info.size_wh
            marks = ground_truth(outcome.file, outcome.number, size_wh)
            if len(marks):
                pixels.append(outcome.value.pixels)
                samples.append(Sample(outcome.file.name, outcome.number, "", marks, Detections.none(size_wh)))
    return [FlatPage(*one) for one in zip(pixels, in_groups(samples, files), strict=True)]


def measure(
    detector: Detector, pages: Sequence[FlatPage], photographs: int, hard: float, seed: int
) -> tuple[list[Sample], list[Sample], int]:
    """Samples without and with flattening, and how many photographs were laid flat."""
    rng = np.random.default_rng(seed)
    plain: list[Sample] = []
    flat: list[Sample] = []
    laid = 0
    for page in pages:
        for number in range(photographs):
            photo = photograph(rng, page.pixels, page.sample.ground_truth, hard)
            for dewarp, samples in _ways(plain, flat):
                (result,) = detector.detect(photo.pixels, conf=_LOWEST_CONF, grouping="none", dewarp=dewarp)
                laid += result.sheet is not None
                found = Detections(
                    np.array([mark.xyxy for mark in result.marks], np.float32),
                    np.array([NAMES.index(mark.category) for mark in result.marks], np.int64),
                    result.size_wh,
                    np.array([mark.confidence for mark in result.marks], np.float32),
                )
                name = f"{page.sample.document}, page {page.sample.page}"
                samples.append(
                    replace(page.sample, document=name, page=number + 1, ground_truth=photo.marks, found=found)
                )
    return plain, flat, laid


def _ways(plain: list[Sample], flat: list[Sample]) -> tuple[tuple[Dewarp, list[Sample]], ...]:
    return ("off", plain), ("auto", flat)


def rows_of(kind: str, differences: Sequence[Difference]) -> Iterator[tuple[str, ...]]:
    """Rows of the table: kind of photograph, class, figure, without, with, difference, and what that means."""
    for one in differences:
        if one.metric in ("ap50", "ap50_95", "precision", "recall") and one.a is not None and one.b is not None:
            change = one.difference
            span = "" if change.low is None or change.high is None else f" ({change.low:+.3f} to {change.high:+.3f})"
            difference = f"{one.b - one.a:+.3f}{span}"
            yield kind, one.name, one.metric, f"{one.a:.3f}", f"{one.b:.3f}", difference, one.outcome


def pictures_taken_for_photographs(data: Path) -> tuple[int, list[str]]:
    """How many pictures and pages were looked at, and which of them count as photographs with a sheet."""
    taken, count = [], 0
    settings = WorkerSettings(available_cores())
    for outcome in iter_rendered(list_documents(data), LongSide(1024), settings):
        if isinstance(outcome, PageOutcome) and outcome.value is not None:
            count += 1
            if examine(outcome.value.pixels).sheet is not None:
                taken.append(f"{outcome.file.name}, page {outcome.number}")
    return count, taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--photographs", type=int, default=6, help="of each page; 0 leaves part 1 out")
    parser.add_argument("--weights", help="a .pt file or a run folder (default: docdetect-both)")
    parser.add_argument("--scans", action=argparse.BooleanOptionalAction, default=True, help="part 2")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"{given.data}: there is no such folder of real documents; name it with --data", file=sys.stderr)
        return
    print(processor_summary())
    if given.photographs:
        pages = labelled_pages(given.data)
        rows: list[tuple[str, ...]] = [("photographs", "class", "figure", "off", "auto", "difference", "outcome")]
        with Detector(given.weights) as detector:
            for kind, hard in _KINDS.items():
                started_s = time.perf_counter()
                plain, flat, laid = measure(detector, pages, given.photographs, hard, given.seed)
                print(f"{kind}: {laid} of {len(plain)} laid flat, {time.perf_counter() - started_s:.0f} s")
                conf = (_CONF,) * len(NAMES)
                rows += rows_of(kind, compare(plain, flat, NAMES, (conf, conf), BootstrapSettings(1000)))
        print(markdown(rows))
    if given.scans:
        count, taken = pictures_taken_for_photographs(given.data)
        print(f"{len(taken)} of {count} pictures and pages count as photographs with a sheet:", *taken, sep="\n")


if __name__ == "__main__":
    main()
