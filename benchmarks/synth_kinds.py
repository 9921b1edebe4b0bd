"""Draws contact sheets of each kind that `docdetect synth` draws, and measures what the bundled network finds of it.

    python -m benchmarks.synth_kinds --sheets FOLDER [--pages 400] [--fonts FOLDER] [--ink FILE] [--only WORD]
        [--real DATASET ...]
    python -m benchmarks.synth_kinds --diagnose [--imgsz 768] [--pages 400] ...

With --sheets one picture for each kind of mark and distractor is written, and one for each kind of document and way of
copying, to be looked at beside real pages. Labelled marks are framed. With --real the labelled marks of these datasets
and pages of them get sheets of the same look (`real-...`), so that both can be compared side by side.

With --diagnose the network looks at the pages. Printed are, for each kind of mark, how many are found (a box of the
class with IoU of at least 0.3 and a confidence of at least 0.25), the median width and height of the boxes beside the
ground truth, and for each kind of distractor how many cause a false alarm. Kinds that the network already finds
are not those that it misses on real documents.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.real_documents import markdown
from docdetect.boxes import contained, iou
from docdetect.config.schema import SynthConfig
from docdetect.datasets.reader import read_dataset
from docdetect.documents.drawing import contact_sheet, write_image
from docdetect.documents.pictures import read_picture
from docdetect.inference.detector import Detector
from docdetect.synth.generate import load_materials
from docdetect.synth.page import SynthPage, make_page
from docdetect.types import ByteArray, FloatArray

CELLS = 40
WHOLE_CELLS = 12
COLUMNS = 8
CELL_PX = 230
FOUND_IOU, FOUND_CONF = 0.3, 0.25

# Share of a false alarm that must lie on a distractor for the distractor to have drawn it.
ON_DISTRACTOR = 0.5


@dataclass(frozen=True)
class Region:
    """A mark or a distractor on a page: its name, its class ("" for a distractor), and its box in px."""

    name: str
    category: str
    box: tuple[int, int, int, int]


@dataclass
class Counts:
    """What the network made of one kind."""

    found: int = 0
    total: int = 0
    sizes: list[tuple[float, float]] = field(default_factory=list)


def main() -> None:
    """Makes pages, and writes sheets or prints the table."""
    asked = _arguments()
    if asked.sheets:
        _write_sheets(_pages(asked), asked.sheets, asked.only)
        for dataset in asked.real:
            _write_real_sheets(dataset, asked.sheets)
    if asked.diagnose:
        _diagnose(_pages(asked), asked.imgsz)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--diagnose", action="store_true")
    parser.add_argument("--imgsz", type=int, default=768)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--fonts", default="")
    parser.add_argument("--ink", default="")
    parser.add_argument("--only", default="", help="kinds whose names contain this word")
    parser.add_argument(
        "--real", nargs="*", default=[], metavar="DATASET", help="datasets of real pages to draw beside"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random generator")
    return parser.parse_args()


def _pages(asked: argparse.Namespace) -> Iterator[SynthPage]:
    settings = SynthConfig(fonts=asked.fonts, ink=asked.ink, system_fonts=not asked.fonts, seed=asked.seed)
    materials = load_materials(settings)
    return (make_page(asked.seed, number, settings.imgsz, materials) for number in range(asked.pages))


def regions(page: SynthPage) -> list[Region]:
    """The labelled marks and the distractors of a page."""
    settings = SynthConfig()
    found = []
    for mark in page.marks:
        category = settings.class_of(mark.kind)
        if category:
            found.append(Region(mark.placed.name or mark.kind, category, mark.box))
    named = zip(page.distractor_names, page.distractors, strict=True)
    return found + [Region(f"no mark: {name or 'other'}", "", box) for name, box in named]


def _write_sheets(pages: Iterator[SynthPage], folder: Path, only: str) -> None:
    cells: dict[str, list[ByteArray]] = defaultdict(list)
    wholes: dict[str, list[ByteArray]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for page in pages:
        for region in regions(page):
            if only in region.name and len(cells[region.name]) < CELLS:
                cells[region.name].append(_cut_out(page.pixels, region, rng))
        for name in (f"layout {page.plan.document_kind}", f"paper {page.plan.damage.kind}"):
            if only in name and len(wholes[name]) < WHOLE_CELLS:
                wholes[name].append(_framed(page))
    for name, pictures in cells.items():
        _write_sheet(folder, name, pictures)
    for name, pictures in wholes.items():
        _write_sheet(folder, name, pictures, whole=True)
    print(f"{folder}: {len(cells) + len(wholes)} sheets")


def _write_real_sheets(dataset: str, folder: Path) -> None:
    """A sheet for each class of the labelled marks in a dataset's training split, and one of its pages."""
    read = read_dataset(dataset, ("train",), need_marks=False)
    cells: dict[str, list[ByteArray]] = defaultdict(list)
    wholes: list[ByteArray] = []
    rng = np.random.default_rng(0)
    for image in read.splits["train"]:
        pixels = read_picture(image.path).pixels
        whole: ByteArray = pixels.copy()
        truth = image.ground_truth
        for (left, top, right, bottom), class_id in zip(truth.xyxy.tolist(), truth.class_ids.tolist(), strict=True):
            name = read.class_names[class_id]
            box = (round(left), round(top), round(right), round(bottom))
            if len(cells[name]) < CELLS:
                cells[name].append(_cut_out(pixels, Region(name, name, box), rng))
            _draw_frame(whole, box, name)
        if len(wholes) < WHOLE_CELLS:
            wholes.append(whole)
    for name, pictures in cells.items():
        _write_sheet(folder, f"real-{read.root.name}-{name}", pictures)
    _write_sheet(folder, f"real-{read.root.name}-pages", wholes, whole=True)


