"""Parts that documents are put together from: titles, running text, signature blocks, page feet.

Each function sets its part at `draft.y`, moves `draft.y` below it, and adds the slots where marks belong.
"""

from __future__ import annotations

from docdetect.synth.layouts.draft import Draft
from docdetect.synth.page_layout import Align, Text

# Probability that the greeting at the end of a letter is written by hand.
_P_CLOSING_BY_HAND = 0.18


def title(draft: Draft) -> None:
    """Sets the document's title and often a line about its subject."""
    typography, writer = draft.typography, draft.writer
    text = writer.pick(writer.language.titles)
    if draft.chance(0.4):
        text = f"{text} {writer.reference()}"
    draft.y = draft.layout.paragraph((draft.left, draft.y, draft.width), text, typography.title, 1.2, "centre") + 2
    if draft.chance(0.45):
        text = writer.phrase(4, 10)
        draft.y = draft.layout.paragraph((draft.left, draft.y, draft.width), text, typography.bold, 1.2, "centre") + 2
    draft.skip(0.6)


def place_and_date(draft: Draft) -> None:
    """Sets a line with the town on the left and the date on the right, or a line to write the date on."""
    writer, typography = draft.writer, draft.typography
    draft.y += typography.body.size_mm
    draft.layout.text(draft.left, draft.y, writer.pick(writer.language.cities), typography.body)
    if draft.chance(0.25):
        draft.layout.line(draft.right - 42, draft.y + 0.6, draft.right, draft.y + 0.6)
        draft.layout.slot("date", draft.right - 21, draft.y, 38, 6)
    else:
        draft.layout.text(draft.right, draft.y, writer.date(), typography.body, "right")
    draft.skip(1.5)


def running_text(draft: Draft, until: float, *, numbered: bool = False) -> None:
    """Sets paragraphs down to `until` mm; with `numbered`, as numbered clauses under headings."""
    typography, writer = draft.typography, draft.writer
    chapter, clause = draft.count(1, 9), 1
    gap = draft.between(0, 0.8)
    while True:
        if numbered and draft.chance(0.16):
            chapter, clause = chapter + 1, 1
            draft.skip(0.5)
            heading = f"{chapter}. {writer.phrase(2, 5).upper()}"
            align: Align = "centre" if draft.chance(0.7) else "left"
            draft.y = (
                draft.layout.paragraph((draft.left, draft.y, draft.width), heading, typography.bold, 1.2, align) + 1
            )
        text = writer.paragraph(draft.count(1, 4))
        if numbered:
            text = f"{chapter}.{clause}. {text}"
            clause += 1
        lines = len(text) * typography.body.size_mm * 0.5 / draft.width + 1
        if draft.y + lines * typography.body.size_mm * typography.leading > until:
            return
        draft.y = draft.layout.paragraph(
            (draft.left, draft.y, draft.width), text, typography.body, typography.leading, typography.align
        )
        draft.skip(gap)


def signature_rows(draft: Draft, rows: int) -> None:
    """Sets a row for each person who signs: role on the left, a place to sign in the middle, the name on the right."""
    typography, writer = draft.typography, draft.writer
    style = typography.bold if draft.chance(0.5) else typography.body
    ruled, caption = draft.chance(0.55), draft.chance(0.35)
    step = draft.between(8, 20)
    start, end = (
        draft.left + draft.width * draft.between(0.34, 0.5),
        draft.left + draft.width * draft.between(0.62, 0.74),
    )
    for row in range(rows):
        draft.y += step
        role = writer.pick(writer.language.roles)
        if rows > 2 and draft.chance(0.5):
            role = f"{writer.pick(writer.language.firms)} - {role}"
        draft.layout.paragraph((draft.left, draft.y - style.size_mm, start - draft.left - 2), role, style, 1.1, "left")
        if ruled:
            draft.layout.line(start, draft.y + 0.8, end, draft.y + 0.8, 0.18)
        if caption:
            middle = (start + end) / 2
            draft.layout.text(
                middle, draft.y + 3.2, f"({writer.pick(writer.language.fields).lower()})", typography.small, "centre"
            )
        draft.layout.text(end + 3, draft.y, writer.person(), typography.italic if draft.chance(0.15) else style)
        draft.layout.slot("signature", (start + end) / 2, draft.y, end - start, step)
        if row == rows - 1 or draft.chance(0.25):
            draft.layout.slot("stamp", end - draft.between(-12, 22), draft.y + draft.between(-6, 8), 42, 42)
    if writer.language.seal and draft.chance(0.5):
        draft.layout.text(
            draft.left + draft.between(5, 40), draft.y + draft.between(8, 14), writer.language.seal, typography.body
        )
    draft.y += 12


