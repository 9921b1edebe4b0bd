"""The one place that prepares Ultralytics: offline, quiet, without analytics, installing and downloading nothing.

Ultralytics reads its environment once, when it is imported, so `tame_environment` runs when `docdetect.models` or
`docdetect.training` is imported; it needs nothing but the standard library. `prepare_ultralytics` does the rest just
before Ultralytics is used, and needs the extra `train`.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from docdetect.machine import require_extra

_ENVIRONMENT = {
    "YOLO_OFFLINE": "true",  # no look-ups of releases, no "new version" calls
    "YOLO_AUTOINSTALL": "false",  # no pip at run time
    "YOLO_VERBOSE": "false",  # its progress bars go to stdout, which belongs to --json
    "ULTRALYTICS_SAFE_LOAD": "true",  # checkpoints may hold known classes only, and model YAMLs are not eval'ed
    "NO_ALBUMENTATIONS_UPDATE": "1",
}
_SETTINGS_OFF = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb", "vscode_msg")
# Ultralytics downloads these fonts when it does not find them in the folder of its settings.
_FONTS_WANTED = ("Arial.ttf", "Arial.Unicode.ttf")
_ITS_HANDLER, _OUR_HANDLER = "ultralytics.utils.set_logging", "docdetect"
_OPENMP = "OMP_NUM_THREADS"


def cache_folder() -> Path:
    """docdetect's cache folder, where the platform keeps such folders. The folder is not created here.

    `$XDG_CACHE_HOME/docdetect` or `~/.cache/docdetect`; on macOS `~/Library/Caches/docdetect`; on Windows
    `%LOCALAPPDATA%\\docdetect\\Cache`. A user without a home, as in some containers, has a folder that cannot be
    made, so that nothing is kept.
    """
    try:
        return _cache_folder()
    except RuntimeError:  # Python knows no home
        return Path(os.devnull) / "docdetect"


def _cache_folder() -> Path:
    if configured := os.environ.get("XDG_CACHE_HOME"):
        return Path(configured) / "docdetect"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "docdetect"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "docdetect" / "Cache"
    return Path.home() / ".cache" / "docdetect"


def tame_environment() -> None:
    """Sets the environment variables that Ultralytics (and its worker processes) read at import. Touches no file."""
    os.environ.update(_ENVIRONMENT)
    os.environ["YOLO_CONFIG_DIR"] = str(cache_folder())


def prepare_ultralytics(*, verbose: bool = False) -> None:
    """Imports Ultralytics, switches off what could reach the network, and sends its log to stderr.

    Args:
        verbose: show the information lines of Ultralytics too; else only its errors.

    Raises:
        MissingDependencyError: PyTorch or Ultralytics is not installed.
    """
    require_extra("train", "Ultralytics", modules=("torch", "ultralytics"))
    tame_environment()
    _provide_config_folder()
    own_threads = os.environ.get(_OPENMP)
    import torch  # noqa: F401 - Ultralytics, imported first, would leave PyTorch one thread only
    import ultralytics.nn.tasks as tasks
    import ultralytics.utils as utils

    if own_threads is None:
        os.environ.pop(_OPENMP, None)
    utils.ONLINE, utils.SAFE_LOAD, utils.AUTOINSTALL = False, True, False  # in case something imported it before
    tasks.SAFE_LOAD = True
    _restore_pillow()
    unwanted = {key: False for key in _SETTINGS_OFF if utils.SETTINGS.get(key)}
    if unwanted:
        utils.SETTINGS.update(unwanted)
    utils.LOGGER.setLevel(logging.INFO if verbose else logging.ERROR)
    for handler in list(utils.LOGGER.handlers):
        if handler.name in (_ITS_HANDLER, _OUR_HANDLER):
            utils.LOGGER.removeHandler(handler)
    utils.LOGGER.addHandler(_StderrHandler())


class _StderrHandler(logging.Handler):
    """Writes log lines to what is stderr at that moment; the handler of Ultralytics itself writes to stdout."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.set_name(_OUR_HANDLER)

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def _restore_pillow() -> None:
    """Undoes that Ultralytics replaces `PIL.Image.open`: its function raises ImportError for a damaged picture."""
    from PIL import Image
    from ultralytics.utils import patches

    if Image.open is patches.image_open:
        Image.open = patches._image_open


def _provide_config_folder() -> None:
    """Makes the folder of Ultralytics' settings, with fonts in it so that Ultralytics does not download any."""
    try:
        _fill_config_folder(cache_folder() / "Ultralytics")
    except OSError:  # with a read-only home, the settings and fonts go to the folder for temporary files
        folder = Path(tempfile.gettempdir()) / f"docdetect-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        os.environ["YOLO_CONFIG_DIR"] = str(folder)
        _fill_config_folder(folder / "Ultralytics")


def _fill_config_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    source = _free_font()
    for name in _FONTS_WANTED:
        target = folder / name
        if source and not target.exists():
            staging = folder / f".{name}.{os.getpid()}"
            shutil.copyfile(source, staging)
            staging.replace(target)


def _free_font() -> Path | None:
    """DejaVu Sans (Latin, Cyrillic, Greek), which comes with docdetect; None where the package lacks the file."""
    font = Path(__file__).parents[1] / "documents" / "fonts" / "DejaVuSans-Bold.ttf"
    return font if font.is_file() else None
