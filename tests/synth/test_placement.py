"""Placement: signatures in seals, and trade marks that fill their places."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.config.schema import SynthConfig
from docdetect.synth.fonts import FontBook
from docdetect.synth.marks import PlacedPatch
from docdetect.synth.page import Materials, plan_page
from docdetect.synth.page_layout import Slot
from docdetect.synth.placement import _crowded

LONG_SIDE = 640


def test_a_crowd_gathers_the_signatures_near_one_seal() -> None:
    near, below, far = (
        Slot("signature", 100, 200, 50, 10),
        Slot("signature", 110, 212, 50, 10),
        Slot("signature", 100, 60, 50, 10),
    )
    for seed in range(10):
        moved, (x, y) = _crowded(np.random.default_rng(seed), [near, below, far], near)
        assert far in moved
        assert 180 < y < 235
        assert len(moved) in (3, 4)
        gathered = [slot for slot in moved if slot is not far]
        assert all(abs(slot.x_mm - x) < 40 for slot in gathered)


def test_somebody_who_signs_alone_signs_twice_in_a_crowd() -> None:
    alone = Slot("signature", 100, 200, 50, 10)
    moved, _ = _crowded(np.random.default_rng(0), [alone], alone)
    assert len(moved) == 2


def test_small_signatures_lie_whole_in_seals_on_some_acts(fonts: FontBook) -> None:
    config = SynthConfig()
    acts = Materials(fonts, None, {"act": 1.0}, config.papers, p_empty=0.0)
    held = sum(
        _inside(signature, seal)
        for number in range(40)
        for placed in [plan_page(2, number, LONG_SIDE, acts).placed]
        for seal in placed
        if seal.patch.kind.startswith("stamp_")
        for signature in placed
        if signature.patch.kind == "handwritten_signature"
    )
    assert held >= 10


def test_trade_marks_fill_their_places_and_are_no_marks(fonts: FontBook) -> None:
    config = SynthConfig()
    letters = Materials(fonts, None, {"letter": 1.0}, config.papers, p_empty=0.0)
    seen = 0
    for number in range(40):
        plan = plan_page(3, number, LONG_SIDE, letters)
        for slot in plan.layout.slots:
            if slot.kind != "brand":
                continue
            seen += 1
            scale = plan.sheet_wh[0] / plan.layout.width_mm
            middle = slot.x_mm * scale, slot.y_mm * scale
            (brand,) = (
                one for one in plan.placed if one.patch.kind == "" and _middle(one) == pytest.approx(middle, abs=1)
            )
            width, height = brand.patch.size_wh
            assert width <= slot.width_mm * scale + 1
            assert height <= slot.height_mm * scale + 1
            assert width >= slot.width_mm * scale - 2 or height >= slot.height_mm * scale - 2
    assert seen >= 5


def _middle(placed: PlacedPatch) -> tuple[float, float]:
    width, height = placed.patch.size_wh
    return placed.x_px + width / 2, placed.y_px + height / 2


def _inside(inner: PlacedPatch, outer: PlacedPatch) -> bool:
    (width, height), (room, depth) = inner.patch.size_wh, outer.patch.size_wh
    return (
        outer.x_px <= inner.x_px
        and outer.y_px <= inner.y_px
        and inner.x_px + width <= outer.x_px + room
        and inner.y_px + height <= outer.y_px + depth
    )


def test_libraries_stamp_old_pages_more_often_than_letters(fonts: FontBook) -> None:
    config = SynthConfig()

    def stamped(name: str) -> int:
        materials = Materials(fonts, None, {name: 1.0}, config.papers, p_empty=0.0)
        plans = [plan_page(4, number, 320, materials) for number in range(24)]
        return sum(any(placed.patch.kind == "stamp_library" for placed in plan.placed) for plan in plans)

    assert stamped("book") >= 7
    assert stamped("letter") <= 5