def parties(draft: Draft) -> None:
    """Sets two columns, one for each party: role, particulars, a line to sign on, a place for the stamp."""
    typography, writer = draft.typography, draft.writer
    column = draft.width * 0.46
    top = lowest = draft.y + 3
    for x in (draft.left, draft.right - column):
        y = (
            draft.layout.paragraph((x, top, column), writer.pick(writer.language.roles), typography.bold, 1.2, "left")
            + 1
        )
        for _ in range(draft.count(1, 6)):
            text = writer.pick(
                (writer.address(), writer.reference(), f"{writer.pick(writer.language.fields)}: {writer.digits(12)}")
            )
            y = draft.layout.paragraph((x, y, column), text, typography.body, 1.2, "left")
        y += draft.between(9, 16)
        line = column * draft.between(0.4, 0.62)
        draft.layout.line(x, y, x + line, y, 0.2)
        draft.layout.text(x + line + 1.5, y, f"/{writer.person()}/", typography.body)
        draft.layout.slot("signature", x + line / 2, y - 0.5, line, 14)
        seal_y = y + draft.between(-4, 12)
        if writer.language.seal:
            draft.layout.text(x + draft.between(0, 6), y + 7, writer.language.seal, typography.body)
        draft.layout.slot("stamp", x + column * draft.between(0.25, 0.6), seal_y, 42, 42)
        lowest = max(lowest, y + 14)
    draft.y = lowest


def closing(draft: Draft) -> None:
    """Sets the end of a letter: a greeting or room for one by hand, room to sign, the name and the office below."""
    typography, writer = draft.typography, draft.writer
    x = draft.left + draft.width * float(draft.rng.choice([0.0, 0.5, 0.58]))
    draft.y += typography.body.size_mm * 1.4
    if draft.chance(_P_CLOSING_BY_HAND):
        # A tall signature pushes the greeting up, into some of this room.
        draft.y += 7
        wide = min(draft.right - x, 75.0)
        draft.layout.slot("closing", x + wide / 2, draft.y, wide, 8)
    else:
        draft.layout.text(x, draft.y, writer.pick(writer.language.closing), typography.body)
    room = draft.between(11, 20)
    draft.layout.slot("signature", x + draft.between(18, 32), draft.y + room * 0.62, draft.between(44, 72), room)
    draft.y += room + typography.body.size_mm
    name = typography.italic.sized(draft.between(1.0, 1.5)) if draft.chance(0.25) else typography.body
    for line, style in ((writer.person(), name), (writer.pick(writer.language.roles), typography.body)):
        draft.layout.text(x, draft.y, line, style)
        draft.y += typography.body.size_mm * 1.25
    if draft.chance(0.2):
        draft.layout.slot("stamp", x + draft.between(20, 60), draft.y - draft.between(4, 16), 42, 42)
    draft.y += 3


def countersignatures(draft: Draft) -> None:
    """Sets lines below a letter for one to three people who agree to it.

    Each has a line to sign on with the name and the office below it, and beside it a line for the date.
    """
    typography, writer = draft.typography, draft.writer
    line, gap, day = draft.width * draft.between(0.3, 0.5), draft.width * 0.08, draft.between(22, 40)
    left = draft.left + draft.between(0, 1) * max(draft.width - line - gap - day, 0)
    # The word "date" stands below the line for the date, or before it.
    date_below = draft.chance(0.7)
    for _ in range(draft.count(1, 3)):
        draft.y += draft.between(12, 18)
        if draft.y > draft.bottom:
            return
        draft.layout.line(left, draft.y + 0.6, left + line, draft.y + 0.6, 0.2)
        draft.layout.slot("signature", left + line / 2, draft.y, line, 12)
        start = left + line + gap
        draft.layout.line(start, draft.y + 0.6, start + day, draft.y + 0.6, 0.2)
        draft.layout.slot("date", start + day / 2, draft.y, day, 8)
        caption = writer.language.date.upper() if draft.chance(0.4) else writer.language.date
        if not date_below:
            draft.layout.text(start - 1, draft.y, f"{caption}:", typography.body, "right")
        for row, text in enumerate((writer.person(), writer.pick(writer.language.roles))):
            y = draft.y + typography.body.size_mm * (1.15 + 1.2 * row)
            draft.layout.text(left, y, text, typography.body)
            if date_below and row == 0:
                draft.layout.text(start + day / 2, y, caption, typography.body, "centre")
        draft.y += typography.body.size_mm * 2.4


