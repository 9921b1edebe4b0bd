"""Letters: business letters, memoranda, office letters in two languages, and last pages with little on them."""

from __future__ import annotations

from docdetect.synth.layouts import blocks, heads
from docdetect.synth.layouts.draft import Draft


def letter(draft: Draft) -> None:
    """A letter on one page, or its last page."""
    first = draft.chance(0.7)
    if first:
        _head(draft)
        _address(draft)
    lines = draft.between(0.15, 0.62) if first else draft.between(0.02, 0.4)
    blocks.body(draft, draft.y + (draft.floor - draft.y - 45) * lines + 12)
    draft.skip(1)
    if draft.writer.language.code in ("ru", "kk") or draft.chance(0.15):
        blocks.signature_rows(draft, draft.count(1, 2))
    else:
        blocks.closing(draft)
        if draft.chance(0.25):
            blocks.countersigned(draft)
    if draft.chance(0.5):
        _below(draft)
    blocks.foot(draft)


def _head(draft: Draft) -> None:
    if draft.writer.language.code in ("ru", "kk") and draft.chance(0.5):
        heads.twin_letterhead(draft)
    elif draft.chance(0.4):
        heads.brand_head(draft)
    else:
        heads.letterhead(draft)


def _address(draft: Draft) -> None:
    writer, look = draft.writer, draft.look
    x = draft.left if draft.chance(0.6) else draft.left + draft.width * 0.55
    draft.y += look.body.size_mm
    if draft.chance(0.3):
        draft.sheet.text(draft.right, draft.y, writer.date(), look.body, "right")
    else:
        draft.sheet.text(draft.left, draft.y, writer.date(), look.body)
    draft.skip(1.6)
    for _ in range(draft.count(2, 5)):
        text = writer.pick(
            (writer.person(), writer.pick(writer.language.roles), writer.pick(writer.language.firms), writer.address())
        )
        draft.sheet.text(x, draft.y, text, look.body)
        draft.skip(1)
    if draft.chance(0.6):
        draft.skip(0.8)
        draft.sheet.text(draft.left, draft.y, f"{writer.reference()}  {writer.phrase(2, 6)}", look.bold)
    draft.skip(1.2)


def _below(draft: Draft) -> None:
    """Copies, enclosures, the typist's initials, a struck-out line."""
    writer, look = draft.writer, draft.look
    for _ in range(draft.count(1, 4)):
        text = writer.pick((f"cc: {writer.person()}", writer.person(), writer.phrase(1, 3), writer.digits(6)))
        draft.y += look.small.size_mm * 1.35
        if draft.y > draft.floor:
            return
        draft.sheet.text(draft.left, draft.y, text, look.small)
