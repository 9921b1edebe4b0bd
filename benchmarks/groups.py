"""Measures what it costs to find groups of near-duplicates (`split --by group`), against perceptual hashes alone.

    python -m benchmarks.groups [--pages 1000] [--source FOLDER]

Both render every page at the same size, each in one process of its own. The search for groups then takes fingerprints
of the pages and compares pages until the groups are known. The alternative keeps one perceptual hash (pHash of the
library imagehash) of each page and compares all hashes with each other.

Printed are pages/s and CPU time per page of both, and the peak memory of the search for groups on 25, 50, 75 and 100 %
of the documents. Each of these runs is a process of its own; beside its peak stands the memory that it had taken after
its first document.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from docdetect.machine import processor_summary

BIN = Path(sys.executable).parent

# Shares of the documents on which the peak memory is measured.
SHARES = (0.25, 0.5, 0.75, 1.0)

# Units of `ru_maxrss` in one MiB: it is in KiB on Linux and in bytes on macOS.
MAXRSS_PER_MIB = 1024.0 * (1024.0 if sys.platform == "darwin" else 1.0)


@dataclass(frozen=True)
class Measured:
    """What one method took.

    Attributes:
        wall_s, cpu_s: wall and CPU seconds without imports.
        first_mib: memory after the first document, MiB.
        peak_mib: peak memory, MiB.
        pages: number of pages.
        groups: number of groups, or of different hashes.
    """

    wall_s: float
    cpu_s: float
    first_mib: float
    peak_mib: float
    pages: int
    groups: int


def make_pages(folder: Path, pages: int) -> Path:
    """Makes PDFs and returns their folder.

    They are made in another process, since the peak memory of a child process starts from its parent's.
    """
    settings = ["--pages", str(pages), "--imgsz", "512", "--val", "0", "--pdf", "--seed", "1"]
    subprocess.run([str(BIN / "docdetect"), "--quiet", "synth", "--output", str(folder), *settings], check=True)
    return folder / "pdfs"


def search_groups(source: Path, documents: int) -> tuple[int, int]:
    """The number of pages and of groups in the first `documents` documents, as `split --by group` finds them."""
    from docdetect.datasets.groups import find_groups
    from docdetect.datasets.page_fingerprints import fingerprint_documents
    from docdetect.documents.sources import list_documents

    prints, failures = fingerprint_documents(list_documents(source)[:documents])
    if failures:
        print(f"{source}: {len(failures)} documents cannot be read and are left out", file=sys.stderr)
    return len(prints), len(set(find_groups(prints).group_of.values()))


def compare_hashes(source: Path, documents: int) -> tuple[int, int]:
    """The number of pages and of different perceptual hashes, each hash compared with all others."""
    import imagehash
    import numpy as np
    from PIL import Image

    from docdetect.datasets.page_fingerprints import INK_LONG_SIDE_PX
    from docdetect.documents.batches import PageOutcome, iter_rendered
    from docdetect.documents.sizes import LongSide
    from docdetect.documents.sources import list_documents

    rendered = iter_rendered(list_documents(source)[:documents], LongSide(INK_LONG_SIDE_PX))
    images = (one.value.pixels for one in rendered if isinstance(one, PageOutcome) and one.value is not None)
    bits = np.stack([imagehash.phash(Image.fromarray(pixels)).hash.ravel() for pixels in images])
    return len(bits), sum(int((row == bits).all(axis=1).argmax()) == at for at, row in enumerate(bits))


METHODS = {"groups": search_groups, "hashes": compare_hashes}


def measure(method: str, source: Path, documents: int) -> Measured:
    """Measures a method (a key of METHODS) in a process of its own."""
    command = [sys.executable, __file__, "--method", method, "--source", str(source), "--documents", str(documents)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measured_here(method: str, source: Path, documents: int) -> Measured:
    """Measures a method in this process, after one document that loads what has to be loaded."""
    import cv2

    cv2.setNumThreads(1)
    METHODS[method](source, 1)
    first_mib, wall_start_s, cpu_start_s = _peak_mib(), time.perf_counter(), time.process_time()
    pages, groups = METHODS[method](source, documents)
    wall_s, cpu_s = time.perf_counter() - wall_start_s, time.process_time() - cpu_start_s
    return Measured(wall_s, cpu_s, first_mib, _peak_mib(), pages, groups)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_PER_MIB


def report(source: Path) -> None:
    """Measures both methods on a folder of documents and prints the figures."""
    from docdetect.documents.sources import list_documents

    documents = len(list_documents(source))
    hashes = measure("hashes", source, documents)
    by_share = [measure("groups", source, max(1, round(documents * share))) for share in SHARES]
    groups = by_share[-1]
    print(f"processor: {processor_summary()}")
    for name, one, what in (("split --by group", groups, "groups"), ("pHash alone", hashes, "different pHashes")):
        speed, cpu_ms = one.pages / one.wall_s, 1000 * one.cpu_s / one.pages
        print(f"{name:<18} {speed:6.1f} pages/s, {cpu_ms:6.1f} ms CPU a page, {one.groups} {what}")
    print(f"the search for groups takes {groups.cpu_s / hashes.cpu_s:.2f} times the CPU of rendering and pHash alone")
    for share, one in zip(SHARES, by_share, strict=True):
        memory = f"peak {one.peak_mib:5.0f} MiB ({one.first_mib:.0f} MiB after the first document)"
        print(f"{share:>5.0%} {one.pages:6} pages  {memory}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000, help="made-up pages, in documents of one to six pages")
    parser.add_argument("--source", type=Path, help="a folder of documents in place of made-up ones")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--documents", type=int, default=1, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.method:
        print(json.dumps(asdict(measured_here(asked.method, asked.source, asked.documents))))
    elif asked.source:
        report(asked.source)
    else:
        with tempfile.TemporaryDirectory() as folder:
            report(make_pages(Path(folder) / "made", asked.pages))


if __name__ == "__main__":
    main()
