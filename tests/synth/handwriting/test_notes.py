"""Handwriting that is no signature: tight patches without a kind of mark."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.patch import MIN_INK_ALPHA

PX_PER_MM = 3.45


@pytest.mark.parametrize("kind", list(ScribbleKind))
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_is_drawn_tight_and_is_no_mark(kind: ScribbleKind, seed: int) -> None:
    patch = make_scribble(np.random.default_rng(seed), PX_PER_MM, kind=kind)
    ink = patch.rgba[:, :, 3] >= MIN_INK_ALPHA
    assert patch.kind == ""
    assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert patch.strength > 0.15


def test_same_seed_same_bytes() -> None:
    for seed in range(12):
        first, second = (make_scribble(np.random.default_rng(seed), PX_PER_MM).rgba.tobytes() for _ in range(2))
        assert first == second


@pytest.mark.parametrize("swift", [False, True])
@pytest.mark.parametrize("kind", [ScribbleKind.NOTE, ScribbleKind.PHRASE])
def test_a_note_has_more_than_one_word(kind: ScribbleKind, swift: bool) -> None:
    """A lone name in a swift hand would look like a signature to anybody."""
    for seed in range(12):
        patch = make_scribble(np.random.default_rng(seed), 8.0, kind=kind, ink=Ink((0, 0, 0)), swift=swift)
        columns = (patch.rgba[:, :, 3] >= MIN_INK_ALPHA).any(axis=0)
        rows = (patch.rgba[:, :, 3] >= MIN_INK_ALPHA).any(axis=1)
        gaps = int((np.diff(columns.astype(int)) == 1).sum()) + int((np.diff(rows.astype(int)) == 1).sum())
        assert gaps >= 1 or patch.size_wh[1] > 5 * 8.0


def test_a_redaction_leaves_nothing_to_read() -> None:
    patch = make_scribble(np.random.default_rng(3), PX_PER_MM, kind=ScribbleKind.REDACTION)
    assert (patch.rgba[:, :, 3] > 128).mean() > 0.75
    assert patch.rgba[:, :, :3].max() < 40


def test_dates_are_as_high_as_writing() -> None:
    for seed in range(8):
        patch = make_scribble(np.random.default_rng(seed), PX_PER_MM, kind=ScribbleKind.DATE)
        assert 2 < patch.size_wh[1] / PX_PER_MM < 12
        assert patch.size_wh[0] > 2 * patch.size_wh[1]


def test_swift_dates_lean_more_and_are_higher_than_careful_ones() -> None:
    def height(swift: bool) -> float:
        sizes = [
            make_scribble(np.random.default_rng(k), PX_PER_MM, kind=ScribbleKind.DATE, swift=swift).size_wh[1]
            for k in range(40)
        ]
        return float(np.median(sizes)) / PX_PER_MM

    assert height(True) > 1.1 * height(False)
    assert height(True) < 16


def test_thin_pale_writing_at_a_low_resolution_is_still_seen() -> None:
    pale, thin = Ink((60, 80, 190), 0.3), Pen(0.17, 0.25, 0.4, 0.45)
    for seed in range(12):
        patch = make_scribble(np.random.default_rng(seed), 0.5, kind=ScribbleKind.DATE, ink=pale, pen=thin)
        assert patch.ink.any()
