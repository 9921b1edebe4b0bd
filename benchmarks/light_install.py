"""What `pip install .` costs in a bare environment, and whether `infer` finds the same there as in this one.

A new virtual environment gets docdetect without any extra, from the versions of requirements.lock, with nothing from
pip's cache. Measured are the seconds of that one command and the bytes that it adds. `infer` then runs on the sample
documents in both environments, in the precision that it chooses by itself and in fp32.

Exit code 1 when the installation adds `--most` MB (of 2**20 bytes) or more, when PyTorch or Ultralytics came with it,
or when the marks differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from docdetect.machine import processor_name

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples"
UNWANTED = ("torch", "torchvision", "ultralytics", "matplotlib", "scipy", "pycocotools", "imagehash")
SAME_PX, SAME_CONFIDENCE = 1.0, 0.01


def main() -> int:
    """Installs, measures, compares; prints what it found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=float, default=700, help="MB that the installation may add")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the new environment")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = folder / "environment"
        subprocess.run([asked.python, "-m", "venv", str(environment)], check=True)
        scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
        before, started = size_bytes(environment), time.perf_counter()
        options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--constraint", "requirements.lock"]
        subprocess.run([str(scripts / "python"), "-m", "pip", "install", *options, "."], check=True, cwd=ROOT)
        seconds, added_mb = time.perf_counter() - started, (size_bytes(environment) - before) / 2**20
        print(f"installed in {seconds:.0f} s, {added_mb:.0f} MB added ({processor_name()})")
        problems = [f"{added_mb:.0f} MB are not under {asked.most:.0f} MB"] if added_mb >= asked.most else []
        problems += [f"{module} came with it" for module in UNWANTED if is_importable(scripts / "python", module)]
        for precision in ("auto", "fp32"):
            light = marks(scripts / "docdetect", folder / f"light_{precision}", precision)
            full = marks(Path(sys.executable).parent / "docdetect", folder / f"full_{precision}", precision)
            problems += [f"precision {precision}: {one}" for one in differences(light, full)]
            print(f"precision {precision}: {len(light)} marks on the sample documents")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def size_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; a link counts nothing."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def is_importable(python: Path, module: str) -> bool:
    """Whether an interpreter finds a module."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([str(python), "-c", code], check=False).returncode == 0


def marks(docdetect: Path, output: Path, precision: str) -> list[dict[str, Any]]:
    """What `infer` finds in the sample documents: its journal's marks, in the order of documents and pages."""
    places = ["--source", str(SAMPLES), "--output", str(output), "--device", "cpu"]
    command = [str(docdetect), "--quiet", "infer", *places, "--precision", precision]
    environment = {**os.environ, "XDG_CACHE_HOME": str(output.parent / "cache")}
    if docdetect.parent != Path(sys.executable).parent:
        environment.pop("PYTHONPATH", None)  # the installed package is meant, not a checkout
    subprocess.run(command, check=True, cwd=output.parent, env=environment)
    content = json.loads((output / "detections.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = []
    collect(content, "", found)
    return found


def collect(content: Any, place: str, found: list[dict[str, Any]]) -> None:
    """Adds everything in the JSON data that has a category and a confidence, with where it was."""
    if isinstance(content, dict):
        if "category" in content and "confidence" in content:
            found.append({"place": place, **content})
            return
        for key, value in content.items():
            collect(value, f"{place}/{key}", found)
    elif isinstance(content, list):
        for value in content:
            collect(value, place, found)


def differences(light: list[dict[str, Any]], full: list[dict[str, Any]]) -> list[str]:
    """How two lists of marks differ; boxes may do so by a pixel, since other builds of OpenCV may have run."""
    if [(one["place"], one["category"]) for one in light] != [(one["place"], one["category"]) for one in full]:
        return [f"{len(light)} marks, and {len(full)} in the whole installation, not the same ones"]
    told = []
    for mine, theirs in zip(light, full, strict=True):
        box, other = mine["bbox"], theirs["bbox"]
        moved = max(abs(float(box[side]) - float(other[side])) for side in box)
        if moved > SAME_PX or abs(mine["confidence"] - theirs["confidence"]) > SAME_CONFIDENCE:
            told.append(f"{mine['place']}: {mine['category']} differs by {moved:.2f} px")
    return told


if __name__ == "__main__":
    sys.exit(main())
