"""Handwritten pages, formulas and sketches: they fill their room and are no marks."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.handwriting.manuscripts import make_formula, make_manuscript, make_sketch
from docdetect.synth.ink import Ink, random_pen

PX_PER_MM = 2.2
BLACK = Ink((20, 20, 24))


@pytest.mark.parametrize("seed", range(4))
def test_a_manuscript_fills_its_room_with_lines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patch = make_manuscript(rng, PX_PER_MM, (150, 200), (BLACK, random_pen(rng)))
    width_mm, height_mm = (side / PX_PER_MM for side in patch.size_wh)
    assert patch.kind == ""
    assert 110 < width_mm < 175
    assert 150 < height_mm < 225
    rows = patch.ink.sum(axis=1).astype(float)
    # There are lines of writing with paler space between them, as a spectrum of the rows shows.
    spectrum = np.abs(np.fft.rfft(rows - rows.mean()))[3:]
    assert spectrum.max() > 4 * np.median(spectrum)


@pytest.mark.parametrize("make", [make_formula, make_sketch])
def test_formulas_and_sketches_are_no_marks(make: object) -> None:
    assert callable(make)
    sizes = set()
    for seed in range(8):
        patch = make(np.random.default_rng(seed), PX_PER_MM, (BLACK, random_pen(np.random.default_rng(seed))))
        assert patch.kind == ""
        assert max(patch.size_wh) / PX_PER_MM < 160
        sizes.add(patch.size_wh)
    assert len(sizes) > 5
