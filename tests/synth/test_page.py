"""Pages: always the same, boxes tight around the ink that is left, no labels without ink and no ink without labels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from docdetect.config.schema import MARK_KINDS, SynthConfig
from docdetect.synth.fonts import FontBook
from docdetect.synth.ink import Ink
from docdetect.synth.marks import PlacedPatch
from docdetect.synth.page import Materials, PagePlan, SynthPage, draw_page, make_page, plan_page
from docdetect.synth.page_layout import PageLayout
from docdetect.synth.paper.copying import COPY_PROCESSES, CopyProcess, PageDamage, random_damage, random_geometry
from docdetect.synth.paper.geometry import flat
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.impression import StampShape, Wear, make_stamp
from docdetect.types import ByteArray

LONG_SIDE = 640


@pytest.fixture(scope="module")
def materials(fonts: FontBook) -> Materials:
    config = SynthConfig()
    return Materials(fonts, None, config.layouts, config.papers)


def blank_plan(placed: tuple[PlacedPatch, ...], damage: PageDamage, seed: int = 0) -> PagePlan:
    layout = PageLayout(210, 297)
    sheet_wh = round(LONG_SIDE * 210 / 297), LONG_SIDE
    geometry = random_geometry(np.random.default_rng(seed), damage.kind, sheet_wh, 0.5)
    return PagePlan((0, seed), layout, sheet_wh, placed, damage, geometry, "blank")


def visible_change(page: SynthPage, without: SynthPage) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom px) around everything that a person sees differ between two pages."""
    change = cv2.absdiff(page.pixels, without.pixels).max(axis=2)
    least = 60 if page.plan.damage.threshold is not None else 25
    x, y, width, height = cv2.boundingRect((change >= least).astype(np.uint8))
    return x, y, x + width, y + height


def dark_patch(kind: str, side: int = 40, alpha: int = 255) -> Patch:
    return Patch(np.full((side, side, 4), (0, 0, 0, alpha), np.uint8), kind)


def test_a_page_is_always_the_same_page(materials: Materials) -> None:
    first, again = (make_page(3, 5, LONG_SIDE, materials) for _ in range(2))
    assert (first.pixels == again.pixels).all()
    assert [(mark.kind, mark.box, mark.text) for mark in first.marks] == [
        (mark.kind, mark.box, mark.text) for mark in again.marks
    ]
    other = make_page(3, 6, LONG_SIDE, materials)
    assert other.pixels.shape != first.pixels.shape or (other.pixels != first.pixels).any()


@pytest.mark.parametrize("kind", COPY_PROCESSES)
def test_boxes_are_tight_around_the_ink_after_every_damage(kind: CopyProcess, fonts: FontBook) -> None:
    worst = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        # The ink is dark, so that copies that lose greys keep it.
        ink = Ink((40, 40, 90))
        stamp = make_stamp(rng, LONG_SIDE / 297, fonts, shape=StampShape.ROUND, wear=Wear(), ink=ink)
        placed = PlacedPatch(stamp, 150 + 40 * seed, 200 + 30 * seed, 2)
        damage = replace(random_damage(rng, kind), specks=0, folds=0, holes=0, stains=0)
        plan = blank_plan((placed,), damage, seed)
        page, without = draw_page(plan), draw_page(replace(plan, placed=()))
        assert len(page.marks) == 1
        worst.append(np.abs(np.subtract(page.marks[0].box, visible_change(page, without))).max())
    assert max(worst) <= 2, worst


def test_boxes_of_crowded_pages_are_tight_too(materials: Materials) -> None:
    """When one mark is removed, the finished picture changes inside the mark's box and up to the box's edges."""
    errors = []
    for number in range(8):
        page = draw_page(plan_page(11, number, LONG_SIDE, materials))
        for mark in page.marks[:3]:
            rest = tuple(placed for placed in page.drawn if placed is not mark.placed)
            without = draw_page(replace(page.plan, placed=rest))
            # Without the mark a neighbour may become visible or too faint to be drawn; such pages do not count.
            if len(without.drawn) == len(rest):
                errors.append(np.abs(np.subtract(mark.box, visible_change(page, without))).max())
    assert len(errors) >= 8
    assert np.mean(np.array(errors) <= 2) >= 0.8, errors


def test_a_mark_too_faint_to_see_goes_with_its_ink() -> None:
    faint = PlacedPatch(dark_patch("stamp_company", alpha=30), 100, 100, 2)
    damage = PageDamage("scan", contrast=0.4)
    page, without = (draw_page(blank_plan(placed, damage)) for placed in ((faint,), ()))
    assert page.marks == ()
    assert page.drawn == ()
    assert (page.pixels == without.pixels).all()


def test_what_is_no_mark_may_be_faint() -> None:
    page = draw_page(
        blank_plan((PlacedPatch(dark_patch("", alpha=30), 100, 100, 2),), PageDamage("scan", contrast=0.4))
    )
    assert len(page.drawn) == 1
    assert page.marks == ()


