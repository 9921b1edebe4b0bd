"""Gather what a training needs into one folder that can be carried to a machine without a network: `make weights-pack`.

    python -m scripts.weights_pack --output PACK --data DATASET[=WEIGHT] ... --table SOURCES.tsv --without-marks FOLDER
        --fonts FOLDER --ink FILE --wheels --there torch,torchvision,numpy

The folder then holds the recipe `weights.yaml`, the pages of all datasets at the size that is trained on, fonts,
recorded ink, and wheels of the packages that the machine lacks. `--table` takes datasets from a table with a line for
each folder of `images/` and `labels/` beside it: columns `folder`, `labelled` (class names that are labelled
completely, or a column whose name begins so) and, if wanted, `weight`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from docdetect.annotations.yolo import detections_to_yolo
from docdetect.datasets.data_yaml import DATA_YAML, data_yaml_text, read_data_yaml
from docdetect.datasets.labelled import write_rules
from docdetect.datasets.reader import LabelledImage, read_dataset
from docdetect.documents.batches import PageOutcome, iter_rendered
from docdetect.documents.pictures import read_picture
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import documents_in
from docdetect.errors import DocdetectError, InputError
from docdetect.files import write_bytes, write_json, write_text
from docdetect.types import ByteArray, Detections, FloatArray
from docdetect.workers.parts import WorkerSettings

CLASSES = ("qr", "signature", "stamp")
RECIPE = Path(__file__).resolve().parents[1] / "configs" / "weights.yaml"
# Every so many pages of a folder without a validation split are for validation.
_VAL_EVERY = 25
# File of the places that resemble marks and are none, beside the data.yaml.
_DISTRACTORS = "distractors.json"
# Quality of the pictures, and the most pages of a document without marks.
_QUALITY, _MOST_PAGES = 75, 2
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "any")


@dataclass(frozen=True)
class PackedPage:
    """A page on its way into a pack: uint8 (H, W, 3) RGB, its marks, the classes that are labelled on it, its split,
    and float32 (N, 4) xyxy px of places that resemble marks and are none."""

    pixels: ByteArray
    ground_truth: Detections
    labelled: frozenset[int] | None
    split: str
    distractors: FloatArray = field(default_factory=lambda: np.zeros((0, 4), np.float32))


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the pack; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--data", action="append", default=[], help="a YOLO dataset, PATH or PATH=WEIGHT")
    parser.add_argument("--table", type=Path, action="append", default=[], help="a table of folders of pictures")
    parser.add_argument("--without-marks", type=Path, action="append", default=[], help="documents without marks")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--imgsz", type=int, default=1024, help="long side of the pages, px")
    parser.add_argument("--fonts", type=Path, help="folder of fonts for made-up pages")
    parser.add_argument("--ink", type=Path, help="recorded handwriting for made-up pages")
    parser.add_argument("--wheels", action="store_true", help="also download wheels")
    parser.add_argument("--python", default="3.12", help="Python of the machine, for wheels")
    parser.add_argument("--there", default="torch,torchvision,triton", help="packages that the machine has")
    chosen = parser.parse_args(arguments)
    try:
        pack(chosen)
    except DocdetectError as error:
        print(f"{error.message}\n{error.remedy}")
        return error.exit_code
    sizes = {entry.name: _bytes(entry) for entry in sorted(chosen.output.iterdir())}
    print("; ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes.items()))
    return 0


def pack(chosen: argparse.Namespace) -> None:
    """Writes the pack that the arguments of `main` describe.

    Raises:
        InputError: a dataset, a table or a folder is wrong, or there is no page at all.
    """
    output: Path = chosen.output
    shutil.rmtree(output / "data", ignore_errors=True)
    entries: list[dict[str, Any]] = []
    names: list[str] = []
    to_validate = 0
    for folder_name, weight, pages in _sources(chosen):
        name = _unused(folder_name, names)
        names.append(name)
        counts = write_dataset(output / "data" / name, pages, chosen.imgsz)
        if counts["train"]:
            entries.append({"path": f"data/{name}", "weight": weight})
            to_validate += counts["val"]
        print(f"{name}: {counts['train']} pages to train on, {counts['val']} to validate")
    if not entries:
        raise InputError("no page to train on", "Give datasets with --data or --table.")
    if not to_validate:
        raise InputError(
            "no page to validate on, and the training evaluates its networks at its end",
            "Give a dataset with a validation split with --data.",
        )
    recipe = yaml.safe_load(chosen.recipe.read_text(encoding="utf-8"))
    recipe["train"]["data"] = entries
    for key, path in (("fonts", chosen.fonts), ("ink", chosen.ink)):
        if path is not None:
            target = output / (key if path.is_dir() else f"{key}{''.join(path.suffixes)}")
            shutil.copytree(path, target, dirs_exist_ok=True) if path.is_dir() else shutil.copyfile(path, target)
            recipe.setdefault("synth", {})[key] = target.name
    write_text(output / "weights.yaml", yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True))
    if chosen.wheels:
        download_wheels(output / "wheels", chosen.python, set(chosen.there.split(",")))


def write_dataset(folder: Path, pages: Iterator[PackedPage], long_side_px: int) -> dict[str, int]:
    """Writes a YOLO dataset of pages as WebP, no larger than needed; returns the number of pages of each split."""
    counts = {"train": 0, "val": 0}
    labelled: dict[str, frozenset[int] | None] = {}
    distractors: dict[str, list[list[float]]] = {}
    for page in pages:
        height, width = page.pixels.shape[:2]
        scale = min(1.0, long_side_px / max(height, width))
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(page.pixels, size_wh, interpolation=cv2.INTER_AREA) if scale < 1 else page.pixels
        stem = f"{counts[page.split]:05d}"
        counts[page.split] += 1
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
        name = f"images/{page.split}/{stem}.webp"
        write_bytes(folder / name, encoded.tobytes())
        text = detections_to_yolo(page.ground_truth.scaled(size_wh))
        write_text(folder / "labels" / page.split / f"{stem}.txt", text)
        labelled[name] = page.labelled
        if len(page.distractors):
            by = np.array(size_wh * 2, np.float32) / np.array((width, height) * 2, np.float32)
            distractors[name] = np.round(page.distractors * by, 1).tolist()
    if labelled:
        rules = write_rules(folder, labelled, CLASSES)
        places = {split: [f"images/{split}"] for split, count in counts.items() if count}
        if distractors:
            write_json(folder / _DISTRACTORS, distractors)
        listed = _DISTRACTORS if distractors else None
        write_text(folder / DATA_YAML, data_yaml_text(CLASSES, places, distractors=listed, labelled=rules))
    return counts


def needed_packages(extra: str, there: set[str]) -> dict[str, str]:
    """Name -> installed version of everything that docdetect with an extra needs, without what is there already."""
    from packaging.requirements import Requirement

    found: dict[str, str] = {}
    waiting = [("docdetect", extra)]
    while waiting:
        name, wanted = waiting.pop()
        for text in importlib.metadata.requires(name) or ():
            need = Requirement(text)
            plain = need.name.lower().replace("_", "-")
            if need.marker is not None and not need.marker.evaluate({"extra": wanted}):
                continue
            if plain in there or plain in found or plain.startswith(("nvidia-", "cuda-")):
                continue
            try:
                found[plain] = importlib.metadata.version(plain)
            except importlib.metadata.PackageNotFoundError:  # replaced by another package, as opencv-python is here
                continue
            waiting.append((plain, ""))
    return found


def download_wheels(folder: Path, python: str, there: set[str]) -> None:
    """Downloads the wheels of what the training needs, for Linux on x86-64, without what the machine has."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = needed_packages("train", there)
    if "opencv-python-headless" not in packages and "opencv-python-headless" not in there:
        packages["opencv-python-headless"] = importlib.metadata.version("opencv-python-headless")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp", "--dest", str(folder)]
    command += [part for platform in _PLATFORMS for part in ("--platform", platform)]
    subprocess.run([*command, *(f"{name}=={version}" for name, version in sorted(packages.items()))], check=True)


