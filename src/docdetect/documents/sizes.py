"""How large a page is rendered, and how large its paper is; pure.

There are three ways to say how large a page is to be rendered, and one budget that bounds them all.

The paper of a picture is as large as its resolution says, as far as that can be believed: cameras and editors write
72 or 96 px/inch into every picture, and converters make PDF pages of one point for each pixel, so that a scan of A4
claims to be a plan of A0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from docdetect.types import SizeWH

MAX_PIXELS = 100_000_000
"""Most pixels of one rendered page (300 MB of RGB): A0 at 200 dpi has 62 million."""

POINTS_PER_INCH = 72.0

MAX_REGION_PX = 25_000_000
"""Most pixels of a region of a page that is rendered by itself."""

SCAN_DPI_RANGE = (72.0, 600.0)
"""Lowest and highest px/inch at which a region of a scan in a PDF is rendered; within these, the scan's own."""

DRAWN_DPI = 600.0
"""px/inch at which a region of a drawn page is rendered: such a page has no resolution of its own."""

BoxFrac: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the displayed page's width and height."""


@dataclass(frozen=True)
class AtDpi:
    """A size of `dpi` px/inch of the paper. An image without a resolution keeps its own size; none is enlarged."""

    dpi: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.dpi) and self.dpi > 0):
            raise ValueError(f"dpi must be above 0, not {self.dpi}")


@dataclass(frozen=True)
class LongSide:
    """The size at which the longer side has exactly `px` pixels and the aspect is kept."""

    px: int

    def __post_init__(self) -> None:
        if self.px < 1:
            raise ValueError(f"the long side must be at least 1 px, not {self.px}")


@dataclass(frozen=True)
class ExactSize:
    """A size of exactly `width` x `height` px, whatever the aspect of the page."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1:
            raise ValueError(f"the size must be at least 1 x 1 px, not {self.width} x {self.height}")


RenderSize: TypeAlias = AtDpi | LongSide | ExactSize


def scaled_wh(natural_wh: tuple[float, float], factor: float) -> SizeWH:
    """`natural_wh` times `factor`, rounded to whole pixels, at least 1 x 1."""
    return max(1, round(natural_wh[0] * factor)), max(1, round(natural_wh[1] * factor))


def fitted_wh(natural_wh: tuple[float, float], size: LongSide | ExactSize) -> SizeWH:
    """The pixels of a page of `natural_wh` (any unit) at a size that does not depend on its resolution."""
    if isinstance(size, ExactSize):
        return size.width, size.height
    return scaled_wh(natural_wh, size.px / max(natural_wh))


# px/inch below which a stated resolution is not believed: nobody scans documents coarser than a fax.
_LEAST_DPI = 100.0

# px/inch where nothing believable is said: a picture of 7,000 px may be A4 at 600 px/inch, one of 14,000 hardly.
_ASSUMED_DPI = 400.0

# Long side over short side from which a page is a strip, such as pages that were photographed or saved one below the
# other. A sheet of A4 has 1.4, a long receipt 3 and more.
_STRIP_ASPECT = 3.0

# Inches below which no strip of paper is narrow: rolls of tills are 2.2 inches wide.
_NARROWEST_STRIP_IN = 2.2

# Inches that a strip is taken to be wide where its file says nothing believable: the width of A4.
_ASSUMED_STRIP_IN = 8.27


def paper_of_picture(size_px: tuple[float, float], dpi: float | None) -> tuple[float, float]:
    """Width and height in inches of a page that is one picture.

    The resolution that the file states counts, unless it is coarser than scans are, or makes a strip narrower than
    any paper. Without a resolution the shape decides: a strip is as wide as an A4 page, everything else was scanned
    at 400 px/inch.

    Args:
        size_px: (width, height) of the picture.
        dpi: px/inch that its file says, None where it says none.
    """
    short_px, is_strip = min(size_px), max(size_px) >= _STRIP_ASPECT * min(size_px)
    believed = dpi if dpi is not None and dpi >= _LEAST_DPI else None
    if is_strip and (believed is None or short_px / believed < _NARROWEST_STRIP_IN):
        believed = min(believed or _ASSUMED_DPI, short_px / _ASSUMED_STRIP_IN)
    return size_px[0] / (believed or _ASSUMED_DPI), size_px[1] / (believed or _ASSUMED_DPI)