@pytest.mark.parametrize("kind", COPY_PROCESSES)
def test_pages_tell_where_their_distractors_lie(kind: CopyProcess) -> None:
    for seed in range(3):
        damage = replace(random_damage(np.random.default_rng(seed), kind), specks=0, folds=0, holes=0, stains=0)
        distractor = PlacedPatch(dark_patch("", 60), 120 + 60 * seed, 200, 0)
        plan = blank_plan((distractor, PlacedPatch(dark_patch("", 90), 20, 20, 0, "cover")), damage, seed)
        page = draw_page(plan)
        without = draw_page(replace(plan, placed=plan.placed[1:]))
        (box,) = page.distractors
        seen = visible_change(page, without)
        bend = plan.geometry.bend
        slack = 5 if bend is None else 5 + 3 * float(np.abs(bend).max())
        assert all(abs(told - found) <= slack for told, found in zip(box, seen, strict=True)), (box, seen)
        assert box[0] <= seen[0] + 2
        assert box[3] >= seen[3] - 2


def test_a_mark_hidden_by_darkness_goes(fonts: FontBook) -> None:
    below = PlacedPatch(dark_patch("", 60), 100, 100, 0)
    above = PlacedPatch(dark_patch("handwritten_signature", 40), 110, 110, 3)
    assert draw_page(blank_plan((below, above), PageDamage("digital"))).marks == ()


def test_a_mark_on_print_that_a_one_bit_copy_makes_black_goes() -> None:
    tint = PlacedPatch(Patch(np.full((80, 80, 4), (150, 150, 150, 255), np.uint8), ""), 100, 100, 0)
    mark = PlacedPatch(dark_patch("stamp_company"), 120, 120, 2)
    grey, copy = (PageDamage("scan", grey=True), PageDamage("copy", grey=True, threshold=200))
    assert len(draw_page(blank_plan((tint, mark), grey)).marks) == 1
    assert draw_page(blank_plan((tint, mark), copy)).marks == ()


@pytest.mark.parametrize(("x", "kept"), [(-10, True), (-34, False), (-60, False), (5000, False)])
def test_a_mark_over_the_edge_is_cut_or_left_out(x: int, kept: bool) -> None:
    plan = replace(blank_plan((PlacedPatch(dark_patch("stamp_company"), x, 50, 2),), PageDamage("digital")))
    page = draw_page(replace(plan, geometry=flat(plan.sheet_wh)))
    assert [mark.box for mark in page.marks] == ([(0, 50, 40 + x, 90)] if kept else [])


def test_overlapping_marks_keep_their_own_boxes() -> None:
    stamp = PlacedPatch(Patch(np.full((60, 60, 4), (60, 80, 200, 150), np.uint8), "stamp_company"), 50, 50, 2)
    pen = PlacedPatch(Patch(np.full((10, 50, 4), (10, 10, 40, 255), np.uint8), "handwritten_signature"), 80, 70, 3)
    plan = blank_plan((stamp, pen), PageDamage("digital"))
    page = draw_page(replace(plan, geometry=flat(plan.sheet_wh)))
    assert [mark.box for mark in page.marks] == [(50, 50, 110, 110), (80, 70, 130, 80)]


def test_qr_codes_whose_modules_would_run_together_in_a_one_bit_copy_are_left_out() -> None:
    code = PlacedPatch(dark_patch("qr"), 50, 50, 4, text="x", module_px=0.8)
    assert len(draw_page(blank_plan((code,), PageDamage("digital"))).marks) == 1
    assert draw_page(blank_plan((code,), PageDamage("copy", grey=True, threshold=200))).drawn == ()


def test_empty_pages_have_no_mark_and_others_mostly_have(materials: Materials) -> None:
    empty = [plan_page(5, number, LONG_SIDE, replace(materials, p_empty=1.0)) for number in range(12)]
    assert not any(placed.patch.kind for plan in empty for placed in plan.placed)
    full = [plan_page(5, number, LONG_SIDE, replace(materials, p_empty=0.0)) for number in range(24)]
    assert sum(any(placed.patch.kind for placed in plan.placed) for plan in full) >= 20
    kinds = {placed.patch.kind for plan in full for placed in plan.placed} - {""}
    assert kinds <= set(MARK_KINDS)
    assert {"qr", "handwritten_signature"} <= kinds


def test_signatures_lie_on_stamps_in_most_contracts_that_have_both(materials: Materials) -> None:
    contracts = replace(materials, document_weights={"contract": 1.0}, p_empty=0.0)
    both = meeting = 0
    for number in range(30):
        placed = plan_page(1, number, LONG_SIDE, contracts).placed
        stamps = [one for one in placed if one.patch.kind.startswith("stamp_")]
        signatures = [one for one in placed if one.patch.kind == "handwritten_signature"]
        both += bool(stamps and signatures)
        meeting += any(_meet(signature, stamp) for signature in signatures for stamp in stamps)
    assert both >= 12
    assert meeting / both >= 0.55


def _meet(a: PlacedPatch, b: PlacedPatch) -> bool:
    """Whether the ink of two patches overlaps."""
    canvas = np.zeros((LONG_SIDE * 2, LONG_SIDE * 2), np.uint8)
    for one in (a, b):
        width, height = one.patch.size_wh
        x, y = one.x_px + LONG_SIDE // 2, one.y_px + LONG_SIDE // 2
        part: ByteArray = canvas[max(y, 0) : y + height, max(x, 0) : x + width]
        part += one.patch.ink[: part.shape[0], : part.shape[1]]
    return bool((canvas == 2).any())
