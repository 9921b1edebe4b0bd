"""Which networks look at pages: the one that finds marks, and a smaller one that may look first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from docdetect.errors import ConfigError
from docdetect.files import sha256_file
from docdetect.models.conversions import int8_path
from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine
from docdetect.models.weights import DEFAULT_IMGSZ, network_imgsz, resolve_weights

EngineName: TypeAlias = Literal["auto", "openvino", "onnx", "torch", "tensorrt"]
Precision: TypeAlias = Literal["auto", "fp32", "bf16", "fp16", "int8"]


@dataclass(frozen=True)
class WantedNetworks:
    """Which networks a Detector is to have, and how they run; for the attributes see `Detector`."""

    weights: str
    screen: str
    runs: Path
    imgsz: int | None
    engine: EngineName | Engine
    precision: Precision
    device: str
    trim: bool


@dataclass(frozen=True)
class WeightsFiles:
    """The files of weights that are to be loaded.

    Attributes:
        weights: of the network that finds marks.
        screen: of a smaller network that looks at every page first; None for no such network.
    """

    weights: Path
    screen: Path | None = None


@dataclass(frozen=True)
class Networks:
    """Networks that are loaded.

    Attributes:
        engine: runs the network that finds marks.
        imgsz: px, long side of the pictures that this network sees.
        weights: its weights; None for an engine that came from outside.
        weights_sha256: content hash of the weights; "" without them.
        int8_sha256: content hash of the int8 form, where that is what runs; "" elsewhere.
        screen: runs the smaller network that looks at every page first; None for no such network.
        screen_sha256: content hash of its weights; "" without them.
    """

    engine: Engine
    imgsz: int
    weights: Path | None = None
    weights_sha256: str = ""
    int8_sha256: str = ""
    screen: Engine | None = None
    screen_sha256: str = ""


def find_weights(weights: str, screen: str, runs: Path) -> WeightsFiles:
    """The files that names of weights mean; nothing is loaded or converted yet.

    Args:
        weights: name of the weights, see `resolve_weights`.
        screen: name of the weights of the smaller network; "" for none.
        runs: folder of training runs.

    Raises:
        InputError: there are no such weights.
        ConfigError: both names mean the same network.
    """
    found = WeightsFiles(resolve_weights(weights, runs), resolve_weights(screen, runs) if screen else None)
    if found.screen is not None and sha256_file(found.screen) == sha256_file(found.weights):
        raise ConfigError(f"screen: {screen} is the network itself", "Name the weights of a smaller network.")
    return found


def load_networks(wanted: WantedNetworks, announce: Callable[[str], None]) -> Networks:
    """Loads the networks of a Detector.

    Args:
        wanted: which ones, and how they run.
        announce: told when something takes a while once, such as the conversion of weights.

    Raises:
        InputError: weights are missing, damaged, or no detection network.
        ConfigError: engine, precision and device do not go together, or both networks are the same.
        MissingDependencyError: the engine's package is not installed.
    """
    if not isinstance(wanted.engine, str):
        found = Networks(wanted.engine, wanted.imgsz or DEFAULT_IMGSZ)
        screen = resolve_weights(wanted.screen, wanted.runs) if wanted.screen else None
    else:
        files = find_weights(wanted.weights, wanted.screen, wanted.runs)
        size = network_imgsz(files.weights, wanted.imgsz)
        engine = _loaded(files.weights, size, wanted, wanted.precision, announce)
        form = int8_path(files.weights)
        runs_form = engine.traits.precision == "int8" and form.is_file()
        int8_sha256 = sha256_file(form) if runs_form else ""
        found = Networks(engine, size, files.weights, sha256_file(files.weights), int8_sha256)
        screen = files.screen
    if screen is None:
        return found
    # The smaller network may have no int8 form.
    precision: Precision = "auto" if wanted.precision == "int8" else wanted.precision
    first = _loaded(screen, network_imgsz(screen), wanted, precision, announce)
    return replace(found, screen=first, screen_sha256=sha256_file(screen))


def _loaded(
    weights: Path, imgsz: int, wanted: WantedNetworks, precision: Precision, announce: Callable[[str], None]
) -> Engine:
    return load_engine(
        weights,
        imgsz=imgsz,
        device=wanted.device,
        engine=wanted.engine if isinstance(wanted.engine, str) else "auto",
        precision=precision,
        trim=wanted.trim,
        announce=announce,
    )
