"""Large drawings in tiles: which pages need them, where the tiles lie, and which of their boxes count; pure.

The model knows pages of A4 and A3. An A0 plan at the same long side shows its marks at a quarter of their usual size,
so it is also rendered larger, as a sheet, and looked at tile by tile, each as large on paper as an A4 page is long.
Neighbours overlap by more than a usual mark, so that every mark but the largest is whole in one of them; the largest
are seen on the whole page.
"""

from __future__ import annotations

import math

import numpy as np

from docdetect.types import BoolArray, FloatArray, IntArray, SizeWH

TILE_IN = 11.69
"""Inches of paper that a tile covers: the long side of A4."""

WHOLE_PAGE_IN = 1.5 * TILE_IN
"""Inches up to which a page's long side needs no tiles: A3 has 16.5, tabloid 17."""

OVERLAP_FRAC = 0.2
"""Least share of a tile's side that its neighbour covers, too: 59 mm of paper."""

MAX_TILES = 64
"""Most tiles of a page; on larger paper they cover more of it. A0 has 20."""

MAX_SHEET_PX = 64_000_000
"""Most pixels of a page rendered for its tiles (192 MB)."""

_LEAST_GAIN = 1.3  # a sheet must show marks so much larger than the whole page does
_EDGE_FRAC = 0.01  # of a tile's side: a box that ends so near to an edge is taken as cut by it


def sheet_long_px(paper_in: tuple[float, float], finest_px: int | None, imgsz: int) -> int | None:
    """The long side in px at which a page is rendered for its tiles; None where the whole page is enough.

    Args:
        paper_in: width and height of the paper in inches.
        finest_px: long side of an image's own pixels, which are never enlarged; None for PDFs.
        imgsz: px, the long side of what the model sees, and so of a tile.
    """
    long_in, short_in = max(paper_in), min(paper_in)
    if long_in <= WHOLE_PAGE_IN:
        return None
    side = min(imgsz * long_in / TILE_IN, math.sqrt(MAX_SHEET_PX * long_in / short_in), finest_px or math.inf)
    while (count := _tile_count(round(side), short_in / long_in, imgsz)) > MAX_TILES:
        side *= min(0.98, math.sqrt(MAX_TILES / count))
    return round(side) if side >= _LEAST_GAIN * imgsz else None


def tile_boxes(sheet_wh: SizeWH, side_px: int) -> IntArray:
    """Tiles that cover a sheet evenly, (N, 4) px, left, top, right, bottom, in reading order; each `side_px` square or
    as large as the sheet is."""
    columns, rows = (_spans(length, side_px) for length in sheet_wh)
    return np.array([(left, top, right, bottom) for top, bottom in rows for left, right in columns], np.int64)


def clear_of_edges(xyxy: FloatArray, tile: IntArray, sheet_wh: SizeWH) -> BoolArray:
    """(N,) True for boxes that lie within a tile and are not cut by one of its edges; the sheet's edges cut nothing.

    Args:
        xyxy: (N, 4) px of the sheet.
        tile: (4,) px of the sheet.
        sheet_wh: (width, height) px of the sheet.
    """
    inner = _inner(tile, sheet_wh)
    return np.asarray((xyxy[:, :2] >= inner[:2]).all(axis=1) & (xyxy[:, 2:] <= inner[2:]).all(axis=1))


def _inner(tile: IntArray, sheet_wh: SizeWH) -> FloatArray:
    """What of a tile is clear of its edges; beyond the sheet where its edges are the sheet's."""
    margin = _EDGE_FRAC * (tile[2:] - tile[:2])
    low = np.where(tile[:2] > 0, tile[:2] + margin, -np.inf)
    high = np.where(tile[2:] < sheet_wh, tile[2:] - margin, np.inf)
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
