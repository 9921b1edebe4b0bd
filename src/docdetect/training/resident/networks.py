"""Which networks learn in a training, from whom, and how they begin, as the recipe says."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from docdetect.config.schema import FIRST, TrainConfig
from docdetect.errors import ConfigError, InputError
from docdetect.models.checkpoint import load_network
from docdetect.models.weights import resolve_model
from docdetect.training.listeners import Listeners
from docdetect.training.resident.learner import Learner
from docdetect.training.resident.slices import Slices
from docdetect.training.resident.teacher import Teacher


@dataclass(frozen=True)
class Networks:
    """The networks of a training.

    Attributes:
        learners: what learns, in the order of the recipe.
        teacher: who teaches those that are taught; None without one.
        slices: gives networks their weights before the first step; None where they have them.
    """

    learners: tuple[Learner, ...]
    teacher: Teacher | None
    slices: Slices | None


def build_networks(
    recipe: TrainConfig,
    class_names: tuple[str, ...],
    device: torch.device,
    *,
    bf16: bool,
    goes_on: bool,
    tell: Listeners,
) -> Networks:
    """Builds everything, and looks whether it fits together, before pages are loaded.

    Args:
        recipe: what is wanted.
        class_names: of the dataset.
        device: where networks are kept.
        bf16: whether forward passes run in bf16.
        goes_on: whether a checkpoint will give the networks their weights.
        tell: who is told what.

    Raises:
        InputError: a network cannot be read, or one cannot learn from the teacher.
        ConfigError: all layers are frozen, no network can be sliced, or it is not known which feature maps to learn.
    """
    tell.on_progress(0, 0, "building the network")
    learners = _learners(recipe, class_names, device, bf16=bf16, tell=tell)
    if not recipe.teacher:
        return Networks(learners, None, None)
    features, taught_by_first = recipe.teacher_features > 0, recipe.teacher == FIRST
    weights = None if taught_by_first else resolve_model(recipe.teacher, announce=tell.announce)
    if weights is None:
        teacher = Teacher(learners[0].averaged, device, bf16=bf16, features=features)
    else:
        teacher = Teacher.from_weights(weights, class_names, device, bf16=bf16, features=features)
    name = learners[0].name if weights is None else str(weights)
    _check_taught(recipe, learners, teacher, name)
    if recipe.start != "slices" or goes_on:
        return Networks(learners, teacher, None)
    if taught_by_first and learners[0].untrained:
        raise ConfigError(
            f"train.start: slices are cut out of the first network, and {name} has no weights",
            "Name weights such as docdetect-s as the first network of train.model, or leave train.start out.",
        )
    larger = copy.deepcopy(learners[0].averaged).cpu() if weights is None else load_network(weights)
    return Networks(learners, teacher, Slices(larger, name, learners))


def _learners(
    recipe: TrainConfig, class_names: tuple[str, ...], device: torch.device, *, bf16: bool, tell: Listeners
) -> tuple[Learner, ...]:
    learners: list[Learner] = []
    for start in recipe.networks:
        path = resolve_model(start.path, announce=tell.announce)
        name = "network" if len(recipe.networks) == 1 else Path(start.path).stem
        learners.append(Learner(name, path, start, recipe, class_names, device, bf16=bf16))
    return tuple(learners)


def _check_taught(recipe: TrainConfig, learners: Sequence[Learner], teacher: Teacher, name: str) -> None:
    for learner in (one for one in learners if one.taught):
        if not learner.can_learn_from(teacher):
            raise InputError(
                f"train.teacher: {name} answers at other places than {learner.name}, so it cannot teach it",
                "Take networks of one kind, such as yolo11s and yolo11n.",
            )
        sliced = recipe.start == "slices" and learner.untrained
        if not sliced and not learner.can_learn_features_of(teacher):
            raise ConfigError(
                f"train.teacher_features: {learner.name} did not start as slices of {name}, so that nobody knows which "
                "of its feature maps are which of the teacher's",
                "Set train.start: slices with an architecture, or train.teacher_features: 0.",
            )
