"""Distillation: a network learns what a better one answers, on every view, whether it is labelled or not.

Teacher and student look at the same anchors, so that the raw outputs of their heads are compared one by one: the
logits of the classes, and the distributions of the four sides of a box. Hinton et al. 2015, "Distilling the Knowledge
in a Neural Network"; for the distributions of boxes Zheng et al. 2022, "Localization Distillation for Dense Object
Detection". Feature maps are another thing that a teacher may give, see `features.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from docdetect.errors import InputError
from docdetect.models.checkpoint import load_network
from docdetect.training.resident.features import feature_layers, recorded_features


@dataclass(frozen=True)
class Answers:
    """What a teacher says about a batch of n pictures.

    Attributes:
        head: `boxes` (n, 4 * bins, anchors) and `scores` (n, classes, anchors), raw and fp32.
        features: number of a layer -> its output (n, channels, h, w); empty where nobody learns feature maps.
    """

    head: Mapping[str, torch.Tensor]
    features: Mapping[int, torch.Tensor]


class Teacher:
    """A trained network that gives the raw outputs of its head, and its feature maps where they are wanted.

    Attributes:
        strides: px between the anchors of each level.
        bins: of the distribution of a side of a box.
        widths: number of each layer whose map it gives -> its channels.
    """

    def __init__(self, network: Any, device: torch.device, *, bf16: bool, features: bool = False) -> None:
        """Takes a network that is in eval mode on the device; where it goes on learning, its answers change with it.

        Args:
            network: with a head that `from_weights` would take.
            device: of the network.
            bf16: whether its forward pass runs in bf16.
            features: whether feature maps are wanted.
        """
        self._network, self._device, self._bf16 = network, device, bf16
        self._layers = feature_layers(network) if features else ()
        head = network.model[-1]
        self.strides, self.bins = tuple(head.stride.tolist()), int(head.reg_max)
        self.widths: dict[int, int] = {}
        if features:
            with torch.no_grad(), recorded_features(network, self._layers) as maps:
                network(torch.zeros(1, 3, 64, 64, device=device))
            self.widths = {layer: maps[layer].shape[1] for layer in self._layers}

    @classmethod
    def from_weights(
        cls,
        weights: Path,
        class_names: tuple[str, ...],
        device: torch.device,
        *,
        bf16: bool,
        features: bool = False,
    ) -> Teacher:
        """A teacher that stays as it is.

        Raises:
            InputError: no detection network, or one of other classes or with another kind of head.
        """
        network: Any = load_network(weights)
        names = tuple(str(network.names[k]) for k in range(len(network.names)))
        if names != class_names:
            raise InputError(
                f"train.teacher: {weights} knows the classes {', '.join(names)}, the dataset has "
                f"{', '.join(class_names)}",
                "Take a teacher that was trained on the same classes in the same order.",
            )
        if getattr(network.model[-1], "end2end", False):
            raise InputError(
                f"train.teacher: {weights} has a head without non-maximum suppression, which cannot teach",
                "Take a teacher such as docdetect-s.",
            )
        network = network.fuse(verbose=False).eval().to(device, memory_format=torch.channels_last)
        network.model[-1].training = True  # a head in training mode leaves its outputs undecoded
        return cls(network.requires_grad_(requires_grad=False), device, bf16=bf16, features=features)

    @torch.no_grad()
    def __call__(self, pictures: torch.Tensor) -> Answers:
        """What it says about pictures, float32 (n, 3, H, W) in 0..1."""
        with (
            recorded_features(self._network, self._layers) as features,
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16),
        ):
            found = self._network(pictures)
        raw = found[1] if isinstance(found, tuple) else found  # a head in eval mode gives decoded boxes first
        return Answers({name: raw[name].float() for name in ("boxes", "scores")}, features)


def distillation_loss(
    student: Mapping[str, torch.Tensor], teacher: Mapping[str, torch.Tensor], bins: int, gains: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The divergence of the student's answers from the teacher's: of classes, and of the sides of boxes.

    Both are means over what the teacher sees: sums over all anchors, divided by the sum of the teacher's confidences.
    Boxes count at an anchor as much as the teacher is confident there.

    Args:
        student, teacher: `boxes` (n, 4 * bins, anchors) and `scores` (n, classes, anchors), raw and fp32.
        bins: of the distribution of a side.
        gains: weights of the two parts.
    """
    target = teacher["scores"].sigmoid()
    confidence = target.amax(1)
    total = confidence.sum().clamp(min=1)
    cross = functional.binary_cross_entropy_with_logits(student["scores"], target, reduction="sum")
    least = functional.binary_cross_entropy_with_logits(teacher["scores"], target, reduction="sum")
    classes = (cross - least) / total
    if bins == 1:  # sides are plain lengths
        sides = (student["boxes"] - teacher["boxes"]).abs().mean(1)
    else:
        count, _, anchors = student["boxes"].shape
        ours = student["boxes"].view(count, 4, bins, anchors).log_softmax(2)
        theirs = teacher["boxes"].view(count, 4, bins, anchors).log_softmax(2)
        sides = (theirs.exp() * (theirs - ours)).sum(2).mean(1)
    return gains[0] * classes, gains[1] * (sides * confidence).sum() / total