def _sources(chosen: argparse.Namespace) -> Iterator[tuple[str, float, Iterator[PackedPage]]]:
    """Name, weight and pages of each dataset of the pack."""
    for text in chosen.data:
        path, _, weight = text.rpartition("=") if "=" in text else (text, "", "1")
        folder = Path(path) if Path(path).is_dir() else Path(path).parent
        yield folder.name, float(weight), _of_dataset(path)
    for table in chosen.table:
        for name, weight, folder, labelled in _rows(table):
            yield name, weight, _of_folder(folder, labelled)
    for folder in chosen.without_marks:
        yield folder.name, 1.0, _of_documents(folder, chosen.imgsz)


def _of_dataset(path: str) -> Iterator[PackedPage]:
    described = read_data_yaml(path)
    if described.class_names != CLASSES:
        raise InputError(
            f"{described.file}: the classes are {', '.join(described.class_names)}, not {', '.join(CLASSES)}",
            "Make the dataset again with these classes in this order.",
        )
    splits = tuple(split for split in ("train", "val") if split in described.entries)
    dataset = read_dataset(path, splits, need_marks=False)
    for split in splits:
        yield from (_packed(image, split) for image in dataset.splits[split])


def _of_folder(folder: Path, labelled: Sequence[str]) -> Iterator[PackedPage]:
    """The pages of a folder of `images/` and `labels/`; each `_VAL_EVERY`-th is for validation."""
    text = data_yaml_text(CLASSES, {"train": [str((folder / "images").resolve())]}, labelled=list(labelled))
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}-") as outside:  # the folder itself may be read-only
        write_text(Path(outside) / DATA_YAML, text)
        images = read_dataset(outside, ("train",), need_marks=False).splits["train"]
    for number, image in enumerate(images):
        yield _packed(image, "val" if number % _VAL_EVERY == _VAL_EVERY - 1 else "train")


