"""Export: weights become a folder in the format of an engine, which `infer --weights FOLDER` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from docdetect.calibration import calibration_to_json
from docdetect.console import say_nothing
from docdetect.errors import OutputExistsError
from docdetect.files import sha256_file, write_json
from docdetect.models.conversions import MANIFEST_NAME, ConvertedNetwork, write_converted
from docdetect.models.engines.base import list_devices
from docdetect.models.engines.onnx import import_onnxruntime
from docdetect.models.thresholds import (
    calibration_path,
    read_calibration,
    read_thresholds,
    thresholds_path,
    thresholds_to_json,
)
from docdetect.types import ByteArray

FORMATS = ("openvino", "onnx", "tensorrt")


def export_network(
    weights: Path,
    folder: Path,
    engine: str,
    *,
    imgsz: int,
    calibration: Sequence[ByteArray] | None = None,
    overwrite: bool = False,
    announce: Callable[[str], None] = say_nothing,
) -> Path:
    """Converts weights, takes their thresholds and calibration along, and returns the path of the folder's manifest.

    Args:
        weights: a `.pt` file.
        folder: the folder of the export; it is made whole or not at all.
        engine: one of `FORMATS`.
        imgsz: px, the long side of the pictures that the export is for; `infer` and `val` use it unless told
            otherwise. TensorRT plans take no larger ones, the other formats take pictures of any size.
        calibration: pages, uint8 (H, W, 3) RGB, on which an int8 network for OpenVINO finds its ranges; None for fp32.
        overwrite: replace an earlier export. A folder that holds anything else is never replaced.
        announce: told about each step that takes a while.

    Raises:
        InputError: the weights cannot be used, or `calibration` is empty.
        OutputExistsError: there is such a folder.
        OutputError: it cannot be written.
        MissingDependencyError: the engine, or what makes int8 of a network, is not installed.
    """
    if folder.exists() and not ((folder / MANIFEST_NAME).is_file() and overwrite):
        ours = (folder / MANIFEST_NAME).is_file()
        remedy = (
            "Add --overwrite to replace it."
            if ours
            else "The folder is no export of docdetect's: choose another folder."
        )
        raise OutputExistsError(f"{folder}: exists", remedy)
    thresholds, calibrated = read_thresholds(weights), read_calibration(weights)
    announce(f"converting {weights.name} for {engine}")
    network = replace(_converted(weights, engine, imgsz), imgsz=imgsz)
    if calibration is not None:
        from docdetect.models.engines.quantization import to_int8

        announce(f"finding the ranges of int8 on {len(calibration)} pages")
        network = to_int8(network, calibration, imgsz)
    manifest = write_converted(folder, network)
    if thresholds is not None:
        kept = replace(thresholds, weights_sha256=sha256_file(manifest))
        write_json(thresholds_path(manifest), thresholds_to_json(kept))
    if calibrated is not None:
        moved = replace(calibrated, weights_sha256=sha256_file(manifest))
        write_json(calibration_path(manifest), calibration_to_json(moved))
    return manifest


def _converted(weights: Path, engine: str, imgsz: int) -> ConvertedNetwork:
    digest = sha256_file(weights)
    if engine == "openvino":
        from docdetect.models.engines.conversion import to_openvino

        return to_openvino(weights, digest)
    if engine == "onnx":
        import_onnxruntime()  # of the same extra as what writes the format
        from docdetect.models.engines.conversion import to_onnx

        return to_onnx(weights, digest)
    from docdetect.models.engines.tensorrt import import_tensorrt, kept_plan

    import_tensorrt()
    return kept_plan(weights, imgsz, list_devices("0")[0], "fp16", say_nothing)
