"""What README and docs/ show works: commands, configurations and Python, each page in its order in a folder of its own.

The documents are small and the network is tiny; the commands stay as the pages have them, and `SMALL` adds what makes
them fast.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import typer
import yaml

from docdetect.cli.main import build_app, run
from docdetect.config.schema import Config
from tests.support.documentation import DOCUMENTS, README, ROOT, blocks, command_lines, inline_code, prose
from tests.support.documents import make_documents
from tests.support.reviewing import review_queue
from tests.support.tiny_network import write_architecture

PAGES = [README, *(page for page in DOCUMENTS if page.parent == ROOT / "docs")]
WITH_COMMANDS = [page for page in PAGES if command_lines(page)]
RECIPE = {"model": "yolo11n-tiny.yaml", "epochs": 1, "batch": 4, "workers": 0, "imgsz": 96, "freeze": 0}
TRAINING = " ".join(f"--set train.{key}={value}" for key, value in RECIPE.items())
SMALL = {  # command -> what makes it small
    "audit": "--set audit.imgsz=96 --set data.workers=1",
    "convert": "--workers 1",
    "crossval": f"{TRAINING} --folds 2 --set figures.resamples=20",
    "export": "--imgsz 96 --set export.pages=2",
    "infer": "--imgsz 96 --workers 1",
    "labels": "--workers 1",
    "prepare": "--by document --workers 1",
    "promote": "--imgsz 96 --set figures.resamples=20 --force smaller",
    "reproduce": f"{TRAINING} --set figures.resamples=20",
    "split": "--by document --workers 1",
    "synth": "--imgsz 256 --workers 1 --val 0.4",
    "train": TRAINING,
    "val": "--imgsz 96 --set figures.resamples=20",
    "visualize": "--workers 1",
}
# What only costs time.
SMALLER = {
    "--pages 2000": "--pages 4",
    "--pages 20": "--pages 6",
    "--pages 12": "--pages 3",
    "--time 0.2": "--time 0.004",
    " --model docdetect-s": "",
}
REVIEWED = "docdetect labels --from reviews"  # before these lines a person has reviewed the queue
CHECKED_ONLY = ("pip", "make", "apt-get", "python")  # programs whose lines are not run
SHELL = ("find", "awk", "sort", "wc", "docdetect", "cat", "head", "cp")  # what may stand in lines of the shell


def identify(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# ------------------------------------------------------------------------------------------------------- README


def test_the_readme_is_short_and_shows_a_result() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    picture = re.search(r'<img src="([^"]+)"', text)
    assert picture is not None
    assert (ROOT / picture[1]).is_file()


def test_the_two_commands_stand_at_the_top_and_are_targets_of_the_makefile() -> None:
    top = README.read_text(encoding="utf-8")[:600]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"\nmake {target} " in top
        assert f"\n{target}: setup" in makefile


def test_the_commands_that_people_know_stand_in_the_readme() -> None:
    shown = [line.text for line in command_lines(README)]
    for command in (
        "docdetect prepare",
        "docdetect train --config best.yaml",
        "docdetect infer --source scans/ --conf 0.15",
    ):
        assert command in shown


@pytest.mark.slow
def test_the_json_in_the_readme_is_what_infer_writes(tmp_path: Path) -> None:
    shown = json.loads(blocks(README, "json")[0].text)
    (name,) = shown
    words = ["infer", str(ROOT / "data" / "samples" / name), "--conf", "0.15", "--output", str(tmp_path / "out")]
    assert run(["-q", *words]) == 0
    written = json.loads((tmp_path / "out" / "detections.json").read_text(encoding="utf-8"))
    page, shown_page = written[name]["page_1"], shown[name]["page_1"]
    assert page["page_size"] == shown_page["page_size"]
    marks = [mark for entry in page["annotations"] for mark in entry.values()]
    for entry in shown_page["annotations"]:
        (mark,) = entry.values()
        (same,) = [one for one in marks if one["category"] == mark["category"]]
        assert same.keys() == mark.keys()
        assert same.get("text") == mark.get("text")
        assert same["confidence"] == pytest.approx(mark["confidence"], abs=0.1)  # engines differ a little
        assert list(same["bbox"].values()) == pytest.approx(list(mark["bbox"].values()), abs=4)


# ----------------------------------------------------------------------------------------------------- commands


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents, their annotations, and the architecture of a tiny network."""
    folder = tmp_path_factory.mktemp("raw")
    made = make_documents(folder / "data" / "raw", ("a.pdf", "b.pdf", "c.pdf"))
    shutil.copytree(made.pdfs, folder / "scans")
    shutil.copytree(made.pdfs, folder / "contracts")
    shutil.copy(made.pdfs / "a.pdf", folder / "contract.pdf")
    shutil.copytree(ROOT / "data" / "samples", folder / "data" / "samples")
    write_architecture(folder)
    return folder


