"""A smaller network of one family that starts as a part of a larger, trained one: as some of its channels.

YOLO11n has the layers of YOLO11s with half of the channels. `slice_network` keeps, of every convolution, the channels
whose outputs vary most, and follows them through shortcuts, concatenations and attention, so that each weight of the
smaller network still gets the input that it was trained for. The outputs are only roughly those of the larger network;
a training brings them back sooner than it brings up random weights.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from ultralytics.nn.modules import block, conv, head
from ultralytics.nn.tasks import DetectionModel

from docdetect.errors import InputError


@dataclass(frozen=True)
class Channels:
    """Channels that are kept of a feature map.

    Attributes:
        indices: int64 (n,), in the order in which the smaller network has them.
        width: how many channels the map of the larger network has.
    """

    indices: torch.Tensor
    width: int

    @classmethod
    def all_of(cls, width: int) -> Channels:
        """Every channel, in its place."""
        return cls(torch.arange(width), width)

    @classmethod
    def joined(cls, *parts: Channels) -> Channels:
        """The channels of maps that are concatenated."""
        indices, width = [], 0
        for part in parts:
            indices.append(part.indices + width)
            width += part.width
        return cls(torch.cat(indices), width)


@torch.no_grad()
def channel_importance(model: nn.Module, batches: Iterable[torch.Tensor]) -> dict[str, torch.Tensor]:
    """How much the output of every convolution varies: the standard deviation of each channel.

    Args:
        model: the larger network, not fused, in eval mode.
        batches: pictures, float32 (n, 3, H, W) in 0..1, on the device of the network; at least one batch.

    Returns:
        Name of a convolution with its activation -> float32 (channels,) on the CPU.
    """
    found: dict[str, _Moments] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, conv.Conv):
            found[name] = _Moments()
            hooks.append(module.register_forward_hook(found[name].add))
    try:
        for pictures in batches:
            model(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: moments.deviation() for name, moments in found.items() if moments.count}


def check_family(larger: nn.Module, smaller: nn.Module) -> None:
    """Makes sure that one network can be sliced out of the other.

    Raises:
        InputError: their layers, strides or attention heads differ, the smaller one is wider somewhere, or a layer is
            of a kind that cannot be sliced.
    """
    ours, theirs = dict(smaller.named_modules()), dict(larger.named_modules())
    unlike = [name for name in ours.keys() | theirs.keys() if type(ours.get(name)) is not type(theirs.get(name))]
    if unlike:
        first = min(unlike, key=_order)
        kinds = [type(side[first]).__name__ if first in side else "nothing" for side in (theirs, ours)]
        raise _unlike(f"the larger network has {kinds[0]} as {first}, the smaller one {kinds[1]}")
    for name, module in ours.items():
        _check_module(name, module, theirs[name])
    layers: Any = smaller.model
    for number, layer in enumerate(layers):
        if not isinstance(layer, _SLICED):
            raise _unlike(f"layer {number} is of a kind that cannot be sliced, {type(layer).__name__}")
        if layer.f != larger.model[number].f:  # type: ignore[index,union-attr]
            raise _unlike(f"layer {number} has its input from other layers")
    detect: Any = layers[-1]
    if not isinstance(detect, head.Detect) or getattr(detect, "end2end", False) or detect.legacy:
        raise _unlike("only heads like that of YOLO11 can be sliced")


def slice_network(
    larger: Any, importance: Mapping[str, torch.Tensor], yaml: str | dict[str, Any]
) -> tuple[Any, dict[int, torch.Tensor]]:
    """Builds a network whose weights are those of a larger one at the channels that vary most.

    Where both are equally wide all channels stay, so that a network sliced at full width is the larger one.

    Args:
        larger: a trained detection network on the CPU, not fused; it stays as it is.
        importance: what `channel_importance` gave for it.
        yaml: architecture of the smaller network, as Ultralytics takes it: a file or its content with a scale.

    Returns:
        The network, fp32 on the CPU in training mode, with the classes of the larger one; and for each layer but the
        head its number -> the channels of the larger network that its output has, int64 (channels,). The network
        itself keeps them, too, see `sliced_channels`.

    Raises:
        InputError: the two are not of one family.
    """
    smaller: Any = DetectionModel(copy.deepcopy(yaml), ch=3, nc=larger.model[-1].nc, verbose=False)
    check_family(larger, smaller)
    slicer = _Slicer(importance)
    outputs: list[Channels] = []
    for number, (old, new) in enumerate(zip(larger.model, smaller.model, strict=True)):
        sources = old.f if isinstance(old.f, list) else [old.f]
        inputs = [outputs[source] if number else Channels.all_of(3) for source in sources]
        if isinstance(old, head.Detect):
            slicer.detect(old, new, f"model.{number}", inputs)
        else:
            outputs.append(slicer.layer(old, new, f"model.{number}", inputs))
    smaller.names = dict(getattr(larger, "names", smaller.names))
    taken = {number: channels.indices for number, channels in enumerate(outputs)}
    keep_sliced_channels(smaller, taken)
    return smaller, taken


def sliced_channels(network: Any) -> dict[int, torch.Tensor]:
    """The channels that each layer of a network was sliced from; empty for one that began in another way.

    Returns:
        Number of a layer -> channels of the layer of the larger network, int64 (channels,).
    """
    kept: Mapping[int, list[int]] = getattr(network, _KEPT, {})
    return {number: torch.tensor(channels, dtype=torch.int64) for number, channels in kept.items()}


def keep_sliced_channels(network: Any, channels: Mapping[int, torch.Tensor]) -> None:
    """Writes into a network what `sliced_channels` gives; weights files of the network hold it as plain numbers."""
    setattr(network, _KEPT, {number: indices.tolist() for number, indices in channels.items()})


# Attribute of a network with the channels that it was sliced from.
_KEPT = "sliced_channels"
_SLICED = (conv.Conv, conv.Concat, nn.Upsample, block.C3k2, block.C2PSA, block.SPPF, head.Detect)


class _Moments:
    """Count, sum and sum of squares of every channel of the maps that a convolution gives."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    def add(self, module: nn.Module, given: object, output: torch.Tensor) -> None:
        values = output.double()
        self.count += values.numel() // values.shape[1]
        self._sum = self._sum + values.sum((0, 2, 3))
        self._squares = self._squares + values.square().sum((0, 2, 3))

    def deviation(self) -> torch.Tensor:
        mean = self._sum / self.count
        deviation: torch.Tensor = (self._squares / self.count - mean.square()).clamp(min=0).sqrt()
        return deviation.float().cpu()


