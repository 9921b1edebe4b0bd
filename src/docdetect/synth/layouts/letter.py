"""Lays out letters: business letters, office letters in two languages, and last pages with little on them."""

from __future__ import annotations

from docdetect.synth.handwriting.salutations import printed_openings
from docdetect.synth.layouts import blocks, letterheads
from docdetect.synth.layouts.draft import Draft

# Probability that the salutation of a letter is written by hand, and that only the name after a printed one is.
_P_OPENING_BY_HAND = 0.12
_P_ADDRESSEE_BY_HAND = 0.16


def letter(draft: Draft) -> None:
    """Lays out a letter of one page, or the last page of a longer one."""
    first = draft.chance(0.7)
    if first:
        _head(draft)
        _address(draft)
        _salutation(draft)
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


def _salutation(draft: Draft) -> None:
    """Leaves room for a salutation by hand above the text, or prints one and leaves room for the name alone."""
    body = draft.typography.body
    if draft.chance(_P_OPENING_BY_HAND):
        draft.y += 5
        wide = draft.width * draft.between(0.4, 0.65)
        draft.layout.slot("opening", draft.left + wide / 2, draft.y, wide, 8)
        draft.y += 4
        return
    words = printed_openings(draft.writer.language.code)
    if words and draft.chance(_P_ADDRESSEE_BY_HAND):
        draft.y += 4
        start = draft.left + draft.layout.text(draft.left, draft.y, draft.writer.pick(words), body) + 1.5
        wide = min(draft.between(28, 55), draft.right - start)
        if draft.chance(0.5):
            draft.layout.line(start, draft.y + 0.7, start + wide, draft.y + 0.7)
        draft.layout.slot("addressee", start + wide / 2, draft.y, wide, 7)
        draft.y += 4


def _copies_and_enclosures(draft: Draft) -> None:
    """Sets one to four lines of fine print below a letter: who gets copies, enclosures, a number."""
    writer, typography = draft.writer, draft.typography
    for _ in range(draft.count(1, 4)):
        text = writer.pick((f"cc: {writer.person()}", writer.person(), writer.phrase(1, 3), writer.digits(6)))
        draft.y += typography.small.size_mm * 1.35
        if draft.y > draft.bottom:
            return
        draft.layout.text(draft.left, draft.y, text, typography.small)
