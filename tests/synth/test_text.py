"""Made-up text: enough of it, the same for the same seed, and in letters that the chosen fonts have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from docdetect.synth.fonts import FontBook
from docdetect.synth.layouts.draft import script_of
from docdetect.synth.text import Writer, languages, random_writer


def writer_of(code: str, seed: int = 0) -> Writer:
    known = languages()
    return Writer(np.random.default_rng(seed), known[code], known["en"])


def test_the_same_seed_writes_the_same() -> None:
    texts = [random_writer(np.random.default_rng(7)).paragraph(5) for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0] != random_writer(np.random.default_rng(8)).paragraph(5)


@pytest.mark.parametrize("code", list(languages()))
def test_every_language_writes_everything(code: str) -> None:
    writer = writer_of(code)
    assert len(writer.words(30, 30)) == 30
    assert writer.sentence().endswith(".")
    for text in (
        writer.person(),
        writer.date(),
        writer.address(),
        writer.reference(),
        writer.amount(),
        writer.number(),
    ):
        assert text.strip() == text
        assert text


@pytest.mark.parametrize("code", list(languages()))
def test_fonts_have_every_letter_of_the_language(code: str, fonts: FontBook) -> None:
    language = languages()[code]
    lists = (language.words, language.titles, language.roles, language.fields, language.surnames, language.closing)
    letters = {ord(letter) for words in lists for word in words for letter in word} | set(map(ord, language.signed))
    faces = fonts.matching(script_of(writer_of(code)))
    assert faces
    for face in faces:
        assert isinstance(face.program, Path)
        missing = letters - set(TTFont(face.program, fontNumber=face.index, lazy=True).getBestCmap())
        assert not missing, f"{face.family}: {''.join(map(chr, sorted(missing)))}"
