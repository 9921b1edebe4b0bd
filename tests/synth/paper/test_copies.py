"""Ways of copying: dots for greys, copies of copies, photostats, lamps, and pictures of a part of the sheet."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.paper.copying import PageDamage, random_close_up, random_damage
from docdetect.synth.paper.damage import damage_picture
from docdetect.synth.paper.geometry import close_up, flat, on_scanner
from docdetect.types import ByteArray


def grey_page(level: int) -> ByteArray:
    return np.full((120, 160, 3), level, np.uint8)


def test_dots_show_greys_that_a_plain_copy_loses() -> None:
    plain, dithered = (
        PageDamage("copy", grey=True, threshold=150),
        PageDamage("copy", grey=True, threshold=150, dither=60),
    )
    for level in (165, 185):
        assert damage_picture(np.random.default_rng(0), grey_page(level), plain).min() == 255
        dots = damage_picture(np.random.default_rng(0), grey_page(level), dithered)
        assert 5 < 255 - dots.mean() < 150
    assert dithered.visible_darkening < plain.visible_darkening


def test_copies_of_copies_grow_or_lose_fine_dots() -> None:
    page = grey_page(255)
    page[10:110:7, 10:150:7] = 60
    first, fourth = (
        damage_picture(
            np.random.default_rng(1), page.copy(), PageDamage("copy", grey=True, threshold=170, generations=n)
        )
        for n in (1, 4)
    )
    assert abs((255 - fourth.astype(int)).sum() / (255 - first.astype(int)).sum() - 1) > 0.2


def test_a_photostat_is_white_on_black() -> None:
    page = grey_page(255)
    page[40:80, 60:100] = 0
    seen = damage_picture(np.random.default_rng(0), page, PageDamage("photostat", grey=True, negative=True))
    assert seen[10, 10].max() < 80
    assert seen[60, 80].min() > 180


def test_lamps_colour_the_paper() -> None:
    seen = damage_picture(np.random.default_rng(0), grey_page(255), PageDamage("camera", light=(255, 226, 176)))
    assert (seen[50, 50] == (255, 226, 176)).all()


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.2])
def test_a_close_up_shows_a_part_of_the_sheet_at_its_own_scale(factor: float) -> None:
    rng = np.random.default_rng(3)
    whole = on_scanner(rng, (600, 800))
    part = close_up(rng, whole, factor)
    for side, full in zip(part.picture_wh, whole.picture_wh, strict=True):
        assert abs(side - full / factor) <= 1
    # The same spot of the sheet lies in the part where it lies in the whole, only moved.
    spots = np.array([[0, 0, 1], [300, 500, 1]], float).T
    moved = [(one.matrix @ spots)[:2] for one in (whole, part)]
    shift = moved[0] - moved[1]
    assert np.allclose(shift[:, 0], shift[:, 1])
    assert (shift >= 0).all()


def test_a_picture_of_the_whole_sheet_stays_as_it_is() -> None:
    geometry = flat((600, 800))
    assert close_up(np.random.default_rng(0), geometry, 1.0) is geometry
    assert all(random_close_up(np.random.default_rng(k), "digital") == 1.0 for k in range(40))
    factors = [random_close_up(np.random.default_rng(k), "scan") for k in range(200)]
    assert 0.02 < np.mean([factor > 1 for factor in factors]) < 0.2


def test_photostats_are_dark_and_faint_marks_need_more_ink_there() -> None:
    damage = random_damage(np.random.default_rng(0), "photostat")
    assert damage.negative
    assert damage.grey
    assert damage.threshold is None
