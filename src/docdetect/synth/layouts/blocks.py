"""Parts that documents are put together from: titles, running text, signature blocks, page feet."""

from __future__ import annotations

from docdetect.synth.layouts.draft import Draft
from docdetect.synth.sheet import Align, Text


def title(draft: Draft) -> None:
    """The document's name, and often what it is about."""
    look, writer = draft.look, draft.writer
    text = writer.pick(writer.language.titles)
    if draft.chance(0.4):
        text = f"{text} {writer.reference()}"
    draft.y = draft.sheet.paragraph((draft.left, draft.y, draft.width), text, look.title, 1.2, "centre") + 2
    if draft.chance(0.45):
        text = writer.phrase(4, 10)
        draft.y = draft.sheet.paragraph((draft.left, draft.y, draft.width), text, look.bold, 1.2, "centre") + 2
    draft.skip(0.6)


def place_and_date(draft: Draft) -> None:
    """A line with the town on the left and the date on the right."""
    writer, look = draft.writer, draft.look
    draft.y += look.body.size_mm
    draft.sheet.text(draft.left, draft.y, writer.pick(writer.language.cities), look.body)
    if draft.chance(0.25):  # left blank for the hand
        draft.sheet.line(draft.right - 42, draft.y + 0.6, draft.right, draft.y + 0.6)
        draft.sheet.slot("date", draft.right - 21, draft.y, 38, 6)
    else:
        draft.sheet.text(draft.right, draft.y, writer.date(), look.body, "right")
    draft.skip(1.5)


def body(draft: Draft, until: float, *, numbered: bool = False) -> None:
    """Paragraphs down to `until` mm; numbered like clauses on request."""
    look, writer = draft.look, draft.writer
    chapter, clause = draft.count(1, 9), 1
    gap = draft.between(0, 0.8)
    while True:
        if numbered and draft.chance(0.16):
            chapter, clause = chapter + 1, 1
            draft.skip(0.5)
            heading = f"{chapter}. {writer.phrase(2, 5).upper()}"
            align: Align = "centre" if draft.chance(0.7) else "left"
            draft.y = draft.sheet.paragraph((draft.left, draft.y, draft.width), heading, look.bold, 1.2, align) + 1
        text = writer.paragraph(draft.count(1, 4))
        if numbered:
            text = f"{chapter}.{clause}. {text}"
            clause += 1
        lines = len(text) * look.body.size_mm * 0.5 / draft.width + 1
        if draft.y + lines * look.body.size_mm * look.leading > until:
            return
        draft.y = draft.sheet.paragraph((draft.left, draft.y, draft.width), text, look.body, look.leading, look.align)
        draft.skip(gap)


def signature_rows(draft: Draft, rows: int) -> None:
    """Role on the left, a place to sign in the middle, the name on the right; one row for each who signs."""
    look, writer = draft.look, draft.writer
    style = look.bold if draft.chance(0.5) else look.body
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
        draft.sheet.paragraph((draft.left, draft.y - style.size_mm, start - draft.left - 2), role, style, 1.1, "left")
        if ruled:
            draft.sheet.line(start, draft.y + 0.8, end, draft.y + 0.8, 0.18)
        if caption:
            middle = (start + end) / 2
            draft.sheet.text(
                middle, draft.y + 3.2, f"({writer.pick(writer.language.fields).lower()})", look.small, "centre"
            )
        draft.sheet.text(end + 3, draft.y, writer.person(), look.italic if draft.chance(0.15) else style)
        draft.sheet.slot("sign", (start + end) / 2, draft.y, end - start, step)
        if row == rows - 1 or draft.chance(0.25):
            draft.sheet.slot("seal", end - draft.between(-12, 22), draft.y + draft.between(-6, 8), 42, 42)
    if writer.language.seal and draft.chance(0.5):
        draft.sheet.text(
            draft.left + draft.between(5, 40), draft.y + draft.between(8, 14), writer.language.seal, look.body
        )
    draft.y += 12


def parties(draft: Draft) -> None:
    """Two columns, one for each party: name, particulars, a line to sign on, the place of the stamp."""
    look, writer = draft.look, draft.writer
    column = draft.width * 0.46
    top = lowest = draft.y + 3
    for x in (draft.left, draft.right - column):
        y = draft.sheet.paragraph((x, top, column), writer.pick(writer.language.roles), look.bold, 1.2, "left") + 1
        for _ in range(draft.count(1, 6)):
            text = writer.pick(
                (writer.address(), writer.reference(), f"{writer.pick(writer.language.fields)}: {writer.digits(12)}")
            )
            y = draft.sheet.paragraph((x, y, column), text, look.body, 1.2, "left")
        y += draft.between(9, 16)
        line = column * draft.between(0.4, 0.62)
        draft.sheet.line(x, y, x + line, y, 0.2)
        draft.sheet.text(x + line + 1.5, y, f"/{writer.person()}/", look.body)
        draft.sheet.slot("sign", x + line / 2, y - 0.5, line, 14)
        seal_y = y + draft.between(-4, 12)
        if writer.language.seal:
            draft.sheet.text(x + draft.between(0, 6), y + 7, writer.language.seal, look.body)
        draft.sheet.slot("seal", x + column * draft.between(0.25, 0.6), seal_y, 42, 42)
        lowest = max(lowest, y + 14)
    draft.y = lowest


