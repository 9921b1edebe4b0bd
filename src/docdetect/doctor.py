"""The checks of `docdetect doctor`. They raise nothing, because a broken installation is what they are about."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from docdetect.machine import EXTRA_MODULES, available_cores, has_native_bf16, missing_modules, processor_flags

_BASIC_PACKAGES = ("typer", "rich", "pydantic", "yaml", "numpy", "pandas", "PIL", "cv2", "pymupdf", "zxingcpp")
COMMANDS_OF_EXTRA = {
    "data": "prepare, split, synth, cutouts, audit, select",
    "train": "train, val, crossval, reproduce, compare, calibrate, promote, export",
    "serve": "serve, review",
}
_OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_CPU_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8", "avx512_vnni", "avx_vnni")
_IMPORT_TIMEOUT_S = 120


class State(str, Enum):
    """How well something works: `ok`, `note` (worth knowing, and everything works) or `broken`."""

    GOOD = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        subject: what was looked at, such as `OpenCV`.
        state: whether it works.
        detail: what was found.
        remedy: what to do about it; "" when there is nothing to do.
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""


def examine(*, quick: bool = False) -> list[Finding]:
    """Every finding on this machine, in a fixed order; `quick` leaves out what imports torch."""
    checks: list[Callable[[], list[Finding]]] = [check_python, check_packages, check_opencv, check_fonts, check_writing]
    checks += [check_weights, check_extras]
    if not quick:
        checks += [check_torch, check_openvino, check_cpu]
    return [finding for check in checks for finding in check()]


def check_python() -> list[Finding]:
    """The interpreter against the range that docdetect supports."""
    found = platform.python_version()
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        return [Finding("Python", State.GOOD, f"{found} on {platform.system()} {platform.machine()}")]
    return [Finding("Python", State.BROKEN, found, "Use Python 3.10 to 3.13.")]


def check_packages() -> list[Finding]:
    """The packages without which no command works, imported one by one."""
    findings = []
    for name in _BASIC_PACKAGES:
        problem = _import_problem(name)
        if problem:
            findings.append(Finding(name, State.BROKEN, problem, _import_remedy(name, problem)))
    return findings or [Finding("packages", State.GOOD, f"{', '.join(_BASIC_PACKAGES)} can be imported")]


def check_opencv() -> list[Finding]:
    """Two OpenCV distributions write the same files: the one installed last wins, and removing either breaks both."""
    installed = [name for name in _OPENCVS if _version(name)]
    if len(installed) > 1:
        keep = installed[-1]
        others = " ".join(installed)
        remedy = f"pip uninstall -y {others} && pip install {keep}"
        return [Finding("OpenCV", State.BROKEN, f"{' and '.join(installed)} are both installed", remedy)]
    if not installed:
        return [Finding("OpenCV", State.BROKEN, "not installed", "pip install opencv-python-headless")]
    return [Finding("OpenCV", State.GOOD, f"{installed[0]} {_version(installed[0])}")]


def check_fonts() -> list[Finding]:
    """The font that names are drawn with; it comes with docdetect and covers Latin, Greek and Cyrillic."""
    font = Path(__file__).parent / "documents" / "fonts" / "DejaVuSans-Bold.ttf"
    if font.is_file():
        return [Finding("fonts", State.GOOD, "DejaVu Sans (comes with docdetect)")]
    return [Finding("fonts", State.BROKEN, f"{font} is missing", "Install docdetect again.")]


def check_extras() -> list[Finding]:
    """The extras of the package: which commands cannot run here, and what adds them."""
    findings = []
    for extra, commands in COMMANDS_OF_EXTRA.items():
        missing = missing_modules(EXTRA_MODULES[extra])
        if missing:
            detail = f"{commands} cannot run without {', '.join(missing)}"
            findings.append(Finding(f"[{extra}]", State.NOTE, detail, f'pip install "docdetect[{extra}]"'))
        else:
            findings.append(Finding(f"[{extra}]", State.GOOD, f"installed, for {commands}"))
    return findings


def check_writing() -> list[Finding]:
    """Whether runs/ or the current folder, and the folder for temporary files, can be written."""
    findings = []
    for label, folder in (("current folder", Path.cwd()), ("temporary files", Path(tempfile.gettempdir()))):
        if os.access(folder, os.W_OK):
            findings.append(Finding(label, State.GOOD, f"{folder} can be written"))
        else:
            remedy = "Results go to runs/ here unless --output says otherwise: give a folder you may write to."
            findings.append(Finding(label, State.NOTE, f"{folder} cannot be written", remedy))
    return findings


def check_weights() -> list[Finding]:
    """The weights that came with docdetect, against their manifest, and whether ensembles of them are whole."""
    from docdetect.errors import DocdetectError
    from docdetect.models.bundled import WeightsState, list_bundled, list_ensembles
    from docdetect.models.weights import BUNDLED_FOLDER, DEFAULT_ENSEMBLE, DEFAULT_NAME

    remedy = "Install docdetect again, or restore the folder from the repository."
    try:
        found = list_bundled(BUNDLED_FOLDER)
    except DocdetectError as error:
        return [Finding("weights", State.BROKEN, error.message, remedy)]
    if not found:
        return [Finding("weights", State.NOTE, "none came with this docdetect", "Train some with docdetect train.")]
    spoilt = any(one.state in (WeightsState.DAMAGED, WeightsState.MISSING) for one in found)
    detail = ", ".join(f"{one.name} {one.state.value}" for one in found)
    findings = [Finding("weights", State.BROKEN if spoilt else State.GOOD, detail, remedy if spoilt else "")]
    ensembles = list_ensembles(BUNDLED_FOLDER)
    for one in ensembles:
        state, detail = (State.BROKEN, one.problem) if one.problem else (State.GOOD, ", ".join(one.networks))
        findings.append(Finding(one.name, state, detail, remedy if one.problem else ""))
    if DEFAULT_ENSEMBLE not in [one.name for one in ensembles]:
        detail = f"this ensemble did not come with docdetect: infer looks with {DEFAULT_NAME} alone"
        findings.append(Finding(DEFAULT_ENSEMBLE, State.NOTE, detail, remedy))
    return findings


def check_torch() -> list[Finding]:
    """torch, torchvision's compiled operators (they break when the two do not match), Ultralytics, and CUDA."""
    if missing_modules(["torch"]):
        return []  # reported by check_extras
    problem = _import_problem("torch")
    if problem:
        return [Finding("torch", State.BROKEN, problem, "pip install --force-reinstall torch torchvision")]
    import torch

    findings = [Finding("torch", State.GOOD, torch.__version__)]
    probe = "import torch, torchvision.ops as o; o.nms(torch.tensor([[0.,0.,1.,1.]]), torch.tensor([1.]), .5)"
    problem = _run_problem(probe)
    if problem:
        remedy = "torchvision does not match torch: pip install --force-reinstall torch torchvision, from one index."
        findings.append(Finding("torchvision", State.BROKEN, problem, remedy))
    else:
        findings.append(Finding("torchvision", State.GOOD, _version("torchvision")))
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        findings.append(Finding("CUDA", State.GOOD, names))
    else:
        findings.append(Finding("CUDA", State.NOTE, "no GPU that torch can use; everything runs on the CPU"))
    ultralytics = _version("ultralytics")
    state, remedy = (State.GOOD, "") if ultralytics else (State.BROKEN, 'pip install "docdetect[train]"')
    return [*findings, Finding("Ultralytics", state, ultralytics or "not installed", remedy)]