def _of_documents(folder: Path, long_side_px: int) -> Iterator[PackedPage]:
    files = documents_in(folder).files
    number = 0
    for outcome in iter_rendered(list(files), LongSide(long_side_px), WorkerSettings()):
        if isinstance(outcome, PageOutcome) and outcome.value is not None and outcome.number <= _MOST_PAGES:
            pixels = np.asarray(outcome.value.pixels, np.uint8)
            number += 1
            split = "val" if number % _VAL_EVERY == 0 else "train"
            none = Detections.none((pixels.shape[1], pixels.shape[0]), scored=False)
            yield PackedPage(pixels, none, None, split)


def _packed(image: LabelledImage, split: str) -> PackedPage:
    pixels = read_picture(image.path).pixels
    return PackedPage(pixels, image.ground_truth, image.labelled, split, image.distractors)


def _unused(name: str, names: Sequence[str]) -> str:
    """The name, with a number behind it where another dataset of the pack has it: folders often have the same name."""
    unused, number = name, 1
    while unused in names:
        number += 1
        unused = f"{name}-{number}"
    return unused


def _rows(table: Path) -> Iterator[tuple[str, float, Path, list[str]]]:
    """Name, weight, folder and labelled classes of each line of a table."""
    with table.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream, delimiter="\t"):
            column = next((name for name in line if name.startswith("labelled")), None)
            if "folder" not in line or column is None:
                raise InputError(f"{table}: no columns folder and labelled", "Name these columns in its first line.")
            names = (line[column] or "").split()
            if unknown := [name for name in names if name not in CLASSES]:
                raise InputError(f"{table}: {line['folder']}: no class {unknown[0]}", f"Use {', '.join(CLASSES)}.")
            yield line["folder"], float(line.get("weight") or 1), table.parent / line["folder"], names


def _bytes(path: Path) -> int:
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
