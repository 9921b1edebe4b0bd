"""Paper: marks move as their page does, boxes turn as pixels do, damage keeps its promises."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.synth.paper.copying import COPY_PROCESSES, CopyProcess, PageDamage, random_damage, random_geometry
from docdetect.synth.paper.damage import after_jpeg, background, bleed_through, damage_picture, damage_sheet, jpeg_bytes
from docdetect.synth.paper.geometry import before_camera, flat, on_scanner
from docdetect.types import ByteArray

SIZE = (220, 300)


def page_of(rng: np.random.Generator) -> ByteArray:
    page = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    for y in range(20, 280, 9):
        page[y : y + 4, 20 : int(rng.integers(100, 200))] = 30
    return page


def extent(mask: ByteArray, least: int = 100) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect((mask >= least).astype(np.uint8))
    return x, y, x + width, y + height


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.booleans(), st.integers(20, 150), st.integers(20, 200), st.integers(0, 3))
def test_a_mask_moves_as_the_page_does(seed: int, camera: bool, x: int, y: int, turns: int) -> None:
    rng = np.random.default_rng(seed)
    geometry = (before_camera if camera else on_scanner)(rng, SIZE, turns)
    page = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    page[y : y + 60, x : x + 45] = 0
    picture = geometry.turn_pixels(geometry.warp_page(page, (255, 255, 255)))
    mask = np.full((60, 45), 255, np.uint8)[: SIZE[1] - y, : SIZE[0] - x]
    moved, (left, top) = geometry.warp_mask(mask, (x, y))
    seen = extent(255 - picture[:, :, 0])
    box = extent(moved) if moved.size else (0, 0, 0, 0)
    if box == (0, 0, 0, 0) or seen == (0, 0, 0, 0):
        assert box == seen
        return
    turned = geometry.turn_box((box[0] + left, box[1] + top, box[2] + left, box[3] + top))
    assert np.abs(np.subtract(turned, seen)).max() <= 1


@given(st.integers(0, 3), st.integers(0, 40), st.integers(0, 60), st.integers(1, 20), st.integers(1, 20))
def test_boxes_turn_as_pixels_do(turns: int, x: int, y: int, width: int, height: int) -> None:
    geometry = flat((61, 83), turns)
    page = np.zeros((83, 61, 3), np.uint8)
    page[y : y + height, x : x + width] = 255
    assert geometry.turn_box((x, y, x + width, y + height)) == extent(geometry.turn_pixels(page)[:, :, 0])


@pytest.mark.parametrize("kind", COPY_PROCESSES)
def test_every_way_of_copying_keeps_the_page_readable(kind: CopyProcess) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        damage, geometry = random_damage(rng, kind), random_geometry(rng, kind, SIZE, 0.5)
        sheet = damage_sheet(rng, page_of(rng), damage)
        picture = damage_picture(rng, geometry.warp_page(sheet, background(rng, geometry.picture_wh, damage)), damage)
        assert picture.shape == (geometry.picture_wh[1], geometry.picture_wh[0], 3)
        assert picture.dtype == np.uint8
        assert np.percentile(picture, 95) - np.percentile(picture, 2) > 40


def test_one_bit_copies_have_no_colours_and_few_greys() -> None:
    rng = np.random.default_rng(0)
    picture = damage_picture(rng, page_of(rng), PageDamage("copy", grey=True, threshold=200))
    assert (picture[:, :, 0] == picture[:, :, 2]).all()
    # Each px is the average of four px that are black or white.
    assert len(np.unique(picture)) <= 5


def test_the_floor_rises_with_fading_noise_and_the_threshold() -> None:
    clean = PageDamage("scan").visible_darkening
    assert PageDamage("scan", contrast=0.5).visible_darkening > clean
    assert PageDamage("scan", noise_std=8).visible_darkening > clean
    assert (
        PageDamage("copy", threshold=150).visible_darkening
        > PageDamage("copy", threshold=220).visible_darkening
        > clean
    )


def test_bleed_shows_the_mirrored_print_faintly() -> None:
    page = np.full((100, 100, 3), 255, np.uint8)
    page[40:60, 10:20] = 0
    seen = [bleed_through(np.random.default_rng(seed), page, 0.15) for seed in range(8)]
    ghosts = [picture[40:60, 80:90].mean() for picture in seen]
    # The other side's black print darkens the paper by 15 % at most, and less where it is blurred.
    assert 255 * 0.85 - 2 < min(ghosts) < 255 * 0.9
    assert all((picture[42:58, 12:18] == 0).all() for picture in seen)


def test_jpeg_bytes_are_the_same_every_time_and_close_to_the_picture() -> None:
    page = page_of(np.random.default_rng(0))
    assert jpeg_bytes(page, 80) == jpeg_bytes(page, 80)
    assert np.abs(after_jpeg(page, 95).astype(int) - page).mean() < 3
