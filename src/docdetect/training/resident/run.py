"""A training on pages in the memory of the device: its run folder, its checkpoints, and what it ends with."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from docdetect.config.schema import Config, TrainConfig
from docdetect.datasets.reader import TrainingShare, YoloDataset
from docdetect.documents.pictures import read_picture
from docdetect.errors import ConfigError
from docdetect.files import as_argument, output_errors, sha256_file, write_bytes
from docdetect.interrupts import InterruptFlag, interrupts_as_flag
from docdetect.machine import available_cores, keep_freed_memory, release_freed_memory
from docdetect.metrics.codec import to_plain
from docdetect.models.engines.base import select_device
from docdetect.models.packing import packed_bytes
from docdetect.synth.stream import PageStream, StreamCounts
from docdetect.training.listeners import Listeners, TrainResult
from docdetect.training.outcome import evaluated, run_alone, state_recorded, write_outcome
from docdetect.training.precision import choose_precision
from docdetect.training.progress import EpochReport
from docdetect.training.records import RunFolder, drop_later_rows, update_record, write_epoch
from docdetect.training.resident.batches import BatchMaker
from docdetect.training.resident.checkpoints import read_checkpoint, write_checkpoint
from docdetect.training.resident.learner import LOSSES, Learner
from docdetect.training.resident.loop import Hooks, Loop, Report, plan_of
from docdetect.training.resident.networks import build_networks
from docdetect.training.resident.pages import free_memory, load_pages
from docdetect.training.resident.ring import Ring
from docdetect.training.resident.slices import BATCHES
from docdetect.training.tracking import tracked
from docdetect.training.trainer import TrainingPausedError

STEPS = "steps.csv"
"""The table of a run that grows while it trains: speed and losses, every twenty seconds."""

# Share of the free memory that made-up pages may take, most of them, and the share of a square that a page fills.
_RING_SHARE, _MOST_PAGES, _SHEET = 0.4, 16_000, 0.72
# Long side in px below which the generator cannot draw its smallest marks; smaller pages are shrunk.
_LEAST_MADE_PX = 256
# Time in which the first made-up pages are waited for, and its share of a training that has a time.
_PATIENCE_S, _PATIENCE_SHARE = 300.0, 0.1


def run_resident(run: RunFolder, config: Config, dataset: YoloDataset, tell: Listeners) -> TrainResult:
    """Trains in a run folder that is laid out already, or goes on with its newest checkpoint.

    Args:
        run: the folder, its path absolute.
        config: recipe and settings.
        dataset: the checked pages.
        tell: who is told what.

    Raises:
        TrainingPausedError: `train.pause_hours` are over; the run can be resumed.
        ConfigError: the pages do not fit into memory, or the device or the precision is not to be had.
        InputError: a model, the teacher or a picture cannot be read.
        TrainingDivergedError: the loss is not a number any more.
        OutputExistsError: another session of this run is going on.
    """
    recipe, names = config.train, dataset.class_names
    started = datetime.now()
    device = select_device(recipe.device)
    if device.type == "cpu":
        torch.set_num_threads(available_cores())
        keep_freed_memory()
    with run_alone(run), state_recorded(run), tracked(run, config, tell.announce) as track:
        precision = choose_precision(recipe.precision, device)
        state = read_checkpoint(run.checkpoints)
        networks = build_networks(recipe, names, device, bf16=precision == "bf16", goes_on=state is not None, tell=tell)
        update_record(run, device=str(device), precision=precision)
        pages = load_pages(dataset.splits["train"], recipe.imgsz, device, tell.on_progress)
        shares = dataset.shares or (TrainingShare(dataset.file, len(pages), 1.0),)
        with _made_pages(config, names, device, state, tell) as (ring, counts):
            if networks.slices is not None:
                tell.on_progress(0, 0, "cutting slices out of the teacher")
                looks = BatchMaker(pages, shares, ring, recipe, len(names), device)  # the training begins afresh
                networks.slices.start((looks.make(step, 0.0).labels["img"] for step in range(BATCHES)), device)
            batches = BatchMaker(pages, shares, ring, recipe, len(names), device)
            session = _Session(run, recipe, counts)
            hooks = Hooks(session.report, session.save, tell.on_progress, session.wanted)
            loop = Loop(batches, networks.learners, networks.teacher, plan_of(recipe, len(pages)), recipe, hooks)
            if state is not None:
                loop.restore(state)
            session.begin(loop)
            # After Ctrl-C or SIGTERM the step that is going on is finished, and a checkpoint is written.
            with _deterministic(recipe, device), interrupts_as_flag() as session.interrupt:
                loop.run()
            session.record_made_pages()
        files = write_networks(run, networks.learners, recipe.imgsz)
        del batches, pages, ring
        release_freed_memory()
        result, report = _finish(run, config, dataset, files, loop, (datetime.now() - started).total_seconds(), tell)
        track(report)
        tell.on_epoch(report)
        shutil.rmtree(run.checkpoints, ignore_errors=True)
        return result


@contextmanager
def _made_pages(
    config: Config, names: tuple[str, ...], device: torch.device, state: dict[str, Any] | None, tell: Listeners
) -> Iterator[tuple[Ring | None, StreamCounts | None]]:
    """Made-up pages, from the page on that no earlier session of the run has made; None where the recipe has none."""
    how = config.train.synth
    if not how.share:
        yield None, None
        return
    if config.synth.classes != names:
        raise ConfigError(
            f"synth.classes: {', '.join(config.synth.classes)}, but the dataset has the classes {', '.join(names)}",
            "Give made-up pages the classes of the dataset, in the same order.",
        )
    size = max(config.train.imgsz, _LEAST_MADE_PX)
    settings = config.synth.model_copy(update={"imgsz": size})
    workers = how.workers or max(1, available_cores() - (2 if device.type == "cuda" else 1))
    fits = int(_RING_SHARE * free_memory(device) / (3 * config.train.imgsz**2 * _SHEET))
    capacity = max(1, min(how.pages or _MOST_PAGES, fits))
    if how.pages > capacity:
        tell.announce(f"train.synth: {how.pages} pages do not fit into memory, so {capacity} are kept")
    first = 0 if state is None else int(state["made_pages"].get("next_number", 0))
    stream = PageStream(settings, workers, first, announce=tell.announce)
    ring = Ring(stream, capacity, how.looks, config.train.imgsz, device)
    try:
        tell.on_progress(0, 0, "making the first pages")
        hours = config.train.hours
        ring.wait_for(how.first, min(_PATIENCE_S, _PATIENCE_SHARE * 3600 * hours) if hours else _PATIENCE_S)
        yield ring, stream.counts
    finally:
        ring.close()


def write_networks(run: RunFolder, learners: Sequence[Learner], imgsz: int) -> dict[str, Path]:
    """Writes the averaged networks as weights: of the first one `best.pt` and `last.pt`, of the others `<name>.pt`.

    Returns:
        Name of a network -> its file.
    """
    files = {}
    for number, learner in enumerate(learners):
        content = packed_bytes(learner.result(), imgsz)
        file = run.best if number == 0 else run.best.with_name(f"{learner.name}.pt")
        write_bytes(file, content)
        if number == 0:
            write_bytes(run.last, content)
        files[learner.name] = file
    return files


@dataclass
class _Session:
    """One session of a run: when checkpoints are due, when it ends, and its table of steps."""

    run: RunFolder
    recipe: TrainConfig
    counts: StreamCounts | None
    began_s: float = 0.0
    saved_s: float = 0.0
    interrupt: InterruptFlag = field(default_factory=InterruptFlag)

    def begin(self, loop: Loop) -> None:
        self.began_s = self.saved_s = time.monotonic()
        drop_later_rows(self.run.path / STEPS, loop.step)

    def wanted(self, elapsed_s: float) -> bool:
        """Whether a checkpoint is due.

        Raises:
            TrainingPausedError: the session's time is over.
            KeyboardInterrupt: the user wants it to end.
        """
        if self.interrupt.is_set():
            raise KeyboardInterrupt
        spent = time.monotonic() - self.began_s
        if self.recipe.pause_hours and spent > 3600 * self.recipe.pause_hours:
            raise TrainingPausedError(
                f"paused after {elapsed_s / 60:.0f} minutes of training, as train.pause_hours says",
                f"docdetect train --resume {as_argument(self.run.path)} goes on.",
            )
        return time.monotonic() - self.saved_s >= self.recipe.checkpoint_s

    def save(self, state: dict[str, Any]) -> None:
        made = {} if self.counts is None else {"next_number": self.counts.next_number}
        write_checkpoint(self.run.checkpoints, int(state["step"]), {**state, "made_pages": made})
        self.saved_s = time.monotonic()

    def record_made_pages(self) -> None:
        """Writes into `run.json` what the processes that make pages have done in this session."""
        if self.counts is not None:
            counts = self.counts
            told = {"made": counts.made, "failed": counts.failed, "processes_ended": counts.ended}
            update_record(self.run, made_pages=told)

    def report(self, report: Report) -> None:
        """Adds a row to the table of steps."""
        row: dict[str, object] = {
            "step": report.step,
            "seconds": f"{report.seconds:.1f}",
            "progress": f"{report.progress:.4f}",
            "views": report.views,
            "views_per_s": f"{report.views_per_s:.2f}",
            "learning_rate_factor": f"{report.factor:.5f}",
        }
        if self.counts is not None:
            counts = self.counts
            row |= {"pages_made": counts.made, "pages_failed": counts.failed, "processes_ended": counts.ended}
        for network, losses in report.losses.items():
            for part in LOSSES:
                row[f"{network} {part}"] = f"{losses[part]:.5f}" if part in losses else ""
        file = self.run.path / STEPS
        with output_errors(file):
            new = not file.is_file()
            with file.open("a", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, list(row))
                if new:
                    writer.writeheader()
                writer.writerow(row)


@contextmanager
def _deterministic(recipe: TrainConfig, device: torch.device) -> Iterator[None]:
    """PyTorch's deterministic algorithms on a CPU, where the recipe wants them; GPUs have none for some layers."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if recipe.deterministic and device.type == "cpu":
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before[0], warn_only=before[1])


