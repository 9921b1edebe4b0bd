"""Kills `docdetect infer` (kill -9) at random moments: is anything lost, doubled or torn, and are the results the same?

    python -m benchmarks.kills [--kills 30] [--seed 0] [--ctrl-c | --sigterm] [--weights FILE]

Every run goes on where the run before it was killed. A run that ends before its moment comes has its results compared,
byte for byte, with those of a run that nobody killed, and the next run starts over. Every second kill ends the main
process alone, so that the worker processes have to end by themselves. With --ctrl-c all of them get Ctrl-C instead, and
with --sigterm all of them, or every second time the main process alone, get SIGTERM; the program then has ten seconds
to end, and its result files have to agree with each other.

Without --weights a detector that finds colours replaces the network, so that most kills happen during the work and not
while a network is loaded; everything else is as in any run.

Printed is a table of all kills. Linux only.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tests.support.fakes import ColourEngine, compared_files, make_image, make_pdf
from tests.support.process_tree import ProcessTree

from docdetect.inference.journal import JOURNAL_NAME
from docdetect.machine import processor_summary
from docdetect.types import ByteArray, Detections

# Time that worker processes have to end by themselves after the main process was killed, and a program that is
# interrupted by a signal.
ORPHANS_END_S, INTERRUPT_ENDS_S = 5.0, 10.0
How: TypeAlias = Literal["all", "parent", "Ctrl-C", "SIGTERM", "SIGTERM parent"]
Interrupt: TypeAlias = Literal["Ctrl-C", "SIGTERM"]
# Exit codes of an interrupted program, the last one where Python was not there yet, or no longer.
_HEARD = {"Ctrl-C": (0, 130, -signal.SIGINT), "SIGTERM": (0, 143, -signal.SIGTERM)}
_STAMP, _CODE = ("stamp", (20.0, 20.0, 60.0, 50.0)), ("qr", (100.0, 200.0, 140.0, 240.0))


@dataclass(frozen=True)
class Kill:
    """What one kill left behind.

    Attributes:
        at_s: seconds from the start of the run to the kill.
        how: whether all processes were killed, the main process alone, all got Ctrl-C or SIGTERM, or the main process
            alone got SIGTERM.
        pages: number of whole lines of pages in the journal.
        torn: number of lines of the journal that are no JSON.
        lost: number of pages that the journal held after the kill before, and holds no longer.
        doubled: number of pages with more than one line in the journal.
        orphans: number of processes that still ran ORPHANS_END_S after the kill, or INTERRUPT_ENDS_S after Ctrl-C
            or SIGTERM.
        broken: number of result files that are written in part.
        unlisted: number of pages that `summary.json` counts and `detections.json` lacks, or the other way round; after
            Ctrl-C and SIGTERM only, since a program that is killed cannot finish its files.
        equal: whether the results are those of a run that nobody killed; None where no run ended after this kill.
    """

    at_s: float
    how: How
    pages: int
    torn: int
    lost: int
    doubled: int
    orphans: int
    broken: int
    unlisted: int = 0
    equal: bool | None = None


class SlowColours(ColourEngine):
    """A detector of colours that takes 50 ms for a batch, so that runs last long enough to be killed."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(0.05)
        return super().detect(pages, conf, iou)


def make_source(folder: Path, documents: int) -> Path:
    """Writes PDFs of three pages, and pictures, with marks; some of the marks are codes that cannot be read."""
    for number in range(documents):
        if number % 4 == 3:
            make_image(folder / f"{number:03d}.png", [("stamp", (50, 40, 120, 90))])
        else:
            make_pdf(folder / f"{number:03d}.pdf", [[_STAMP], [], [_STAMP, _CODE]])
    return folder


def command(source: Path, output: Path, weights: Path | None) -> list[str]:
    """The command of a run that goes on where the last run stopped."""
    options = ["--source", str(source), "--output", str(output), "--resume", "--workers", "2", "--imgsz", "256"]
    options += ["--save-crops", "--save-pdf"]
    if weights is not None:
        return [sys.executable, "-m", "benchmarks.kills", "--run", *options, "--weights", str(weights)]
    return [sys.executable, "-m", "benchmarks.kills", "--run-colours", *options]


def run_infer(options: list[str], *, colours: bool) -> int:
    """Runs `docdetect infer` in this process; with `colours` a detector of colours takes the place of the network."""
    from docdetect.cli.main import run
    from docdetect.inference import networks as module

    if colours:
        vars(module)["load_engine"] = lambda *_, **__: SlowColours()
        vars(module)["resolve_weights"] = lambda *_: Path(__file__)
    return run(["--quiet", "infer", *options])


def kill_at_random(
    source: Path, folder: Path, kills: int, seed: int, weights: Path | None = None, interrupt: Interrupt | None = None
) -> Iterator[Kill]:
    """Kills runs and yields what each kill left behind.

    Args:
        source: the documents.
        folder: an empty folder for the results.
        kills: number of kills, at least 1.
        seed: random seed of the moments.
        weights: weights of a network; None takes a detector of colours.
        interrupt: press Ctrl-C, or send SIGTERM, instead.

    Raises:
        RuntimeError: a run that nobody killed failed, or one that was interrupted ended with an exit code other than
            0 and that of the signal.
    """
    output = folder / "out"
    whole_s = _undisturbed(command(source, output, weights))
    expected = compared_files(output)
    shutil.rmtree(output)
    rng = random.Random(seed)
    pages: frozenset[tuple[str, int]] = frozenset()
    pending: Kill | None = None
    done = 0
    while done < kills:
        run = ProcessTree(command(source, output, weights))
        at_s = rng.uniform(0.1, 0.8) * whole_s
        how = _how(done, interrupt)
        if _ends_before(run, at_s):
            _check_code(run)
            if pending is not None:
                yield _with_comparison(pending, compared_files(output) == expected)
            shutil.rmtree(output)
            pages, pending = frozenset(), None
            continue
        if how == "Ctrl-C":
            run.interrupt()
        elif interrupt == "SIGTERM":
            run.terminate(only_parent=how == "SIGTERM parent")
        else:
            run.kill(only_parent=how == "parent")
        orphans = run.left_after(INTERRUPT_ENDS_S if interrupt else ORPHANS_END_S)
        run.kill()
        run.process.wait()
        if interrupt and not orphans and run.process.returncode not in _HEARD[interrupt]:
            raise RuntimeError(f"{interrupt} ended a run with exit code {run.process.returncode}: {run.errors()}")
        if pending is not None:
            yield pending
        pending, pages = _inspect(output, pages, at_s, how, orphans)
        done += 1
    _undisturbed(command(source, output, weights))
    assert pending is not None
    yield _with_comparison(pending, compared_files(output) == expected)


