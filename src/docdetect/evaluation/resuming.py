"""Runs of several trainings that go on where they stopped: what `crossval` and `reproduce` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docdetect.config.schema import Config
from docdetect.errors import InputError
from docdetect.files import read_json
from docdetect.training.records import RunFolder, find_run
from docdetect.training.resuming import resume, resumed_config
from docdetect.training.train import Listeners, train


def folder_to_resume(wanted: str, runs: Path, command: str, file: str) -> Path:
    """The run folder of a command that `--resume` means.

    Args:
        wanted: a run folder, or `last` for the newest one in `runs`.
        runs: where the run folders of the command are.
        command: name of the command.
        file: name of the file by which a run folder of the command is known; its time is that of the run.

    Raises:
        InputError: there is no such run folder.
    """
    remedy = f"Start one with docdetect {command}."
    if wanted != "last":
        if not (Path(wanted) / file).is_file():
            raise InputError(f"{wanted}: no run of docdetect {command}", remedy)
        return Path(wanted)
    found = [path.parent for path in runs.glob(f"*/{file}")] if runs.is_dir() else []
    if not found:
        raise InputError(f"{runs}: no run of docdetect {command} to go on with", remedy)
    return max(found, key=lambda path: ((path / file).stat().st_mtime_ns, path.name))


def finished_training(place: Path, make_settings: Callable[[], Config], tell: Listeners) -> RunFolder:
    """A finished run `train_<timestamp>` in `place`: one that is there, one that is resumed, or a new one.

    A new run trains all epochs with `make_settings()`, which is not called otherwise: nothing is chosen on the pages
    that evaluate it, so there is no early stopping.

    Raises:
        InputError, OutputError: see `docdetect.training.train.train` and `docdetect.training.resuming.resume`.
    """
    known = sorted(path.parent for path in place.glob("train_*/run.json"))
    for path in reversed(known):
        run = RunFolder(path)
        if read_json(run.record).get("state") == "finished":
            return run
        if run.last.is_file() and _can_go_on(run):
            return RunFolder(resume(str(path), resumed_config(str(path), str(place), (), {}), tell).folder)
    settings = make_settings()
    recipe = {"runs": str(place), "name": "train", "patience": 0}
    return RunFolder(
        train(settings.model_copy(update={"train": settings.train.model_copy(update=recipe)}), tell).folder
    )


def _can_go_on(run: RunFolder) -> bool:
    try:
        find_run(str(run.path), run.path.parent)
    except InputError:
        return False
    return True
