"""Sheets: text is wrapped, measured and drawn where it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docdetect.synth.fonts import FontBook
from docdetect.synth.layouts import LAYOUTS, blocks, heads, lay_out
from docdetect.synth.layouts.draft import new_draft
from docdetect.synth.raster import draw_sheet
from docdetect.synth.sheet import Ellipse, Picture, Sheet, Style, Text, wrap
from docdetect.synth.text import draw_writer

WORDS = "the parties hereby agree that this agreement shall be governed by the laws of the state"


@pytest.fixture(scope="module")
def style(fonts: FontBook) -> Style:
    face = next(face for face in fonts.faces if face.family == "DejaVu Sans" and not face.bold and not face.italic)
    return Style(face, 4.0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.floats(8, 200), words=st.lists(st.sampled_from(WORDS.split()), max_size=60))
def test_wrapped_lines_fit_and_lose_no_word(style: Style, width: float, words: list[str]) -> None:
    lines = wrap(" ".join(words), style, width)
    assert [word for line in lines for word in line] == words
    for line in lines:
        assert len(line) <= 1 or style.width(" ".join(line)) <= width + 1e-6


def test_justified_text_ends_at_the_right_edge(style: Style) -> None:
    sheet = Sheet(210, 297)
    bottom = sheet.paragraph((20, 30, 80), WORDS * 3, style, 1.2, "justify")
    texts = [stroke for stroke in sheet.strokes if isinstance(stroke, Text)]
    lines = {text.y for text in texts}
    assert bottom == pytest.approx(30 + len(lines) * style.size_mm * 1.2)
    for y in sorted(lines)[:-1]:
        last = max((text for text in texts if text.y == y), key=lambda text: text.x)
        assert last.x + style.width(last.text) == pytest.approx(100, abs=1e-6)


def test_text_is_drawn_where_it_is_set(style: Style) -> None:
    sheet = Sheet(100, 50)
    width = sheet.text(50, 25, "HHHH", style, "centre")
    ink = draw_sheet(sheet, (1000, 500)).min(axis=2) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert rows.max() == pytest.approx(250, abs=2)
    assert columns.min() == pytest.approx(500 - width * 5, abs=6)
    assert columns.max() == pytest.approx(500 + width * 5, abs=6)


def test_turned_text_runs_upwards_from_its_origin(style: Style) -> None:
    sheet = Sheet(100, 100)
    sheet.strokes.append(Text(50, 80, "HHHHHH", style, 90))
    ink = draw_sheet(sheet, (500, 500)).min(axis=2) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert rows.max() == pytest.approx(400, abs=4)
    assert columns.max() == pytest.approx(250, abs=3)
    assert rows.max() - rows.min() > columns.max() - columns.min()


def test_shapes_and_pictures_are_drawn_in_their_boxes() -> None:
    sheet = Sheet(100, 100)
    sheet.strokes.append(Ellipse((10, 10, 30, 30), 1.0))
    sheet.strokes.append(Picture(np.full((4, 4, 4), (0, 0, 0, 255), np.uint8), (60, 60, 80, 70)))
    sheet.rect((10, 60, 30, 80), 0, fill=(0, 0, 0))
    dark = draw_sheet(sheet, (100, 100)).min(axis=2) < 128
    assert dark[20, 10]
    assert not dark[20, 20]
    assert dark[60:70, 60:80].all()
    assert dark[62:78, 12:28].all()
    assert not dark[40:55].any()


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_every_layout_fills_a_page_and_says_where_marks_go(name: str, fonts: FontBook) -> None:
    kinds = set()
    for seed in range(6):
        draft = lay_out(name, draw_writer(np.random.default_rng(seed)), fonts)
        sheet = draft.sheet
        kinds |= {slot.kind for slot in sheet.slots}
        assert len(sheet.strokes) + len(sheet.slots) >= 6
        for slot in sheet.slots:
            assert -30 <= slot.x <= sheet.width + 30
            assert -30 <= slot.y <= sheet.height + 30
    assert kinds & {"sign", "code"}


def test_those_who_sign_below_a_letter_date_it_beside_their_names(fonts: FontBook) -> None:
    for seed in range(8):
        draft = new_draft(draw_writer(np.random.default_rng(seed)), fonts)
        blocks.countersigned(draft)
        signs, dates = ([slot for slot in draft.sheet.slots if slot.kind == kind] for kind in ("sign", "date"))
        assert 1 <= len(signs) == len(dates) <= 3
        for sign, date in zip(signs, dates, strict=True):
            assert sign.y == date.y
            assert sign.x + sign.w / 2 < date.x - date.w / 2
            assert date.x + date.w / 2 < draft.sheet.width
        texts = [stroke.text.rstrip(":") for stroke in draft.sheet.strokes if isinstance(stroke, Text)]
        word = draft.writer.language.date
        assert texts.count(word) + texts.count(word.upper()) == len(dates)


def test_a_trade_mark_stands_above_what_follows(fonts: FontBook) -> None:
    for seed in range(8):
        draft = new_draft(draw_writer(np.random.default_rng(seed)), fonts)
        top = draft.y
        heads.brand_head(draft)
        (brand,) = (slot for slot in draft.sheet.slots if slot.kind == "brand")
        assert brand.y - brand.h / 2 == pytest.approx(top)
        assert brand.y + brand.h / 2 < draft.y
