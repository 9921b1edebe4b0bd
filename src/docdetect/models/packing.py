"""From a training checkpoint to bundled weights and their forms.

The packed `.pt` file holds the bare network in half precision, and the same network always gives the same bytes.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docdetect.console import say_nothing
from docdetect.errors import InputError, OutputExistsError
from docdetect.files import sha256_file, write_bytes
from docdetect.models.bundled import BundledWeights, Listed, WeightsState, read_manifest, write_manifest
from docdetect.models.checkpoint import load_network
from docdetect.models.conversions import (
    FORM_SUFFIXES,
    INT8_FORM,
    OPENVINO_FORM,
    ConvertedNetwork,
    form_path,
    read_form,
    write_form,
)
from docdetect.models.weights import network_imgsz
from docdetect.types import ByteArray


def pack_weights(source: Path, folder: Path, name: str, *, overwrite: bool = False) -> BundledWeights:
    """Writes `<folder>/<name>.pt` and its entry in the manifest of the folder.

    The averaged network (EMA) of the checkpoint is packed where the checkpoint has one. Optimizer, figures, dates, file
    names and whatever else a training leaves in a checkpoint stay behind, and the same network gives the same bytes.
    Forms of other weights of that name are removed.

    Args:
        source: a checkpoint of a training run.
        folder: the folder of bundled weights.
        name: of the weights.
        overwrite: replace other weights of that name.

    Raises:
        InputError: the checkpoint is missing, damaged, hostile or no detection model, or the network is fused.
        OutputExistsError: other weights of that name are there.
        OutputError: the files cannot be written.
    """
    network: Any = load_network(source)
    data = packed_bytes(network, network_imgsz(source))
    file = folder / f"{name}.pt"
    if file.is_file() and file.read_bytes() != data and not overwrite:
        raise OutputExistsError(
            f"{file}: there are other weights of that name", "Add --overwrite when these are better, or give a --name."
        )
    write_bytes(file, data)
    load_network(file)  # what was written can be read
    classes = tuple(str(network.names[k]) for k in range(len(network.names)))
    listed = Listed(classes, network_imgsz(file), len(data), sha256_file(file))
    manifest = {**read_manifest(folder), name: listed}
    for form in FORM_SUFFIXES:
        if read_form(file, form, say_nothing) is None:  # there is none, or one of other weights
            form_path(file, form).unlink(missing_ok=True)
            manifest.pop(form_path(file, form).stem, None)
    write_manifest(folder, manifest)
    return BundledWeights(name, file, classes, listed.imgsz, listed.size_bytes, listed.sha256, WeightsState.OK)


def pack_openvino(packed: BundledWeights) -> BundledWeights:
    """Puts the OpenVINO form of packed weights beside them, and into the manifest.

    With this form `infer` needs neither PyTorch nor Ultralytics on any processor. The form has the numbers of the `.pt`
    file, takes them from there, and holds little more than the layers; OpenVINO computes in the precision that it is
    told.

    Args:
        packed: what `pack_weights` returned.

    Raises:
        MissingDependencyError: OpenVINO is not installed.
        OutputError: the files cannot be written.
    """
    from docdetect.models.engines.conversion import to_openvino

    return _pack_form(packed, OPENVINO_FORM, to_openvino(packed.file, packed.sha256, half=True))


def pack_int8(packed: BundledWeights, pages: Sequence[ByteArray]) -> BundledWeights:
    """Puts the int8 form of packed weights beside them, and into the manifest.

    Args:
        packed: what `pack_weights` returned.
        pages: uint8 (H, W, 3) RGB, on which the network finds the ranges of its activations.

    Raises:
        InputError: no pages.
        MissingDependencyError: OpenVINO or NNCF is not installed.
        OutputError: the files cannot be written.
    """
    from docdetect.models.engines.conversion import to_openvino
    from docdetect.models.engines.quantization import to_int8

    return _pack_form(packed, INT8_FORM, to_int8(to_openvino(packed.file, packed.sha256), pages, packed.imgsz))


def _pack_form(packed: BundledWeights, form: str, network: ConvertedNetwork) -> BundledWeights:
    file = write_form(packed.file, form, network)
    listed = Listed(packed.classes, packed.imgsz, file.stat().st_size, sha256_file(file))
    folder = packed.file.parent
    write_manifest(folder, {**read_manifest(folder), file.stem: listed})
    return BundledWeights(
        file.stem, file, listed.classes, listed.imgsz, listed.size_bytes, listed.sha256, WeightsState.OK
    )


def packed_bytes(network: Any, imgsz: int) -> bytes:
    """The network as the bytes of a half-precision checkpoint that docdetect and Ultralytics load.

    Args:
        network: fp32 `DetectionModel`, not fused.
        imgsz: px, the long side of the pictures that it was trained on.

    Raises:
        InputError: the network is not what its own description builds.
    """
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from docdetect.models.slicing import keep_sliced_channels, sliced_channels

    description = {key: value for key, value in copy.deepcopy(network.yaml).items() if key != "yaml_file"}
    with torch.random.fork_rng(devices=[]):  # building draws weights that are replaced at once
        fresh: Any = DetectionModel(description, verbose=False)
    try:
        fresh.load_state_dict(network.state_dict())
    except RuntimeError as error:
        raise InputError(
            "the network is not the one that its description builds, so it cannot be packed",
            "Give a checkpoint of docdetect train, not one that was fused or pruned.",
        ) from error
    fresh.names = dict(network.names)
    if channels := sliced_channels(network):  # a later training needs them to learn feature maps of the larger network
        keep_sliced_channels(fresh, channels)
    fresh.task = "detect"
    fresh.half().eval()
    for value in fresh.parameters():
        value.requires_grad = False
    stream = io.BytesIO()
    checkpoint = {"model": fresh, "epoch": -1, "train_args": {"task": "detect", "imgsz": imgsz}}
    torch.save(checkpoint, stream)
    return stream.getvalue()
