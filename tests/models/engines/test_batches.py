from __future__ import annotations

import numpy as np
import pytest

from docdetect.models.engines.base import Batched, same_shaped
from docdetect.models.head import HeadSpec, Raw
from docdetect.models.letterbox import Framing
from docdetect.types import ByteArray

IMGSZ = 64
SPEC = HeadSpec(("qr", "stamp"), (32,), bins=1)


class Shades:
    """Stands for a network: its second logit, at the first anchor, is the shade of the picture's middle."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, ...]]] = []

    def __call__(self, pictures: list[ByteArray]) -> list[Raw]:
        self.batches.append([picture.shape for picture in pictures])
        return [self._raw(picture) for picture in pictures]

    def _raw(self, picture: ByteArray) -> Raw:
        height, width = picture.shape[:2]
        anchors = (height // 32) * (width // 32)
        logits = np.full((2, anchors), -20, np.float32)
        logits[1, 0] = picture[height // 2, width // 2, 0] / 100
        return Raw(np.full((4, anchors), 0.4, np.float32), logits)


@pytest.mark.parametrize("most", [1, 2, 16])
def test_results_come_in_the_order_of_the_pages_whatever_the_batches(most: int) -> None:
    shapes = ((64, 64), (64, 32), (64, 64), (32, 64), (64, 32), (64, 64))
    pages = [np.full((*shape, 3), 20 * number + 100, np.uint8) for number, shape in enumerate(shapes)]
    network = Shades()
    found = Batched(SPEC, Framing(IMGSZ, 32), most, network).detect(pages, 0.1, 0.7)
    scores = [float(score) for one in found if one.scores is not None for score in one.scores]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(pages)
    assert sum(map(len, network.batches)) == len(pages)
    assert all(len(batch) <= most and len(set(batch)) == 1 for batch in network.batches)


def test_equal_sizes_go_together_in_order_of_their_first() -> None:
    assert same_shaped([(1, 1), (2, 2), (1, 1), (1, 1)], 2) == [[0, 2], [3], [1]]
    assert same_shaped([], 4) == []
