"""Decides which marks and distractors a page has: who signs, what is stamped where, what is written in, which codes.

Signatures lie on stamps more often than beside them, as on real contracts, in the stamp's own colour or in another.
Stamps are drawn before signatures. Both are ink, so that the order does not change the picture, and the contrast of a
signature is then measured against the stamp that it lies on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from docdetect.synth.handwriting.notes import ScribbleKind
from docdetect.synth.ink import Ink, Pen, random_pen, stamp_ink
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page_layout import PageLayout, Slot, SlotKind, Text
from docdetect.synth.scenes.beside import neighbours, writing_beside
from docdetect.synth.scenes.crowds import corner_initials, margin_approvals, name_stamps, signed_stamps, stacked_stamps
from docdetect.synth.scenes.letters import closings, openings
from docdetect.synth.scenes.office import grid_stamps, library_stamps, office_stamps
from docdetect.synth.scenes.printed import print_blocks, printed_seals, stray_writing
from docdetect.synth.stamps.impression import StampShape

# Probability that a stamp beside a signature is set onto the signature.
_P_STAMP_ON_SIGNATURE = 0.78

# Probability that a stamp which is set onto a signature lies right on it, with the signature well inside.
_P_STAMP_CENTRED_ON_SIGNATURE = 0.35

# Probability that a signature under a stamp has the stamp's colour.
_P_SIGNATURE_IN_INK_OF_STAMP = 0.35

# Probability that all signatures of a page are drawn small.
_P_SMALL_SIGNATURES = 0.42

# Probability that several signatures lie in one seal, on a page whose signatures are small.
_P_CROWDED_SEAL = 0.45

# Probability that all who sign on a page use the same pen.
_P_SHARED_PEN = 0.35

# Probability that a signature is the printed block of an electronic signature.
_P_DIGITAL_SIGNATURE = 0.03

# Probability that two people sign on one line.
_P_SECOND_SIGNATURE_ON_LINE = 0.04

# Probability that a letterhead's place for an emblem is filled.
_P_EMBLEM = 0.85

# Probability that printed lines of a page were blacked out, struck out or circled by hand.
_P_CORRECTIONS = 0.13

# Most entries by hand on a page: more would cost time and show a network nothing new.
_MAX_HANDWRITTEN = 14

# Probability that the QR codes of a page lie on white labels.
_P_LABEL_UNDER_CODES = 0.3

# Probability that a page with several places for a code, and no grid of them, uses one place alone.
_P_SINGLE_CODE_PLACE = 0.8

# A page with more places for codes than this is a grid of codes.
_MAX_SINGLE_CODE_PLACES = 4

# Probabilities of other stamps, each multiplied by the page's probability that a place for a stamp is stamped: a
# receipt stamp in its place, an attestation in free space, a stamp over the paper's edge.
_P_RECEIPT_STAMP = 0.3
_P_ATTESTATION = 0.5
_P_STAMP_OVER_EDGE = 0.14

# Probability that a corner is initialled, multiplied by the page's probability that a place to sign is signed.
_P_INITIALS = 0.1

# Probabilities that an attestation has no frame, that it has a signature across it, and a seal beside it.
_P_ATTESTATION_WITHOUT_FRAME = 0.75
_P_ATTESTATION_SIGNED = 0.75
_P_ATTESTATION_SEALED = 0.4

# Probability that somebody signs a second time in a crowded seal, where several people sign.
_P_EXTRA_SIGNATURE_IN_CROWD = 0.25

# Probabilities of scenes on a page that has marks: office stamps anywhere, a grid stamp, the stamp of a library, stamps
# that are signed across, approvals down the margin, stamps over each other, several initials in a corner.
_P_OFFICE_STAMPS = 0.36
_P_GRID_STAMP = 0.08
_P_LIBRARY_STAMP = 0.05
_P_LIBRARY_STAMP_ON_OLD_PAGE = 0.5
_P_SIGNED_STAMPS = 0.2
_P_MARGIN_APPROVALS = 0.04
_P_STACKED_STAMPS = 0.06
_P_CORNER_INITIALS = 0.06

# Probabilities of print and writing anywhere on a page that are no marks: blocks of print, printed seals and logos,
# numbers, words and sketches by hand.
_P_PRINT_BLOCKS = 0.22
_P_PRINTED_SEALS = 0.2
_P_STRAY_WRITING = 0.16

# Most signatures of a page that get a neighbour, a name stamp or a date.
_MOST_WITH_COMPANY = 6

# Reach of a seal around its place, in which a signature belongs to it.
_SEAL_REACH_X_MM = 70
_SEAL_REACH_Y_MM = 30


@dataclass(frozen=True)
class MarkProbabilities:
    """How likely marks and handwriting are on one page.

    Attributes:
        p_signature: probability that a place to sign is signed.
        p_stamp: probability that a place for a stamp is stamped.
        p_code: probability that a place for a code is filled.
        p_field: probability that a field of a form is filled in by hand.
        p_note: probability that a place for notes is written on.
    """

    p_signature: float
    p_stamp: float
    p_code: float
    p_field: float
    p_note: float


def random_mark_probabilities(rng: np.random.Generator, *, empty: bool, codes: bool) -> MarkProbabilities:
    """Decides how likely marks are on a page.

    Args:
        rng: random generator.
        empty: whether the page has no mark at all.
        codes: whether the page is a sheet of codes, so that every place for a code is filled.
    """
    if empty:
        return MarkProbabilities(0.0, 0.0, 0.0, float(rng.choice([0.0, 0.8])), float(rng.choice([0.0, 0.4])))
    return MarkProbabilities(
        p_signature=float(rng.choice([1.0, 0.85, 0.5, 0.0], p=[0.54, 0.24, 0.16, 0.06])),
        p_stamp=float(rng.choice([0.95, 0.6, 0.0], p=[0.54, 0.24, 0.22])),
        p_code=1.0 if codes else float(rng.choice([0.0, 0.5, 0.85], p=[0.48, 0.27, 0.25])),
        p_field=float(rng.choice([0.0, 0.85], p=[0.4, 0.6])),
        p_note=float(rng.choice([0.0, 0.35], p=[0.6, 0.4])),
    )


def place_marks(
    maker: MarkMaker, layout: PageLayout, probabilities: MarkProbabilities, *, empty: bool
) -> list[PlacedPatch]:
    """Draws everything that lies on the print of a page.

    Args:
        maker: draws the marks and distractors.
        layout: the page, with the slots where marks belong.
        probabilities: how likely marks are.
        empty: whether the page has no mark; distractors are drawn all the same.

    Returns:
        Marks and distractors in drawing order.
    """
    placed = [
        *_emblems(maker, _slots(layout, "emblem")),
        *[maker.brand(slot) for slot in _slots(layout, "brand")],
        *[maker.form_sign(slot) for slot in _slots(layout, "icon", "year")],
        *_letter_by_hand(maker, layout),
        *[maker.woodcut(slot) for slot in _slots(layout, "woodcut")],
        *_anywhere(maker, layout),
        *_handwriting(maker, layout, probabilities),
        *_corrections(maker, layout),
        *_codes(maker, _slots(layout, "code"), probabilities, empty=empty),
    ]
    if not empty:
        placed += _signatures_and_stamps(maker, layout, probabilities)
        placed += _other_stamps(maker, layout, probabilities)
        placed += _scenes(maker, layout, placed)
        if not any(one.patch.kind for one in placed):
            # No place was filled by chance. Pages without marks have a probability of their own: this page gets some.
            placed += _signatures_and_stamps(maker, layout, replace(probabilities, p_signature=1.0, p_stamp=0.6))
    # Closings come last, since they keep clear of the signatures below them.
    placed += closings(maker, layout, placed)
    return sorted(placed, key=lambda one: one.layer)


def _letter_by_hand(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """Handwritten text that fills a page, and the salutation above it or above printed text, in one ink."""
    if not _slots(layout, "script", "opening", "addressee"):
        return []
    tool = maker.own_ink(), random_pen(maker.rng)
    return [
        *[maker.manuscript(slot, tool) for slot in _slots(layout, "script")],
        *openings(maker, layout, tool),
    ]


def _anywhere(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """Print and writing anywhere on the page that look like marks and are none; see `scenes/printed.py`."""
    rng = maker.rng
    placed: list[PlacedPatch] = []
    if rng.random() < _P_PRINT_BLOCKS:
        placed += print_blocks(maker, layout, int(rng.integers(1, 5)))
    if rng.random() < _P_PRINTED_SEALS:
        placed += printed_seals(maker, layout, int(rng.choice([1, 2, 4], p=[0.65, 0.23, 0.12])))
    if rng.random() < _P_STRAY_WRITING:
        placed += stray_writing(maker, layout, int(rng.integers(1, 4)))
    return placed


def _scenes(maker: MarkMaker, layout: PageLayout, placed: list[PlacedPatch]) -> list[PlacedPatch]:
    """Office stamps, crowds of marks, and what is written beside signatures; see `scenes/`."""
    rng = maker.rng
    more: list[PlacedPatch] = []
    if rng.random() < _P_OFFICE_STAMPS:
        more += office_stamps(maker, layout)
    if rng.random() < _P_GRID_STAMP:
        more += grid_stamps(maker, layout)
    archived = bool(_slots(layout, "script", "woodcut"))
    if rng.random() < (_P_LIBRARY_STAMP_ON_OLD_PAGE if archived else _P_LIBRARY_STAMP):
        more += library_stamps(maker, layout)
    stamps = [one for one in [*placed, *more] if one.patch.kind.startswith("stamp_")]
    if rng.random() < _P_SIGNED_STAMPS:
        more += signed_stamps(maker, layout, stamps, int(rng.integers(1, 4)))
    if rng.random() < _P_MARGIN_APPROVALS:
        more += margin_approvals(maker, layout)
    if rng.random() < _P_STACKED_STAMPS:
        more += stacked_stamps(maker, layout)
    if rng.random() < _P_CORNER_INITIALS:
        more += corner_initials(maker, layout)
    signatures = [one for one in [*placed, *more] if one.patch.kind == "handwritten_signature"][:_MOST_WITH_COMPANY]
    more += neighbours(maker, signatures, float(rng.choice([0.0, 0.4], p=[0.88, 0.12])))
    more += name_stamps(maker, signatures, float(rng.choice([0.0, 0.6], p=[0.86, 0.14])))
    more += writing_beside(maker, signatures, float(rng.choice([0.0, 0.75], p=[0.66, 0.34])))
    return more


def _slots(layout: PageLayout, *kinds: SlotKind) -> list[Slot]:
    """The slots of these kinds, in the order of the layout."""
    return [slot for slot in layout.slots if slot.kind in kinds]


def _emblems(maker: MarkMaker, slots: list[Slot]) -> list[PlacedPatch]:
    """Emblems in most of the places for them."""
    return [maker.emblem(slot) for slot in slots if maker.rng.random() < _P_EMBLEM]


def _handwriting(maker: MarkMaker, layout: PageLayout, probabilities: MarkProbabilities) -> list[PlacedPatch]:
    """Fields, dates, ticks and notes written by one hand with one pen."""
    rng = maker.rng
    ink, pen = maker.own_ink(), random_pen(rng)
    p_written: dict[SlotKind, float] = {
        "field": probabilities.p_field, "date": probabilities.p_field, "tick": probabilities.p_field * 0.5,
        "note": probabilities.p_note,
    }  # fmt: skip
    chosen = [slot for slot in _slots(layout, "field", "date", "tick", "note") if rng.random() < p_written[slot.kind]]
    if len(chosen) > _MAX_HANDWRITTEN:
        kept = rng.choice(len(chosen), _MAX_HANDWRITTEN, replace=False)
        chosen = [chosen[index] for index in sorted(kept)]
    return [maker.handwriting(slot, ink, pen) for slot in chosen]


def _corrections(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """Printed lines that were blacked out, struck out or circled by hand; most pages have none."""
    rng = maker.rng
    lines = [
        stroke for stroke in layout.strokes if isinstance(stroke, Text) and stroke.turn == 0 and len(stroke.text) > 2
    ]
    if not lines or rng.random() > _P_CORRECTIONS:
        return []
    kind = (ScribbleKind.REDACTION, ScribbleKind.STRIKE, ScribbleKind.CIRCLE)[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    count = int(rng.integers(1, 9 if kind is ScribbleKind.REDACTION else 4))
    return [maker.correction(kind, lines[int(rng.integers(len(lines)))]) for _ in range(count)]


def _codes(maker: MarkMaker, slots: list[Slot], probabilities: MarkProbabilities, *, empty: bool) -> list[PlacedPatch]:
    """QR codes or distractors of QR codes; most pages have only the ones or only the others."""
    rng = maker.rng
    p_filled = probabilities.p_code if not empty else float(rng.choice([0.0, 0.9]))
    p_distractor = 1.0 if empty else float(rng.choice([0.0, 0.25, 1.0], p=[0.68, 0.14, 0.18]))
    grid, label = len(slots) > _MAX_SINGLE_CODE_PLACES, rng.random() < _P_LABEL_UNDER_CODES
    if not grid and slots and rng.random() < _P_SINGLE_CODE_PLACE:
        slots = [slots[int(rng.integers(len(slots)))]]
    # A code outside of a grid may be smaller or larger than its slot foresees: from 9 to 40 mm in a slot of 20 mm.
    size = float(np.exp(rng.uniform(np.log(0.45), np.log(2.0))))
    placed: list[PlacedPatch] = []
    for slot in slots:
        if rng.random() >= p_filled:
            continue
        room = slot if grid else replace(slot, width_mm=slot.width_mm * size, height_mm=slot.height_mm * size)
        if rng.random() < p_distractor:
            placed.append(maker.code_distractor(room))
        else:
            placed += maker.code(room, label=label)
    return placed


def _signatures_and_stamps(maker: MarkMaker, layout: PageLayout, probabilities: MarkProbabilities) -> list[PlacedPatch]:
    """The signatures of the page, and the seals beside them or on them."""
    rng = maker.rng
    signed = [slot for slot in _slots(layout, "signature") if rng.random() < probabilities.p_signature]
    stamped = [slot for slot in _slots(layout, "stamp") if rng.random() < probabilities.p_stamp]
    stamped = stamped[: int(rng.integers(1, 4))]
    shared: tuple[Ink, Pen] | None = (maker.own_ink(), random_pen(rng)) if rng.random() < _P_SHARED_PEN else None
    small = bool(rng.random() < _P_SMALL_SIGNATURES)
    inks: dict[Slot, Ink] = {}
    placed: list[PlacedPatch] = []
    for seal in stamped:
        ink = stamp_ink(rng)
        x_mm, y_mm = seal.x_mm, seal.y_mm
        near = _nearest(signed, seal)
        if near is not None and rng.random() < _P_STAMP_ON_SIGNATURE:
            spread = 0.3 if rng.random() < _P_STAMP_CENTRED_ON_SIGNATURE else 1.0
            x_mm = near.x_mm + float(rng.normal(0, 0.3 * spread)) * near.width_mm
            y_mm = near.y_mm + float(rng.normal(0, 6 * spread))
            if rng.random() < _P_SIGNATURE_IN_INK_OF_STAMP:
                inks[near] = maker.ink_like(ink)
            if small and rng.random() < _P_CROWDED_SEAL:
                signed, (x_mm, y_mm) = _crowded(rng, signed, near)
        placed.append(maker.stamp(x_mm, y_mm, ink))
    for slot in signed:
        if rng.random() < _P_DIGITAL_SIGNATURE:
            placed.append(maker.digital_signature(slot))
            continue
        ink, pen = shared or (maker.own_ink(), random_pen(rng))
        placed.append(maker.signature(slot, inks.get(slot, ink), pen, small=small))
        if rng.random() < _P_SECOND_SIGNATURE_ON_LINE:
            placed.append(maker.signature(slot, maker.own_ink(), random_pen(rng)))
    return placed


def _other_stamps(maker: MarkMaker, layout: PageLayout, probabilities: MarkProbabilities) -> list[PlacedPatch]:
    """Receipt stamps, attestations with signatures in them, stamps over the paper's edge, initials in the corners."""
    rng = maker.rng
    placed: list[PlacedPatch] = []
    for slot in _slots(layout, "receipt"):
        if rng.random() < _P_RECEIPT_STAMP * probabilities.p_stamp:
            shape = (StampShape.FRAMED, StampShape.DATE, StampShape.ROUND_DATE, None)[int(rng.integers(4))]
            placed.append(maker.stamp(slot.x_mm, slot.y_mm, stamp_ink(rng), shape))
    for slot in _slots(layout, "free"):
        if rng.random() < _P_ATTESTATION * probabilities.p_stamp:
            placed += _attestation(maker, slot)
    for slot in _slots(layout, "initials"):
        if rng.random() < _P_INITIALS * probabilities.p_signature:
            placed.append(maker.initials(slot, None))
    if rng.random() < _P_STAMP_OVER_EDGE * probabilities.p_stamp:
        edge_mm = float(rng.choice([0.0, layout.width_mm]))
        x_mm = edge_mm + float(rng.normal(0, 8))
        y_mm = float(rng.uniform(0.2, 0.95)) * layout.height_mm
        placed.append(maker.stamp(x_mm, y_mm, stamp_ink(rng)))
    return placed


