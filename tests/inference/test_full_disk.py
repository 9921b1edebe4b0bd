"""A disk that is full, or read-only, at every place where a run writes: a clear stop, nothing half-written, and on."""

from __future__ import annotations

import errno
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from docdetect.cli.main import run
from docdetect.config.schema import InferConfig
from docdetect.errors import OutputError
from docdetect.inference import networks as module
from docdetect.inference.folder import claimed_folder
from docdetect.inference.journal import JOURNAL_NAME
from tests.support.fakes import ColourEngine, compared_files, make_image, run_once, with_pages

ALL = InferConfig(formats=("json", "csv", "coco", "yolo", "parquet"))
WRITERS = (
    *("page_0001.jpg", JOURNAL_NAME, "detections.json", "detections.csv", "detections_coco.json", "classes.txt"),
    *("page_0001.txt", "detections.parquet", "summary.json", "documents.csv"),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    make_image(tmp_path / "in" / "a.png", [("stamp", (50, 40, 120, 90))])
    return tmp_path / "in"


def failing_sync(wanted: str) -> Callable[[int], None]:
    """An `os.fsync` for which the disk is full when it is asked to keep what becomes the file `wanted`."""

    def sync(descriptor: int) -> None:
        if wanted in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return sync


def assert_whole(output: Path) -> None:
    for path in output.rglob("*"):
        assert not path.name.endswith(".tmp"), "a temporary file is left"
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            assert path.read_bytes().endswith(b"\n")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the names of open files come from /proc")
@pytest.mark.parametrize("wanted", WRITERS)
def test_a_disk_that_fills_up_stops_the_run_and_it_goes_on_later(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    output = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_sync(wanted))
        with pytest.raises(OutputError) as caught:
            run_once(source, output, with_pages(), wanted=ALL)
    assert wanted in caught.value.message
    assert caught.value.message.endswith("cannot be written (No space left on device)")
    assert caught.value.remedy == "Free some space or choose another folder."
    assert_whole(output)
    run_once(source, output, with_pages(), wanted=ALL, on_existing="resume")
    run_once(source, tmp_path / "whole", with_pages(), wanted=ALL)
    assert compared_files(output) == compared_files(tmp_path / "whole")


def test_the_command_says_so_with_exit_code_4(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "load_engine", lambda *_, **__: ColourEngine())
    monkeypatch.setattr(module, "resolve_weights", lambda *_: Path(__file__))
    monkeypatch.setattr(os, "fsync", full)
    assert run(["infer", "--source", str(source), "--output", str(tmp_path / "out"), "--imgsz", "256"]) == 4
    text = capsys.readouterr().err
    assert f"error: {tmp_path / 'out'}" in text
    assert text.endswith("cannot be written (No space left on device)\n  Free some space or choose another folder.\n")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the names of open files come from /proc")
@pytest.mark.parametrize("wanted", ["page_0001.jpg", "detections.csv", "summary.json"])
def test_the_command_names_the_one_that_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    output = tmp_path / "my results"
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: ColourEngine())
    monkeypatch.setattr(module, "resolve_weights", lambda *_: Path(__file__))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_sync(wanted))
        assert run(["infer", "--source", str(source), "--output", str(output), "--imgsz", "256"]) == 4
    said = capsys.readouterr().err.splitlines()
    assert said[-2].startswith(f"error: {output}")
    assert said[-2].endswith("cannot be written (No space left on device)")
    told = f"  Free some space, then go on with: docdetect infer --resume --output '{output}'"
    assert said[-1] == told
    assert run(shlex.split(told.partition("docdetect ")[2])) == 0
    assert json.loads((output / "summary.json").read_text(encoding="utf-8"))["finished"]


def test_a_read_only_file_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError) as caught, claimed_folder(tmp_path / "out", "refuse"):
        pass
    assert caught.value.message == f"{tmp_path / 'out'}: cannot be written (Read-only file system)"
    assert caught.value.remedy == "The file system is read-only: choose another folder."
