"""The TensorRT engine, for GPUs of NVIDIA where TensorRT is installed; PyTorch moves the data.

A plan (TensorRT's form of a network) is built for one kind of GPU, one version of TensorRT and one largest size of
pictures. That takes minutes, so plans are kept in the cache folder like other conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from docdetect.errors import InputError, MissingDependencyError
from docdetect.models.conversions import ConvertedNetwork, kept_network
from docdetect.models.engines.base import GPU_BATCH, GPU_LANES, Batched, Traits
from docdetect.models.engines.conversion import to_onnx
from docdetect.models.head import Raw
from docdetect.models.letterbox import Framing, fitted_letterbox
from docdetect.types import ByteArray, Detections

_WORKSPACE_BYTES = 4 << 30


class TensorRtEngine:
    """A TensorRT plan on one GPU; see `docdetect.models.engines.base.Engine`.

    Args:
        network: the plan.
        imgsz: px, the long side of the picture that the network sees; not above the size of the plan.
        device: the GPU as PyTorch calls it, such as `cuda:0`.

    Raises:
        MissingDependencyError: TensorRT is not installed.
        InputError: the plan was built for another TensorRT or another GPU.
    """

    def __init__(self, network: ConvertedNetwork, *, imgsz: int, device: str) -> None:
        tensorrt = import_tensorrt()
        self._device = torch.device(device)
        self._batched = Batched(network.spec, Framing(imgsz, network.spec.picture_stride), GPU_BATCH, self._raw)
        with torch.cuda.device(self._device):
            runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
            self._plan = runtime.deserialize_cuda_engine(network.content(".plan"))
        if self._plan is None:
            raise InputError("the TensorRT plan is for another TensorRT or another GPU", "Export it again on this one.")
        self._context = self._plan.create_execution_context()
        self._stream: Any = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._lock = Lock()
        self.class_names = network.spec.class_names
        self.traits = Traits("tensorrt", network.precision, GPU_LANES, GPU_BATCH)

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        return self._batched.detect(pages, conf, iou)

    def _raw(self, pictures: list[ByteArray]) -> list[Raw]:
        """Raw outputs of pictures of one size. The batch is always filled up, as in `TorchEngine`."""
        count = len(pictures)
        batch = torch.from_numpy(np.stack(pictures + pictures[:1] * (GPU_BATCH - count))).pin_memory()
        with self._lock, torch.cuda.stream(self._stream):
            tensor = batch.to(self._device, non_blocking=True)
            self._context.set_input_shape("pictures", tuple(tensor.shape))
            self._context.set_tensor_address("pictures", tensor.data_ptr())
            outputs = [self._output(name) for name in ("distances", "logits")]
            self._context.execute_async_v3(self._stream.cuda_stream)
            distances, logits = outputs[0][:count].cpu().numpy(), outputs[1][:count].float().cpu().numpy()
        return [Raw(*pair) for pair in zip(distances, logits, strict=True)]

    def _output(self, name: str) -> torch.Tensor:
        """A tensor for an output, of the shape that follows from the shape of the input of this call."""
        kind = torch.float16 if self.traits.precision == "fp16" else torch.float32
        shape = tuple(self._context.get_tensor_shape(name))
        tensor = torch.empty(shape, dtype=kind, device=self._device)
        self._context.set_tensor_address(name, tensor.data_ptr())
        return tensor


def kept_plan(
    weights: Path, imgsz: int, device: str, precision: str, announce: Callable[[str], None]
) -> ConvertedNetwork:
    """The plan of a weights file for a GPU, from the cache or built now.

    Raises:
        InputError: the weights cannot be used, or TensorRT cannot build a plan of them.
        MissingDependencyError: TensorRT is not installed.
    """
    tensorrt = import_tensorrt()
    name = torch.cuda.get_device_name(torch.device(device))
    made_for = f"TensorRT {tensorrt.__version__}, {name}, {imgsz} px, {precision}"

    def convert(file: Path, digest: str) -> ConvertedNetwork:
        with torch.cuda.device(torch.device(device)):
            return to_plan(to_onnx(file, digest, precision=precision), imgsz)

    return kept_network(weights, made_for, convert, announce)


def to_plan(onnx: ConvertedNetwork, imgsz: int) -> ConvertedNetwork:
    """Builds the plan of an ONNX network for pictures up to `imgsz` px, on the current GPU.

    Raises:
        InputError: TensorRT cannot build the plan; the message has the reason.
    """
    tensorrt = import_tensorrt()
    builder = tensorrt.Builder(tensorrt.Logger(tensorrt.Logger.ERROR))
    typed = 1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)  # precisions are taken from the ONNX file
    definition = builder.create_network(typed)
    parser = tensorrt.OnnxParser(definition, tensorrt.Logger(tensorrt.Logger.ERROR))
    if not parser.parse(onnx.content(".onnx")):
        raise InputError(f"TensorRT cannot read the network ({parser.get_error(0)})", "Use --engine torch.")
    stride = onnx.spec.picture_stride
    page = fitted_letterbox((round(imgsz / 2**0.5), imgsz), imgsz, stride).picture_wh
    profile = builder.create_optimization_profile()
    shapes = ((1, stride, stride, 3), (GPU_BATCH, page[1], page[0], 3), (GPU_BATCH, imgsz, imgsz, 3))
    profile.set_shape("pictures", *shapes)
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    plan = builder.build_serialized_network(definition, config)
    if plan is None:
        raise InputError("TensorRT cannot build a plan of the network", "Use --engine torch.")
    files = (("model.plan", bytes(plan)),)
    return ConvertedNetwork("tensorrt", onnx.precision, onnx.spec, onnx.origin_sha256, files, imgsz)


def import_tensorrt() -> Any:
    """The module `tensorrt`. Raises MissingDependencyError: not installed."""
    try:
        import tensorrt
    except ImportError as error:
        raise MissingDependencyError.for_extra("tensorrt", "tensorrt", "--engine tensorrt") from error
    return tensorrt
