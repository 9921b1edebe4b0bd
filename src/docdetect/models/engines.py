"""Weights -> the engine that runs them here best, or the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from docdetect.errors import ConfigError, InputError
from docdetect.machine import available_cores, has_matrix_bf16, has_native_bf16
from docdetect.models.conversion_cache import kept_network
from docdetect.models.converted import MANIFEST_NAME, ConvertedNetwork, read_converted
from docdetect.models.devices import list_devices
from docdetect.models.engine import Engine
from docdetect.models.several import SeveralEngines

ENGINES = ("openvino", "onnx", "torch", "tensorrt")
_CPU_ONLY = ("openvino", "onnx")


def say_nothing(text: str) -> None:
    """Announces nothing."""


def load_engine(
    weights: Path,
    *,
    imgsz: int,
    device: str,
    engine: str = "torch",
    precision: str = "fp32",
    announce: Callable[[str], None] = say_nothing,
) -> Engine:
    """The detector in a weights file.

    Args:
        weights: a `.pt` checkpoint of a detection model, or the manifest of an exported one.
        imgsz: px, the long side of the picture that the network sees; a multiple of 32.
        device: `cpu`, a GPU's number, several (`0,1`), or empty for a GPU where there is one.
        engine: one of `ENGINES`, or auto: OpenVINO on a CPU where it is installed, else PyTorch.
        precision: fp32, bf16, fp16, or auto: the fastest that the device computes natively and the engine knows; where
            the processor's features do not tell whether bf16 is, it is measured once.
        announce: told when something takes a while once (a conversion), or cannot be as it should.

    Raises:
        InputError: weights missing, damaged, hostile, or no detection model.
        ConfigError: no such device, or the engine, its precision and the device do not go together.
        MissingDependencyError: the engine's package is not installed.
    """
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
    chosen = choose_precision(precision, name, devices[0])
    makers = [_maker(name, weights, exported, chosen, announce)(imgsz, one) for one in devices]
    return makers[0] if len(makers) == 1 else SeveralEngines(makers)


def engines_on(device: str) -> tuple[tuple[str, str], ...]:
    """(engine, precision) of all that can run on a device, installed or not, in the order of `ENGINES`."""
    kind = device.partition(":")[0]
    return tuple((engine, precision) for engine in ENGINES for precision in _precisions(engine, kind)[::-1])


def choose_precision(wanted: str, engine: str, device: str) -> str:
    """What `auto` means for an engine on a device, or the precision that was asked for.

    It stays `auto` where only measuring tells: OpenVINO's bf16 on AVX512-BF16 without AMX.

    Raises:
        ConfigError: the engine does not run on this device, or not in this precision.
    """
    known = _precisions(engine, device.partition(":")[0])
    if not known:
        where = "the CPU" if engine in _CPU_ONLY else "GPUs of NVIDIA"
        raise ConfigError(f"engine: {engine} runs on {where} only, not on {device}", "Choose another --engine.")
    if wanted == "auto":
        return "auto" if known[0] == "bf16" and not has_matrix_bf16() else known[0]
    if wanted not in known:
        reason = " (this processor emulates bf16, which is slower than fp32)" if wanted == "bf16" else ""
        raise ConfigError(
            f"precision: {engine} on {device} has no {wanted}{reason}", f"Use auto or {' or '.join(known)}."
        )
    return wanted


def _precisions(engine: str, device: str) -> tuple[str, ...]:
    """What an engine can on a kind of device, most often the fastest first; nothing where it does not run there."""
    if engine == "openvino" and device == "cpu":
        return ("bf16", "fp32") if has_native_bf16() else ("fp32",)
    if (engine == "onnx" and device == "cpu") or (engine == "torch" and device in ("cpu", "mps")):
        return ("fp32",)
    if engine in ("torch", "tensorrt") and device == "cuda":
        return ("fp16", "fp32")
    return ()


def _best_engine(device: str) -> str:
    return "openvino" if device == "cpu" and find_spec("openvino") is not None else "torch"


def _maker(
    name: str, weights: Path, exported: ConvertedNetwork | None, precision: str, announce: Callable[[str], None]
) -> Callable[[int, str], Engine]:
    """(imgsz, device) -> engine; what is the same for all devices is done once. Modules come when they are needed."""
    if name == "openvino":
        return _openvino_maker(weights, exported, precision, announce)
    if name == "onnx":
        return _onnx_maker(weights, exported, announce)
    if name == "tensorrt":
        return _tensorrt_maker(weights, exported, precision, announce)
    if exported is not None:
        raise InputError(f"{weights}: exported for an unknown engine {name!r}", "Export it again.")

    def make(imgsz: int, device: str) -> Engine:
        from docdetect.models.loading import load_network
        from docdetect.models.torch_engine import TorchEngine

        return TorchEngine(load_network(weights), imgsz=imgsz, device=device, precision=precision)

    return make


def _openvino_maker(
    weights: Path, exported: ConvertedNetwork | None, precision: str, announce: Callable[[str], None]
) -> Callable[[int, str], Engine]:
    from docdetect.models.openvino_engine import OpenVinoEngine
    from docdetect.models.openvino_precision import measured_precision
    from docdetect.models.openvino_setup import import_openvino

    def convert(file: Path, digest: str) -> ConvertedNetwork:
        from docdetect.models.openvino_conversion import to_openvino

        return to_openvino(file, digest)

    made_for = f"OpenVINO {import_openvino().get_version()}"
    network = exported or kept_network(weights, made_for, convert, announce)
    chosen = measured_precision(network, announce) if precision == "auto" else precision
    return lambda imgsz, device: OpenVinoEngine(network, imgsz=imgsz, precision=chosen, threads=available_cores())


def _onnx_maker(
    weights: Path, exported: ConvertedNetwork | None, announce: Callable[[str], None]
) -> Callable[[int, str], Engine]:
    from docdetect.models.onnx_engine import OnnxEngine, import_onnxruntime

    def convert(file: Path, digest: str) -> ConvertedNetwork:
        from docdetect.models.onnx_conversion import to_onnx

        return to_onnx(file, digest)

    import_onnxruntime()  # what is missing is said before the conversion
    network = exported or kept_network(weights, "ONNX Runtime", convert, announce)
    return lambda imgsz, device: OnnxEngine(network, imgsz=imgsz, threads=available_cores())


def _tensorrt_maker(
    weights: Path, exported: ConvertedNetwork | None, precision: str, announce: Callable[[str], None]
) -> Callable[[int, str], Engine]:
    from docdetect.models.tensorrt_engine import TensorRtEngine, import_tensorrt, kept_plan

    import_tensorrt()
    return lambda imgsz, device: TensorRtEngine(
        exported or kept_plan(weights, imgsz, device, precision, announce), imgsz=imgsz, device=device
    )
