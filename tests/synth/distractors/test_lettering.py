"""Names drawn with a broad nib."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.distractors.printed import lettering


@pytest.mark.parametrize("seed", range(8))
def test_a_name_fits_its_place_and_is_centred(seed: int) -> None:
    pieces = list(lettering(np.random.default_rng(seed), 40.0, 10.0))
    points = np.vstack([points for points, _ in pieces])
    low, high = points.min(axis=0), points.max(axis=0)
    assert np.allclose(low, -high, atol=1e-6)
    assert (high - low <= np.array([40.0, 10.0]) + 1e-6).all()
    assert np.isclose(high - low, [40.0, 10.0]).any()  # as large as its place allows


def test_the_nib_is_broad_across_its_edge_and_thin_along_it() -> None:
    widths = np.array([width for _, width in lettering(np.random.default_rng(1), 40.0, 10.0)])
    assert widths.min() > 0
    assert widths.max() <= 0.13 * 10.0
    assert widths.max() > 1.05 * widths.min()
