"""What the tests of prepare share."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take four fifths of the time of a tiny dataset; tests that need them undo this."""

    def write_nothing(*_: object) -> list[tuple[str, str]]:
        return []

    monkeypatch.setattr("docdetect.prepare.dataset.write_plots", write_nothing)
