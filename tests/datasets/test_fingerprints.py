"""Fingerprints: alike for what is alike, nothing for blank paper."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_pages import rescanned, stamped, text_page

from docdetect.datasets.fingerprints import Fingerprint, candidate_pairs, fingerprint, ink_mask, text_hash
from docdetect.datasets.split import PageKey
from docdetect.types import ByteArray


def print_of(page: ByteArray, document: str, text: str = "") -> Fingerprint:
    return fingerprint(PageKey(document, 1), page, text)


def test_the_ink_survives_packing() -> None:
    page = text_page(1)
    kept = print_of(page, "a")
    assert kept.ink().sum() == kept.ink_px > 5000
    assert kept.ink().shape == (kept.size_wh[1], kept.size_wh[0])
    assert max(kept.size_wh) == 640
    assert len(kept.packed_ink) < 20_000


def test_ink_is_what_is_written_whatever_the_colour_of_paper_and_pen() -> None:
    grey = np.full((300, 200), 200, np.uint8)
    grey[100:104, 20:180] = 90
    shaded = (grey * np.linspace(0.7, 1.0, 300)[:, None]).astype(np.uint8)
    for page in (grey, shaded):
        ink = ink_mask(page)
        assert ink[101:103, 25:175].all()
        assert not ink[:95].any()
        assert not ink[110:].any()


def test_noise_is_no_ink() -> None:
    noisy = np.clip(np.random.default_rng(0).normal(230, 8, (400, 300)), 0, 255).astype(np.uint8)
    assert ink_mask(noisy).mean() < 0.002


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


def test_each_page_brings_only_its_nearest_neighbours() -> None:
    prints = [print_of(text_page(1), str(i)) for i in range(12)]
    pairs, _ = candidate_pairs(prints, neighbours=2)
    assert 12 <= len(pairs) <= 24


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Договор № 12\n" * 30, "договор № 12 " * 30, True),
        ("Договор № 12\n" * 30, "Договор № 13\n" * 30, False),
    ],
)
def test_a_text_is_known_by_its_letters(first: str, second: str, same: bool) -> None:
    assert (text_hash(first) == text_hash(second)) is same


def test_a_short_text_says_nothing() -> None:
    assert text_hash("Страница 2 из 3") == ""
