"""Feature maps of a teacher: a network that started as slices of it learns them channel by channel.

Adriana Romero et al. 2015, "FitNets: Hints for Thin Deep Nets", with no regressor between the two: of every channel of
a sliced network it is known which channel of the teacher it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from docdetect.config.schema import TrainConfig

# Share of the weight of feature maps that is left at the end of a training.
_LEFT = 1 / 6
# How much of the variance of a channel is remembered from one step to the next.
_REMEMBERED = 0.98
# Added to variances, so that a channel that hardly varies does not outweigh all others.
_LEAST_VARIANCE = 1e-4


def feature_layers(network: Any) -> tuple[int, ...]:
    """The layers whose maps are compared: those that other layers than the next one use, such as inputs of the head."""
    return tuple(sorted(int(layer) for layer in network.save if layer < len(network.model) - 1))


def feature_weight(recipe: TrainConfig, progress: float) -> float:
    """Weight of the feature maps when this part of a training, 0..1, is done."""
    return recipe.teacher_features * (1 - (1 - _LEFT) * progress)


@contextmanager
def recorded_features(network: Any, layers: tuple[int, ...]) -> Iterator[dict[int, torch.Tensor]]:
    """Fills the dictionary that it gives with the outputs of the layers while the network is called."""
    maps: dict[int, torch.Tensor] = {}

    def keep(layer: int) -> Any:
        return lambda module, given, output: maps.__setitem__(layer, output)

    hooks = [network.model[layer].register_forward_hook(keep(layer)) for layer in layers]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


class FeatureLoss:
    """The squared differences of a network's feature maps from those of its teacher, over the teacher's variance.

    Attributes:
        channels: number of a layer -> channels of the teacher that its output learns, int64 (channels,); empty where
            the network is no slice of a teacher.
    """

    def __init__(self, channels: Mapping[int, torch.Tensor], device: torch.device) -> None:
        self._device = device
        self.channels = {layer: indices.to(device) for layer, indices in channels.items()}
        self._variances: dict[int, torch.Tensor] = {}

    def __call__(self, student: Mapping[int, torch.Tensor], teacher: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """The mean over the layers of the teacher's maps.

        Args:
            student, teacher: number of a layer -> map (n, channels, h, w); of the teacher all channels.
        """
        losses = []
        for layer, whole in teacher.items():
            goal = whole[:, self.channels[layer]].float()
            variance = self._variance(layer, goal)
            losses.append((student[layer].float() - goal).square().mean((0, 2, 3)).div(variance).mean())
        return torch.stack(losses).mean()

    def state(self) -> dict[str, dict[int, torch.Tensor]]:
        """What must be kept to go on."""
        return {"channels": self.channels, "variances": self._variances}

    def restore(self, state: Mapping[str, Mapping[int, torch.Tensor]]) -> None:
        """Goes on from what `state` gave."""
        self.channels = {layer: value.to(self._device) for layer, value in state["channels"].items()}
        self._variances = {layer: value.to(self._device) for layer, value in state["variances"].items()}

    @torch.no_grad()
    def _variance(self, layer: int, goal: torch.Tensor) -> torch.Tensor:
        """The running variance of each channel; a batch whose variance is no number leaves it as it is."""
        now = goal.var((0, 2, 3)) + _LEAST_VARIANCE
        before = self._variances.get(layer, torch.where(now.isfinite(), now, torch.ones_like(now)))
        after = torch.where(now.isfinite(), before.lerp(now, 1 - _REMEMBERED), before)
        self._variances[layer] = after
        return after