class _Slicer:
    """Copies weights module by module; every method returns the channels that the output of its module has."""

    def __init__(self, importance: Mapping[str, torch.Tensor]) -> None:
        self._importance = importance

    def layer(self, old: Any, new: Any, name: str, inputs: list[Channels]) -> Channels:
        if isinstance(old, conv.Concat):
            return Channels.joined(*inputs)
        (given,) = inputs
        if isinstance(old, nn.Upsample):
            return given
        if isinstance(old, block.SPPF):
            pooled = self._conv(old.cv1, new.cv1, f"{name}.cv1", given)
            maps = Channels.joined(*[pooled] * (getattr(old, "n", 3) + 1))
            return self._conv(old.cv2, new.cv2, f"{name}.cv2", maps, given if getattr(old, "add", False) else None)
        if isinstance(old, (block.C3k2, block.C2PSA)):
            return self._split(old, new, name, given)
        return self._conv(old, new, name, given)

    def detect(self, old: Any, new: Any, name: str, inputs: list[Channels]) -> None:
        for scale, given in enumerate(inputs):
            sides = given
            for k in range(2):
                sides = self._conv(old.cv2[scale][k], new.cv2[scale][k], f"{name}.cv2.{scale}.{k}", sides)
            _copy_last(old.cv2[scale][2], new.cv2[scale][2], sides)
            scores = given
            for k in range(2):
                deep, plain = f"{name}.cv3.{scale}.{k}.0", f"{name}.cv3.{scale}.{k}.1"
                scores = self._conv(old.cv3[scale][k][0], new.cv3[scale][k][0], deep, scores, scores)
                scores = self._conv(old.cv3[scale][k][1], new.cv3[scale][k][1], plain, scores)
            _copy_last(old.cv3[scale][2], new.cv3[scale][2], scores)

    def _split(self, old: Any, new: Any, name: str, given: Channels) -> Channels:
        """C3k2 and C2PSA: one half of the first convolution goes straight to the last, the other through modules."""
        straight = self._most_varying(f"{name}.cv1", new.c, 0, old.c)
        other = self._most_varying(f"{name}.cv1", new.c, old.c, 2 * old.c)
        self._conv(old.cv1, new.cv1, f"{name}.cv1", given, Channels.joined(straight, other))
        parts = [straight, other]
        for k, (inner, ours) in enumerate(zip(old.m, new.m, strict=True)):
            where = f"{name}.m.{k}"
            if isinstance(old, block.C2PSA):
                parts = [straight, self._attention_block(inner, ours, where, parts[-1])]
            else:
                way = self._c3k if isinstance(inner, block.C3k) else self._bottleneck
                parts.append(way(inner, ours, where, parts[-1]))
        return self._conv(old.cv2, new.cv2, f"{name}.cv2", Channels.joined(*parts))

    def _c3k(self, old: Any, new: Any, name: str, given: Channels) -> Channels:
        through = self._conv(old.cv1, new.cv1, f"{name}.cv1", given)
        straight = self._conv(old.cv2, new.cv2, f"{name}.cv2", given)
        for k, (inner, ours) in enumerate(zip(old.m, new.m, strict=True)):
            through = self._bottleneck(inner, ours, f"{name}.m.{k}", through)
        return self._conv(old.cv3, new.cv3, f"{name}.cv3", Channels.joined(through, straight))

    def _bottleneck(self, old: Any, new: Any, name: str, given: Channels) -> Channels:
        inner = self._conv(old.cv1, new.cv1, f"{name}.cv1", given)
        # A shortcut adds the input to the output, channel by channel: the output must have the channels of the input.
        return self._conv(old.cv2, new.cv2, f"{name}.cv2", inner, given if old.add else None)

    def _attention_block(self, old: Any, new: Any, name: str, given: Channels) -> Channels:
        """Whole heads of the attention are kept; both parts of the block add their input to their output."""
        ours, theirs = new.attn, old.attn
        per_head = 2 * theirs.key_dim + theirs.head_dim
        variation = self._importance[f"{name}.attn.qkv"].view(theirs.num_heads, per_head).mean(1)
        kept = variation.topk(ours.num_heads).indices.sort().values
        qkv = Channels(_runs(kept, per_head), theirs.num_heads * per_head)
        values = Channels(_runs(kept, theirs.head_dim), theirs.num_heads * theirs.head_dim)
        self._conv(theirs.qkv, ours.qkv, f"{name}.attn.qkv", given, qkv)
        self._conv(theirs.pe, ours.pe, f"{name}.attn.pe", values, values)
        self._conv(theirs.proj, ours.proj, f"{name}.attn.proj", values, given)
        inner = self._conv(old.ffn[0], new.ffn[0], f"{name}.ffn.0", given)
        return self._conv(old.ffn[1], new.ffn[1], f"{name}.ffn.1", inner, given)

    def _conv(self, old: Any, new: Any, name: str, given: Channels, output: Channels | None = None) -> Channels:
        """Copies a convolution with its normalisation; without `output` the channels that vary most are kept."""
        width = old.conv.out_channels
        if output is None:
            output = self._most_varying(name, new.conv.out_channels, 0, width)
        weight = old.conv.weight.detach()[output.indices]
        if old.conv.groups == 1:  # else each channel has an input of its own
            weight = weight[:, given.indices]
        if weight.shape != new.conv.weight.shape:
            raise _unlike(f"{name} needs weights of {tuple(new.conv.weight.shape)}, not {tuple(weight.shape)}")
        with torch.no_grad():
            new.conv.weight.copy_(weight)
            for part in ("weight", "bias", "running_mean", "running_var"):
                getattr(new.bn, part).copy_(getattr(old.bn, part)[output.indices])
            new.bn.num_batches_tracked.copy_(old.bn.num_batches_tracked)
        new.bn.eps, new.bn.momentum = old.bn.eps, old.bn.momentum
        return output

    def _most_varying(self, name: str, count: int, start: int, end: int) -> Channels:
        """Of the channels from `start` to `end` those that vary most, counted from `start`, in their old order."""
        if count == end - start:
            return Channels.all_of(count)
        return Channels(self._importance[name][start:end].topk(count).indices.sort().values, end - start)


