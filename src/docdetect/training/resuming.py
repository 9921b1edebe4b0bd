"""Resumption of an interrupted training in its own run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docdetect.config.loading import load_config
from docdetect.config.schema import Config, TrainConfig
from docdetect.datasets.reader import content_hashes, read_dataset
from docdetect.datasets.several import read_training_data
from docdetect.errors import ConfigError, DocdetectError, InputError
from docdetect.files import read_json
from docdetect.metrics.codec import figures_from_json
from docdetect.models.checkpoint import load_network
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.listeners import Listeners, TrainResult
from docdetect.training.records import (
    RunFolder,
    can_go_on,
    drop_later_rows,
    find_run,
    update_record,
    write_configuration,
)
from docdetect.training.train import finish_training, run_training, train, with_absolute_data

CHANGEABLE_ON_RESUME = (
    *("device", "workers", "cache", "patience", "hours", "pause_hours", "checkpoint_s", "tracking", "tracking_uri"),
)


def train_or_go_on(config: Config, listeners: Listeners | None = None) -> TrainResult:
    """The result of the recipe `config.train`, whatever was done of it before: the newest run of this very recipe goes
    on where it was interrupted, or gives its result where it is finished; without such a run a new one starts.

    Raises:
        see `train` and `resume`.
    """
    config = with_absolute_data(config)
    for run in _runs_of_recipe(config.train):
        if read_json(run.record).get("state") == "finished":
            return _finished_result(run)
        if can_go_on(run):
            return resume(str(run.path), config, listeners)
    return train(config, listeners)


def resume(wanted: str, config: Config, listeners: Listeners | None = None) -> TrainResult:
    """Goes on with an interrupted run in its own folder, from the end of its last finished epoch; where that was the
    last one of all, the best weights are evaluated and reported.

    Args:
        wanted: the run folder, or `last` for the newest interrupted one in `config.train.runs`.
        config: see `resumed_config`.
        listeners: who is told what.

    Raises:
        InputError: there is no such run, it is finished, its data has changed, or another version of docdetect wrote
            its checkpoint.
        see also `train`.
    """
    tell = listeners or Listeners()
    prepare_ultralytics(verbose=tell.verbose)
    run = RunFolder(find_run(wanted, Path(config.train.runs)).path.resolve())
    if isinstance(config.train.data, str):
        dataset = read_dataset(run.data, pixels=True, on_progress=tell.on_progress, announce=tell.announce)
    else:
        dataset = read_training_data(config.train.sources, on_progress=tell.on_progress, announce=tell.announce)
    marks = content_hashes(dataset)
    record = update_record(run)
    if record["data"]["split_sha256"] != marks.split:
        raise InputError(
            f"{dataset.file}: the split is not the one that {run.path} was trained with",
            "Restore that dataset, or start a new run.",
        )
    if record["data"]["dataset_sha256"] != marks.dataset:
        tell.announce("the dataset has changed since this run was started")
    if config.train.views == "device":
        from docdetect.training.resident.checkpoints import read_checkpoint
        from docdetect.training.resident.run import run_resident

        # Before any file of the run is written: the version that can go on with the run reads its configuration.
        read_checkpoint(run.checkpoints)
        write_configuration(run, config, dataset)
        update_record(run, state="running")
        return run_resident(run, config, dataset, tell)
    done, planned = _epochs_of(run)
    if not 0 < done < planned:  # a checkpoint that its optimizer was taken out of, after the last epoch, counts none
        write_configuration(run, config, dataset)
        update_record(run, state="running")
        return finish_training(run, config, dataset, tell)
    for table in (run.metrics, run.results):
        drop_later_rows(table, done)
    write_configuration(run, config, dataset)
    update_record(run, state="running")
    return run_training(run, config, dataset, {"model": str(run.last), "resume": str(run.last)}, tell)


def resumed_config(wanted: str, runs: str, assignments: tuple[str, ...], flags: Mapping[str, object]) -> Config:
    """The configuration of an interrupted run, with what may be changed under way.

    Raises:
        InputError: there is no such run.
        ConfigError: something else than `CHANGEABLE_ON_RESUME` is to be changed.
    """
    run = find_run(wanted, Path(runs))
    before = load_config(str(run.config)).train.model_dump()
    config = load_config(str(run.config), assignments, flags)
    changed = [key for key, value in config.train.model_dump().items() if value != before[key]]
    fixed = [f"train.{key}" for key in changed if key not in CHANGEABLE_ON_RESUME]
    if fixed:
        raise ConfigError(
            f"--resume: {', '.join(fixed)} cannot change in the middle of a run",
            f"Only {', '.join(CHANGEABLE_ON_RESUME)} can; start a new run for anything else.",
        )
    return config


def _runs_of_recipe(recipe: TrainConfig) -> Iterator[RunFolder]:
    """Runs of the recipe that have begun, the newest first; what may change on resumption makes no difference."""
    wanted = recipe.model_dump(exclude=set(CHANGEABLE_ON_RESUME))
    folders = sorted(Path(recipe.runs).glob(f"{recipe.name}_*/run.json"), reverse=True)
    for run in (RunFolder(record.parent) for record in folders):
        try:
            known = load_config(str(run.config)).train
        except DocdetectError:  # of another version, or damaged: not this recipe's
            continue
        if known.model_dump(exclude=set(CHANGEABLE_ON_RESUME)) == wanted:
            yield run


def _finished_result(run: RunFolder) -> TrainResult:
    record: dict[str, Any] = read_json(run.record)
    figures = figures_from_json(record["best"].get("figures", ()), str(run.record))
    return TrainResult(run.path, run.best, int(record["epochs"]), 0.0, figures)


def _epochs_of(run: RunFolder) -> tuple[int, int]:
    """Epochs done, and planned: a time budget changes the plan under way, so it is the checkpoint that knows.

    Done are 0 once Ultralytics has taken the optimizer out of the checkpoint, which it does after the last epoch.
    """
    import torch

    load_network(run.last)  # refuses what it should, and registers the few classes that a checkpoint needs
    checkpoint = torch.load(run.last, map_location="cpu", weights_only=True)
    return int(checkpoint.get("epoch", -1)) + 1, int(checkpoint["train_args"]["epochs"])
