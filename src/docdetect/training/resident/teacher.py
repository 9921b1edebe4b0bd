"""Distillation: a network learns what a better one answers, on every view, whether it is labelled or not.

Teacher and student look at the same anchors, so that the raw outputs of their heads are compared one by one: the
logits of the classes, and the distributions of the four sides of a box. Hinton et al. 2015, "Distilling the Knowledge
in a Neural Network"; for the distributions of boxes Zheng et al. 2022, "Localization Distillation for Dense Object
Detection".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from docdetect.errors import InputError
from docdetect.models.checkpoint import load_network


class Teacher:
    """A trained network that gives the raw outputs of its head."""

    def __init__(self, weights: Path, class_names: tuple[str, ...], device: torch.device, *, bf16: bool) -> None:
        """Loads the weights.

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
        self._network = network.fuse(verbose=False).eval().to(device, memory_format=torch.channels_last)
        self._network.model[-1].training = True  # a head in training mode leaves its outputs undecoded
        self._device, self._bf16 = device, bf16
        for parameter in self._network.parameters():
            parameter.requires_grad_(False)
        head = network.model[-1]
        self.strides, self.bins = tuple(head.stride.tolist()), int(head.reg_max)

    @torch.no_grad()
    def __call__(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """`boxes` (n, 4 * bins, anchors) and `scores` (n, classes, anchors), fp32, for pictures (n, 3, H, W)."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            found = self._network(pictures)
        return {name: found[name].float() for name in ("boxes", "scores")}


def distillation_loss(
    student: dict[str, torch.Tensor], teacher: dict[str, torch.Tensor], bins: int, gains: tuple[float, float]
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
