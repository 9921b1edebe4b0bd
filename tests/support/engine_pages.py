"""Pages for engines: patches of colour on paper, of several sizes."""

from __future__ import annotations

import numpy as np

from docdetect.types import ByteArray, Detections


def page(seed: int, width: int, height: int) -> ByteArray:
    """uint8 (height, width, 3) RGB."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 250, np.uint8)
    for _ in range(12):
        left, top = rng.integers(0, width // 2 + 1), rng.integers(0, height // 2 + 1)
        pixels[top : top + height // 4, left : left + width // 4] = rng.integers(0, 256, 3)
    return pixels


PAGES = [page(1, 240, 339), page(2, 339, 240), page(3, 100, 100), page(4, 240, 339), page(5, 30, 400)]


def assert_same(ours: Detections, theirs: Detections, *, px: float, score: float) -> None:
    """Both have the same boxes, each within `px` and `score` of one of the other's in its class."""
    assert len(ours) == len(theirs)
    if not len(ours):
        return
    assert ours.scores is not None
    assert theirs.scores is not None
    rows = [
        np.column_stack([one.xyxy / px, np.asarray(one.scores)[:, None] / score, one.class_ids[:, None] * 1000])
        for one in (ours, theirs)
    ]
    apart = np.abs(rows[0][:, None] - rows[1][None, :]).max(axis=2)
    assert apart.min(axis=1).max() <= 1
    assert apart.min(axis=0).max() <= 1


def assert_equal(ours: Detections, theirs: Detections) -> None:
    """Bit for bit."""
    np.testing.assert_array_equal(ours.xyxy, theirs.xyxy)
    np.testing.assert_array_equal(ours.class_ids, theirs.class_ids)
    np.testing.assert_array_equal(np.asarray(ours.scores), np.asarray(theirs.scores))
