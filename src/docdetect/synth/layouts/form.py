"""Forms: boxes and lines to fill in, boxes to tick, fine print; filled in by hand, or left empty."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from docdetect.synth.layouts import blocks
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.sheet import RGB, Picture


def form(draft: Draft) -> None:
    """A form of labelled lines, boxes and ticks, with a place to sign at the end."""
    writer, look = draft.writer, draft.look
    draft.y += look.title.size_mm
    draft.sheet.text(draft.left, draft.y, writer.pick(writer.language.titles), look.title)
    if draft.chance(0.55):
        draft.sheet.slot("year", draft.right - draft.between(18, 80), draft.y, 36, draft.between(6, 12))
    else:
        draft.sheet.text(draft.right, draft.y, writer.digits(4), look.title.sized(1.5), "right")
    draft.y += 3
    draft.sheet.line(draft.left, draft.y, draft.right, draft.y, 0.7)
    draft.y += 3
    if draft.chance(0.2):
        _portrait(draft)
    floor = draft.floor - 30
    while draft.y < floor - 20:
        (_lines, _boxes, _ticks, _figures, _print)[int(draft.rng.choice(5, p=[0.3, 0.22, 0.16, 0.17, 0.15]))](
            draft, floor
        )
        draft.y += draft.between(1, 5)
    _sign_here(draft)
    blocks.foot(draft)


def application(draft: Draft) -> None:
    """An application: to whom at the top right, a few lines, mostly written by hand, date and signature."""
    writer, look = draft.writer, draft.look
    x = draft.left + draft.width * 0.5
    for _ in range(draft.count(3, 5)):
        draft.y += look.body.size_mm * 1.7
        if draft.chance(0.5):
            draft.sheet.text(x, draft.y, writer.pick(writer.language.roles), look.body)
        else:
            draft.sheet.line(x, draft.y + 0.5, draft.right, draft.y + 0.5)
            draft.sheet.slot("field", (x + draft.right) / 2, draft.y, (draft.right - x) * 0.9, 7)
    draft.y += 14
    blocks.title(draft)
    for _ in range(draft.count(3, 9)):
        draft.y += 9
        draft.sheet.line(draft.left, draft.y + 0.5, draft.right, draft.y + 0.5, 0.15)
        draft.sheet.slot("field", (draft.left + draft.right) / 2, draft.y, draft.width * 0.9, 8)
    draft.y += 6
    _sign_here(draft)
    blocks.foot(draft)


def _lines(draft: Draft, floor: float) -> None:
    writer, look = draft.writer, draft.look
    step = draft.between(6.5, 10)
    for _ in range(draft.count(2, 7)):
        if draft.y + step > floor:
            return
        draft.y += step
        x = draft.left
        for part in range(draft.count(1, 2)):
            end = draft.right if part else draft.left + draft.width * draft.between(0.5, 1.0)
            label = f"{writer.pick(writer.language.fields)}:"
            start = x + draft.sheet.text(x, draft.y, label, look.body) + 1.5
            if end - start > 14:
                draft.sheet.line(start, draft.y + 0.6, end, draft.y + 0.6, 0.15)
                draft.sheet.slot("field", (start + end) / 2, draft.y, (end - start) * 0.9, step * 0.85)
            x = end + 3
            if draft.right - x < 40:
                break


def _boxes(draft: Draft, floor: float) -> None:
    """A grid of boxes with small labels at their top left, as tax forms have them."""
    writer, look = draft.writer, draft.look
    height = draft.between(8, 13)
    for _ in range(draft.count(1, 5)):
        if draft.y + height > floor:
            return
        edges = sorted({0.0, 1.0, *(round(draft.between(0.15, 0.85), 1) for _ in range(draft.count(0, 3)))})
        for start, end in pairwise(edges):
            x0, x1 = draft.left + draft.width * start, draft.left + draft.width * end
            fill = (225, 229, 236) if draft.chance(0.07) else None
            draft.sheet.rect((x0, draft.y, x1, draft.y + height), 0.2, fill=fill)
            draft.sheet.text(x0 + 0.8, draft.y + 2.4, writer.phrase(1, 3), look.small.sized(0.8))
            draft.sheet.slot("field", (x0 + x1) / 2, draft.y + height - 1.6, (x1 - x0) * 0.85, height * 0.6)
        draft.y += height


def _ticks(draft: Draft, floor: float) -> None:
    writer, look = draft.writer, draft.look
    side = look.body.size_mm * draft.between(0.7, 1.0)
    for _ in range(draft.count(2, 6)):
        if draft.y + side * 2 > floor:
            return
        draft.y += side * 1.9
        draft.sheet.rect((draft.left, draft.y - side, draft.left + side, draft.y), 0.25)
        draft.sheet.slot("tick", draft.left + side / 2, draft.y - side / 2, side * 1.3, side * 1.3)
        draft.sheet.text(draft.left + side + 2, draft.y, writer.phrase(3, 9), look.body)


def _figures(draft: Draft, floor: float) -> None:
    """Numbered lines with dots leading to a column of boxes for sums."""
    writer, look = draft.writer, draft.look
    style = look.small
    step = style.size_mm * 1.75
    x = draft.right - 34
    tint = _tint(draft) if draft.chance(0.35) else None
    for number in range(1, draft.count(3, 14)):
        if draft.y + step > floor:
            return
        draft.y += step
        if tint is not None and draft.chance(0.7):
            start = draft.left if draft.chance(0.7) else draft.left + draft.width * draft.between(0.3, 0.7)
            draft.sheet.rect((start, draft.y - step + 0.8, draft.right, draft.y + 0.8), 0.0, fill=tint)
        text = f"{number}  {writer.phrase(3, 9)}"
        used = draft.left + draft.sheet.text(draft.left, draft.y, text, style)
        dots = int((x - used - 3) / style.width(" ."))
        draft.sheet.text(used + 1, draft.y, " ." * max(0, dots), style)
        draft.sheet.rect((x, draft.y - step + 0.8, draft.right, draft.y + 0.8), 0.2)
        draft.sheet.text(x + 1, draft.y, str(number), look.small)
        if draft.chance(0.3):
            draft.sheet.text(draft.right - 1, draft.y, writer.amount(), style, "right")
        else:
            draft.sheet.slot("field", (x + draft.right) / 2 + 2, draft.y, 24, step)


def _tint(draft: Draft) -> RGB:
    """The pale colour that a form's rows are shaded in."""
    if draft.chance(0.3):
        shade = draft.count(190, 235)
        return shade, shade, shade
    red, green, blue = (draft.count(195, 255) for _ in range(3))
    return red, green, blue


