"""Features of pages: what the network computes right before its head, pooled to one vector for each page.

The network is the one of the OpenVINO engine, so that pages can be compared where PyTorch is not installed. No layer is
looked up by its name: in Ultralytics' detection heads, three convolutions lead to the distances of each level, and the
features are what the first of them takes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docdetect.errors import ConfigError, InputError
from docdetect.models.conversions import MANIFEST_NAME, ConvertedNetwork, read_converted
from docdetect.models.engines.openvino import import_openvino, openvino_core
from docdetect.models.engines.select import openvino_network
from docdetect.models.head import HeadSpec, Raw, raw_to_detections
from docdetect.models.letterbox import Framing, page_to_picture
from docdetect.types import ByteArray, Detections, FloatArray

# Convolutions of the branch of the head that gives the distances, on each level.
_BRANCH_CONVOLUTIONS = 3


@dataclass(frozen=True)
class Looked:
    """What one look at a page gave.

    Attributes:
        features: float32 (D,), of Euclidean length 1.
        found: the detections, in px of the page that was shown.
    """

    features: FloatArray
    found: Detections


class FeatureNetwork:
    """A detection network that also gives the pooled features of a page.

    Args:
        network: in OpenVINO's format.
        imgsz: px, the long side of the picture that the network sees.
        threads: number of threads that it may use.

    Raises:
        InputError: OpenVINO cannot run this network, or its head is of another kind.
    """

    def __init__(self, network: ConvertedNetwork, *, imgsz: int, threads: int) -> None:
        openvino = import_openvino()
        self.spec: HeadSpec = network.spec
        self._framing = Framing(imgsz, network.spec.picture_stride)
        self._weights = np.frombuffer(network.content(".bin"), np.uint8)  # read in place, so they must stay
        core = openvino_core()
        try:
            model = core.read_model(network.content(".xml"), openvino.Tensor(self._weights))
            levels = _level_features(model.output(0).get_node())
            model.add_outputs(levels)
            settings = {
                "INFERENCE_PRECISION_HINT": "f32",  # else some processors compute in bf16, and queues differ by machine
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                "ENABLE_CPU_PINNING": False,
            }
            self._request = core.compile_model(model, "CPU", settings).create_infer_request()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(f"OpenVINO cannot run this network ({reason})", "Use --diversity off.") from error

    def __call__(self, page: ByteArray, conf: float, iou: float = 0.7) -> Looked:
        """The features of a page and what the network finds on it.

        Args:
            page: uint8 (H, W, 3) RGB.
            conf: scores must be above this one, in [0, 1).
            iou: of non-maximum suppression.
        """
        fit = self._framing.of(page)
        distances, logits, *levels = self._request.infer([page_to_picture(page, fit)[None]]).to_tuple()
        found = raw_to_detections(Raw(distances[0], logits[0]), self.spec, fit, conf, iou)
        return Looked(pooled([level[0] for level in levels]), found)


def pooled(levels: list[FloatArray]) -> FloatArray:
    """Feature maps (C, H, W) of the levels -> (D,): mean and greatest value of each channel, each part of length 1."""
    parts = [part for level in levels for part in (level.mean(axis=(1, 2)), level.max(axis=(1, 2)))]
    sound = [np.asarray(part, np.float32) / max(float(np.linalg.norm(part)), 1e-6) for part in parts]
    return np.asarray(np.concatenate(sound) / np.sqrt(len(sound)), np.float32)


def feature_network(weights: Path, announce: Callable[[str], None]) -> ConvertedNetwork:
    """The network of weights in OpenVINO's format, for `FeatureNetwork`.

    Args:
        weights: a `.pt` checkpoint, or the manifest of an export.
        announce: told when a checkpoint has to be converted first.

    Raises:
        InputError: the weights cannot be used.
        ConfigError: an export for another engine.
        MissingDependencyError: OpenVINO, or what loads a checkpoint that was never converted, is not installed.
    """
    if weights.name != MANIFEST_NAME:
        return openvino_network(weights, announce)
    exported = read_converted(weights)
    if exported.engine != "openvino":
        raise ConfigError(
            f"{weights}: exported for {exported.engine}; pages are compared by a network in OpenVINO's format",
            "Give the .pt file with --weights, or use --diversity off.",
        )
    return exported


def _level_features(result: Any) -> list[Any]:
    """The outputs that the head of a network takes in, the finest level first.

    Args:
        result: the node of the network's first output, the distances.

    Raises:
        InputError: the head is not built as this module expects.
    """
    joined = _before(result, "Concat")
    if joined is None:
        raise InputError("the head of this network is of an unknown kind", "Use --diversity off.")
    levels = []
    for source in joined.input_values():
        output = source
        for _ in range(_BRANCH_CONVOLUTIONS):
            convolution = _before(output.get_node(), "Convolution")
            if convolution is None:
                raise InputError("the head of this network is of an unknown kind", "Use --diversity off.")
            output = convolution.input_value(0)
        levels.append(output)
    return levels


def _before(node: Any, kind: str) -> Any | None:
    """The node itself, or the nearest one before it along first inputs, that is of this kind or a group form of it."""
    while node.get_type_name() not in (kind, f"Group{kind}"):
        if node.get_input_size() == 0:
            return None
        node = node.input_value(0).get_node()
    return node
