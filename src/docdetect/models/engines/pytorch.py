"""The PyTorch engine: fp32 on CPUs, the reference that other engines are compared with; fp16 in batches on GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
import torch

from docdetect.models.engines.base import GPU_BATCH, GPU_LANES, Batched, Traits
from docdetect.models.engines.conversion import RawNetwork, head_spec
from docdetect.models.head import Raw
from docdetect.models.letterbox import Framing
from docdetect.types import ByteArray, Detections


class TorchEngine:
    """A detection network of Ultralytics on one device; see `docdetect.models.engines.base.Engine`.

    Args:
        network: fp32 `DetectionModel` in eval mode. It is fused and moved to the device, so nothing else may use it.
        imgsz: px, the long side of the picture that the network sees.
        device: the device as PyTorch calls it: `cpu`, `mps`, `cuda:0`.
        precision: fp32 or, on GPUs, fp16.
        trim: leave out the blank margins of pages. GPUs are shown whole pages: pictures of many sizes would make small
            batches.
    """

    def __init__(
        self, network: torch.nn.Module, *, imgsz: int, device: str, precision: str = "fp32", trim: bool = False
    ) -> None:
        spec = head_spec(network)
        self._device = torch.device(device)
        kind = torch.float16 if precision == "fp16" else torch.float32
        self._network = RawNetwork(network).to(self._device, kind)
        gpu = self._device.type == "cuda"
        self._batch = GPU_BATCH if gpu else 1
        framing = Framing(imgsz, spec.picture_stride, trim and self._device.type == "cpu")
        self._batched = Batched(spec, framing, self._batch, self._raw)
        self._lock = Lock()
        self.class_names = spec.class_names
        self.traits = Traits("torch", precision, GPU_LANES if gpu else 1, self._batch)
        if gpu:
            self._network = self._network.to(memory_format=torch.channels_last)

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`. On a CPU every page is computed by itself: a batch is no faster there."""
        return self._batched.detect(pages, conf, iou)

    def _raw(self, pictures: list[ByteArray]) -> list[Raw]:
        """Raw outputs of pictures of one size.

        A batch on a GPU is always filled up, with copies of its first picture: otherwise the rounding of a page would
        depend on the size of its batch.
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
