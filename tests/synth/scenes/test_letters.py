"""Salutations and closings by hand on letters: in their places, above the signature, and never labelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from docdetect.synth.fonts import FontBook
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page import Materials, draw_page, make_page, plan_page
from docdetect.synth.page_layout import PageLayout, Slot
from docdetect.synth.patch import Patch
from docdetect.synth.scenes.letters import closings, openings
from docdetect.synth.text import random_writer

PX_PER_MM = 640 / 297
TOOL = Ink((20, 30, 90), 0.9), Pen(0.4, 0.2, 0.2, 0.2)
CLOSING = Slot("closing", 100, 190, 70, 8)
SIGNED = Slot("signature", 95, 203, 55, 15)
NAMES = ("opening by hand", "addressee by hand", "closing by hand")


def maker(fonts: FontBook, seed: int) -> MarkMaker:
    return MarkMaker(random_writer(np.random.default_rng(seed)), PX_PER_MM, fonts)


def box(placed: PlacedPatch) -> tuple[int, int, int, int]:
    width, height = placed.patch.size_wh
    return placed.x_px, placed.y_px, placed.x_px + width, placed.y_px + height


def cover(one: PlacedPatch, other: PlacedPatch) -> bool:
    (a0, b0, a1, b1), (c0, d0, c1, d1) = box(one), box(other)
    return min(a1, c1) > max(a0, c0) and min(b1, d1) > max(b0, d0)


def test_a_closing_lies_above_the_signature_and_covers_none(fonts: FontBook) -> None:
    page, drawn = PageLayout(210, 297, slots=[CLOSING, SIGNED]), 0
    for seed in range(40):
        signature = maker(fonts, seed).signature(SIGNED, None, None)
        # Somebody else has signed at the end of the closing's line.
        other = maker(fonts, seed + 50).signature(replace(SIGNED, x_mm=150, y_mm=192), None, None)
        for one in closings(maker(fonts, seed + 100), page, [signature, other]):
            drawn += 1
            assert one.patch.kind == ""
            assert one.name == "closing by hand"
            assert box(one)[3] <= box(signature)[1]
            assert not cover(one, other)
            assert box(one)[1] / PX_PER_MM > CLOSING.y_mm - 35
    assert drawn >= 20


def test_a_closing_has_mostly_the_ink_of_the_signature_below_it(fonts: FontBook) -> None:
    page, red, drawn = PageLayout(210, 297, slots=[CLOSING, SIGNED]), 0, 0
    for seed in range(40):
        signature = maker(fonts, seed).signature(SIGNED, Ink((210, 20, 20), 1.0), None)
        for one in closings(maker(fonts, seed + 100), page, [signature]):
            drawn += 1
            colour = one.patch.rgba[one.patch.rgba[:, :, 3] > 100][:, :3].mean(axis=0)
            red += bool(colour[0] > colour[2] + 80)
    assert drawn >= 20
    assert 0.6 < red / drawn < 1


def test_a_closing_stays_on_its_line_where_nobody_signed(fonts: FontBook) -> None:
    page = PageLayout(210, 297, slots=[CLOSING])
    for seed in range(10):
        (one,) = closings(maker(fonts, seed), page, [])
        assert box(one)[1] / PX_PER_MM < CLOSING.y_mm < box(one)[3] / PX_PER_MM + 2
        assert box(one)[2] - box(one)[0] <= CLOSING.width_mm * PX_PER_MM + 1


def test_a_closing_that_a_signature_leaves_no_room_is_left_out(fonts: FontBook) -> None:
    page = PageLayout(210, 297, slots=[CLOSING])
    tall = maker(fonts, 0).signature(SIGNED, None, None)
    high = replace(tall, y_px=round((CLOSING.y_mm - 25) * PX_PER_MM), patch=_as_high(tall, 60))
    assert closings(maker(fonts, 1), page, [high]) == []


def _as_high(placed: PlacedPatch, height_mm: float) -> Patch:
    rgba = np.full((round(height_mm * PX_PER_MM), placed.patch.size_wh[0], 4), 255, np.uint8)
    return replace(placed.patch, rgba=rgba)


def test_names_and_salutations_begin_where_their_places_begin(fonts: FontBook) -> None:
    slots = [Slot("opening", 70, 60, 90, 8), Slot("addressee", 75, 80, 40, 7)]
    for seed in range(10):
        placed = openings(maker(fonts, seed), PageLayout(210, 297, slots=slots), TOOL)
        assert [one.name for one in placed] == ["opening by hand", "addressee by hand"]
        for one, slot in zip(placed, slots, strict=True):
            left, top, right, bottom = (value / PX_PER_MM for value in box(one))
            assert left == pytest.approx(slot.x_mm - slot.width_mm / 2, abs=0.5)
            assert right <= slot.x_mm + slot.width_mm / 2 + 0.5
            assert top < slot.y_mm < bottom + 2
            assert one.patch.kind == ""


def test_letters_have_salutations_as_distractors_and_never_as_marks(fonts: FontBook) -> None:
    materials = Materials(fonts, None, {"letter": 1.0}, {"digital": 1.0}, p_empty=0.1)
    counts = dict.fromkeys(NAMES, 0)
    for number in range(24):
        plan = plan_page(18, number, 400, materials)
        if not {one.name for one in plan.placed} & set(NAMES):
            continue
        page = draw_page(plan)
        assert not {mark.placed.name for mark in page.marks} & set(NAMES)
        for name, (left, top, right, bottom) in zip(page.distractor_names, page.distractors, strict=True):
            if name in counts:
                counts[name] += 1
                assert left < right
                assert top < bottom
        closing = [one for one in page.drawn if one.name == "closing by hand"]
        signatures = [one for one in page.drawn if one.patch.kind == "handwritten_signature"]
        assert not any(cover(one, other) for one in closing for other in signatures)
    assert all(count >= 1 for count in counts.values()), counts


def test_the_same_seed_gives_the_same_letter(fonts: FontBook) -> None:
    materials = Materials(fonts, None, {"letter": 1.0}, {"digital": 1.0}, p_empty=0.0)
    for number in range(4):
        first, again = (make_page(5, number, 320, materials) for _ in range(2))
        assert first.pixels.tobytes() == again.pixels.tobytes()
        assert first.distractors == again.distractors
