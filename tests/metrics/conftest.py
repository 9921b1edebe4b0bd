"""Random pages that look like a detector's: most marks met with some looseness, and faint false detections."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from docdetect.metrics.matching import Sample
from docdetect.types import Detections

SIZE_WH = (1000, 1400)


def make_sample(
    ground_truth: list[tuple[float, float, float, float, int]],
    found: list[tuple[float, float, float, float, int, float]],
    document: str = "a.pdf",
    page: int = 1,
    group: str = "a",
) -> Sample:
    """A page from rows of left, top, right, bottom, class (and score)."""
    true, seen = np.array(ground_truth, np.float64).reshape(-1, 5), np.array(found, np.float64).reshape(-1, 6)
    return Sample(
        document,
        page,
        group,
        Detections(true[:, :4].astype(np.float32), true[:, 4].astype(np.int64), SIZE_WH),
        Detections(seen[:, :4].astype(np.float32), seen[:, 4].astype(np.int64), SIZE_WH, seen[:, 5].astype(np.float32)),
    )


def random_samples(pages: int, seed: int, *, skill: float = 0.9, classes: int = 3) -> list[Sample]:
    """`pages` pages, three to a document and six to a group; `skill` is the share of marks that are met."""
    generator = np.random.default_rng(seed)
    return [_random_sample(index, generator, skill, classes) for index in range(pages)]


def _random_sample(index: int, generator: np.random.Generator, skill: float, classes: int) -> Sample:
    count = int(generator.integers(0, 6))
    corner, size = generator.uniform(20, 780, (count, 2)), generator.uniform(20, 200, (count, 2))
    boxes, kinds = np.concatenate([corner, corner + size], axis=1), generator.integers(0, classes, count)
    met = generator.random(count) < skill
    shift = generator.normal(0, 0.06, (int(met.sum()), 4)) * np.tile(size[met], 2)
    near = boxes[met] + shift
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2])
    extra = int(generator.integers(0, 12))
    noise = generator.uniform(0, 800, (extra, 2))
    noise = np.concatenate([noise, noise + generator.uniform(15, 150, (extra, 2))], axis=1)
    scores = np.concatenate([generator.beta(6, 2, len(near)), generator.beta(0.6, 6, extra)])
    found = Detections(
        np.concatenate([near, noise]).astype(np.float32),
        np.concatenate([kinds[met], generator.integers(0, classes, extra)]),
        SIZE_WH,
        np.clip(scores, 0.001, 1).astype(np.float32),
    )
    ground_truth = Detections(boxes.astype(np.float32), kinds, SIZE_WH)
    return Sample(f"document_{index // 3}.pdf", index % 3 + 1, f"group_{index // 6}", ground_truth, found)


@pytest.fixture(name="make_sample")
def make_sample_fixture() -> Callable[..., Sample]:
    return make_sample


@pytest.fixture(name="random_samples")
def random_samples_fixture() -> Callable[..., list[Sample]]:
    return random_samples
