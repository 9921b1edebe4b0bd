"""Whether OpenVINO computes a network faster in bf16 or in fp32 here: measured where features do not tell.

With AMX bf16 takes a fraction of the time. With AVX512-BF16 alone it depends: two cores of an Intel Xeon computed 4.0
pages/s in bf16 and 6.5 in fp32 (YOLO11s, A4 at 1024 px); two of an AMD Zen 4 were faster in bf16.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from docdetect.errors import InputError, OutputError
from docdetect.files import read_text, sha256_text, write_text
from docdetect.machine import BF16_GAIN, available_cores, least_seconds, processor_name
from docdetect.models.converted import ConvertedNetwork
from docdetect.models.openvino_engine import OpenVinoEngine
from docdetect.models.openvino_setup import import_openvino
from docdetect.models.ultralytics_setup import cache_folder

_PRECISIONS = ("fp32", "bf16")
_IMGSZ = 512  # px: a quarter of the time of a page in use
_PAGE_WH = 368, 512


def measured_precision(network: ConvertedNetwork, announce: Callable[[str], None]) -> str:
    """`bf16` where it takes less than `BF16_GAIN` of the time of fp32, else `fp32`.

    Measured once for a kind of network, processor and version of OpenVINO and kept in the cache folder, so that later
    runs neither wait nor choose differently.

    Args:
        network: in OpenVINO's format.
        announce: told when it is measured.

    Raises:
        InputError: OpenVINO cannot run this network.
    """
    kept = kept_choice(network)
    with contextlib.suppress(InputError):
        known = read_text(kept).strip()
        if known in _PRECISIONS:
            return known
    announce("measuring whether this processor is faster in bf16 or in fp32, once")
    seconds = {precision: seconds_per_page(network, precision) for precision in _PRECISIONS}
    choice = "bf16" if seconds["bf16"] < BF16_GAIN * seconds["fp32"] else "fp32"
    with contextlib.suppress(OutputError):  # then the next run measures again
        write_text(kept, choice + "\n")
    return choice


def seconds_per_page(network: ConvertedNetwork, precision: str) -> float:
    """Least of some seconds for one page of 512 px, on one of the engine's lanes. Raises InputError."""
    engine = OpenVinoEngine(network, imgsz=_IMGSZ, precision=precision, threads=available_cores())
    page = np.full((_PAGE_WH[1], _PAGE_WH[0], 3), 255, np.uint8)
    page[::16] = 0
    return least_seconds(lambda: engine.detect([page], 0.5, 0.7))


def kept_choice(network: ConvertedNetwork) -> Path:
    """Where the choice for networks of this form is kept, whatever their weights."""
    form = sha256_text(network.content(".xml").decode("utf-8", "replace"))
    key = f"{form} {import_openvino().get_version()} {processor_name()} {available_cores()}"
    return cache_folder() / "measured" / f"{sha256_text(key)[:32]}.txt"