def _print(draft: Draft, floor: float) -> None:
    """Fine print, now and then with a pictogram beside it."""
    text = draft.writer.paragraph(draft.count(1, 3))
    if draft.y + 15 >= floor:
        return
    if draft.chance(0.7):
        side = draft.between(6, 12)
        draft.sheet.slot("icon", draft.left + side / 2, draft.y + side / 2, side, side)
        box = (draft.left + side + 2, draft.y, draft.width * 0.6)
        draft.y = max(draft.sheet.paragraph(box, text, draft.look.italic, 1.2, "left"), draft.y + side)
    else:
        draft.y = draft.sheet.paragraph((draft.left, draft.y, draft.width), text, draft.look.small, 1.2, "left")


def _sign_here(draft: Draft) -> None:
    writer, look = draft.writer, draft.look
    draft.y += draft.between(11, 17)
    length = draft.between(45, 75)
    draft.sheet.line(draft.left, draft.y, draft.left + length, draft.y, 0.2)
    draft.sheet.text(draft.left, draft.y + look.small.size_mm * 1.2, writer.pick(writer.language.fields), look.small)
    draft.sheet.slot("sign", draft.left + length / 2, draft.y - 0.5, length, 13)
    start = draft.left + length + 12
    draft.sheet.line(start, draft.y, min(start + 38, draft.right), draft.y, 0.2)
    draft.sheet.slot("date", start + 18, draft.y, 32, 7)
    draft.sheet.slot("seal", draft.right - draft.between(18, 40), draft.y - draft.between(0, 12), 40, 40)


def _portrait(draft: Draft) -> None:
    """A photograph at the top right: a head and shoulders before a plain wall, in grey or in colour."""
    width, height = 30.0, 38.0
    tone = np.full((76, 60, 4), 255, np.uint8)
    wall, cloth = (draft.rng.integers(low, high, 3) for low, high in ((150, 240), (20, 140)))
    skin = (np.array((225, 175, 145)) * draft.between(0.35, 1.05)).astype(int)
    tone[:, :, :3] = wall
    cv2.ellipse(tone, (30, 78), (26, 24), 0, 0, 360, (*cloth.tolist(), 255), -1)
    cv2.ellipse(tone, (30, 34), (13, 17), 0, 0, 360, (*skin.tolist(), 255), -1)
    cv2.ellipse(tone, (30, 22), (14, 10), 0, 180, 360, (*(skin // 4).tolist(), 255), -1)
    tone = np.asarray(cv2.GaussianBlur(tone, (0, 0), 2.2), np.uint8)
    if draft.chance(0.4):
        tone[:, :, :3] = tone[:, :, :3].mean(axis=2, keepdims=True).astype(np.uint8)
    x, y = draft.right - width, draft.y + 1
    draft.sheet.strokes.append(Picture(tone, (x, y, x + width, y + height)))
    draft.sheet.slot("seal", x + draft.between(-8, 12), y + height + draft.between(-6, 4), 40, 40)
    draft.y += height + 3