def _how(done: int, interrupt: Interrupt | None) -> How:
    """How the kill after `done` others is done."""
    is_second = done % 2 == 1
    if interrupt == "SIGTERM":
        return "SIGTERM parent" if is_second else "SIGTERM"
    return interrupt or ("parent" if is_second else "all")


def _undisturbed(command: list[str]) -> float:
    """Runs a command that nobody kills; returns its wall seconds."""
    started_s = time.monotonic()
    run = ProcessTree(command)
    run.process.wait()
    _check_code(run)
    return time.monotonic() - started_s


def _check_code(run: ProcessTree) -> None:
    errors = run.errors()
    if run.process.returncode != 0:
        raise RuntimeError(f"a run that nobody killed ended with exit code {run.process.returncode}: {errors}")


def _ends_before(run: ProcessTree, at_s: float) -> bool:
    """Waits for `at_s` seconds; whether the run ended meanwhile."""
    deadline_s = time.monotonic() + at_s
    while time.monotonic() < deadline_s:
        if run.process.poll() is not None:
            return True
        time.sleep(0.002)
    return False


def _with_comparison(kill: Kill, equal: bool) -> Kill:
    return Kill(**(vars(kill) | {"equal": equal}))


def _inspect(
    output: Path, before: frozenset[tuple[str, int]], at_s: float, how: How, orphans: int
) -> tuple[Kill, frozenset[tuple[str, int]]]:
    """What a kill left in the output folder, and the pages that the journal holds now.

    Args:
        output: the output folder of the run.
        before: pages that the journal held after the kill before, as (document, page number).
        at_s, how, orphans: see `Kill`.
    """
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
    unlisted = 0 if how in ("all", "parent") else _unlisted(output)
    return Kill(at_s, how, len(pages), torn, lost, doubled, orphans, broken, unlisted), frozenset(pages)


def _unlisted(output: Path) -> int:
    """The difference between the pages of `summary.json` and of `detections.json`, 0 where neither is there yet."""
    counted, listed = output / "summary.json", output / "detections.json"
    total = json.loads(counted.read_bytes())["totals"]["pages"] if counted.is_file() else 0
    pages = sum(map(len, json.loads(listed.read_bytes()).values())) if listed.is_file() else 0
    return abs(int(total) - pages)


def _parsed(line: bytes) -> dict[str, object] | None:
    """The record in a line of the journal; None for a line that is torn."""
    try:
        record: dict[str, object] = json.loads(line)
    except ValueError:
        return None
    return record if line.endswith(b"\n") else None


def _is_whole(path: Path) -> bool:
    """Whether a result file is complete. Hidden files do not count, since they are not results yet."""
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
    """The kills as a Markdown table, with their sums in the last row."""
    head = "| killed after s | what | pages in journal | torn lines | lost | doubled | orphans | half-written |"
    rows = [f"{head} unlisted | bytes |", "|---:|---|---:|---:|---:|---:|---:|---:|---:|---|"]
    for kill in kills:
        same = {None: "", True: "equal", False: "DIFFERENT"}[kill.equal]
        figures = (kill.pages, kill.torn, kill.lost, kill.doubled, kill.orphans, kill.broken, kill.unlisted)
        rows.append(f"| {kill.at_s:.2f} | {kill.how} | {' | '.join(map(str, figures))} | {same} |")
    ended = [kill for kill in kills if kill.equal is not None]
    summed = ("torn", "lost", "doubled", "orphans", "broken", "unlisted")
    sums = [sum(getattr(kill, name) for kill in kills) for name in summed]
    same = f"{sum(kill.equal is True for kill in ended)} of {len(ended)} equal"
    return "\n".join([*rows, f"| {len(kills)} kills | | | {' | '.join(map(str, sums))} | {same} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30, help="number of kills")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the moments")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--ctrl-c", dest="interrupt", action="store_const", const="Ctrl-C", help="press Ctrl-C instead")
    how.add_argument("--sigterm", dest="interrupt", action="store_const", const="SIGTERM", help="send SIGTERM instead")
    parser.add_argument("--documents", type=int, default=40, help="made-up documents of up to three pages")
    parser.add_argument("--weights", type=Path, help="weights of a network, in place of a detector of colours")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = make_source(Path(folder) / "in", asked.documents)
        print(f"processor: {processor_summary()}\n")
        kills = kill_at_random(source, Path(folder), asked.kills, asked.seed, asked.weights, asked.interrupt)
        print(table(list(kills)))


if __name__ == "__main__":
    if sys.argv[1:2] in (["--run"], ["--run-colours"]):
        sys.exit(run_infer(sys.argv[2:], colours=sys.argv[1] == "--run-colours"))
    main()
