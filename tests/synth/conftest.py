"""Fixtures for the tests of synth."""

from __future__ import annotations

import pytest

from docdetect.synth.fonts import FontBook


@pytest.fixture(scope="session")
def fonts() -> FontBook:
    """The fonts that come with matplotlib, which every machine has."""
    return FontBook.scan(system=False)
