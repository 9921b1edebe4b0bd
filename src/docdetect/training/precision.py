"""Mixed precision: the forward pass in bf16 where the processor is faster with it; all else in fp32.

Ultralytics knows no bf16 on CPUs, and under autocast its loss and box decoding inherit bf16, which is too coarse for
them. `PreciseLoss` wraps the network as DistributedDataParallel does, so the trainer needs no change.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from docdetect import machine
from docdetect.errors import ConfigError, DocdetectError
from docdetect.training.partial_labels import leave_unknown_out


class TrainingDivergedError(DocdetectError):
    """The loss is not a number any more: going on would only spoil the weights."""

    exit_code = 4


def choose_precision(wanted: str, device: torch.device) -> str:
    """`fp32` or `bf16` for `auto`, `fp32` or `bf16` on a device.

    `auto` is bf16 where it is native and faster: with AVX512-BF16 but without AMX two cores of an Intel Xeon took 3.1 s
    for a step in bf16 and 2.5 s in fp32 (YOLO11s, 16 windows of 384 px), so there it is measured.

    Raises:
        ConfigError: bf16 was asked for where the device has no arithmetic for it.
    """
    native = has_native_bf16(device)
    if wanted == "bf16" and not native:
        raise ConfigError(
            f"train.precision: bf16 is not native to this {device.type}, and slower than fp32 where it is emulated",
            "Use train.precision: auto or fp32.",
        )
    if wanted != "auto":
        return wanted
    if native and device.type == "cpu" and not machine.has_matrix_bf16():
        return "bf16" if step_seconds(bf16=True) < machine.GAIN * step_seconds(bf16=False) else "fp32"
    return "bf16" if native else "fp32"


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware (CPUs: AMX or AVX512-BF16)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and machine.has_native_bf16()


def step_seconds(*, bf16: bool) -> float:
    """Least of some seconds on the CPU for a layer like those that training spends its time in, there and back."""
    with torch.random.fork_rng(devices=[]):  # what training draws stays what it is
        layer = nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
        images = torch.rand(4, 64, 48, 48).contiguous(memory_format=torch.channels_last).requires_grad_()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = layer(layer(layer(layer(images))))
        torch.autograd.backward(out.float().sum())

    return machine.least_seconds(step)


class PreciseLoss(nn.Module):
    """A detection network whose training pass runs in `precision` and channels-last, and whose loss is fp32.

    Calling it with a batch gives what the network gives: the loss and its parts.

    Raises (when called):
        TrainingDivergedError: the loss is not finite.
    """

    def __init__(self, module: nn.Module, *, precision: str) -> None:
        super().__init__()
        self.module = module  # the name by which Ultralytics looks through wrappers
        self._bf16 = precision == "bf16"

    def forward(self, batch: Any) -> Any:
        if not isinstance(batch, dict):
            return self.module(batch)
        images: torch.Tensor = batch["img"].contiguous(memory_format=torch.channels_last)
        device = images.device.type
        with torch.autocast(device, torch.bfloat16) if self._bf16 else nullcontext():
            predictions = self.module(images)
        leave_unknown_out(self.module)
        with torch.autocast(device, enabled=False) if self._bf16 else nullcontext():
            loss, parts = self.module.loss(batch, as_float(predictions))  # type: ignore[operator]
        if not bool(torch.isfinite(loss).all()):
            named = ", ".join(f"{name} {float(value):.3g}" for name, value in parts.items())
            raise TrainingDivergedError(
                f"the training diverged: its loss is not a number any more ({named})",
                "Lower train.lr0 or lengthen train.warmup_epochs; with bf16 also try train.precision=fp32. "
                "Checkpoints of finished epochs are kept.",
            )
        return loss, parts


def as_float(predictions: Any) -> Any:
    """The same nest of dicts, lists and tuples with every floating tensor in fp32."""
    if isinstance(predictions, torch.Tensor):
        return predictions.float() if predictions.is_floating_point() else predictions
    if isinstance(predictions, dict):
        return {key: as_float(value) for key, value in predictions.items()}
    if isinstance(predictions, (list, tuple)):
        return type(predictions)(as_float(value) for value in predictions)
    return predictions
