"""A small dataset of made-up pages with marks, to cut out of."""

from __future__ import annotations

from pathlib import Path

import pytest

from docdetect.config.schema import SynthConfig
from docdetect.synth.generate import generate


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten made-up pages of 900 px in the split train, and some in val."""
    folder = tmp_path_factory.mktemp("labelled") / "set"
    papers = {"digital": 0.6, "scan": 0.4}
    generate(
        SynthConfig(
            output=str(folder), pages=10, imgsz=900, seed=4, val=0.2, workers=1, system_fonts=False, empty=0.0,
            turned=0.0, papers=papers, pdf=True,
        )
    )  # fmt: skip
    return folder
