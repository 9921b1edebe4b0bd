"""Fingerprints: alike for what is alike, nothing for blank paper."""

from __future__ import annotations

import numpy as np
import pytest

from docdetect.datasets.page_fingerprints import PageFingerprint, Spool, fingerprint, ink_mask, text_hash
from docdetect.datasets.split import PageKey
from docdetect.types import ByteArray
from tests.support.pages import text_page


def print_of(page: ByteArray, document: str, text: str = "") -> PageFingerprint:
    return fingerprint(PageKey(document, 1), page, text)


def test_the_ink_survives_packing() -> None:
    page = text_page(1)
    kept = print_of(page, "a")
    assert kept.ink().sum() == kept.ink_px > 5000
    assert kept.ink().shape == (kept.size_wh[1], kept.size_wh[0])
    assert max(kept.size_wh) == 640
    assert isinstance(kept.packed_ink, bytes)
    assert len(kept.packed_ink) < 20_000
    spooled = kept.spooled(Spool())
    assert (spooled.ink() == kept.ink()).all()
    assert spooled.spooled(Spool()) is spooled


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
