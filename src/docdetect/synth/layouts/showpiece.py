"""Certificates with ornaments, covers of projects, drawings with title blocks."""

from __future__ import annotations

import math

from docdetect.synth.layouts import blocks, heads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.sheet import RGB, Ellipse, Line


def certificate(draft: Draft) -> None:
    """A framed certificate: arms, large letters, a name in a script face, those who sign at the foot."""
    sheet, look, writer = draft.sheet, draft.look, draft.writer
    _frame(draft)
    middle = sheet.width / 2
    draft.y = sheet.height * 0.12
    sheet.slot("emblem", middle, draft.y + 13, 28, 28)
    draft.y += 40
    title = look.title.sized(1.6).coloured(look.accent)
    inset = sheet.width * 0.16
    box = (inset, sheet.width - 2 * inset)
    draft.y = sheet.paragraph((box[0], draft.y, box[1]), writer.pick(writer.language.titles), title, 1.3, "centre") + 4
    draft.y = sheet.paragraph((box[0], draft.y, box[1]), writer.sentence(5, 10), look.body, 1.4, "centre") + 8
    sheet.text(middle, draft.y + 4, writer.person(), look.script.sized(2.0), "centre")
    draft.y += 12
    draft.y = sheet.paragraph((box[0], draft.y, box[1]), writer.paragraph(2), look.body, 1.5, "centre")
    y = sheet.height * draft.between(0.76, 0.84)
    for x in (sheet.width * 0.3, sheet.width * 0.7)[: draft.count(1, 2)]:
        sheet.line(x - 27, y, x + 27, y, 0.25)
        sheet.text(x, y + look.small.size_mm * 1.3, writer.pick(writer.language.roles), look.small, "centre")
        sheet.slot("sign", x, y - 1, 54, 14)
    sheet.slot("seal", middle + draft.between(-25, 45), y + draft.between(-8, 8), 44, 44)
    sheet.slot("code", inset + 4, sheet.height * 0.9 - 8, 22, 22)


def cover(draft: Draft) -> None:
    """The cover of a project: large centred lines, then who is responsible."""
    sheet, look, writer = draft.sheet, draft.look, draft.writer
    if draft.chance(0.5):
        heads.letterhead(draft)
    draft.y = max(draft.y, sheet.height * draft.between(0.14, 0.3))
    title = look.title.sized(draft.between(1.0, 1.5))
    text = f"{writer.pick(writer.language.titles)} {writer.phrase(2, 6)}"
    draft.y = sheet.paragraph((draft.left + 8, draft.y, draft.width - 16), text, title, 1.35, "centre") + 12
    for _ in range(draft.count(1, 4)):
        style = look.bold
        y = draft.y + style.size_mm
        sheet.text(draft.left, y, f"{writer.pick(writer.language.fields)}:", style)
        draft.y = sheet.paragraph(
            (draft.left + draft.width * 0.32, draft.y, draft.width * 0.66),
            writer.phrase(2, 14),
            look.body,
            1.25,
            "left",
        )
        draft.y += draft.between(4, 10)
    draft.y += draft.between(2, 16)
    blocks.signature_rows(draft, draft.count(1, 3))
    sheet.text(
        sheet.width / 2,
        sheet.height - look.bottom,
        f"{writer.pick(writer.language.cities)} 20{writer.digits(2)}",
        look.bold,
        "centre",
    )
    blocks.foot(draft)