def _copy_last(old: nn.Conv2d, new: nn.Conv2d, given: Channels) -> None:
    assert old.bias is not None
    assert new.bias is not None
    with torch.no_grad():
        new.weight.copy_(old.weight[:, given.indices])
        new.bias.copy_(old.bias)


def _runs(kept: torch.Tensor, length: int) -> torch.Tensor:
    """The indices of whole runs of so many channels, by the numbers of the runs."""
    return (kept[:, None] * length + torch.arange(length)).flatten()


def _check_module(name: str, ours: Any, theirs: Any) -> None:
    if isinstance(ours, block.Attention) and (ours.key_dim, ours.head_dim) != (theirs.key_dim, theirs.head_dim):
        raise _unlike(
            f"the heads of {name} have keys of {theirs.key_dim} and values of {theirs.head_dim} channels, those of the "
            f"smaller network {ours.key_dim} and {ours.head_dim}"
        )
    if isinstance(ours, nn.Conv2d):
        if (ours.kernel_size, ours.stride) != (theirs.kernel_size, theirs.stride):
            raise _unlike(f"{name} has another kernel or stride")
        if ours.out_channels > theirs.out_channels or ours.in_channels > theirs.in_channels:
            raise _unlike(
                f"{name} would need {ours.out_channels} channels out of {ours.in_channels}, the larger network has "
                f"{theirs.out_channels} out of {theirs.in_channels}"
            )
    if getattr(ours, "add", None) != getattr(theirs, "add", None):
        raise _unlike(f"only one of them has a shortcut at {name}")
    if isinstance(ours, head.Detect) and (ours.reg_max, ours.nc) != (theirs.reg_max, theirs.nc):
        raise _unlike("their heads have other classes, or other bins of box sides")


def _order(name: str) -> list[tuple[int, str]]:
    """Sorts the names of modules as the network has them: `model.2` before `model.10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def _unlike(reason: str) -> InputError:
    return InputError(
        f"a smaller network cannot be sliced out of a larger one: {reason}",
        "Take two networks of one family and depth, such as yolo11n out of yolo11s.",
    )
