"""Measures how far small pictures should be enlarged: pages that were stored small, and cut-outs around single marks.

    python -m benchmarks.small_pictures [--weights FILE] [--data FOLDER] [--precision int8] [--every 4] [--pages 12]

The pages are every n-th page (--every) of the sets of `sizes` that the weights were not trained on, except old prints,
and at most --pages of each set. Each page is made small (long side 320 and 512 px), and its first three marks are cut
out of the page at 1024 px, each with a quarter of its longer side around it. The network sees each of these pictures
enlarged by at most each of several factors; `none` enlarges it to the usual size of a page, whatever its own size. A
page is looked at 25 times at most. Printed are AP.3 / AP50 of signatures and stamps in pages, and AP.3 and the share of
marks that are found at the shipped thresholds in cut-outs. Nothing of the documents is kept.
"""

from __future__ import annotations

import argparse
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.other_origins import (
    OriginSet,
    add_infer_options,
    has_documents,
    listed_sets,
    origin_engine,
    read_labels,
)
from benchmarks.real_documents import MIN_CONF, NAMES, NMS_IOU, markdown
from benchmarks.size_modes import kind_of, sources_of
from benchmarks.source_figures import average_precision, outcomes
from docdetect.documents.document import DocumentError
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.inference.multi_view.views import MultiView, PagePictures
from docdetect.machine import processor_summary
from docdetect.metrics.matching import Sample
from docdetect.models.thresholds import DEFAULT_CONF, read_thresholds
from docdetect.models.weights import network_imgsz, resolve_weights
from docdetect.types import ByteArray, Detections

STORED_PX = (320, 512)
FACTORS = (1.0, 1.5, 2.0, 2.6, math.inf)
# Marks of a page that are cut out, and the paper around each as a share of its longer side.
CUT_OUTS, AROUND_FRAC = 3, 0.25
# Long side of the pages that cut-outs are made from, px.
PAGE_PX = 1024
CLASS_IDS = (1, 2)


@dataclass(frozen=True)
class SmallPicture:
    """A small picture with its marks, in px of the picture; `kind` says how it was made."""

    kind: str
    pixels: ByteArray
    marks: Detections


def small_pictures(sets: Sequence[OriginSet], data: Path, every: int, most: int) -> Iterator[SmallPicture]:
    """Yields the small pages and the cut-outs of every n-th picture, and at most `most`, of sets with all classes
    labelled, one page after the other. A picture that cannot be read is left out and named."""
    for one in (of for of in sets if of.labelled >= set(NAMES)):
        folder = data / "train" / one.name
        files = list_documents(folder / "images")[::every][:most]
        for file in files:
            try:
                with open_document(file) as document:
                    pages = {px: document.render(1, LongSide(px)).pixels for px in (*STORED_PX, PAGE_PX)}
            except DocumentError as error:
                print(f"{one.name}, {file.name}: left out: {error.failure.message}", file=sys.stderr)
                continue
            marks = read_labels(folder / "labels", file, 1, _size_of(pages[PAGE_PX]))
            for px in STORED_PX:
                yield SmallPicture(f"page of {px} px", pages[px], marks.scaled(_size_of(pages[px])))
            yield from cut_outs(pages[PAGE_PX], marks)
        print(f"{one.name}: {len(files)} pages", file=sys.stderr)


def cut_outs(pixels: ByteArray, marks: Detections) -> Iterator[SmallPicture]:
    """Yields cut-outs around the first marks of a page; other marks in them are not looked at.

    Args:
        pixels: uint8 (H, W, 3), the page.
        marks: its marks, in px of the page at any size.
    """
    marks = marks.scaled(_size_of(pixels))
    for box, class_id in list(zip(marks.xyxy.tolist(), marks.class_ids.tolist(), strict=True))[:CUT_OUTS]:
        left, top, right, bottom = box
        around = AROUND_FRAC * max(right - left, bottom - top)
        x, y = (int(max(0, edge - around)) for edge in (left, top))
        crop = np.ascontiguousarray(pixels[y : int(bottom + around), x : int(right + around)])
        if not crop.size:  # a mark thinner than a px
            continue
        inside = np.array([[left - x, top - y, right - x, bottom - y]], np.float32)
        yield SmallPicture(
            f"cut-out, {NAMES[class_id]}", crop, Detections(inside, np.array([class_id]), _size_of(crop))
        )


def _size_of(pixels: ByteArray) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


def looked_at(picture: SmallPicture, factor: float, imgsz: int, look: MultiView) -> Sample:
    """What the network finds in a picture that is enlarged by at most `factor`."""
    width, height = _size_of(picture.pixels)
    usual = imgsz / max(width, height)
    usual_wh = max(1, round(width * usual)), max(1, round(height * usual))
    pixels = np.asarray(cv2.resize(picture.pixels, usual_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
    found = look([PagePictures(pixels, usual_frac=min(1.0, factor / usual))])[0].marks
    return Sample(picture.kind, 1, picture.kind, picture.marks.scaled(found.size_wh), found)


def table(found: dict[tuple[str, float], list[Sample]], conf: Sequence[float]) -> list[tuple[str, ...]]:
    """A row for each kind of picture and factor."""
    rows: list[tuple[str, ...]] = [("picture", "enlarged by at most", *(NAMES[class_id] for class_id in CLASS_IDS))]
    for (kind, factor), samples in sorted(found.items()):
        cells = []
        for class_id in CLASS_IDS:
            near, half = (outcomes(samples, class_id, iou) for iou in (0.3, 0.5))
            if not near.marks:
                cells.append("")
            elif kind.startswith("page"):
                cells.append(f"{near.marks}: {average_precision(near):.3f} / {average_precision(half):.3f}")
            else:
                share = near.above(conf[class_id])[0] / near.marks
                cells.append(f"{near.marks}: {average_precision(near):.3f}, {share:.0%} found")
        rows.append((kind, "none" if math.isinf(factor) else f"{factor:g}", *cells))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_infer_options(parser)
    parser.add_argument("--every", type=int, default=4, help="n takes every n-th page alone")
    parser.add_argument("--pages", type=int, default=12, help="most pages of a set")
    given = parser.parse_args()
    if not has_documents(given.data):
        return
    weights = resolve_weights(given.weights, Path("runs/train"))
    imgsz = network_imgsz(weights)
    chosen = [
        one for of in sources_of(listed_sets(given.data)).values() for one in of if kind_of(one.name) != "old prints"
    ]
    engine = origin_engine(weights, imgsz, precision=given.precision, trim=True)
    lowest = np.full(len(engine.class_names), MIN_CONF, np.float32)
    look = MultiView(engine, lowest, None, NMS_IOU, 1, threading.Event())
    found: dict[tuple[str, float], list[Sample]] = {}
    for picture in small_pictures(chosen, given.data, given.every, given.pages):
        for factor in FACTORS:
            found.setdefault((picture.kind, factor), []).append(looked_at(picture, factor, imgsz, look))
    kept = read_thresholds(weights)
    conf = (DEFAULT_CONF,) * len(NAMES) if kept is None else kept.of(NAMES, DEFAULT_CONF)
    print(f"{weights.name}, {given.precision}, usual size {imgsz} px, {processor_summary()}\n")
    print(markdown(table(found, conf)))


if __name__ == "__main__":
    main()
