"""RandAugment and random erasing act, are seeded, and never hide a mark."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docdetect.training.augment import MOST_COVERED, rand_augment, random_erase
from tests.support.datasets import made_page

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
@settings(max_examples=20)
def test_rand_augment_keeps_shape_and_input_and_is_seeded(seed: int) -> None:
    page, _ = made_page(seed)
    before = page.copy()
    once = rand_augment(page, np.random.default_rng(seed))
    again = rand_augment(page, np.random.default_rng(seed))
    assert once.shape == page.shape
    assert once.dtype == np.uint8
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(page, before)


def test_rand_augment_really_changes_most_pages() -> None:
    page, _ = made_page(1)
    tinted = (page * np.array([1.0, 0.9, 0.8])).astype(np.uint8)
    changed = [not np.array_equal(rand_augment(tinted, np.random.default_rng(seed)), tinted) for seed in range(40)]
    assert sum(changed) > 30
    assert len({rand_augment(tinted, np.random.default_rng(seed)).tobytes() for seed in range(40)}) > 15


@given(SEEDS, st.integers(0, 6))
@settings(max_examples=60)
def test_no_mark_is_hidden_by_more_than_half(seed: int, marks: int) -> None:
    page, ground_truth = made_page(seed, marks)
    touched, erased = random_erase(page, ground_truth.xyxy, 1.0, np.random.default_rng(seed))
    for left, top, right, bottom in ground_truth.xyxy.astype(int):
        assert erased[top:bottom, left:right].mean() <= MOST_COVERED
    np.testing.assert_array_equal(touched[~erased], page[~erased])


def test_erasing_touches_its_share_of_pages_and_parts_of_marks() -> None:
    page, ground_truth = made_page(3)
    touched, on_marks = 0, 0
    for seed in range(200):
        _, erased = random_erase(page, ground_truth.xyxy, 0.4, np.random.default_rng(seed))
        touched += bool(erased.any())
        on_marks += any(erased[int(y0) : int(y1), int(x0) : int(x1)].any() for x0, y0, x1, y1 in ground_truth.xyxy)
    assert 60 <= touched <= 100
    assert on_marks > 30


def test_probability_zero_touches_nothing() -> None:
    page, ground_truth = made_page(3)
    same, erased = random_erase(page, ground_truth.xyxy, 0.0, np.random.default_rng(0))
    assert same is page
    assert not erased.any()


@pytest.mark.parametrize("box", [(-5, -5, 500, 500), (0, 0, 0, 0), (10, 10, 11, 11), (0.2, 0.2, 0.4, 0.4)])
def test_odd_boxes_are_no_trouble(box: tuple[float, ...]) -> None:
    page, _ = made_page(0)
    for seed in range(20):
        random_erase(page, np.array([box], np.float32), 1.0, np.random.default_rng(seed))


def test_both_are_in_the_loaders_transforms_and_act(dataset: Any) -> None:
    import random

    from docdetect.models.ultralytics_setup import prepare_ultralytics

    prepare_ultralytics()
    from ultralytics.cfg import get_cfg

    from docdetect.datasets.reader import read_dataset
    from docdetect.training.pages import ErasePatches, Pages, RandAugmentPages

    found = read_dataset(str(dataset))
    data = {"names": {0: "qr", 1: "signature", 2: "stamp"}, "channels": 3, "pages": found.splits}
    still = {"mosaic": 0.0, "degrees": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0, "hsv_h": 0.0}
    hyp = get_cfg(overrides={**still, "hsv_s": 0.0, "hsv_v": 0.0, "erasing": 0.9, "auto_augment": "randaugment"})
    pages = Pages(img_path="train", imgsz=96, augment=True, hyp=hyp, data=data, task="detect", batch_size=2)
    kinds = [type(step) for step in pages.transforms.transforms]
    assert kinds[-3:-1] == [RandAugmentPages, ErasePatches]
    pictures = []
    for seed in (1, 1, 2):
        random.seed(seed)
        np.random.seed(seed)
        pictures.append(pages[0]["img"].numpy())
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    hyp.erasing, hyp.auto_augment = 0.0, None
    plain = [type(step) for step in pages.build_transforms(hyp).transforms]
    assert RandAugmentPages not in plain
    assert ErasePatches not in plain