def closing(draft: Draft) -> None:
    """The end of a letter: greeting, room to sign, name and office below."""
    look, writer = draft.look, draft.writer
    x = draft.left + draft.width * float(draft.rng.choice([0.0, 0.5, 0.58]))
    draft.y += look.body.size_mm * 1.4
    draft.sheet.text(x, draft.y, writer.pick(writer.language.closing), look.body)
    room = draft.between(11, 20)
    draft.sheet.slot("sign", x + draft.between(18, 32), draft.y + room * 0.62, draft.between(44, 72), room)
    draft.y += room + look.body.size_mm
    name = look.italic.sized(draft.between(1.0, 1.5)) if draft.chance(0.25) else look.body
    for line, style in ((writer.person(), name), (writer.pick(writer.language.roles), look.body)):
        draft.sheet.text(x, draft.y, line, style)
        draft.y += look.body.size_mm * 1.25
    if draft.chance(0.2):
        draft.sheet.slot("seal", x + draft.between(20, 60), draft.y - draft.between(4, 16), 42, 42)
    draft.y += 3


def countersigned(draft: Draft) -> None:
    """Those who agree sign below a letter: a line each, the name and office below it, and beside it the day by hand."""
    look, writer = draft.look, draft.writer
    line, gap, day = draft.width * draft.between(0.3, 0.5), draft.width * 0.08, draft.between(22, 40)
    left = draft.left + draft.between(0, 1) * max(draft.width - line - gap - day, 0)
    below = draft.chance(0.7)  # the word "date" below the line, or before it
    for _ in range(draft.count(1, 3)):
        draft.y += draft.between(12, 18)
        if draft.y > draft.floor:
            return
        draft.sheet.line(left, draft.y + 0.6, left + line, draft.y + 0.6, 0.2)
        draft.sheet.slot("sign", left + line / 2, draft.y, line, 12)
        start = left + line + gap
        draft.sheet.line(start, draft.y + 0.6, start + day, draft.y + 0.6, 0.2)
        draft.sheet.slot("date", start + day / 2, draft.y, day, 8)
        caption = writer.language.date.upper() if draft.chance(0.4) else writer.language.date
        if not below:
            draft.sheet.text(start - 1, draft.y, f"{caption}:", look.body, "right")
        for row, text in enumerate((writer.person(), writer.pick(writer.language.roles))):
            y = draft.y + look.body.size_mm * (1.15 + 1.2 * row)
            draft.sheet.text(left, y, text, look.body)
            if below and row == 0:
                draft.sheet.text(start + day / 2, y, caption, look.body, "centre")
        draft.y += look.body.size_mm * 2.4


def approval(draft: Draft) -> None:
    """The block at the top right in which a superior approves the document."""
    look, writer = draft.look, draft.writer
    x = draft.left + draft.width * 0.58
    y = draft.y
    lines = (
        writer.pick(writer.language.closing),
        writer.pick(writer.language.roles),
        writer.pick(writer.language.firms),
    )
    for line in lines:
        y = draft.sheet.paragraph(
            (x, y, draft.right - x), line, look.bold if line is lines[0] else look.body, 1.2, "left"
        )
    y += draft.between(5, 9)
    line_end = x + (draft.right - x) * 0.5
    draft.sheet.line(x, y, line_end, y)
    draft.sheet.text(line_end + 1, y, writer.person(), look.body)
    draft.sheet.slot("sign", (x + line_end) / 2, y, line_end - x, 12)
    draft.sheet.slot("seal", x + draft.between(-8, 30), y + draft.between(-4, 6), 40, 40)
    y += look.body.size_mm * 1.6
    draft.sheet.text(x, y, f"«____» ____________ 20{writer.digits(2)}", look.body)
    draft.sheet.slot("date", x + 16, y - 0.5, 34, 6)
    draft.y = y + 6


def foot(draft: Draft) -> None:
    """Page number or file name below the text, and the places that lie at the edges of a page."""
    look, writer, sheet = draft.look, draft.writer, draft.sheet
    if draft.chance(0.55):
        text = writer.pick(
            (writer.digits(1), f"{writer.digits(1)} / {writer.digits(2)}", writer.phrase(2, 5), writer.digits(8))
        )
        x, align = ((draft.right, "right"), ((draft.left + draft.right) / 2, "centre"), (draft.left, "left"))[
            draft.count(0, 2)
        ]
        sheet.text(x, sheet.height - look.bottom * 0.55, text, look.small, align)  # type: ignore[arg-type]
    if draft.chance(0.1):  # the number that a bundle's pages are stamped with, upright along the edge
        number = Text(sheet.width - 5, draft.between(0.5, 0.95) * sheet.height, writer.digits(9), look.bold, 90)
        sheet.strokes.append(number)
    for x in (look.left * 0.6 + 12, sheet.width - look.right * 0.6 - 12):
        sheet.slot("code", x, sheet.height - look.bottom * 0.5 - 8, 20, 20)
        sheet.slot("initial", x, sheet.height - look.bottom * 0.6, 18, 10)
    sheet.slot("receipt", draft.left + draft.width * draft.between(0.1, 0.9), look.top + draft.between(4, 50), 55, 28)
    sheet.slot(
        "note", draft.left + draft.width * draft.between(0.1, 0.9), draft.between(0.1, 0.9) * sheet.height, 50, 16
    )
    if draft.floor - draft.y > 35:
        sheet.slot(
            "free",
            draft.left + draft.width * draft.between(0.2, 0.8),
            (draft.y + draft.floor) / 2,
            80,
            draft.floor - draft.y,
        )
        sheet.slot(
            "note", draft.left + draft.width * draft.between(0.2, 0.8), draft.floor - draft.between(8, 25), 60, 20
        )
