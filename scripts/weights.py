"""Make the bundled networks on one machine without a network: `make weights`, after `make weights-pack` elsewhere.

    python -m scripts.weights run PACK --output OUT --minutes 14
    python -m scripts.weights join OUT/docdetect-s.json docdetect-s.pt

`run` installs the wheels of the pack beside it, trains all networks of its recipe on the same batches within the time,
and writes them in parts below 16 MiB. It goes on where an earlier session stopped. This file imports nothing but the
standard library before the wheels are there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
# Seconds of the budget that are kept for loading pages and for the evaluation at the end.
RESERVE_S = 120.0
# What makes a rehearsal small: everything else is the very same code.
TINY = (
    *("train.imgsz=128", "train.batch=2", "train.steps=4", "train.hours=0.0"),
    "train.synth={share: 0.5, pages: 8, first: 1, workers: 1}",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one of the two commands; returns the exit code."""
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train on this machine")
    run.add_argument("pack", type=Path, help="the folder that scripts.weights_pack has made")
    run.add_argument("--output", type=Path, required=True, help="folder of the networks, in parts")
    run.add_argument("--minutes", type=float, default=14.0, help="time of everything together")
    run.add_argument("--pause", type=float, default=0.0, help="hours of this session; the next one goes on")
    run.add_argument("--device", default="", help="cpu, or the number of a GPU")
    run.add_argument("--tiny", action="store_true", help="a rehearsal of a minute, with small pages and few steps")
    run.add_argument("--set", dest="more", action="append", default=[], help="a key of the recipe, KEY=VALUE")
    join = commands.add_parser("join", help="make one file of the parts of a network")
    join.add_argument("parts", type=Path, help="the list of parts, NAME.json")
    join.add_argument("target", type=Path, help="the weights file to write")
    chosen = parser.parse_args(arguments)
    sys.path.insert(0, str(SOURCE))
    if chosen.command == "join":
        return _join(chosen.parts, chosen.target)
    site = install_wheels(chosen.pack / "wheels", chosen.pack / "site")
    if site is not None:
        sys.path.insert(0, str(site))
        os.environ["PYTHONPATH"] = os.pathsep.join(  # for the processes that make pages
            [str(SOURCE), str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    return train(chosen, began)


def install_wheels(wheels: Path, site: Path) -> Path | None:
    """Installs the wheels of a pack into a folder, once; None where the pack has none."""
    if not wheels.is_dir() or not any(wheels.glob("*.whl")):
        return None
    if not (site / ".done").is_file():
        shutil.rmtree(site, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        subprocess.run([*command, "--target", str(site), *map(str, sorted(wheels.glob("*.whl")))], check=True)
        (site / ".done").touch()
    return site


def train(chosen: argparse.Namespace, began: float) -> int:
    """Trains within the time, or goes on; writes the networks and what is known about the run."""
    from docdetect.config.loading import load_config
    from docdetect.errors import DocdetectError
    from docdetect.training.listeners import Listeners
    from docdetect.training.resuming import train_or_go_on

    pack = chosen.pack.resolve()
    if not (pack / "weights.yaml").is_file():
        print(f"{pack}: no pack of weights\nMake one with make weights-pack, and carry it here.", flush=True)
        return 4
    hours = max(60.0, 60 * chosen.minutes - RESERVE_S - (time.monotonic() - began)) / 3600
    settings = [
        f"train.hours={hours:.5f}",
        f"train.pause_hours={float(chosen.pause)}",
        f"train.device='{chosen.device}'",
        *(TINY if chosen.tiny else ()),
        *chosen.more,
    ]
    listeners = Listeners(announce=lambda text: print(text, flush=True), on_progress=_Printed(began))
    here = Path.cwd()
    os.chdir(pack)  # the recipe names its data relative to itself
    try:
        run = train_or_go_on(load_config("weights.yaml", settings), listeners).folder.resolve()
    except DocdetectError as error:
        print(f"{error.message}\n{error.remedy}", flush=True)
        return error.exit_code
    finally:
        os.chdir(here)
    written = write_output(run, chosen.output)
    seconds = time.monotonic() - began
    print(f"{', '.join(written)} in {chosen.output} after {seconds:.0f} s", flush=True)
    return 0


def write_output(run: Path, output: Path) -> list[str]:
    """Writes the networks of a run in parts, and its records; returns the names of the networks."""
    from docdetect.models.parts import split_into_parts

    output.mkdir(parents=True, exist_ok=True)
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    names = []
    for name, network in record["networks"].items():
        split_into_parts((run / network["file"]).read_bytes(), output, name)
        names.append(name)
    for file in ("run.json", "steps.csv", "config.yaml"):
        shutil.copyfile(run / file, output / file)
    return names


def _join(parts: Path, target: Path) -> int:
    from docdetect.errors import DocdetectError
    from docdetect.models.parts import join_parts

    try:
        target.write_bytes(join_parts(parts))
    except DocdetectError as error:
        print(f"{error.message}\n{error.remedy}")
        return error.exit_code
    print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB")
    return 0


class _Printed:
    """Progress as a line every ten seconds."""

    def __init__(self, began: float) -> None:
        self._began, self._last = began, 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        if now - self._last > 10:
            self._last = now
            print(f"[{now - self._began:6.1f} s] {done}/{total} {note}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
