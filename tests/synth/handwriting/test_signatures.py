"""Signatures and initials: tight patches of the size that people sign in."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.handwriting.kinematics import Trace
from docdetect.synth.handwriting.pen import pen_cover
from docdetect.synth.handwriting.signatures import SignatureStyle, make_initials, make_signature
from docdetect.synth.ink import Ink, Pen, random_pen
from docdetect.synth.patch import MIN_FAINT_ALPHA, Patch

PX_PER_MM = 3.45
DRAWN = [style for style in SignatureStyle if style is not SignatureStyle.RECORDED]


def assert_tight(patch: Patch) -> None:
    ink = patch.rgba[:, :, 3] >= MIN_FAINT_ALPHA
    assert ink[0].any()
    assert ink[-1].any()
    assert ink[:, 0].any()
    assert ink[:, -1].any()


@pytest.mark.parametrize("style", DRAWN)
@pytest.mark.parametrize("seed", range(8))
def test_signatures_are_tight_and_of_the_size_people_sign(style: SignatureStyle, seed: int) -> None:
    patch = make_signature(np.random.default_rng(seed), PX_PER_MM, style=style)
    assert patch.kind == "handwritten_signature"
    assert_tight(patch)
    width_mm, height_mm = (length / PX_PER_MM for length in patch.size_wh)
    assert 4 < width_mm < 90
    assert 1.5 < height_mm < 42
    assert max(width_mm, height_mm) > 8
    assert patch.strength > 0.15


def test_the_usual_width_at_page_scale() -> None:
    widths = [make_signature(np.random.default_rng(seed), PX_PER_MM).size_wh[0] for seed in range(60)]
    # The median width of real signatures is 110 px in one collection and 191 px in another.
    assert 95 < np.median(widths) < 190


def test_same_seed_same_bytes() -> None:
    first, second = (make_signature(np.random.default_rng(7), PX_PER_MM).rgba for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert make_signature(np.random.default_rng(8), PX_PER_MM).rgba.tobytes() != first.tobytes()


def test_resolution_changes_the_pixels_and_not_the_drawing() -> None:
    small, large = (make_signature(np.random.default_rng(5), px_per_mm) for px_per_mm in (3.45, 6.9))
    assert large.size_wh[0] == pytest.approx(2 * small.size_wh[0], rel=0.05)
    assert large.size_wh[1] == pytest.approx(2 * small.size_wh[1], rel=0.08)


def test_ink_is_used_as_given() -> None:
    patch = make_signature(np.random.default_rng(1), PX_PER_MM, ink=Ink((10, 20, 30), 1.0))
    assert np.unique(patch.rgba[:, :, :3].reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]


def test_lines_are_as_wide_as_the_pen() -> None:
    areas = []
    for kind in ("ballpoint", "felt"):
        pen = random_pen(np.random.default_rng(0), kind)
        patch = make_signature(np.random.default_rng(4), 8.0, style=SignatureStyle.SCRAWL, pen=pen, ink=Ink((0, 0, 0)))
        areas.append(float(patch.rgba[:, :, 3].sum()) / pen.width_mm)
    assert areas[0] == pytest.approx(areas[1], rel=0.5)


def test_within_limits_the_size_and_keeps_the_pen() -> None:
    for seed in range(10):
        patch = make_signature(np.random.default_rng(seed), PX_PER_MM, within_mm=(25.0, 9.0))
        assert patch.size_wh[0] <= (25 + 3) * PX_PER_MM
        assert patch.size_wh[1] <= (9 + 3) * PX_PER_MM


@pytest.mark.parametrize("seed", range(6))
def test_initials_are_small(seed: int) -> None:
    patch = make_initials(np.random.default_rng(seed), PX_PER_MM)
    assert patch.kind == "initials"
    assert_tight(patch)
    assert patch.size_wh[0] / PX_PER_MM < 26


def test_a_line_fades_over_the_share_of_it_that_the_pen_says() -> None:
    """A straight line of even speed, drawn with and without fading: its last tenth is far paler, and is there."""
    xy = np.stack([np.linspace(0, 60, 200), np.zeros(200)], axis=1)
    line = [Trace(xy, np.ones(200))]
    even, fading = (
        pen_cover(np.random.default_rng(0), line, Pen(0.4, 0.0, 0.0, 0.0, fade=fade), PX_PER_MM).max(axis=0).astype(int)
        for fade in (0.0, 0.6)
    )
    tenth = len(even) // 10
    assert even[: tenth * 3].max() == fading[: tenth * 3].max()
    assert fading[-2 * tenth : -tenth].max() < 0.5 * even[-2 * tenth : -tenth].max()
    assert fading[-tenth:].max() >= MIN_FAINT_ALPHA


def test_steep_signatures_are_higher_than_others() -> None:
    def shape(style: SignatureStyle) -> float:
        sizes = [make_signature(np.random.default_rng(k), PX_PER_MM, style=style).size_wh for k in range(16)]
        return float(np.median([height / width for width, height in sizes]))

    assert shape(SignatureStyle.STEEP) > 2 * shape(SignatureStyle.NAME)
