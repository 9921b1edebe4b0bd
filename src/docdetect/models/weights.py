"""Which weights: those in the box, those of a run, a path, a model's YAML, or pretrained ones by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docdetect.errors import InputError
from docdetect.models.checkpoint import trained_imgsz
from docdetect.models.conversions import MANIFEST_NAME, read_converted
from docdetect.models.ultralytics_setup import cache_folder, prepare_ultralytics

BUNDLED_FOLDER = Path(__file__).parents[1] / "weights"
DEFAULT_NAME = "docdetect-s"
DEFAULT_IMGSZ = 1024
"""px, for weights that do not tell the size they were trained at: that of docdetect's own recipes."""
_YAML = (".yaml", ".yml")
_EXPORTED = (".xml", ".bin", ".onnx", ".plan")


def no_announcement(text: str) -> None:
    """Says nothing."""


def bundled_weights() -> dict[str, Path]:
    """Name -> file of the weights that came with docdetect."""
    return {path.stem: path for path in sorted(BUNDLED_FOLDER.glob("*.pt"))} if BUNDLED_FOLDER.is_dir() else {}


def newest_run(runs: Path) -> Path | None:
    """The newest `<runs>/*/weights/best.pt`; None when there is none."""
    found = [path for path in runs.glob("*/weights/best.pt") if path.is_file()] if runs.is_dir() else []
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.as_posix()), default=None)


def resolve_weights(name: str, runs: Path) -> Path:
    """The weights file that `name` means when marks are to be found or a model is judged.

    Args:
        name: empty (the weights in the box, else the newest run's best), `last` (the newest run's best), a path, a
            run folder, the folder of an export (its manifest is the answer), or the name of weights in the box such as
            `docdetect-s`.
        runs: folder of training runs.

    Raises:
        InputError: there is no such file.
    """
    box = bundled_weights()
    if not name and DEFAULT_NAME in box:
        return box[DEFAULT_NAME]
    if name in ("", "last"):
        newest = newest_run(runs)
        if newest is None:
            none_came = "" if name else "none came with this docdetect, and "
            raise InputError(
                f"no weights: {none_came}{runs} holds no training run with weights",
                "Train some with docdetect train, or give a file with --weights.",
            )
        return newest
    path = Path(name)
    manifest = (path.parent if path.suffix in _EXPORTED else path) / MANIFEST_NAME
    if manifest.is_file():
        return manifest
    if path.is_file():
        return path
    if (path / "weights" / "best.pt").is_file():
        return path / "weights" / "best.pt"
    if name.removesuffix(".pt") in box:
        return box[name.removesuffix(".pt")]
    known = f", a name in the box ({', '.join(box)})" if box else ""
    raise InputError(
        f"{name}: no such weights",
        f"Give a .pt file, the folder of a training run or an export, last{known}, or nothing.",
    )


def network_imgsz(weights: Path, wanted: int | None = None) -> int:
    """The long side, in px, of the pictures that a network is given: the one place that decides it.

    It is what the user asks for, else what belongs to the weights: the size that an export was made for, or the size
    that a checkpoint's training recorded; `DEFAULT_IMGSZ` where the weights tell none. It is a multiple of 32.

    Args:
        weights: a `.pt` file, or the manifest of an exported network.
        wanted: the size that the user asks for; None for the weights' own.

    Raises:
        InputError: an exported network is damaged.
    """
    if wanted is not None:
        return wanted
    if weights.name == MANIFEST_NAME:
        return read_converted(weights).imgsz or DEFAULT_IMGSZ
    return trained_imgsz(weights) or DEFAULT_IMGSZ


def resolve_model(name: str, *, announce: Callable[[str], None] = no_announcement) -> Path:
    """The file that a training starts from: a checkpoint (`.pt`) or an architecture (`.yaml`).

    Args:
        name: a path to either, a run folder, weights in the box, an architecture that Ultralytics knows
            (`yolo11n.yaml`), or one of its pretrained networks by name (`yolo11s.pt`), which is downloaded once into
            docdetect's cache folder: the only thing that docdetect ever downloads.
        announce: told before a download starts.

    Raises:
        InputError: there is no such model, or it cannot be downloaded here.
    """
    path = Path(name)
    if path.is_file():
        return path
    if (path / "weights" / "best.pt").is_file():
        return path / "weights" / "best.pt"
    box = bundled_weights()
    if name.removesuffix(".pt") in box:
        return box[name.removesuffix(".pt")]
    if path.name != name:
        raise InputError(f"{name}: no such model file", "Check the path.")
    if path.suffix.lower() in _YAML:
        return _architecture(name)
    return _pretrained(name if path.suffix else f"{name}.pt", announce)


def _architecture(name: str) -> Path:
    prepare_ultralytics()
    from ultralytics.nn.tasks import yaml_model_load
    from ultralytics.utils import ROOT

    try:
        yaml_model_load(name)
    except (FileNotFoundError, OSError) as error:
        known = sorted(path.name for path in (ROOT / "cfg" / "models" / "11").glob("yolo11.yaml"))
        raise InputError(
            f"{name}: no such architecture, neither here nor in Ultralytics",
            f"Give a path, or a name such as yolo11n.yaml or yolo11s.yaml (scales of {', '.join(known)}).",
        ) from error
    return Path(name)


def _pretrained(name: str, announce: Callable[[str], None]) -> Path:
    prepare_ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset

    if name not in GITHUB_ASSETS_NAMES:
        raise InputError(
            f"{name}: no such model: no file, not in the box, and no pretrained network of that name",
            "Give a .pt file, or a name such as docdetect-s, yolo11s.pt or yolo11s.yaml.",
        )
    target = cache_folder() / "weights" / name
    if target.is_file():
        return target
    announce(f"downloading {name} from Ultralytics' releases into {target.parent} (once)")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        attempt_download_asset(str(target), progress=False)
    except (OSError, MemoryError) as error:  # ConnectionError and the errors of requests are OSErrors
        raise InputError(
            f"{name}: the pretrained weights are not on this machine and cannot be downloaded here",
            f"Either download {name} elsewhere and give its path with --model; or train without it: --model "
            f"{DEFAULT_NAME} where that came with docdetect, else --model {Path(name).stem}.yaml (from scratch); or "
            "run this once where there is a network.",
        ) from error
    if not target.is_file():
        raise InputError(f"{name}: the download left no file", "Download it by hand and give its path with --model.")
    return target
