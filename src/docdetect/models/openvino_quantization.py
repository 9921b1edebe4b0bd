"""A network in OpenVINO's format with most of its arithmetic in 8-bit integers: NNCF's post-training quantisation."""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from docdetect.errors import InputError, MissingDependencyError
from docdetect.models.converted import ConvertedNetwork
from docdetect.models.letterbox import fitted_letterbox, page_to_picture
from docdetect.models.openvino_setup import import_openvino
from docdetect.types import ByteArray

_LAYER = re.compile(r"\bmodel\.(\d+)\.")  # in the name of an operation: Ultralytics' layer that it belongs to


def import_nncf() -> Any:
    """The module `nncf`; without OpenVINO's telemetry, which it would use where it finds it.

    Raises:
        MissingDependencyError: it, or OpenVINO, is not installed.
    """
    import_openvino()
    try:
        import nncf
    except ImportError as error:
        raise MissingDependencyError.for_extra("nncf", "int8", "making int8") from error
    return nncf


def to_int8(network: ConvertedNetwork, pages: Sequence[ByteArray], imgsz: int) -> ConvertedNetwork:
    """The network in int8, except for its head, whose boxes would move.

    Weights and activations are quantised symmetrically and asymmetrically as NNCF's preset `mixed` does; the ranges of
    the activations are those that occur on `pages`.

    Args:
        network: in OpenVINO's format, fp32.
        pages: uint8 (H, W, 3) RGB, such as the network will see; a hundred are plenty.
        imgsz: px, the long side of the picture that the network sees.

    Raises:
        InputError: no pages.
        MissingDependencyError: NNCF is not installed.
    """
    if not pages:
        raise InputError("int8 needs pages to find its ranges on, and there are none", "Name some with --calibration.")
    nncf, openvino = import_nncf(), import_openvino()
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory() as folder,
        redirect_stdout(sys.stderr),
    ):  # its progress bars; stdout is for --json
        file = Path(folder) / "model.xml"
        for suffix in (".xml", ".bin"):
            file.with_suffix(suffix).write_bytes(network.content(suffix))
        model = openvino.Core().read_model(file)
        quantised = nncf.quantize(
            model,
            nncf.Dataset(pages, lambda page: _picture(page, imgsz, network.spec.picture_stride)),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pages),
            ignored_scope=nncf.IgnoredScope(names=_head(model)),
        )
        made = Path(folder) / "int8.xml"
        openvino.save_model(quantised, made, compress_to_fp16=False)
        contents = tuple((f"model{suffix}", made.with_suffix(suffix).read_bytes()) for suffix in (".xml", ".bin"))
    return replace(network, precision="int8", files=contents)


def _picture(page: ByteArray, imgsz: int, stride: int) -> ByteArray:
    fit = fitted_letterbox((page.shape[1], page.shape[0]), imgsz, stride)
    return page_to_picture(page, fit)[None]


def _head(model: Any) -> list[str]:
    """Names of the operations of the last layer: its convolutions, and all that is computed from them.

    Only convolutions bear the names of their layers; activations are one module that all layers share.
    """
    layers = [(int(name[1]), node) for node in convolutions(model) if (name := _LAYER.search(node.get_friendly_name()))]
    last = max(layer for layer, _ in layers)
    found: dict[str, Any] = {}
    waiting = [node for layer, node in layers if layer == last]
    while waiting:
        node = waiting.pop()
        if node.get_type_name() != "Result" and node.get_friendly_name() not in found:
            found[node.get_friendly_name()] = node
            waiting += [reader.get_node() for output in node.outputs() for reader in output.get_target_inputs()]
    return sorted(found)


def convolutions(model: Any) -> list[Any]:
    """A network's convolutions, in the order of computation."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() in ("Convolution", "GroupConvolution")]
