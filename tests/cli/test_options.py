"""The options of the commands, as they are generated from the configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from docdetect.cli.main import run
from docdetect.cli.options import Request, takes
from docdetect.cli.tree import TREE
from docdetect.config import schema
from docdetect.config.describe import keys_of
from docdetect.config.option import Option
from docdetect.console import Console


def help_of(command: str, capsys: pytest.CaptureFixture[str], option: str = "--help") -> str:
    assert run([*command.split(), option]) == 0
    return capsys.readouterr().out


def asked(
    *arguments: str,
    sections: tuple[str, ...] = ("infer", "grouping"),
    argument: str = "infer.source",
    command: str = "infer",
) -> Request:
    """The Request that a command with the options of these sections gets."""
    seen: list[Request] = []

    @takes(*sections, argument=argument, command=command)
    def work(request: Request) -> None:
        """Looks."""
        seen.append(request)

    app = typer.Typer()
    app.command(add_help_option=False)(work)
    done = CliRunner().invoke(app, list(arguments), obj=Console(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return seen[0]


@pytest.mark.parametrize(("command", "sections"), [("infer", ("infer", "grouping")), ("train", ("train",))])
def test_every_key_of_its_sections_is_an_option(
    command: str, sections: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = help_of(command, capsys, "--help-all")
    for section in sections:
        for key in keys_of(section):
            assert f"--{key.option.name_in(command, key.key.partition('.')[2])}" in shown


def test_a_new_key_is_an_option_without_any_other_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wider(schema.InferConfig):
        margin: Annotated[float, Option("Model", shown=True)] = Field(
            0.5, ge=0, description="Paper around a mark, in mm."
        )

    monkeypatch.setattr(schema.Config.model_fields["infer"], "annotation", Wider)
    assert asked("--margin", "2").flags == {"infer.margin": 2.0}


def test_about_fifteen_options_of_infer_are_shown_and_all_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        set(re.findall(r"│ (?:-., )?(--[a-z-]+)", help_of("infer", capsys, way))) for way in ("--help", "--help-all")
    ]
    general = {"--config", "--set", "--verbose", "--quiet", "--json", "--help", "--help-all"}
    assert 12 <= len(names[0] - general) <= 18
    assert names[0] < names[1]
    assert {"--group-nested", "--runs", "--iou"} <= names[1] - names[0]


@pytest.mark.parametrize("entry", TREE, ids=lambda entry: entry.name)
def test_places_have_the_same_heading_in_every_command(
    entry: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = help_of(entry.name, capsys, "--help")  # type: ignore[attr-defined]
    for option, heading in (("--source", "Input"), ("--data", "Input"), ("--output", "Output")):
        for panel in re.findall(rf"╭─ (\w+) (?:(?!╭).)*?│ {option} ", shown, re.DOTALL):
            assert panel == heading


def test_sources_come_as_arguments_and_as_options() -> None:
    assert asked("scans", "more.pdf").settings.infer.source == ("scans", "more.pdf")
    assert asked("scans", "--source", "a, b.pdf").settings.infer.source == ("scans", "a, b.pdf")


def test_options_become_values_of_their_types() -> None:
    arguments = ["--conf", "0.5", "--format", "json,coco", "--format", "csv", "--no-save-pages", "--save-pdf"]
    request = asked(*arguments, "--group-per-class", "--no-group", "--imgsz", "640")
    assert request.flags == {
        "infer.conf": 0.5,
        "infer.formats": ["json", "coco", "csv"],
        "infer.save_pages": False,
        "infer.save_pdf": True,
        "infer.imgsz": 640,
        "grouping.method": "none",
        "grouping.per_class": True,
    }
    assert request.names["grouping.method"] == "--no-group"


def test_values_that_are_several_things_are_read_as_what_they_look_like() -> None:
    def window(text: str) -> object:
        return asked("--window", text, sections=("train",)).settings.train.window

    assert window("384") == 384
    assert window("[736, 1024]") == (736, 1024)
    assert asked("--auto-augment", "null", sections=("train",)).settings.train.auto_augment is None


def test_the_earlier_names_of_options_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["convert", "--pdfs", str(tmp_path / "none")]) == 4
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert run(["prepare", "--pdfs", "a", "--source", "b"]) == 2
    assert "--source and --pdfs say the same thing twice" in capsys.readouterr().err
    assert "The same as --source." in help_of("convert", capsys, "--help-all")


def test_general_options_may_follow_the_command() -> None:
    assert asked("-v").console.verbosity == 1
    assert asked("--quiet", "--json").console.as_json
    assert asked("-c", "infer", "--set", "infer.conf=0.3").settings.infer.conf == 0.3


def test_details_name_every_setting_that_was_given_and_the_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("infer: {iou: 0.6}\n", encoding="utf-8")
    assert run(["config", "show", "infer", "-c", str(file), "--set", "infer.conf=0.3", "-v"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ["setting infer.conf = 0.3 (--set)", f"setting infer.iou = 0.6 ({file})"]
    assert re.fullmatch(r"show took \d+\.\d s", told[2])
    assert run(["config", "show", "infer", "-c", str(file)]) == 0
    assert capsys.readouterr().err == ""


def test_details_hide_passwords(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["infer", str(tmp_path / "nowhere"), "--password", "geheim", "-v"])
    told = capsys.readouterr().err
    assert "setting infer.passwords = (not shown) (--password)" in told
    assert "geheim" not in told


def test_a_wrong_option_is_blamed_on_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer", "scans", "--trim", "some"]) == 3
    assert capsys.readouterr().err.startswith("error: --trim (infer.trim): should be 'off' or 'auto' (found 'some')\n")


def test_an_empty_value_is_not_offered_as_a_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["labels", "boxes.json", "--from", "coc"]) == 3
    assert "should be 'native', 'label-studio'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        (["--dewarp", "--conf", "0.3"], "--dewarp", "off|auto|all"),
        (["--weights", "--device", "cpu"], "--weights", "WEIGHTS"),
        (["a.pdf", "--source", "-v"], "--source", "PATH"),
        (["--set", "--help"], "--set", "KEY=VALUE"),
    ],
)
def test_an_option_without_its_value_does_not_take_the_next_option(
    arguments: list[str], option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["infer", *arguments]) == 2
    said = capsys.readouterr().err
    assert f"{option}: the value is missing" in said
    assert f"Write {option} {value}" in said


@pytest.mark.parametrize(
    ("command", "key"), [("prepare", "data.size"), ("labels", "data.size"), ("convert", "data.images_size")]
)
def test_a_resolution_or_a_long_side_alone_says_how_large_pages_are(command: str, key: str, tmp_path: Path) -> None:
    def flags(*arguments: str) -> dict[str, object]:
        return dict(asked(*arguments, sections=("data",), argument="data.pdfs", command=command).flags)

    assert flags("--dpi", "300") == {"data.dpi": 300, key: "dpi"}
    assert flags("--long-side", "640") == {"data.long_side": 640, key: "long_side"}
    assert flags("--dpi", "300", "--size", "annotations") == {"data.dpi": 300, key: "annotations"}
    assert flags("--dpi", "300", "--set", f"{key}=annotations") == {"data.dpi": 300}
    assert flags("--size", "dpi") == {key: "dpi"}
    assert flags("--set", "data.dpi=300") == {key: "dpi"}
    assert flags("--set", "data.long_side=640") == {key: "long_side"}
    assert flags("--set", "data.dpi=300", "--set", f"{key}=annotations") == {}
    settings = asked("--set", "data.dpi=300", sections=("data",), argument="data.pdfs", command=command).settings.data
    assert (settings.dpi, getattr(settings, key.partition(".")[2])) == (300, "dpi")
    file = tmp_path / "mine.yaml"
    file.write_text("data: {size: long_side, images_size: long_side, long_side: 500}\n", encoding="utf-8")
    wanted = asked("-c", str(file), "--dpi", "300", sections=("data",), argument="data.pdfs", command=command)
    assert getattr(wanted.settings.data, key.partition(".")[2]) == "dpi"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "--dpi", "300", "--size", "long_side"], "--dpi has no effect together with --size long_side"),
        (["prepare", "--dpi", "300", "--long-side", "640"], "--long-side has no effect together with --dpi"),
        (["labels", "--long-side", "640", "--size", "dpi"], "--long-side has no effect together with --size dpi"),
        (
            ["convert", "--long-side", "640", "--set", "data.images_size=dpi"],
            "--long-side has no effect together with --set data.images_size=dpi",
        ),
        (
            ["prepare", "--set", "data.dpi=300", "--size", "long_side"],
            "--set data.dpi=300 has no effect together with --size long_side",
        ),
        (
            ["labels", "--set", "data.long_side=640", "--set", "data.dpi=300"],
            "--set data.long_side=640 has no effect together with --set data.dpi=300",
        ),
    ],
)
def test_a_size_that_would_have_no_effect_is_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}\n  Give one of them; ")


def test_a_dataset_is_asked_for_in_the_same_words_by_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    seen = set()
    for entry in TREE:
        for option, metavar, text in re.findall(r"│ (--data) (\S+) +(.*)", help_of(entry.name, capsys)):
            assert metavar in ("PATH", "PATH[=WEIGHT]"), (entry.name, option)
            assert text.startswith("Dataset: its data.yaml, or the folder that holds data.yaml. "), entry.name
            seen.add(entry.name)
    assert {"visualize", "audit", "select", "promote", "val", "train", "cutouts"} <= seen


def test_options_that_are_no_keys_show_their_values_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.sub(r"[\s│]+", " ", help_of("review", capsys))
    assert "--port NUMBER Port of this machine; 0: a free one. [default: 0]" in shown
    assert "Open the page in a browser. [default: browser]" in shown
    assert shown.count("default:") == 3  # of the argument RUN, too
