"""Annotations and documents brought together: who is who, and every contradiction in one message."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from docdetect.annotations.cleaning import ClassRules
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.datasets.ground_truth import (
    SurveyedDocument,
    bring_together,
    match_names,
    read_annotations,
    survey_documents,
)
from docdetect.datasets.split import PageKey
from docdetect.documents.drawing import write_image
from docdetect.documents.sources import DocumentFile, DocumentKind, list_documents
from docdetect.errors import InputError
from docdetect.files import nfc, write_json
from docdetect.types import Failure, FailureKind, SizeWH

RULES = ClassRules(("qr", "signature", "stamp"))


def document(name: str, pages: int = 1, size_wh: SizeWH = (100, 200)) -> SurveyedDocument:
    return SurveyedDocument(DocumentFile(Path(name), name, DocumentKind.PDF), "00", (size_wh,) * pages)


def page(*categories: str, size_wh: SizeWH = (100, 200)) -> AnnotatedPage:
    return AnnotatedPage(size_wh, tuple(Mark(name, (1, 1 + 20 * n, 9, 9), name) for n, name in enumerate(categories)))


def problems_of(annotations: Annotations, *documents: SurveyedDocument) -> list[str]:
    with pytest.raises(InputError) as caught:
        bring_together(annotations, documents, RULES, "a.json", unlisted="skip")
    heading, *lines = caught.value.message.splitlines()
    assert heading == "a.json: does not fit the documents or the classes"
    return [line.removeprefix("  - ") for line in lines]


def test_by_path_and_by_bare_name() -> None:
    documents = [document("deep/a.pdf"), document("deep/b.pdf"), document("c.pdf")]
    found = bring_together(
        {"a.pdf": {1: page("qr")}, "deep/b.pdf": {1: page("stamp")}}, documents, RULES, "x", unlisted="skip"
    )
    assert {key: boxes.class_ids.tolist() for key, boxes in found.pages.items()} == {
        PageKey("deep/a.pdf", 1): [0],
        PageKey("deep/b.pdf", 1): [2],
    }


def test_the_whole_path_wins_over_a_bare_name() -> None:
    found = bring_together(
        {"a.pdf": {1: page("qr")}}, [document("a.pdf"), document("deep/a.pdf")], RULES, "x", unlisted="skip"
    )
    assert list(found.pages) == [PageKey("a.pdf", 1)]


def test_names_match_whichever_slashes_another_program_wrote() -> None:
    documents = [document("back\\slash.pdf"), document("deep/b.pdf")]
    annotations = {"back/slash.pdf": {1: page("qr")}, "deep\\b.pdf": {1: page("stamp")}}
    found = bring_together(annotations, documents, RULES, "x")
    assert {key: boxes.class_ids.tolist() for key, boxes in found.pages.items()} == {
        PageKey("back\\slash.pdf", 1): [0],
        PageKey("deep/b.pdf", 1): [2],
    }
    both = [document("a\\b.pdf"), document("a/b.pdf")]
    exact = {"a\\b.pdf": {1: page("qr")}, "a/b.pdf": {1: page("stamp")}}
    found = bring_together(exact, both, RULES, "x")
    assert {key.document: boxes.class_ids.tolist() for key, boxes in found.pages.items()} == {
        "a\\b.pdf": [0],
        "a/b.pdf": [2],
    }


def test_everything_that_does_not_fit_is_listed_at_once() -> None:
    annotations = {
        "ghost.pdf": {1: page("qr")},
        "twin.pdf": {1: page("qr")},
        "letter.pfd": {1: page("qr")},
        "a.pdf": {1: page("qr", "stmap"), 4: page("qr"), 9: page("logo")},
        "same.pdf": {},
        "deep/same.pdf": {},
    }
    documents = [
        document("x/twin.pdf"),
        document("y/twin.pdf"),
        document("letter.pdf"),
        document("a.pdf", 3),
        document("deep/same.pdf"),
    ]
    assert problems_of(annotations, *documents) == [
        "ghost.pdf: no such document",
        "letter.pfd: no such document (did you mean letter.pdf?)",
        "twin.pdf: which one? x/twin.pdf or y/twin.pdf; write the path",
        "same.pdf and deep/same.pdf are one document",
        "a.pdf, page 4: the document has 3 pages",
        "a.pdf, page 9: the document has 3 pages",
        "category 'stmap' is unknown (did you mean stamp?): a.pdf, page 1",
        "category 'logo' is unknown: a.pdf, page 9",
    ]


def test_names_with_dots_in_a_json_lead_nowhere() -> None:
    assert problems_of({"../../etc/passwd": {}}, document("passwd")) == ["../../etc/passwd: no such document"]


def test_decomposed_names_on_disk_match(tmp_path: Path) -> None:
    name = "Йогурт-ё.png"
    (tmp_path / "pdfs").mkdir()
    write_image(tmp_path / "pdfs" / unicodedata.normalize("NFD", name), np.zeros((200, 100, 3), np.uint8))
    size = {"page_size": {"width": 100, "height": 200}}
    write_json(tmp_path / "a.json", {unicodedata.normalize("NFD", name): {"page_1": size}})
    documents = survey_documents(list_documents(tmp_path / "pdfs"))
    found = bring_together(read_annotations(tmp_path / "a.json"), documents, RULES, "x")
    assert list(found.pages) == [PageKey(nfc(name), 1)]


def test_labels_of_a_document_that_does_not_open_are_reported_lost() -> None:
    broken = SurveyedDocument(
        DocumentFile(Path("b.pdf"), "b.pdf", DocumentKind.PDF), "", (), Failure(FailureKind.UNREADABLE, "damaged")
    )
    found = bring_together(
        {"b.pdf": {7: page("qr", "stamp")}}, [broken, document("a.pdf")], RULES, "x", unlisted="skip"
    )
    assert found.pages == {}
    assert found.warnings == ("b.pdf: cannot be opened, its 2 annotated marks are lost",)


def test_boxes_made_on_a_turned_page_are_warned_of() -> None:
    turned = {"a.pdf": {1: page("qr", size_wh=(200, 100)), 2: page("qr", size_wh=(101, 200))}}
    found = bring_together(turned, [document("a.pdf", 2)], RULES, "x")
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("a.pdf, page 1: annotated at 200 x 100 px, but the page is displayed as 100")


def test_removals_come_in_the_order_of_documents_and_pages() -> None:
    bad = AnnotatedPage((100, 200), (Mark("qr", (1, 1, 0, 9), "k"),))
    found = bring_together(
        {"b.pdf": {1: bad}, "a.pdf": {2: bad, 1: bad}}, [document("b.pdf"), document("a.pdf", 2)], RULES, "x"
    )
    assert [(removal.document, removal.page) for removal in found.removals] == [
        ("a.pdf", 1),
        ("a.pdf", 2),
        ("b.pdf", 1),
    ]


def test_real_annotations_fit_their_documents(shared_data: Path) -> None:
    documents = survey_documents(list_documents(shared_data / "armeta" / "pdfs"))
    annotations = read_annotations(shared_data / "armeta" / "annotations.json")
    found = bring_together(annotations, documents, RULES, "armeta")
    assert (len(documents), sum(entry.page_count for entry in documents), len(found.pages)) == (22, 55, 33)
    assert found.removals == ()
    assert found.warnings == ()


def listed(count: int, unlisted: int) -> tuple[Annotations, list[SurveyedDocument]]:
    names = [f"{number:02d}.pdf" for number in range(count + unlisted)]
    return {name: {1: page("qr")} for name in names[:count]}, [document(name, 2) for name in names]


def test_a_tenth_of_the_documents_may_be_unlisted() -> None:
    annotations, documents = listed(18, 2)
    found = bring_together(annotations, documents, RULES, "x")
    assert (found.unlisted.documents, found.unlisted.pages) == (("18.pdf", "19.pdf"), 4)
    assert len(found.keys()) == 36, "pages of listed documents that the annotations do not list carry no mark"
    annotations, documents = listed(17, 3)
    with pytest.raises(InputError, match=r"do not list: 3 of 20 \(17\.pdf, 18\.pdf, 19"):
        bring_together(annotations, documents, RULES, "x")
    assert len(bring_together(annotations, documents, RULES, "x", unlisted="skip").documents) == 17
    assert len(bring_together(annotations, documents, RULES, "x", unlisted="empty").documents) == 20
    with pytest.raises(InputError, match="do not list: 2 of 20"):
        bring_together(*listed(18, 2), RULES, "x", unlisted="error")


def test_an_unlisted_document_that_does_not_open_is_a_failure_and_not_unlisted() -> None:
    failure = Failure(FailureKind.UNREADABLE, "damaged")
    broken = SurveyedDocument(DocumentFile(Path("b.pdf"), "b.pdf", DocumentKind.PDF), "", (), failure)
    found = bring_together({"a.pdf": {1: page("qr")}}, [document("a.pdf"), broken], RULES, "x", unlisted="skip")
    assert found.unlisted.documents == ()
    assert [failed.document for failed in found.failures()] == ["b.pdf"]


def test_names_in_capital_letters_get_a_suggestion() -> None:
    assert problems_of({"a.pdf": {1: page("STAMP")}}, document("a.pdf")) == [
        "category 'STAMP' is unknown (did you mean stamp?): a.pdf, page 1"
    ]


def test_names_are_looked_up_by_path_and_by_bare_name() -> None:
    matched = match_names(["a.pdf", "deep/b.pdf", "c.pdf", "d.pdf"], ["deep/b.pdf", "x/a.pdf", "y/c.pdf", "z/c.pdf"])
    assert matched.document_of == {"a.pdf": "x/a.pdf", "deep/b.pdf": "deep/b.pdf"}
    assert matched.ambiguous == {"c.pdf": ("y/c.pdf", "z/c.pdf")}
    assert matched.missing == ("d.pdf",)
