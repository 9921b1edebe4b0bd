"""The PyTorch network up to the raw outputs of its head: what engines run, and what is converted for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from docdetect.models.head import HeadSpec


class RawNetwork(nn.Module):
    """A fused detection network that gives the raw outputs of its head: (B, 4 * bins, A) and (B, C, A).

    Args:
        network: fp32 `DetectionModel` of Ultralytics; it is fused, so it is this module's from now on.

    The input is uint8 (B, H, W, 3), RGB, both sides multiples of the head's stride; the network computes in the type of
    its parameters.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network.fuse(verbose=False).eval()  # type: ignore[operator]
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        head = self.network.model[-1]
        head.training = True  # the head alone: it then leaves its outputs undecoded; converters reset it before a call
        kind = next(self.parameters()).dtype
        found = self.network(pictures.permute(0, 3, 1, 2).to(kind).div(255))
        if "one2one" in found:
            found = found["one2one" if head.end2end else "one2many"]
        return found["boxes"], found["scores"]


def head_spec(network: nn.Module) -> HeadSpec:
    """How the raw outputs of an Ultralytics detection network are read."""
    head: Any = network.model[-1]  # type: ignore[index]
    names: Any = network.names
    return HeadSpec(
        class_names=tuple(str(names[key]) for key in range(len(names))),
        strides=tuple(int(stride) for stride in head.stride.tolist()),
        bins=int(head.reg_max),
        suppress=not bool(getattr(head, "end2end", False)),
    )
