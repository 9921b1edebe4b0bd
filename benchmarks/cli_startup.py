"""How long the command line takes to show its help, against Ultralytics' `yolo help`, in one run.

Whole processes in turn (A B A B ...), after one warm-up of each; prints the median of each and of the pairwise ratio.
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

BIN = Path(sys.executable).parent
COMMANDS = {"docdetect --help": [str(BIN / "docdetect"), "--help"], "yolo help": [str(BIN / "yolo"), "help"]}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall seconds of one process."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "YOLO_CONFIG_DIR": folder, "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
        for command in COMMANDS.values():
            seconds(command, environment)
        taken = [[seconds(command, environment) for command in COMMANDS.values()] for _ in range(runs)]
    for position, name in enumerate(COMMANDS):
        column = sorted(row[position] for row in taken)
        print(f"{name:<18} median {statistics.median(column):.2f} s (min {column[0]:.2f}, max {column[-1]:.2f})")
    ratio = statistics.median(theirs / ours for ours, theirs in taken)
    print(f"yolo help takes {ratio:.1f} times as long (median of {runs} pairs)")


if __name__ == "__main__":
    main()
