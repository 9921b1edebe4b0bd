"""What a running training tells: one report for each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class ClassAccuracy:
    """Average precision of one class at IoU 0.5 and averaged over IoU 0.5..0.95, in [0, 1]."""

    ap50: float
    ap50_95: float


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
        precision, recall: mean over classes at the confidence of the best F1, as Ultralytics has them.
        ap50, ap50_95: mean over classes.
        classes: class name -> its accuracy; None where the validation split has no mark of the class.
        best: whether these are the best weights so far.
    """

    epoch: int
    epochs: int
    seconds: float
    remaining_s: float
    train_losses: Mapping[str, float]
    val_losses: Mapping[str, float]
    learning_rate: float
    precision: float
    recall: float
    ap50: float
    ap50_95: float
    classes: Mapping[str, ClassAccuracy | None]
    best: bool


EpochCallback: TypeAlias = Callable[[EpochReport], None]


def no_report(report: EpochReport) -> None:
    """An EpochCallback that shows nothing."""
