"""What works without the extras: `infer`, without PyTorch and Ultralytics; other commands say what they lack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docdetect.cli.main import run
from docdetect.cli.tree import TREE
from docdetect.doctor import COMMANDS_OF_EXTRA, State, check_extras
from docdetect.machine import EXTRA_MODULES

ROOT = Path(__file__).parents[1]
HEAVY = sorted({name for modules in EXTRA_MODULES.values() for name in modules} | {"nncf", "onnx", "onnxruntime"})

# Runs a command line in a process in which the modules of the extras cannot be imported.
WITHOUT_EXTRAS = """
import sys
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

HEAVY = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocked())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name.partition(".")[0] in HEAVY else found(name, *rest)
from docdetect import machine
if sys.argv[2]:
    machine.processor_flags = lambda: frozenset({sys.argv[2]})
from docdetect.cli.main import run
code = run(sys.argv[3:])
assert not HEAVY & set(sys.modules)
sys.exit(code)
"""


def without_extras(words: list[str], cache: Path, flag: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": ":".join(filter(None, sys.path))}
    command = [sys.executable, "-c", WITHOUT_EXTRAS, ",".join(HEAVY), flag, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=cache)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flag", "asked", "precision"),
    [("", "auto", ""), ("avx2", "auto", "int8"), ("sse4_2", "auto", "fp32"), ("avx2", "fp32", "fp32")],
)
def test_the_bundled_networks_look_together_on_any_processor(
    tmp_path: Path, flag: str, asked: str, precision: str
) -> None:
    """Weights of half range are exact in int8 without dot products, too; fp32 runs from the forms without PyTorch."""
    sample, output = ROOT / "data" / "samples" / "letter.jpg", tmp_path / "out"
    words = ["infer", "--source", str(sample), "--output", str(output), "--workers", "1", "--precision", asked]
    done = without_extras([*words, "--device", ""], tmp_path, flag)
    assert done.returncode == 0, done.stderr
    settings = json.loads((output / "summary.json").read_text(encoding="utf-8"))["settings"]
    assert settings["engine"] == "openvino"
    assert len(settings["ensemble"]) == 2
    assert {network.partition("@")[0] for network in settings["ensemble"]} == {"docdetect-n", "docdetect-s"}
    if precision:
        assert settings["precision"] == precision
    assert "converting" not in done.stderr
    assert (output / "pages").is_dir()


def test_a_command_without_its_extra_says_how_to_add_it(tmp_path: Path) -> None:
    done = without_extras(["train", "--data", "none"], tmp_path)
    assert done.returncode == 5
    assert "docdetect train needs packages that are not installed" in done.stderr
    assert 'pip install "docdetect[train]"' in done.stderr
    (tmp_path / "mine.pt").write_bytes(b"x")
    done = without_extras(["infer", "--source", str(ROOT / "data" / "samples"), "--weights", "mine.pt"], tmp_path)
    assert done.returncode == 5
    assert "mine.pt: loading a checkpoint needs packages" in done.stderr
    assert "docdetect export" in done.stderr
    assert without_extras(["train", "--help"], tmp_path).returncode == 0


def test_one_table_of_commands_and_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    by_extra = {extra: ", ".join(one.name for one in TREE if one.extra == extra) for extra in EXTRA_MODULES}
    assert by_extra == COMMANDS_OF_EXTRA
    assert {one.state for one in check_extras()} == {State.GOOD}
    monkeypatch.setitem(sys.modules, "torch", None)
    train = next(one for one in check_extras() if one.subject == "[train]")
    assert (train.state, train.remedy) == (State.NOTE, 'pip install "docdetect[train]"')
    assert "without torch" in train.detail
    assert run(["val", "--weights", "none"]) == 5


def test_the_extras_of_the_package_are_the_modules_that_are_looked_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").lower()
    base = text.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    extras = text.split("[project.optional-dependencies]", 1)[1].split("\n[", 1)[0]
    for modules in EXTRA_MODULES.values():
        for name in modules:
            package = name.lower().replace("_", "-")
            assert f'"{package}>=' in extras
            assert f'"{package}>=' not in base
