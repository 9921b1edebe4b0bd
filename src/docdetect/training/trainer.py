"""A small subclass of Ultralytics' detection trainer; each method says what it changes and why.

Imported after `prepare_ultralytics` only.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from ultralytics.data.build import InfiniteDataLoader, seed_worker
from ultralytics.engine import trainer as engine_trainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.torch_utils import strip_optimizer, unwrap_model

from docdetect.console import ProgressCallback
from docdetect.datasets.origins import read_origins
from docdetect.datasets.reader import TrainingShare, YoloDataset
from docdetect.datasets.several import PageDraws
from docdetect.errors import ConfigError, InterruptedRunError
from docdetect.files import as_argument
from docdetect.machine import available_cores, free_memory, keep_freed_memory, peak_memory, release_freed_memory
from docdetect.models.checkpoint import load_network
from docdetect.models.engines.base import same_shaped
from docdetect.training.pages import Pages, ValidationPages, Windows
from docdetect.training.partial_labels import without_regions
from docdetect.training.precision import PreciseLoss, choose_precision
from docdetect.training.progress import EpochCallback, EpochReport
from docdetect.training.validation import PagesValidator
from docdetect.types import SizeWH
from docdetect.workers.ending import leave_sigterm_to_parent

# Without this line checkpoints carry path, origin and last commit message of the git repository of the current folder.
engine_trainer.GIT = SimpleNamespace(root="", branch=None, commit=None, message=None, origin=None)

# On a CPU one process that reads pages keeps up with so many cores that train.
_CORES_PER_LOADER = 4
# Memory is kept from one batch to the next where this multiple of the memory of a batch is free; 1.3 was measured.
_KEPT_SHARE = 1.4


class TrainingPausedError(InterruptedRunError):
    """The session's hours are over; the run goes on when it is resumed."""


@dataclass(frozen=True)
class Job:
    """What a training run needs beyond Ultralytics' arguments.

    Attributes:
        dataset: checked pages, splits `train` and `val`.
        data_yaml: the description of the dataset in the run folder.
        network: where the weights come from: a loaded network, or None for the architecture in the arguments.
        precision: auto, fp32 or bf16.
        workers: loader processes at most.
        window: px, width and height of the windows of pages that are trained on; None is whole pages in squares.
        pause_hours: after so many hours the end of an epoch is the end of the session; 0 is no limit.
        conf, iou: the confidence threshold of precision and recall, and the IoU of non-maximum suppression, in the
            validation after each epoch; those of `docdetect val`.
        announce: told what is worth knowing.
        on_epoch: told after each epoch.
        on_progress: told after each batch.
    """

    dataset: YoloDataset
    data_yaml: Path
    network: torch.nn.Module | None
    precision: str
    workers: int
    window: SizeWH | None
    pause_hours: float
    conf: float
    iou: float
    announce: Callable[[str], None]
    on_epoch: EpochCallback
    on_progress: ProgressCallback


