"""Which pages need tiles, and where the tiles lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.inference.multi_view.tiling import (
    MAX_ENLARGED_PX,
    MAX_TILES,
    OVERLAP_FRAC,
    WHOLE_PAGE_IN,
    clear_of_edges,
    enlarged_long_px,
    tile_boxes,
)

A4, A3, A2, A0 = ((210 / 25.4 * k, 297 / 25.4 * k) for k in (1, math.sqrt(2), 2, 4))
TABLOID, LEGAL = (11.0, 17.0), (8.5, 14.0)


@pytest.mark.parametrize("paper_in", [A4, A3, TABLOID, LEGAL, A3[::-1], (1.0, 1.0)])
def test_paper_up_to_a3_needs_no_tiles(paper_in: tuple[float, float]) -> None:
    assert enlarged_long_px(paper_in, None, 1024) is None


@pytest.mark.parametrize("imgsz", [640, 1024])
@pytest.mark.parametrize(("paper_in", "times", "tiles"), [(A2, 2, 6), (A0, 4, 20), (A0[::-1], 4, 20)])
def test_a_drawing_is_shown_at_the_scale_of_an_a4_page(
    paper_in: tuple[float, float], times: int, tiles: int, imgsz: int
) -> None:
    side = enlarged_long_px(paper_in, None, imgsz)
    assert side == pytest.approx(times * imgsz, rel=0.01)
    assert side is not None
    sheet_wh = (side, round(side / math.sqrt(2))) if paper_in[0] > paper_in[1] else (round(side / math.sqrt(2)), side)
    assert len(tile_boxes(sheet_wh, imgsz)) == tiles


def test_an_image_is_not_enlarged() -> None:
    assert enlarged_long_px(A0, 2000, 1024) == 2000
    assert enlarged_long_px(A0, 1200, 1024) is None, "that shows nothing that the whole page does not"


@given(st.floats(0.01, 5000), st.floats(0.01, 5000), st.sampled_from([32, 320, 1024, 8192]))
def test_the_cost_is_bounded_whatever_the_paper(width_in: float, height_in: float, imgsz: int) -> None:
    side = enlarged_long_px((width_in, height_in), None, imgsz)
    if side is None:
        return
    assert max(width_in, height_in) > WHOLE_PAGE_IN
    sheet_wh = side, max(1, round(side * min(width_in, height_in) / max(width_in, height_in)))
    assert sheet_wh[0] * sheet_wh[1] <= MAX_ENLARGED_PX + 2 * side
    assert len(tile_boxes(sheet_wh, imgsz)) <= MAX_TILES


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(64, 1024))
def test_tiles_cover_the_sheet_and_overlap(width: int, height: int, side: int) -> None:
    tiles = tile_boxes((width, height), side)
    assert tiles.min() == 0
    assert tuple(tiles[-1, 2:]) == (width, height)
    assert (tiles[:, 2:] - tiles[:, :2] == np.minimum((width, height), side)).all()
    for axis in (0, 1):
        starts = np.unique(tiles[:, axis])
        assert (np.diff(starts) <= side * (1 - OVERLAP_FRAC) + 1).all()


def test_only_edges_inside_the_sheet_cut() -> None:
    boxes = np.array([[0, 0, 10, 10], [90, 5, 100, 20], [50, 50, 60, 60], [98, 50, 110, 60]], np.float32)
    tile = np.array([0, 0, 100, 100])
    assert clear_of_edges(boxes, tile, (200, 200)).tolist() == [True, False, True, False]
    assert clear_of_edges(boxes, tile, (100, 200)).tolist() == [True, True, True, True]
