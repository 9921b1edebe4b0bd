"""Tiles of large drawings: which pages need tiles, where the tiles lie, and which boxes the edge of a tile cuts; pure.

The network was trained on pages of A4 and A3. On an A0 plan, rendered at the same long side, marks have a quarter of
their usual size. Such a page is therefore also rendered enlarged and cut into square tiles, each of which covers as
much paper as an A4 page is long. Neighbouring tiles overlap by more than the size of a usual mark, so that every mark
except the largest ones is whole in at least one tile; the largest marks are found on the whole page.
"""

from __future__ import annotations

import math

import numpy as np

from docdetect.types import BoolArray, FloatArray, IntArray, SizeWH

TILE_IN = 11.69
"""Length of paper along each side of a tile, in inches: the long side of A4."""

WHOLE_PAGE_IN = 1.5 * TILE_IN
"""Longest side of a page that needs no tiles, in inches: A3 has 16.5, tabloid 17."""

OVERLAP_FRAC = 0.2
"""Least share of a tile's side that the neighbouring tile covers, too: 59 mm of paper."""

MAX_TILES = 64
"""Most tiles of one page (A0 has 20); on larger paper each tile covers more of it."""

MAX_ENLARGED_PX = 64_000_000
"""Most pixels of an enlarged page (192 MB)."""

# The enlarged page must show marks at least so many times larger than the whole page does, or tiles are not worth it.
_LEAST_GAIN = 1.3
# A box that ends within this share of a tile's side from an edge of the tile counts as cut by that edge.
_EDGE_FRAC = 0.01


def enlarged_long_px(paper_in: tuple[float, float], finest_px: int | None, imgsz: int) -> int | None:
    """The long side in px of the enlarged page; None for a page that needs no tiles.

    Args:
        paper_in: width and height of the paper in inches.
        finest_px: long side of an image file in its own px, beyond which there is nothing to see; None for PDFs.
        imgsz: long side in px of the picture that the network sees, and so the side of a tile.
    """
    long_in, short_in = max(paper_in), min(paper_in)
    if long_in <= WHOLE_PAGE_IN:
        return None
    side = min(imgsz * long_in / TILE_IN, math.sqrt(MAX_ENLARGED_PX * long_in / short_in), finest_px or math.inf)
    while (count := _tile_count(round(side), short_in / long_in, imgsz)) > MAX_TILES:
        side *= min(0.98, math.sqrt(MAX_TILES / count))
    return round(side) if side >= _LEAST_GAIN * imgsz else None


def tile_boxes(page_wh: SizeWH, side_px: int) -> IntArray:
    """The tiles that cover an enlarged page evenly, in reading order.

    Args:
        page_wh: (width, height) px of the enlarged page.
        side_px: side of the square tiles; a page that is smaller than that has tiles of its own width or height.

    Returns:
        int64 (N, 4) px of the enlarged page: left, top, right, bottom.
    """
    columns, rows = (_spans(length, side_px) for length in page_wh)
    return np.array([(left, top, right, bottom) for top, bottom in rows for left, right in columns], np.int64)


def clear_of_edges(xyxy: FloatArray, tile: IntArray, page_wh: SizeWH) -> BoolArray:
    """(N,) True for boxes that lie within a tile and are not cut by one of its edges; the page's own edges cut nothing.

    Args:
        xyxy: (N, 4) px of the enlarged page.
        tile: (4,) px of the enlarged page.
        page_wh: (width, height) px of the enlarged page.
    """
    inner = _inner(tile, page_wh)
    return np.asarray((xyxy[:, :2] >= inner[:2]).all(axis=1) & (xyxy[:, 2:] <= inner[2:]).all(axis=1))


def _inner(tile: IntArray, page_wh: SizeWH) -> FloatArray:
    """(4,) px: the part of a tile that is clear of its edges, without limit on the sides where the page itself ends."""
    margin = _EDGE_FRAC * (tile[2:] - tile[:2])
    low = np.where(tile[:2] > 0, tile[:2] + margin, -np.inf)
    high = np.where(tile[2:] < page_wh, tile[2:] - margin, np.inf)
    return np.concatenate([low, high]).astype(np.float32)


def _spans(length: int, side_px: int) -> list[tuple[int, int]]:
    if length <= side_px:
        return [(0, length)]
    starts = np.linspace(0, length - side_px, _span_count(length, side_px)).round().astype(int).tolist()
    return [(start, start + side_px) for start in starts]


def _span_count(length: int, side_px: int) -> int:
    return math.ceil(max(0, length - side_px) / (side_px * (1 - OVERLAP_FRAC))) + 1


def _tile_count(long_px: int, aspect: float, side_px: int) -> int:
    return _span_count(long_px, side_px) * _span_count(round(long_px * aspect), side_px)
