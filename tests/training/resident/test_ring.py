"""The ring of made-up pages: bounded, each page is seen a few times and replaced by one that was never seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from docdetect.errors import DocdetectError
from docdetect.synth.stream import ArrivedPage
from docdetect.training.resident.ring import Ring
from docdetect.types import Detections


class Stream:
    """Pages 0, 1, 2, ... as long as `supply` lasts."""

    def __init__(self, supply: int) -> None:
        self.supply, self.given, self.problem, self.closed = supply, 0, False, False

    def arrived(self) -> ArrivedPage | None:
        if self.problem:
            raise DocdetectError("no more pages")
        if self.given >= self.supply:
            return None
        self.given += 1
        pixels = np.full((8, 6, 3), self.given - 1, np.uint8)
        return ArrivedPage(self.given - 1, pixels, Detections.none((6, 8), scored=False), np.zeros((0, 4), np.float32))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def rings() -> Iterator[list[Ring]]:
    made: list[Ring] = []
    yield made
    for ring in made:
        ring.close()


def ring_of(stream: Stream, rings: list[Ring], *, capacity: int = 4, looks: int = 3) -> Ring:
    ring = Ring(stream, capacity, looks, 64, torch.device("cpu"))
    rings.append(ring)
    return ring


def seen(ring: Ring, count: int, wait_s: float = 0.0) -> list[int]:
    rng = np.random.default_rng(0)
    numbers = []
    for _ in range(count):
        page = ring.take(rng)
        assert page is not None
        numbers.append(int(page.pixels[0, 0, 0]))
        time.sleep(wait_s)
    return numbers


def test_pages_are_replaced_after_their_looks_and_no_more_than_fit_are_kept(rings: list[Ring]) -> None:
    stream = Stream(supply=200)
    ring = ring_of(stream, rings)
    ring.wait_for(4, 10)
    time.sleep(0.3)
    assert (len(ring), stream.given) == (4, 4)  # a full ring takes no more: the makers wait
    counts = Counter(seen(ring, 90, wait_s=0.02))
    assert len(ring) == 4
    assert stream.given == pytest.approx(4 + 90 // 3, abs=3)
    gone = [count for number, count in counts.items() if number < stream.given - 8]
    assert np.mean(gone) == pytest.approx(3, abs=0.7)


def test_where_no_page_arrives_the_network_does_not_wait(rings: list[Ring]) -> None:
    ring = ring_of(Stream(supply=2), rings)
    ring.wait_for(2, 10)
    counts = Counter(seen(ring, 40))
    assert set(counts) == {0, 1}
    assert min(counts.values()) >= 15


def test_an_empty_ring_says_so_and_an_end_is_an_error(rings: list[Ring]) -> None:
    stream = Stream(supply=0)
    ring = ring_of(stream, rings)
    assert ring.take(np.random.default_rng(0)) is None
    stream.problem = True
    with pytest.raises(DocdetectError, match="no more pages"):
        ring.wait_for(1, 10)
    with pytest.raises(DocdetectError, match="no more pages"):
        ring.take(np.random.default_rng(0))
    ring.close()
    assert stream.closed
    rings.clear()
