"""From a `.pt` to ONNX."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import torch

from docdetect.errors import MissingDependencyError
from docdetect.models.converted import ConvertedNetwork
from docdetect.models.loading import load_network
from docdetect.models.raw_network import RawNetwork, head_spec

_OPSET = 17  # the newest that the tracing exporter writes; every runtime of recent years knows it
_EXAMPLE = (1, 64, 96, 3)
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
    return ConvertedNetwork("onnx", precision, spec, weights_sha256, (("model.onnx", content),))
