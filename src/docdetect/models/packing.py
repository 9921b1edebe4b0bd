"""From a training checkpoint to weights for the box: half precision, the bare network, the same bytes each time."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docdetect.errors import InputError, OutputExistsError
from docdetect.files import sha256_file, write_bytes
from docdetect.models.bundled import BoxedWeights, Listed, WeightsState, read_manifest, write_manifest
from docdetect.models.checkpoint import load_network
from docdetect.models.conversions import int8_path, read_int8, write_int8
from docdetect.models.engines.select import say_nothing
from docdetect.models.weights import network_imgsz
from docdetect.types import ByteArray


def pack_weights(source: Path, folder: Path, name: str, *, overwrite: bool = False) -> BoxedWeights:
    """Writes `<folder>/<name>.pt` and its entry in the folder's manifest.

    Packed is the averaged network (EMA) of the checkpoint where it has one. Optimizer, figures, dates, file names and
    whatever else a training leaves in a checkpoint stay behind, and the same network gives the same bytes.

    Args:
        source: a checkpoint of a training run.
        folder: the box.
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
    int8 = int8_path(file)
    if read_int8(file, say_nothing) is None:  # none, or that of the weights before
        int8.unlink(missing_ok=True)
        manifest.pop(int8.stem, None)
    write_manifest(folder, manifest)
    return BoxedWeights(name, file, classes, listed.imgsz, listed.size_bytes, listed.sha256, WeightsState.OK)


def pack_int8(packed: BoxedWeights, pages: Sequence[ByteArray]) -> BoxedWeights:
    """Puts the int8 form of packed weights beside them, into the manifest too.

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

    file = write_int8(packed.file, to_int8(to_openvino(packed.file, packed.sha256), pages, packed.imgsz))
    listed = Listed(packed.classes, packed.imgsz, file.stat().st_size, sha256_file(file))
    folder = packed.file.parent
    write_manifest(folder, {**read_manifest(folder), file.stem: listed})
    return BoxedWeights(
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
    fresh.task = "detect"
    fresh.half().eval()
    for value in fresh.parameters():
        value.requires_grad = False
    stream = io.BytesIO()
    checkpoint = {"model": fresh, "epoch": -1, "train_args": {"task": "detect", "imgsz": imgsz}}
    torch.save(checkpoint, stream)
    return stream.getvalue()