@pytest.fixture(scope="session")
def trained(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and a dataset and a training run made of it."""
    folder = tmp_path_factory.mktemp("trained") / "workplace"
    shutil.copytree(raw, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in ("prepare", "train"):
            assert run([line, *shlex.split(SMALL[line])]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=identify)
def test_every_command_of_a_page_runs(
    page: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "workplace"
    shutil.copytree(request.getfixturevalue("raw" if page == README else "trained"), folder)
    monkeypatch.chdir(folder)
    # Typer looks for a shell among the parents of the process; under a service that runs tests there may be none.
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: ("bash", "/bin/bash"))
    for line in command_lines(page):
        text = line.text
        for long, short in SMALLER.items():
            text = text.replace(long, short)
        words = shlex.split(text)
        if text.startswith(REVIEWED):
            review_queue(folder / "results", ROOT / "data" / "samples" / "annotations.json")
        if words[0] in CHECKED_ONLY:
            check_line(words)
        elif words[0] != "docdetect" or needs_shell(text):
            run_in_shell(text, line.exit_code)
        else:
            assert outcome(shorter(words)) == line.exit_code, line.text


def outcome(words: list[str]) -> int:
    """The exit code of a command line of docdetect; Typer itself ends the program after printing a completion."""
    try:
        return run(words)
    except SystemExit as ended:
        return int(ended.code or 0)


def needs_shell(text: str) -> bool:
    """Whether the line has a pipe, a redirection or a pattern outside of quotes."""
    words = list(shlex.shlex(text, posix=False, punctuation_chars=True))
    return bool({"|", ">", "<"} & set(words)) or any("*" in word and not word.startswith('"') for word in words)


def shorter(words: Sequence[str]) -> list[str]:
    """The words of a docdetect command behind `docdetect`, with what makes it small."""
    command = next((word for word in words[1:] if not word.startswith("-")), "")
    small = shlex.split(SMALL.get(command, ""))
    if "--resume" in words and command == "train":
        small = [word for word in small if words[words.index("--resume") + 1] == "auto"]
    return [*words[1:], *small]


def run_in_shell(text: str, exit_code: int) -> None:
    """Runs a line that only a shell understands; docdetect is the one of this environment."""
    parts = [part.split() for part in text.split("|")]
    assert {words[0] for words in parts} <= set(SHELL), text
    if parts[-1][0] == "docdetect":
        command, arrow, target = text.partition(" > ")
        text = " ".join([command, *shorter(["docdetect", parts[-1][1]])[1:], arrow, target])
    docdetect = f'docdetect() {{ "{sys.executable}" -c "from docdetect.cli.main import main; main()" "$@"; }}'
    done = subprocess.run(["bash", "-c", f"{docdetect}\n{text}"], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, f"{text}\n{done.stderr}"


def check_line(words: list[str]) -> None:
    """Lines that are not run, because they would change the machine or need another one: what they name is there."""
    if words[0] == "make":
        target = next(word for word in words[1:] if "=" not in word)
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), words
    elif words[0] == "python":
        # What the line works on was made on another machine: the program and its subcommand are asked for their help.
        program = [sys.executable, *words[1:4], "--help"]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    elif words[0] == "apt-get":
        assert words == ["apt-get", "install", "libgl1", "libglib2.0-0"]
    else:
        known = ("install", "uninstall", "-y", "opencv-python", "opencv-python-headless", ".", "docdetect")
        for word in words[1:]:
            package, _, extra = word.rstrip("]").partition("[")
            assert package in known, words
            assert not extra or extra in extras(), words


def extras() -> list[str]:
    """The extras of the package."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = project.split("[project.optional-dependencies]", 1)[1].split("\n[", 1)[0]
    return re.findall(r"^(\w+) = \[", section, flags=re.MULTILINE)


# ------------------------------------------------------------------------------------- configurations, options


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=identify)
def test_the_configurations_of_a_page_are_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "yaml"):
        assert set(yaml.safe_load(block.text)) <= set(Config.model_fields), block.text
        file = tmp_path / "shown.yaml"
        file.write_text(block.text, encoding="utf-8")
        assert run(["-q", "config", "validate", str(file)]) == 0


def options_of_all_commands() -> set[str]:
    """All options, long and short, of docdetect and its commands."""
    app = typer.main.get_command(build_app([]))
    waiting, found = [app], {"--help", "--help-all", "--install-completion", "--show-completion"}
    while waiting:
        command = waiting.pop()
        found.update(name for one in command.params for name in (*one.opts, *one.secondary_opts))
        waiting += getattr(command, "commands", {}).values()
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if not page.name.startswith("experiments")], ids=identify)
def test_the_options_and_keys_that_a_page_names_exist(page: Path) -> None:
    known = options_of_all_commands()
    for code in inline_code(page):
        if code.startswith(("python ", "pip ", "make ", "apt-get ")):
            continue
        unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)) - known
        assert not unknown, f"{code}: no such option"
        dotted = re.fullmatch(r"(?:--set )?([a-z]+)\.([a-z0-9_]+)(?:[=:].*)?", code)
        if dotted and dotted[1] in Config.model_fields and dotted[2] not in ("yaml", "py", "csv", "json", "txt"):
            section = Config.model_fields[dotted[1]].annotation
            assert dotted[2] in section.model_fields, f"{code}: no such key"  # type: ignore[union-attr]


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_the_extras_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(r"docdetect\[(\w+)\]", page.read_text(encoding="utf-8")):
        assert name in extras(), name


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_the_benchmarks_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(r"python -m benchmarks\.(\w+)|python benchmarks/(\w+)\.py", prose(page)):
        assert (ROOT / "benchmarks" / f"{''.join(name)}.py").is_file()


# ------------------------------------------------------------------------------------------------------- Python


@pytest.mark.slow
def test_the_python_of_the_readme_runs(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "workplace"
    shutil.copytree(raw, folder)
    monkeypatch.chdir(folder)
    names: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    with redirect_stdout(printed):
        for block in blocks(README, "python"):
            exec(compile(block.text, str(README), "exec"), names)
    assert printed.getvalue()