def _attestation(maker: MarkMaker, slot: Slot) -> list[PlacedPatch]:
    """Lines of text stamped into free space, often with a signature across them and a seal beside them."""
    rng = maker.rng
    ink = stamp_ink(rng)
    x_mm = slot.x_mm + float(rng.normal(0, 0.15)) * slot.width_mm
    y_mm = slot.y_mm + float(rng.normal(0, 0.1)) * slot.height_mm
    shape = StampShape.LINES if rng.random() < _P_ATTESTATION_WITHOUT_FRAME else StampShape.FRAMED
    placed = [maker.stamp(x_mm, y_mm, ink, shape)]
    if rng.random() < _P_ATTESTATION_SIGNED:
        own = maker.ink_like(ink) if rng.random() < _P_SIGNATURE_IN_INK_OF_STAMP else maker.own_ink()
        line = Slot("signature", x_mm + float(rng.normal(0, 8)), y_mm + float(rng.normal(2, 7)), 45, 16)
        placed.append(maker.signature(line, own, None))
    if rng.random() < _P_ATTESTATION_SEALED:
        beside_mm = float(rng.choice([-1, 1])) * float(rng.uniform(5, 45))
        placed.append(maker.stamp(x_mm + beside_mm, y_mm + float(rng.normal(0, 10)), ink))
    return placed


