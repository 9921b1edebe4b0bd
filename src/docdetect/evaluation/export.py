"""Weights in the form of an engine, compared with what torch finds; weights bundled with docdetect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docdetect.config.schema import Config, ExportConfig, WeightsConfig
from docdetect.console import ProgressCallback, no_progress, say_nothing
from docdetect.errors import UsageError
from docdetect.evaluation.engine_check import CheckSettings, EngineRow, check_engines, read_pages
from docdetect.files import as_argument, read_json, write_json
from docdetect.models.bundled import BundledWeights, list_ensembles
from docdetect.models.engines.quantization import import_nncf
from docdetect.models.export import export_network
from docdetect.models.packing import pack_int8, pack_openvino, pack_weights
from docdetect.models.thresholds import thresholds_from_json, thresholds_path, thresholds_to_json
from docdetect.models.weights import BUNDLED_FOLDER, network_imgsz, require_single_network, resolve_weights
from docdetect.types import ByteArray

_EXPORTS = Path("runs/export")


@dataclass(frozen=True)
class ExportResult:
    """What `export_weights` did.

    Attributes:
        weights: the weights that were converted or compared.
        manifest: of the exported network; None where only engines were compared.
        engines: how far the engines agree, torch in fp32 first; empty where they were not compared.
    """

    weights: Path
    manifest: Path | None
    engines: tuple[EngineRow, ...]


def export_weights(
    config: Config,
    on_progress: ProgressCallback = no_progress,
    announce: Callable[[str], None] = say_nothing,
) -> ExportResult:
    """Converts weights as the section `export` says, and compares the engines of this machine.

    With `check` and no `output` nothing is written; a network that is exported in the same call is compared, too.

    Args:
        config: the sections `export` and `train.runs`.
        on_progress: told about every page of the comparison.
        announce: told what takes a while, and where the network was written.

    Raises:
        InputError: no such weights, dataset or documents.
        UsageError: int8 for another engine than openvino, or without pages to find its ranges on.
        OutputExistsError: the folder holds an earlier export.
        MissingDependencyError: the engine's package is not installed.
    """
    wanted = config.export
    weights = require_single_network(resolve_weights(wanted.weights, Path(config.train.runs)), "an export")
    imgsz = network_imgsz(weights, wanted.imgsz)
    settings = CheckSettings(imgsz, wanted.device, wanted.conf, wanted.iou, wanted.pages)
    manifest = None
    if wanted.output or not wanted.check:
        on_progress(0, 0, "converting the network")
        manifest = _write(weights, wanted, settings, announce)
    engines: Sequence[EngineRow] = ()
    if wanted.check:
        engines = check_engines(
            weights, wanted.check, settings, exported=manifest, on_progress=on_progress, announce=announce
        )
    return ExportResult(weights, manifest, tuple(engines))


def bundle_weights(config: Config, announce: Callable[[str], None] = say_nothing) -> tuple[BundledWeights, ...]:
    """Bundles the weights that `weights.pack` names, in half precision and as OpenVINO networks; returns all forms.

    Raises:
        InputError: no such weights, dataset or thresholds.
        OutputExistsError: other weights of that name are there.
        MissingDependencyError: int8 is asked for, and its package is not installed.
    """
    wanted: WeightsConfig = config.weights
    if wanted.calibration:
        import_nncf()  # what is missing is said before anything is packed
    source = require_single_network(resolve_weights(wanted.pack, Path(config.train.runs)), "bundling")
    folder = Path(wanted.folder or BUNDLED_FOLDER)
    chosen = None
    if wanted.thresholds:
        chosen = thresholds_from_json(read_json(Path(wanted.thresholds)), wanted.thresholds)
    packed = [pack_weights(source, folder, wanted.name, overwrite=wanted.overwrite)]
    if chosen is not None:
        kept = replace(chosen, weights_sha256=packed[0].sha256)
        write_json(thresholds_path(packed[0].file), thresholds_to_json(kept))
    packed.append(pack_openvino(packed[0]))
    if wanted.calibration:
        settings = CheckSettings(imgsz=packed[0].imgsz, pages=wanted.pages)
        packed.append(pack_int8(packed[0], read_pages(wanted.calibration, settings)))
    for one in packed:
        announce(f"packed {source} as {one.name}, {one.size_bytes / 1e6:.1f} MB")
    for ensemble in list_ensembles(folder):
        if wanted.name in [network.rpartition("@")[0].removesuffix(".pt") for network in ensemble.networks]:
            announce(
                f"{ensemble.file}: this ensemble looks with {wanted.name} as well, and its thresholds may not suit "
                f"the new weights: delete it, or infer with --weights {wanted.name}"
            )
    return tuple(packed)


def _write(weights: Path, wanted: ExportConfig, settings: CheckSettings, announce: Callable[[str], None]) -> Path:
    kind = wanted.engine if wanted.precision == "fp32" else f"{wanted.engine}_{wanted.precision}"
    folder = Path(wanted.output) if wanted.output else _EXPORTS / f"{weights.stem}_{kind}"
    manifest = export_network(
        weights,
        folder,
        wanted.engine,
        imgsz=settings.imgsz,
        calibration=_calibration_pages(wanted, settings),
        overwrite=wanted.overwrite,
        announce=announce,
    )
    announce(f"exported to {folder}: docdetect infer --weights {as_argument(folder)}")
    return manifest


def _calibration_pages(wanted: ExportConfig, settings: CheckSettings) -> Sequence[ByteArray] | None:
    """The pages on which int8 finds its ranges; None for fp32."""
    if wanted.precision == "fp32":
        return None
    if wanted.engine != "openvino":
        raise UsageError(f"--precision int8 goes with --engine openvino, not with {wanted.engine}", "Give one of them.")
    if not wanted.calibration:
        raise UsageError(
            "--precision int8 needs pages to find its ranges on",
            "Name a dataset, or a folder of documents such as yours, with --calibration.",
        )
    import_nncf()  # what is missing is said before pages are read
    return read_pages(wanted.calibration, settings)
