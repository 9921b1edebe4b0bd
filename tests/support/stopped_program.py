"""`docdetect infer` as a program of its own, for tests that send it signals: no network, and documents that may hang.

python -m tests.support.stopped_program WHERE_IT_IS_SLOW OPTIONS...
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docdetect.cli.main import run
from docdetect.inference import networks
from docdetect.inference import run as module
from docdetect.inference.report import InferReport
from docdetect.types import ByteArray, Detections
from tests.support.fakes import ColourEngine
from tests.support.hostile import open_announcing


class SlowEngine(ColourEngine):
    """Takes its time."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(0.05)
        return super().detect(pages, conf, iou)


def loaded(*_: Any, **__: Any) -> ColourEngine:
    """The engine; says on stderr that it is being loaded."""
    print("loading", file=sys.stderr, flush=True)
    if where == "start-up":
        time.sleep(60)
    return SlowEngine()


def write_slowly(report: InferReport, *_: Any, **__: Any) -> None:
    """In place of writing the last file; says that it has begun."""
    (report.output / "writing").touch()
    time.sleep(60)


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # a test that finds it hanging asks where
    where, *options = sys.argv[1:]
    vars(networks)["load_engine"] = loaded
    vars(networks)["resolve_weights"] = lambda *_: Path(__file__)
    if where == "page":
        vars(module)["DocumentOpener"] = lambda *_: open_announcing
    if where == "files":
        vars(module)["write_summary"] = write_slowly
    sys.exit(run(["infer", *options]))
