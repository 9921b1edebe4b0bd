"""Checkpoints that the tests make themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tiny_network import write_checkpoint


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "best.pt")
