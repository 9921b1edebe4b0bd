"""Lays out papers of the size of a hand, on which everything is larger in the picture: cheques and receipts."""

from __future__ import annotations

from dataclasses import replace

from docdetect.synth.ink import RGB
from docdetect.synth.layouts import letterheads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import TextStyle

# Sizes of cheques and receipts (width, height) in mm.
CHEQUES_MM = ((203.0, 93.0), (178.0, 80.0), (152.0, 70.0), (216.0, 89.0))
RECEIPTS_MM = ((58.0, 120.0), (80.0, 150.0), (80.0, 200.0), (76.0, 240.0), (80.0, 105.0))

_P_TINTED_CHEQUE = 0.7


def cheque(draft: Draft) -> None:
    """Lays out a cheque: a bank's name, lines for the payee and the sum, a box for the figures, a place to sign."""
    layout, writer, typography = draft.layout, draft.writer, draft.typography
    wide, high = layout.width_mm, layout.height_mm
    ink: RGB = (draft.count(20, 90), draft.count(20, 110), draft.count(30, 130))
    if draft.chance(_P_TINTED_CHEQUE):
        pale: RGB = (draft.count(214, 250), draft.count(218, 250), draft.count(205, 245))
        layout.rect((0, 0, wide, high), 0, fill=pale)
        if draft.chance(0.7):
            letterheads.waves(draft, (2, wide - 2), (high * 0.1, high * 0.82), _paler(ink))
    if draft.chance(0.4):
        layout.rect((3, 3, wide - 3, high - 3), draft.between(0.3, 1.5), ink)
    small = _sized(typography.small, 2.0)
    body, head = _sized(typography.body, 2.9), _sized(typography.bold, draft.between(3.5, 5.5)).coloured(ink)
    layout.slot("emblem", 14, high * 0.15, 16, 14)
    layout.text(26, high * 0.15, writer.pick(writer.language.firms), head)
    layout.text(26, high * 0.15 + 3.4, writer.address(), small)
    layout.text(wide - 8, high * 0.1, writer.digits(6), body, "right")
    layout.text(wide * 0.66, high * 0.24, f"{writer.language.date}:", small)
    layout.slot("date", wide * 0.82, high * 0.235, wide * 0.2, 6)
    layout.line(wide * 0.72, high * 0.25, wide - 8, high * 0.25, 0.15)
    for row, share in enumerate((0.4, 0.52)):
        y = high * share
        layout.text(6, y, writer.pick(writer.language.fields), small)
        layout.line(wide * 0.14, y + 0.8, wide * (0.74 if row == 0 else 0.7), y + 0.8, 0.15)
        layout.slot("field", wide * 0.42, y, wide * 0.5, 8)
    box = (wide * 0.76, high * 0.36, wide - 7, high * 0.49)
    layout.rect(box, 0.3, ink, (255, 255, 255) if draft.chance(0.5) else None)
    layout.slot("field", (box[0] + box[2]) / 2, box[3] - 2, (box[2] - box[0]) * 0.8, 7)
    layout.text(8, high * 0.7, f"No. {writer.digits(10)}", body)
    end = wide - draft.between(6, 14)
    layout.line(end - wide * 0.3, high * 0.76, end, high * 0.76, 0.18)
    caption = writer.person() if draft.chance(0.5) else writer.pick(writer.language.roles)
    layout.text(end - wide * 0.15, high * 0.76 + 3, caption, small, "centre")
    layout.slot("signature", end - wide * 0.15, high * 0.75, wide * 0.28, 12)
    layout.slot("receipt", wide * draft.between(0.2, 0.7), high * draft.between(0.3, 0.7), 45, 20)
    numbers = f"*{writer.digits(6)}*  {writer.digits(9)}:  {writer.digits(7)}*  {writer.digits(2)}"
    layout.text(wide * 0.5, high * 0.92, numbers, _sized(typography.bold, 3.6), "centre")


def receipt(draft: Draft) -> None:
    """Lays out a receipt of a shop: a trade mark, lines with prices, a total that stands out, a bar code."""
    layout, writer = draft.layout, draft.writer
    wide, middle = layout.width_mm, layout.width_mm / 2
    style = _sized(draft.typography.body, draft.between(2.3, 3.1))
    left, right = 4.0, wide - 4.0
    high = draft.between(8, 18)
    y = 4.0 + high
    layout.slot("brand" if draft.chance(0.5) else "emblem", middle, y - high / 2, wide * 0.7, high)
    step = style.size_mm * draft.between(1.15, 1.4)
    for _ in range(draft.count(2, 4)):
        y += step
        text = writer.pick((writer.address(), writer.pick(writer.language.cities), f"Tel. {writer.digits(8)}"))
        layout.text(middle, y, text[:34], style, "centre")
    y += step
    while y < layout.height_mm - 40:
        y += step
        layout.text(left, y, writer.phrase(1, 3)[:22], style)
        layout.text(right, y, writer.amount()[-7:], style, "right")
        if draft.chance(0.04):
            y += step
    y += step * 2
    total = style.sized(draft.between(1.2, 1.9))
    if draft.chance(0.4):
        layout.rect((left, y - total.size_mm * 1.1, right, y + total.size_mm * 0.5), 0.2, fill=(20, 20, 22))
        total = total.coloured((255, 255, 255))
    layout.text(left + 1, y, writer.pick(writer.language.fields).upper()[:10], total)
    layout.text(right - 1, y, writer.amount()[-8:], total, "right")
    if draft.chance(0.6):
        layout.slot("code", middle, y + 12, 20, 12)
    if draft.chance(0.2):
        layout.line(left + 6, y + 20, right - 6, y + 20, 0.2)
        layout.slot("signature", middle, y + 19, wide * 0.6, 10)
    layout.slot("receipt", wide * draft.between(0.3, 0.7), layout.height_mm * draft.between(0.3, 0.8), 40, 20)
    layout.text(middle, layout.height_mm - 4, writer.phrase(2, 4)[:30], style, "centre")


def _sized(style: TextStyle, size_mm: float) -> TextStyle:
    """The style with letters of an em of `size_mm`, since small papers have small letters whatever the page has."""
    return replace(style, size_mm=size_mm)


def _paler(colour: RGB) -> RGB:
    red, green, blue = (255 - (255 - value) // 4 for value in colour)
    return red, green, blue
