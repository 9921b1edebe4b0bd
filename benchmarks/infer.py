"""Measures how fast `docdetect infer` is, against the pipeline that a user would otherwise write, and the bare engine.

    python -m benchmarks.infer [--weights WEIGHTS] [--peer-weights FILE] [--source FOLDER] [--rounds 1]
        [--only peer,docdetect]

    peer        the alternative: PyMuPDF at 200 dpi, Ultralytics predict at 1024 px whatever --imgsz says, JSON and
                drawn JPEGs (../shared/bench/peer_pipeline.py). It uses the weights that docdetect uses (of an ensemble
                those that its file names last), unless --peer-weights names others
    bare        the engine that docdetect uses, alone, in a loop over rendered pages in memory
    docdetect   infer --no-save-pages
    drawn       infer, which draws every page
    one page    infer --no-save-pages, of a PDF with one page

All but the last run on PDFs; bare, docdetect and drawn also run on the same pages as JPEG pictures. Pages/s do not
count the loading of the network. CPU seconds, memory and the time to the first page are those of the whole command with
all its processes. All contenders run in turn, as often as --rounds says. Printed are medians, and ratios of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Watched, watch
from docdetect.machine import processor_summary
from docdetect.models.weights import networks_in, resolve_weights

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PEER = SHARED / "bench" / "peer_pipeline.py"
BIN = Path(sys.executable).parent

# Long side of A4 at 200 dpi.
A4_LONG_PX = 2339

# Long side of pages in the peer's network, px: its program has no option for it.
PEER_IMGSZ = 1024

# Pages that the bare engine's loop goes over, at least.
BARE_LOOP_PAGES = 60


@dataclass(frozen=True)
class Row:
    """The figures of one contender in one round.

    Attributes:
        contender: its name.
        pages: number of pages.
        pages_per_s: pages per second, without the loading of the network.
        cpu_s_per_page: CPU seconds per page of all processes, with the loading of the network.
        peak_mib: peak memory of all processes together, MiB.
        first_s: seconds from the start to the first finished page; None where it cannot be told.
    """

    contender: str
    pages: int
    pages_per_s: float
    cpu_s_per_page: float
    peak_mib: float
    first_s: float | None


@dataclass(frozen=True)
class Bench:
    """What all contenders share.

    Attributes:
        folder: folder for outputs.
        weights: the network, or the file of an ensemble.
        peer_weights: the network of the peer.
        imgsz: long side of pages in the network, px.
        trim: "auto" leaves blank borders out, "off" computes whole pages.
        environment: environment variables of the commands.
    """

    folder: Path
    weights: Path
    peer_weights: Path
    imgsz: int
    trim: str
    environment: dict[str, str]

    def infer(self, source: Path, name: str, *options: str) -> Row:
        """Measures `docdetect infer` over a folder."""
        output = self.folder / "out" / name
        shutil.rmtree(output, ignore_errors=True)
        journal = output / "detections.jsonl"
        command = [sys.executable, "-c", "from docdetect.cli.main import main; main()", "--json", "--quiet", "infer"]
        command += ["--source", str(source), "--output", str(output), "--weights", str(self.weights)]
        command += ["--imgsz", str(self.imgsz), "--trim", self.trim, *options]
        watched = watch(command, self.environment, lambda: _lines(journal) > 1)
        done = json.loads(watched.output.splitlines()[-1])
        return _row(name, done["totals"]["pages"], done["pages_per_s"], watched)

    def bare(self, source: Path, name: str) -> Row:
        """Measures the bare engine in a loop."""
        command = [sys.executable, "-m", "benchmarks.infer", "--bare", str(source), "--weights", str(self.weights)]
        watched = watch([*command, "--imgsz", str(self.imgsz), "--trim", self.trim], self.environment, lambda: False)
        done = json.loads(watched.output.splitlines()[-1])
        return Row(name, done["pages"], done["pages_per_s"], done["cpu_s_per_page"], watched.peak_mib, None)

    def peer(self, source: Path, name: str) -> Row:
        """Measures the script that a user would otherwise write."""
        output = self.folder / "out" / name
        shutil.rmtree(output, ignore_errors=True)
        command = [sys.executable, str(PEER), str(source), str(output), str(self.peer_weights)]
        watched = watch(command, self.environment, lambda: output.is_dir() and any(output.glob("*.jpg")))
        told = dict(pair.split("=") for pair in watched.output.splitlines()[-1].split())
        return _row(name, int(told["pages"]), float(told["pages_per_s"]), watched)


def bare_loop(source: Path, weights: Path, imgsz: int, seconds: float, trim: bool) -> dict[str, float]:
    """Runs the engine alone: all its lanes are busy for some seconds with rendered pages in memory."""
    from docdetect.documents.reader import open_document
    from docdetect.documents.sizes import LongSide
    from docdetect.documents.sources import list_documents
    from docdetect.models.engines.select import load_engine

    pages = []
    for file in list_documents(source):
        with open_document(file) as document:
            pages += [document.render(number + 1, LongSide(imgsz)).pixels for number in range(document.page_count)]
        if len(pages) >= BARE_LOOP_PAGES:
            break
    engine = load_engine(weights, imgsz=imgsz, device="", engine="auto", precision="auto", trim=trim)
    size = engine.traits.batch
    batches = [pages[start : start + size] for start in range(0, len(pages), size)]
    for batch in batches[:2]:
        engine.detect(batch, 0.15, 0.7)
    done, began, cpu = 0, time.perf_counter(), time.process_time()

    def lane(first: int) -> None:
        nonlocal done
        position = first
        while time.perf_counter() - began < seconds:
            batch = batches[position % len(batches)]
            engine.detect(batch, 0.15, 0.7)
            done += len(batch)
            position += engine.traits.lanes

    with ThreadPoolExecutor(engine.traits.lanes) as pool:
        list(pool.map(lane, range(engine.traits.lanes)))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"pages": done, "pages_per_s": done / wall, "cpu_s_per_page": cpu / done}


def make_sources(folder: Path, copies: int, source: Path | None) -> tuple[Path, Path]:
    """Makes the documents: a folder with copies of PDFs, and a folder with their pages as JPEG pictures.

    The pictures are like scans of A4 at 200 dpi: baseline JPEG, with colour at half the resolution. They have the size
    of A4 whatever the PDFs say: the shared PDFs claim one point for each of their pixels, and pictures of paper of that
    size would be looked at in tiles.

    Args:
        folder: folder for the documents.
        copies: how often each PDF is copied.
        source: folder of PDFs; None takes the shared ones, or made-up ones where these are not there.
    """
    import pymupdf
    from PIL import Image

    given = source or SHARED / "data" / "armeta"
    if not given.is_dir():
        given = _made_up(folder)
    pdfs, pictures = folder / "pdfs", folder / "pictures"
    for place in (pdfs, pictures):
        place.mkdir()
    for file in sorted(given.rglob("*.pdf")):
        for copy in range(copies):
            shutil.copyfile(file, pdfs / f"{copy:03d}_{file.name}")
        with pymupdf.open(file) as pdf:
            for number, page in enumerate(pdf, start=1):
                scale = A4_LONG_PX / max(page.rect.width, page.rect.height)
                drawn = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False)
                picture = Image.frombytes("RGB", (drawn.width, drawn.height), drawn.samples)
                for copy in range(copies):
                    name = f"{copy:03d}_{file.stem}_{number}.jpg"
                    picture.save(pictures / name, quality=85, dpi=(200, 200))
    return pdfs, pictures


def _made_up(folder: Path) -> Path:
    """Makes PDFs with `docdetect synth` and returns their folder."""
    settings = ["--pages", "40", "--imgsz", "1654", "--val", "0", "--pdf", "--seed", "1"]
    subprocess.run(
        [str(BIN / "docdetect"), "--quiet", "synth", "--output", str(folder / "made"), *settings], check=True
    )
    return folder / "made" / "pdfs"


def make_weights(folder: Path) -> Path:
    """Makes an untrained YOLO11s, which does the same arithmetic as a trained one."""
    from docdetect.models.ultralytics_setup import prepare_ultralytics

    prepare_ultralytics()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    network = DetectionModel("yolo11s.yaml", nc=3, verbose=False)
    network.names, network.args, network.task = {0: "qr", 1: "signature", 2: "stamp"}, {}, "detect"
    torch.save({"model": network.half(), "train_args": {}}, folder / "untrained.pt")
    return folder / "untrained.pt"


def report(rows: list[Row]) -> None:
    """Prints medians and ratios of medians."""
    print(f"processor: {processor_summary()}")
    names = list(dict.fromkeys(row.contender for row in rows))
    print(f"{'contender':<22} {'pages':>6} {'pages/s':>8} {'CPU s/page':>11} {'peak MiB':>9} {'first page s':>13}")
    speed, cost = {}, {}
    for name in names:
        mine = [row for row in rows if row.contender == name]
        speed[name] = statistics.median(row.pages_per_s for row in mine)
        cost[name] = statistics.median(row.cpu_s_per_page for row in mine)
        peak = statistics.median(row.peak_mib for row in mine)
        firsts = [row.first_s for row in mine if row.first_s is not None]
        first = f"{statistics.median(firsts):.2f}" if firsts else "-"
        print(f"{name:<22} {mine[0].pages:>6} {speed[name]:>8.2f} {cost[name]:>11.3f} {peak:>9.0f} {first:>13}")
    for kind in ("PDFs", "pictures"):
        for name in (f"docdetect, {kind}", f"drawn, {kind}"):
            for other in (f"peer, {kind}", f"bare, {kind}"):
                if name in speed and other in speed:
                    ratio, cpu = speed[name] / speed[other], cost[name] / cost[other]
                    print(f"{name}: {ratio:.2f} times the pages/s of {other}, {cpu:.2f} times its CPU seconds a page")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="folder of PDFs (default: the shared ones, else made-up ones)")
    parser.add_argument("--weights", default="", help="weights, as infer names them (default: an untrained YOLO11s)")
    parser.add_argument(
        "--peer-weights", type=Path, help="weights of the peer, a .pt file (default: those of --weights)"
    )
    parser.add_argument("--imgsz", type=int, default=1024, help="long side of pages in the network, px")
    parser.add_argument("--copies", type=int, default=10, help="copies of every PDF")
    parser.add_argument("--rounds", type=int, default=1, help="how often every contender runs")
    parser.add_argument(
        "--only",
        default="one,peer,bare,docdetect,drawn,pictures",
        help="contenders, separated by commas; without pictures only PDFs are read",
    )
    parser.add_argument("--seconds", type=float, default=15, help="seconds of the bare engine's loop")
    parser.add_argument(
        "--trim", default="auto", choices=("auto", "off"), help="off: blank borders are computed, too, also for bare"
    )
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bare:
        print(json.dumps(bare_loop(asked.bare, Path(asked.weights), asked.imgsz, asked.seconds, asked.trim == "auto")))
        return
    wanted = set(asked.only.split(","))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_CONFIG_DIR": name}
        weights = resolve_weights(asked.weights, Path()) if asked.weights else make_weights(folder)
        peer_weights = asked.peer_weights or networks_in(weights)[-1][0]
        bench = Bench(folder, weights, peer_weights, asked.imgsz, asked.trim, environment)
        pdfs, pictures = make_sources(folder, asked.copies, asked.source)
        single = one_page(folder, pdfs)
        runs = contenders(bench, wanted, pdfs, pictures, single)
        # The first run converts the weights, and is not measured.
        bench.infer(single, "warm-up", "--no-save-pages")
        report([run() for _ in range(asked.rounds) for run in runs])
    if "peer" in wanted and asked.imgsz != PEER_IMGSZ:
        print(f"the peer's network had {PEER_IMGSZ} px, docdetect's {asked.imgsz} px: these are not the same work")


def contenders(bench: Bench, wanted: set[str], pdfs: Path, pictures: Path, single: Path) -> list[Callable[[], Row]]:
    """The runs of every round, in order; `wanted` holds names of --only."""
    runs: list[Callable[[], Row]] = []
    if "one" in wanted:
        runs.append(lambda: bench.infer(single, "one page", "--no-save-pages"))
    if "peer" in wanted and PEER.is_file():
        runs.append(lambda: bench.peer(pdfs, "peer, PDFs"))
    for kind, source in (("PDFs", pdfs), ("pictures", pictures)):
        if kind == "pictures" and kind not in wanted:
            continue
        if "bare" in wanted:
            runs.append(lambda source=source, kind=kind: bench.bare(source, f"bare, {kind}"))  # type: ignore[misc]
        if "docdetect" in wanted:
            runs.append(lambda source=source, kind=kind: bench.infer(source, f"docdetect, {kind}", "--no-save-pages"))  # type: ignore[misc]
        if "drawn" in wanted:
            runs.append(lambda source=source, kind=kind: bench.infer(source, f"drawn, {kind}"))  # type: ignore[misc]
    return runs


def one_page(folder: Path, pdfs: Path) -> Path:
    """Makes a folder with a PDF of one page, the first page of the first PDF."""
    import pymupdf

    single = folder / "single"
    single.mkdir()
    with pymupdf.open(min(pdfs.iterdir())) as pdf:
        pdf.select([0])
        pdf.save(single / "page.pdf", garbage=4)
    return single


def _row(name: str, pages: int, pages_per_s: float, watched: Watched) -> Row:
    return Row(name, pages, pages_per_s, watched.cpu_s / max(1, pages), watched.peak_mib, watched.first_s)


def _lines(file: Path) -> int:
    """Number of lines of a file, 0 where it is not there."""
    try:
        return file.read_bytes().count(b"\n")
    except OSError:
        return 0


if __name__ == "__main__":
    main()
