"""Conversion of checkpoints: to OpenVINO's own format, straight from PyTorch, and to ONNX.

Converted is the network up to the raw outputs of its head (`RawNetwork`); all engines run this part only. The module
needs PyTorch and Ultralytics.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from docdetect.errors import MissingDependencyError
from docdetect.models.checkpoint import load_network, trained_imgsz
from docdetect.models.conversions import ConvertedNetwork
from docdetect.models.engines.openvino import import_openvino
from docdetect.models.head import HeadSpec


class RawNetwork(nn.Module):
    """A detection network that gives the raw outputs of its head: (B, 4 * bins, A) and (B, C, A).

    The input is uint8 (B, H, W, 3), RGB, both sides multiples of the head's stride. The network computes in the type of
    its parameters.

    Args:
        network: fp32 `DetectionModel` of Ultralytics. It is changed in place, so nothing else may use it afterwards.
        fuse: make one layer of each convolution and its batch normalisation, which takes less time.
    """

    def __init__(self, network: nn.Module, *, fuse: bool = True) -> None:
        super().__init__()
        fused = network.fuse(verbose=False) if fuse else network  # type: ignore[operator]
        self.network: Any = fused.eval()
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        head = self.network.model[-1]
        # A head in training mode leaves its outputs undecoded. Converters reset the mode, so every call sets it.
        head.training = True
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


# Shape of the picture that networks are traced with. All sides stay variable, and a small one is quickly traced.
_EXAMPLE = (1, 64, 96, 3)


def to_openvino(weights: Path, weights_sha256: str, *, half: bool = False) -> ConvertedNetwork:
    """The network of a checkpoint in OpenVINO's format, for pictures of any size.

    Args:
        weights: the `.pt` file.
        weights_sha256: its SHA-256.
        half: store the weights in half precision and as they are in the checkpoint, with layers of batch normalisation
            of their own, which OpenVINO fuses when it loads the network; else fused and in fp32.

    Raises:
        InputError: the weights are missing, damaged, hostile, or no detection model.
        MissingDependencyError: OpenVINO is not installed.
    """
    openvino = import_openvino()
    network = load_network(weights)
    spec = head_spec(network)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns that it takes shapes of the example for constants
        example = torch.zeros(_EXAMPLE, dtype=torch.uint8)
        raw = RawNetwork(network, fuse=not half)
        model = _as_it_is(raw, example) if half else openvino.convert_model(raw, example_input=example)
    model.reshape([-1, -1, -1, 3])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.xml"
        openvino.save_model(model, file, compress_to_fp16=half)
        files = tuple((path.name, path.read_bytes()) for path in (file, file.with_suffix(".bin")))
    return ConvertedNetwork("openvino", "fp16" if half else "fp32", spec, weights_sha256, files, trained_imgsz(weights))


def _as_it_is(network: nn.Module, example: torch.Tensor) -> Any:
    """The network as a model of OpenVINO, layer for layer.

    `convert_model` would fuse layers after this step, which changes their weights.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(network, example_input=example)  # OpenVINO asks it until all is converted
    return frontend.convert(frontend.load(decoder))


# The newest version of ONNX's operators that the tracing exporter writes; every runtime of recent years knows it.
_OPSET = 17

_VARIABLE = {
    "pictures": {0: "batch", 1: "height", 2: "width"},
    "distances": {0: "batch", 2: "anchors"},
    "logits": {0: "batch", 2: "anchors"},
}


def to_onnx(weights: Path, weights_sha256: str, *, precision: str = "fp32") -> ConvertedNetwork:
    """The network of a checkpoint as ONNX, for pictures of any size.

    Args:
        weights: the `.pt` file.
        weights_sha256: its SHA-256.
        precision: fp32 or fp16, for all weights and all arithmetic.

    Raises:
        InputError: the weights are missing, damaged, hostile, or no detection model.
        MissingDependencyError: the package onnx is not installed.
    """
    network = load_network(weights)
    spec, raw = head_spec(network), RawNetwork(network)
    if precision == "fp16":
        raw = raw.half()
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.onnx"
            warnings.simplefilter("ignore")  # tracing warns that it takes shapes of the example for constants
            torch.onnx.export(
                raw,
                (torch.zeros(_EXAMPLE, dtype=torch.uint8),),
                str(file),
                dynamo=False,  # the newer exporter needs one more package and gives no better network
                opset_version=_OPSET,
                input_names=["pictures"],
                output_names=["distances", "logits"],
                dynamic_axes=_VARIABLE,
            )
            content = file.read_bytes()
    except (ImportError, torch.onnx.OnnxExporterError) as error:
        raise MissingDependencyError.for_extra("onnx", "onnx", "an export to ONNX") from error
    files = (("model.onnx", content),)
    return ConvertedNetwork("onnx", precision, spec, weights_sha256, files, trained_imgsz(weights))
