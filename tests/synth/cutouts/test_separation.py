"""Ink told from paper, print, rules and other marks: measured on made-up pages whose ink is known px by px."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from docdetect.synth.cutouts.ink import ink_of
from docdetect.synth.cutouts.selection import CutMark, Reason, cut_mark
from docdetect.synth.cutouts.separation import separate, transparent
from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.signatures import make_signature
from docdetect.synth.ink import Ink
from docdetect.synth.patch import Patch, composite
from docdetect.synth.stamps.impression import make_stamp
from docdetect.types import BoolArray, ByteArray

PX_PER_MM = 8.0
BoxPx = tuple[int, int, int, int]


def page(fonts: FontBook, *, tint: tuple[int, int, int] = (255, 255, 255), noise: float = 0.0) -> ByteArray:
    """A page of 900 x 700 px with rows of print and, under row 8, a rule."""
    picture = Image.new("RGB", (900, 700), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    font = fonts.faces[0].sized(26)
    for row in range(16):
        if row not in (6, 7):
            pen.text((40, 20 + 42 * row), "The parties agree on what follows, and sign", (20, 20, 22), font)
    pen.line((60, 20 + 42 * 8 - 8, 840, 20 + 42 * 8 - 8), (20, 20, 20), 3)
    pixels = np.asarray(picture).astype(np.float32) * np.array(tint) / 255
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape[:2])[:, :, None]
    return np.asarray(np.clip(cv2.GaussianBlur(pixels, (0, 0), 0.6), 0, 255), np.uint8)


def laid(pixels: ByteArray, patch: Patch, xy: tuple[int, int]) -> tuple[BoxPx, BoolArray]:
    """Lays a patch on the page; its box, and which px of the page are its ink."""
    box = composite(pixels, patch, xy)
    assert box is not None
    ink = np.zeros(pixels.shape[:2], bool)
    height, width = patch.ink.shape
    ink[xy[1] : xy[1] + height, xy[0] : xy[0] + width] = patch.ink
    return box, ink


def agreement(cut: CutMark, ink: BoolArray) -> float:
    """Intersection over union of the ink of a cut-out and the true ink."""
    found = np.zeros_like(ink)
    left, top, right, bottom = cut.box
    darkness = cut.rgba[:, :, 3].astype(np.float32) * (255 - cut.rgba[:, :, :3].min(axis=2)) / 255
    found[top:bottom, left:right] = darkness >= 26
    return float((found & ink).sum() / (found | ink).sum())


def signature(seed: int, rgb: tuple[int, int, int]) -> Patch:
    rng = np.random.default_rng(seed)
    return make_signature(rng, PX_PER_MM, ink=Ink(rgb, 0.95), within_mm=(60.0, 22.0))


@pytest.mark.parametrize("rgb", [(40, 60, 170), (30, 30, 34)])
def test_signatures_come_out_of_print_and_rules(fonts: FontBook, rgb: tuple[int, int, int]) -> None:
    """On white and on tinted, grainy paper: a signature on a rule, with print below its foot."""
    found = []
    for seed in range(6):
        pixels = page(fonts, tint=((255, 255, 255), (238, 228, 205))[seed % 2], noise=3.0 * (seed % 2))
        patch = signature(seed, rgb)
        box, ink = laid(pixels, patch, (150, 20 + 42 * 8 - 4 - patch.size_wh[1]))
        cut = cut_mark(pixels, box, [], [], handwritten=True, code=False)
        assert isinstance(cut, CutMark)
        found.append(agreement(cut, ink))
        assert cut.colour == ("blue" if rgb[2] > 100 else "grey")
    assert np.median(found) > 0.75
    assert np.mean(found) > 0.6


def test_coloured_stamps_come_out_of_the_print_below_them(fonts: FontBook) -> None:
    found, left_in = [], []
    for seed in range(6):
        pixels = page(fonts)
        print_only = pixels.min(axis=2) < 128
        ink = Ink((60, 70, 190) if seed % 2 else (190, 50, 60), 0.9)
        patch = make_stamp(np.random.default_rng(seed), PX_PER_MM, fonts, ink=ink)
        box, true_ink = laid(pixels, patch, (240, 180))
        cut = cut_mark(pixels, box, [], [], handwritten=False, code=False)
        assert isinstance(cut, CutMark)
        found.append(agreement(cut, true_ink))
        left, top, right, bottom = cut.box
        beside = print_only[top:bottom, left:right] & ~cv2.dilate(
            true_ink[top:bottom, left:right].astype(np.uint8), np.ones((5, 5), np.uint8)
        ).astype(bool)
        left_in.append(float((cut.rgba[:, :, 3] > 60)[beside].mean()) if beside.any() else 0.0)
    assert np.mean(found) > 0.6
    assert np.mean(left_in) < 0.1


def test_a_cut_out_laid_on_white_paper_is_the_mark_on_white_paper(fonts: FontBook) -> None:
    white = np.full((400, 700, 3), 255, np.uint8)
    patch = signature(3, (40, 60, 170))
    box, _ = laid(white, patch, (60, 60))
    cut = cut_mark(white, box, [], [], handwritten=True, code=False)
    assert isinstance(cut, CutMark)
    again = np.full_like(white, 255)
    composite(again, Patch(cut.rgba, "signature"), (cut.box[0], cut.box[1]))
    assert np.abs(again.astype(int) - white).mean() < 0.3
    assert np.quantile(np.abs(again.astype(int) - white).max(axis=2), 0.999) < 40


def test_marks_that_cross_are_told_apart_by_colour_or_left_out(fonts: FontBook) -> None:
    for rgb, is_cut in (((30, 30, 34), True), ((52, 62, 180), False)):
        pixels = np.full((500, 700, 3), 255, np.uint8)
        stamp = make_stamp(np.random.default_rng(5), PX_PER_MM, fonts, ink=Ink((60, 70, 190), 0.9))
        stamp_box, stamp_ink = laid(pixels, stamp, (150, 60))
        patch = signature(1, rgb)
        centre = (stamp_box[0] + stamp_box[2]) // 2 - 40, (stamp_box[1] + stamp_box[3]) // 2 - patch.size_wh[1] // 2
        box, ink = laid(pixels, patch, centre)
        cut = cut_mark(pixels, box, [stamp_box], [], handwritten=True, code=False)
        if not is_cut:
            assert cut is Reason.CROSSED
            continue
        assert isinstance(cut, CutMark)
        # Where the two lie on each other, nobody can tell whose ink it is.
        assert agreement(cut, ink) > 0.55
        assert cut.colour == "grey"
        stamp_cut = cut_mark(pixels, stamp_box, [box], [], handwritten=False, code=False)
        assert isinstance(stamp_cut, CutMark)
        assert agreement(stamp_cut, stamp_ink) > 0.55


def test_what_cannot_be_cut_out_is_told_with_its_reason() -> None:
    white = np.full((200, 300, 3), 250, np.uint8)
    assert cut_mark(white, (50, 50, 150, 100), [], [], handwritten=True, code=False) is Reason.NO_INK
    assert cut_mark(white, (50, 50, 56, 100), [], [], handwritten=True, code=False) is Reason.SMALL
    dark = np.full((200, 300, 3), 20, np.uint8)
    cv2.putText(dark, "SECRET", (60, 90), cv2.FONT_HERSHEY_SIMPLEX, 1, (240, 240, 240), 3)
    assert cut_mark(dark, (50, 50, 200, 110), [], [], handwritten=False, code=False) is Reason.DARK
    cv2.putText(white, "SECRET", (60, 90), cv2.FONT_HERSHEY_SIMPLEX, 1, (30, 30, 30), 3)
    box = (50, 60, 180, 100)
    assert cut_mark(white, box, [box], [box], handwritten=False, code=False) is Reason.TWICE


def test_a_badly_placed_box_has_a_lower_quality(fonts: FontBook) -> None:
    pixels = page(fonts)
    patch = signature(2, (40, 60, 170))
    box, _ = laid(pixels, patch, (150, 255))
    whole = cut_mark(pixels, box, [], [], handwritten=True, code=False)
    half = (box[0] + box[2]) // 2, box[1], box[2] + (box[2] - box[0]), box[3]
    badly = cut_mark(pixels, half, [], [], handwritten=True, code=False)
    assert isinstance(whole, CutMark)
    assert whole.quality > 0.6
    assert isinstance(badly, Reason) or badly.quality < 0.7 * whole.quality


def test_codes_keep_all_ink_of_their_box() -> None:
    white = np.full((160, 160, 3), 240, np.uint8)
    modules = np.random.default_rng(0).random((21, 21)) < 0.5
    code = np.where(modules, 15, 240).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    white[40:124, 40:124] = code[:, :, None]
    cut = cut_mark(white, (40, 40, 124, 124), [], [], handwritten=False, code=True)
    assert isinstance(cut, CutMark)
    ink = np.zeros((160, 160), bool)
    ink[40:124, 40:124] = code < 128
    assert agreement(cut, ink) > 0.95


def test_ink_is_found_by_contrast_to_the_paper_around_it() -> None:
    """A shadow across the paper is no ink; a stroke in the shadow is."""
    pixels = np.full((200, 400, 3), 245.0)
    pixels *= np.linspace(1.0, 0.55, 400)[None, :, None]
    pixels[90:110, 60:340] *= 0.4
    ink = ink_of(pixels.astype(np.uint8))
    assert ink.visible[95:105, 70:330].mean() > 0.99
    assert ink.visible[:80].mean() < 0.01
    found = separate(ink, (55, 85, 345, 115), handwritten=False)
    assert found is not None
    assert transparent(ink, found.mask)[:, :, 3][:80].max() == 0
