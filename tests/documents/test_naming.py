from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docdetect.documents.page_names import document_stem, page_stem

NAMES = st.text(st.sampled_from("aAбБйß./\\:~ _-1"), min_size=1, max_size=8)


@pytest.mark.parametrize("document", ["act 7.pdf", "дефект-2.pdf", "a.b.pdf"])
def test_plain_names_stay_as_they_are(document: str) -> None:
    assert document_stem(document) == document.removesuffix(".pdf")


@pytest.mark.parametrize(
    ("document", "readable"),
    [
        ("Act.pdf", "Act"),
        ("act.PDF", "act"),
        ("act.tif", "act"),
        ("2024/act.pdf", "2024__act"),
        ("a~b.pdf", "a~b"),
        ("ж" * 200 + ".pdf", "ж" * 80),
    ],
)
def test_names_that_another_document_could_take_get_a_hash(document: str, readable: str) -> None:
    stem, _, digits = document_stem(document).rpartition("~")
    assert stem == readable
    assert len(digits) == 8


def test_the_stem_of_a_document_never_changes() -> None:
    assert document_stem("Act.PDF") == "Act~1d82317b"  # datasets on disk are named by it


def test_pages_are_numbered_with_four_digits_and_more_where_needed() -> None:
    assert page_stem("акт.pdf", 7) == "акт_page_0007"
    assert page_stem("акт.pdf", 12345) == "акт_page_12345"


@given(NAMES, NAMES)
@example("a/b.pdf", "a__b.pdf")
@example("a.pdf", "A.pdf")
@example("a.pdf", "a.PDF")
@example("a.pdf", "a.png")
@example("a:b.pdf", "a_b.pdf")
@example("../a.pdf", "a.pdf")
@example("ß.pdf", "ss.pdf")
@example(" a.pdf", "a.pdf")
def test_distinct_documents_have_stems_that_differ_even_without_case_or_unicode_form(a: str, b: str) -> None:
    def folded(document: str) -> str:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", page_stem(document, 1)).casefold())

    assert (folded(a) == folded(b)) == (unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b))


@given(st.text(max_size=300))
@example("../../etc/passwd")
@example("C:\\Windows\\a.pdf")
@example("\udcff.pdf")
@example("\x00")
def test_a_stem_is_one_file_name_that_every_system_takes(document: str) -> None:
    stem = page_stem(document, 1)
    assert not set(stem) & set('<>:"/\\|?*') - {None}
    assert all(ord(letter) >= 32 for letter in stem)
    assert stem.strip(" .") == stem
    assert stem not in ("", ".", "..")
    assert len(stem.encode("utf-8")) < 200
