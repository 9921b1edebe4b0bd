"""Page layouts: text is wrapped, measured and drawn where it is said to be, and every kind of document has slots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.salutations import SALUTATIONS, printed_openings
from docdetect.synth.layouts import DOCUMENT_KINDS, blocks, lay_out_page, letterheads
from docdetect.synth.layouts.draft import new_draft
from docdetect.synth.page_layout import Ellipse, PageLayout, Picture, Text, TextStyle, wrap
from docdetect.synth.raster import draw_layout
from docdetect.synth.text import random_writer

WORDS = "the parties hereby agree that this agreement shall be governed by the laws of the state"


@pytest.fixture(scope="module")
def style(fonts: FontBook) -> TextStyle:
    face = next(face for face in fonts.faces if face.family == "DejaVu Sans" and not face.bold and not face.italic)
    return TextStyle(face, 4.0)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.floats(8, 200), words=st.lists(st.sampled_from(WORDS.split()), max_size=60))
def test_wrapped_lines_fit_and_lose_no_word(style: TextStyle, width: float, words: list[str]) -> None:
    lines = wrap(" ".join(words), style, width)
    assert [word for line in lines for word in line] == words
    for line in lines:
        assert len(line) <= 1 or style.width(" ".join(line)) <= width + 1e-6


def test_justified_text_ends_at_the_right_edge(style: TextStyle) -> None:
    layout = PageLayout(210, 297)
    bottom = layout.paragraph((20, 30, 80), WORDS * 3, style, 1.2, "justify")
    texts = [stroke for stroke in layout.strokes if isinstance(stroke, Text)]
    lines = {text.y_mm for text in texts}
    assert bottom == pytest.approx(30 + len(lines) * style.size_mm * 1.2)
    for y in sorted(lines)[:-1]:
        last = max((text for text in texts if text.y_mm == y), key=lambda text: text.x_mm)
        assert last.x_mm + style.width(last.text) == pytest.approx(100, abs=1e-6)


def test_text_is_drawn_where_it_is_set(style: TextStyle) -> None:
    layout = PageLayout(100, 50)
    width = layout.text(50, 25, "HHHH", style, "centre")
    ink = draw_layout(layout, (1000, 500)).min(axis=2) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert rows.max() == pytest.approx(250, abs=2)
    assert columns.min() == pytest.approx(500 - width * 5, abs=6)
    assert columns.max() == pytest.approx(500 + width * 5, abs=6)


def test_turned_text_runs_upwards_from_its_origin(style: TextStyle) -> None:
    layout = PageLayout(100, 100)
    layout.strokes.append(Text(50, 80, "HHHHHH", style, 90))
    ink = draw_layout(layout, (500, 500)).min(axis=2) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert rows.max() == pytest.approx(400, abs=4)
    assert columns.max() == pytest.approx(250, abs=3)
    assert rows.max() - rows.min() > columns.max() - columns.min()


def test_shapes_and_pictures_are_drawn_in_their_boxes() -> None:
    layout = PageLayout(100, 100)
    layout.strokes.append(Ellipse((10, 10, 30, 30), 1.0))
    layout.strokes.append(Picture(np.full((4, 4, 4), (0, 0, 0, 255), np.uint8), (60, 60, 80, 70)))
    layout.rect((10, 60, 30, 80), 0, fill=(0, 0, 0))
    dark = draw_layout(layout, (100, 100)).min(axis=2) < 128
    assert dark[20, 10]
    assert not dark[20, 20]
    assert dark[60:70, 60:80].all()
    assert dark[62:78, 12:28].all()
    assert not dark[40:55].any()


@pytest.mark.parametrize("name", list(DOCUMENT_KINDS))
def test_every_layout_fills_a_page_and_says_where_marks_go(name: str, fonts: FontBook) -> None:
    kinds = set()
    for seed in range(6):
        draft = lay_out_page(name, random_writer(np.random.default_rng(seed)), fonts)
        layout = draft.layout
        kinds |= {slot.kind for slot in layout.slots}
        # A page that is written by hand has one place for all of its text.
        assert len(layout.strokes) + len(layout.slots) >= (2 if name == "manuscript" else 6)
        for slot in layout.slots:
            assert -30 <= slot.x_mm <= layout.width_mm + 30
            assert -30 <= slot.y_mm <= layout.height_mm + 30
    # Pages of old books are negatives: only libraries set stamps on them.
    assert kinds & ({"woodcut"} if name == "book" else {"signature", "code"})


def test_those_who_sign_below_a_letter_date_it_beside_their_names(fonts: FontBook) -> None:
    for seed in range(8):
        draft = new_draft(random_writer(np.random.default_rng(seed)), fonts)
        blocks.countersignatures(draft)
        signs, dates = ([slot for slot in draft.layout.slots if slot.kind == kind] for kind in ("signature", "date"))
        assert 1 <= len(signs) == len(dates) <= 3
        for sign, date in zip(signs, dates, strict=True):
            assert sign.y_mm == date.y_mm
            assert sign.x_mm + sign.width_mm / 2 < date.x_mm - date.width_mm / 2
            assert date.x_mm + date.width_mm / 2 < draft.layout.width_mm
        texts = [stroke.text.rstrip(":") for stroke in draft.layout.strokes if isinstance(stroke, Text)]
        word = draft.writer.language.date
        assert texts.count(word) + texts.count(word.upper()) == len(dates)


def test_a_trade_mark_stands_above_what_follows(fonts: FontBook) -> None:
    for seed in range(8):
        draft = new_draft(random_writer(np.random.default_rng(seed)), fonts)
        top = draft.y
        letterheads.brand_letterhead(draft)
        (brand,) = (slot for slot in draft.layout.slots if slot.kind == "brand")
        assert brand.y_mm - brand.height_mm / 2 == pytest.approx(top)
        assert brand.y_mm + brand.height_mm / 2 < draft.y


def test_letters_leave_room_for_salutations_by_hand(fonts: FontBook) -> None:
    counts = dict.fromkeys(("opening", "addressee", "closing"), 0)
    for seed in range(80):
        layout = lay_out_page("letter", random_writer(np.random.default_rng(seed)), fonts).layout
        texts = [stroke for stroke in layout.strokes if isinstance(stroke, Text)]
        for slot in (slot for slot in layout.slots if slot.kind in counts):
            counts[slot.kind] += 1
            left, right = slot.x_mm - slot.width_mm / 2, slot.x_mm + slot.width_mm / 2
            assert right <= layout.width_mm
            for text in texts:
                beside = text.x_mm >= right or text.x_mm + text.style.width(text.text) <= left
                assert beside or not slot.y_mm - 3 < text.y_mm < slot.y_mm + 1
        below = [slot.y_mm for slot in layout.slots if slot.kind == "signature"]
        assert all(slot.y_mm < max(below) for slot in layout.slots if slot.kind in counts)
        if any(slot.kind == "addressee" for slot in layout.slots):
            assert any(text.text in printed_openings(language) for text in texts for language in SALUTATIONS)
    assert min(counts.values()) >= 3, counts
