"""Stamps: tight patches, texts in the letters of their script, and faults of the print."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.fonts import FontBook, Script
from docdetect.synth.ink import Ink
from docdetect.synth.patch import MIN_FAINT_ALPHA
from docdetect.synth.stamps.canvas import StampCanvas
from docdetect.synth.stamps.emblems import emblem
from docdetect.synth.stamps.impression import StampShape, Wear, make_stamp, worn
from docdetect.synth.stamps.text import attestation_lines, company_text, notary_text, official_text, stamp_script

PX_PER_MM = 3.45
KINDS = {"stamp_company", "stamp_official", "stamp_notary", "stamp_office", "stamp_grid", "stamp_library"}


@pytest.mark.parametrize("shape", list(StampShape))
@pytest.mark.parametrize("seed", range(5))
def test_every_shape_is_drawn_tight(fonts: FontBook, shape: StampShape, seed: int) -> None:
    patch = make_stamp(np.random.default_rng(seed), PX_PER_MM, fonts, shape=shape)
    ink = patch.rgba[:, :, 3] >= MIN_FAINT_ALPHA
    assert patch.kind in KINDS
    assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


@pytest.mark.parametrize("seed", range(10))
def test_round_stamps_have_the_size_of_real_ones(fonts: FontBook, seed: int) -> None:
    patch = make_stamp(np.random.default_rng(seed), PX_PER_MM, fonts, shape=StampShape.ROUND, wear=Wear())
    width_mm, height_mm = (length / PX_PER_MM for length in patch.size_wh)
    assert 29 < width_mm < 52
    assert width_mm == pytest.approx(height_mm, rel=0.04)


def test_all_kinds_occur(fonts: FontBook) -> None:
    kinds = {make_stamp(np.random.default_rng(seed), PX_PER_MM, fonts).kind for seed in range(40)}
    assert {"stamp_company", "stamp_official", "stamp_notary"} <= kinds <= KINDS


def test_same_seed_same_bytes(fonts: FontBook) -> None:
    for seed in range(6):
        first, second = (make_stamp(np.random.default_rng(seed), PX_PER_MM, fonts).rgba.tobytes() for _ in range(2))
        assert first == second


def test_ink_is_used_as_given(fonts: FontBook) -> None:
    patch = make_stamp(np.random.default_rng(1), PX_PER_MM, fonts, ink=Ink((200, 20, 30), 1.0))
    assert np.unique(patch.rgba[:, :, :3].reshape(-1, 3), axis=0).tolist() == [[200, 20, 30]]


@pytest.mark.parametrize("upright_below", [False, True])
@pytest.mark.parametrize("text", ["NOTARY", "ҚАЗАҚСТАН РЕСПУБЛИКАСЫ * АСТАНА ҚАЛАСЫ", "ΕΛΛΑΣ", "Q"])
def test_text_along_an_arc_stays_in_its_band_and_span(fonts: FontBook, text: str, *, upright_below: bool) -> None:
    canvas = StampCanvas(44, 44, PX_PER_MM)
    face = fonts.matching(Script.KAZAKH)[0]
    middle = np.pi if upright_below else 0.0
    taken = canvas.arc_text(text, face, (15.0, 18.0), (middle, 2.4), upright_below=upright_below)
    y, x = np.nonzero(canvas.alpha > 128)
    right = (x + 0.5 - canvas.centre[0]) / canvas.scale
    down = (y + 0.5 - canvas.centre[1]) / canvas.scale
    radius, angle = np.hypot(right, down), np.arctan2(right, -down)
    assert len(x) > 20
    assert radius.min() > 15.0 - 0.15
    assert radius.max() < 18.0 + 0.15
    away = abs(np.mod(angle - middle + np.pi, 2 * np.pi) - np.pi)
    assert away.max() <= taken / 2 + 0.02
    assert taken <= 2.4 + 1e-6


def test_text_below_is_upright(fonts: FontBook) -> None:
    """The heavy foot of an L points outwards when the text below is upright, and inwards when it runs around."""
    face = fonts.matching(Script.LATIN)[0]
    depths = {}
    for upright in (False, True):
        canvas = StampCanvas(44, 44, PX_PER_MM)
        canvas.arc_text("LLLLLL", face, (14.0, 18.0), (np.pi, 1.5), upright_below=upright)
        y, x = np.nonzero(canvas.alpha > 128)
        depths[upright] = float(np.hypot(x - canvas.centre[0], y - canvas.centre[1]).mean() / canvas.scale)
    assert depths[True] > 16 > depths[False]


def test_wear_takes_ink_away_and_no_wear_none(fonts: FontBook) -> None:
    canvas = StampCanvas(30, 30, PX_PER_MM)
    canvas.ring(12, 2)
    before = int(canvas.alpha.sum())
    assert int(worn(np.random.default_rng(0), canvas.alpha, Wear(), canvas.scale).sum()) == before
    for wear in (Wear(uneven=0.8), Wear(dry=0.6), Wear(tilt=0.8), Wear(faint=0.5)):
        assert int(worn(np.random.default_rng(0), canvas.alpha, wear, canvas.scale).sum()) < 0.97 * before
    for wear in (Wear(double=0.8), Wear(bleed=1.0)):
        assert int(worn(np.random.default_rng(0), canvas.alpha, wear, canvas.scale).sum()) > before


def test_the_worst_wear_leaves_something(fonts: FontBook) -> None:
    worst = Wear(1, 1, 1, 0, 1, 0, 1)
    patch = make_stamp(np.random.default_rng(2), PX_PER_MM, fonts, shape=StampShape.ROUND, wear=worst)
    assert patch.size_wh[0] > 20


@pytest.mark.parametrize("script", list(Script))
def test_texts_are_in_letters_of_their_script(script: Script) -> None:
    ranges = {
        Script.DEVANAGARI: (0x900, 0x980),
        Script.TAMIL: (0xB80, 0xC00),
        Script.MALAYALAM: (0xD00, 0xD80),
        Script.GREEK: (0x370, 0x400),
        Script.CYRILLIC: (0x400, 0x530),
    }
    low, high = ranges.get(script, (0x41, 0x530))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        texts = (company_text(rng, script), official_text(rng, script), notary_text(rng, script))
        for text in texts:
            assert any(low <= ord(sign) < high for sign in " ".join(text.rings))
        assert "".join(attestation_lines(rng, script))


def test_only_scripts_with_a_font_are_used(fonts: FontBook) -> None:
    rng = np.random.default_rng(0)
    used = {stamp_script(rng, fonts) for _ in range(80)}
    assert all(fonts.covers(script) for script in used)
    assert len(used) >= 4


def test_emblems_are_varied_and_neither_empty_nor_full() -> None:
    pictures = [emblem(np.random.default_rng(seed), 60) for seed in range(20)]
    assert len({picture.tobytes() for picture in pictures}) > 12
    for picture in pictures:
        assert 0.03 < (picture > 128).mean() < 0.75
