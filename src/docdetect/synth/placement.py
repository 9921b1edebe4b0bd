"""Fills the places of a laid-out page: who signs, what is stamped where, what is written in by hand, which codes.

Signatures lie on stamps more often than beside them, as on real contracts, in the stamp's own colour or another.
Stamps are drawn before signatures: both are ink, so that the order does not change the picture, and a signature's
contrast is then measured against the stamp that it lies on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from docdetect.synth.handwriting.notes import ScribbleKind
from docdetect.synth.ink import Ink, Pen, make_pen, stamp_ink
from docdetect.synth.marks import Maker, Placed
from docdetect.synth.sheet import Sheet, Slot, SlotKind, Text
from docdetect.synth.stamps.impression import StampShape

_ON_SIGNATURE = 0.78  # of stamps beside a signature: drawn onto it
_SQUARE_ON = 0.35  # of those: right on it, with the signature well inside
_SAME_INK = 0.35  # of signatures under a stamp: in its colour
_SMALL = 0.42  # of pages: everybody signs small
_CROWDED = 0.45  # of seals on those: several signatures lie in it
_MOST_WRITTEN = 14  # entries by hand on a page: more cost time and teach nothing


@dataclass(frozen=True)
class Habits:
    """What is usual on one page; probabilities.

    Attributes:
        signed: of each place to sign.
        sealed: of each place of a stamp.
        coded: of each place of a code.
        filled: of each field to fill in by hand.
        scribbled: of each place for notes.
    """

    signed: float
    sealed: float
    coded: float
    filled: float
    scribbled: float


def draw_habits(rng: np.random.Generator, *, empty: bool, codes: bool) -> Habits:
    """Habits of a page; an `empty` one has no marks at all, and one of `codes` has them everywhere."""
    if empty:
        return Habits(0.0, 0.0, 0.0, float(rng.choice([0.0, 0.8])), float(rng.choice([0.0, 0.4])))
    return Habits(
        signed=float(rng.choice([1.0, 0.85, 0.5, 0.0], p=[0.54, 0.24, 0.16, 0.06])),
        sealed=float(rng.choice([0.95, 0.6, 0.0], p=[0.54, 0.24, 0.22])),
        coded=1.0 if codes else float(rng.choice([0.0, 0.5, 0.85], p=[0.48, 0.27, 0.25])),
        filled=float(rng.choice([0.0, 0.85], p=[0.4, 0.6])),
        scribbled=float(rng.choice([0.0, 0.35], p=[0.6, 0.4])),
    )


def place_marks(maker: Maker, sheet: Sheet, habits: Habits, *, empty: bool) -> list[Placed]:
    """All that lies on the print, in the order in which it is drawn."""
    placed = [
        *_emblems(maker, _slots(sheet, "emblem")),
        *[maker.brand(slot) for slot in _slots(sheet, "brand")],
        *[maker.icon(slot) for slot in _slots(sheet, "icon", "year")],
        *_handwriting(maker, sheet, habits),
        *_corrections(maker, sheet),
        *_codes(maker, _slots(sheet, "code"), habits, empty=empty),
    ]
    if not empty:
        placed += _signatures_and_stamps(maker, sheet, habits)
        placed += _loose_stamps(maker, sheet, habits)
        if not any(one.patch.kind for one in placed):  # every habit was bad: pages without marks are drawn as such
            placed += _signatures_and_stamps(maker, sheet, replace(habits, signed=1.0, sealed=0.6))
    return sorted(placed, key=lambda one: one.layer)


def _slots(sheet: Sheet, *kinds: SlotKind) -> list[Slot]:
    return [slot for slot in sheet.slots if slot.kind in kinds]


def _emblems(maker: Maker, slots: list[Slot]) -> list[Placed]:
    return [maker.emblem(slot) for slot in slots if maker.rng.random() < 0.85]


def _handwriting(maker: Maker, sheet: Sheet, habits: Habits) -> list[Placed]:
    """Fields, dates, ticks and notes, all in one hand's ink."""
    rng = maker.rng
    ink, pen = maker.own_ink(), make_pen(rng)
    chances: dict[SlotKind, float] = {
        "field": habits.filled, "date": habits.filled, "tick": habits.filled * 0.5, "note": habits.scribbled,
    }  # fmt: skip
    chosen = [slot for slot in _slots(sheet, "field", "date", "tick", "note") if rng.random() < chances[slot.kind]]
    if len(chosen) > _MOST_WRITTEN:
        kept = rng.choice(len(chosen), _MOST_WRITTEN, replace=False)
        chosen = [chosen[index] for index in sorted(kept)]
    return [maker.handwriting(slot, ink, pen) for slot in chosen]


