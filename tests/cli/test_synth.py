"""`docdetect synth` from the command line: exit codes, messages, the JSON summary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docdetect.cli.main import run


def arguments(output: Path, *more: str) -> list[str]:
    small = ["--imgsz", "256", "--workers", "1", "--set", "synth.system_fonts=false"]
    return ["synth", "--output", str(output), *small, *more]


def test_first_again_more_and_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    assert run(["--json", *arguments(folder, "--pages", "2", "--preview")]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pages"], summary["made"]) == (2, 2)
    assert set(summary["marks"]) == {"qr", "signature", "stamp"}
    assert (folder / "preview.jpg").is_file()
    assert run(["--json", *arguments(folder, "--pages", "3")]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["made"] == 1
    assert shown.err.endswith(f"next: docdetect train --data {folder}\n")
    assert run(arguments(folder, "--pages", "3", "--seed", "5")) == 6
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"error: {folder}: the folder holds pages made with other settings",
        "  Choose another folder with --output, or add --overwrite to replace them.",
    ]


def test_missing_ink_and_wrong_names_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(tmp_path / "a", "--ink", str(tmp_path / "none.jsonl"))) == 4
    assert "none.jsonl" in capsys.readouterr().err
    assert run(arguments(tmp_path / "a", "--set", "synth.papers={vellum: 1}")) == 3
    assert "papers: vellum not among digital, scan, copy, fax, camera" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
