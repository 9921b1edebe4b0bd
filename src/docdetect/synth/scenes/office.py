"""Office stamps anywhere on a page: words, dates, names, grids; struck out, filled in by hand, turned up the margin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble, make_strike
from docdetect.synth.handwriting.signatures import make_initials
from docdetect.synth.ink import Ink, Pen, random_pen, stamp_ink
from docdetect.synth.layouts.draft import script_of
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page_layout import PageLayout
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.impression import StampShape, make_grid_stamp, make_office_stamp, make_stamp
from docdetect.synth.stamps.office_text import OfficeKind
from docdetect.synth.stamps.text import stamp_script

# Numbers of office stamps on a page that has any, and their probabilities.
_COUNTS, _P_COUNTS = (1, 2, 3, 4, 6), (0.5, 0.26, 0.13, 0.07, 0.04)

# Probabilities of the places of an office stamp: the upper quarter, anywhere, the side margins, the foot.
_P_PLACES = (0.4, 0.36, 0.12, 0.12)

# Probabilities that a stamp in the margin runs up or down it, and that a stamp elsewhere lies at any angle.
_P_UPRIGHT_IN_MARGIN, _P_ANY_ANGLE = 0.65, 0.1

# Probability that a classification stands at the head and at the foot of the page, and that it was struck out.
_P_HEAD_AND_FOOT, _P_STRUCK_OUT = 0.45, 0.35

# Probability that a grid is filled in by hand; then, that a field is, and what is written there.
_P_GRID_FILLED, _P_FIELD_FILLED = 0.6, 0.6
_P_FILLINGS = (0.32, 0.26, 0.16, 0.26)

# Probability that an entry of a received stamp is written by hand beside it.
_P_ENTRY_BESIDE = 0.18

# Probability that a page of an archive has a second stamp of it.
_P_SECOND_LIBRARY_STAMP = 0.25


def office_stamps(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """One to six office stamps, some in the same ink, with what people write on them."""
    rng = maker.rng
    shared = stamp_ink(rng)
    placed: list[PlacedPatch] = []
    for _ in range(int(rng.choice(_COUNTS, p=_P_COUNTS))):
        ink = shared if rng.random() < 0.4 else stamp_ink(rng)
        placed += _office_stamp(maker, layout, ink)
    return placed


def grid_stamps(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """A grid stamp, at times two, mostly filled in by hand; initials in its fields are marks."""
    rng = maker.rng
    placed: list[PlacedPatch] = []
    for _ in range(1 + int(rng.random() < 0.15)):
        x_mm, y_mm, _ = _place(rng, layout)
        script = script_of(maker.writer) if rng.random() < 0.6 else stamp_script(rng, maker.fonts)
        stamp = make_grid_stamp(rng, maker.drawn_px_per_mm, maker.fonts, script, stamp_ink(rng))
        x_mm, y_mm = _inside(layout, (x_mm, y_mm), maker.size_mm(stamp.patch))
        placed.append(maker.at(stamp.patch, x_mm, y_mm, "stamp", name="grid stamp"))
        if rng.random() >= _P_GRID_FILLED:
            continue
        ink, pen = maker.own_ink(), random_pen(rng)
        for field in stamp.fields:
            if rng.random() < _P_FIELD_FILLED:
                at_mm = x_mm + field.x_mm * maker.mark_scale, y_mm + field.y_mm * maker.mark_scale
                room = field.width_mm * maker.mark_scale, field.height_mm * maker.mark_scale
                placed.append(_filling(maker, at_mm, room, (ink, pen)))
    return placed


def library_stamps(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """The stamp of a library or an archive, anywhere on the page and on its writing."""
    rng = maker.rng
    ink = stamp_ink(rng)
    placed: list[PlacedPatch] = []
    for _ in range(1 + int(rng.random() < _P_SECOND_LIBRARY_STAMP)):
        patch = make_stamp(rng, maker.drawn_px_per_mm, maker.fonts, shape=StampShape.LIBRARY, ink=ink)
        x_mm, y_mm = float(rng.uniform(0.06, 0.94)), float(rng.uniform(0.05, 0.95))
        placed.append(maker.at(patch, x_mm * layout.width_mm, y_mm * layout.height_mm, "stamp", name="library stamp"))
    return placed


def _office_stamp(maker: MarkMaker, layout: PageLayout, ink: Ink) -> list[PlacedPatch]:
    """An office stamp, at times twice, struck out, or with an entry by hand."""
    rng = maker.rng
    x_mm, y_mm, degrees = _place(rng, layout)
    script = script_of(maker.writer) if rng.random() < 0.6 else stamp_script(rng, maker.fonts)
    patch, text = make_office_stamp(rng, maker.drawn_px_per_mm, maker.fonts, script, ink, kind=None, degrees=degrees)
    width_mm, height_mm = maker.size_mm(patch)
    x_mm, y_mm = _inside(layout, (x_mm, y_mm), (width_mm, height_mm))
    name = f"office stamp: {text.kind.value}"
    placed = [maker.at(patch, x_mm, y_mm, "stamp", name=name)]
    classified = text.kind is OfficeKind.CLASSIFIED
    if classified and rng.random() < _P_HEAD_AND_FOOT:
        again = make_office_stamp(
            rng, maker.drawn_px_per_mm, maker.fonts, script, ink, kind=text.kind, degrees=float(rng.normal(0, 2))
        )[0]
        foot_mm = x_mm + float(rng.normal(0, 8)), layout.height_mm - float(rng.uniform(4, 14))
        placed.append(maker.at(again, *_inside(layout, foot_mm, maker.size_mm(again)), "stamp", name=name))
    if rng.random() < (_P_STRUCK_OUT if classified else 0.05):
        own, pen = maker.own_ink(), replace(random_pen(rng), fade=float(rng.choice([0.0, 0.3])))
        for one in tuple(placed):
            placed.append(_strike(maker, one, own, pen))
    if text.kind is OfficeKind.RECEIVED and rng.random() < _P_ENTRY_BESIDE:
        kind = ScribbleKind.NUMBER if rng.random() < 0.6 else ScribbleKind.DATE
        entry = make_scribble(rng, maker.px_per_mm, kind=kind, ink=maker.own_ink(), recorded=maker.recorded)
        aside_mm = x_mm + float(rng.uniform(-0.3, 0.6)) * width_mm, y_mm + float(rng.uniform(-0.2, 0.9)) * height_mm
        placed.append(maker.at(entry, *aside_mm, "hand", name="entry on a stamp"))
    return placed


def _place(rng: np.random.Generator, layout: PageLayout) -> tuple[float, float, float | None]:
    """A random place for an office stamp: its centre in mm, and its angle in degrees or None for the usual mixture."""
    place = int(rng.choice(4, p=_P_PLACES))
    width, height = layout.width_mm, layout.height_mm
    if place == 2:
        x = float(rng.uniform(3, 14))
        x = x if rng.random() < 0.45 else width - x
        upright = rng.random() < _P_UPRIGHT_IN_MARGIN
        return (
            x,
            float(rng.uniform(0.08, 0.92)) * height,
            float(rng.choice([-90, 90])) + float(rng.normal(0, 3)) if upright else None,
        )
    span = ((0.02, 0.26), (0.03, 0.97), (0, 1), (0.84, 0.98))[place]
    degrees = float(rng.uniform(-60, 60)) if rng.random() < _P_ANY_ANGLE else None
    if degrees is None and rng.random() < 0.06:
        degrees = float(rng.choice([-90, 90]))
    return float(rng.uniform(0.06, 0.94)) * width, float(rng.uniform(*span)) * height, degrees


def _inside(layout: PageLayout, at_mm: tuple[float, float], size_mm: tuple[float, float]) -> tuple[float, float]:
    """The centre of a patch, moved so that no more than a seventh of it lies beyond the edges of the paper."""
    half_width, half_height = size_mm[0] / 2, size_mm[1] / 2
    x = float(np.clip(at_mm[0], half_width * 0.85, max(half_width * 0.85, layout.width_mm - half_width * 0.85)))
    y = float(np.clip(at_mm[1], half_height * 0.85, max(half_height * 0.85, layout.height_mm - half_height * 0.85)))
    return x, y


def _strike(maker: MarkMaker, stamp: PlacedPatch, ink: Ink, pen: Pen) -> PlacedPatch:
    """A line by hand through a stamp, along its longer side."""
    rng = maker.rng
    left, top, right, bottom = maker.box_mm(stamp)
    wide, high = right - left, bottom - top
    length = float(rng.uniform(0.6, 1.3)) * max(wide, high)
    patch = make_strike(rng, maker.px_per_mm, (length, min(wide, high) * 0.7), ink, pen)
    if high > wide:
        patch = Patch(np.ascontiguousarray(np.rot90(patch.rgba)), patch.kind)
    x_mm, y_mm = (left + right) / 2 + float(rng.normal(0, 0.08)) * wide, (top + bottom) / 2
    return maker.at(patch, x_mm, y_mm, "hand", name="line through a stamp")


def _filling(
    maker: MarkMaker, at_mm: tuple[float, float], room_mm: tuple[float, float], tool: tuple[Ink, Pen]
) -> PlacedPatch:
    """What somebody wrote into a field of a grid stamp: a date, a number, letters, or initials, which are a mark."""
    rng = maker.rng
    what = int(rng.choice(4, p=_P_FILLINGS))
    if what == 3:
        patch = make_initials(rng, maker.px_per_mm, ink=tool[0], pen=tool[1])
        name = "initials in a grid stamp"
    else:
        kind = (ScribbleKind.DATE, ScribbleKind.NUMBER, ScribbleKind.BLOCK)[what]
        patch = make_scribble(rng, maker.px_per_mm, kind=kind, ink=tool[0], pen=tool[1])
        name = "entry in a grid stamp"
    grow = float(rng.uniform(0.8, 1.5))
    patch = maker.shrunk_to(patch, room_mm[0] * grow, room_mm[1] * grow)
    x_mm, y_mm = at_mm[0] + float(rng.normal(0, 0.06)) * room_mm[0], at_mm[1] + float(rng.normal(0, 0.1)) * room_mm[1]
    return maker.at(patch, x_mm, y_mm, "signature" if patch.kind else "hand", name=name)
