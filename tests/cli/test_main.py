"""The command line itself: help, version, exit codes, lazy imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

import pytest

from docdetect.cli.main import build_app, run
from docdetect.cli.tree import GLOBAL_OPTIONS, SYNONYMS, TREE, Entry, commands_like


def in_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_lists_every_command_and_global_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(entry.name in shown for entry in TREE)
    assert all(stage in shown for stage in {entry.stage for entry in TREE})
    assert all(flag in shown for flag, _ in GLOBAL_OPTIONS)


def test_the_drawn_help_agrees_with_typers_own(capsys: pytest.CaptureFixture[str]) -> None:
    import typer.main

    group = typer.main.get_command(build_app([]))
    real = {option for parameter in group.params for option in parameter.opts}
    drawn = {flag for flags, _ in GLOBAL_OPTIONS for flag in flags.split(", ")} - {"-h", "--help"}
    assert drawn == real
    assert set(group.commands) == {entry.name for entry in TREE}  # type: ignore[attr-defined]


def test_help_imports_nothing_heavy() -> None:
    heavy = ["numpy", "pydantic", "torch", "ultralytics", "cv2", "pymupdf", "pandas", "typer"]
    code = f"""
import sys
sys.stdout = sys.stderr
from docdetect.cli.main import run
run(["--help"])
sys.stdout = sys.__stdout__
print([name for name in {heavy!r} if name in sys.modules])
"""
    assert in_new_process(code).strip() == "[]"


@pytest.mark.parametrize("entry", TREE, ids=lambda entry: entry.name)
def test_the_help_of_a_command_imports_nothing_heavy(entry: Entry) -> None:
    heavy = ["numpy", "torch", "ultralytics", "cv2", "pymupdf", "pandas"]
    code = f"""
import sys
sys.stdout = sys.stderr
from docdetect.cli.main import run
assert run([{entry.name!r}, "--help"]) == 0
sys.stdout = sys.__stdout__
print([name for name in {heavy!r} if name in sys.modules])
"""
    assert in_new_process(code).strip() == "[]"


@pytest.mark.parametrize("entry", TREE, ids=lambda entry: entry.name)
def test_every_entry_of_the_tree_leads_somewhere(entry: Entry) -> None:
    module, _, attribute = entry.target.partition(":")
    assert getattr(import_module(f"docdetect.cli.{module}"), attribute).__doc__


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from docdetect import __version__

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"docdetect {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["config", "shw"], ["config", "show", "--colour"], ["train", "--epochs", "x"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_wrong_usage_says_where_the_right_one_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    run(["trian"])
    run(["train", "--epochs", "x"])
    run(["config", "shw"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "error: there is no command 'trian'",
        "  Did you mean docdetect train (Train a detector with the recipe of a configuration)?",
    ]
    assert lines[2].startswith("error: Invalid value for '--epochs'")
    assert lines[3] == "  docdetect train --help explains the options."
    assert lines[-1] == "  docdetect config --help explains the options."


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("draw", ["visualize", "infer"]),
        ("predict", ["infer"]),
        ("Predcit", ["infer"]),
        ("detect", ["infer"]),
        ("vis", ["visualize"]),
        ("in", ["infer"]),
        ("spilt", ["split"]),
        ("cross_validate", ["crossval"]),
        ("qwerty", []),
    ],
)
def test_a_word_that_is_no_command_leads_to_the_commands_that_do_it(typed: str, meant: list[str]) -> None:
    assert [entry.name for entry in commands_like(typed)] == meant


def test_synonyms_are_no_commands_and_lead_to_commands() -> None:
    names = {entry.name for entry in TREE}
    assert not names & SYNONYMS.keys()
    assert {name for meant in SYNONYMS.values() for name in meant} <= names


def test_an_unknown_command_is_answered_with_what_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["draw", "--output", "x"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no command 'draw'\n  Did you mean docdetect visualize (Draw the ground-truth boxes on every "
        "page) or docdetect infer (Find marks in a folder of PDFs and images)?\n"
    )
    assert run(["help"]) == 2
    assert capsys.readouterr().err.endswith("  docdetect --help lists the commands.\n")


def test_options_of_labels_are_found_from_commands_whose_names_suggest_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["convert", "--from", "coco", "--to", "yolo"]) == 2
    assert "docdetect labels has --from, to convert annotations." in capsys.readouterr().err


def test_no_arguments_show_the_help() -> None:
    assert run([]) == 2


@pytest.mark.parametrize(("group", "command"), [("config", "validate"), ("runs", "list")])
def test_a_group_of_commands_shows_its_commands(group: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: docdetect {group} [OPTIONS] COMMAND [ARGS]..." in shown
    assert f"│ {command} " in shown
    assert run([group]) == 2
    assert capsys.readouterr().out == shown


def test_the_shell_gets_completions() -> None:
    environment = {
        **os.environ,
        "_DOCDETECT_COMPLETE": "complete_bash",
        "COMP_WORDS": "docdetect con",
        "COMP_CWORD": "1",
    }
    command = [sys.executable, "-c", "from docdetect.cli.main import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert {"convert", "config"} <= set(done.stdout.split())


def test_a_docdetect_error_is_two_lines_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--set", "train.epocs=3"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "error: --set train.epocs: unknown key; did you mean train.epochs?\n"
        "  docdetect config show lists every key with its meaning and value.\n"
    )


def test_ctrl_c_says_so_and_is_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("docdetect.doctor.examine", stop)
    assert run(["doctor"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n  What was finished is kept.\n"


def test_ctrl_c_before_the_command_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("docdetect.cli.main._unknown_command", stop)
    assert run(["doctor"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n  What was finished is kept.\n"


def test_a_broken_pipe_of_a_process_is_not_taken_for_a_closed_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("docdetect.doctor.examine", fail)
    with pytest.raises(RuntimeError, match="one of docdetect's own processes"):
        run(["doctor"])


def test_config_show_and_validate(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "grouping"]) == 0
    shown = capsys.readouterr().out
    assert "\n  method: default\n" in shown
    assert "# IoU above which two boxes become one.\n  iou: 0.2\n" in shown
    assert run(["--json", "config", "show", "grouping", "--set", "grouping.iou=0.3"]) == 0
    assert json.loads(capsys.readouterr().out)["grouping"]["iou"] == 0.3
    assert run(["config", "validate", "best.yaml"]) == 0
    assert "best.yaml: valid" in capsys.readouterr().err
    assert run(["config", "show", "grouping", "nothing"]) == 2


def test_doctor_quick(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "doctor", "--quick"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["healthy"] is True
    assert "Nothing is broken." in shown.err


@pytest.mark.parametrize(
    ("command", "option", "meant"),
    [
        ("train", "--weights", "--model"),
        ("val", "--model", "--weights"),
        ("val", "--output", "--name"),
        ("prepare", "--data", "--source"),
        ("train", "--hours", "--time"),
    ],
)
def test_an_option_of_another_command_is_told_by_its_name_here(
    command: str, option: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, option, "x"]) == 2
    assert capsys.readouterr().err == (
        f"error: No such option: {option}\n"
        f"  docdetect {command} has {meant} instead. docdetect {command} --help explains the options.\n"
    )


def test_python_runs_the_package_by_its_name() -> None:
    """`python -m docdetect` is the program, with its exit codes, also where no script is installed."""
    done = subprocess.run([sys.executable, "-m", "docdetect", "nosuch"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "docdetect --help lists the commands" in done.stderr
