"""Laying marks: boxes follow lines that fade, marks from cut-outs multiply the page, real pages take marks too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from docdetect.synth.cutouts.ink import Ink as CutInk
from docdetect.synth.cutouts.separation import transparent
from docdetect.synth.ink import Ink
from docdetect.synth.laying import lay_on_sheet
from docdetect.synth.paper.copying import PageDamage
from docdetect.synth.paper.geometry import flat
from docdetect.synth.patch import BoxXYXY, Patch, composite, reinked, turned
from docdetect.types import ByteArray


def white(width: int = 200, height: int = 100) -> ByteArray:
    return np.full((height, width, 3), 255, np.uint8)


def line(covers: Sequence[int], kind: str = "handwritten_signature") -> Patch:
    """A horizontal line 6 px high whose cover changes from column to column."""
    rgba = np.zeros((6, len(covers), 4), np.uint8)
    rgba[:, :, 3] = np.array(covers, np.uint8)
    return Patch.cropped(rgba, kind)


def laid_on_clean_page(pixels: ByteArray, patch: Patch) -> BoxXYXY | None:
    """Lays a patch at (20, 30) on a picture that is neither faded nor noisy."""
    flat_page = flat((pixels.shape[1], pixels.shape[0]))
    return lay_on_sheet(pixels, (patch, (20, 30), "ink"), PageDamage("digital"), flat_page)


FADING = [200] * 60 + list(range(60, 6, -1))


def test_the_box_follows_a_line_that_fades() -> None:
    box = laid_on_clean_page(white(), line(FADING))
    assert box == (20, 30, 20 + len(FADING), 36)


@pytest.mark.parametrize("damage", [PageDamage("scan", noise_std=4.0), PageDamage("scan", contrast=0.5)])
def test_in_noise_and_on_faded_paper_a_line_is_followed_less_far(damage: PageDamage) -> None:
    pixels = white()
    box = lay_on_sheet(pixels, (line(FADING), (20, 30), "ink"), damage, flat((200, 100)))
    assert box is not None
    assert 20 + 60 < box[2] < 20 + len(FADING)


def test_faint_ink_that_hangs_together_with_nothing_clear_does_not_count() -> None:
    covers = [200] * 60 + [0] * 30 + [12] * 20
    box = laid_on_clean_page(white(), line(covers))
    assert box == (20, 30, 80, 36)


def test_a_one_bit_copy_loses_the_faint_end() -> None:
    damage = PageDamage("copy", grey=True, threshold=200)
    box = lay_on_sheet(white(), (line(FADING), (20, 30), "ink"), damage, flat((200, 100)))
    assert box is not None
    assert box[2] <= 20 + 66


def test_a_mark_that_cannot_be_seen_leaves_a_real_page_as_it_was() -> None:
    pixels = np.full((100, 200, 3), 10, np.uint8)
    before = pixels.copy()
    assert laid_on_clean_page(pixels, line([200] * 60)) is None
    assert (pixels == before).all()


def test_a_cut_out_multiplies_the_page_by_its_ratio() -> None:
    rng = np.random.default_rng(0)
    ratio = rng.uniform(0.2, 1.0, (20, 30, 3)).astype(np.float32)
    ratio[:, :5] = 1
    ratio[0, 5] = ratio[-1, -1] = 0.2
    darkness = 1 - ratio.min(axis=2)
    visible = darkness > 0
    cut_out = CutInk(ratio, darkness, visible, np.zeros_like(darkness), np.zeros_like(darkness))
    patch = Patch.cropped(transparent(cut_out, visible), "stamp_company")
    assert patch.size_wh == (25, 20)
    page = np.full((60, 80, 3), 240, np.uint8)
    composite(page, patch, (10, 20))
    assert np.abs(page[20:40, 10:35] - 240 * ratio[:, 5:]).max() <= 2.5


def test_turned_marks_keep_their_ink() -> None:
    patch = line([220] * 60)
    upright = turned(patch, 90)
    width, height = upright.size_wh
    assert abs(width - 6) <= 2
    assert abs(height - 60) <= 2
    before, after = (one.rgba[:, :, 3].astype(int).sum() for one in (patch, upright))
    assert abs(after / before - 1) < 0.05


def test_a_mark_takes_another_ink_and_strength() -> None:
    patch = line([220] * 60)
    red = reinked(patch, Ink((200, 20, 30), 0.5))
    assert (red.rgba[:, :, :3] == (200, 20, 30)).all()
    assert abs(int(red.rgba[:, :, 3].max()) - 110) <= 2
    assert reinked(patch, Ink((0, 0, 0), 0.01)) is patch
