"""Small documents with marks whose true boxes are known, for tests that need a whole dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_to_json
from docdetect.files import write_json

PAGE_PT = (298.0, 421.0)
SCALE = 2  # annotations are made at twice the points
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class MadeDocuments:
    """Where the PDFs and their annotations are."""

    pdfs: Path
    annotations: Path
    names: tuple[str, ...]


def make_documents(folder: Path, names: tuple[str, ...], *, pages: int = 2, seed: int = 0) -> MadeDocuments:
    """PDFs of `pages` pages; all but each document's last page (when it has several) carry one mark of every class."""
    rng = np.random.default_rng(seed)
    pdfs = folder / "pdfs"
    annotations: Annotations = {}
    for name in names:
        path = pdfs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        annotations[name] = _make_pdf(path, pages, rng)
    target = folder / "annotations.json"
    write_json(target, annotations_to_json(annotations))
    return MadeDocuments(pdfs, target, names)


def _make_pdf(path: Path, pages: int, rng: np.random.Generator) -> dict[int, AnnotatedPage]:
    labelled = {}
    with pymupdf.open() as pdf:
        for number in range(1, pages + 1):
            page = pdf.new_page(width=PAGE_PT[0], height=PAGE_PT[1])
            for line in range(8):
                page.insert_text(
                    (30, 60 + 14 * line), f"{number}.{line} The parties agree on what follows.", fontsize=8
                )
            if number < pages or pages == 1:
                marks = _draw_marks(page, rng)
                labelled[number] = AnnotatedPage((round(PAGE_PT[0] * SCALE), round(PAGE_PT[1] * SCALE)), marks)
        pdf.save(path, no_new_id=True)
    return labelled


def _draw_marks(page: Any, rng: np.random.Generator) -> tuple[Mark, ...]:
    x, y = rng.uniform(20, 60), rng.uniform(200, 230)
    drawn = {
        "qr": _draw_qr(page, x, y, rng),
        "signature": _draw_signature(page, x + 80, y + 40),
        "stamp": _draw_stamp(page, x + 60, y + 130),
    }
    return tuple(
        Mark(category, tuple(value * SCALE for value in (left, top, right - left, bottom - top)), f"{category}_{index}")  # type: ignore[arg-type]
        for index, (category, (left, top, right, bottom)) in enumerate(drawn.items())
    )


def _draw_qr(page: Any, x: float, y: float, rng: np.random.Generator, cell: float = 3.0, cells: int = 17) -> Box:
    for row, column in np.argwhere(rng.random((cells, cells)) < 0.5):
        left, top = x + cell * column, y + cell * row
        page.draw_rect(pymupdf.Rect(left, top, left + cell, top + cell), color=None, fill=(0, 0, 0))
    page.draw_rect(pymupdf.Rect(x, y, x + cell * cells, y + cell * cells), color=(0, 0, 0), width=0.5)
    return x, y, x + cell * cells, y + cell * cells


def _draw_signature(page: Any, x: float, y: float) -> Box:
    points = [(x + 60 * t, y + 12 * math.sin(25 * t) * (1 - t / 2)) for t in np.linspace(0, 1, 80)]
    page.draw_polyline(points, color=(0.1, 0.1, 0.7), width=1.2)
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _draw_stamp(page: Any, x: float, y: float, radius: float = 32.0) -> Box:
    for share in (1.0, 0.8, 0.4):
        page.draw_circle((x, y), radius * share, color=(0.2, 0.2, 0.8), width=2)
    return x - radius, y - radius, x + radius, y + radius
