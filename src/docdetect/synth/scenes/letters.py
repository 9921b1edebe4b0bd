"""Salutations and closings of letters by hand, which are no signatures: above the text, and above who signs."""

from __future__ import annotations

from docdetect.synth.handwriting.salutations import SalutationPart, make_salutation
from docdetect.synth.ink import Ink, Pen, random_pen
from docdetect.synth.marks import LAYERS, MarkMaker, PlacedPatch
from docdetect.synth.page_layout import PageLayout, Slot
from docdetect.synth.scenes.beside import ink_of

# Probability that a closing has the ink of the signature below it.
_P_SAME_INK = 0.8

# How far below the line of a closing its signature may begin, and how far a tall signature pushes the closing up. A
# closing that would have to go higher is left out, since it would lie on the text.
_REACH_MM = 45.0
_MOST_RISE_MM = 14.0

# Distance of a closing from a signature that pushes it up.
_GAP_MM = (0.6, 2.5)

# Share of the height of handwriting that lies above the middle of its box, measured from the line that it stands on.
_RISE = 0.3


def openings(maker: MarkMaker, layout: PageLayout, tool: tuple[Ink, Pen]) -> list[PlacedPatch]:
    """Salutations in slots of kind "opening" and names in slots of kind "addressee", in this ink and with this pen."""
    placed = []
    parts: tuple[SalutationPart, ...] = ("opening", "addressee")
    for part in parts:
        for slot in (one for one in layout.slots if one.kind == part):
            patch = make_salutation(maker.rng, maker.px_per_mm, part, maker.writer.language.code, tool)
            patch = maker.shrunk_to(patch, slot.width_mm, slot.height_mm * 1.3)
            width_mm, height_mm = maker.size_mm(patch)
            x_mm = slot.x_mm - slot.width_mm / 2 + width_mm / 2
            y_mm = slot.y_mm - height_mm * _RISE
            placed.append(maker.at(patch, x_mm, y_mm, "hand", name=f"{part} by hand"))
    return placed


def closings(maker: MarkMaker, layout: PageLayout, placed: list[PlacedPatch]) -> list[PlacedPatch]:
    """Closings in slots of kind "closing", above the signatures below them, which they do not touch.

    Args:
        maker: draws handwriting.
        layout: the page.
        placed: all that lies on the page already.
    """
    signatures = [one for one in placed if one.layer == LAYERS.index("signature")]
    found = (_closing(maker, slot, signatures) for slot in layout.slots if slot.kind == "closing")
    return [one for one in found if one is not None]


def _closing(maker: MarkMaker, slot: Slot, signatures: list[PlacedPatch]) -> PlacedPatch | None:
    """The closing of one slot, or None where signatures leave no room for it."""
    rng = maker.rng
    below = _signature_below(maker, slot, signatures)
    ink = ink_of(below.patch) if below is not None and rng.random() < _P_SAME_INK else maker.own_ink()
    tool = ink, random_pen(rng)
    patch = make_salutation(rng, maker.px_per_mm, "closing", maker.writer.language.code, tool)
    patch = maker.shrunk_to(patch, slot.width_mm, slot.height_mm * 1.3)
    width_mm, height_mm = maker.size_mm(patch)
    left = slot.x_mm - slot.width_mm / 2 + float(rng.normal(0, 1.0))
    top = highest = slot.y_mm - height_mm * (0.5 + _RISE)
    boxes = [maker.box_mm(one) for one in signatures]
    if below is not None:
        top = min(top, maker.box_mm(below)[1] - height_mm - float(rng.uniform(*_GAP_MM)))
    # Going up may lead onto another signature, such as one of somebody who signs a second time.
    while met := [box for box in boxes if _meets(box, (left, top, left + width_mm, top + height_mm))]:
        top = min(box[1] for box in met) - height_mm - float(rng.uniform(*_GAP_MM))
    if highest - top > _MOST_RISE_MM:
        return None
    return maker.at(patch, left + width_mm / 2, top + height_mm / 2, "hand", name="closing by hand")


def _signature_below(maker: MarkMaker, slot: Slot, signatures: list[PlacedPatch]) -> PlacedPatch | None:
    """The uppermost signature whose middle lies below the slot's line, in reach of it; None where there is none."""

    def middle(one: PlacedPatch) -> tuple[float, float]:
        left, top, right, bottom = maker.box_mm(one)
        return (left + right) / 2, (top + bottom) / 2

    near = [
        one
        for one in signatures
        if 0 < middle(one)[1] - slot.y_mm < _REACH_MM and abs(middle(one)[0] - slot.x_mm) < slot.width_mm
    ]
    return min(near, key=lambda one: middle(one)[1], default=None)


def _meets(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    """Whether two boxes (left, top, right, bottom in mm) lie on each other, or less than half a mm apart."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > -0.5 and down > -0.5
