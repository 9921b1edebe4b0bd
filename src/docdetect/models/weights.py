"""Which file a name of weights means, and the size of the pictures that a network is given.

A name is a path, a run folder, the folder of an export, `last` for the newest training run, the name of bundled
weights, or, where a training starts, an architecture or a pretrained network by name. Where pages are looked at, it may
also be an ensemble of several networks, by path or by name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from docdetect.console import say_nothing
from docdetect.errors import ConfigError, InputError
from docdetect.files import as_argument, sha256_file, sha256_text
from docdetect.models.checkpoint import check_suffix, trained_imgsz
from docdetect.models.conversions import MANIFEST_NAME, converted_from, converted_imgsz
from docdetect.models.ensemble import ENSEMBLE_SUFFIX, Look, ensemble_name, is_ensemble, read_ensemble
from docdetect.models.ultralytics_setup import cache_folder, prepare_ultralytics

BUNDLED_FOLDER = Path(__file__).parents[1] / "weights"
"""The folder of the weights that come with the package."""
DEFAULT_NAME = "docdetect-s"
"""The bundled weights of the network that is used where a single one is meant and none is named."""
DEFAULT_ENSEMBLE = "docdetect-both"
"""The bundled ensemble that looks at pages where no weights are named."""
FAST_NAME = "docdetect-n"
"""The smaller bundled weights, for `infer --fast`."""
BUNDLED_NAMES = (DEFAULT_NAME, FAST_NAME)
"""All weights that are meant to come with the package; a build may lack some."""
DEFAULT_IMGSZ = 1024
"""px, for weights that do not tell the size that they were trained at: the size of docdetect's own recipes."""
_YAML = (".yaml", ".yml")
_EXPORTED = (".xml", ".bin", ".onnx", ".plan")


def bundled_weights() -> dict[str, Path]:
    """Name -> `.pt` file of the weights that come with the package."""
    return {path.stem: path for path in sorted(BUNDLED_FOLDER.glob("*.pt"))} if BUNDLED_FOLDER.is_dir() else {}


def bundled_ensembles() -> dict[str, Path]:
    """Name -> file of the ensembles that come with the package."""
    found = sorted(BUNDLED_FOLDER.glob(f"*{ENSEMBLE_SUFFIX}")) if BUNDLED_FOLDER.is_dir() else []
    return {ensemble_name(path): path for path in found}


def newest_run(runs: Path) -> Path | None:
    """The newest `<runs>/*/weights/best.pt`; None when there is none."""
    found = [path for path in runs.glob("*/weights/best.pt") if path.is_file()] if runs.is_dir() else []
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.as_posix()), default=None)


def resolve_weights(name: str, runs: Path) -> Path:
    """The weights file that a name means, where a network is run, exported or packed.

    Args:
        name: empty (`docdetect-s`, or the best weights of the newest training run where it is not bundled), `last`
            (the best weights of the newest training run), a path, a run folder, the folder of an export (the result is
            its manifest), or the name of bundled weights such as `docdetect-s`, or of a bundled ensemble.
        runs: folder of training runs.

    Raises:
        InputError: there is no such file, or by its name it is neither a checkpoint nor an export nor an ensemble.
    """
    bundled, ensembles = bundled_weights(), bundled_ensembles()
    if not name and DEFAULT_NAME in bundled:
        return bundled[DEFAULT_NAME]
    if name in ("", "last"):
        newest = newest_run(runs)
        if newest is None:
            none_came = "" if name else "none came with this docdetect, and "  # "last" does not mean bundled ones
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
        return _known_kind(path)
    if (path / "weights" / "best.pt").is_file():
        return path / "weights" / "best.pt"
    if name.removesuffix(".pt") in bundled:
        return bundled[name.removesuffix(".pt")]
    if name.removesuffix(ENSEMBLE_SUFFIX) in ensembles:
        return ensembles[name.removesuffix(ENSEMBLE_SUFFIX)]
    if name.removesuffix(".pt") in BUNDLED_NAMES:
        missing = name.removesuffix(".pt")
        raise InputError(
            f"{missing}: these weights did not come with this docdetect",
            f"Use others ({', '.join(bundled) or 'a .pt file'}), or add them from a file of weights with: docdetect "
            f"weights --pack FILE.pt --name {missing}",
        )
    known = f", the name of bundled weights ({', '.join([*bundled, *ensembles])})" if bundled else ""
    raise InputError(
        f"{name}: no such weights",
        f"Give a .pt file, the folder of a training run or of an export, last{known}, or nothing.",
    )


def _known_kind(file: Path) -> Path:
    """The file, which is refused here by its name before anything is loaded or converted. Raises InputError."""
    if not is_ensemble(file):
        check_suffix(file)
    return file


def resolve_for_pages(name: str, runs: Path) -> Path:
    """As `resolve_weights`, where pages are looked at: without a name the bundled ensemble, if it is whole.

    Raises:
        InputError: see `resolve_weights`.
    """
    ensemble = None if name else bundled_ensembles().get(DEFAULT_ENSEMBLE)
    if ensemble is not None and all(one.weights in bundled_weights() for one in read_ensemble(ensemble).looks):
        return ensemble
    return resolve_weights(name, runs)


def networks_in(weights: Path) -> tuple[tuple[Path, int], ...]:
    """The networks of weights, one, or for an ensemble those of its file in order: (weights, size of pictures in px).

    Raises:
        InputError: the file of an ensemble is damaged, or names weights that are not there, a file that is no weights,
            or another ensemble.
    """
    if not is_ensemble(weights):
        return ((weights, network_imgsz(weights)),)
    return tuple((_weights_of(look, weights), look.imgsz) for look in read_ensemble(weights).looks)


