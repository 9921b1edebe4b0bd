"""kill -9 at random moments of `docdetect infer`: what is lost, doubled or torn, and are the results the same?

    python -m benchmarks.kills [--kills 30] [--seed 0] [--weights FILE]

Every run goes on where the one before it was killed; one that ends before its moment comes has its results compared,
byte for byte, with those of a run that was left alone, and the next starts over. Of the kills, every second takes the
parent alone: its workers then have to end by themselves. Without `--weights` the detector finds colours instead of
running a network, so that most moments fall into the work and not into loading PyTorch; all else is the real thing.
Linux only.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.fakes import ColourEngine, compared_files, make_image, make_pdf
from tests.support.process_tree import ProcessTree

from docdetect.inference.journal import JOURNAL_NAME
from docdetect.types import ByteArray, Detections

ORPHANS_END_S = 5.0
_STAMP, _CODE = ("stamp", (20.0, 20.0, 60.0, 50.0)), ("qr", (100.0, 200.0, 140.0, 240.0))


@dataclass(frozen=True)
class Kill:
    """What was found after one kill.

    Attributes:
        at_s: seconds from the start of the run to the kill.
        only_parent: the workers were not killed.
        pages: whole lines of pages in the journal.
        torn: lines of it that are no JSON.
        lost: pages that the journal had after the kill before, and has no longer.
        doubled: pages with more than one line.
        orphans: processes that still ran seconds later.
        broken: result files that are half-written.
        equal: whether the results were those of a run left alone, where a run ended after this kill.
    """

    at_s: float
    only_parent: bool
    pages: int
    torn: int
    lost: int
    doubled: int
    orphans: int
    broken: int
    equal: bool | None = None


class SlowColours(ColourEngine):
    """Takes its time, so that there are moments to be killed in."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(0.05)
        return super().detect(pages, conf, iou)


def make_source(folder: Path, documents: int) -> Path:
    """PDFs of three pages and images, with marks of which some are codes that cannot be read."""
    for number in range(documents):
        if number % 4 == 3:
            make_image(folder / f"{number:03d}.png", [("stamp", (50, 40, 120, 90))])
        else:
            make_pdf(folder / f"{number:03d}.pdf", [[_STAMP], [], [_STAMP, _CODE]])
    return folder


def command(source: Path, output: Path, weights: Path | None) -> list[str]:
    """A run that goes on where the last one stopped."""
    options = ["--source", str(source), "--output", str(output), "--resume", "--workers", "2", "--imgsz", "256"]
    options += ["--save-crops", "--save-pdf"]
    if weights is not None:
        return [sys.executable, "-m", "benchmarks.kills", "--run", *options, "--weights", str(weights)]
    return [sys.executable, "-m", "benchmarks.kills", "--run-colours", *options]


def run_infer(options: list[str], *, colours: bool) -> int:
    """`docdetect infer` in this process."""
    from docdetect.cli.main import run
    from docdetect.inference import detector as module

    if colours:
        vars(module)["load_engine"] = lambda *_, **__: SlowColours()
        vars(module)["resolve_weights"] = lambda *_: Path(__file__)
    return run(["--quiet", "infer", *options])


def kill_at_random(source: Path, folder: Path, kills: int, seed: int, weights: Path | None = None) -> Iterator[Kill]:
    """Kills so many runs and yields what each left behind.

    Args:
        source: the documents.
        folder: an empty one, for results.
        kills: at least 1.
        seed: of the moments.
        weights: of a real network; None finds colours.

    Raises:
        RuntimeError: a run that was left alone failed.
    """
    output = folder / "out"
    whole_s = _left_alone(command(source, output, weights))
    expected = compared_files(output)
    shutil.rmtree(output)
    rng = random.Random(seed)
    pages: frozenset[tuple[str, int]] = frozenset()
    pending: Kill | None = None
    done = 0
    while done < kills:
        run = ProcessTree(command(source, output, weights))
        at_s, only_parent = rng.uniform(0.1, 0.8) * whole_s, done % 2 == 1
        if _ends_before(run, at_s):
            _check_code(run)
            if pending is not None:
                yield _with_comparison(pending, compared_files(output) == expected)
            shutil.rmtree(output)
            pages, pending = frozenset(), None
            continue
        run.kill(only_parent=only_parent)
        orphans = run.left_after(ORPHANS_END_S)
        run.kill()
        run.process.wait()
        if pending is not None:
            yield pending
        pending, pages = _look(output, pages, at_s, only_parent, orphans)
        done += 1
    _left_alone(command(source, output, weights))
    assert pending is not None
    yield _with_comparison(pending, compared_files(output) == expected)


