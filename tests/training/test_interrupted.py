"""SIGTERM for every process of a training: those that load or make pages do not end before the program."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from docdetect.training.records import RunFolder
from tests.support.process_tree import ProcessTree
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")]

_PATIENCE_S = 30.0  # for loaded machines


@pytest.mark.parametrize("views", ["loader", "device"])
def test_sigterm_ends_a_training_in_order(dataset: Path, tiny_yaml: Path, tmp_path: Path, views: str) -> None:
    recipe = [f"data={dataset}", f"model={tiny_yaml}", f"runs={tmp_path}", "imgsz=96", "freeze=0", "device=cpu"]
    if views == "loader":
        recipe += ["epochs=10000", "batch=3", "workers=2"]
        begun = "training_metrics.csv"
    else:
        recipe += ["steps=1000000", "batch=2", "views=device", "checkpoint_s=0", "synth.share=0.5", "synth.workers=1"]
        recipe += ["synth.first=1", "synth.pages=4"]
        begun = "checkpoints/*"
    assignments = [word for value in recipe for word in ("--set", f"train.{value}")]
    assignments += ["--set", "synth.classes=[qr, signature, stamp]", "--set", "synth.system_fonts=false"]
    tree = ProcessTree([sys.executable, "-m", "docdetect", "train", *assignments])
    try:
        wait_until(lambda: tree.process.poll() is not None or list(tmp_path.glob(f"*/{begun}")), 120)
        assert len(tree.alive()) > 1, tree.errors()
        tree.terminate()
        assert tree.left_after(_PATIENCE_S) == 0
    finally:
        tree.kill()
    text = tree.errors()
    assert tree.process.returncode == 143, text
    assert "Traceback" not in text
    (folder,) = tmp_path.iterdir()
    assert json.loads(RunFolder(folder).record.read_text(encoding="utf-8"))["state"] == "interrupted"
    assert text.endswith("error: interrupted\n  What was finished is kept.\n")
