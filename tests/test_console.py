"""What the console writes, whatever the locale is and whoever reads it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docdetect.console import Console, visible

NAME = "Договор № 5 ✓.pdf"
COMMAND = "from docdetect.cli.main import main; main()"


def docdetect(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, env={**os.environ, **environment}, check=False)


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "cp1251"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda environment: " ".join(environment.values()),
)
def test_machine_output_does_not_depend_on_the_locale(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"infer: {{include: ['{NAME}']}}\n", encoding="utf-8")
    settings = ["config", "show", "infer", "--config", str(file)]
    done = docdetect("--json", *settings, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode("ascii"))["infer"]["include"] == [NAME]
    done = docdetect(*settings, **environment)
    assert f"include: [{NAME}]" in done.stdout.decode("utf-8")
    for arguments in (["--help"], ["infer", "--help-all"]):
        done = docdetect(*arguments, **environment)
        assert (done.returncode, done.stderr) == (0, b"")
    done = docdetect("config", "validate", NAME, **environment)
    assert done.returncode == 4
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["infer", "--help-all"], ["config", "show"], ["--json", "config", "show"], ["--version"]]
)
def test_a_reader_that_stops_is_no_bug(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_work_goes_on_when_nobody_reads_the_messages(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from docdetect.console import Console
console = Console()
console.info("one")
console.table("Two", ["a"], [["b"]])
with console.progress("three") as advance:
    advance(1, 1, "")
console.warn("four")
Path({str(tmp_path / "done")!r}).touch()
"""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", code], stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert (tmp_path / "done").exists()


def test_what_a_terminal_would_obey_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.warn("\x1b]0;pwned\x07.pdf: broken\n  and more")
    console.table("Texts", ["text"], [["\x1b[2J\nhttp://a.b"]])
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert r"\x1b]0;pwned\x07.pdf: broken" in shown
    assert "\n  and more\n" in shown, "messages may have several lines"
    assert r"\x1b[2J\nhttp://a.b" in shown


def test_a_table_fits_a_narrow_terminal_and_one_without_rows_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    Console().table("Runs", ["name", "what it is"], [["yolo11s_frozen10_20250101", "words " * 10]], whole=("name",))
    lines = capsys.readouterr().err.splitlines()
    assert any("yolo11s_frozen10_20250101" in line for line in lines)
    assert max(map(len, lines)) <= 40
    assert lines[1][-1] == "┓"
    Console().table("Runs", ["name"], [])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("width", [60, 80, 200])
def test_numbers_of_a_table_never_break(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    columns = ["", "run", "AP50", "AP50-95", "MB", "s/page"]
    name = "yolo11s_frozen10_20250101_120000"
    Console().table("Runs", columns, [["A", name, "0.750", "0.625", "19.1", "-"]], whole=("run",))
    text = capsys.readouterr().err
    assert max(map(len, text.splitlines())) <= width
    assert re.search("│ ?0.750 ?│", text)
    assert re.search("│ ?19.1 ?│", text)
    assert (name in text) == (width >= 80)


def test_empty_cells_leave_numbers_on_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    Console().table("Folds", ["fold", "pages", "note"], [["1", "4", ""], ["mean", "", ""]])
    assert "│     4 │" in capsys.readouterr().err


def test_the_figures_of_an_evaluation_fit_sixty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    columns = ["class", "marks", "found", "wrong", "precision", "recall", "AP50", "AP50-95"]
    Console().table("Figures", columns, [["signature", 11, 8, 8, "0.500", "0.727", "0.406", "0.201"]])
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[2] == "┃class    ┃marks┃found┃wrong┃precision┃recall┃ AP50┃AP50-95┃"


def test_characters_that_hide_a_name_are_shown() -> None:
    assert visible("invoice\u202efdp.exe") == r"invoice\u202efdp.exe"
    assert visible("a\udcffb") == r"a\xffb", "a byte of a file name that is no UTF-8"
    assert visible("Договор ✓\n") == "Договор ✓\n"


def test_progress_says_phases_counts_speed_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("docdetect.console.time.monotonic", lambda: now)
    with Console().progress("infer", "pages") as advance:
        advance(0, 0, "loading the network")
        advance(0, 0, "loading the network")
        now = 100.0  # loading takes no part in the speed
        for done in (0, 10, 20, 100):
            advance(done, 100, "a.pdf")
            now += 5.0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "infer: loading the network",
        "infer: 0/100 pages; a.pdf",
        "infer: 20/100 pages, 2 pages/s, 0:40 left; a.pdf",
        "infer: 100/100 pages; a.pdf",
    ]


def test_a_quiet_console_warns_and_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(verbosity=-1)
    with console.progress("infer", "pages") as advance:
        advance(1, 1, "")
    console.info("hidden")
    console.table("Hidden", ["a"], [["b"]])
    console.warn("shown")
    assert capsys.readouterr().err == "warning: shown\n"


def test_details_are_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    Console().detail("hidden")
    Console(verbosity=1).detail("shown")
    assert capsys.readouterr().err == "shown\n"


def test_a_line_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []

    class Unbuffered(io.StringIO):  # as with PYTHONUNBUFFERED, which the image of the service sets
        def write(self, text: str) -> int:
            pieces.append(text)
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Unbuffered())
    Console().info("one")
    Console().warn("two")
    assert pieces == ["one\n", "warning: two\n"], "another thread could write between the pieces"