def _left_alone(command: list[str]) -> float:
    """Seconds that a run takes in peace."""
    started_s = time.monotonic()
    run = ProcessTree(command)
    run.process.wait()
    _check_code(run)
    return time.monotonic() - started_s


def _check_code(run: ProcessTree) -> None:
    errors = run.errors()
    if run.process.returncode != 0:
        raise RuntimeError(f"a run that was left alone ended with {run.process.returncode}: {errors}")


def _ends_before(run: ProcessTree, at_s: float) -> bool:
    deadline_s = time.monotonic() + at_s
    while time.monotonic() < deadline_s:
        if run.process.poll() is not None:
            return True
        time.sleep(0.002)
    return False


def _with_comparison(kill: Kill, equal: bool) -> Kill:
    return Kill(**(vars(kill) | {"equal": equal}))


def _look(
    output: Path, before: frozenset[tuple[str, int]], at_s: float, only_parent: bool, orphans: int
) -> tuple[Kill, frozenset[tuple[str, int]]]:
    """What the kill left in the journal and beside it, and the pages that are safe now."""
    journal = output / JOURNAL_NAME
    lines = journal.read_bytes().splitlines(keepends=True) if journal.is_file() else []
    torn, pages = 0, Counter[tuple[str, int]]()
    for line in lines:
        record = _parsed(line)
        if record is None:
            torn += 1
        elif record["record"] == "page":
            pages[str(record["document"]), int(str(record["page"]))] += 1
    broken = sum(not _is_whole(path) for path in output.rglob("*") if path.is_file()) if output.is_dir() else 0
    doubled = sum(count > 1 for count in pages.values())
    lost = len(before - set(pages))
    return Kill(at_s, only_parent, len(pages), torn, lost, doubled, orphans, broken), frozenset(pages)


def _parsed(line: bytes) -> dict[str, object] | None:
    try:
        record: dict[str, object] = json.loads(line)
    except ValueError:
        return None
    return record if line.endswith(b"\n") else None


def _is_whole(path: Path) -> bool:
    """Whether a result file is one from its first byte to its last; hidden files are not results yet."""
    if path.name.startswith("."):
        return True
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            json.loads(data)
        except ValueError:
            return False
    ends = {".jpg": b"\xff\xd9", ".pdf": b"%%EOF\n", ".csv": b"\n", ".yaml": b"\n"}
    return data.endswith(ends.get(path.suffix, b""))


def table(kills: Sequence[Kill]) -> str:
    """The kills as a Markdown table, with their sums."""
    head = "| killed after s | what | pages in journal | torn lines | lost | doubled | orphans | half-written | bytes |"
    rows = [head, "|---:|---|---:|---:|---:|---:|---:|---:|---|"]
    for kill in kills:
        what = "parent" if kill.only_parent else "all"
        same = {None: "", True: "equal", False: "DIFFERENT"}[kill.equal]
        figures = (kill.pages, kill.torn, kill.lost, kill.doubled, kill.orphans, kill.broken)
        rows.append(f"| {kill.at_s:.2f} | {what} | {' | '.join(map(str, figures))} | {same} |")
    ended = [kill for kill in kills if kill.equal is not None]
    sums = [sum(getattr(kill, name) for kill in kills) for name in ("torn", "lost", "doubled", "orphans", "broken")]
    same = f"{sum(kill.equal is True for kill in ended)} of {len(ended)} equal"
    return "\n".join([*rows, f"| {len(kills)} kills | | | {' | '.join(map(str, sums))} | {same} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--documents", type=int, default=40, help="made-up documents of up to three pages")
    parser.add_argument("--weights", type=Path, help="run a real network")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = make_source(Path(folder) / "in", asked.documents)
        print(table(list(kill_at_random(source, Path(folder), asked.kills, asked.seed, asked.weights))))


if __name__ == "__main__":
    if sys.argv[1:2] in (["--run"], ["--run-colours"]):
        sys.exit(run_infer(sys.argv[2:], colours=sys.argv[1] == "--run-colours"))
    main()
