"""Stamps of surveyors and engineers: a gap to be signed in, between two parts of print; embossed seals are shadows."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.fonts import FontBook, Script
from docdetect.synth.stamps.impression import StampShape, make_stamp
from docdetect.synth.stamps.professional import professional_stamp

PX_PER_MM = 3.45


@pytest.mark.parametrize("script", [Script.LATIN, Script.CYRILLIC, Script.TAMIL])
def test_there_is_a_gap_to_sign_in(fonts: FontBook, script: Script) -> None:
    """Some band of at least 4 mm in the middle half of the stamp has no letters between its left and right line."""
    for seed in range(8):
        canvas, kind = professional_stamp(np.random.default_rng(seed), fonts, script, PX_PER_MM)
        assert kind == "stamp_official"
        height, width = canvas.alpha.shape
        middle = canvas.alpha[:, round(width * 0.3) : round(width * 0.7)] > 128
        # A line to sign on may stand in the gap; letters fill less of a row than a line does.
        share = middle.mean(axis=1)
        free = (share == 0) | (share > 0.9)
        longest = max(
            len(run) for run in "".join("1" if one else "0" for one in free[height // 8 : -height // 8]).split("0")
        )
        assert longest >= 4 * canvas.scale


def test_embossed_seals_are_grey_and_pale(fonts: FontBook) -> None:
    for seed in range(4):
        patch = make_stamp(np.random.default_rng(seed), PX_PER_MM, fonts, shape=StampShape.EMBOSSED)
        assert patch.kind == "stamp_official"
        red, green, blue = patch.rgba[patch.ink][0, :3]
        assert red == green == blue
        assert patch.strength < 0.4
