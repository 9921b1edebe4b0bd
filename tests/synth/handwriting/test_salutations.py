"""Salutations and closings by hand: real words that the pen can write, and no marks."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.synth.handwriting.salutations import (
    SALUTATIONS,
    SalutationPart,
    make_salutation,
    printed_openings,
    salutation_text,
    write_text,
)
from docdetect.synth.handwriting.writing import extent, noting_hand
from docdetect.synth.ink import Ink, Pen
from docdetect.synth.patch import MIN_INK_ALPHA

PX_PER_MM = 3.45
TOOL = Ink((20, 30, 90), 0.9), Pen(0.4, 0.2, 0.2, 0.2)
PARTS: tuple[SalutationPart, ...] = ("opening", "addressee", "closing")


@pytest.mark.parametrize("code", list(SALUTATIONS))
def test_the_pen_has_every_letter_of_every_language(code: str) -> None:
    words = SALUTATIONS[code]
    for text in (*words.with_name, *words.whole, *words.names, *words.closings):
        rng = np.random.default_rng(0)
        traces, end = write_text(rng, noting_hand(rng), text)
        assert end > 0.4 * len(text)
        assert len(traces) >= len(text.split())


def test_accents_stand_above_their_letters() -> None:
    def top(text: str) -> float:
        rng = np.random.default_rng(1)
        return float(extent(write_text(rng, noting_hand(rng), text)[0])[1])

    for plain, accented in (("a", "ä"), ("e", "é"), ("n", "ñ"), ("и", "й")):
        assert top(accented) < top(plain) - 0.3


@pytest.mark.parametrize("part", PARTS)
def test_a_salutation_is_drawn_tight_on_one_line_and_is_no_mark(part: SalutationPart) -> None:
    for seed, code in enumerate(("en", "de", "fr", "es", "ru", "kk", "tr")):
        first, again = (make_salutation(np.random.default_rng(seed), PX_PER_MM, part, code, TOOL) for _ in range(2))
        ink = first.rgba[:, :, 3] >= MIN_INK_ALPHA
        assert first.kind == ""
        assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
        assert 3 < first.size_wh[1] / PX_PER_MM < 25
        assert first.rgba.tobytes() == again.rgba.tobytes()


def test_words_are_in_the_language_of_the_document_mostly_and_names_always() -> None:
    german = SALUTATIONS["de"]
    closings = [salutation_text(np.random.default_rng(seed), "closing", "de") for seed in range(60)]
    assert 40 < sum(text in german.closings for text in closings) < 60
    for seed in range(20):
        assert salutation_text(np.random.default_rng(seed), "addressee", "de") in german.names
        assert salutation_text(np.random.default_rng(seed), "addressee", "kk") in SALUTATIONS["ru"].names
        assert salutation_text(np.random.default_rng(seed), "closing", "tr")


def test_a_salutation_with_a_name_says_whom_it_addresses() -> None:
    english = SALUTATIONS["en"]
    texts = {salutation_text(np.random.default_rng(seed), "opening", "en") for seed in range(80)}
    assert any(text.startswith("Dear ") and text.endswith(english.names) for text in texts)
    assert texts & set(english.whole)
    assert printed_openings("en") == english.with_name
    assert printed_openings("el") == ()
