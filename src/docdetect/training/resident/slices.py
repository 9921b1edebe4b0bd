"""Networks without weights of their own start as some of the channels of the teacher."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from docdetect.errors import ConfigError, InputError
from docdetect.models.slicing import channel_importance, check_family, slice_network
from docdetect.training.resident.learner import Learner

BATCHES = 4
"""Batches on which it is measured how much every channel of the teacher varies."""


class Slices:
    """The teacher, and the networks that are sliced out of it."""

    def __init__(self, larger: Any, name: str, learners: Sequence[Learner]) -> None:
        """Looks whether slices of the teacher fit, before pages are loaded.

        Args:
            larger: the teacher's network on the CPU, not fused; it stays as it is.
            name: of the teacher, for messages.
            learners: the networks of the training; those with weights of their own are left alone.

        Raises:
            ConfigError: every network has weights of its own.
            InputError: a network is not of the teacher's family.
        """
        self._learners = [learner for learner in learners if learner.untrained]
        if not self._learners:
            raise ConfigError(
                "train.start: slices, but every network in train.model has weights of its own",
                "Name an architecture such as yolo11n.yaml, or leave train.start out.",
            )
        self._larger = larger
        for learner in self._learners:
            try:
                check_family(self._larger, learner.network)
            except InputError as error:
                raise InputError(f"train.start: {learner.name} and {name}: {error.message}", error.remedy) from error

    def start(self, batches: Iterable[torch.Tensor], device: torch.device) -> None:
        """Gives the networks their weights.

        Args:
            batches: pictures, float32 (n, 3, H, W) in 0..1, on the device.
            device: on which the channels are measured.
        """
        larger = self._larger.to(device).eval()
        importance = channel_importance(larger, batches)
        larger = larger.cpu()
        for learner in self._learners:
            network, channels = slice_network(larger, importance, copy.deepcopy(learner.network.yaml))
            learner.start_from(network.state_dict(), channels)