def drawing(draft: Draft) -> None:
    """A technical drawing: a frame, walls, axes and dimensions, and the title block at the lower right."""
    sheet = draft.sheet
    sheet.rect((20, 5, sheet.width - 5, sheet.height - 5), 0.7)
    for _ in range(draft.count(1, 3)):
        x, y = draft.between(30, sheet.width * 0.6), draft.between(15, sheet.height * 0.5)
        _plan(
            draft,
            (
                x,
                y,
                min(x + draft.between(60, 150), sheet.width - 30),
                min(y + draft.between(40, 110), sheet.height - 75),
            ),
        )
    if draft.chance(0.5):
        width = draft.between(70, 110)
        draft.y = sheet.height * 0.6
        sheet.paragraph((25, draft.y, width), draft.writer.paragraph(3), draft.look.small, 1.2, "left")
    _title_block(draft)
    sheet.slot("seal", draft.between(50, sheet.width - 60), sheet.height - draft.between(30, 90), 42, 42)
    sheet.slot("code", sheet.width - 22, 24, 20, 20)
    sheet.slot("receipt", draft.between(60, sheet.width - 60), draft.between(20, sheet.height / 2), 60, 34)
    sheet.slot("free", draft.between(70, sheet.width - 70), sheet.height * 0.62, 90, 45)


def _title_block(draft: Draft) -> None:
    """The block of GOST 2.104 and its kin: rows of offices, names, narrow cells to sign in, dates."""
    sheet, look, writer = draft.sheet, draft.look, draft.writer
    x0, y0 = sheet.width - 5 - 185, sheet.height - 5 - 55
    sheet.rect((x0, y0, sheet.width - 5, sheet.height - 5), 0.6, fill=(255, 255, 255))
    small = look.italic.sized(2.6 / look.italic.size_mm)
    columns = (0.0, 17.0, 40.0, 55.0, 65.0)
    for edge in columns[1:]:
        sheet.line(x0 + edge, y0, x0 + edge, y0 + 55, 0.5 if edge == 65 else 0.3)
    for row in range(11):
        y = y0 + 5 * (row + 1)
        sheet.line(x0, y, x0 + 65, y, 0.25)
        if row >= 4:
            sheet.text(x0 + 0.8, y - 1.4, writer.pick(writer.language.roles)[:11], small)
            if draft.chance(0.8):
                sheet.text(x0 + 17.8, y - 1.4, writer.person()[:13], small)
                sheet.slot("sign", x0 + 47.5, y - 1.2, 15, 6.5)
                sheet.slot("date", x0 + 60, y - 1.4, 9.5, 4)
    sheet.line(x0 + 65, y0 + 15, sheet.width - 5, y0 + 15, 0.5)
    sheet.line(x0 + 65, y0 + 40, sheet.width - 5, y0 + 40, 0.5)
    sheet.line(x0 + 135, y0 + 15, x0 + 135, y0 + 55, 0.5)
    sheet.text(x0 + 125, y0 + 10, writer.reference(), look.bold.sized(5 / look.bold.size_mm), "centre")
    sheet.paragraph(
        (x0 + 67, y0 + 19, 66), writer.phrase(4, 9), look.body.sized(3.5 / look.body.size_mm), 1.2, "centre"
    )
    sheet.text(x0 + 100, y0 + 48, writer.phrase(1, 3), look.body.sized(3.5 / look.body.size_mm), "centre")
    sheet.text(x0 + 160, y0 + 48, writer.pick(writer.language.firms), small, "centre")


