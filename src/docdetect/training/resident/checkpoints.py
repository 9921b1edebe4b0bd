"""Checkpoints of a training, from which it goes on after any stop: folders of files that are small enough to carry.

A checkpoint is written beside the older one and takes its place when it is whole, so that a kill at any moment leaves
one to go on from.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from docdetect.errors import DocdetectError, InputError
from docdetect.files import staged_folder
from docdetect.models.parts import join_parts, split_into_parts

_NAME = re.compile(r"step_(\d{9})$")
# Number of what a checkpoint holds; it grows when a checkpoint of the number before cannot be gone on from. Checkpoints
# with neither a number nor the feature maps of each network are of format 1; format 2 was written without its number at
# first.
_FORMAT = 2


def write_checkpoint(folder: Path, step: int, state: Mapping[str, Any]) -> Path:
    """Writes the state after so many steps into the folder of checkpoints, and removes older ones.

    Raises:
        OutputError: it cannot be written.
    """
    target = folder / f"step_{step:09d}"
    content = io.BytesIO()
    torch.save({**state, "format": _FORMAT}, content)
    with staged_folder(target) as staging:
        split_into_parts(content.getvalue(), staging, "state")
    for _, older in _checkpoints(folder):
        if older != target:
            shutil.rmtree(older, ignore_errors=True)
    return target


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint in a folder; None where there is none. Nothing in it is run as code.

    Raises:
        InputError: it was written by a version of docdetect whose checkpoints this one does not know.
    """
    for _, found in reversed(_checkpoints(folder)):
        try:
            content = join_parts(found / "state.json")
        except DocdetectError:  # a part is missing or damaged: the one before is taken
            continue
        state = dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
        _check_format(state, found)
        del state["format"]
        return state
    return None


def _check_format(state: dict[str, Any], checkpoint: Path) -> None:
    """Refuses other formats than the present one, and gives states that were written without a number theirs."""
    learners = state.get("learners", {}).values()
    found = state.setdefault("format", _FORMAT if all("features" in one for one in learners) else 1)
    if found != _FORMAT:
        age = "an older" if found < _FORMAT else "a newer"
        raise InputError(
            f"{checkpoint}: this checkpoint was written by {age} version of docdetect (format {found}, while this one "
            f"goes on from format {_FORMAT}), so the training cannot go on from it",
            f"Go on with the version that began the run, or move the run folder {checkpoint.parent.parent} elsewhere "
            "and start a new run with docdetect train.",
        )


def _checkpoints(folder: Path) -> list[tuple[int, Path]]:
    found = [(path, _NAME.match(path.name)) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted((int(match.group(1)), path) for path, match in found if match)
