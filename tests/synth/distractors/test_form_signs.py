"""Printed signs of forms: drawn tight, no marks, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from docdetect.synth.distractors.form_signs import make_pictogram, make_year
from docdetect.synth.fonts import FontBook
from docdetect.synth.patch import MIN_INK_ALPHA, Patch

PX_PER_MM = 3.45


@pytest.mark.parametrize("make", [make_pictogram, make_year])
@pytest.mark.parametrize("seed", range(4))
def test_signs_are_drawn_tight_and_are_no_marks(
    fonts: FontBook, make: Callable[[np.random.Generator, float, FontBook], Patch], seed: int
) -> None:
    patch = make(np.random.default_rng(seed), PX_PER_MM, fonts)
    ink = patch.rgba[:, :, 3] >= MIN_INK_ALPHA
    assert patch.kind == ""
    assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert patch.strength > 0.1
    assert make(np.random.default_rng(seed), PX_PER_MM, fonts).rgba.tobytes() == patch.rgba.tobytes()


def test_pictograms_are_dark_and_square(fonts: FontBook) -> None:
    for seed in range(6):
        patch = make_pictogram(np.random.default_rng(seed), PX_PER_MM, fonts)
        width, height = patch.size_wh
        assert width == pytest.approx(height, abs=2)
        assert patch.ink.mean() > 0.7
