"""Several datasets that are trained on together, each with a weight."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.data_yaml import read_data_yaml
from docdetect.datasets.reader import LabelledImage, TrainingShare, YoloDataset, read_dataset
from docdetect.errors import InputError
from docdetect.files import absolute, nfc, relative_name
from docdetect.types import IntArray


class WeightedPath(Protocol):
    """A dataset by its data.yaml or folder, and how often it is drawn compared with others of its size."""

    @property
    def path(self) -> str: ...
    @property
    def weight(self) -> float: ...


def read_training_data(
    sources: Sequence[WeightedPath],
    *,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] | None = None,
) -> YoloDataset:
    """The checked dataset of a training: the only one, or all pages of several with a share of the draws for each.

    Of several datasets some may have no validation split, and some no marks, but not all of them. The pages of several
    datasets stand in the order of the datasets, their names are relative to the deepest folder
    that holds all datasets, and `shares` says how often each dataset is drawn.

    Raises:
        InputError: see `read_dataset`; or the datasets have different classes, or one stands there twice.
    """
    if len(sources) == 1:
        return read_dataset(sources[0].path, pixels=True, on_progress=on_progress, announce=announce)
    read = [
        read_dataset(
            one.path, _splits(one.path), pixels=True, need_marks=False, on_progress=on_progress, announce=announce
        )
        for one in sources
    ]
    first = read[0]
    for other in read[1:]:
        if other.class_names != first.class_names:
            raise InputError(
                f"train.data: {other.file} has the classes {', '.join(other.class_names)}, but {first.file} has "
                f"{', '.join(first.class_names)}",
                "Give all datasets the same names in the same order; `labelled` says which of them are labelled where.",
            )
    files = [os.path.realpath(one.file) for one in read]
    if twice := [one.file for one, file in zip(read, files, strict=True) if files.count(file) > 1]:
        raise InputError(f"train.data: {twice[0]} stands there twice", "Name it once, with a larger weight.")
    root = Path(os.path.commonpath([absolute(one.root) for one in read]))
    splits = {
        split: tuple(_renamed(image, root) for one in read for image in one.splits.get(split, ()))
        for split in ("train", "val")
    }
    shares = tuple(
        TrainingShare(one.file, len(one.splits["train"]), source.weight)
        for one, source in zip(read, sources, strict=True)
    )
    if not splits["val"]:
        raise InputError("train.data: none of the datasets has a validation split", "Name one in a data.yaml.")
    if not any(len(image.ground_truth) for image in splits["train"]):
        raise InputError("train.data: not one mark in the training splits", "Check that labels/ lies beside images/.")
    places = {split: tuple(place for one in read for place in one.places.get(split, ())) for split in splits}
    notes = tuple(note for one in read for note in one.notes)
    return YoloDataset(first.file, root, first.class_names, splits, places, notes=notes, shares=shares)


class PageDraws:
    """Which training page comes next, for ever: by shares, and within a dataset in rounds of all its pages.

    A dataset is drawn in proportion to its weight times the square root of its number of pages, so that a large one
    does not drown a small one, and a small one is not learnt by heart.

    The same seed gives the same pages. In any stretch of draws a dataset is drawn as often as its share says, to within
    one page, and a page comes back only when all others of its dataset have been seen.
    """

    def __init__(self, shares: Sequence[TrainingShare], seed: int) -> None:
        self._pages = [share.pages for share in shares]
        wanted = np.array([share.weight * share.pages**0.5 for share in shares], np.float64)
        self._part = wanted / wanted.sum()
        self._credit = np.zeros(len(shares))
        self._starts = np.cumsum([0, *self._pages])[:-1]
        self._rng = np.random.default_rng(seed)
        self._rounds: list[list[int]] = [[] for _ in shares]

    def take(self, count: int) -> IntArray:
        """int64 (count,) positions of training pages, mixed."""
        drawn = np.array([self._one() for _ in range(count)], np.int64)
        return np.asarray(self._rng.permutation(drawn), np.int64)

    def state(self) -> dict[str, Any]:
        """What must be kept to draw the same pages as if there had been no stop: plain data."""
        rng = self._rng.bit_generator.state
        return {"credit": self._credit.tolist(), "rounds": [list(one) for one in self._rounds], "rng": dict(rng)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self._credit = np.array(state["credit"], np.float64)
        self._rounds = [[int(page) for page in one] for one in state["rounds"]]
        self._rng.bit_generator.state = state["rng"]

    def _one(self) -> int:
        self._credit += self._part
        source = int(np.argmax(self._credit))
        self._credit[source] -= 1
        if not self._rounds[source]:
            self._rounds[source] = self._rng.permutation(self._pages[source]).tolist()
        return int(self._starts[source]) + self._rounds[source].pop()


def _splits(path: str) -> tuple[str, ...]:
    return ("train", "val") if "val" in read_data_yaml(path).entries else ("train",)


def _renamed(image: LabelledImage, root: Path) -> LabelledImage:
    path = absolute(image.path)
    inside = path.is_relative_to(root)
    return replace(image, name=relative_name(path, root) if inside else nfc(path.as_posix()))