def _plan(draft: Draft, box: tuple[float, float, float, float]) -> None:
    """Walls, partitions, axes in circles, dimensions, hatching."""
    sheet, look = draft.sheet, draft.look
    x0, y0, x1, y1 = box
    if x1 - x0 < 20 or y1 - y0 < 20:
        return
    sheet.rect(box, 0.7)
    sheet.rect((x0 + 2, y0 + 2, x1 - 2, y1 - 2), 0.4)
    small = look.small.sized(2.4 / look.small.size_mm)
    for number in range(draft.count(2, 6)):
        x = draft.between(x0 + 4, x1 - 4)
        sheet.line(x, y0 - 8, x, y1 + 4, 0.13, (110, 110, 112))
        _axis(draft, x, y0 - 11, str(number + 1))
        y = draft.between(y0 + 4, y1 - 4)
        sheet.line(x0 - 8, y, x1 + 4, y, 0.13, (110, 110, 112))
        sheet.line(x, y, draft.between(x0, x1), y, 0.6)
        sheet.text(draft.between(x0, x1 - 12), draft.between(y0 + 3, y1), draft.writer.digits(4), small)
    if draft.chance(0.5):
        left, top = draft.between(x0, x1 - 12), draft.between(y0, y1 - 10)
        for step in range(14):
            sheet.line(left + step, top + 10, left + step + 6, top, 0.12)
    if draft.chance(0.35):
        _section(draft, ((x0 + x1) / 2, (y0 + y1) / 2), min(x1 - x0, y1 - y0) * draft.between(0.15, 0.4))
    sheet.line(x0, y1 + 6, x1, y1 + 6, 0.13)
    sheet.text((x0 + x1) / 2, y1 + 5.4, draft.writer.digits(5), small, "centre")
    sheet.text((x0 + x1) / 2, y0 - 16, draft.writer.phrase(1, 4), look.bold, "centre")


def _axis(draft: Draft, x: float, y: float, name: str) -> None:
    draft.sheet.strokes.append(Ellipse((x - 3, y - 3, x + 3, y + 3), 0.2))
    small = draft.look.small
    draft.sheet.text(x, y + small.size_mm * 0.35, name, small, "centre")


def _section(draft: Draft, centre: tuple[float, float], radius: float) -> None:
    """A flange in section: circles with holes, round but no stamp."""
    x, y = centre
    for share in (1.0, 0.82, 0.45):
        r = radius * share
        draft.sheet.strokes.append(Ellipse((x - r, y - r, x + r, y + r), 0.4))
    for hole in range(8):
        angle = math.tau * hole / 8
        hx, hy, r = x + radius * 0.64 * math.cos(angle), y + radius * 0.64 * math.sin(angle), radius * 0.08
        draft.sheet.strokes.append(Ellipse((hx - r, hy - r, hx + r, hy + r), 0.25))


def _frame(draft: Draft) -> None:
    """Lines and a guilloche band around the page, sometimes on tinted paper."""
    sheet = draft.sheet
    colour: RGB = (
        draft.look.accent if draft.chance(0.6) else (draft.count(60, 200), draft.count(60, 180), draft.count(40, 160))
    )
    if draft.chance(0.5):
        tint = draft.count(225, 250)
        sheet.rect((0, 0, sheet.width, sheet.height), 0, fill=(tint, draft.count(225, 250), draft.count(205, 245)))
    margin = draft.between(6, 14)
    if draft.chance(0.3):
        red, green, blue = (255 - (255 - value) // 4 for value in colour)
        heads.waves(draft, (margin, sheet.width - margin), (margin, sheet.height - margin), (red, green, blue))
    for inset, width in ((margin, draft.between(0.4, 2.0)), (margin + draft.between(2, 4), 0.3), (margin + 9, 0.3)):
        sheet.rect((inset, inset, sheet.width - inset, sheet.height - inset), width, colour)
    if draft.chance(0.7):
        _band(draft, margin + 6.5, colour)


def _band(draft: Draft, inset: float, colour: RGB) -> None:
    sheet = draft.sheet
    amplitude, period = draft.between(1.2, 2.6), draft.between(4, 9)
    for phase in (0.0, 0.5):
        for offset in (inset, sheet.height - inset):
            xs = [inset + step * 1.0 for step in range(int(sheet.width - 2 * inset))]
            wave = [(x, offset + amplitude * math.sin(math.tau * (x / period + phase))) for x in xs]
            sheet.strokes.append(Line(tuple(wave), 0.25, colour))
        for offset in (inset, sheet.width - inset):
            ys = [inset + step * 1.0 for step in range(int(sheet.height - 2 * inset))]
            wave = [(offset + amplitude * math.sin(math.tau * (y / period + phase)), y) for y in ys]
            sheet.strokes.append(Line(tuple(wave), 0.25, colour))
