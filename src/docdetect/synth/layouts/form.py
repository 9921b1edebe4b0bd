"""Lays out forms and applications: lines and cells to fill in, squares to tick, rows of sums, fine print.

Whether a form is filled in by hand is decided later, by `placement.py`.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from docdetect.synth.ink import RGB
from docdetect.synth.layouts import blocks
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Picture

# Probabilities of the parts of a form: lines to write on, cells, squares to tick, rows of sums, fine print.
_P_PARTS = (0.3, 0.22, 0.16, 0.17, 0.15)


def form(draft: Draft) -> None:
    """Lays out a form: a title with the year, parts of several kinds in random order, and a place to sign."""
    writer, typography = draft.writer, draft.typography
    draft.y += typography.title.size_mm
    draft.layout.text(draft.left, draft.y, writer.pick(writer.language.titles), typography.title)
    if draft.chance(0.55):
        draft.layout.slot("year", draft.right - draft.between(18, 80), draft.y, 36, draft.between(6, 12))
    else:
        draft.layout.text(draft.right, draft.y, writer.digits(4), typography.title.sized(1.5), "right")
    draft.y += 3
    draft.layout.line(draft.left, draft.y, draft.right, draft.y, 0.7)
    draft.y += 3
    if draft.chance(0.2):
        _portrait(draft)
    until = draft.bottom - 30
    parts = (_lines, _cells, _ticks, _sums, _fine_print)
    while draft.y < until - 20:
        parts[int(draft.rng.choice(len(parts), p=_P_PARTS))](draft, until)
        draft.y += draft.between(1, 5)
    _sign_here(draft)
    blocks.page_foot(draft)


def application(draft: Draft) -> None:
    """Lays out an application: the addressee at the top right, a title, lines to write on, date and signature."""
    writer, typography = draft.writer, draft.typography
    x = draft.left + draft.width * 0.5
    for _ in range(draft.count(3, 5)):
        draft.y += typography.body.size_mm * 1.7
        if draft.chance(0.5):
            draft.layout.text(x, draft.y, writer.pick(writer.language.roles), typography.body)
        else:
            draft.layout.line(x, draft.y + 0.5, draft.right, draft.y + 0.5)
            draft.layout.slot("field", (x + draft.right) / 2, draft.y, (draft.right - x) * 0.9, 7)
    draft.y += 14
    blocks.title(draft)
    for _ in range(draft.count(3, 9)):
        draft.y += 9
        draft.layout.line(draft.left, draft.y + 0.5, draft.right, draft.y + 0.5, 0.15)
        draft.layout.slot("field", (draft.left + draft.right) / 2, draft.y, draft.width * 0.9, 8)
    draft.y += 6
    _sign_here(draft)
    blocks.page_foot(draft)


# Each of the following functions sets a part of a form at `draft.y`, no lower than `until` mm.


def _lines(draft: Draft, until: float) -> None:
    """Sets lines to write on, each with a label before it."""
    writer, typography = draft.writer, draft.typography
    step = draft.between(6.5, 10)
    for _ in range(draft.count(2, 7)):
        if draft.y + step > until:
            return
        draft.y += step
        x = draft.left
        for part in range(draft.count(1, 2)):
            end = draft.right if part else draft.left + draft.width * draft.between(0.5, 1.0)
            label = f"{writer.pick(writer.language.fields)}:"
            start = x + draft.layout.text(x, draft.y, label, typography.body) + 1.5
            if end - start > 14:
                draft.layout.line(start, draft.y + 0.6, end, draft.y + 0.6, 0.15)
                draft.layout.slot("field", (start + end) / 2, draft.y, (end - start) * 0.9, step * 0.85)
            x = end + 3
            if draft.right - x < 40:
                break


def _cells(draft: Draft, until: float) -> None:
    """Sets rows of cells with small labels at their top left, as tax forms have them."""
    writer, typography = draft.writer, draft.typography
    height = draft.between(8, 13)
    for _ in range(draft.count(1, 5)):
        if draft.y + height > until:
            return
        edges = sorted({0.0, 1.0, *(round(draft.between(0.15, 0.85), 1) for _ in range(draft.count(0, 3)))})
        for start, end in pairwise(edges):
            x0, x1 = draft.left + draft.width * start, draft.left + draft.width * end
            fill = (225, 229, 236) if draft.chance(0.07) else None
            draft.layout.rect((x0, draft.y, x1, draft.y + height), 0.2, fill=fill)
            draft.layout.text(x0 + 0.8, draft.y + 2.4, writer.phrase(1, 3), typography.small.sized(0.8))
            draft.layout.slot("field", (x0 + x1) / 2, draft.y + height - 1.6, (x1 - x0) * 0.85, height * 0.6)
        draft.y += height


def _ticks(draft: Draft, until: float) -> None:
    """Sets squares to tick, each with a phrase beside it."""
    writer, typography = draft.writer, draft.typography
    side = typography.body.size_mm * draft.between(0.7, 1.0)
    for _ in range(draft.count(2, 6)):
        if draft.y + side * 2 > until:
            return
        draft.y += side * 1.9
        draft.layout.rect((draft.left, draft.y - side, draft.left + side, draft.y), 0.25)
        draft.layout.slot("tick", draft.left + side / 2, draft.y - side / 2, side * 1.3, side * 1.3)
        draft.layout.text(draft.left + side + 2, draft.y, writer.phrase(3, 9), typography.body)


def _sums(draft: Draft, until: float) -> None:
    """Sets numbered lines with dots that lead to a column of cells for sums."""
    writer, typography = draft.writer, draft.typography
    style = typography.small
    step = style.size_mm * 1.75
    x = draft.right - 34
    tint = _tint(draft) if draft.chance(0.35) else None
    for number in range(1, draft.count(3, 14)):
        if draft.y + step > until:
            return
        draft.y += step
        if tint is not None and draft.chance(0.7):
            start = draft.left if draft.chance(0.7) else draft.left + draft.width * draft.between(0.3, 0.7)
            draft.layout.rect((start, draft.y - step + 0.8, draft.right, draft.y + 0.8), 0.0, fill=tint)
        text = f"{number}  {writer.phrase(3, 9)}"
        used = draft.left + draft.layout.text(draft.left, draft.y, text, style)
        dots = int((x - used - 3) / style.width(" ."))
        draft.layout.text(used + 1, draft.y, " ." * max(0, dots), style)
        draft.layout.rect((x, draft.y - step + 0.8, draft.right, draft.y + 0.8), 0.2)
        draft.layout.text(x + 1, draft.y, str(number), typography.small)
        if draft.chance(0.3):
            draft.layout.text(draft.right - 1, draft.y, writer.amount(), style, "right")
        else:
            draft.layout.slot("field", (x + draft.right) / 2 + 2, draft.y, 24, step)


def _tint(draft: Draft) -> RGB:
    """A pale grey or colour in which rows of a form are shaded."""
    if draft.chance(0.3):
        shade = draft.count(190, 235)
        return shade, shade, shade
    red, green, blue = (draft.count(195, 255) for _ in range(3))
    return red, green, blue


def _fine_print(draft: Draft, until: float) -> None:
    """Sets a paragraph of fine print, mostly with a pictogram beside it."""
    text = draft.writer.paragraph(draft.count(1, 3))
    if draft.y + 15 >= until:
        return
    if draft.chance(0.7):
        side = draft.between(6, 12)
        draft.layout.slot("icon", draft.left + side / 2, draft.y + side / 2, side, side)
        box = (draft.left + side + 2, draft.y, draft.width * 0.6)
        draft.y = max(draft.layout.paragraph(box, text, draft.typography.italic, 1.2, "left"), draft.y + side)
    else:
        draft.y = draft.layout.paragraph((draft.left, draft.y, draft.width), text, draft.typography.small, 1.2, "left")


def _sign_here(draft: Draft) -> None:
    """Sets a line to sign on, a line for the date, and a place for a stamp."""
    writer, typography = draft.writer, draft.typography
    draft.y += draft.between(11, 17)
    length = draft.between(45, 75)
    draft.layout.line(draft.left, draft.y, draft.left + length, draft.y, 0.2)
    draft.layout.text(
        draft.left, draft.y + typography.small.size_mm * 1.2, writer.pick(writer.language.fields), typography.small
    )
    draft.layout.slot("signature", draft.left + length / 2, draft.y - 0.5, length, 13)
    start = draft.left + length + 12
    draft.layout.line(start, draft.y, min(start + 38, draft.right), draft.y, 0.2)
    draft.layout.slot("date", start + 18, draft.y, 32, 7)
    draft.layout.slot("stamp", draft.right - draft.between(18, 40), draft.y - draft.between(0, 12), 40, 40)


def _portrait(draft: Draft) -> None:
    """Sets a photograph at the top right: a head and shoulders before a plain wall, in grey or in colour."""
    width, height = 30.0, 38.0
    rgba = np.full((76, 60, 4), 255, np.uint8)
    wall, cloth = (draft.rng.integers(low, high, 3) for low, high in ((150, 240), (20, 140)))
    skin = (np.array((225, 175, 145)) * draft.between(0.35, 1.05)).astype(int)
    rgba[:, :, :3] = wall
    cv2.ellipse(rgba, (30, 78), (26, 24), 0, 0, 360, (*cloth.tolist(), 255), -1)
    cv2.ellipse(rgba, (30, 34), (13, 17), 0, 0, 360, (*skin.tolist(), 255), -1)
    cv2.ellipse(rgba, (30, 22), (14, 10), 0, 180, 360, (*(skin // 4).tolist(), 255), -1)
    rgba = np.asarray(cv2.GaussianBlur(rgba, (0, 0), 2.2), np.uint8)
    if draft.chance(0.4):
        rgba[:, :, :3] = rgba[:, :, :3].mean(axis=2, keepdims=True).astype(np.uint8)
    x, y = draft.right - width, draft.y + 1
    draft.layout.strokes.append(Picture(rgba, (x, y, x + width, y + height)))
    draft.layout.slot("stamp", x + draft.between(-8, 12), y + height + draft.between(-6, 4), 40, 40)
    draft.y += height + 3
