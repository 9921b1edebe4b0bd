"""What all engines have in common, whatever library runs the network.

- `Engine` is what an engine can do, and `Traits` says how it wants to be called.
- `Batched` computes pages in batches of pictures of one size, for PyTorch and for GPUs.
- `SeveralEngines` is one network on several GPUs: each call goes to the GPU that has the fewest calls to work on.
- `list_devices` names the processor or the GPUs that a setting means. PyTorch is imported only where a GPU may be.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from docdetect.errors import ConfigError
from docdetect.machine import missing_modules, require_extra
from docdetect.models.head import HeadSpec, Raw, raw_to_detections
from docdetect.models.letterbox import Framing, page_to_picture
from docdetect.types import ByteArray, Detections, SizeWH

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Traits:
    """How an engine computes, and how it wants to be called.

    Attributes:
        name: openvino, onnx, torch or tensorrt.
        precision: fp32, fp16, bf16 or int8, of the network's arithmetic; boxes are always decoded in fp32.
        lanes: number of calls of `detect` that may usefully run at once, each in a thread of its own.
        batch: number of pages in a call that suits the engine.
    """

    name: str
    precision: str = "fp32"
    lanes: int = 1
    batch: int = 1


@runtime_checkable
class Engine(Protocol):
    """A loaded detector; `detect` may be called from several threads."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in the order of their ids."""

    @property
    def traits(self) -> Traits:
        """How the engine computes, and how it wants to be called."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """The marks that the network finds on each page.

        Args:
            pages: uint8 (H, W, 3) RGB, of any sizes.
            conf: scores must be above this one, in [0, 1).
            iou: two boxes of one class that overlap more than this are one mark, in [0, 1]; below 1, a box that lies in
                a surer box of its class is dropped as a part of that mark.

        Returns:
            One `Detections` for each page, in order: boxes in px of the page, clipped to it, by descending score. A
            page gives the same result whatever other pages are in the call.
        """


GPU_BATCH = 16
"""Pictures in a batch on a GPU."""
GPU_LANES = 2
"""Calls at once on a GPU: one call prepares its pictures, or decodes its boxes, while the other one computes."""


class Batched:
    """`Engine.detect` by a function that runs the network on pictures of one size.

    Args:
        spec: how the raw outputs are read.
        framing: how pages become pictures.
        most: most pictures in a batch.
        run: at most so many pictures of one size, uint8 (H, W, 3) RGB -> their raw outputs, in order.
    """

    def __init__(
        self, spec: HeadSpec, framing: Framing, most: int, run: Callable[[list[ByteArray]], list[Raw]]
    ) -> None:
        self._spec, self._framing, self._most, self._run = spec, framing, most, run

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        fits = [self._framing.of(page) for page in pages]
        results: dict[int, Detections] = {}
        for positions in same_shaped([fit.picture_wh for fit in fits], self._most):
            raws = self._run([page_to_picture(pages[position], fits[position]) for position in positions])
            for position, raw in zip(positions, raws, strict=True):
                results[position] = raw_to_detections(raw, self._spec, fits[position], conf, iou)
        return [results[position] for position in range(len(pages))]


def same_shaped(sizes: Sequence[SizeWH], most: int) -> list[list[int]]:
    """Positions of equal sizes, in lists of at most `most`; the lists come in the order of their first positions."""
    by_size: dict[SizeWH, list[int]] = {}
    for position, size in enumerate(sizes):
        by_size.setdefault(size, []).append(position)
    return [chunk[start : start + most] for chunk in by_size.values() for start in range(0, len(chunk), most)]


def list_devices(device: str) -> tuple[str, ...]:
    """The devices that a setting names, as PyTorch calls them: `cpu`, `mps`, `cuda:0`.

    Args:
        device: `cpu`, `mps`, a GPU's number, several with commas (`0,1`), or empty for a GPU where there is one.

    Raises:
        ConfigError: no such device here.
        MissingDependencyError: a GPU is named, and PyTorch is not installed.
    """
    if device.strip().lower() == "cpu" or (not device.strip() and not _may_have_gpu()):
        return ("cpu",)
    require_extra("train", f"device: {device!r}", modules=["torch"], otherwise="or use --device cpu")
    names = tuple(str(select_device(part)) for part in device.split(","))
    if len(set(names)) < len(names) or (len(names) > 1 and not all(name.startswith("cuda") for name in names)):
        raise ConfigError(f"device: {device!r} names a device twice, or others than GPUs", "Use numbers, such as 0,1.")
    return names


def select_device(device: str) -> torch.device:
    """The device that a setting names: `cpu`, `mps`, `cuda`, a GPU's number, or empty for a GPU where there is one.

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
    """Whether PyTorch and a driver of NVIDIA are installed. To ask PyTorch itself takes seconds."""
    if missing_modules(["torch"]):
        return False
    drivers = ("/dev/nvidiactl", "/dev/dxg")  # on Linux, and on Linux under Windows
    return any(Path(name).exists() for name in drivers) or shutil.which("nvidia-smi") is not None


class SeveralEngines:
    """Several engines with the same weights, used as one `Engine`.

    Args:
        engines: at least one engine.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = tuple(engines)
        self._busy = [0] * len(self._engines)
        self._lock = Lock()

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._engines[0].class_names

    @property
    def traits(self) -> Traits:
        """The traits of one engine, with the lanes of all."""
        return replace(self._engines[0].traits, lanes=sum(engine.traits.lanes for engine in self._engines))

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        with self._lock:
            position = min(range(len(self._engines)), key=self._busy.__getitem__)
            self._busy[position] += 1
        try:
            return self._engines[position].detect(pages, conf, iou)
        finally:
            with self._lock:
                self._busy[position] -= 1
