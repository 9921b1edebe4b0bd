"""Groups of near-duplicate documents."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from docdetect.datasets.groups import Evidence, Groups, find_groups
from docdetect.datasets.page_fingerprints import INK_LONG_SIDE_PX, PageFingerprint, fingerprint
from docdetect.datasets.split import PageKey
from docdetect.documents.reader import open_document
from docdetect.documents.sizes import LongSide
from docdetect.documents.sources import list_documents
from docdetect.types import ByteArray
from tests.support.pages import rescanned, stamped, text_page


def prints_of(documents: dict[str, list[ByteArray]], texts: dict[str, str] | None = None) -> list[PageFingerprint]:
    return [
        fingerprint(PageKey(name, number), page, (texts or {}).get(name, ""))
        for name, pages in documents.items()
        for number, page in enumerate(pages, start=1)
    ]


def members(groups: Groups) -> set[tuple[str, ...]]:
    return set(groups.documents().values())


def test_documents_that_share_a_page_are_one_group() -> None:
    shared = text_page(1)
    documents = {
        "c.pdf": [text_page(5), rescanned(stamped(shared, (400, 700)), 1)],
        "a.pdf": [shared, text_page(2)],
        "b.pdf": [text_page(3), text_page(4)],
    }
    groups = find_groups(prints_of(documents))
    assert members(groups) == {("a.pdf", "c.pdf"), ("b.pdf",)}
    assert groups.group_of[PageKey("c.pdf", 1)] == "a.pdf"
    (link,) = groups.links
    assert (link.first, link.second) == (PageKey("a.pdf", 1), PageKey("c.pdf", 2))
    assert link.evidence is Evidence.NEAR_DUPLICATE
    assert link.agreement > 0.7


def test_a_chain_is_one_group() -> None:
    one, two = text_page(1), text_page(2)
    documents = {"a": [one], "b": [one, two], "c": [two], "d": [text_page(3)]}
    assert members(find_groups(prints_of(documents))) == {("a", "b", "c"), ("d",)}


def test_blank_pages_join_nothing() -> None:
    white = np.full((990, 700, 3), 255, np.uint8)
    documents = {"a": [text_page(1), white], "b": [text_page(2), white]}
    assert members(find_groups(prints_of(documents))) == {("a",), ("b",)}


def test_the_same_text_layer_joins_pages_that_look_different() -> None:
    documents = {"a": [text_page(1)], "b": [text_page(2)], "c": [text_page(3)]}
    texts = {"a": "Договор поставки " * 20, "b": "ДОГОВОР\nПОСТАВКИ\n" * 20, "c": "Акт сверки " * 30}
    groups = find_groups(prints_of(documents, texts))
    assert members(groups) == {("a", "b"), ("c",)}
    assert groups.links[0].evidence is Evidence.SAME_TEXT


def test_the_same_file_and_the_same_pixels_are_said_so() -> None:
    documents = {"a": [text_page(1)], "b": [text_page(1)], "c": [text_page(1)]}
    groups = find_groups(prints_of(documents), {"a": "11", "b": "11", "c": "22"})
    assert [link.evidence for link in groups.links] == [Evidence.SAME_FILE, Evidence.SAME_PIXELS]


def test_the_order_of_pages_does_not_matter() -> None:
    documents = {"a": [text_page(1)], "b": [text_page(2)], "c": [rescanned(text_page(1), 1)]}
    prints = prints_of(documents)
    assert find_groups(prints) == find_groups(prints[::-1])


def test_nothing_makes_no_group() -> None:
    assert find_groups([]).group_of == {}


def group_by_name(document: str) -> str:
    """What a person sees in the file names of armeta; the code under test never looks at them."""
    return document.lower()[:2]


@pytest.mark.slow
def test_the_groups_of_real_documents_are_those_that_a_person_sees(shared_data: Path) -> None:
    prints = []
    for file in list_documents(shared_data / "armeta" / "pdfs"):
        with open_document(file) as document:
            for number in range(1, document.page_count + 1):
                page = document.render(number, LongSide(INK_LONG_SIDE_PX))
                prints.append(fingerprint(PageKey(file.name, number), page.pixels))
    groups = find_groups(prints)
    names = sorted({one.page.document for one in prints})
    group = {key.document: name for key, name in groups.group_of.items()}
    ground_truth = {pair for pair in combinations(names, 2) if group_by_name(pair[0]) == group_by_name(pair[1])}
    found = {pair for pair in combinations(names, 2) if group[pair[0]] == group[pair[1]]}
    assert len(ground_truth) == 27
    assert found == ground_truth