class PagesTrainer(DetectionTrainer):  # type: ignore[misc]
    """Trains a detector on the pages of a `Job`."""

    last: Path
    best: Path

    def __init__(self, arguments: dict[str, Any], job: Job) -> None:
        self.job = job
        self.batch_memory = 0  # peak memory in bytes at the end of the first batch
        self.final = False  # True during the last evaluation, that of the best weights, which is no epoch
        super().__init__(overrides=arguments)
        self.precision = choose_precision(job.precision, self.device)
        if self.device.type == "cpu":
            torch.set_num_threads(available_cores())  # Ultralytics leaves one core idle, of two as of sixty-four
            self.add_callback("on_train_batch_end", _keep_memory)
        self.add_callback("on_train_batch_end", _tell_batch)
        self.add_callback("on_fit_epoch_end", _tell_epoch)

    def get_dataset(self) -> dict[str, Any]:
        """The checked dataset; Ultralytics' own reader would follow `download:` entries, even run them."""
        names = dict(enumerate(self.job.dataset.class_names))
        self.args.data = str(self.job.data_yaml)
        return {
            "train": "train",
            "val": "val",
            "names": names,
            "nc": len(names),
            "channels": 3,
            "path": self.job.dataset.root,
            "yaml_file": str(self.job.data_yaml),
            "pages": self.job.dataset.splits,
        }

    def setup_model(self) -> Any:
        """The network that docdetect has loaded and checked; architectures and resumption as Ultralytics does it.

        Raises:
            ConfigError: the recipe freezes all layers, so that there is nothing to train.
        """
        checkpoint = None
        source = self.job.network
        if source is None or self.resume:
            checkpoint = super().setup_model()
        else:
            self.model = self.get_model(cfg=source.yaml, weights=source, verbose=False)
        layers = len(unwrap_model(self.model).model)
        if isinstance(self.args.freeze, int) and self.args.freeze >= layers:
            raise ConfigError(
                f"train.freeze: {self.args.freeze} keeps all {layers} layers of this network as they are, "
                "so that nothing is trained",
                "Give a smaller number, such as 0.",
            )
        return checkpoint

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Pages:
        """docdetect's pages in place of a second scan of the folders; windows of them where the recipe says so."""
        training = mode == "train"
        window = self.job.window if training else None
        make: Callable[..., Pages] = Pages if training else ValidationPages
        if window:
            make = partial(Windows, page_px=self.args.imgsz, window_wh=window)
        pages = make(
            img_path=img_path,
            imgsz=max(window) if window else self.args.imgsz,
            batch_size=batch,
            augment=training,
            hyp=self.args,
            rect=False,
            cache=self.args.cache or None,
            stride=max(int(unwrap_model(self.model).stride.max()), 32),
            task="detect",
            data=self.data,
        )
        if self.args.cache and pages.cache is None:
            self.job.announce(f"train.cache: the {mode} pages do not fit into memory, so they are read from disk")
        return pages

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Loader processes on CPUs too: Ultralytics sets them to none there, and the network waits for every page."""
        self.args.workers = loader_processes(self.job.workers, self.device)
        release_freed_memory()  # the processes are forked
        try:
            if mode == "val":
                return self._validation_loader(self.build_dataset(dataset_path, mode, batch_size), batch_size)
            if self.job.dataset.shares:
                return self._mixed_loader(self.build_dataset(dataset_path, mode, batch_size), batch_size)
            loader = super().get_dataloader(dataset_path, batch_size, rank, mode)
            loader.worker_init_fn = _enter_loader
            return loader
        finally:
            self.args.workers = self.job.workers

    def _validation_loader(self, pages: Pages, batch_size: int) -> InfiniteDataLoader:
        """Batches of pictures of one size, so that no page gets a wider border than `docdetect val` gives it."""
        assert isinstance(pages, ValidationPages)
        batches = same_shaped(pages.picture_sizes, batch_size)
        workers = min(self.args.workers, len(batches)) if len(batches) > 1 else 0
        return InfiniteDataLoader(
            pages,
            batch_sampler=batches,
            num_workers=workers,
            prefetch_factor=2 if workers else None,
            pin_memory=self.device.type == "cuda",
            collate_fn=pages.collate_fn,
            worker_init_fn=_enter_loader,
        )

    def _mixed_loader(self, pages: Pages, batch_size: int) -> InfiniteDataLoader:
        """Pages of several datasets, each as often as its share says; an epoch has as many pages as all of them."""
        workers = self.args.workers if len(pages) > batch_size else 0
        return InfiniteDataLoader(
            pages,
            batch_size=min(batch_size, len(pages)),
            sampler=SharesSampler(self.job.dataset.shares, int(self.args.seed), int(self.start_epoch)),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            pin_memory=self.device.type == "cuda",
            collate_fn=pages.collate_fn,
            worker_init_fn=_enter_loader,
            generator=torch.Generator().manual_seed(int(self.args.seed)),
            drop_last=len(pages) > batch_size and len(pages) % batch_size != 0,
        )

    def get_validator(self) -> PagesValidator:
        """docdetect's figures beside Ultralytics', from one pass of the network."""
        super().get_validator()  # sets the names of the losses
        validator = PagesValidator(
            self.test_loader, save_dir=self.save_dir, args=copy(self.args), _callbacks=self.callbacks
        )
        validator.conf, validator.iou = self.job.conf, self.job.iou
        validator.class_names = self.job.dataset.class_names
        validator.origins = read_origins(self.job.dataset.root)
        return validator

    def _close_dataloader_mosaic(self) -> None:
        super()._close_dataloader_mosaic()
        release_freed_memory()  # new loader processes are forked next

    def _build_train_pipeline(self) -> None:
        """Wraps the network just before the optimizer and the averaged weights are made from it."""
        if not isinstance(self.model, PreciseLoss):
            self.model = self.model.to(memory_format=torch.channels_last)
            self.model = PreciseLoss(self.model, precision=self.precision)
        super()._build_train_pipeline()

    def plot_training_labels(self) -> None:
        """Nothing: the dataset's own report draws these figures, and drawing them takes longer than a small epoch."""

    def plot_training_samples(self, batch: dict[str, Any], ni: int) -> None:
        """Ultralytics' pictures of batches, without the regions of pages that are labelled in part."""
        super().plot_training_samples(without_regions(batch, len(self.data["names"]))[0], ni)

    def plot_metrics(self) -> None:
        """Nothing: the curves over the epochs are in docdetect's report of the training."""

    def save_model(self) -> bool:
        """Checkpoints whole or not at all: a run that is killed while it writes must still be resumable."""
        with self._staged_checkpoints():
            return bool(super().save_model())

    def validate(self) -> Any:
        """Ultralytics' validation, which asks `PagesValidator`; the memory of a large batch is given back."""
        outcome = super().validate()
        if 0 < _KEPT_SHARE * self.batch_memory < peak_memory():  # whole pages after windows: more than was foreseen
            release_freed_memory()
        return outcome

    def final_eval(self) -> None:
        self.final = True
        release_freed_memory()
        super().final_eval()

    @contextmanager
    def _staged_checkpoints(self) -> Iterator[None]:
        last, best = self.last, self.best
        self.last, self.best = last.with_suffix(".pt.tmp"), best.with_suffix(".pt.tmp")
        staged = {self.last: last, self.best: best}
        try:
            yield
        finally:
            self.last, self.best = last, best
        for staging, target in staged.items():
            if staging.is_file():
                os.replace(staging, target)  # noqa: PTH105 - atomic on every platform


