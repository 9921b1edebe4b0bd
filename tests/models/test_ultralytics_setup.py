"""Ultralytics is tamed before it is imported, in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docdetect.models.ultralytics_setup import cache_folder, prepare_ultralytics

PROGRAM = """
import json, os, socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("the network was touched")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
socket.create_connection = refuse
import docdetect.training
from docdetect.models.ultralytics_setup import prepare_ultralytics
early = "ultralytics" in sys.modules
prepare_ultralytics()
import torch, PIL.Image
import ultralytics.utils as utils
import ultralytics.nn.tasks as tasks
from ultralytics.utils import callbacks, checks
from ultralytics.utils.events import events
print(json.dumps({
    "early": early,
    "online": utils.ONLINE,
    "safe": [utils.SAFE_LOAD, tasks.SAFE_LOAD],
    "install": utils.AUTOINSTALL,
    "settings": str(utils.SETTINGS.file),
    "on": [key for key, value in utils.SETTINGS.items() if value is True],
    "events": events.enabled,
    "fonts": [str(checks.check_font(name)) for name in ("Arial.ttf", "Arial.Unicode.ttf")],
    "threads": torch.get_num_threads(),
    "openmp": os.environ.get("OMP_NUM_THREADS"),
    "pillow": PIL.Image.open.__module__,
    "handlers": [handler.name for handler in utils.LOGGER.handlers],
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    cache = tmp_path_factory.mktemp("cache")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("YOLO_", "ULTRALYTICS_"))}
    environment.pop("OMP_NUM_THREADS", None)
    environment["XDG_CACHE_HOME"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, cwd=cache
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "cache": str(cache)}


def test_importing_the_room_imports_no_ultralytics(told: dict[str, object]) -> None:
    assert told["early"] is False


def test_offline_safe_and_without_installs(told: dict[str, object]) -> None:
    assert told["online"] is False
    assert told["safe"] == [True, True]
    assert told["install"] is False


def test_settings_lie_in_our_cache_and_nothing_is_sent(told: dict[str, object]) -> None:
    assert str(told["settings"]).startswith(str(told["cache"]))
    assert told["events"] is False
    assert not {"sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb"} & set(
        told["on"]  # type: ignore[call-overload]
    )


def test_fonts_are_there_before_they_are_looked_for(told: dict[str, object]) -> None:
    assert all(str(font).startswith(str(told["cache"])) for font in told["fonts"])  # type: ignore[attr-defined]


def test_threads_environment_pillow_and_stdout_are_left_alone(told: dict[str, object]) -> None:
    assert told["threads"] == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else True
    assert told["openmp"] is None
    assert told["pillow"] == "PIL.Image"
    assert told["handlers"] == ["docdetect"]


def test_read_only_cache_is_replaced_by_a_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setenv("YOLO_CONFIG_DIR", "")
    prepare_ultralytics()
    assert os.environ["YOLO_CONFIG_DIR"] != str(cache_folder())


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(OSError, match=os.devnull):
        cache_folder().mkdir(parents=True)