def _finish(
    run: RunFolder,
    config: Config,
    dataset: YoloDataset,
    files: dict[str, Path],
    loop: Loop,
    seconds: float,
    tell: Listeners,
) -> tuple[TrainResult, EpochReport]:
    """Evaluates the networks, writes what the first one has found, and marks the run as finished."""
    epochs = max(1, round(loop.views / len(dataset.splits["train"])))
    losses = {part: value for part, value in loop.last_losses.items() if part not in ("teacher", "features")}
    records: dict[str, Any] = {}
    outcomes = {}
    for name, file in files.items():
        samples, matches, figures = evaluated(file, config, dataset, tell)
        outcomes[name] = samples, matches, figures
        records[name] = {
            "file": file.relative_to(run.path).as_posix(),
            "sha256": sha256_file(file),
            "figures": to_plain(figures),
        }
    samples, matches, figures = next(iter(outcomes.values()))
    report = EpochReport(epochs, epochs, seconds, 0.0, losses, {}, 0.0, figures, None, None, best=True)
    write_epoch(run, report)
    images = dataset.splits["val"]
    write_outcome(
        run, config, dataset.class_names, samples, matches, figures, lambda k: read_picture(images[k].path).pixels
    )
    first = next(iter(records.values()))
    update_record(
        run,
        state="finished",
        epochs=epochs,
        steps=loop.step,
        views=loop.views,
        seconds=round(loop.elapsed_s, 1),
        best={"sha256": first["sha256"], "figures": first["figures"]},
        networks=records,
    )
    return TrainResult(run.path, run.best, epochs, seconds, figures), report
