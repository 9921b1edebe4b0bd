"""From a `.pt` to OpenVINO's own format, straight from PyTorch."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import torch

from docdetect.models.converted import ConvertedNetwork
from docdetect.models.loading import load_network
from docdetect.models.openvino_setup import import_openvino
from docdetect.models.raw_network import RawNetwork, head_spec

_EXAMPLE = (1, 64, 96, 3)  # sides and batch stay variable: any will do, and a small one is quickly traced


def to_openvino(weights: Path, weights_sha256: str) -> ConvertedNetwork:
    """The network of a checkpoint in OpenVINO's format, for pictures of any size, in fp32.

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
        openvino.save_model(model, file, compress_to_fp16=False)
        files = tuple((path.name, path.read_bytes()) for path in (file, file.with_suffix(".bin")))
    return ConvertedNetwork("openvino", "fp32", spec, weights_sha256, files)
