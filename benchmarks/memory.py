"""Measures whether the memory of `docdetect infer` grows with the number of pages.

    python -m benchmarks.memory [--pages 10000] [--step 1000]

The alternative is the run itself at half its pages. One run detects marks on small made-up PDFs of ten pages each with
a tiny network, so that ten thousand pages take minutes; what `infer` keeps of a page and of a document is the same as
with real ones.

Printed are the resident memory of docdetect's main process and the memory of all its processes together (memory that
they share is divided among them), after every --step pages, and by how much both grew over the second half. Linux only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pymupdf
from tests.support.tiny_network import write_checkpoint

from benchmarks.measuring import watch
from docdetect.machine import processor_summary

PAGES_PER_DOCUMENT = 10


@dataclass
class MemoryCurve:
    """Memory by the number of finished pages.

    Attributes:
        journal: the journal of the run, whose lines are counted.
        step: pages between two rows.
        rows: (finished pages, MiB of the main process, MiB of all processes together).
    """

    journal: Path
    step: int
    rows: list[tuple[int, float, float]] = field(default_factory=list)
    _read: int = 0
    _pages: int = 0

    def add(self, pid: int, all_mib: float) -> None:
        """Reads what is new in the journal, and adds a row when `step` pages were finished since the last row."""
        if not self.journal.is_file():
            return
        with self.journal.open("rb") as stream:
            stream.seek(self._read)
            new = stream.read()
        self._read += len(new)
        self._pages += new.count(b'"record":"page"')
        if self._pages and (not self.rows or self._pages >= self.rows[-1][0] + self.step):
            self.rows.append((self._pages, _resident_mib(pid), all_mib))


def make_documents(folder: Path, pages: int) -> None:
    """Writes PDFs with lines of text and a frame on each page; no two pages are the same."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(-(-pages // PAGES_PER_DOCUMENT)):
        with pymupdf.open() as pdf:
            for _ in range(PAGES_PER_DOCUMENT):
                page = pdf.new_page(width=298, height=421)
                for line in range(6):
                    page.insert_text((30, 60 + 14 * line), f"{number} {rng.integers(10**9)} agree on this.", fontsize=8)
                x, y = rng.uniform(20, 200, 2)
                page.draw_rect(pymupdf.Rect(x, y, x + 60, y + 60), color=(0.2, 0.2, 0.8), width=2)
            pdf.save(folder / f"{number:05d}.pdf")


def measure(folder: Path, pages: int, step: int) -> list[tuple[int, float, float]]:
    """Runs `infer` over made-up documents with so many pages; returns the rows of the memory curve."""
    make_documents(folder / "in", pages)
    weights = write_checkpoint(folder / "tiny.pt")
    curve = MemoryCurve(folder / "out" / "detections.jsonl", step)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    first = min((folder / "in").iterdir())
    # The first run converts the weights, for which it needs PyTorch; its memory is not measured.
    watch(_infer(first, folder / "first", weights), environment, lambda: False)
    watch(_infer(folder / "in", folder / "out", weights), environment, lambda: False, curve.add)
    return curve.rows


def _infer(source: Path, output: Path, weights: Path) -> list[str]:
    program = "from docdetect.cli.main import main; main()"
    places = ["--source", str(source), "--output", str(output), "--weights", str(weights)]
    return [sys.executable, "-c", program, "--quiet", "infer", *places, "--imgsz", "256", "--conf", "0.9"]


def _resident_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:")), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10_000, help="made-up pages")
    parser.add_argument("--step", type=int, default=1000, help="pages between two rows")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), asked.pages, asked.step)
    print(f"processor: {processor_summary()}")
    print(f"{'pages':>6} {'main MiB':>12} {'all MiB':>8}")
    for pages, own_mib, all_mib in rows:
        print(f"{pages:>6} {own_mib:>12.0f} {all_mib:>8.0f}")
    half = [row for row in rows if row[0] >= asked.pages / 2]
    if len(half) > 1:
        main_mib, all_mib = (half[-1][column] - half[0][column] for column in (1, 2))
        print(f"second half of the pages: main process {main_mib:+.0f} MiB, all processes {all_mib:+.0f} MiB")


if __name__ == "__main__":
    main()
