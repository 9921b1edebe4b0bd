"""Lays out contracts and acts, which have signature blocks, and statutes, which are text all over."""

from __future__ import annotations

from docdetect.synth.layouts import blocks, letterheads
from docdetect.synth.layouts.draft import Draft


def contract(draft: Draft) -> None:
    """Lays out the first, an inner or the last page of a contract; mostly a page that people sign."""
    on_stamped_paper = draft.chance(0.08)
    if on_stamped_paper:
        letterheads.stamped_paper_panel(draft)
    if on_stamped_paper or draft.chance(0.35):
        if not on_stamped_paper and draft.chance(0.3):
            blocks.approval(draft)
        blocks.title(draft)
        blocks.place_and_date(draft)
    signed = draft.chance(0.85)
    room = draft.between(55, 95) if signed else 10
    text_share = draft.between(0.25, 1.0)
    until = draft.y + max(15.0, (draft.bottom - room - draft.y) * text_share)
    blocks.running_text(draft, until, numbered=draft.chance(0.75))
    if signed:
        draft.skip(0.6)
        _ending(draft)
    blocks.page_foot(draft)


def statute(draft: Draft) -> None:
    """Lays out rules: dense text, sometimes in two columns, with room to sign only where space is left."""
    if draft.chance(0.4):
        blocks.title(draft)
    if draft.chance(0.25):
        _columns(draft)
    else:
        blocks.running_text(draft, draft.bottom - (45 if draft.chance(0.4) else 2), numbered=True)
    if draft.bottom - draft.y > 38:
        blocks.signature_rows(draft, 1)
    blocks.page_foot(draft)


def act(draft: Draft) -> None:
    """Lays out an act of a commission: a list of findings and two to six people who sign below each other."""
    if draft.chance(0.4):
        blocks.approval(draft)
    if draft.chance(0.5):
        blocks.title(draft)
        blocks.place_and_date(draft)
    for number in range(1, draft.count(2, 12)):
        text = f"{number}. {draft.writer.sentence(4, 16)}"
        draft.y = draft.layout.paragraph(
            (draft.left, draft.y, draft.width), text, draft.typography.body, draft.typography.leading, "left"
        )
        draft.skip(draft.between(0.1, 0.6))
    draft.skip(1)
    blocks.signature_rows(draft, draft.count(2, 6))
    blocks.page_foot(draft)


def _ending(draft: Draft) -> None:
    """Sets the end of a contract, where the parties and at times witnesses sign."""
    kind = draft.count(0, 4)
    if draft.chance(0.4):
        heading = draft.writer.pick(draft.writer.language.closing)
        draft.y = draft.layout.paragraph(
            (draft.left, draft.y, draft.width), heading, draft.typography.bold, 1.2, "centre"
        )
    if kind <= 1:
        blocks.parties(draft)
    elif kind == 2:
        blocks.signature_rows(draft, draft.count(1, 4))
    elif kind == 3:
        blocks.countersignatures(draft)
    else:
        _witnesses(draft)


def _witnesses(draft: Draft) -> None:
    """Sets short lines in two columns for sellers, buyers and witnesses, as deeds have them."""
    writer, typography = draft.writer, draft.typography
    top = draft.y + 4
    for column in range(2):
        x, y = draft.left + draft.width * 0.52 * column, top
        for _ in range(draft.count(1, 3)):
            y += draft.between(11, 19)
            length = draft.between(32, 60)
            label = f"{writer.pick(writer.language.roles)}:"
            used = draft.layout.text(x, y, label, typography.body)
            draft.layout.line(x + used + 1, y + 0.5, x + used + 1 + length, y + 0.5)
            draft.layout.slot("signature", x + used + 1 + length / 2, y, length, 12)
            if draft.chance(0.6):
                draft.layout.text(
                    x + used + 2, y + typography.body.size_mm * 1.2, f"({writer.person()})", typography.small
                )
        draft.layout.slot("stamp", x + draft.between(15, 60), y + draft.between(4, 18), 44, 40)
        draft.y = max(draft.y, y + 10)


def _columns(draft: Draft) -> None:
    """Sets running text in two columns down to the end of the page."""
    writer, typography = draft.writer, draft.typography
    width = draft.width * 0.47
    small = typography.body.sized(0.8)
    for x in (draft.left, draft.right - width):
        y = draft.y
        while y < draft.bottom - small.size_mm * 12:
            y = draft.layout.paragraph((x, y, width), writer.paragraph(2), small, 1.15, "justify") + 1.2
    draft.y = draft.bottom - 4
