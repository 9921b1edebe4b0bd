"""What `split --by group` costs, against perceptual hashes alone, on made-up PDFs in one run.

Both render every page at the same size, each in one process of its own. The whole check then takes fingerprints and
compares pages until the groups are known; the alternative keeps one pHash of each page and compares all of them with
each other. Prints pages/s and CPU seconds per page, and the peak memory of the whole check on 25, 50, 75 and 100 % of
the documents, a fresh process each, beside what that process had taken after the first document.
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

BIN = Path(sys.executable).parent
SHARES = (0.25, 0.5, 0.75, 1.0)
MIB = 1024.0 * (1024.0 if sys.platform == "darwin" else 1.0)  # of ru_maxrss: KiB on Linux, bytes on macOS


@dataclass(frozen=True)
class Measured:
    """One check: seconds without imports, memory after the first document and at its highest, pages and groups."""

    wall_s: float
    cpu_s: float
    first_mib: float
    peak_mib: float
    pages: int
    groups: int


def make_pages(folder: Path, pages: int) -> Path:
    """A folder of made-up PDFs; made in another process, since a child's peak memory starts from its parent's."""
    settings = ["--pages", str(pages), "--imgsz", "512", "--val", "0", "--pdf", "--seed", "1"]
    subprocess.run([str(BIN / "docdetect"), "--quiet", "synth", "--output", str(folder), *settings], check=True)
    return folder / "pdfs"


def whole_check(source: Path, documents: int) -> tuple[int, int]:
    """Pages and groups of the first documents, as `split --by group` finds them."""
    from docdetect.datasets.groups import find_groups
    from docdetect.datasets.page_fingerprints import fingerprint_documents
    from docdetect.documents.sources import list_documents

    prints, failures = fingerprint_documents(list_documents(source)[:documents])
    if failures:
        print(f"left out: {len(failures)} that cannot be read", file=sys.stderr)
    return len(prints), len(set(find_groups(prints).group_of.values()))


def hashes_only(source: Path, documents: int) -> tuple[int, int]:
    """Pages and pages of different pHash: imagehash on the same rendered pages, all compared with all."""
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


CHECKS = {"whole": whole_check, "hashes": hashes_only}


def measure(check: str, source: Path, documents: int) -> Measured:
    """One check in a process of its own."""
    command = [sys.executable, __file__, "--check", check, "--source", str(source), "--documents", str(documents)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measured_here(check: str, source: Path, documents: int) -> Measured:
    """The same in this process, after one document that loads what has to be loaded."""
    import cv2

    cv2.setNumThreads(1)
    CHECKS[check](source, 1)
    first_mib, wall_s, cpu_s = _peak_mib(), time.perf_counter(), time.process_time()
    pages, groups = CHECKS[check](source, documents)
    taken = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return Measured(*taken, first_mib, _peak_mib(), pages, groups)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def report(source: Path) -> None:
    """Measures and prints."""
    from docdetect.documents.sources import list_documents

    documents = len(list_documents(source))
    hashes = measure("hashes", source, documents)
    grown = [measure("whole", source, max(1, round(documents * share))) for share in SHARES]
    whole = grown[-1]
    for name, one, what in (("split --by group", whole, "groups"), ("pHash alone", hashes, "different pHashes")):
        speed, cpu_ms = one.pages / one.wall_s, 1000 * one.cpu_s / one.pages
        print(f"{name:<18} {speed:6.1f} pages/s, {cpu_ms:6.1f} ms CPU a page, {one.groups} {what}")
    print(f"the whole check takes {whole.cpu_s / hashes.cpu_s:.2f} times the CPU of rendering and pHash alone")
    for share, one in zip(SHARES, grown, strict=True):
        print(f"{share:>5.0%} {one.pages:6} pages  peak {one.peak_mib:5.0f} MiB ({one.first_mib:.0f} after the first)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000, help="made-up pages, in documents of one or a few")
    parser.add_argument("--source", type=Path, help="a folder of documents to look at instead")
    parser.add_argument("--check", choices=CHECKS, help=argparse.SUPPRESS)
    parser.add_argument("--documents", type=int, default=1, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.check:
        print(json.dumps(asdict(measured_here(asked.check, asked.source, asked.documents))))
    elif asked.source:
        report(asked.source)
    else:
        with tempfile.TemporaryDirectory() as folder:
            report(make_pages(Path(folder) / "made", asked.pages))


if __name__ == "__main__":
    main()
