"""Lays out certificates: ornamental frames, arms, large letters, and people who sign at the foot."""

from __future__ import annotations

import math

from docdetect.synth.ink import RGB
from docdetect.synth.layouts import letterheads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Line

# Probability that the title of a certificate is set in script type or blackletter.
_P_SCRIPT_TITLE = 0.4


def certificate(draft: Draft) -> None:
    """Lays out a framed certificate: arms, a large title, a name in script type, one or two people who sign."""
    layout, typography, writer = draft.layout, draft.typography, draft.writer
    _frame(draft)
    middle = layout.width_mm / 2
    draft.y = layout.height_mm * 0.12
    layout.slot("emblem", middle, draft.y + 13, 28, 28)
    draft.y += 40
    title = typography.title.sized(1.6).coloured(typography.accent)
    if draft.chance(_P_SCRIPT_TITLE):
        # Names of states, schools and firms stand in script type or blackletter on many certificates.
        title = typography.script.sized(draft.between(1.6, 2.6)).coloured(typography.accent)
    inset = layout.width_mm * 0.16
    column = layout.width_mm - 2 * inset
    draft.y = layout.paragraph((inset, draft.y, column), writer.pick(writer.language.titles), title, 1.3, "centre") + 4
    draft.y = layout.paragraph((inset, draft.y, column), writer.sentence(5, 10), typography.body, 1.4, "centre") + 8
    layout.text(middle, draft.y + 4, writer.person(), typography.script.sized(2.0), "centre")
    draft.y += 12
    draft.y = layout.paragraph((inset, draft.y, column), writer.paragraph(2), typography.body, 1.5, "centre")
    y = layout.height_mm * draft.between(0.76, 0.84)
    for x in (layout.width_mm * 0.3, layout.width_mm * 0.7)[: draft.count(1, 2)]:
        layout.line(x - 27, y, x + 27, y, 0.25)
        layout.text(
            x, y + typography.small.size_mm * 1.3, writer.pick(writer.language.roles), typography.small, "centre"
        )
        layout.slot("signature", x, y - 1, 54, 14)
    layout.slot("stamp", middle + draft.between(-25, 45), y + draft.between(-8, 8), 44, 44)
    layout.slot("code", inset + 4, layout.height_mm * 0.9 - 8, 22, 22)


def _frame(draft: Draft) -> None:
    """Draws lines and mostly a band of waves around the page, at times on tinted paper."""
    layout = draft.layout
    colour: RGB = (
        draft.typography.accent
        if draft.chance(0.6)
        else (draft.count(60, 200), draft.count(60, 180), draft.count(40, 160))
    )
    if draft.chance(0.5):
        tint = draft.count(225, 250)
        layout.rect(
            (0, 0, layout.width_mm, layout.height_mm), 0, fill=(tint, draft.count(225, 250), draft.count(205, 245))
        )
    margin = draft.between(6, 14)
    if draft.chance(0.3):
        red, green, blue = (255 - (255 - value) // 4 for value in colour)
        letterheads.waves(
            draft, (margin, layout.width_mm - margin), (margin, layout.height_mm - margin), (red, green, blue)
        )
    for inset, width in ((margin, draft.between(0.4, 2.0)), (margin + draft.between(2, 4), 0.3), (margin + 9, 0.3)):
        layout.rect((inset, inset, layout.width_mm - inset, layout.height_mm - inset), width, colour)
    if draft.chance(0.7):
        _wave_band(draft, margin + 6.5, colour)


def _wave_band(draft: Draft, inset: float, colour: RGB) -> None:
    """Draws a band of two interlaced waves around the page, `inset` mm from the paper's edges."""
    layout = draft.layout
    amplitude, period = draft.between(1.2, 2.6), draft.between(4, 9)
    for phase in (0.0, 0.5):
        for offset in (inset, layout.height_mm - inset):
            xs = [inset + step * 1.0 for step in range(int(layout.width_mm - 2 * inset))]
            wave = [(x, offset + amplitude * math.sin(math.tau * (x / period + phase))) for x in xs]
            layout.strokes.append(Line(tuple(wave), 0.25, colour))
        for offset in (inset, layout.width_mm - inset):
            ys = [inset + step * 1.0 for step in range(int(layout.height_mm - 2 * inset))]
            wave = [(offset + amplitude * math.sin(math.tau * (y / period + phase)), y) for y in ys]
            layout.strokes.append(Line(tuple(wave), 0.25, colour))
