"""Stamps and signatures on each other: across rims, inside rings, under each other, and down the margin in a column."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docdetect.synth.handwriting.signatures import SignatureStyle, make_initials, make_signature
from docdetect.synth.ink import random_pen, stamp_ink
from docdetect.synth.layouts.draft import script_of
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page_layout import PageLayout
from docdetect.synth.patch import resized
from docdetect.synth.stamps.impression import StampShape, make_office_stamp, make_stamp
from docdetect.synth.stamps.office_text import OfficeKind

# Shapes of stamps that people sign across.
_SIGNED_SHAPES = (
    StampShape.ROUND,
    StampShape.ROUND,
    StampShape.OVAL,
    StampShape.FRAMED,
    StampShape.GRID,
    StampShape.PROFESSIONAL,
    StampShape.PROFESSIONAL,
)

# Probability that a signature on a stamp has the stamp's colour.
_P_SAME_COLOUR = 0.4

# Ways in which people sign on a stamp, and their probabilities: across it and far beyond both rims, into it from one
# side, wholly within it, and along its lower rim.
_P_WAYS = (0.3, 0.36, 0.22, 0.12)

# Styles of signatures on stamps: long strokes that run through the stamp are common.
_STYLES = (None, SignatureStyle.HAIRLINE, SignatureStyle.STEEP, SignatureStyle.SCRAWL)
_P_STYLES = (0.46, 0.22, 0.14, 0.18)


def signed_stamps(maker: MarkMaker, layout: PageLayout, stamps: list[PlacedPatch], count: int) -> list[PlacedPatch]:
    """Signatures on stamps.

    Args:
        maker: draws signatures and stamps.
        layout: the page.
        stamps: the stamps that lie on the page; where there is none that is large enough, one is set.
        count: how many stamps are signed.

    Returns:
        The new stamps and signatures.
    """
    rng = maker.rng
    large = [one for one in stamps if min(one.patch.size_wh) > 9 * maker.page_px_per_mm]
    placed: list[PlacedPatch] = []
    for _ in range(count):
        if large and rng.random() < 0.6:
            stamp = large[int(rng.integers(len(large)))]
        else:
            shape = _SIGNED_SHAPES[int(rng.integers(len(_SIGNED_SHAPES)))]
            x_mm, y_mm = float(rng.uniform(0.12, 0.88)), float(rng.uniform(0.3, 0.94))
            stamp = maker.stamp(x_mm * layout.width_mm, y_mm * layout.height_mm, stamp_ink(rng), shape)
            placed.append(stamp)
        placed.append(_signature_on(maker, stamp))
    return placed


def margin_approvals(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """A column of one to five small round stamps down the left margin, each with tall initials in it or across it."""
    rng = maker.rng
    x_mm = float(rng.uniform(8, 22))
    y_mm = float(rng.uniform(0.3, 0.8)) * layout.height_mm
    placed: list[PlacedPatch] = []
    size = float(rng.uniform(15, 26))
    for _ in range(int(rng.integers(1, 6))):
        shape = StampShape.ROUND if rng.random() < 0.85 else StampShape.OVAL
        stamp = make_stamp(rng, maker.px_per_mm, maker.fonts, shape=shape, script=script_of(maker.writer))
        stamp = resized(stamp, size * maker.px_per_mm / max(stamp.size_wh))
        at_mm = x_mm + float(rng.normal(0, 2)), y_mm
        placed.append(maker.at(stamp, *at_mm, "stamp", name="margin approval"))
        if rng.random() < 0.9:
            within = size * float(rng.uniform(0.45, 1.0)), size * float(rng.uniform(0.5, 1.15))
            patch = (
                make_initials(rng, maker.px_per_mm)
                if rng.random() < 0.5
                else make_signature(rng, maker.px_per_mm, style=SignatureStyle.STEEP, within_mm=within)
            )
            patch = maker.shrunk_to(patch, *within)
            inside = at_mm[0] + float(rng.normal(0, 0.12)) * size, at_mm[1] + float(rng.normal(0, 0.12)) * size
            placed.append(maker.at(patch, *inside, "signature", name="initials in a ring"))
        y_mm += size * float(rng.uniform(0.95, 1.5))
        if y_mm > layout.height_mm - size / 2:
            break
    return placed


def stacked_stamps(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """Two to five stamps over each other, and often a signature in the heap; now and then half off the page."""
    rng = maker.rng
    off_page = rng.random() < 0.3
    x_mm = float(rng.choice([0.0, 1.0]) if off_page else rng.uniform(0.15, 0.85)) * layout.width_mm
    y_mm = float(rng.uniform(0.1, 0.95)) * layout.height_mm
    placed: list[PlacedPatch] = []
    for _ in range(int(rng.integers(2, 6))):
        at_mm = x_mm + float(rng.normal(0, 14)), y_mm + float(rng.normal(0, 9))
        if rng.random() < 0.3:
            patch, text = make_office_stamp(
                rng,
                maker.drawn_px_per_mm,
                maker.fonts,
                script_of(maker.writer),
                stamp_ink(rng),
                kind=None,
                degrees=None,
            )
            placed.append(maker.at(patch, *at_mm, "stamp", name=f"office stamp: {text.kind.value}"))
        else:
            placed.append(replace(maker.stamp(*at_mm, stamp_ink(rng)), name="stacked stamp"))
    if rng.random() < 0.65:
        placed.append(_signature_on(maker, placed[int(rng.integers(len(placed)))]))
    return placed


def name_stamps(maker: MarkMaker, signatures: list[PlacedPatch], p_named: float) -> list[PlacedPatch]:
    """Name stamps that lie under some of the signatures, as offices set them in place of a printed name."""
    rng = maker.rng
    placed = []
    for signature in signatures:
        if rng.random() >= p_named:
            continue
        left, _, right, bottom = maker.box_mm(signature)
        kind = OfficeKind.NAME if rng.random() < 0.75 else OfficeKind.ADDRESS
        patch, _ = make_office_stamp(
            rng, maker.drawn_px_per_mm, maker.fonts, script_of(maker.writer), stamp_ink(rng), kind=kind,
            degrees=float(rng.normal(0, 2.5)),
        )  # fmt: skip
        _, high_mm = maker.size_mm(patch)
        y_mm = bottom + high_mm * float(rng.uniform(-0.6, 0.6))
        x_mm = (left + right) / 2 + float(rng.normal(0, 0.2)) * (right - left)
        placed.append(maker.at(patch, x_mm, y_mm, "stamp", name="name stamp under a signature"))
    return placed


def corner_initials(maker: MarkMaker, layout: PageLayout) -> list[PlacedPatch]:
    """Two to four initials side by side in a corner of the page, each by another hand."""
    rng = maker.rng
    left = rng.random() < 0.4
    x_mm = float(rng.uniform(8, 30))
    y_mm = layout.height_mm - float(rng.uniform(7, 24)) if rng.random() < 0.85 else float(rng.uniform(8, 20))
    placed = []
    for _ in range(int(rng.integers(2, 5))):
        patch = make_initials(rng, maker.px_per_mm, pen=random_pen(rng))
        wide, _ = maker.size_mm(patch)
        at_x = x_mm + wide / 2
        placed.append(
            maker.at(
                patch,
                at_x if left else layout.width_mm - at_x,
                y_mm + float(rng.normal(0, 2)),
                "signature",
                name="initials in a corner",
            )
        )
        x_mm += wide + float(rng.uniform(-1.5, 6))
    return placed


def _signature_on(maker: MarkMaker, stamp: PlacedPatch) -> PlacedPatch:
    """A signature on a stamp, in one of the ways in which people sign there."""
    rng = maker.rng
    left, top, right, bottom = maker.box_mm(stamp)
    wide, high = right - left, bottom - top
    way = int(rng.choice(4, p=_P_WAYS))
    share = ((1.1, 2.2), (0.7, 1.8), (0.35, 0.8), (0.6, 1.4))[way]
    within = wide * float(rng.uniform(*share)), max(high * float(rng.uniform(0.25, 0.9)), 5.0)
    style = _STYLES[int(rng.choice(4, p=_P_STYLES))]
    colour = stamp.patch.rgba[stamp.patch.ink]
    ink = None
    if rng.random() < _P_SAME_COLOUR and len(colour):
        red, green, blue = (int(np.clip(value + rng.normal(0, 12), 0, 230)) for value in colour[:, :3].mean(axis=0))
        ink = replace(maker.own_ink(), rgb=(red, green, blue))
    patch = maker.drawn_signature(style, ink, within)
    reach = float(rng.uniform(0.3, 0.65)) * (1 if rng.random() < 0.6 else -1)
    dx, dy = (
        (float(rng.normal(0, 0.12)), float(rng.normal(0, 0.15))),
        (reach * (wide + maker.size_mm(patch)[0]) / wide * 0.75, float(rng.normal(0, 0.2))),
        (float(rng.normal(0, 0.1)), float(rng.normal(0, 0.1))),
        (float(rng.normal(0, 0.2)), 0.5 + float(rng.normal(0, 0.08))),
    )[way]
    x_mm, y_mm = (left + right) / 2 + dx * wide, (top + bottom) / 2 + dy * high
    name = "signature within a stamp" if way == 2 else "signature across a stamp"
    return maker.at(patch, x_mm, y_mm, "signature", name=name)
