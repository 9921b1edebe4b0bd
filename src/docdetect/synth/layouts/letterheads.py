"""Sets what is printed at the top of a page: letterheads, trade marks, and the panel of stamped paper.

Each function sets its part at `draft.y` and moves `draft.y` below it.
"""

from __future__ import annotations

import math

from docdetect.synth.ink import RGB
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Align, Line, SlotKind


def letterhead(draft: Draft) -> None:
    """Sets a letterhead: mostly an emblem, the firm's name, small lines of addresses, and at times a rule."""
    typography, layout, writer = draft.typography, draft.layout, draft.writer
    middle = (draft.left + draft.right) / 2
    size = draft.between(12, 26)
    emblem_x = (draft.left + size / 2, middle, draft.right - size / 2)[draft.count(0, 2)]
    if draft.chance(0.6):
        layout.slot("emblem", emblem_x, draft.y + size / 2, size, size)
        if emblem_x == middle:
            draft.y += size + 4
    align: Align = "left" if emblem_x > middle else "right" if emblem_x < middle else "centre"
    x = {"left": draft.left, "right": draft.right, "centre": middle}[align]
    name = (
        typography.title.coloured(typography.accent)
        if draft.chance(0.75)
        else typography.script.sized(1.6).coloured(typography.accent)
    )
    draft.y += name.size_mm
    layout.text(x, draft.y, writer.pick(writer.language.firms), name, align)
    for _ in range(draft.count(1, 4)):
        draft.y += typography.small.size_mm * 1.3
        parts = (writer.address(), f"{writer.digits(3)}-{writer.digits(2)}-{writer.digits(2)}", writer.reference())
        layout.text(x, draft.y, writer.pick(parts), typography.small, align)
    draft.y += 4
    if draft.chance(0.5):
        layout.line(draft.left, draft.y, draft.right, draft.y, draft.between(0.2, 1.2), typography.accent)
    draft.y += 5


def brand_letterhead(draft: Draft) -> None:
    """Sets a wide slot for a firm's trade mark, and a few small lines beside or below it, at times in script type."""
    typography, layout, writer = draft.typography, draft.layout, draft.writer
    wide, high = draft.between(40, 85), draft.between(12, 25)
    middle = (draft.left + draft.right) / 2
    x = (draft.left + wide / 2, middle, draft.right - wide / 2)[draft.count(0, 2)]
    layout.slot("brand", x, draft.y + high / 2, wide, high)
    beside = x != middle and draft.chance(0.4)
    far, align = (draft.right, "right") if x < middle else (draft.left, "left")
    at, align = (far, align) if beside else (x, "centre")
    y = draft.y if beside else draft.y + high + 1
    style = typography.script.sized(draft.between(0.9, 1.3)) if draft.chance(0.3) else typography.small
    for _ in range(draft.count(0, 4)):
        y += style.size_mm * 1.25
        parts = (writer.address(), writer.pick(writer.language.firms), writer.pick(writer.language.cities))
        layout.text(at, y, writer.pick(parts), style.coloured(typography.accent), align)  # type: ignore[arg-type]
    draft.y = max(y, draft.y + high) + 6


def bilingual_letterhead(draft: Draft) -> None:
    """Sets a letterhead in two languages, left and right of an emblem, as offices of bilingual countries have it."""
    typography, writer = draft.typography, draft.writer
    column = draft.width * 0.37
    sides = ((draft.left, writer), (draft.right - column, writer.other()))
    lowest = draft.y
    for x, speaker in sides:
        text = f"{speaker.pick(speaker.language.firms)} {speaker.phrase(3, 7)}"
        y = draft.layout.paragraph((x, draft.y, column), text, typography.bold, 1.15, "centre")
        y = draft.layout.paragraph((x, y + 3, column), speaker.address(), typography.small, 1.15, "centre")
        lowest = max(lowest, y)
    size = min(draft.width * 0.2, 26)
    draft.layout.slot("emblem", (draft.left + draft.right) / 2, draft.y + size / 2, size, size)
    draft.y = max(lowest, draft.y + size) + 5
    if draft.chance(0.6):
        draft.layout.line(draft.left, draft.y, draft.right, draft.y, draft.between(0.3, 0.9), typography.accent)
        draft.y += 4


def stamped_paper_panel(draft: Draft) -> None:
    """Sets the panel of stamped paper, for which stamp duty was paid: coloured waves, arms and the amount."""
    layout, writer = draft.layout, draft.writer
    hues = ((210, 90, 140), (70, 150, 120), (190, 130, 70), (90, 120, 190), (150, 100, 170))
    red, green, blue = (value + draft.count(-20, 20) for value in hues[draft.count(0, len(hues) - 1)])
    dark = red // 2, green // 2, blue // 2
    top, height = draft.between(6, 16), draft.between(45, 80)
    x0, x1 = draft.left * 0.7, layout.width_mm - draft.typography.margin_right_mm * 0.7
    pale = tuple(255 - (255 - value) // 2 for value in (red, green, blue))
    layout.rect((x0, top, x1, top + height), 0.8, dark, (pale[0], pale[1], pale[2]))
    waves(draft, (x0 + 3, x1 - 3), (top + 4, top + height - 4), (red, green, blue))
    amount = f"{writer.pick(('10', '20', '50', '100', '500', '1000'))}"
    big = draft.typography.bold.sized(height * 0.2 / draft.typography.bold.size_mm).coloured(dark)
    for x in (x0 + (x1 - x0) * 0.17, x0 + (x1 - x0) * 0.83):
        layout.text(x, top + height * 0.6, amount, big, "centre")
    title = draft.typography.bold.sized(height * 0.1 / draft.typography.bold.size_mm).coloured(dark)
    layout.text((x0 + x1) / 2, top + height * 0.16, writer.phrase(2, 3).upper(), title, "centre")
    layout.slot("emblem", (x0 + x1) / 2, top + height * 0.6, height * 0.6, height * 0.6)
    kinds: tuple[SlotKind, ...] = ("free", "receipt")
    for kind in kinds:
        # Offices set their stamps across the coloured print.
        if draft.chance(0.6):
            layout.slot(kind, x0 + (x1 - x0) * draft.between(0.1, 0.9), top + height * draft.between(0.3, 1.15), 60, 30)
    layout.text(x1 - 4, top + height + 7, writer.reference(), draft.typography.bold.coloured((170, 40, 40)), "right")
    draft.y = top + height + 14


def waves(draft: Draft, across: tuple[float, float], down: tuple[float, float], colour: RGB) -> None:
    """Draws sine waves as security printing has them.

    Args:
        draft: the page.
        across: left and right edge, mm.
        down: upper and lower edge, mm.
        colour: colour of the lines.
    """
    amplitude, period = draft.between(0.8, 3.0), draft.between(5, 30)
    xs = [across[0] + step * 1.5 for step in range(int((across[1] - across[0]) / 1.5) + 1)]
    y, step = down[0], draft.between(1.6, 4.0)
    while y < down[1]:
        points = tuple((x, y + amplitude * math.sin(math.tau * x / period + y)) for x in xs)
        draft.layout.strokes.append(Line(points, 0.15, colour))
        y += step
