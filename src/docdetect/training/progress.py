"""The report of an epoch, which a running training hands to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from docdetect.metrics.figures import ClassFigures


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch.

    Attributes:
        epoch: from 1.
        epochs: how many there will be at most.
        seconds: what this epoch took, its validation included.
        remaining_s: seconds left if the rest goes on like this.
        train_losses: part (box, cls, dfl) -> mean over the epoch.
        val_losses: the same on the validation split.
        learning_rate: of the weights at the end of the epoch.
        figures: docdetect's figures on the validation split, "all" first, then of each class; precision and recall are
            at the confidence threshold of `docdetect val`.
        ultralytics_map50, ultralytics_map50_95: Ultralytics' own average precision, by its own rules; None where it was
            not asked.
        best: whether these are the best weights so far, by the AP50-95 of "all".
    """

    epoch: int
    epochs: int
    seconds: float
    remaining_s: float
    train_losses: Mapping[str, float]
    val_losses: Mapping[str, float]
    learning_rate: float
    figures: tuple[ClassFigures, ...]
    ultralytics_map50: float | None
    ultralytics_map50_95: float | None
    best: bool


EpochCallback: TypeAlias = Callable[[EpochReport], None]


def no_report(report: EpochReport) -> None:
    """An EpochCallback that shows nothing."""
