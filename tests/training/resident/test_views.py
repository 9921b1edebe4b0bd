"""Views: what is drawn and what is labelled move together; batches follow from the seed and go on after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from docdetect.config.loading import load_config
from docdetect.config.schema import TrainConfig
from docdetect.datasets.reader import TrainingShare
from docdetect.training.resident.batches import BatchMaker, sheet_wh, window_wh
from docdetect.training.resident.looks import blurred, changed_looks, erase_patches, visible
from docdetect.training.resident.pages import StoredPage, stored_page
from docdetect.training.resident.views import (
    Placement,
    draw_pixels,
    draw_view,
    draw_with_opencv,
    draw_with_torch,
    mosaic_view,
    seen_part,
    whole_placement,
    window_placement,
)
from docdetect.types import Detections

CPU = torch.device("cpu")
MARK = (60.0, 90.0, 110.0, 120.0)


def recipe(*more: str) -> TrainConfig:
    plain = ("views=device", "imgsz=192", "batch=2", "flips=false", "degrees=0", "erasing=0", "close_mosaic=0")
    return load_config(None, [f"train.{one}" for one in (*plain, "mosaic=0", "auto_augment=null", *more)]).train


def page(*, size_wh: tuple[int, int] = (150, 192), labelled: frozenset[int] | None = None) -> StoredPage:
    """White paper with a black mark."""
    pixels = np.full((size_wh[1], size_wh[0], 3), 255, np.uint8)
    left, top, right, bottom = (int(value) for value in MARK)
    pixels[top:bottom, left:right] = 0
    boxes = Detections(np.array([MARK], np.float32), np.array([2]), size_wh)
    return stored_page(pixels, boxes, np.zeros((0, 4), np.float32), labelled, 192, CPU)


def dark_box(pixels: torch.Tensor) -> list[float]:
    """The box around what is black, where paper is white and what lies beside it is not black."""
    rows, columns = np.nonzero(pixels.mean(0).numpy() < 0.08)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("kind", ["whole", "window"])
def test_the_mark_lies_where_its_box_is(kind: str) -> None:
    place = whole_placement if kind == "whole" else window_placement
    how, one, seen = recipe("scales=[0.6,2.6]"), page(), 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        view = draw_view(one, place(one, (160, 192), how, rng), (160, 192), 3, rng)
        assert view.pixels.shape == (3, 192, 160)
        if len(view.rows):
            seen += 1
            np.testing.assert_allclose(dark_box(view.pixels), view.rows[0, 1:], atol=1.6)
    assert seen > 8


def test_a_turned_round_mark_has_a_tight_box_and_a_quarter_turn_is_exact() -> None:
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    (box,) = Placement(turn, np.zeros(2)).boxes(np.array([[10, 10, 30, 30]], np.float32))
    assert np.allclose(box[2:] - box[:2], 20)  # around the turned corners it would be 27
    quarter = Placement(np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([100.0, 0.0]))
    (box,) = quarter.boxes(np.array([MARK], np.float32))
    assert box.tolist() == [100 - 120, 60, 100 - 90, 110]


@pytest.mark.parametrize("size_wh", [(150, 190), (450, 570)], ids=["as it is", "shrunk"])
def test_a_cpu_draws_what_a_gpu_draws(size_wh: tuple[int, int]) -> None:
    """PyTorch's drawing runs on a CPU here, which shows that both put every pixel into the same place."""
    width, height = size_wh
    rng = np.random.default_rng(0)
    grain = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), height / 100)
    pixels = np.asarray(cv2.normalize(grain, np.empty_like(grain), 0, 255, cv2.NORM_MINMAX), np.uint8)
    none = Detections.none(size_wh, scored=False)
    stored = stored_page(pixels, none, np.zeros((0, 4), np.float32), None, height, CPU)
    how = recipe("degrees=20", "flips=true", "flipud=0.5", "scales=[0.95,1.3]")
    for seed in range(6):
        placement = whole_placement(stored, (160, 192), how, np.random.default_rng(seed))
        part = seen_part(stored.pixels, placement, (160, 192))
        assert part is not None
        assert (part.shrunk_wh is None) == (height == 190)
        ours, theirs = (
            draw(stored.pixels, placement, (160, 192), 114 / 255, part) for draw in (draw_with_opencv, draw_with_torch)
        )
        apart = float((ours - theirs).abs().mean())
        assert apart < 0.01
        assert apart < 0.3 * float((ours[:, :, 1:] - theirs[:, :, :-1]).abs().mean())  # a pixel to the side


