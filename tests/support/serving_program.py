"""`docdetect serve` as a program of its own, for tests that kill it: without a network, and as slow as is wanted.

python -m tests.support.serving_program SECONDS_A_PAGE|network LOG_FILE OPTIONS...

`network` in place of the seconds serves with a network, as `docdetect serve` does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docdetect.cli.main import run
from docdetect.inference import networks
from docdetect.types import ByteArray, Detections
from tests.support.fakes import ColourEngine


class SlowEngine(ColourEngine):
    """Takes its time for every page."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        time.sleep(seconds * len(pages))
        return super().detect(pages, conf, iou)


def loaded(*_: Any, **__: Any) -> ColourEngine:
    """The engine."""
    return SlowEngine()


if __name__ == "__main__":
    sys.stderr = Path(sys.argv[2]).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - open until the end
    if sys.argv[1] != "network":
        seconds = float(sys.argv[1])
        vars(networks)["load_engine"] = loaded
        vars(networks)["resolve_weights"] = lambda *_: Path(__file__)
    sys.exit(run(["serve", *sys.argv[3:]]))
