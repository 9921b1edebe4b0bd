"""From a `.pt` to OpenVINO's own format, straight from PyTorch.

The PyTorch network up to the raw outputs of its head: what engines run, and what is converted for them.

From a `.pt` to ONNX.
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


_EXAMPLE = (1, 64, 96, 3)  # sides and batch stay variable: any will do, and a small one is quickly traced


def to_openvino(weights: Path, weights_sha256: str, *, half: bool = False) -> ConvertedNetwork:
    """The network of a checkpoint in OpenVINO's format, for pictures of any size.

    Args:
        weights: the `.pt` file.
        weights_sha256: its SHA-256.
        half: store the weights in half precision, in half the bytes; else in fp32.

    Raises:
        InputError: the weights are missing, damaged, hostile, or no detection model.
        MissingDependencyError: OpenVINO is not installed.
    """
    openvino = import_openvino()
    network = load_network(weights)
    spec = head_spec(network)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of tracing, about shapes that it sees as constants of the example
        example = torch.zeros(_EXAMPLE, dtype=torch.uint8)
        model = openvino.convert_model(RawNetwork(network), example_input=example)
    model.reshape([-1, -1, -1, 3])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.xml"
        openvino.save_model(model, file, compress_to_fp16=half)
        files = tuple((path.name, path.read_bytes()) for path in (file, file.with_suffix(".bin")))
    return ConvertedNetwork("openvino", "fp16" if half else "fp32", spec, weights_sha256, files, trained_imgsz(weights))


_OPSET = 17  # the newest that the tracing exporter writes; every runtime of recent years knows it

_VARIABLE = {
    "pictures": {0: "batch", 1: "height", 2: "width"},
    "distances": {0: "batch", 2: "anchors"},
    "logits": {0: "batch", 2: "anchors"},
}


def to_onnx(weights: Path, weights_sha256: str, *, precision: str = "fp32") -> ConvertedNetwork:
    """The network of a checkpoint as ONNX, for pictures of any size.

    Args:
        weights: the `.pt` file.
        weights_sha256: its digest.
        precision: fp32 or fp16, of all weights and arithmetic.

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
            warnings.simplefilter("ignore")  # of tracing, about shapes that it sees as constants of the example
            torch.onnx.export(
                raw,
                (torch.zeros(_EXAMPLE, dtype=torch.uint8),),
                str(file),
                dynamo=False,  # the other exporter needs a package more and gives no better network
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