def test_shrinking_keeps_thin_lines() -> None:
    pixels = np.full((400, 400, 3), 255, np.uint8)
    pixels[::8] = 0
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    small = draw_pixels(tensor, Placement(np.eye(2) * 0.25, np.zeros(2)), (100, 100), 0.5)
    assert abs(float(small.mean()) - 7 / 8) < 0.01
    assert float(small[:, 10:90, 10:90].std()) < 0.15  # without care every line would be hit or missed


def test_a_mosaic_has_four_pages_and_keeps_what_is_labelled_apart() -> None:
    pages = (page(), page(labelled=frozenset({2})), page(), page())
    rng = np.random.default_rng(3)
    view = mosaic_view(pages, (160, 192), recipe("scales=[0.5,0.9]"), 3, rng)
    assert view.pixels.shape == (3, 192, 160)
    regions = view.rows[view.rows[:, 0] >= 3]
    assert len(regions) == 1
    left, _, _, bottom = regions[0, 1:]
    assert left >= 160 * 0.29
    assert bottom <= 192 * 0.71


def test_a_blurred_pixel_is_the_mean_of_its_neighbours() -> None:
    view = torch.rand(3, 9, 7, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(view[None], (1, 1, 1, 1), mode="replicate"), 3, 1)
    torch.testing.assert_close(blurred(view), expected[0])


def test_looks_change_pixels_in_range_and_follow_from_the_generators() -> None:
    views = torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    how = recipe("auto_augment=randaugment", "hsv_s=0.7")

    def changed(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return changed_looks(views.clone(), how, np.random.default_rng(seed), generator)

    first = changed(1)
    assert 0 <= float(first.min()) < float(first.max()) <= 1
    torch.testing.assert_close(first, changed(1), rtol=0, atol=0)
    assert not torch.allclose(first, changed(2))
    same = changed_looks(
        views.clone(), recipe("hsv_h=0", "hsv_s=0", "hsv_v=0"), np.random.default_rng(0), torch.Generator()
    )
    torch.testing.assert_close(same, views, rtol=0, atol=0)


def test_what_cannot_be_seen_any_more_is_no_mark_and_patches_hide_no_mark() -> None:
    views = torch.ones(1, 3, 64, 64)
    views[:, :, 10:30, 10:30] = torch.rand(20, 20)
    rows = np.array([[0, 1, 10, 10, 30, 30], [0, 2, 40, 40, 60, 60]], np.float32)
    assert visible(views, rows).tolist() == [True, False]
    small = np.array([[0, 0, 30, 30, 34, 34]], np.float32)
    hidden = erased = 0
    for seed in range(300):
        canvas = torch.full((1, 3, 64, 64), 2.0)
        erase_patches(canvas, small, 1.0, np.random.default_rng(seed))
        erased += int((canvas < 2).any())
        hidden += int((canvas[0, 0, 30:34, 30:34] < 2).float().mean() > 0.5)
    assert erased > 200
    assert hidden == 0


def maker(how: TrainConfig, pages: list[StoredPage], made: Any = None) -> BatchMaker:
    return BatchMaker(pages, [TrainingShare(Path("a"), len(pages), 1.0)], made, how, 3, CPU)


def same(first: Any, second: Any) -> bool:
    return all(torch.equal(first.labels[name], second.labels[name]) for name in first.labels)


def test_batches_follow_from_the_seed_and_go_on_after_a_stop() -> None:
    how = recipe("mosaic=0.5", "auto_augment=randaugment", "erasing=0.5", "degrees=5")
    pages = [page(), page(size_wh=(192, 150)), page(labelled=frozenset({2}))] * 3
    whole = maker(how, pages)
    batches = [whole.make(step, step / 12) for step in range(12)]
    again = maker(how, pages)
    assert all(same(batch, again.make(step, step / 12)) for step, batch in enumerate(batches))
    resumed = maker(how, pages)
    resumed.restore(batches[5].state)
    assert all(same(batches[step], resumed.make(step, step / 12)) for step in range(6, 12))
    other = maker(how.model_copy(update={"seed": 1}), pages)
    assert not same(batches[0], other.make(0, 0.0))
    shapes = {tuple(batch.labels["img"].shape[2:]) for batch in batches}
    width, height = sheet_wh(192)
    assert (width, height) == (160, 192)
    assert shapes == {window_wh(how)[::-1], (height, width), (width, height)}


def test_made_up_pages_take_their_share() -> None:
    class Made:
        taken = 0

        def take(self, rng: np.random.Generator) -> StoredPage:
            self.taken += 1
            return replace(page(), labelled=None)

    made = Made()
    batches = maker(recipe("synth={share: 0.7}"), [page()] * 4, made)
    views = sum(batches.make(step, 0.0).views for step in range(16))
    assert 0.55 < made.taken / views < 0.85
