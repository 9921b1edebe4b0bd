"""Training a detector: from a configuration to a complete run folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect.config.schema import Config
from docdetect.datasets.reader import ContentHashes, YoloDataset, content_hashes
from docdetect.datasets.several import read_training_data
from docdetect.documents.pictures import read_picture
from docdetect.files import absolute, sha256_file
from docdetect.metrics.codec import to_plain
from docdetect.metrics.figures import ClassFigures
from docdetect.models.checkpoint import check_architecture, load_network
from docdetect.models.engines.base import select_device
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.models.weights import resolve_model, resolve_weights
from docdetect.training.arguments import training_arguments
from docdetect.training.listeners import Listeners as Listeners
from docdetect.training.listeners import TrainResult as TrainResult
from docdetect.training.outcome import evaluated, run_alone, state_recorded, write_outcome
from docdetect.training.progress import EpochReport
from docdetect.training.records import (
    RunFolder,
    data_record,
    epochs_done,
    make_run_folder,
    update_record,
    write_configuration,
    write_epoch,
)
from docdetect.training.tracking import check_tracking, tracked
from docdetect.types import SizeWH

if TYPE_CHECKING:
    from docdetect.training.trainer import PagesTrainer


def with_named_model(config: Config) -> Config:
    """The configuration with the path of the newest run's best in place of `train.model: last`.

    For trainings whose runs lie in a folder of their own, where `last` would not be found, or be another.

    Raises:
        InputError: `train.runs` holds no run with weights.
    """
    starts = config.train.networks
    if all(start.path != "last" for start in starts):
        return config
    newest = str(resolve_weights("last", Path(config.train.runs)).resolve())
    named = tuple(start.model_copy(update={"path": newest}) if start.path == "last" else start for start in starts)
    model = newest if isinstance(config.train.model, str) else named
    return config.model_copy(update={"train": config.train.model_copy(update={"model": model})})


def with_absolute_data(config: Config) -> Config:
    """The configuration with the absolute paths of several datasets, so that a run goes on in any folder."""
    if isinstance(config.train.data, str):
        return config
    data = tuple(one.model_copy(update={"path": str(absolute(one.path))}) for one in config.train.data)
    return config.model_copy(update={"train": config.train.model_copy(update={"data": data})})


def train(config: Config, listeners: Listeners | None = None) -> TrainResult:
    """Trains with `config.train` into a new folder `<runs>/<name>_<timestamp>`.

    Raises:
        InputError: the dataset or the model is missing or wrong.
        ConfigError: the device or the precision is not to be had here.
        TrainingDivergedError: the loss is not a number any more.
        TrainingPausedError: `train.pause_hours` are over; the run can be resumed.
        OutputError: the run folder cannot be written.
    """
    tell = listeners or Listeners()
    prepare_ultralytics(verbose=tell.verbose)
    recipe = config.train
    check_tracking(recipe)
    select_device(recipe.device)
    dataset = read_training_data(recipe.sources, on_progress=tell.on_progress, announce=tell.announce)
    config = with_absolute_data(config)
    named = with_named_model(config).train
    models = [resolve_model(start.path, announce=tell.announce) for start in named.networks]
    for model in models:
        if model.suffix.lower() != ".pt":
            check_architecture(model, len(dataset.class_names))
    marks = content_hashes(dataset)
    _announce_oddities(dataset, marks, tell, models[0], recipe.freeze)
    run = RunFolder(make_run_folder(Path(recipe.runs), recipe.name).resolve())
    if recipe.views == "device":  # the paths of what it starts from are kept, so that it goes on with the same
        config = config.model_copy(update={"train": named})
    write_configuration(run, config, dataset)
    update_record(
        run,
        state="running",
        data=data_record(dataset, marks),
        model={"name": recipe.networks[0].path, "sha256": sha256_file(models[0]) if models[0].is_file() else ""},
    )
    if recipe.views == "device":
        from docdetect.training.resident.run import run_resident

        return run_resident(run, config, dataset, tell)
    return run_training(run, config, dataset, {"model": str(models[0])}, tell)


def run_training(
    run: RunFolder, config: Config, dataset: YoloDataset, model: Mapping[str, str], tell: Listeners
) -> TrainResult:
    """Trains in a run folder that is laid out already.

    Args:
        run: the folder, its path absolute.
        config: recipe and settings.
        dataset: the checked pages.
        model: Ultralytics' argument `model`, and `resume` where a checkpoint is to be gone on with.
        tell: who is told what.

    Raises:
        TrainingPausedError: `train.pause_hours` are over; the run can be resumed.
        OutputExistsError: another session of this run is going on.
        see also `train`.
    """
    from docdetect.training.trainer import Job, PagesTrainer

    device = select_device(config.train.device)
    resumed = "resume" in model
    is_checkpoint = model["model"].lower().endswith(".pt")

    job = Job(
        dataset=dataset,
        data_yaml=run.data,
        network=load_network(Path(model["model"])) if is_checkpoint and not resumed else None,
        precision=config.train.precision,
        workers=config.train.workers,
        window=_window_wh(config.train.window),
        pause_hours=config.train.pause_hours,
        conf=config.val.conf,
        iou=config.val.iou,
        announce=tell.announce,
        on_epoch=tell.on_epoch,
        on_progress=tell.on_progress,
    )
    arguments: dict[str, Any] = {
        **training_arguments(config.train),
        **model,
        "data": str(run.data),
        "save_dir": str(run.path),
        "project": str(run.path.parent),
        "name": run.path.name,
        "device": str(device.index) if device.type == "cuda" else device.type,
    }
    started = datetime.now()
    with run_alone(run), state_recorded(run), tracked(run, config, tell.announce) as track, _threads_joined():

        def on_epoch(report: EpochReport) -> None:
            write_epoch(run, report)
            track(report)
            tell.on_epoch(report)

        tell.on_progress(0, 0, "building the network")
        trainer = PagesTrainer(arguments, replace(job, on_epoch=on_epoch))
        update_record(run, device=str(trainer.device), precision=trainer.precision)
        tell.on_progress(0, 0, "preparing the first batch")
        try:
            trainer.train()
        finally:
            _close_loaders(trainer)
        return _finish(run, config, dataset, trainer, (datetime.now() - started).total_seconds())


def finish_training(run: RunFolder, config: Config, dataset: YoloDataset, tell: Listeners) -> TrainResult:
    """Does what was left to do when a run stopped after its last epoch: the best weights are evaluated and reported.

    Args:
        run: the folder, its path absolute; its state says that it is running.
        config: recipe and settings.
        dataset: the checked pages.
        tell: who is told what.

    Raises:
        OutputExistsError: another session of this run is going on.
        InputError: the weights or a picture cannot be read.
        OutputError: a file cannot be written.
    """
    from docdetect.training.trainer import strip_checkpoints

    started = datetime.now()
    with run_alone(run), state_recorded(run), tracked(run, config, tell.announce):
        strip_checkpoints(run.last, run.best)
        samples, matches, figures = evaluated(run.best, config, dataset, tell)
        images = dataset.splits["val"]
        write_outcome(
            run, config, dataset.class_names, samples, matches, figures, lambda k: read_picture(images[k].path).pixels
        )
        return _finished(run, epochs_done(run), figures, (datetime.now() - started).total_seconds())


def _finish(run: RunFolder, config: Config, dataset: YoloDataset, trainer: PagesTrainer, seconds: float) -> TrainResult:
    """Writes what the evaluation of the best weights has found, and marks the run as finished."""
    validator = trainer.validator
    samples, matches, figures = validator.samples, validator.matches, validator.figures
    write_outcome(run, config, dataset.class_names, samples, matches, figures, validator.pixels)
    return _finished(run, trainer.epoch + 1, figures, seconds)


def _finished(run: RunFolder, epochs: int, figures: tuple[ClassFigures, ...], seconds: float) -> TrainResult:
    """Marks the run as finished."""
    best = {"sha256": sha256_file(run.best), "figures": to_plain(figures)}
    update_record(run, state="finished", epochs=epochs, best=best)
    run.results.unlink(missing_ok=True)  # Ultralytics' table; all that it says is in the run's own table of epochs
    return TrainResult(run.path, run.best, epochs, seconds, figures)


@contextmanager
def _threads_joined() -> Iterator[None]:
    """Waits for the threads in which Ultralytics draws its pictures: the run folder is complete when we return."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon and "_pool" not in thread.name.lower() and "ThreadPoolExecutor" not in thread.name:
            thread.join()


def _close_loaders(trainer: PagesTrainer) -> None:
    for name in ("train_loader", "test_loader"):
        loader = getattr(trainer, name, None)
        if loader is not None:
            loader.close()


def _window_wh(window: int | tuple[int, int]) -> SizeWH | None:
    """Width and height of windows; None for none."""
    if isinstance(window, int):
        return (window, window) if window else None
    return window


def _announce_oddities(dataset: YoloDataset, marks: ContentHashes, tell: Listeners, model: Path, freeze: int) -> None:
    if marks.shared:
        shown = ", ".join(marks.shared[:3])
        pages = "1 page is" if len(marks.shared) == 1 else f"{len(marks.shared)} pages are"
        tell.announce(f"{pages} in more than one split, so the figures are too good ({shown})")
    if not dataset.marks("val"):
        tell.announce("the validation split has no mark, so nothing tells which epoch is best")
    if freeze and model.suffix.lower() != ".pt":
        tell.announce(
            f"{model.name} starts from random weights and train.freeze={freeze} keeps its first layers so; "
            "use train.freeze=0, or weights"
        )
