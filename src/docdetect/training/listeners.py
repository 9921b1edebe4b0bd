"""Who is told what a training does, and what a training gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.metrics.figures import ClassFigures
from docdetect.training.progress import EpochCallback, no_report


@dataclass(frozen=True)
class Listeners:
    """The functions that a training calls to tell what it does.

    Attributes:
        on_epoch: after each epoch, with its figures.
        on_progress: after each batch, and while the dataset is read.
        announce: things worth knowing: a download, frozen random layers, pages in both splits.
        verbose: Ultralytics' own log goes to stderr.
    """

    on_epoch: EpochCallback = no_report
    on_progress: ProgressCallback = no_progress
    announce: Callable[[str], None] = say_nothing
    verbose: bool = False


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        folder: the run folder.
        weights: the best weights.
        epochs: epochs that were trained, those before a resumption included.
        seconds: what this session took.
        figures: of the best weights on the validation split, "all" first, then of each class.
    """

    folder: Path
    weights: Path
    epochs: int
    seconds: float
    figures: tuple[ClassFigures, ...]
