"""Pairs of pages that are worth a look."""

from __future__ import annotations

import numpy as np

from docdetect.datasets.groups import candidate_pairs, nearest_first
from docdetect.datasets.page_fingerprints import PageFingerprint, fingerprint
from docdetect.datasets.split import PageKey
from docdetect.types import ByteArray
from tests.support.pages import rescanned, stamped, text_page


def print_of(page: ByteArray, document: str) -> PageFingerprint:
    return fingerprint(PageKey(document, 1), page)


def test_blank_pages_take_no_part() -> None:
    white = np.full((990, 700, 3), 255, np.uint8)
    prints = [print_of(white, "a"), print_of(white, "b"), print_of(text_page(1), "c")]
    assert prints[0].nearly_blank
    assert not prints[2].nearly_blank
    pairs, distances = candidate_pairs(prints)
    assert pairs.shape == (0, 2)
    assert distances.shape == (0,)


def test_copies_with_another_stamp_are_candidates_the_closest_first() -> None:
    page = text_page(1)
    pages = [text_page(2), page, stamped(page, (480, 800)), page.copy(), rescanned(page, 3)]
    pairs, distances = candidate_pairs([print_of(one, str(i)) for i, one in enumerate(pages)])
    found = {tuple(pair) for pair in pairs.tolist()}
    assert {(1, 2), (1, 3), (2, 3), (1, 4)} <= found
    assert (np.diff(distances) >= 0).all()
    assert all(first < second for first, second in found)


def test_among_many_pages_of_one_layout_the_copy_is_found() -> None:
    pages = [text_page(seed) for seed in range(30)]
    pages.append(rescanned(stamped(pages[7], (300, 600)), 1))
    pairs, _ = candidate_pairs([print_of(page, f"{i:02}") for i, page in enumerate(pages)])
    assert (7, 30) in {tuple(pair) for pair in pairs.tolist()}
    assert len(pairs) <= 31 * 10


def test_the_nearest_page_comes_first() -> None:
    one = print_of(text_page(1), "a")
    others = [print_of(page, "b") for page in (255 - text_page(3), text_page(1), text_page(2, lines=12))]
    assert nearest_first(one, others)[0] == 1
