"""How large the paper of a picture is, as far as its resolution can be believed; pure.

Cameras and editors write 72 or 96 px/inch into every picture, and converters make PDF pages of one point for each
pixel: an A4 scan then claims to be an A0 plan.
"""

from __future__ import annotations

_LEAST_DPI = 100.0  # nobody scans documents coarser than a fax
_ASSUMED_DPI = 400.0  # where nothing is said: a picture of 7,000 px may be A4 at 600 px/inch, one of 14,000 hardly


def paper_of_picture(size_px: tuple[float, float], dpi: float | None) -> tuple[float, float]:
    """Width and height in inches of a page that is one picture.

    Args:
        size_px: (width, height) of the picture.
        dpi: px/inch that its file says, None where it says none.
    """
    believed = dpi if dpi is not None and dpi >= _LEAST_DPI else _ASSUMED_DPI
    return size_px[0] / believed, size_px[1] / believed
