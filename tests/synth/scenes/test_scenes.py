"""Scenes: marks where they are said to be, signatures that meet stamps, writing beside signatures that is no mark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from docdetect.synth.fonts import FontBook
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page_layout import PageLayout, Slot
from docdetect.synth.scenes.beside import neighbours, writing_beside
from docdetect.synth.scenes.crowds import corner_initials, margin_approvals, name_stamps, signed_stamps, stacked_stamps
from docdetect.synth.scenes.office import grid_stamps, library_stamps, office_stamps
from docdetect.synth.text import random_writer

PX_PER_MM = 640 / 297
PAGE = PageLayout(210, 297)


def maker(fonts: FontBook, seed: int) -> MarkMaker:
    return MarkMaker(random_writer(np.random.default_rng(seed)), PX_PER_MM, fonts)


def overlap(one: PlacedPatch, other: PlacedPatch) -> bool:
    boxes = [(p.x_px, p.y_px, p.x_px + p.patch.size_wh[0], p.y_px + p.patch.size_wh[1]) for p in (one, other)]
    (a0, b0, a1, b1), (c0, d0, c1, d1) = boxes
    return min(a1, c1) > max(a0, c0) and min(b1, d1) > max(b0, d0)


def test_office_stamps_lie_on_the_page_and_are_marks(fonts: FontBook) -> None:
    upright = struck = total = 0
    for seed in range(25):
        placed = office_stamps(maker(fonts, seed), PAGE)
        stamps = [one for one in placed if one.patch.kind == "stamp_office"]
        assert stamps
        for one in stamps:
            width, height = one.patch.size_wh
            inside = min(one.x_px + width, PAGE.width_mm * PX_PER_MM) - max(one.x_px, 0)
            assert inside > 0.7 * width
            upright += height > 2 * width
        total += len(stamps)
        struck += sum(one.name == "line through a stamp" for one in placed)
        assert all(one.patch.kind in ("stamp_office", "") for one in placed)
    assert total >= 35
    assert upright >= 2
    assert struck >= 1


def test_lines_that_strike_out_cross_a_stamp(fonts: FontBook) -> None:
    seen = 0
    for seed in range(60):
        placed = office_stamps(maker(fonts, seed), PAGE)
        for line in (one for one in placed if one.name == "line through a stamp"):
            assert any(overlap(line, one) for one in placed if one.patch.kind)
            seen += 1
    assert seen >= 4


def test_initials_in_a_grid_are_marks_and_other_entries_are_none(fonts: FontBook) -> None:
    names = set()
    for seed in range(25):
        placed = grid_stamps(maker(fonts, seed), PAGE)
        grids = [one for one in placed if one.patch.kind == "stamp_grid"]
        assert grids
        for one in placed:
            names.add(one.name)
            assert (one.patch.kind == "initials") == (one.name == "initials in a grid stamp")
    assert {"grid stamp", "initials in a grid stamp", "entry in a grid stamp"} <= names


def test_marks_grow_with_the_scale_of_the_page(fonts: FontBook) -> None:
    for make in (office_stamps, library_stamps):
        usual, large = (
            make(replace(maker(fonts, 3), mark_scale=scale), PAGE)[0].patch.size_wh[0] for scale in (1.0, 2.0)
        )
        assert large == pytest.approx(2 * usual, rel=0.15)


def test_signatures_meet_the_stamps_that_they_are_set_on(fonts: FontBook) -> None:
    met = total = 0
    for seed in range(20):
        placed = signed_stamps(maker(fonts, seed), PAGE, [], 2)
        stamps = [one for one in placed if one.patch.kind.startswith("stamp_")]
        for one in (one for one in placed if one.patch.kind == "handwritten_signature"):
            met += any(overlap(one, stamp) for stamp in stamps)
            total += 1
    assert total == 40
    assert met >= 36


def test_approvals_stand_in_a_column_at_the_left(fonts: FontBook) -> None:
    for seed in range(8):
        stamps = [one for one in margin_approvals(maker(fonts, seed), PAGE) if one.patch.kind.startswith("stamp_")]
        centres = [one.x_px + one.patch.size_wh[0] / 2 for one in stamps]
        assert all(centre < 35 * PX_PER_MM for centre in centres)
        tops = [one.y_px for one in stamps]
        assert tops == sorted(tops)


def test_a_heap_has_stamps_that_meet(fonts: FontBook) -> None:
    heaps = [
        [one for one in stacked_stamps(maker(fonts, seed), PAGE) if one.patch.kind.startswith("stamp_")]
        for seed in range(10)
    ]
    assert all(len(heap) >= 2 for heap in heaps)
    assert sum(any(overlap(heap[0], one) for one in heap[1:]) for heap in heaps) >= 8


def signature(fonts: FontBook, seed: int) -> PlacedPatch:
    return maker(fonts, seed).signature(Slot("signature", 100, 200, 50, 14), None, None)


def test_what_is_written_beside_a_signature_is_near_it_and_no_mark(fonts: FontBook) -> None:
    names = []
    for seed in range(40):
        one = signature(fonts, seed)
        for written in writing_beside(maker(fonts, seed + 100), [one], 1.0):
            assert written.patch.kind == ""
            gap_x = max(
                written.x_px - one.x_px - one.patch.size_wh[0], one.x_px - written.x_px - written.patch.size_wh[0]
            )
            gap_y = max(
                written.y_px - one.y_px - one.patch.size_wh[1], one.y_px - written.y_px - written.patch.size_wh[1]
            )
            assert max(gap_x, gap_y) < 10 * PX_PER_MM
            names.append(written.name)
    assert names.count("date beside a signature") > 15
    assert not writing_beside(maker(fonts, 0), [signature(fonts, 0)], 0.0)


def test_neighbours_and_corner_initials_are_marks_of_their_own(fonts: FontBook) -> None:
    for seed in range(10):
        (more,) = neighbours(maker(fonts, seed), [signature(fonts, seed)], 1.0)
        assert more.patch.kind in ("handwritten_signature", "initials")
        corner = corner_initials(maker(fonts, seed), PAGE)
        assert 2 <= len(corner) <= 4
        assert {one.patch.kind for one in corner} == {"initials"}


def test_a_name_stamp_lies_under_its_signature(fonts: FontBook) -> None:
    for seed in range(10):
        one = signature(fonts, seed)
        (stamp,) = name_stamps(maker(fonts, seed), [one], 1.0)
        assert stamp.patch.kind == "stamp_office"
        assert stamp.y_px + stamp.patch.size_wh[1] / 2 > one.y_px + one.patch.size_wh[1] / 2


@pytest.mark.parametrize("scene", [office_stamps, grid_stamps, library_stamps, margin_approvals, stacked_stamps])
def test_the_same_random_state_gives_the_same_scene(fonts: FontBook, scene: object) -> None:
    assert callable(scene)
    first, again = (scene(maker(fonts, 7), PAGE) for _ in range(2))
    assert [(one.x_px, one.y_px, one.name) for one in first] == [(one.x_px, one.y_px, one.name) for one in again]
    assert all((one.patch.rgba == other.patch.rgba).all() for one, other in zip(first, again, strict=True))
