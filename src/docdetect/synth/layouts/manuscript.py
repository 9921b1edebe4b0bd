"""Lays out pages that are written by hand from top to bottom (letters, wills, drafts), and pages of old books.

Only places are set here; `marks.py` fills them with handwriting. A signature at the end is a mark, the rest is none.
"""

from __future__ import annotations

from docdetect.synth.layouts import blocks, letterheads
from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Align

# Sizes of the pages of old books (width, height) in mm.
BOOK_PAGES_MM = ((110.0, 170.0), (150.0, 210.0), (190.0, 270.0))


def manuscript(draft: Draft) -> None:
    """Lays out a handwritten page, ruled or not, often with a letterhead or a printed head, at times signed."""
    layout = draft.layout
    if draft.chance(0.3):
        letterheads.letterhead(draft)
    if draft.chance(0.25):
        y = draft.y + 6
        while y < draft.bottom:
            layout.line(draft.left * 0.4, y, layout.width_mm - 6, y, 0.12, (150, 170, 200))
            y += 8.0
    signed = draft.chance(0.45)
    closed = signed and draft.chance(0.4)
    lower = draft.bottom - (38 if closed else 26 if signed else 0)
    upper = draft.y + draft.between(0, 25)
    if draft.chance(0.35):
        layout.slot("opening", draft.left + draft.width * 0.35, upper + 6, draft.width * 0.7, 9)
        upper += 10
    lower = lower if draft.chance(0.7) else upper + (lower - upper) * draft.between(0.3, 0.9)
    layout.slot("script", (draft.left + draft.right) / 2, (upper + lower) / 2, draft.width, lower - upper)
    if signed:
        x = draft.left + draft.width * draft.between(0.45, 0.8)
        if closed:
            layout.slot("closing", x, lower + 9, 65, 9)
        layout.slot("signature", x, lower + (26 if closed else 14), 55, 14)
    draft.y = lower
    if draft.chance(0.3):
        # Offices attest wills and records in stamped lines below the writing or across it.
        y = lower + draft.between(-60, 12)
        layout.slot("free", draft.left + draft.width * draft.between(0.25, 0.75), y, 70, 24)
    layout.slot("note", draft.left + draft.width * 0.5, draft.bottom + 4, 40, 12)


def book_page(draft: Draft) -> None:
    """Lays out a page of an old book: a title in large letters, woodcuts or ornaments, text, an ornamental initial."""
    layout, typography, writer = draft.layout, draft.typography, draft.writer
    middle = layout.width_mm / 2
    if draft.chance(0.5):
        for _ in range(draft.count(3, 9)):
            style = (typography.title, typography.body, typography.italic)[draft.count(0, 2)]
            draft.y += style.size_mm * 1.8
            text = writer.phrase(1, 5)
            layout.text(middle, draft.y, text.upper() if draft.chance(0.4) else text, style, "centre")
        size = draft.between(18, 60)
        layout.slot("woodcut", middle, draft.y + 8 + size / 2, size, size)
        draft.y += size + 16
        layout.text(middle, draft.bottom - 6, writer.pick(writer.language.cities).upper(), typography.body, "centre")
        layout.text(
            middle, draft.bottom, f"M. DC. {writer.pick(('XX', 'LXI', 'XXXII', 'IV'))}", typography.body, "centre"
        )
        return
    if draft.chance(0.5):
        size = draft.between(20, 70)
        layout.slot("woodcut", middle, draft.y + size / 2, draft.width, size)
        draft.y += size + 6
    size = draft.between(10, 24)
    layout.slot("woodcut", draft.left + size / 2, draft.y + size / 2, size, size)
    align: Align = "left"
    column = (draft.left + size + 2, draft.y, draft.width - size - 2)
    lines = int(size / (typography.body.size_mm * typography.leading))
    text = writer.paragraph(max(1, lines // 2))
    draft.y = max(layout.paragraph(column, text, typography.body, typography.leading, align), draft.y + size) + 1
    blocks.running_text(draft, draft.bottom)
