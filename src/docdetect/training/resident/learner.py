"""A network that learns from batches: loss in fp32, forward pass in bf16 where that is faster, averaged weights.

Several learners may learn from the same batches.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from ultralytics.nn.tasks import DetectionModel

from docdetect.config.schema import StartingPoint, TrainConfig
from docdetect.errors import ConfigError
from docdetect.models.checkpoint import load_network
from docdetect.models.slicing import keep_sliced_channels, sliced_channels
from docdetect.training.partial_labels import PartialLabelsLoss
from docdetect.training.precision import TrainingDivergedError, as_float
from docdetect.training.resident.features import FeatureLoss, feature_weight, recorded_features
from docdetect.training.resident.teacher import Answers, Teacher, distillation_loss

# Decay of the averaged weights, which is reached after some times so many steps.
_DECAY, _DECAY_STEPS = 0.9995, 400
# Largest norm of a gradient; longer ones are shortened.
_LONGEST_GRADIENT = 10.0
# So many steps one after the other whose gradient is not a number end a training.
_MOST_BAD_STEPS = 20
LOSSES = ("box", "cls", "dfl", "teacher", "features")
"""The parts of the loss, in the order in which they are reported; the last two are a teacher's."""


class Learner:
    """One network, its optimizer and its averaged weights.

    Attributes:
        name: of the network, for files and messages.
        untrained: whether it began with random weights.
        taught: whether it learns from the teacher, where there is one.
        network: what learns.
        averaged: the running mean of its weights, in eval mode, which is what is evaluated and kept.
        bad_steps: steps that were left out since their gradient was not a number.
    """

    def __init__(
        self,
        name: str,
        model: Path,
        start: StartingPoint,
        recipe: TrainConfig,
        class_names: tuple[str, ...],
        device: torch.device,
        *,
        bf16: bool,
    ) -> None:
        """Builds the network of an architecture, or loads the weights of a checkpoint into one.

        Args:
            name: of the network.
            model: the file of the architecture, or the checkpoint.
            start: its entry in the recipe, with its learning rate and whether it is taught.
            recipe: of the training.
            class_names: of the dataset.
            device: where the network is kept.
            bf16: whether its forward pass runs in bf16.

        Raises:
            InputError: the checkpoint is damaged, hostile or no detection network.
            ConfigError: all layers are frozen.
        """
        self.name, self._recipe, self._device, self._bf16 = name, recipe, device, bf16
        self._lr, self.taught = start.lr0 or recipe.lr0, start.taught
        torch.manual_seed(recipe.seed)
        self.untrained = model.suffix.lower() != ".pt"
        channels: dict[int, torch.Tensor] = {}
        if not self.untrained:
            source: Any = load_network(model)
            network: Any = DetectionModel(copy.deepcopy(source.yaml), ch=3, nc=len(class_names), verbose=False)
            network.load(source, verbose=False)
            channels = sliced_channels(source)
        else:
            network = DetectionModel(str(model), ch=3, nc=len(class_names), verbose=False)
        network.names = dict(enumerate(class_names))
        network.args = SimpleNamespace(box=recipe.box, cls=recipe.cls, dfl=recipe.dfl)
        self.network = network.to(device, memory_format=torch.channels_last).train()
        self._freeze(recipe.freeze)
        self.averaged = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        self._loss = PartialLabelsLoss(network.init_criterion())
        self._features = FeatureLoss(channels, device)
        self._optimizer = self._make_optimizer(recipe)
        self._sums = torch.zeros(len(LOSSES), device=device)
        self._summed = self._bad_in_a_row = self.bad_steps = 0
        head = network.model[-1]
        self.strides, self.bins = tuple(head.stride.tolist()), int(head.reg_max)

    def can_learn_from(self, teacher: Teacher) -> bool:
        """Whether both answer at the same anchors and in the same way."""
        end2end = bool(getattr(self.network.model[-1], "end2end", False))
        return (self.strides, self.bins) == (teacher.strides, teacher.bins) and not end2end

    def can_learn_features_of(self, teacher: Teacher) -> bool:
        """Whether it is known which channels of the teacher its layers have."""
        channels = self._features.channels
        return all(layer in channels and int(channels[layer].max()) < width for layer, width in teacher.widths.items())

    def start_from(self, weights: Mapping[str, torch.Tensor], channels: Mapping[int, torch.Tensor]) -> None:
        """Takes other weights than those it was built with, before its first step.

        Args:
            weights: of all its parts.
            channels: of the teacher that it was sliced from, see `docdetect.models.slicing.slice_network`.
        """
        self.network.load_state_dict(weights)
        self.averaged.load_state_dict(weights)
        self._features = FeatureLoss(channels, self._device)

    def result(self) -> Any:
        """The averaged network on the CPU, with the channels that it was sliced from, for a weights file."""
        network = self.averaged.cpu()
        keep_sliced_channels(network, self._features.channels)
        return network

    def step(self, labels: dict[str, Any], answers: Answers | None, step: int, factor: float, progress: float) -> None:
        """Learns from one batch.

        Args:
            labels: see `docdetect.training.resident.batches.Batch`.
            answers: what the teacher says about the same views; None without one.
            step: number of the step from 0.
            factor: of the learning rate.
            progress: part of the training that is done, 0..1.

        Raises:
            TrainingDivergedError: the gradient has not been a number for many steps.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self._lr * factor
        if not self.taught:
            answers = None
        layers = () if answers is None else tuple(answers.features)
        with (
            recorded_features(self.network, layers) as features,
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16),
        ):
            predictions = self.network(labels["img"])
        predictions = as_float(predictions)
        losses, parts = self._loss(predictions, labels)
        loss = losses.sum()
        from_teacher = [torch.zeros((), device=self._device)] * 2
        if answers is not None:
            gains = self._recipe.teacher_weight * self._recipe.cls, self._recipe.teacher_weight * self._recipe.dfl
            classes, sides = distillation_loss(predictions, answers.head, self.bins, gains)
            from_teacher[0] = classes + sides
            if layers:
                from_teacher[1] = feature_weight(self._recipe, progress) * self._features(features, answers.features)
            loss = loss + sum(from_teacher) * len(labels["img"])  # as Ultralytics' loss, a sum over the batch
        values = [*parts.values(), *(part.detach() for part in from_teacher)]
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_GRADIENT)
        if bool(torch.isfinite(norm)):
            self._optimizer.step()
            self._average(step)
            self._sums += torch.stack([value.float() for value in values])
            self._summed += 1
            self._bad_in_a_row = 0
        else:
            self._leave_out()
        self._optimizer.zero_grad(set_to_none=True)

    def losses(self) -> dict[str, float]:
        """The mean of each part of the loss since the last call; empty if there was no step."""
        count, sums = self._summed, self._sums.tolist()
        self._sums.zero_()
        self._summed = 0
        return {name: value / count for name, value in zip(LOSSES, sums, strict=True)} if count else {}

    def state(self) -> dict[str, Any]:
        """Everything that must be kept to go on: tensors and plain data."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "bad_steps": self.bad_steps,
            "features": self._features.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.bad_steps = int(state["bad_steps"])
        self._features.restore(state["features"])

    def _leave_out(self) -> None:
        self.bad_steps += 1
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= _MOST_BAD_STEPS:
            raise TrainingDivergedError(
                f"the training of {self.name} diverged: its gradient has not been a number for {_MOST_BAD_STEPS} steps",
                "Lower train.lr0; with bf16 also try train.precision=fp32. The last checkpoint is kept.",
            )

    def _freeze(self, layers: int) -> None:
        count = len(self.network.model)
        if layers >= count:
            raise ConfigError(
                f"train.freeze: {layers} keeps all {count} layers of this network as they are, so that nothing is "
                "trained",
                "Give a smaller number, such as 0.",
            )
        for name, parameter in self.network.named_parameters():
            kept = ".dfl." in name or int(name.split(".")[1]) < layers
            parameter.requires_grad_(not kept)
        for layer in self.network.model[:layers]:  # their statistics stay, too
            layer.eval()

    def _make_optimizer(self, recipe: TrainConfig) -> torch.optim.Optimizer:
        free = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        groups = [
            {"params": [one for one in free if one.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [one for one in free if one.ndim <= 1], "weight_decay": 0.0},
        ]
        if recipe.optimizer == "SGD":
            return torch.optim.SGD(groups, lr=self._lr, momentum=recipe.momentum, nesterov=True)
        fused = self._device.type == "cuda"
        return torch.optim.AdamW(groups, lr=self._lr, betas=(recipe.momentum, 0.999), fused=fused)

    @torch.no_grad()
    def _average(self, step: int) -> None:
        decay = _DECAY * (1 - math.exp(-(step + 1) / _DECAY_STEPS))
        now, mean = self.network.state_dict(), self.averaged.state_dict()
        pairs = [(mean[name], value) for name, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_([old for old, _ in pairs], [new for _, new in pairs], 1 - decay)
        for name, value in now.items():
            if not value.is_floating_point():
                mean[name].copy_(value)
