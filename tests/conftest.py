"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.tiny_network import write_architecture

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# Tests measure no time: the first call of a property may import a large library, and other work may run beside it.
settings.register_profile("docdetect", deadline=None)
settings.load_profile("docdetect")


def pytest_configure(config: pytest.Config) -> None:
    """A cache folder for the tests: converted networks and settings do not mix with the user's. And Ctrl-C is heard.

    The folder is set before any test module is imported: Ultralytics takes note of its folder when it is imported.
    """
    folder = tempfile.mkdtemp(prefix="docdetect-tests-")
    os.environ["XDG_CACHE_HOME"] = folder
    config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))
    # Programs that a script starts in the background ignore Ctrl-C from birth; tests press it wherever they run.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Some test modules import Ultralytics, which replaces `PIL.Image.open`; docdetect's own imports put it back."""
    if "ultralytics" in sys.modules:
        from docdetect.models.ultralytics_setup import prepare_ultralytics

        prepare_ultralytics()


@pytest.fixture(autouse=True)
def _no_handler_for_ended_children() -> Iterator[None]:
    """PyTorch's data loaders leave one for SIGCHLD behind, with which a later test's ending child killed pytest."""
    yield
    if sys.platform != "win32" and signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real documents that tests read in place; skips where they are not beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real documents (../shared/data) are not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data.yaml of a dataset of nine small pages."""
    from tests.support.datasets import write_dataset

    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def tiny_yaml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Architecture of a network of a few thousand weights."""
    return write_architecture(tmp_path_factory.mktemp("model"))
