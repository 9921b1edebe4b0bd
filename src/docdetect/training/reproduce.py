"""The seed's protocol and an honest one, side by side: the same recipe on a split by page and on a split by family.

Only the split differs. Both train all epochs and are judged with their last weights, as the seed reported its sixtieth
epoch: the validation pages choose nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from docdetect.config import dump_config, load_config
from docdetect.console import ProgressCallback
from docdetect.errors import InputError
from docdetect.files import write_json, write_text
from docdetect.metrics.samples import Sample
from docdetect.schema import Config, DataConfig
from docdetect.training.crossval import finished_training
from docdetect.training.data import YoloDataset, read_dataset
from docdetect.training.evaluate import EVALUATION, read_predictions
from docdetect.training.records import RunFolder, make_run_folder
from docdetect.training.samples import origin_of, read_origins
from docdetect.training.train import Listeners, with_named_model
from docdetect.training.validate import validate

PROTOCOLS = "protocols.json"
PAGE, FAMILY = "page", "family"
_SPLITS = ("train", "val")

PrepareDataset: TypeAlias = Callable[[DataConfig, ProgressCallback], Sequence[str]]
"""Makes the dataset of a configuration, whole or not at all; returns what is worth knowing about it."""


@dataclass(frozen=True)
class Judged:
    """One protocol, finished.

    Attributes:
        split_by: page or family.
        weights: those that were judged, the last of the training.
        report: the folder of the evaluation, with its own report.
        samples: the validation pages with what was found on them; their families are those of near-duplicates, also
            where the split did not heed them.
        names: class names in the order of ids.
        trained_on: number of pages on the side of training.
        seen: number of validation pages of whose family there are pages on the side of training.
    """

    split_by: str
    weights: Path
    report: Path
    samples: tuple[Sample, ...]
    names: tuple[str, ...]
    trained_on: int
    seen: int


@dataclass(frozen=True)
class Reproduction:
    """Both protocols, in the order page, family."""

    folder: Path
    config: Config
    judged: tuple[Judged, ...]


def reproduce(config: Config, prepare: PrepareDataset, listeners: Listeners | None = None) -> Reproduction:
    """Splits, trains and judges both ways in a new folder `<reproduce.runs>/<name>_<timestamp>`.

    Args:
        config: `data` says from which documents and with which share and seed (its `split_by`, `dataset`, `test` and
            `manifest` do not matter), `train` is the recipe, `val` how it is judged.
        prepare: see `PrepareDataset`.
        listeners: who is told what.

    Raises:
        InputError: documents, annotations or model are missing or wrong, or a split has no validation pages.
        OutputError: the folder cannot be written.
    """
    config = with_named_model(config)
    folder = make_run_folder(Path(config.reproduce.runs), config.reproduce.name)
    write_text(folder / "config.yaml", dump_config(config))
    write_json(folder / PROTOCOLS, {"split_by": [PAGE, FAMILY], "seed": config.data.seed, "val": config.data.val})
    return _go_on(folder, config, prepare, listeners or Listeners())


def resume_reproduction(
    wanted: str, runs: str, prepare: PrepareDataset, listeners: Listeners | None = None
) -> Reproduction:
    """Goes on where an interrupted reproduction was: what is finished is kept, an interrupted training goes on.

    Args:
        wanted: its folder, or `last` for the newest one in `runs`.
        runs: where such folders are.
        prepare: see `PrepareDataset`.
        listeners: who is told what.

    Raises:
        InputError: there is none; see also `reproduce`.
    """
    folder = _find(wanted, Path(runs))
    return _go_on(folder, load_config(str(folder / "config.yaml")), prepare, listeners or Listeners())


def _find(wanted: str, runs: Path) -> Path:
    if wanted != "last":
        if not (Path(wanted) / PROTOCOLS).is_file():
            raise InputError(f"{wanted}: no run of docdetect reproduce", "Start one with docdetect reproduce.")
        return Path(wanted)
    found = [path.parent for path in runs.glob(f"*/{PROTOCOLS}")] if runs.is_dir() else []
    if not found:
        raise InputError(f"{runs}: no reproduction to go on with", "Start one with docdetect reproduce.")
    return max(found, key=lambda path: ((path / PROTOCOLS).stat().st_mtime_ns, path.name))


def _go_on(folder: Path, config: Config, prepare: PrepareDataset, tell: Listeners) -> Reproduction:
    datasets = {name: _prepared(folder / name, name, config.data, prepare, tell) for name in (PAGE, FAMILY)}
    _check_same_pages(datasets)
    families = {
        (origin.document, origin.page): origin.family for origin in read_origins(datasets[FAMILY].root).values()
    }
    judged = []
    for name, dataset in datasets.items():
        place = folder / name
        run = finished_training(place, partial(_settings, config, dataset, tell, name), tell)
        report = _evaluated(place, run, dataset, config, tell)
        judged.append(_judged(name, run, report, dataset, families))
    return Reproduction(folder, config, tuple(judged))


def _prepared(place: Path, split_by: str, data: DataConfig, prepare: PrepareDataset, tell: Listeners) -> YoloDataset:
    """The dataset in `place`, made unless it is there: it comes into being whole."""
    target = place / "dataset"
    if not (target / "data.yaml").is_file():
        tell.announce(f"dataset split by {split_by}")
        asked = {"split_by": split_by, "dataset": str(target), "test": 0.0, "manifest": "", "overwrite": False}
        for note in prepare(data.model_copy(update=asked), tell.on_progress):
            tell.announce(note)
    if not any((target / "images" / "val").iterdir()):
        raise InputError(
            f"{data.pdfs}: a split by {split_by} leaves no validation pages",
            "Add documents that are no near-duplicates of these, or take a larger share with --val.",
        )
    return read_dataset(str(target), _SPLITS, on_progress=tell.on_progress)


def _check_same_pages(datasets: Mapping[str, YoloDataset]) -> None:
    stems = {
        name: sorted(image.path.stem for split in dataset.splits.values() for image in split)
        for name, dataset in datasets.items()
    }
    if stems[PAGE] != stems[FAMILY]:
        raise InputError(
            f"{datasets[FAMILY].root}: not the pages of {datasets[PAGE].root}; documents changed between the two",
            "Start again with docdetect reproduce.",
        )


def _settings(config: Config, dataset: YoloDataset, tell: Listeners, split_by: str) -> Config:
    tell.announce(f"training on the split by {split_by}")
    return config.model_copy(update={"train": config.train.model_copy(update={"data": str(dataset.file)})})


def _evaluated(place: Path, run: RunFolder, dataset: YoloDataset, config: Config, tell: Listeners) -> Path:
    """The folder of the evaluation on the validation split, made unless it is there."""
    done = sorted(path.parent for path in place.glob(f"val_*/{EVALUATION}"))
    if done:
        return done[-1]
    asked = {
        "weights": str(run.last),
        "data": str(dataset.file),
        "split": "val",
        "runs": str(place),
        "name": "val",
        "imgsz": config.train.imgsz,
        "device": config.train.device,
    }
    settings = config.model_copy(update={"val": config.val.model_copy(update=asked)})
    return validate(settings, on_progress=tell.on_progress, announce=tell.announce).folder


def _judged(
    split_by: str, run: RunFolder, report: Path, dataset: YoloDataset, families: Mapping[tuple[str, int], str]
) -> Judged:
    samples, names = read_predictions(report)
    origins = read_origins(dataset.root)
    trained = {
        families[origin.document, origin.page]
        for origin in (origin_of(image, origins) for image in dataset.splits["train"])
    }
    renamed = tuple(replace(sample, family=families[sample.document, sample.page]) for sample in samples)
    seen = sum(sample.family in trained for sample in renamed)
    return Judged(split_by, run.last, report, renamed, names, len(dataset.splits["train"]), seen)