def check_openvino() -> list[Finding]:
    """OpenVINO, the engine of CPUs; without it torch does the work, more slowly."""
    found = _version("openvino")
    if found:
        return [Finding("OpenVINO", State.GOOD, found)]
    return [Finding("OpenVINO", State.NOTE, "not installed; infer is slower without it", "pip install openvino")]


def check_cpu() -> list[Finding]:
    """Cores, and the vector instructions that decide how fast a network runs."""
    features = processor_flags()
    known = ", ".join(feature for feature in _CPU_FEATURES if feature in features) or "unknown"
    findings = [Finding("CPU", State.GOOD, f"{available_cores()} cores; {known}")]
    if features and not has_native_bf16():
        findings.append(Finding("bf16", State.NOTE, "this CPU has no native bfloat16; training and inference use fp32"))
    return findings


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _import_problem(name: str) -> str:
    try:
        importlib.import_module(name)
    except (ImportError, OSError) as error:  # a missing shared library is an ImportError or an OSError
        return str(error).splitlines()[0]
    return ""


def _import_remedy(name: str, problem: str) -> str:
    if name == "cv2" and ("libGL" in problem or "libgthread" in problem or "libglib" in problem):
        return (
            "OpenCV lacks a system library: apt-get install libgl1 libglib2.0-0, or "
            "pip uninstall -y opencv-python && pip install opencv-python-headless"
        )
    return f"pip install --force-reinstall {'pyyaml' if name == 'yaml' else 'pillow' if name == 'PIL' else name}"


def _run_problem(code: str) -> str:
    """The last line of stderr when `code` fails in a process of its own: a broken binary may end the process."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_IMPORT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_IMPORT_TIMEOUT_S} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with exit status {done.returncode}"
