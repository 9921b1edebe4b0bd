"""Fonts: found, described by their names and tables, and ordered by their contents."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib import get_data_path

from docdetect.documents.pdf_writer import builtin_fonts
from docdetect.errors import InputError
from docdetect.synth.fonts import FontBook, FontStyle, Script

MATPLOTLIB_FONTS = Path(get_data_path()) / "fonts" / "ttf"


def test_matplotlib_fonts_cover_the_scripts_of_most_documents(fonts: FontBook) -> None:
    assert {"DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"} <= {face.family for face in fonts.faces}
    for script in (Script.LATIN, Script.CYRILLIC, Script.KAZAKH, Script.GREEK):
        assert fonts.covers(script)


def test_symbol_fonts_are_left_out(fonts: FontBook) -> None:
    assert not [
        face.family for face in fonts.faces if "Siz" in face.family or "LastResort" in face.family.replace(" ", "")
    ]


def test_styles_are_guessed(fonts: FontBook) -> None:
    styles = {face.family: face.style for face in fonts.faces}
    assert styles["DejaVu Sans"] is FontStyle.SANS
    assert styles["DejaVu Serif"] is FontStyle.SERIF
    assert styles["DejaVu Sans Mono"] is FontStyle.MONO
    assert styles["STIXGeneral"] is FontStyle.SERIF
    assert any(face.italic and face.bold for face in fonts.faces)


@pytest.mark.parametrize(
    ("family", "style"),
    [
        ("Lobster Two", FontStyle.SCRIPT),
        ("Vivid Handwriting", FontStyle.SCRIPT),
        ("Chandas", FontStyle.SANS),  # the letters "hand" within a name do not make it handwriting
        ("Old Standard TT", FontStyle.SERIF),
    ],
)
def test_styles_are_guessed_from_names_of_families(family: str, style: FontStyle, tmp_path: Path) -> None:
    with TTFont(MATPLOTLIB_FONTS / "DejaVuSans.ttf") as font:
        for record in font["name"].names:
            record.string = {1: family, 2: "Regular", 16: family, 17: "Regular"}.get(record.nameID, record.string)
        font.save(tmp_path / "renamed.ttf")
    faces = FontBook.scan([tmp_path], system=False).faces
    assert {face.style for face in faces if face.family == family} == {style}


def test_fonts_inside_libraries_are_read() -> None:
    book = FontBook.scan(embedded=builtin_fonts(), system=False)
    roman = [face for face in book.faces if face.family == "Nimbus Roman"]
    assert roman
    assert all(Script.KAZAKH in face.scripts for face in roman)
    assert roman[0].sized(20).getlength("Қазақстан") > 40


def test_order_depends_on_the_fonts_and_not_on_where_they_lie(tmp_path: Path, fonts: FontBook) -> None:
    for number, name in enumerate(("DejaVuSans.ttf", "STIXGeneral.ttf", "DejaVuSerif.ttf")):
        folder = tmp_path / str(9 - number)
        folder.mkdir()
        shutil.copy(MATPLOTLIB_FONTS / name, folder / f"{number}.TTF")
    moved = FontBook.scan([tmp_path], system=False)
    assert [face.digest for face in moved.faces] == [face.digest for face in fonts.faces]


def test_a_broken_font_is_passed_over(tmp_path: Path, fonts: FontBook) -> None:
    (tmp_path / "broken.ttf").write_bytes((MATPLOTLIB_FONTS / "DejaVuSans.ttf").read_bytes()[:500])
    (tmp_path / "empty.otf").write_bytes(b"")
    shutil.copy(MATPLOTLIB_FONTS / "DejaVuSans.ttf", tmp_path / "whole.ttf")
    assert len(FontBook.scan([tmp_path], system=False).faces) == len(fonts.faces)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(InputError, match=r"/no/fonts/here: there is no such folder of fonts"):
        FontBook.scan([Path("/no/fonts/here")], system=False)


def test_matching_falls_back_to_any_face_of_the_script(fonts: FontBook) -> None:
    assert fonts.matching(Script.CYRILLIC, FontStyle.SCRIPT)
    assert {face.style for face in fonts.matching(Script.CYRILLIC, FontStyle.MONO)} == {FontStyle.MONO}
    assert not any(face.italic for face in fonts.matching(italic=False))


def test_choosing_a_script_that_no_font_covers(fonts: FontBook) -> None:
    if fonts.covers(Script.DEVANAGARI):
        pytest.skip("matplotlib now has Devanagari letters")
    with pytest.raises(InputError, match="no font covers devanagari"):
        fonts.choose(np.random.default_rng(0), Script.DEVANAGARI)


def test_a_book_crosses_process_borders(fonts: FontBook) -> None:
    assert pickle.loads(pickle.dumps(fonts)) == fonts


def test_a_folder_without_any_font_is_named_in_place_of_drawing_with_other_fonts(tmp_path: Path) -> None:
    (tmp_path / "fonts.tar.xz").write_bytes(b"an archive of fonts")
    with pytest.raises(InputError, match="there is no font in it that text can be drawn with") as refused:
        FontBook.scan([tmp_path])
    assert str(tmp_path) in refused.value.message
    assert "archives of fonts are not opened" in refused.value.remedy