def strip_checkpoints(last: Path, best: Path) -> None:
    """Takes what only a training needs out of the checkpoints of a run whose epochs are all done, as Ultralytics does
    before it evaluates the best weights. Each file is replaced as a whole; doing it again changes no weights.

    Raises:
        InputError: a checkpoint is damaged.
    """
    if not best.is_file():  # stopped between the two files of the first epoch, which is also the best one
        shutil.copyfile(last, best)
    updates: dict[str, Any] = {}
    for file in (last, best):
        load_network(file)
        staging = file.with_suffix(".pt.tmp")
        stripped = strip_optimizer(file, s=str(staging), updates=updates)
        os.replace(staging, file)  # noqa: PTH105 - atomic on every platform
        updates = {"train_results": stripped.get("train_results")}


class SharesSampler(torch.utils.data.Sampler[int]):
    """Positions of training pages for epoch after epoch; the same seed and the same first epoch give the same pages."""

    def __init__(self, shares: Sequence[TrainingShare], seed: int, first_epoch: int = 0) -> None:
        self.pages = sum(share.pages for share in shares)
        self._draws = PageDraws(shares, seed)
        for _ in range(first_epoch):  # a run that goes on draws what it would have drawn
            self._draws.take(self.pages)

    def __len__(self) -> int:
        return self.pages

    def __iter__(self) -> Iterator[int]:
        return iter(self._draws.take(self.pages).tolist())


def loader_processes(most: int, device: torch.device) -> int:
    """How many processes prepare pages: all that are allowed beside a GPU, one per four cores beside a busy CPU."""
    if device.type != "cpu":
        return most
    return min(most, max(1, available_cores() // _CORES_PER_LOADER))


def _keep_memory(trainer: PagesTrainer) -> None:
    """After the first batch, which shows how much a step takes: freed memory is kept for the next one where it fits.

    Two cores of an Intel Xeon with AVX512, YOLO11s with ten frozen layers, 16 pages of 1024 px in fp32: from 19 to 10 s
    a step, with 12.2 GB at most in place of 9.4.
    """
    if not trainer.batch_memory:
        trainer.batch_memory = peak_memory()
        if free_memory() >= _KEPT_SHARE * trainer.batch_memory:
            keep_freed_memory()


def _enter_loader(number: int) -> None:
    """Begins a loader process. PyTorch would take its end by SIGTERM for a failure, and raise that over the stop."""
    leave_sigterm_to_parent()
    seed_worker(number)


def _tell_batch(trainer: PagesTrainer) -> None:
    batches = len(trainer.train_loader)
    trainer.batches_done = getattr(trainer, "batches_done", trainer.start_epoch * batches) + 1
    losses = " ".join(f"{name.removesuffix('_loss')} {float(value):.3g}" for name, value in trainer.tloss.items())
    note = f"epoch {trainer.epoch + 1}/{trainer.epochs} {losses}"
    trainer.job.on_progress(trainer.batches_done, trainer.epochs * batches, note)


def _tell_epoch(trainer: PagesTrainer) -> None:
    if not trainer.final:
        trainer.job.on_epoch(_report(trainer))
        _pause_in_time(trainer)


def _pause_in_time(trainer: PagesTrainer) -> None:
    """Ends the session where one more epoch would pass its limit; the checkpoint of this epoch is written already."""
    spent_s = time.time() - trainer.train_time_start
    most_s = 3600 * trainer.job.pause_hours
    if most_s and not trainer.stop and spent_s + float(trainer.epoch_time) > most_s:
        raise TrainingPausedError(
            f"paused after {trainer.epoch + 1} of {trainer.epochs} epochs, as train.pause_hours says",
            f"docdetect train --resume {as_argument(trainer.save_dir)} goes on.",
        )


def _report(trainer: PagesTrainer) -> EpochReport:
    figures = trainer.metrics
    seconds = float(trainer.epoch_time)
    return EpochReport(
        epoch=trainer.epoch + 1,
        epochs=trainer.epochs,
        seconds=seconds,
        remaining_s=0.0 if trainer.stop else seconds * (trainer.epochs - trainer.epoch - 1),
        train_losses={_part(name): float(value) for name, value in trainer.tloss.items()},
        val_losses={_part(k): float(v) for k, v in figures.items() if k.startswith("val/")},
        learning_rate=float(trainer.lr["lr/pg0"]),
        figures=trainer.validator.figures,
        ultralytics_map50=float(figures["metrics/mAP50(B)"]),
        ultralytics_map50_95=float(figures["metrics/mAP50-95(B)"]),
        best=trainer.fitness == trainer.best_fitness,
    )


def _part(name: str) -> str:
    return name.removeprefix("val/").removesuffix("_loss")
