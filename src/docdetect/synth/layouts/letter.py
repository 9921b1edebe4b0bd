"""Lays out letters: business letters, office letters in two languages, and last pages with little on them."""

from __future__ import annotations

from docdetect.synth.layouts import blocks, letterheads
from docdetect.synth.layouts.draft import Draft


def letter(draft: Draft) -> None:
    """Lays out a letter of one page, or the last page of a longer one."""
    first = draft.chance(0.7)
    if first:
        _head(draft)
        _address(draft)
    text_share = draft.between(0.15, 0.62) if first else draft.between(0.02, 0.4)
    blocks.running_text(draft, draft.y + (draft.bottom - draft.y - 45) * text_share + 12)
    draft.skip(1)
    if draft.writer.language.code in ("ru", "kk") or draft.chance(0.15):
        blocks.signature_rows(draft, draft.count(1, 2))
    else:
        blocks.closing(draft)
        if draft.chance(0.25):
            blocks.countersignatures(draft)
    if draft.chance(0.5):
        _copies_and_enclosures(draft)
    blocks.page_foot(draft)


def _head(draft: Draft) -> None:
    """Sets a letterhead of one of the three kinds."""
    if draft.writer.language.code in ("ru", "kk") and draft.chance(0.5):
        letterheads.bilingual_letterhead(draft)
    elif draft.chance(0.4):
        letterheads.brand_letterhead(draft)
    else:
        letterheads.letterhead(draft)


def _address(draft: Draft) -> None:
    """Sets the date, the address of the person who gets the letter, and often a line with the subject."""
    writer, typography = draft.writer, draft.typography
    x = draft.left if draft.chance(0.6) else draft.left + draft.width * 0.55
    draft.y += typography.body.size_mm
    if draft.chance(0.3):
        draft.layout.text(draft.right, draft.y, writer.date(), typography.body, "right")
    else:
        draft.layout.text(draft.left, draft.y, writer.date(), typography.body)
    draft.skip(1.6)
    for _ in range(draft.count(2, 5)):
        text = writer.pick(
            (writer.person(), writer.pick(writer.language.roles), writer.pick(writer.language.firms), writer.address())
        )
        draft.layout.text(x, draft.y, text, typography.body)
        draft.skip(1)
    if draft.chance(0.6):
        draft.skip(0.8)
        draft.layout.text(draft.left, draft.y, f"{writer.reference()}  {writer.phrase(2, 6)}", typography.bold)
    draft.skip(1.2)


def _copies_and_enclosures(draft: Draft) -> None:
    """Sets one to four lines of fine print below a letter: who gets copies, enclosures, a number."""
    writer, typography = draft.writer, draft.typography
    for _ in range(draft.count(1, 4)):
        text = writer.pick((f"cc: {writer.person()}", writer.person(), writer.phrase(1, 3), writer.digits(6)))
        draft.y += typography.small.size_mm * 1.35
        if draft.y > draft.bottom:
            return
        draft.layout.text(draft.left, draft.y, text, typography.small)
