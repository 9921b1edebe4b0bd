"""The output folder of a run of `infer`: who may write into it, and which files in it docdetect may remove.

One process at a time writes into an output folder. A folder with files that docdetect did not make is refused, and
only files that docdetect made are ever removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from docdetect.errors import OutputExistsError
from docdetect.files import LOCK_NAME, locked_folder, output_errors
from docdetect.inference.journal import JOURNAL_NAME
from docdetect.inference.journal_lines import parse_line

PAGES_FOLDER = "pages"
CROPS_FOLDER = "crops"
CONFIG_NAME = "config.yaml"
PDF_FOLDER = "pdf"
THUMBS_FOLDER = "thumbs"
INDEX_NAME = "index.html"
WORKBOOK_NAME = "results.xlsx"
IMAGES_FOLDER = "images"
LABELS_FOLDER = "labels"
VOC_FOLDER = "voc"
LABELME_FOLDER = "labelme"
QUEUE_NAME = "queue.csv"
"""Written into a result folder by `docdetect select`: the pages to label next, which `docdetect review` shows first."""

RESULT_FILES = (
    JOURNAL_NAME,
    "detections.json",
    "detections.csv",
    "detections.parquet",
    "detections_coco.json",
    "label_studio.json",
    "label_studio.config.xml",
    "cvat.xml",
    "cvat.labels.json",
    "documents.csv",
    "summary.json",
    "classes.txt",
    "data.yaml",
    INDEX_NAME,
    WORKBOOK_NAME,
    CONFIG_NAME,
)

# For each folder that a run makes, the names of the files that a run writes there.
_MADE_BY_US = {
    PAGES_FOLDER: re.compile(r"page_\d{4,}\.jpg"),
    THUMBS_FOLDER: re.compile(r"page_\d{4,}\.jpg"),
    CROPS_FOLDER: re.compile(r"page_\d{4,}_.+_\d{2,}\.jpg"),
    PDF_FOLDER: re.compile(r".+\.pdf", re.IGNORECASE),
    IMAGES_FOLDER: re.compile(r"page_\d{4,}\.jpg"),
    LABELS_FOLDER: re.compile(r"page_\d{4,}\.txt"),
    VOC_FOLDER: re.compile(r"page_\d{4,}\.xml"),
    LABELME_FOLDER: re.compile(r"page_\d{4,}\.json"),
}

# Names of files that become result files when they are whole; a killed run leaves some behind.
_TEMPORARY = re.compile(r"\..+\.tmp")

_WAIT = "Wait until it has finished, or choose another --output."

OnExisting: TypeAlias = Literal["refuse", "overwrite", "resume"]


def page_path(folder: Path, document: str, number: int) -> Path:
    """Where a picture of a page (number from 1) lies: `<folder>/<document>/page_0001.jpg`."""
    return folder / document / f"page_{number:04d}.jpg"


@contextmanager
def claimed_folder(output: Path, on_existing: OnExisting) -> Iterator[Path]:
    """Locks the output folder for this process while the block runs, and makes the folder if it is missing.

    Args:
        output: the result folder.
        on_existing: what to do about the results of an earlier run: refuse, remove them, or keep them to go on from.

    Raises:
        OutputExistsError: there are results and `on_existing` is `refuse`, the folder holds other things than
            docdetect's results, or another run is writing into it.
        OutputError: the folder cannot be made or written.
    """
    check_folder(output, on_existing)
    with output_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    with locked_folder(output, _WAIT):
        check_folder(output, on_existing)  # another run may have begun and ended in between
        if on_existing == "overwrite":
            remove_results(output)
        elif on_existing == "resume":
            _remove_temporary_files(output)
        yield output


def remove_results(output: Path) -> None:
    """Removes the files that a run writes, and folders that become empty; anything else stays. Raises OutputError."""
    with output_errors(output):
        for name in RESULT_FILES:
            (output / name).unlink(missing_ok=True)
        for folder in _MADE_BY_US:
            remove_files(output / folder, keep=frozenset())
        _remove_temporary_files(output)


def remove_files(folder: Path, keep: frozenset[str]) -> None:
    """Removes the files that docdetect made under `folder`, and folders that become empty.

    Args:
        folder: a folder of a result folder, such as `pages`; nothing happens where it does not exist.
        keep: paths relative to `folder`, POSIX, that stay.

    Raises:
        OutputError: a file cannot be removed.
    """
    ours = _MADE_BY_US[folder.name]
    with output_errors(folder):
        for parent, folders, names in os.walk(folder, topdown=False):
            for name in names:
                path = Path(parent, name)
                made_by_us = ours.fullmatch(name) or _TEMPORARY.fullmatch(name)
                if made_by_us and path.relative_to(folder).as_posix() not in keep:
                    path.unlink()
            if (folders or names) and not any(Path(parent).iterdir()) and Path(parent) != folder:
                Path(parent).rmdir()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def check_folder(output: Path, on_existing: OnExisting) -> None:
    """Refuses a folder that a run may not write into, without changing anything; raises as `claimed_folder` does."""
    if output.exists() and not output.is_dir():
        raise OutputExistsError(f"{output}: is a file, not a folder", "Choose another --output.")
    with output_errors(output):
        names = sorted(path.name for path in output.iterdir()) if output.is_dir() else []
    names = [name for name in names if name != LOCK_NAME]
    if not names:
        return
    if not is_result_folder(output):
        raise OutputExistsError(
            f"{output}: the folder holds other files ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''}), "
            "not results of docdetect infer",
            "Choose another --output; docdetect does not touch folders that it did not make.",
        )
    if on_existing == "refuse":
        raise OutputExistsError(
            f"{output}: holds the results of an earlier run",
            "Add --resume to go on from there, or --overwrite to start over.",
        )


def is_result_folder(output: Path) -> bool:
    """Whether the folder holds results of docdetect infer, which is so if it has a journal of docdetect."""
    try:
        with (output / JOURNAL_NAME).open("rb") as stream:
            first = stream.readline(1 << 20)
    except OSError:
        return False
    line = parse_line(first.decode("utf-8", "replace"))
    return first == b"" or (line is not None and line.kind == "run")


def _remove_temporary_files(output: Path) -> None:
    """Removes what killed runs left half-written. Only for the process that has the lock of the folder."""
    with output_errors(output):
        for folder in _MADE_BY_US:
            for parent, _, names in os.walk(output / folder):
                for name in filter(_TEMPORARY.fullmatch, names):
                    Path(parent, name).unlink()
        for path in output.iterdir():
            if _TEMPORARY.fullmatch(path.name) and path.is_file():
                path.unlink()