def _write_sheet(folder: Path, name: str, pictures: Sequence[ByteArray], *, whole: bool = False) -> None:
    """A sheet of marks, or of whole pages, as `name.png`."""
    columns, cell_px = (4, 470) if whole else (COLUMNS, CELL_PX)
    sheet = contact_sheet(pictures, [""] * len(pictures), columns=columns, cell_px=cell_px)
    write_image(folder / f"{name.replace(': ', '-').replace(' ', '_')}.png", sheet)


def _cut_out(pixels: ByteArray, region: Region, rng: np.random.Generator) -> ByteArray:
    """The surroundings of a region, with a thin green frame around a mark, red around a distractor."""
    left, top, right, bottom = region.box
    height, width = pixels.shape[:2]
    pad = round(max(right - left, bottom - top) * float(rng.uniform(0.2, 0.4))) + 8
    x0, y0 = max(0, left - pad), max(0, top - pad)
    part: ByteArray = pixels[y0 : min(height, bottom + pad), x0 : min(width, right + pad)].copy()
    grow = CELL_PX / max(part.shape[:2])
    if grow > 1:
        part = np.asarray(cv2.resize(part, None, fx=grow, fy=grow, interpolation=cv2.INTER_CUBIC), np.uint8)
    grow = max(grow, 1.0)
    box = [round(value * grow) for value in (left - x0, top - y0, right - x0, bottom - y0)]
    _draw_frame(part, (box[0], box[1], box[2], box[3]), region.category)
    return part


def _framed(page: SynthPage) -> ByteArray:
    pixels: ByteArray = page.pixels.copy()
    for region in regions(page):
        if region.category:
            _draw_frame(pixels, region.box, region.category)
    return pixels


def _draw_frame(pixels: ByteArray, box: tuple[int, int, int, int], category: str) -> None:
    colour = {"signature": (0, 90, 230), "stamp": (0, 150, 60), "qr": (160, 0, 160)}.get(category, (220, 60, 40))
    left, top, right, bottom = (max(0, value) for value in box)
    pixels[top : top + 1, left:right] = pixels[max(bottom - 1, 0) : bottom, left:right] = colour
    pixels[top:bottom, left : left + 1] = pixels[top:bottom, max(right - 1, 0) : right] = colour


def _diagnose(pages: Iterator[SynthPage], imgsz: int) -> None:
    marks: dict[str, Counts] = defaultdict(Counts)
    distractors: dict[str, Counts] = defaultdict(Counts)
    alarms_elsewhere = count = 0
    with Detector(imgsz=imgsz, conf=FOUND_CONF, check_conf=FOUND_CONF) as detector:
        for page in pages:
            count += 1
            seen = [mark for result in detector.detect(page.pixels) for mark in result.marks]
            alarms_elsewhere += _count_page(
                regions(page), [(one.category, one.xyxy) for one in seen], marks, distractors
            )
    rows: list[tuple[str, ...]] = [("mark", "number", "found", "width", "height")]
    for name, counts in sorted(marks.items(), key=lambda item: item[1].found / item[1].total):
        middle = np.median(np.array(counts.sizes), axis=0) if counts.sizes else (float("nan"),) * 2
        share = f"{counts.found / counts.total:.2f}"
        rows.append((name, str(counts.total), share, f"{middle[0]:.2f}", f"{middle[1]:.2f}"))
    print(markdown(rows))
    rows = [("distractor", "number", "draw a false alarm")]
    for name, counts in sorted(distractors.items(), key=lambda item: -item[1].found / item[1].total):
        rows.append((name, str(counts.total), f"{counts.found / counts.total:.3f}"))
    print(markdown(rows))
    print(f"{count} pages, {alarms_elsewhere / max(count, 1):.2f} false alarms a page on print and paper")


def _count_page(
    shown: list[Region],
    seen: list[tuple[str, tuple[float, float, float, float]]],
    marks: dict[str, Counts],
    distractors: dict[str, Counts],
) -> int:
    """Adds what was seen on a page to the counts; returns the false alarms that lie on no distractor."""
    free = [True] * len(seen)
    for region in (one for one in shown if one.category):
        counts = marks[region.name]
        counts.total += 1
        overlaps = iou(_as_floats([region.box]), _as_floats([box for _, box in seen]))[0]
        overlaps *= [category == region.category for category, _ in seen]
        best = int(np.argmax(overlaps)) if seen else -1
        if best < 0 or overlaps[best] < FOUND_IOU:
            continue
        counts.found += 1
        free[best] = False
        (left, top, right, bottom), box = region.box, seen[best][1]
        counts.sizes.append(((box[2] - box[0]) / (right - left), (box[3] - box[1]) / (bottom - top)))
    alarms = [box for (_, box), alone in zip(seen, free, strict=True) if alone]
    others = [region for region in shown if not region.category]
    on = contained(_as_floats(alarms), _as_floats([region.box for region in others])) >= ON_DISTRACTOR
    for region, on_it in zip(others, on.T, strict=True):
        counts = distractors[region.name]
        counts.total += 1
        counts.found += bool(on_it.any())
    return int((~on.any(axis=1)).sum())


def _as_floats(boxes: Sequence[tuple[float, ...]]) -> FloatArray:
    return np.array(boxes, np.float32).reshape(-1, 4)


if __name__ == "__main__":
    main()
