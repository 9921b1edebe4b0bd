"""The OpenVINO engine, the fastest one on CPUs; `openvino_precision.py` chooses its precision.

The engine needs neither PyTorch nor Ultralytics. This is the only module that imports OpenVINO; it does so without
OpenVINO's telemetry, which would write to the home folder and send data.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from docdetect.errors import InputError, MissingDependencyError
from docdetect.machine import OwnProcess, has_matrix_bf16
from docdetect.models.conversions import ConvertedNetwork
from docdetect.models.engines.base import Traits
from docdetect.models.head import Raw, raw_to_detections
from docdetect.models.letterbox import Framing, fitted_letterbox, page_to_picture
from docdetect.types import ByteArray, Detections, SizeWH

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The module `openvino`, whose telemetry is kept from being imported.

    Raises:
        MissingDependencyError: not installed, or broken.
    """
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    except (ImportError, OSError) as error:
        raise MissingDependencyError(
            f"--engine openvino needs the package 'openvino', which cannot be imported ({error})",
            "Install it with: pip install openvino; or use --engine torch.",
        ) from error


def openvino_core() -> Any:
    """The one `openvino.Core` of the program, which is never let go of.

    OpenVINO's code for CPUs gives a second stack for signals to the thread that compiles the first network, and frees
    the memory of that stack when the last Core and network are gone. Where another thread let go of them, the next
    signal of the first thread, such as Ctrl-C, ended the program with a segmentation fault.

    Raises:
        MissingDependencyError: OpenVINO is not installed, or broken.
        UsageError: this process is a fork of one that has a core: to compile a network there may take for ever.
    """
    core, own_process = _core_of_process()
    own_process.check()
    return core


@functools.cache
def _core_of_process() -> tuple[Any, OwnProcess]:
    return import_openvino().Core(), OwnProcess()


# Precision -> OpenVINO's name for it.
_HINTS = {"fp32": "f32", "bf16": "bf16"}
# Long side over short side of usual paper: the A series, and US letter.
_PAPERS = (2**0.5, 11 / 8.5)
# Kernels that OpenVINO keeps compiled: enough for 20 sizes of pictures, which take 15 MB each.
_KEPT_KERNELS = 1000


class OpenVinoEngine:
    """A network in OpenVINO's format on the CPU; see `docdetect.models.engines.base.Engine`.

    Several pages are computed at once, one for each of OpenVINO's streams: that took less time than to give all cores
    to one page. Pictures of usual paper run through networks that are compiled for exactly their size. All other
    pictures, and all pictures where blank margins are left out, run through one network for any size, which is slower
    by some percent. Which network runs depends on nothing but the size of the picture.

    Args:
        network: the network.
        imgsz: px, the long side of the picture that the network sees.
        precision: fp32, bf16, or int8 for a quantised network. What of it is not quantised is computed in fp32, or in
            bf16 on processors with AMX.
        threads: number of threads that the engine may use.
        trim: leave out the blank margins of pages.

    Raises:
        InputError: OpenVINO cannot run this network.
    """

    def __init__(
        self, network: ConvertedNetwork, *, imgsz: int, precision: str, threads: int, trim: bool = False
    ) -> None:
        openvino = import_openvino()
        self._spec, self._framing = network.spec, Framing(imgsz, network.spec.picture_stride, trim)
        self._core = openvino_core()
        # OpenVINO reads the weights in place, so they must stay.
        self._weights = np.frombuffer(network.content(".bin"), np.uint8)
        self._xml = network.content(".xml")
        self._tensor = openvino.Tensor(self._weights)
        floating = ("bf16" if has_matrix_bf16() else "fp32") if precision == "int8" else precision
        self._settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[floating],
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # the cores are shared with the processes that render
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_KERNELS,
        }
        self._usual = () if trim else usual_sizes(imgsz, network.spec.picture_stride)
        self._compiled: dict[SizeWH | None, Any] = {}
        self._local = threading.local()
        self._lock = threading.Lock()
        first = self._compiled_for(self._usual[0] if self._usual else None)
        lanes = int(first.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self.class_names, self.traits = network.spec.class_names, Traits("openvino", precision, lanes)

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`. The pages of one call are computed one after the other; several calls run at once."""
        return [self._detect(page, conf, iou) for page in pages]

    def _detect(self, page: ByteArray, conf: float, iou: float) -> Detections:
        fit = self._framing.of(page)
        request = self._request(fit.picture_wh)
        picture = page_to_picture(page, fit)[None]
        distances, logits = request.infer([picture], share_inputs=True, share_outputs=True).to_tuple()
        return raw_to_detections(Raw(distances[0], logits[0]), self._spec, fit, conf, iou)

    def _request(self, size_wh: SizeWH) -> Any:
        """The inference request of this thread for pictures of this size."""
        key = size_wh if size_wh in self._usual else None
        if not hasattr(self._local, "requests"):
            self._local.requests = {}
        requests: dict[SizeWH | None, Any] = self._local.requests
        if key not in requests:
            requests[key] = self._compiled_for(key).create_infer_request()
        return requests[key]

    def _compiled_for(self, size_wh: SizeWH | None) -> Any:
        with self._lock:
            if size_wh not in self._compiled:
                try:
                    model = self._core.read_model(self._xml, self._tensor)
                    if size_wh is not None:
                        model.reshape([1, size_wh[1], size_wh[0], 3])
                    self._compiled[size_wh] = self._core.compile_model(model, "CPU", self._settings)
                except RuntimeError as error:
                    reason = str(error).strip().splitlines()[-1]
                    remedy = "Export it again, or use the .pt file with --engine torch."
                    raise InputError(f"OpenVINO cannot run this network ({reason})", remedy) from error
            return self._compiled[size_wh]


def usual_sizes(imgsz: int, stride: int) -> tuple[SizeWH, ...]:
    """The sizes in px of the pictures that pages of usual paper make, upright and lying on their side."""
    sizes = []
    for aspect in _PAPERS:
        short = round(imgsz / aspect)
        for page_wh in ((short, imgsz), (imgsz, short)):
            sizes.append(fitted_letterbox(page_wh, imgsz, stride).picture_wh)
    return tuple(dict.fromkeys(sizes))