def _corrections(maker: Maker, sheet: Sheet) -> list[Placed]:
    """On a page in eight, lines of print that were blacked out, struck out or circled by hand."""
    rng = maker.rng
    lines = [
        stroke for stroke in sheet.strokes if isinstance(stroke, Text) and stroke.turn == 0 and len(stroke.text) > 2
    ]
    if not lines or rng.random() > 0.13:
        return []
    kind = (ScribbleKind.REDACTION, ScribbleKind.STRIKE, ScribbleKind.CIRCLE)[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    count = int(rng.integers(1, 9 if kind is ScribbleKind.REDACTION else 4))
    return [maker.correction(kind, lines[int(rng.integers(len(lines)))]) for _ in range(count)]


def _codes(maker: Maker, slots: list[Slot], habits: Habits, *, empty: bool) -> list[Placed]:
    """QR codes, or what resembles them: a page has mostly the one or the other."""
    rng = maker.rng
    chance = habits.coded if not empty else float(rng.choice([0.0, 0.9]))
    relatives = 1.0 if empty else float(rng.choice([0.0, 0.25, 1.0], p=[0.68, 0.14, 0.18]))
    grid, white = len(slots) > 4, rng.random() < 0.3
    if not grid and slots and rng.random() < 0.8:
        slots = [slots[int(rng.integers(len(slots)))]]
    size = float(np.exp(rng.uniform(np.log(0.45), np.log(2.0))))  # from 9 to 40 mm where 20 are foreseen
    placed: list[Placed] = []
    for slot in slots:
        if rng.random() >= chance:
            continue
        room = slot if grid else Slot("code", slot.x, slot.y, slot.w * size, slot.h * size)
        if rng.random() < relatives:
            placed.append(maker.code_relative(room))
        else:
            placed += maker.code(room, white=white)
    return placed


def _signatures_and_stamps(maker: Maker, sheet: Sheet, habits: Habits) -> list[Placed]:
    """The signatures of the page, and the seals beside or on them."""
    rng = maker.rng
    signed = [slot for slot in _slots(sheet, "sign") if rng.random() < habits.signed]
    seals = [slot for slot in _slots(sheet, "seal") if rng.random() < habits.sealed][: int(rng.integers(1, 4))]
    shared: tuple[Ink, Pen] | None = (maker.own_ink(), make_pen(rng)) if rng.random() < 0.35 else None
    small = bool(rng.random() < _SMALL)
    inks: dict[Slot, Ink] = {}
    placed: list[Placed] = []
    for seal in seals:
        ink = stamp_ink(rng)
        x, y = seal.x, seal.y
        near = _nearest(signed, seal)
        if near is not None and rng.random() < _ON_SIGNATURE:
            spread = 0.3 if rng.random() < _SQUARE_ON else 1.0
            x = near.x + float(rng.normal(0, 0.3 * spread)) * near.w
            y = near.y + float(rng.normal(0, 6 * spread))
            if rng.random() < _SAME_INK:
                inks[near] = maker.like(ink)
            if small and rng.random() < _CROWDED:
                signed, (x, y) = _crowd(rng, signed, near)
        placed.append(maker.stamp(x, y, ink))
    for slot in signed:
        if rng.random() < 0.03:
            placed.append(maker.digital_signature(slot))
            continue
        ink, pen = shared or (maker.own_ink(), make_pen(rng))
        placed.append(maker.signature(slot, inks.get(slot, ink), pen, small=small))
        if rng.random() < 0.04:  # two people on one line
            placed.append(maker.signature(slot, maker.own_ink(), make_pen(rng)))
    return placed


def _loose_stamps(maker: Maker, sheet: Sheet, habits: Habits) -> list[Placed]:
    """Receipt stamps, lines of attestation with a signature in them, stamps on the edge, initials in the corner."""
    rng = maker.rng
    placed: list[Placed] = []
    for slot in _slots(sheet, "receipt"):
        if rng.random() < 0.3 * habits.sealed:
            shape = (StampShape.BOX, StampShape.DATE, StampShape.ROUND_DATE, None)[int(rng.integers(4))]
            placed.append(maker.stamp(slot.x, slot.y, stamp_ink(rng), shape))
    for slot in _slots(sheet, "free"):
        if rng.random() < 0.5 * habits.sealed:
            placed += _attestation(maker, slot)
    for slot in _slots(sheet, "initial"):
        if rng.random() < 0.1 * habits.signed:
            placed.append(maker.initials(slot, None))
    if rng.random() < 0.14 * habits.sealed:
        edge = float(rng.choice([0.0, sheet.width]))
        placed.append(
            maker.stamp(edge + float(rng.normal(0, 8)), float(rng.uniform(0.2, 0.95)) * sheet.height, stamp_ink(rng))
        )
    return placed


def _attestation(maker: Maker, slot: Slot) -> list[Placed]:
    """Lines of text stamped into free space, often signed across and sealed beside."""
    rng = maker.rng
    ink = stamp_ink(rng)
    x, y = slot.x + float(rng.normal(0, 0.15)) * slot.w, slot.y + float(rng.normal(0, 0.1)) * slot.h
    placed = [maker.stamp(x, y, ink, StampShape.LINES if rng.random() < 0.75 else StampShape.BOX)]
    if rng.random() < 0.75:
        own = maker.like(ink) if rng.random() < _SAME_INK else maker.own_ink()
        spot = Slot("sign", x + float(rng.normal(0, 8)), y + float(rng.normal(2, 7)), 45, 16)
        placed.append(maker.signature(spot, own, None))
    if rng.random() < 0.4:
        placed.append(
            maker.stamp(x + float(rng.choice([-1, 1])) * float(rng.uniform(5, 45)), y + float(rng.normal(0, 10)), ink)
        )
    return placed


def _crowd(rng: np.random.Generator, signed: list[Slot], near: Slot) -> tuple[list[Slot], tuple[float, float]]:
    """Signatures gathered where one seal covers them: the slots, moved, and the middle of the seal in mm.

    Those who sign above and below come nearer, and somebody may sign a second time without a line of his own.
    """
    beside = [slot for slot in signed if abs(slot.x - near.x) < 30 and 0 < abs(slot.y - near.y) < 24][:2]
    x, y = (float(np.mean([getattr(slot, axis) for slot in (near, *beside)])) for axis in ("x", "y"))
    x, y = x + float(rng.normal(0, 5)), y + float(rng.normal(0, 4))
    pull = float(rng.uniform(0.2, 0.9))
    moved = [
        replace(slot, x=slot.x + pull * (x + float(rng.normal(0, 7)) - slot.x)) if slot in (near, *beside) else slot
        for slot in signed
    ]
    if len(beside) == 0 or rng.random() < 0.25:
        side = float(rng.choice([-1, 1])) * float(rng.uniform(7, 14))
        moved.append(Slot("sign", x + float(rng.normal(0, 6)), y + side, near.w, 9))
    return moved, (x, y)


def _nearest(signed: list[Slot], seal: Slot) -> Slot | None:
    """The signed place that the seal belongs to, if there is one in reach."""
    reach = [slot for slot in signed if abs(slot.x - seal.x) < 70 and abs(slot.y - seal.y) < 30]
    return min(reach, key=lambda slot: np.hypot(slot.x - seal.x, slot.y - seal.y), default=None)
