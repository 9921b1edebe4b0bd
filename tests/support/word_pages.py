"""PDFs with pages of random words, so that only pages of one seed are near-duplicates, and a stamp on each page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymupdf

from docdetect.annotations.marks import AnnotatedPage, Mark

WORDS = ("party", "agreement", "delivery", "payment", "within", "days", "signature", "of", "the", "notary", "seller")
SIZE_WH = (596, 842)


def write_document(path: Path, seeds: tuple[int, ...], stamp_at: float | None = None) -> dict[int, AnnotatedPage]:
    """Writes a PDF with a page for each seed and returns what annotations say about its pages.

    Args:
        path: the file.
        seeds: pages of one seed have the same words at the same places, and all others have not.
        stamp_at: place of the centre of the stamp in points, from the left and from the top; None for one by the seed.
    """
    pages = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with pymupdf.open() as pdf:
        for number, seed in enumerate(seeds, start=1):
            rng = np.random.default_rng(seed)
            page = pdf.new_page(width=SIZE_WH[0] / 2, height=SIZE_WH[1] / 2)
            for line in range(14):
                text = " ".join(rng.choice(WORDS, int(rng.integers(3, 8))))
                place = 30 + int(rng.integers(0, 40)), 40 + 25 * line + int(rng.integers(0, 9))
                page.insert_text(place, text, fontsize=9)
            x, y = rng.integers(40, 200, 2).tolist() if stamp_at is None else (stamp_at, stamp_at)
            page.draw_circle((x, y), 20, color=(0.1, 0.2, 0.8), width=3)
            mark = Mark("stamp", (2.0 * (x - 22), 2.0 * (y - 22), 88.0, 88.0))
            pages[number] = AnnotatedPage(SIZE_WH, (mark,))
        pdf.save(path, no_new_id=True)
    return pages
