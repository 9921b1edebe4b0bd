"""Every command that the README shows runs, in its order, on small documents and with a tiny network."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from docdetect.cli.main import run
from tests.support.documents import make_documents
from tests.support.tiny_network import write_architecture

README = Path(__file__).parents[1] / "README.md"
SMALL = {  # what makes a command small; the command itself stays as the README has it
    "prepare": "--by document --set data.workers=1",
    "train": "--model yolo11n-tiny.yaml --epochs 1 --imgsz 96 --batch 4 --workers 0 --set train.freeze=0",
    "val": "--imgsz 96 --set figures.resamples=20",
    "infer": "--imgsz 96 --workers 1",
    "synth": "--pages 3 --imgsz 256 --workers 1",
    "config": "",
    "doctor": "--quick",
}


def commands() -> list[str]:
    """The docdetect commands in the README's bash blocks, without their comments."""
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_the_two_commands_stand_at_the_top_and_are_targets_of_the_makefile() -> None:
    top = README.read_text(encoding="utf-8")[:600]
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"\nmake {target} " in top
        assert f"\n{target}: setup" in makefile


@pytest.mark.slow
def test_every_command_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = make_documents(tmp_path / "data" / "raw", ("a.pdf", "b.pdf", "c.pdf"))
    (tmp_path / "scans").symlink_to(made.pdfs, target_is_directory=True)
    write_architecture(tmp_path)
    shown = commands()
    assert {line.split()[1] for line in shown} >= {"prepare", "train", "val", "infer", "synth", "config"}
    for line in shown:
        program, *words = shlex.split(line)
        assert program == "docdetect", line
        assert run([*words, *shlex.split(SMALL[words[0]])]) == 0, line
