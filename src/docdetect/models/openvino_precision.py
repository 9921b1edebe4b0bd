"""The precision in which OpenVINO is fastest here: as the processor's features tell, else measured.

Two cores of an Intel Xeon with AVX512-VNNI and AVX512-BF16 and without AMX computed 15.1 pages/s in int8, 6.8 in fp32
and 4.1 in bf16 (YOLO11s, A4 at 1024 px); two of an AMD Zen 4 were faster in bf16 than in fp32. With AMX bf16 takes a
fraction of the time of fp32, and which of bf16 and int8 is faster is measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from docdetect.errors import ConfigError, InputError, OutputError
from docdetect.files import read_text, sha256_text, write_text
from docdetect.machine import GAIN, available_cores, has_matrix_bf16, has_native_int8, least_seconds, processor_name
from docdetect.models.converted import ConvertedNetwork
from docdetect.models.int8_form import read_int8
from docdetect.models.openvino_engine import OpenVinoEngine
from docdetect.models.openvino_setup import import_openvino
from docdetect.models.ultralytics_setup import cache_folder

_IMGSZ = 512  # px: a quarter of the time of a page in use
_PAGE_WH = 368, 512


def networks_of(
    weights: Path,
    wanted: str,
    known: tuple[str, ...],
    convert: Callable[[], ConvertedNetwork],
    announce: Callable[[str], None],
) -> dict[str, ConvertedNetwork]:
    """Precision -> network of those among which the fastest one is run, the finest first.

    Args:
        weights: a `.pt` file.
        wanted: fp32, bf16, int8, or auto: int8 too, where the weights have that form and the processor the arithmetic.
        known: without that form, the precisions that may be the fastest here.
        convert: makes the fp32 network of the weights, or takes it from the cache.
        announce: told why an int8 form is not used.

    Raises:
        InputError: the weights cannot be used.
        ConfigError: int8 is wanted, and the weights have no such form.
    """
    int8 = read_int8(weights, announce) if wanted in ("auto", "int8") and has_native_int8() else None
    if wanted == "int8" and int8 is None:
        raise ConfigError(
            f"precision: {weights} has no int8 form",
            "Make one: docdetect export --precision int8 --calibration PAGES --output FOLDER; infer --weights FOLDER.",
        )
    if int8 is not None and (wanted == "int8" or not has_matrix_bf16()):
        return {"int8": int8}
    networks = dict.fromkeys(known, convert())
    return networks if int8 is None else {**networks, "int8": int8}


def fastest(networks: Mapping[str, ConvertedNetwork], announce: Callable[[str], None]) -> str:
    """The fastest precision; a coarser one only where it takes less than `GAIN` of the time of the finer.

    It is measured once for kinds of networks, processor and version of OpenVINO and kept in the cache folder, so that
    later runs neither wait nor choose differently.

    Args:
        networks: precision -> network in OpenVINO's format, at least one, the finest first.
        announce: told when it is measured.

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
    with contextlib.suppress(OutputError):  # then the next run measures again
        write_text(kept, choice + "\n")
    return choice


def seconds_per_page(network: ConvertedNetwork, precision: str) -> float:
    """Least of some seconds for one page of 512 px, on one of the engine's lanes. Raises InputError."""
    engine = OpenVinoEngine(network, imgsz=_IMGSZ, precision=precision, threads=available_cores())
    page = np.full((_PAGE_WH[1], _PAGE_WH[0], 3), 255, np.uint8)
    page[::16] = 0
    return least_seconds(lambda: engine.detect([page], 0.5, 0.7))


def kept_choice(networks: Mapping[str, ConvertedNetwork]) -> Path:
    """Where the choice for networks of these forms is kept, whatever their weights."""
    texts = (network.content(".xml").decode("utf-8", "replace") for network in networks.values())
    forms = " ".join(sha256_text(text) for text in texts)
    key = f"{' '.join(networks)} {forms} {import_openvino().get_version()} {processor_name()} {available_cores()}"
    return cache_folder() / "measured" / f"{sha256_text(key)[:32]}.txt"
