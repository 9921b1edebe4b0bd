"""The ONNX Runtime engine, for CPUs; it needs neither PyTorch nor Ultralytics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docdetect.errors import InputError, MissingDependencyError
from docdetect.models.conversions import ConvertedNetwork
from docdetect.models.engines.base import Traits
from docdetect.models.head import Raw, raw_to_detections
from docdetect.models.letterbox import Framing, page_to_picture
from docdetect.types import ByteArray, Detections


class OnnxEngine:
    """An ONNX network on the CPU; see `docdetect.models.engines.base.Engine`.

    Args:
        network: the network.
        imgsz: px, the long side of the picture that the network sees.
        threads: number of threads that the engine may use.
        trim: leave out the blank margins of pages.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        InputError: ONNX Runtime cannot run this network.
    """

    def __init__(self, network: ConvertedNetwork, *, imgsz: int, threads: int, trim: bool = False) -> None:
        runtime = import_onnxruntime()
        self._spec, self._framing = network.spec, Framing(imgsz, network.spec.picture_stride, trim)
        self.class_names, self.traits = network.spec.class_names, Traits("onnx", network.precision)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only
        try:
            self._session = runtime.InferenceSession(
                network.content(".onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the exceptions of ONNX Runtime have no other base in common
            raise InputError(f"ONNX Runtime cannot run this network ({error})", "Export it again.") from error

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        return [self._detect(page, conf, iou) for page in pages]

    def _detect(self, page: ByteArray, conf: float, iou: float) -> Detections:
        fit = self._framing.of(page)
        distances, logits = self._session.run(["distances", "logits"], {"pictures": page_to_picture(page, fit)[None]})
        return raw_to_detections(Raw(distances[0], logits[0]), self._spec, fit, conf, iou)


def import_onnxruntime() -> Any:
    """The module `onnxruntime`. Raises MissingDependencyError: not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError.for_extra("onnxruntime", "onnx", "--engine onnx") from error
    disable = getattr(onnxruntime, "disable_telemetry_events", None)  # only the builds for Windows have telemetry
    if disable is not None:
        disable()
    return onnxruntime
