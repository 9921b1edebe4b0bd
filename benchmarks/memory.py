"""Whether the memory of `infer` grows with the number of pages: a table over ten thousand of them.

Small made-up PDFs of ten pages each and a tiny network, so that it takes minutes; what is kept per page and per
document is the same as with real ones. Shown are the resident memory of docdetect's own process, and that of all its
processes together (what they share divided among them).
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

PAGES_EACH = 10


@dataclass
class Curve:
    """Memory by pages done.

    Attributes:
        journal: whose lines are counted.
        step: pages between two rows.
        rows: (pages, MiB of the process itself, MiB of all).
    """

    journal: Path
    step: int
    rows: list[tuple[int, float, float]] = field(default_factory=list)
    _read: int = 0
    _pages: int = 0

    def add(self, pid: int, all_mib: float) -> None:
        """Looks at the journal, and makes a row when enough pages are done since the last."""
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
    """PDFs with lines of text and a few frames, all different."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(-(-pages // PAGES_EACH)):
        with pymupdf.open() as pdf:
            for _ in range(PAGES_EACH):
                page = pdf.new_page(width=298, height=421)
                for line in range(6):
                    page.insert_text((30, 60 + 14 * line), f"{number} {rng.integers(10**9)} agree on this.", fontsize=8)
                x, y = rng.uniform(20, 200, 2)
                page.draw_rect(pymupdf.Rect(x, y, x + 60, y + 60), color=(0.2, 0.2, 0.8), width=2)
            pdf.save(folder / f"{number:05d}.pdf")


def measure(folder: Path, pages: int, step: int) -> list[tuple[int, float, float]]:
    """The rows of one run."""
    make_documents(folder / "in", pages)
    weights = write_checkpoint(folder / "tiny.pt")
    curve = Curve(folder / "out" / "detections.jsonl", step)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    first = min((folder / "in").iterdir())
    watch(_infer(first, folder / "first", weights), environment, lambda: False)  # it converts the weights, with PyTorch
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
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--step", type=int, default=1000, help="pages between two rows")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), asked.pages, asked.step)
    print(f"{'pages':>6} {'process MiB':>12} {'all MiB':>8}")
    for pages, own_mib, all_mib in rows:
        print(f"{pages:>6} {own_mib:>12.0f} {all_mib:>8.0f}")
    half = [row for row in rows if row[0] >= asked.pages / 2]
    if len(half) > 1:
        print(f"second half: {half[-1][1] - half[0][1]:+.0f} MiB, all processes {half[-1][2] - half[0][2]:+.0f} MiB")


if __name__ == "__main__":
    main()
