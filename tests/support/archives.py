"""A small archive of scanned documents with known marks, for tests of the audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_to_json
from docdetect.files import write_json
from tests.support.pages import PAGE_WH, signed, stamped, text_page


@dataclass(frozen=True)
class Archive:
    """Documents in `pdfs`, labels in `annotations.json`, and the ground truth."""

    pdfs: Path
    json: Path
    ground_truth: Annotations

    def relabel(self, annotations: Annotations) -> None:
        """Replaces the labels on disk."""
        write_json(self.json, annotations_to_json(annotations))


def make_archive(folder: Path, *, documents: int = 6, pages: int = 4, marked_page: int = 3) -> Archive:
    """Multi-page TIFFs of text, on one page of each two stamps and three signatures."""
    pdfs = folder / "pdfs"
    pdfs.mkdir(parents=True)
    ground_truth: Annotations = {}
    for number in range(documents):
        rng = np.random.default_rng(number)
        sheets = [text_page(100 * number + page, lines=24) for page in range(pages)]
        marks = []
        for place in range(2):
            radius = int(rng.integers(48, 66))
            x, y = int(120 + 300 * place + rng.integers(0, 40)), int(660 + rng.integers(0, 40))
            sheets[marked_page - 1] = stamped(sheets[marked_page - 1], (x, y), radius)
            marks.append(Mark("stamp", (x - radius - 2, y - radius - 2, 2 * radius + 4, 2 * radius + 4), f"s{place}"))
        for place in range(3):
            box = (
                60 + 200 * place,
                int(800 + rng.integers(0, 80)),
                int(rng.integers(110, 170)),
                int(rng.integers(40, 60)),
            )
            sheets[marked_page - 1] = signed(sheets[marked_page - 1], box, 10 * number + place)
            marks.append(Mark("signature", box, f"g{place}"))
        name = f"act {number}.tif"
        first, *others = (Image.fromarray(sheet) for sheet in sheets)
        first.save(pdfs / name, save_all=True, append_images=others, compression="tiff_lzw")
        ground_truth[name] = {marked_page: AnnotatedPage(PAGE_WH, tuple(marks))}
    archive = Archive(pdfs, folder / "annotations.json", ground_truth)
    archive.relabel(ground_truth)
    return archive