def _crowded(rng: np.random.Generator, signed: list[Slot], near: Slot) -> tuple[list[Slot], tuple[float, float]]:
    """Moves signatures together, so that one seal covers several of them.

    The signatures above and below come nearer, and somebody may sign a second time without a line to sign on.

    Args:
        rng: random generator.
        signed: the slots that are signed.
        near: the signed slot that the seal belongs to.

    Returns:
        The signed slots, those around the seal moved, and the centre of the seal in mm.
    """
    beside = [slot for slot in signed if abs(slot.x_mm - near.x_mm) < 30 and 0 < abs(slot.y_mm - near.y_mm) < 24][:2]
    x_mm = float(np.mean([slot.x_mm for slot in (near, *beside)])) + float(rng.normal(0, 5))
    y_mm = float(np.mean([slot.y_mm for slot in (near, *beside)])) + float(rng.normal(0, 4))
    pull = float(rng.uniform(0.2, 0.9))
    moved = [
        replace(slot, x_mm=slot.x_mm + pull * (x_mm + float(rng.normal(0, 7)) - slot.x_mm))
        if slot in (near, *beside)
        else slot
        for slot in signed
    ]
    if len(beside) == 0 or rng.random() < _P_EXTRA_SIGNATURE_IN_CROWD:
        lower_mm = float(rng.choice([-1, 1])) * float(rng.uniform(7, 14))
        moved.append(Slot("signature", x_mm + float(rng.normal(0, 6)), y_mm + lower_mm, near.width_mm, 9))
    return moved, (x_mm, y_mm)


def _nearest(signed: list[Slot], seal: Slot) -> Slot | None:
    """The signed slot that is nearest to the place of a seal; None where none is in reach."""
    in_reach = [
        slot
        for slot in signed
        if abs(slot.x_mm - seal.x_mm) < _SEAL_REACH_X_MM and abs(slot.y_mm - seal.y_mm) < _SEAL_REACH_Y_MM
    ]
    return min(in_reach, key=lambda slot: np.hypot(slot.x_mm - seal.x_mm, slot.y_mm - seal.y_mm), default=None)
