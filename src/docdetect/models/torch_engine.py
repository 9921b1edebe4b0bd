"""The PyTorch engine: fp32 on CPUs, the measure of all others; fp16 in batches on GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
import torch

from docdetect.models.engine import Traits
from docdetect.models.head import HeadSpec, Raw, raw_to_detections
from docdetect.models.letterbox import Letterbox, fitted_letterbox, page_to_picture
from docdetect.models.raw_network import RawNetwork, head_spec
from docdetect.types import ByteArray, Detections, SizeWH

GPU_BATCH = 16
GPU_LANES = 2  # one call prepares its pictures, or decodes its boxes, while the other computes


class TorchEngine:
    """A detection network of Ultralytics on one device; see `docdetect.models.engine.Engine`.

    Args:
        network: fp32 `DetectionModel` in eval mode; it is fused and moved, so it is this engine's from now on.
        imgsz: px, the long side of the picture that the network sees.
        device: where it runs, in PyTorch's words.
        precision: fp32 or, on GPUs, fp16.
    """

    def __init__(self, network: torch.nn.Module, *, imgsz: int, device: str, precision: str = "fp32") -> None:
        self._spec: HeadSpec = head_spec(network)
        self._imgsz, self._device = imgsz, torch.device(device)
        kind = torch.float16 if precision == "fp16" else torch.float32
        self._network = RawNetwork(network).to(self._device, kind)
        gpu = self._device.type == "cuda"
        self._batch = GPU_BATCH if gpu else 1
        self._lock = Lock()
        self._traits = Traits("torch", precision, GPU_LANES if gpu else 1, self._batch)
        if gpu:
            self._network = self._network.to(memory_format=torch.channels_last)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._spec.class_names

    @property
    def traits(self) -> Traits:
        return self._traits

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`. On a CPU each page goes alone: a batch is no faster there."""
        fits = [_fit(page, self._imgsz, self._spec) for page in pages]
        results: dict[int, Detections] = {}
        for positions in same_shaped([fit.picture_wh for fit in fits], self._batch):
            raws = self._raw([page_to_picture(pages[position], fits[position]) for position in positions])
            for position, raw in zip(positions, raws, strict=True):
                results[position] = raw_to_detections(raw, self._spec, fits[position], conf, iou)
        return [results[position] for position in range(len(pages))]

    def _raw(self, pictures: list[ByteArray]) -> list[Raw]:
        """Raw outputs of pictures of one size.

        A batch on a GPU is always full, filled up with its first picture: the rounding of a page would differ with the
        size of its batch otherwise.
        """
        count = len(pictures)
        batch = np.stack(pictures + pictures[:1] * (self._batch - count))
        with torch.inference_mode():
            tensor = torch.from_numpy(batch)
            if self._device.type == "cuda":
                tensor = tensor.pin_memory()
            with self._lock:
                distances, logits = self._network(tensor.to(self._device, non_blocking=True))
            distances, logits = distances[:count].cpu().numpy(), logits[:count].float().cpu().numpy()
        return [Raw(*pair) for pair in zip(distances, logits, strict=True)]


def same_shaped(sizes: Sequence[SizeWH], most: int) -> list[list[int]]:
    """Positions of equal sizes together, at most so many; in order of their first."""
    by_size: dict[SizeWH, list[int]] = {}
    for position, size in enumerate(sizes):
        by_size.setdefault(size, []).append(position)
    return [chunk[start : start + most] for chunk in by_size.values() for start in range(0, len(chunk), most)]


def _fit(page: ByteArray, imgsz: int, spec: HeadSpec) -> Letterbox:
    return fitted_letterbox((page.shape[1], page.shape[0]), imgsz, spec.picture_stride)
