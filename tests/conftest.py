"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cache folder for the tests: converted networks and settings do not mix with the user's."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real documents that tests read in place; skips where they are not beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real documents (../shared/data) are not beside this checkout")
    return SHARED_DATA
