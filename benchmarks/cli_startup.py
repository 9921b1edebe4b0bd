"""Measures how long `docdetect --help` takes, against Ultralytics' `yolo help`.

    python -m benchmarks.cli_startup [--runs 7]

Both commands run as whole processes in turn (A B A B ...), after one warm-up of each. Printed are the median wall
seconds of each command, and the median of the ratios of the pairs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from docdetect.machine import processor_summary

BIN = Path(sys.executable).parent
COMMANDS = {
    "docdetect --help": [str(BIN / "docdetect"), "--help"],
    "docdetect infer --help": [str(BIN / "docdetect"), "infer", "--help"],
    "yolo help": [str(BIN / "yolo"), "help"],
}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall seconds of one process."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs of each command")
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "YOLO_CONFIG_DIR": folder, "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
        for command in COMMANDS.values():
            seconds(command, environment)
        times_s = [[seconds(command, environment) for command in COMMANDS.values()] for _ in range(runs)]
    print(f"processor: {processor_summary()}")
    for position, name in enumerate(COMMANDS):
        column = sorted(row[position] for row in times_s)
        print(f"{name:<22} median {statistics.median(column):.2f} s (min {column[0]:.2f}, max {column[-1]:.2f})")
    ratio = statistics.median(yolo_s / docdetect_s for docdetect_s, _, yolo_s in times_s)
    print(f"yolo help takes {ratio:.1f} times as long as docdetect --help (median of {runs} pairs)")


if __name__ == "__main__":
    main()
