"""Which engine runs weights on this machine, and in which precision: the best one, or the one that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from docdetect.console import say_nothing
from docdetect.errors import ConfigError, InputError
from docdetect.machine import (
    available_cores,
    has_matrix_bf16,
    has_native_bf16,
    has_native_int8,
    has_short_int8,
    require_extra,
)
from docdetect.models.checkpoint import require_checkpoints
from docdetect.models.conversions import (
    MANIFEST_NAME,
    OPENVINO_FORM,
    ConvertedNetwork,
    kept_network,
    read_converted,
    read_form,
)
from docdetect.models.engines.base import Engine, SeveralEngines, list_devices
from docdetect.models.engines.ensemble import EnsembleEngine
from docdetect.models.ensemble import is_ensemble, read_ensemble
from docdetect.models.weights import networks_in

ENGINES = ("openvino", "onnx", "torch", "tensorrt")
_CPU_ONLY = ("openvino", "onnx")
# Makes an engine of: imgsz in px, device, whether blank margins are left out.
_Make: TypeAlias = Callable[[int, str, bool], Engine]
_EMULATED = {
    "bf16": " (this processor emulates bf16, which is slower than fp32)",
    "int8": " (this processor has neither VNNI or AMX nor AVX2, with which 8-bit integers are fast)",
}


def load_engine(
    weights: Path,
    *,
    imgsz: int,
    device: str,
    engine: str = "torch",
    precision: str = "fp32",
    trim: bool = False,
    announce: Callable[[str], None] = say_nothing,
) -> Engine:
    """An engine that runs the network of a weights file.

    Args:
        weights: a `.pt` checkpoint of a detection model, the manifest of an exported network, or the file of an
            ensemble of such networks.
        imgsz: px, the long side of the picture that the network sees; a multiple of 32 (see
            `docdetect.models.weights.network_imgsz`). The networks of an ensemble see their own sizes.
        device: `cpu`, a GPU's number, several (`0,1`), or empty for a GPU where there is one.
        engine: one of `ENGINES`, or auto: OpenVINO on a CPU where it is installed, else PyTorch.
        precision: fp32, bf16, fp16, int8, or auto: the fastest precision that the device computes natively, the engine
            knows and the weights have (int8 needs a form of its own). Where the features of a processor do not tell
            which one is the fastest, that is measured once.
        trim: leave out the blank margins of pages, which saves time on CPUs; GPUs are shown whole pages.
        announce: told about what takes a while once, such as a conversion, and about what cannot be used.

    Raises:
        InputError: weights missing, damaged, hostile, or no detection model; networks of an ensemble that have
            different classes.
        ConfigError: no such device, or the engine, its precision and the device do not go together.
        MissingDependencyError: the engine's package is not installed.
    """
    if is_ensemble(weights):
        engines = [
            load_engine(one, imgsz=px, device=device, engine=engine, precision=precision, trim=trim, announce=announce)
            for one, px in networks_in(weights)
        ]
        return _together(weights, engines)
    exported = read_converted(weights) if weights.name == MANIFEST_NAME else None
    if exported is not None and engine not in ("auto", exported.engine):
        raise ConfigError(
            f"engine: {weights} was exported for {exported.engine}, not for {engine}",
            f"Use --engine auto or {exported.engine}, or the .pt file.",
        )
    name = engine if exported is None else exported.engine
    devices = ("cpu",) if name in _CPU_ONLY and not device.strip() else list_devices(device)
    if name == "auto":
        name = _best_engine(devices[0])
    if exported is not None:
        precision = _of_export(exported, weights, precision)
    chosen = choose_precision(precision, name, devices[0])
    if name == "openvino":
        make = _openvino_maker(weights, exported, precision, chosen, announce)
    else:
        make = _maker(name, weights, exported, chosen, announce)
    made = [make(imgsz, one, trim) for one in devices]
    return made[0] if len(made) == 1 else SeveralEngines(made)


def _together(ensemble: Path, engines: Sequence[Engine]) -> Engine:
    classes = [engine.class_names for engine in engines]
    if len(set(classes)) > 1:
        kinds = "; ".join(", ".join(names) for names in dict.fromkeys(classes))
        raise InputError(f"{ensemble}: its networks have different classes ({kinds})", "Name networks of one task.")
    return EnsembleEngine(engines, second_look=read_ensemble(ensemble).second_look)


def exact_engine(weights: Path, engine: str = "", precision: str = "") -> tuple[str, str]:
    """The engine and the precision that give the exact figures of weights, where none are asked for.

    They are those of an exported network, and PyTorch in fp32 for a checkpoint, whatever the machine.

    Args:
        weights: a `.pt` checkpoint, the manifest of an exported network, or an ensemble.
        engine, precision: as for `load_engine`; empty where none is asked for.

    Raises:
        InputError: the manifest of an exported network is damaged.
    """
    if weights.name != MANIFEST_NAME:
        return engine or "torch", precision or "fp32"
    exported = read_converted(weights)
    own = exported.precision if exported.precision == "int8" or exported.engine == "tensorrt" else "fp32"
    return engine or exported.engine, precision or own


def engines_on(device: str) -> tuple[tuple[str, str], ...]:
    """(engine, precision) of all engines that run on a device, installed or not, in the order of `ENGINES`."""
    kind = device.partition(":")[0]
    return tuple((engine, precision) for engine in ENGINES for precision in _precisions(engine, kind))


def choose_precision(wanted: str, engine: str, device: str) -> str:
    """The precision that is asked for, or what `auto` means for an engine on a device without an int8 form.

    The result is `auto` where only a measurement tells: for OpenVINO on processors with AVX512-BF16 and without AMX.

    Raises:
        ConfigError: the engine does not run on this device, or not in this precision.
    """
    known = _precisions(engine, device.partition(":")[0])
    if not known:
        where = "the CPU" if engine in _CPU_ONLY else "GPUs of NVIDIA"
        raise ConfigError(f"engine: {engine} runs on {where} only, not on {device}", "Choose another --engine.")
    if wanted == "auto":
        fastest = [precision for precision in known if precision != "int8"][-1]
        return "auto" if fastest == "bf16" and not has_matrix_bf16() else fastest
    if wanted not in known:
        # Only OpenVINO has these precisions on a CPU, so that only there the processor is why one is missing.
        reason = _EMULATED.get(wanted, "") if engine == "openvino" else ""
        raise ConfigError(
            f"precision: {engine} on {device} has no {wanted}{reason}",
            f"Use auto or {' or '.join(known)}.",
        )
    return wanted


def _precisions(engine: str, device: str) -> tuple[str, ...]:
    """The precisions of an engine on a kind of device, the finest first; none where the engine does not run there."""
    if engine == "openvino" and device == "cpu":
        return ("fp32", *("bf16",) * has_native_bf16(), *("int8",) * (has_native_int8() or has_short_int8()))
    if (engine == "onnx" and device == "cpu") or (engine == "torch" and device in ("cpu", "mps")):
        return ("fp32",)
    if engine in ("torch", "tensorrt") and device == "cuda":
        return ("fp32", "fp16")
    return ()


def _best_engine(device: str) -> str:
    return "openvino" if device == "cpu" and find_spec("openvino") is not None else "torch"


def _maker(
    name: str, weights: Path, exported: ConvertedNetwork | None, precision: str, announce: Callable[[str], None]
) -> _Make:
    """A function that makes engines. What is the same for all devices is done once, before it is returned."""
    if name == "onnx":
        return _onnx_maker(weights, exported, announce)
    if name == "tensorrt":
        return _tensorrt_maker(weights, exported, precision, announce)
    if exported is not None:
        raise InputError(f"{weights}: exported for an unknown engine {name!r}", "Export it again.")
    require_checkpoints(weights)

    def make(imgsz: int, device: str, trim: bool) -> Engine:
        from docdetect.models.checkpoint import load_network
        from docdetect.models.engines.pytorch import TorchEngine

        return TorchEngine(load_network(weights), imgsz=imgsz, device=device, precision=precision, trim=trim)

    return make


def _of_export(exported: ConvertedNetwork, manifest: Path, wanted: str) -> str:
    """The precision in which an exported network runs. Raises ConfigError: its weights do not have the wanted one."""
    if exported.precision == "int8" and wanted in ("auto", "int8"):
        return "int8"
    if "int8" in (exported.precision, wanted):
        raise ConfigError(
            f"precision: {manifest} was exported in {exported.precision}, not for {wanted}",
            f"Use --precision auto, or export it again with --precision {'int8' if wanted == 'int8' else 'fp32'}.",
        )
    return wanted


def _openvino_maker(
    weights: Path, exported: ConvertedNetwork | None, wanted: str, chosen: str, announce: Callable[[str], None]
) -> _Make:
    """See `_maker`."""
    from docdetect.models.engines.openvino import OpenVinoEngine, import_openvino
    from docdetect.models.engines.openvino_precision import fastest, networks_of, runs_int8

    def converted() -> ConvertedNetwork:
        return openvino_network(weights, announce)

    import_openvino()  # a missing package is reported before anything else
    known = ("fp32", "bf16") if chosen == "auto" else (chosen,)
    if exported is not None:
        if chosen == "int8" and not runs_int8(exported):
            raise ConfigError(
                f"precision: {weights} was made for processors with VNNI or AMX; sums of its 8-bit products may "
                "overflow on this one",
                "Export it again with this version of docdetect, or use the .pt file.",
            )
        networks = dict.fromkeys(known, exported)
    else:
        networks = networks_of(weights, wanted, known, converted, announce)
    precision = fastest(networks, announce)
    network, threads = networks[precision], available_cores()
    return lambda imgsz, device, trim: OpenVinoEngine(
        network, imgsz=imgsz, precision=precision, threads=threads, trim=trim
    )


def openvino_network(weights: Path, announce: Callable[[str], None]) -> ConvertedNetwork:
    """The network of a checkpoint in OpenVINO's format: the form beside it, else from the cache, else made now.

    Raises:
        InputError: the weights cannot be used.
        MissingDependencyError: OpenVINO is not installed, or what loads a checkpoint is not and there is no form of it.
    """
    from docdetect.models.engines.openvino import import_openvino

    def convert(file: Path, digest: str) -> ConvertedNetwork:
        require_checkpoints(file)
        from docdetect.models.engines.conversion import to_openvino

        return to_openvino(file, digest)

    made_for = f"OpenVINO {import_openvino().get_version()}"
    form = read_form(weights, OPENVINO_FORM, announce)
    return form or kept_network(weights, made_for, convert, announce)


def _onnx_maker(weights: Path, exported: ConvertedNetwork | None, announce: Callable[[str], None]) -> _Make:
    from docdetect.models.engines.onnx import OnnxEngine, import_onnxruntime

    def convert(file: Path, digest: str) -> ConvertedNetwork:
        require_checkpoints(file)
        from docdetect.models.engines.conversion import to_onnx

        return to_onnx(file, digest)

    import_onnxruntime()  # a missing package is reported before the conversion
    network = exported or kept_network(weights, "ONNX Runtime", convert, announce)
    return lambda imgsz, device, trim: OnnxEngine(network, imgsz=imgsz, threads=available_cores(), trim=trim)


def _tensorrt_maker(
    weights: Path, exported: ConvertedNetwork | None, precision: str, announce: Callable[[str], None]
) -> _Make:
    require_extra("train", "--engine tensorrt", modules=["torch"])  # PyTorch moves the data
    from docdetect.models.engines.tensorrt import TensorRtEngine, import_tensorrt, kept_plan

    import_tensorrt()
    return lambda imgsz, device, trim: TensorRtEngine(
        exported or kept_plan(weights, imgsz, device, precision, announce), imgsz=imgsz, device=device
    )
