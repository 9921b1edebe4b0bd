from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.distractors.printed import DistractorKind, make_distractor
from docdetect.synth.fonts import FontBook
from docdetect.synth.patch import INK_ALPHA

PX_PER_MM = 3.45


@pytest.mark.parametrize("kind", list(DistractorKind))
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_is_drawn_tight_and_is_no_mark(fonts: FontBook, kind: DistractorKind, seed: int) -> None:
    patch = make_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=kind)
    ink = patch.rgba[:, :, 3] >= INK_ALPHA
    assert patch.kind == ""
    assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert patch.strength > 0.1


def test_same_seed_same_bytes(fonts: FontBook) -> None:
    for seed in range(6):
        first, second = (
            make_distractor(np.random.default_rng(seed), PX_PER_MM, fonts).rgba.tobytes() for _ in range(2)
        )
        assert first == second


def test_the_usual_mixture_is_what_stands_in_heads(fonts: FontBook) -> None:
    """Neither pictograms, which are square and filled, nor years: names are wide."""
    wide = [
        width / height > 1.8
        for width, height in (
            make_distractor(np.random.default_rng(seed), PX_PER_MM, fonts).size_wh for seed in range(40)
        )
    ]
    assert sum(wide) > 20


def test_pictograms_are_dark_and_square(fonts: FontBook) -> None:
    for seed in range(6):
        patch = make_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=DistractorKind.PICTOGRAM)
        width, height = patch.size_wh
        assert width == pytest.approx(height, abs=2)
        assert patch.ink.mean() > 0.7
