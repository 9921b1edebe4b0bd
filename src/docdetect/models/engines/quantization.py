"""int8: NNCF's post-training quantisation of networks in OpenVINO's format."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from docdetect.errors import InputError, MissingDependencyError
from docdetect.models.conversions import ConvertedNetwork
from docdetect.models.engines.openvino import import_openvino, openvino_core
from docdetect.models.letterbox import fitted_letterbox, page_to_picture
from docdetect.types import ByteArray

_CONVOLUTIONS = ("Convolution", "GroupConvolution")


def import_nncf() -> Any:
    """The module `nncf`, kept from using OpenVINO's telemetry.

    Raises:
        MissingDependencyError: NNCF or OpenVINO is not installed.
    """
    import_openvino()
    try:
        import nncf
    except ImportError as error:
        raise MissingDependencyError.for_extra("nncf", "int8", "making int8") from error
    return nncf


def to_int8(
    network: ConvertedNetwork, pages: Sequence[ByteArray], imgsz: int, *, half_range: bool = True
) -> ConvertedNetwork:
    """The network with most of its arithmetic in 8-bit integers.

    The last convolutions of the head stay in fp32, because boxes would move otherwise; all of the head in fp32 took a
    third more time and was no more exact. The products of the attention layer stay in fp32, too: OpenVINO computes them
    in fp32 whether their factors are quantised or not. Weights are quantised symmetrically and activations
    asymmetrically (NNCF's preset `mixed`); the ranges of the activations are those that occur on `pages`.

    Args:
        network: a network in OpenVINO's format, in fp32.
        pages: uint8 (H, W, 3) RGB, pages such as the network will see; a hundred are plenty.
        imgsz: px, the long side of the picture that the network sees.
        half_range: let weights use 7 of their 8 bits, so that the network is also right on processors without VNNI and
            AMX, which add two products up in 16 bits; see `ConvertedNetwork.half_range`.

    Raises:
        InputError: no pages.
        MissingDependencyError: NNCF is not installed.
    """
    if not pages:
        raise InputError("int8 needs pages to find its ranges on, and there are none", "Name some with --calibration.")
    nncf, openvino = import_nncf(), import_openvino()
    logging.getLogger("nncf").setLevel(logging.ERROR)
    # NNCF draws its progress bars on stdout, which belongs to --json.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        file = Path(folder) / "model.xml"
        for suffix in (".xml", ".bin"):
            file.with_suffix(suffix).write_bytes(network.content(suffix))
        model = openvino_core().read_model(file)
        quantised = nncf.quantize(
            model,
            nncf.Dataset(pages, lambda page: _picture(page, imgsz, network.spec.picture_stride)),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pages),
            ignored_scope=nncf.IgnoredScope(names=_kept(model)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE if half_range else nncf.OverflowFix.FIRST_LAYER
            ),
        )
        made = Path(folder) / "int8.xml"
        openvino.save_model(quantised, made, compress_to_fp16=False)
        contents = tuple((f"model{suffix}", made.with_suffix(suffix).read_bytes()) for suffix in (".xml", ".bin"))
    return replace(network, precision="int8", files=contents, half_range=half_range)


def _picture(page: ByteArray, imgsz: int, stride: int) -> ByteArray:
    fit = fitted_letterbox((page.shape[1], page.shape[0]), imgsz, stride)
    return page_to_picture(page, fit)[None]


def _kept(model: Any) -> list[str]:
    """Names of the operations that stay in fp32.

    These are the products of attention, the convolutions that no other convolution follows, and all that is computed
    from those.
    """
    found = {node.get_friendly_name() for node in model.get_ops() if node.get_type_name() == "MatMul"}
    for convolution in convolutions(model):
        after = _computed_from(convolution)
        if not any(node.get_type_name() in _CONVOLUTIONS for node in after):
            found |= {node.get_friendly_name() for node in (convolution, *after)}
    return sorted(found)


def _computed_from(node: Any) -> list[Any]:
    """All operations that the result of a node goes into, directly or through others."""
    found: dict[str, Any] = {}
    waiting = [node]
    while waiting:
        targets = [target for output in waiting.pop().outputs() for target in output.get_target_inputs()]
        for reader in (target.get_node() for target in targets):
            if reader.get_type_name() != "Result" and reader.get_friendly_name() not in found:
                found[reader.get_friendly_name()] = reader
                waiting.append(reader)
    return list(found.values())


def convolutions(model: Any) -> list[Any]:
    """The convolutions of a network, in the order of computation."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() in _CONVOLUTIONS]
