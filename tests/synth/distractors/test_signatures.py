"""Distractors of signatures: drawn tight, no marks, and names in letters of a broad nib."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.distractors.signatures import SignatureDistractorKind, lettering, make_signature_distractor
from docdetect.synth.fonts import FontBook
from docdetect.synth.patch import MIN_INK_ALPHA

PX_PER_MM = 3.45


@pytest.mark.parametrize("kind", list(SignatureDistractorKind))
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_is_drawn_tight_and_is_no_mark(fonts: FontBook, kind: SignatureDistractorKind, seed: int) -> None:
    patch = make_signature_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=kind)
    ink = patch.rgba[:, :, 3] >= MIN_INK_ALPHA
    assert patch.kind == ""
    assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert patch.strength > 0.1


def test_same_seed_same_bytes(fonts: FontBook) -> None:
    for seed in range(6):
        first, second = (
            make_signature_distractor(np.random.default_rng(seed), PX_PER_MM, fonts).rgba.tobytes() for _ in range(2)
        )
        assert first == second


def test_the_usual_mixture_is_what_stands_in_heads(fonts: FontBook) -> None:
    """Most pictures are names, which are wider than high."""
    wide = [
        width / height > 1.8
        for width, height in (
            make_signature_distractor(np.random.default_rng(seed), PX_PER_MM, fonts).size_wh for seed in range(40)
        )
    ]
    assert sum(wide) > 20


@pytest.mark.parametrize("seed", range(8))
def test_a_name_fits_its_place_and_is_centred(seed: int) -> None:
    pieces = list(lettering(np.random.default_rng(seed), 40.0, 10.0))
    points = np.vstack([points for points, _ in pieces])
    low, high = points.min(axis=0), points.max(axis=0)
    assert np.allclose(low, -high, atol=1e-6)
    assert (high - low <= np.array([40.0, 10.0]) + 1e-6).all()
    # The name is as large as its place allows: it fills the width or the height.
    assert np.isclose(high - low, [40.0, 10.0]).any()


def test_the_nib_is_broad_across_its_edge_and_thin_along_it() -> None:
    widths = np.array([width for _, width in lettering(np.random.default_rng(1), 40.0, 10.0)])
    assert widths.min() > 0
    assert widths.max() <= 0.13 * 10.0
    assert widths.max() > 1.05 * widths.min()
