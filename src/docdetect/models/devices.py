"""Which processor or GPU a network runs on. PyTorch is imported only where a GPU may be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from docdetect.errors import ConfigError

if TYPE_CHECKING:
    import torch


def list_devices(device: str) -> tuple[str, ...]:
    """The devices that a setting names, in PyTorch's words: `cpu`, `mps`, `cuda:0`.

    Args:
        device: `cpu`, `mps`, a GPU's number, several with commas (`0,1`), or empty for a GPU where there is one.

    Raises:
        ConfigError: no such device here.
    """
    if device.strip().lower() == "cpu" or (not device.strip() and not _may_have_gpu()):
        return ("cpu",)
    names = tuple(str(select_device(part)) for part in device.split(","))
    if len(set(names)) < len(names) or (len(names) > 1 and not all(name.startswith("cuda") for name in names)):
        raise ConfigError(f"device: {device!r} names a device twice, or others than GPUs", "Use numbers, such as 0,1.")
    return names


def select_device(device: str) -> torch.device:
    """`cpu`, `mps`, `cuda`, a GPU's number, or empty for a GPU where there is one.

    Raises:
        ConfigError: no such device here.
    """
    import torch

    wanted = device.strip().lower()
    if wanted in ("cpu", "mps"):
        if wanted == "mps" and not torch.backends.mps.is_available():
            raise ConfigError("device: mps is not available on this machine", "Use device: cpu.")
        return torch.device(wanted)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not wanted:
        return torch.device("cuda:0" if count else "cpu")
    number = wanted.removeprefix("cuda").removeprefix(":") or "0"
    if number.isdigit() and int(number) < count:
        return torch.device(f"cuda:{number}")
    there = f"GPUs here: 0 to {count - 1}" if count else "no GPU that PyTorch can use is here"
    raise ConfigError(f"device: {device!r} cannot be used ({there})", "Use device: cpu, or one GPU's number.")


def _may_have_gpu() -> bool:
    """Whether a driver of NVIDIA's is here: asking PyTorch takes seconds."""
    drivers = ("/dev/nvidiactl", "/dev/dxg")  # of Linux, and of Linux under Windows
    return any(Path(name).exists() for name in drivers) or shutil.which("nvidia-smi") is not None
