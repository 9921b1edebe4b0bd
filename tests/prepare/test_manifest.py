"""Made folders: the same is left alone, other content needs --overwrite, foreign work is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docdetect.errors import OutputExistsError
from docdetect.prepare.manifest import is_current, published_folder, read_manifest

INPUTS: dict[str, Any] = {"seed": 42, "documents": {"дело.pdf": "ab"}}


def made(folder: Path, inputs: dict[str, Any] = INPUTS) -> Path:
    with published_folder(folder, "dataset", inputs) as staging:
        (staging / "labels").mkdir()
        (staging / "labels" / "дело.txt").write_text("0 1 1 1 1\n")
    return folder


def test_nothing_there_may_be_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert not is_current(tmp_path / "absent", "dataset", INPUTS, overwrite=False)
    assert not is_current(tmp_path / "empty", "dataset", INPUTS, overwrite=False)


def test_the_same_is_current_with_and_without_overwrite(tmp_path: Path) -> None:
    folder = made(tmp_path / "main")
    assert is_current(folder, "dataset", INPUTS, overwrite=False)
    assert is_current(folder, "dataset", INPUTS, overwrite=True)


def test_caches_of_the_trainer_do_not_matter(tmp_path: Path) -> None:
    folder = made(tmp_path / "main")
    (folder / "labels" / "train.cache").write_bytes(b"x")
    assert is_current(folder, "dataset", INPUTS, overwrite=False)


def test_other_inputs_need_overwrite(tmp_path: Path) -> None:
    folder = made(tmp_path / "main")
    with pytest.raises(OutputExistsError, match="made from other inputs or settings") as caught:
        is_current(folder, "dataset", INPUTS | {"seed": 43}, overwrite=False)
    assert "--overwrite" in caught.value.remedy
    assert not is_current(folder, "dataset", INPUTS | {"seed": 43}, overwrite=True)


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_changed_content_needs_overwrite(tmp_path: Path, damage: str) -> None:
    folder = made(tmp_path / "main")
    label = folder / "labels" / "дело.txt"
    label.write_text("") if damage == "change" else label.unlink()
    with pytest.raises(OutputExistsError, match=r"was changed since it was made: labels/дело\.txt"):
        is_current(folder, "dataset", INPUTS, overwrite=False)
    assert not is_current(folder, "dataset", INPUTS, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_foreign_work_is_never_touched(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"name": "a web app"}')
    for name in ("holiday", "file", "other"):
        with pytest.raises(OutputExistsError, match="is no dataset that docdetect made"):
            is_current(tmp_path / name, "dataset", INPUTS, overwrite=overwrite)
    with pytest.raises(OutputExistsError, match="is no labels that docdetect made"):
        is_current(made(tmp_path / "main"), "labels", INPUTS, overwrite=overwrite)


@pytest.mark.parametrize("overwrite", [False, True])
def test_notes_put_into_a_made_folder_are_not_lost(tmp_path: Path, overwrite: bool) -> None:
    folder = made(tmp_path / "main")
    (folder / "notes.txt").write_text("mine")
    assert is_current(folder, "dataset", INPUTS, overwrite=overwrite)
    with pytest.raises(OutputExistsError, match=r"did not make there: notes\.txt"):
        is_current(folder, "dataset", INPUTS | {"seed": 1}, overwrite=overwrite)


def test_an_interrupted_making_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    folder = made(tmp_path / "main")

    def interrupted() -> None:
        with published_folder(folder, "dataset", INPUTS | {"seed": 2}) as staging:
            (staging / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["main"]
    assert is_current(folder, "dataset", INPUTS, overwrite=False)


def test_the_manifest_names_every_file_with_its_hash(tmp_path: Path) -> None:
    manifest = read_manifest(made(tmp_path / "main"))
    assert manifest is not None
    assert list(manifest.files) == ["labels/дело.txt"]
    assert manifest.inputs == INPUTS
    assert len(manifest.content_hash) == 64