def _weights_of(look: Look, ensemble: Path) -> Path:
    name, named = look.weights.removesuffix(".pt"), None
    with contextlib.suppress(OSError):  # a name that no file can have
        for beside in (ensemble.parent / look.weights, ensemble.parent / f"{name}.pt"):
            if named is None and beside.exists():
                try:
                    named = resolve_weights(str(beside), Path())
                except InputError as error:  # a folder without weights hides no bundled ones
                    if beside.is_file():
                        raise InputError(f"{ensemble}: {error.message}", error.remedy) from error
    named = named or bundled_weights().get(name) or bundled_ensembles().get(name.removesuffix(ENSEMBLE_SUFFIX))
    if named is None or is_ensemble(named):
        reason = "no such weights" if named is None else "an ensemble in an ensemble"
        names, folder = ", ".join(bundled_weights()), ensemble.parent.absolute()
        raise InputError(
            f"{ensemble}: {look.weights}: {reason}",
            f"Name weights by a path relative to {folder}{f', or one of {names}' if names else ''}.",
        )
    return named


def content_hash(weights: Path) -> str:
    """64 hex digits that tell weights apart by their content, and ensembles by that of all their networks as well.

    Raises:
        InputError: a file cannot be read, or an ensemble names weights that are not there.
    """
    if not is_ensemble(weights):
        return sha256_file(weights)
    return sha256_text(" ".join([sha256_file(weights), *(sha256_file(network) for network, _ in networks_in(weights))]))


def is_same_network(weights: Path, other: Path) -> bool:
    """Whether two files of weights are one network: the same content, or exports of one checkpoint, in any precision.

    Raises:
        InputError: a file cannot be read, or the manifest of an exported network is damaged.
    """
    return _checkpoint_hash(weights) == _checkpoint_hash(other)


def _checkpoint_hash(weights: Path) -> str:
    """SHA-256 of a checkpoint, or of the one that an exported network was made from."""
    return (converted_from(weights) if weights.name == MANIFEST_NAME else "") or sha256_file(weights)


def require_single_network(weights: Path, what_for: str) -> Path:
    """The weights, where one network is needed.

    Args:
        weights: weights, or the file of an ensemble.
        what_for: what needs a single network, as the subject of a sentence.

    Raises:
        InputError: the weights are an ensemble.
    """
    if is_ensemble(weights):
        names = ", ".join(dict.fromkeys(look.weights for look in read_ensemble(weights).looks))
        raise InputError(f"{weights}: an ensemble of networks; {what_for} takes one network", f"Name one of: {names}.")
    return weights


def require_own_weights(weights: Path) -> Path:
    """The weights, where files are written beside them that change what `infer` makes of what they find.

    Raises:
        InputError: the weights come with docdetect, so that the files would hold for everybody who uses this
            installation.
    """
    if weights.resolve().parent == BUNDLED_FOLDER.resolve():
        raise InputError(
            f"{weights.name}: comes with docdetect, and thresholds and a calibration beside it would hold for "
            "everybody who uses this installation",
            f"Copy {as_argument(weights)} into a folder of your own, and name the copy here and in infer.",
        )
    return weights


def network_imgsz(weights: Path, wanted: int | None = None) -> int:
    """The long side, in px, of the pictures that a network is given: the one place that decides it.

    It is what the user asks for, else what belongs to the weights: the size that an export was made for, or the size
    that a checkpoint's training recorded; `DEFAULT_IMGSZ` where the weights tell none. It is a multiple of 32.

    Args:
        weights: a `.pt` file, the manifest of an exported network, or an ensemble, whose size is its largest.
        wanted: the size that the user asks for; None for the weights' own.

    Raises:
        InputError: the manifest of an exported network, or the file of an ensemble, is damaged.
        ConfigError: a size is asked for, and an ensemble says its sizes itself.
    """
    if is_ensemble(weights):
        own = read_ensemble(weights).imgsz
        if wanted not in (None, own):
            raise ConfigError(
                f"imgsz: {weights.name} is an ensemble, whose networks have their own sizes",
                f"Leave imgsz out, or name one network, for example --weights {DEFAULT_NAME}.",
            )
        return own
    if wanted is not None:
        return wanted
    own = converted_imgsz(weights) if weights.name == MANIFEST_NAME else trained_imgsz(weights)
    return own or DEFAULT_IMGSZ


def resolve_model(name: str, *, announce: Callable[[str], None] = say_nothing) -> Path:
    """The file that a training starts from: a checkpoint (`.pt`) or an architecture (`.yaml`).

    Args:
        name: the path of a checkpoint or of an architecture, a run folder, the name of bundled weights, an architecture
            that Ultralytics knows (`yolo11n.yaml`), or a pretrained network of Ultralytics by name (`yolo11s.pt`),
            which is downloaded once into docdetect's cache folder; docdetect never downloads anything else.
        announce: told before a download starts.

    Raises:
        InputError: there is no such model, it is an ensemble, or it cannot be downloaded here.
    """
    path = Path(name)
    if path.is_file():
        return require_single_network(path, "a training")
    if (path / "weights" / "best.pt").is_file():
        return path / "weights" / "best.pt"
    bundled = bundled_weights()
    if name.removesuffix(".pt") in bundled:
        return bundled[name.removesuffix(".pt")]
    ensembles = bundled_ensembles()
    if name.removesuffix(ENSEMBLE_SUFFIX) in ensembles:
        return require_single_network(ensembles[name.removesuffix(ENSEMBLE_SUFFIX)], "a training")
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
            f"{name}: no such model: no file, no bundled weights, and no pretrained network of that name",
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
