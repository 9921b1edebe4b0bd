"""What people write by hand beside signatures and what is no signature: dates, names in block letters, titles, places.

It is written with the pen of the signature next to it, so that only its shape tells the two apart.
"""

from __future__ import annotations

import math

import numpy as np

from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble
from docdetect.synth.ink import Ink, random_pen
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page_layout import Slot
from docdetect.synth.patch import Patch

# Probabilities of what stands beside a signature: a date, a name in block letters, a phrase, a number.
_KINDS = (ScribbleKind.DATE, ScribbleKind.BLOCK, ScribbleKind.PHRASE, ScribbleKind.NUMBER)
_P_KINDS = (0.6, 0.15, 0.15, 0.1)

# Probabilities of the places: right of the signature, below it, left of it, above it.
_P_PLACES = (0.46, 0.32, 0.12, 0.10)

# Probability that the writing has the pen and ink of the signature.
_P_SAME_PEN = 0.75

# Probability that the writing is as swift as the signature.
_P_SWIFT = 0.65

# Distance between a signature and what is written beside it: often they touch.
_GAP_MM = (-2.5, 7.0)


def writing_beside(maker: MarkMaker, signatures: list[PlacedPatch], p_beside: float) -> list[PlacedPatch]:
    """Dates, names and phrases beside some of the signatures.

    Args:
        maker: draws handwriting.
        signatures: the signatures that lie on the page.
        p_beside: probability that something is written beside a signature.
    """
    rng = maker.rng
    written = []
    for signature in signatures:
        if rng.random() >= p_beside:
            continue
        kind = _KINDS[int(rng.choice(4, p=_P_KINDS))]
        ink = ink_of(signature.patch) if rng.random() < _P_SAME_PEN else maker.own_ink()
        patch = make_scribble(
            rng,
            maker.drawn_px_per_mm,
            kind=kind,
            ink=ink,
            pen=random_pen(rng),
            recorded=maker.recorded,
            swift=bool(rng.random() < _P_SWIFT),
        )
        name = {ScribbleKind.DATE: "date beside a signature"}.get(kind, "writing beside a signature")
        written.append(_placed(maker, patch, maker.box_mm(signature), name))
        if kind is ScribbleKind.DATE and rng.random() < 0.1:
            place = make_scribble(
                rng, maker.drawn_px_per_mm, kind=ScribbleKind.PHRASE, ink=ink, recorded=maker.recorded
            )
            written.append(_placed(maker, place, maker.box_mm(signature), "writing beside a signature"))
    return written


def neighbours(maker: MarkMaker, signatures: list[PlacedPatch], p_neighbour: float) -> list[PlacedPatch]:
    """More signatures close beside or below some of the signatures; each keeps a box of its own."""
    rng = maker.rng
    more = []
    for signature in signatures:
        if rng.random() >= p_neighbour:
            continue
        left, top, right, bottom = maker.box_mm(signature)
        wide, high = right - left, bottom - top
        beside = rng.random() < 0.6
        gap = float(rng.uniform(-0.08, 0.25)) * wide if beside else float(rng.uniform(-0.25, 0.5)) * high
        x_mm = (left + right) / 2 + (wide + gap if beside else float(rng.normal(0, 0.15)) * wide)
        y_mm = bottom + (0.0 if beside else high + gap)
        slot = Slot("signature", x_mm, y_mm, wide * float(rng.uniform(0.6, 1.1)), max(high * 0.7, 4.0))
        more.append(maker.signature(slot, None, None, name="neighbouring signature"))
    return more


def _placed(maker: MarkMaker, patch: Patch, box_mm: tuple[float, float, float, float], name: str) -> PlacedPatch:
    """The writing beside the box of a signature, as large as writing is next to it."""
    rng = maker.rng
    left, top, right, bottom = box_mm
    wide, high = right - left, bottom - top
    patch = maker.shrunk_to(patch, math.inf, max(high, 5.0) * float(rng.uniform(0.35, 1.0)))
    width_mm, height_mm = maker.size_mm(patch)
    gap = float(rng.uniform(*_GAP_MM))
    x_mid, y_mid = (left + right) / 2, (top + bottom) / 2
    place = int(rng.choice(4, p=_P_PLACES))
    x_mm, y_mm = (
        (right + gap + width_mm / 2, y_mid + float(rng.normal(0.1, 0.25)) * high),
        (x_mid + float(rng.normal(0, 0.25)) * wide, bottom + max(gap, -1.5) + height_mm / 2),
        (left - gap - width_mm / 2, y_mid + float(rng.normal(0.1, 0.25)) * high),
        (x_mid + float(rng.normal(0, 0.25)) * wide, top - max(gap, 0) - height_mm / 2),
    )[place]
    return maker.at(patch, x_mm, y_mm, "hand", name=name)


def ink_of(patch: Patch) -> Ink:
    """The ink of a signature: its mean colour where it covers most, at the cover of its darkest tenth."""
    alpha = patch.rgba[:, :, 3]
    dark = alpha >= np.percentile(alpha[alpha > 0], 90)
    red, green, blue = (int(value) for value in patch.rgba[dark][:, :3].mean(axis=0))
    return Ink((red, green, blue), float(np.clip(alpha[dark].mean() / 255 * 1.1, 0.4, 1.0)))
