"""The notebook and the page about the Python API run as they are; the notebook is kept without output."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docdetect.annotations.native import annotations_from_json
from docdetect.files import read_json

DOCS = Path(__file__).parents[1] / "docs"


def test_the_notebook_runs_and_shows_marks() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(DOCS / "python.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "strip the output of the notebook"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(DOCS)}}).execute()
    text = "".join(output.get("text", "") for cell in code for output in cell.outputs)
    for said in ("signature", "stamp", "failed", '"bbox"', "of them complete"):
        assert said in text, said
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs), "no page was drawn"


def test_the_examples_of_the_page_about_python_run(tmp_path: Path) -> None:
    samples = DOCS.parent / "data" / "samples"
    shutil.copy(samples / "power-of-attorney.pdf", tmp_path / "contract.pdf")
    shutil.copy(samples / "resolution.png", tmp_path / "page.png")
    (tmp_path / "scans").mkdir()
    shutil.copy(samples / "letter.jpg", tmp_path / "scans")
    (tmp_path / "scans" / "broken.pdf").write_bytes(b"no document")
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)).replace("Timer(60", "Timer(0")
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "signature" in done.stdout
    assert "broken.pdf unreadable" in done.stdout
    found = annotations_from_json(read_json(tmp_path / "detections.json"), "detections.json")
    assert list(found) == ["letter.jpg"]
