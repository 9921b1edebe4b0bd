"""The precision in which OpenVINO computes a network fastest on this processor.

The precision follows from the features of the processor, or is measured where they do not tell. Two cores of an Intel
Xeon with AVX512-VNNI and AVX512-BF16 and without AMX computed 15.1 pages/s in int8, 6.8 in fp32 and 4.1 in bf16
(YOLO11s, A4 at 1024 px); two cores of an AMD Zen 4 were faster in bf16 than in fp32. With AMX, bf16 takes a fraction of
the time of fp32, and which of bf16 and int8 is faster is measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from docdetect.errors import ConfigError, InputError, MissingDependencyError, OutputError
from docdetect.files import read_text, sha256_text, write_text
from docdetect.machine import (
    GAIN,
    available_cores,
    has_matrix_bf16,
    has_native_int8,
    has_short_int8,
    least_seconds,
    processor_name,
)
from docdetect.models.conversions import INT8_FORM, ConvertedNetwork, read_form
from docdetect.models.engines.openvino import OpenVinoEngine, import_openvino
from docdetect.models.ultralytics_setup import cache_folder

# Px of the page that precisions are measured on: it takes a quarter of the time of a page at 1024 px.
_MEASURED_IMGSZ = 512
_MEASURED_PAGE_WH = 368, 512


def networks_of(
    weights: Path,
    wanted: str,
    known: tuple[str, ...],
    convert: Callable[[], ConvertedNetwork],
    announce: Callable[[str], None],
) -> dict[str, ConvertedNetwork]:
    """Precision -> network, for the precisions that may be the fastest here, the finest precision first.

    Args:
        weights: a `.pt` file.
        wanted: fp32, bf16, int8, or auto. With auto, int8 is among the precisions where the weights have an int8 form
            and the processor has the arithmetic.
        known: the precisions that may be the fastest here without an int8 form.
        convert: gives the network of the weights that is not quantised.
        announce: told why an int8 form is not used.

    Raises:
        InputError: the weights cannot be used.
        ConfigError: int8 is wanted, and the weights have no such form.
    """
    int8 = read_form(weights, INT8_FORM, announce) if wanted in ("auto", "int8") else None
    if int8 is not None and not runs_int8(int8):
        if wanted == "int8":
            raise ConfigError(
                f"precision: the int8 form of {weights} was made for processors with VNNI or AMX, where sums of 8-bit "
                "products cannot overflow",
                "Use --precision auto, or make the form again with this version of docdetect.",
            )
        int8 = None
    if wanted == "int8" and int8 is None:
        raise ConfigError(
            f"precision: {weights} has no int8 form",
            "Make one: docdetect export --precision int8 --calibration PAGES --output FOLDER; infer --weights FOLDER.",
        )
    if int8 is not None and (wanted == "int8" or not has_matrix_bf16()):
        return {"int8": int8}
    try:
        networks = dict.fromkeys(known, convert())
    except MissingDependencyError:
        if int8 is None:
            raise
        return {"int8": int8}  # a network that comes in int8 alone, where nothing can convert it
    return networks if int8 is None else {**networks, "int8": int8}


def runs_int8(network: ConvertedNetwork) -> bool:
    """Whether this processor computes an int8 network fast and without sums that overflow."""
    return has_native_int8() or (network.half_range and has_short_int8())


def fastest(networks: Mapping[str, ConvertedNetwork], announce: Callable[[str], None]) -> str:
    """The fastest precision. A coarser one is chosen only where it takes less than `GAIN` of the time of a finer one.

    The choice is measured once for each kind of network, processor and version of OpenVINO. It is kept in the cache
    folder, so that later runs neither wait nor choose differently.

    Args:
        networks: precision -> network in OpenVINO's format, at least one, the finest precision first.
        announce: told when precisions are measured.

    Raises:
        InputError: OpenVINO cannot run a network.
    """
    choice, *coarser = networks
    if not coarser:
        return choice
    kept = kept_choice(networks)
    with contextlib.suppress(InputError):
        known = read_text(kept).strip()
        if known in networks:
            return known
    announce(f"measuring whether this processor is faster in {' or in '.join(networks)}, once")
    seconds = {precision: seconds_per_page(network, precision) for precision, network in networks.items()}
    for precision in coarser:
        if seconds[precision] < GAIN * seconds[choice]:
            choice = precision
    with contextlib.suppress(OutputError):  # without a kept choice the next run measures again
        write_text(kept, choice + "\n")
    return choice


def seconds_per_page(network: ConvertedNetwork, precision: str) -> float:
    """The shortest of several measurements of one page of 512 px, in s, on one lane. Raises InputError."""
    engine = OpenVinoEngine(network, imgsz=_MEASURED_IMGSZ, precision=precision, threads=available_cores())
    page = np.full((_MEASURED_PAGE_WH[1], _MEASURED_PAGE_WH[0], 3), 255, np.uint8)
    page[::16] = 0
    return least_seconds(lambda: engine.detect([page], 0.5, 0.7))


def kept_choice(networks: Mapping[str, ConvertedNetwork]) -> Path:
    """Where the choice for networks of this structure is kept, whatever their weights are."""
    texts = (network.content(".xml").decode("utf-8", "replace") for network in networks.values())
    forms = " ".join(sha256_text(text) for text in texts)
    key = f"{' '.join(networks)} {forms} {import_openvino().get_version()} {processor_name()} {available_cores()}"
    return cache_folder() / "measured" / f"{sha256_text(key)[:32]}.txt"
