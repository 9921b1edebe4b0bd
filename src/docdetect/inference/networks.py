"""Which networks look at pages: the one that finds marks, and a smaller one that may look first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from docdetect.errors import ConfigError
from docdetect.files import sha256_file, sha256_text
from docdetect.models.conversions import int8_path
from docdetect.models.engines.base import Engine
from docdetect.models.engines.select import load_engine
from docdetect.models.ensemble import is_ensemble, read_ensemble
from docdetect.models.weights import (
    DEFAULT_IMGSZ,
    DEFAULT_NAME,
    content_hash,
    is_same_network,
    network_imgsz,
    networks_in,
    require_single_network,
    resolve_for_pages,
    resolve_weights,
)

EngineName: TypeAlias = Literal["auto", "openvino", "onnx", "torch", "tensorrt"]
Precision: TypeAlias = Literal["auto", "fp32", "bf16", "fp16", "int8"]


@dataclass(frozen=True)
class WantedNetworks:
    """Which networks a Detector is to have, and how they run; for the attributes see `Detector`.

    `alone` is whether a single network is meant where no weights are named, and not the bundled ensemble.
    """

    weights: str
    screen: str
    runs: Path
    imgsz: int | None
    engine: EngineName | Engine
    precision: Precision
    device: str
    trim: bool
    alone: bool = False


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
        weights_sha256: content hash of the weights, for an ensemble of all its networks; "" without them.
        int8_sha256: content hash of the int8 form, where that is what runs, for an ensemble of all forms that do; ""
            elsewhere.
        ensemble: the networks of an ensemble and their sizes, such as `docdetect-n@640`; empty for a single network.
        second_look: all networks of an ensemble but the first look only at pages where something was unsure.
        screen: runs the smaller network that looks at every page first; None for no such network.
        screen_sha256: content hash of its weights; "" without them.
    """

    engine: Engine
    imgsz: int
    weights: Path | None = None
    weights_sha256: str = ""
    int8_sha256: str = ""
    ensemble: tuple[str, ...] = ()
    second_look: bool = False
    screen: Engine | None = None
    screen_sha256: str = ""


def find_weights(weights: str, screen: str, runs: Path, *, alone: bool) -> WeightsFiles:
    """The files that names of weights mean; nothing is loaded or converted yet.

    Args:
        weights: name of the weights, see `resolve_weights`.
        screen: name of the weights of the smaller network; "" for none.
        runs: folder of training runs.
        alone: a single network is meant where no weights are named, and not the bundled ensemble.

    Raises:
        InputError: there are no such weights, an ensemble names some that are not there, or an ensemble is to look
            first.
        ConfigError: both names mean the same network, be it as a checkpoint or exported.
    """
    resolve = resolve_weights if alone else resolve_for_pages
    found = WeightsFiles(resolve(weights, runs), _screen(screen, runs))
    if is_ensemble(found.weights):
        networks_in(found.weights)  # says which network is missing
    if found.screen is not None and is_same_network(found.screen, found.weights):
        raise ConfigError(
            f"screen: {screen} is the network itself",
            "Name the weights of a smaller network, or let this one see pages at a smaller size first, for example "
            "with --scales 640 --second-look.",
        )
    return found


def refuse_sizes_for_ensemble(
    weights: Path, *, imgsz: int | None = None, scales: Sequence[int] = (), second_look: bool = False
) -> None:
    """Raises ConfigError where weights are an ensemble and a setting says at which sizes one network sees pages.

    Args:
        weights: the weights.
        imgsz, scales, second_look: the settings, see `Detector`.
    """
    if not is_ensemble(weights):
        return
    network_imgsz(weights, imgsz)
    for key, given, reason in (
        ("scales", bool(scales), "whose networks have their own sizes"),
        ("second_look", second_look, "which says itself when its networks look"),
    ):
        if given:
            raise ConfigError(
                f"{key}: {weights.name} is an ensemble, {reason}",
                f"Leave {key} out, or name one network, for example --weights {DEFAULT_NAME}.",
            )


def _screen(name: str, runs: Path) -> Path | None:
    """The weights of the smaller network; None where none is named. Raises InputError, also for an ensemble."""
    return require_single_network(resolve_weights(name, runs), "screen") if name else None


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
        screen = _screen(wanted.screen, wanted.runs)
    else:
        files = find_weights(wanted.weights, wanted.screen, wanted.runs, alone=wanted.alone)
        size = network_imgsz(files.weights, wanted.imgsz)
        engine = _loaded(files.weights, size, wanted, wanted.precision, announce)
        int8_sha256 = _int8_hash(files.weights) if "int8" in engine.traits.precision else ""
        found = Networks(engine, size, files.weights, content_hash(files.weights), int8_sha256)
        if is_ensemble(files.weights):
            looks = tuple(f"{network.stem}@{px}" for network, px in networks_in(files.weights))
            found = replace(found, ensemble=looks, second_look=read_ensemble(files.weights).second_look)
        screen = files.screen
    if screen is None:
        return found
    # The smaller network may have no int8 form.
    precision: Precision = "auto" if wanted.precision == "int8" else wanted.precision
    first = _loaded(screen, network_imgsz(screen), wanted, precision, announce)
    return replace(found, screen=first, screen_sha256=sha256_file(screen))


def _int8_hash(weights: Path) -> str:
    """A hash of the int8 form of weights, or of those of all networks of an ensemble; "" where there is none."""
    networks = dict.fromkeys(network for network, _ in networks_in(weights))
    forms = [sha256_file(int8_path(network)) for network in networks if int8_path(network).is_file()]
    return forms[0] if len(forms) == 1 else sha256_text(" ".join(forms)) if forms else ""


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
