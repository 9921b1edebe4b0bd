"""Distractors of stamps: drawn tight, no marks, and filled where seals are not."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.distractors.stamps import StampDistractorKind, make_stamp_distractor
from docdetect.synth.fonts import FontBook
from docdetect.synth.patch import MIN_INK_ALPHA

PX_PER_MM = 3.45


@pytest.mark.parametrize("kind", list(StampDistractorKind))
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_is_drawn_tight_and_is_no_mark(fonts: FontBook, kind: StampDistractorKind, seed: int) -> None:
    patch = make_stamp_distractor(np.random.default_rng(seed), PX_PER_MM, fonts, kind=kind)
    ink = patch.rgba[:, :, 3] >= MIN_INK_ALPHA
    assert patch.kind == ""
    assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert patch.strength > 0.1


def test_same_seed_same_bytes(fonts: FontBook) -> None:
    for seed in range(8):
        first, second = (
            make_stamp_distractor(np.random.default_rng(seed), PX_PER_MM, fonts).rgba.tobytes() for _ in range(2)
        )
        assert first == second


def test_round_logos_are_filled_unlike_seals(fonts: FontBook) -> None:
    for seed in range(5):
        patch = make_stamp_distractor(
            np.random.default_rng(seed), PX_PER_MM, fonts, kind=StampDistractorKind.ROUND_LOGO
        )
        width, height = patch.size_wh
        assert width == pytest.approx(height, abs=2)
        assert patch.ink.mean() > 0.7
