"""Checkpoints (`.pt` files): the network that a checkpoint holds, and what its training recorded in it.

No code of a checkpoint is ever run: a hostile file is refused.
"""

from __future__ import annotations

import io
import lzma
import pickle
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docdetect.errors import InputError
from docdetect.machine import require_extra
from docdetect.models.ultralytics_setup import prepare_ultralytics

if TYPE_CHECKING:
    import torch

_DAMAGED = (
    *(OSError, StopIteration, EOFError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError),
    *(ValueError, MemoryError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, pickle.UnpicklingError),
)
"""What reading a damaged pickle in a damaged ZIP archive raises."""
_RETRY = "Give a .pt file that docdetect train or Ultralytics wrote."


def load_network(weights: Path) -> torch.nn.Module:
    """The detection network of a checkpoint: fp32, in eval mode, on the CPU; no code of the file is run.

    Half-precision files come out as fp32. `.names` is a dict of id -> class name without gaps.

    Raises:
        InputError: missing, damaged, hostile, no detection model, or with weights that are not finite.
        MissingDependencyError: PyTorch or Ultralytics is not installed.
    """
    if not weights.is_file():
        raise InputError(f"{weights}: no such weights file", _RETRY)
    check_suffix(weights)
    require_checkpoints(weights)
    network = _unpickled(weights)
    _check(network, weights)
    return network


def check_suffix(weights: Path) -> None:
    """Raises InputError where a file cannot be a checkpoint by its name; the file is not read."""
    if weights.suffix.lower() != ".pt":
        raise InputError(
            f"{weights}: {weights.suffix or 'no suffix'} is not a kind of weights known here",
            f"{_RETRY} The file of an ensemble is JSON, and its name ends in .ensemble.json.",
        )


def read_train_args(weights: Path) -> dict[str, Any]:
    """The arguments of the training that wrote a checkpoint, such as `imgsz`; empty where the file tells none.

    Neither PyTorch nor Ultralytics is imported, and no code of the file is run: every object that is not plain data is
    read as a placeholder. A file that cannot be read gives no arguments; `load_network` says what is wrong with it.
    """
    try:
        with zipfile.ZipFile(weights) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            content = _PlainUnpickler(io.BytesIO(archive.read(name))).load()
    except _DAMAGED:
        return {}
    arguments = content.get("train_args") if isinstance(content, dict) else None
    return {str(key): value for key, value in arguments.items()} if isinstance(arguments, dict) else {}


def trained_imgsz(weights: Path) -> int:
    """The long side in px of the pictures that a checkpoint was trained on, up to a multiple of 32; 0 if not told."""
    sides = read_train_args(weights).get("imgsz")
    numbers = [side for side in (sides if isinstance(sides, list) else [sides]) if isinstance(side, int) and side > 0]
    return -(-max(numbers, default=0) // 32) * 32


class _Placeholder:
    """Stands for an object of any class in a pickle; it takes what the pickle gives it and keeps nothing."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def __call__(self, *arguments: object, **named: object) -> _Placeholder:
        return self

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        pass

    def extend(self, items: object) -> None:
        pass


class _PlainUnpickler(pickle.Unpickler):
    """Reads dictionaries, lists, numbers and texts of a pickle, and placeholders for everything else."""

    def find_class(self, module: str, name: str) -> Any:
        return OrderedDict if (module, name) == ("collections", "OrderedDict") else _Placeholder

    def persistent_load(self, identifier: object) -> object:
        return None


def require_checkpoints(weights: Path) -> None:
    """Makes sure that checkpoints can be loaded here. Raises MissingDependencyError: a package is not installed."""
    way = "or run docdetect export where they are installed, and give the exported folder as the weights"
    modules = ("torch", "torchvision", "ultralytics")
    require_extra("train", f"{weights}: loading a checkpoint", modules=modules, otherwise=way)


def check_architecture(file: Path, class_count: int) -> None:
    """Builds the untrained network of a model YAML once, to see that it can be.

    Raises:
        InputError: it cannot; the message has the reason.
    """
    prepare_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    try:
        network = DetectionModel(str(file), nc=class_count, verbose=False)
    except Exception as error:  # a wrong layer list fails wherever it happens to, inside Ultralytics and PyTorch
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{file}: not an architecture that can be built ({type(error).__name__}: {reason})",
            "Compare it with the YAML files that come with Ultralytics, such as yolo11s.yaml.",
        ) from error
    _check_head(network, file)


def _unpickled(weights: Path) -> torch.nn.Module:
    prepare_ultralytics()
    import torch
    from ultralytics.nn.tasks import load_checkpoint

    if not hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint"):
        raise InputError(
            f"{weights}: PyTorch {torch.__version__} cannot load checkpoints safely", "Install PyTorch 2.6 or newer."
        )
    _refuse_foreign_globals(weights)
    try:
        network, _ = load_checkpoint(str(weights))
    except OSError as error:
        raise InputError(f"{weights}: cannot be read ({error.strerror or error})", "Check its permissions.") from error
    except Exception as error:  # damaged and hostile bytes fail wherever it happens to, inside PyTorch
        reason = str(error).splitlines()[0].replace("ERROR ❌️ ", "") if str(error) else type(error).__name__
        raise InputError(f"{weights}: not a checkpoint of a detection model ({reason})", _RETRY) from error
    assert isinstance(network, torch.nn.Module)
    return network


def _refuse_foreign_globals(weights: Path) -> None:
    """A clear word on pickles that want more than a network needs; the loader refuses them too, but vaguely."""
    import torch

    if not zipfile.is_zipfile(weights):
        return  # an old or foreign format: the restricted loader says what it makes of it
    try:
        wanted = torch.serialization.get_unsafe_globals_in_checkpoint(str(weights))
    except (RuntimeError, ValueError, KeyError, EOFError, AttributeError, IndexError) as error:
        raise InputError(f"{weights}: damaged, or not a checkpoint ({error})", _RETRY) from error
    allowed = ("torch.", "torchvision.transforms.", "ultralytics.", "numpy.", "collections.", "pathlib.")
    foreign = sorted(name for name in wanted if not name.startswith(allowed) and name != "builtins.getattr")
    if foreign:
        raise InputError(
            f"{weights}: refused, the file wants to run code that no network needs ({', '.join(foreign[:5])})",
            "Use weights from a source that you trust; docdetect never runs code from a weights file.",
        )


def _check(network: torch.nn.Module, weights: Path) -> None:
    import torch

    _check_head(network, weights)
    names = getattr(network, "names", None)
    if not isinstance(names, dict) or sorted(names) != list(range(len(names))) or not names:
        raise InputError(f"{weights}: the class names in it are damaged", _RETRY)
    if not all(bool(torch.isfinite(value).all()) for value in network.state_dict().values()):
        raise InputError(f"{weights}: holds weights that are not numbers", "Its training diverged: use an earlier one.")


def _check_head(network: torch.nn.Module, origin: Path) -> None:
    from ultralytics.nn.modules import Detect
    from ultralytics.nn.tasks import DetectionModel

    if not isinstance(network, DetectionModel) or type(network.model[-1]) is not Detect:
        raise InputError(f"{origin}: a {type(network).__name__}, not a YOLO detection model", _RETRY)
