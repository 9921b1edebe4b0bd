"""Measures what `pip install .` costs, and whether `infer` finds the same marks there as in the whole installation.

    python -m benchmarks.light_install [--most 700] [--python PYTHON]

A new virtual environment gets docdetect without any extra, with the versions of requirements.lock and with nothing from
pip's cache. Printed are the seconds of that one command and the bytes that it adds. The alternative is the environment
that this program runs in, with all extras: `infer` detects marks on the sample documents in both environments, in the
precision that it chooses by itself and in fp32.

The exit code is 1 when the installation adds --most MiB or more, when PyTorch or another library of
UNWANTED came with it, or when the marks differ.
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

from docdetect.machine import processor_summary

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples"

# Libraries of the extras, which an installation without extras must not bring.
UNWANTED = ("torch", "torchvision", "ultralytics", "matplotlib", "scipy", "pycocotools", "imagehash")

# Largest differences of two boxes in px, and of their confidences, that count as the same mark: the two environments
# may have other builds of OpenCV.
SAME_PX, SAME_CONFIDENCE = 1.0, 0.01


def main() -> int:
    """Installs docdetect, measures, compares, and prints the figures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=float, default=700, help="MiB that the installation may add")
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
        seconds, added_mib = time.perf_counter() - started, (size_bytes(environment) - before) / 2**20
        print(f"processor: {processor_summary()}")
        print(f"pip install . took {seconds:.0f} s and added {added_mib:.0f} MiB")
        problems = []
        if added_mib >= asked.most:
            problems.append(f"the installation adds {added_mib:.0f} MiB, which is not under {asked.most:.0f} MiB")
        unwanted = (module for module in UNWANTED if is_importable(scripts / "python", module))
        problems += [f"{module} came with the installation and belongs to an extra" for module in unwanted]
        for precision in ("auto", "fp32"):
            light = marks(scripts / "docdetect", folder / f"light_{precision}", precision)
            full = marks(Path(sys.executable).parent / "docdetect", folder / f"full_{precision}", precision)
            problems += [f"precision {precision}: {one}" for one in differences(light, full)]
            print(f"precision {precision}: {len(light)} marks on the sample documents")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def size_bytes(folder: Path) -> int:
    """Bytes of all files in a folder and its subfolders; symbolic links do not count."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def is_importable(python: Path, module: str) -> bool:
    """Whether the Python interpreter at `python` finds a module."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([str(python), "-c", code], check=False).returncode == 0


def marks(docdetect: Path, output: Path, precision: str) -> list[dict[str, Any]]:
    """Runs `infer` on the sample documents and returns its marks, in the order of documents and pages.

    Args:
        docdetect: the program of the environment.
        output: folder for the results.
        precision: value of the option --precision.
    """
    places = ["--source", str(SAMPLES), "--output", str(output), "--device", "cpu"]
    command = [str(docdetect), "--quiet", "infer", *places, "--precision", precision]
    environment = {**os.environ, "XDG_CACHE_HOME": str(output.parent / "cache")}
    if docdetect.parent != Path(sys.executable).parent:
        # Without the variable Python takes the installed package, and not a checkout.
        environment.pop("PYTHONPATH", None)
    subprocess.run(command, check=True, cwd=output.parent, env=environment)
    content = json.loads((output / "detections.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = []
    collect(content, "", found)
    return found


def collect(content: Any, place: str, found: list[dict[str, Any]]) -> None:
    """Adds every mark in JSON data (an object with a category and a confidence) to `found`, with its place there."""
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
    """Sentences that say how two lists of marks differ; none where they are the same within SAME_PX."""
    if [(one["place"], one["category"]) for one in light] != [(one["place"], one["category"]) for one in full]:
        return [f"{len(light)} marks are not the {len(full)} marks that the whole installation finds"]
    found = []
    for one, other in zip(light, full, strict=True):
        moved_px = max(abs(float(one["bbox"][side]) - float(other["bbox"][side])) for side in one["bbox"])
        confidence_gap = abs(one["confidence"] - other["confidence"])
        if moved_px > SAME_PX or confidence_gap > SAME_CONFIDENCE:
            found.append(
                f"{one['place']}: {one['category']} differs by {moved_px:.2f} px and {confidence_gap:.3f} in confidence"
            )
    return found


if __name__ == "__main__":
    sys.exit(main())