def approval(draft: Draft) -> None:
    """Sets the block at the top right in which a superior approves the document."""
    typography, writer = draft.typography, draft.writer
    x = draft.left + draft.width * 0.58
    y = draft.y
    lines = (
        writer.pick(writer.language.closing),
        writer.pick(writer.language.roles),
        writer.pick(writer.language.firms),
    )
    for line in lines:
        y = draft.layout.paragraph(
            (x, y, draft.right - x), line, typography.bold if line is lines[0] else typography.body, 1.2, "left"
        )
    y += draft.between(5, 9)
    line_end = x + (draft.right - x) * 0.5
    draft.layout.line(x, y, line_end, y)
    draft.layout.text(line_end + 1, y, writer.person(), typography.body)
    draft.layout.slot("signature", (x + line_end) / 2, y, line_end - x, 12)
    draft.layout.slot("stamp", x + draft.between(-8, 30), y + draft.between(-4, 6), 40, 40)
    y += typography.body.size_mm * 1.6
    draft.layout.text(x, y, f"«____» ____________ 20{writer.digits(2)}", typography.body)
    draft.layout.slot("date", x + 16, y - 0.5, 34, 6)
    draft.y = y + 6


def page_foot(draft: Draft) -> None:
    """Sets the foot of a page: a page number or a file name.

    It also adds the slots that any page has: codes and initials in the lower corners, receipt stamps, notes, and large
    stamps in the space that is left free.
    """
    typography, writer, layout = draft.typography, draft.writer, draft.layout
    if draft.chance(0.55):
        text = writer.pick(
            (writer.digits(1), f"{writer.digits(1)} / {writer.digits(2)}", writer.phrase(2, 5), writer.digits(8))
        )
        x, align = ((draft.right, "right"), ((draft.left + draft.right) / 2, "centre"), (draft.left, "left"))[
            draft.count(0, 2)
        ]
        layout.text(x, layout.height_mm - typography.margin_bottom_mm * 0.55, text, typography.small, align)  # type: ignore[arg-type]
    if draft.chance(0.1):
        # Pages of a bundle are numbered along their right edge, in figures that run upwards.
        number = Text(
            layout.width_mm - 5, draft.between(0.5, 0.95) * layout.height_mm, writer.digits(9), typography.bold, 90
        )
        layout.strokes.append(number)
    for x in (typography.margin_left_mm * 0.6 + 12, layout.width_mm - typography.margin_right_mm * 0.6 - 12):
        layout.slot("code", x, layout.height_mm - typography.margin_bottom_mm * 0.5 - 8, 20, 20)
        layout.slot("initials", x, layout.height_mm - typography.margin_bottom_mm * 0.6, 18, 10)
    layout.slot(
        "receipt",
        draft.left + draft.width * draft.between(0.1, 0.9),
        typography.margin_top_mm + draft.between(4, 50),
        55,
        28,
    )
    layout.slot(
        "note", draft.left + draft.width * draft.between(0.1, 0.9), draft.between(0.1, 0.9) * layout.height_mm, 50, 16
    )
    if draft.bottom - draft.y > 35:
        layout.slot(
            "free",
            draft.left + draft.width * draft.between(0.2, 0.8),
            (draft.y + draft.bottom) / 2,
            80,
            draft.bottom - draft.y,
        )
        layout.slot(
            "note", draft.left + draft.width * draft.between(0.2, 0.8), draft.bottom - draft.between(8, 25), 60, 20
        )
