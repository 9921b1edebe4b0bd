"""How large a page is on paper, as far as its file can be believed: marks are cut out and pasted in mm."""

from __future__ import annotations

from docdetect.types import PageInfo

# px/inch that a picture's own statement, or a scan in a PDF, must reach to be believed: programs write 72 or 96 into
# pictures, and converters make PDF pages of one point for each px, so that A4 claims to be A2.
_LEAST_DPI = 100.0

# Long sides of paper, in mm, to which a picture's statement may lead.
_PAPER_MM = (100.0, 1300.0)

# Long side of a page of whose paper nothing is known: A4.
_A4_MM = 297.0
_MM_PER_INCH = 25.4
_MM_PER_PT = _MM_PER_INCH / 72


def mm_per_pixel(info: PageInfo, stored_long_px: int | None = None) -> float:
    """How many mm of paper a px of the page shows.

    Exact for pages of PDFs, unless a page is a scan of an impossibly low resolution. For pictures what their file says
    counts, where paper can be that large. Every other page is taken for A4.

    Args:
        info: the page and its size in px.
        stored_long_px: long side of the picture that the page of a PDF is; None for a page that is drawn.
    """
    long_px = max(info.size_wh)
    if info.size_pt is not None:
        long_mm = max(info.size_pt) * _MM_PER_PT
        if stored_long_px is None or stored_long_px / (long_mm / _MM_PER_INCH) >= _LEAST_DPI:
            return long_mm / long_px
    elif info.dpi is not None and info.dpi >= _LEAST_DPI:
        stated = _MM_PER_INCH / info.dpi
        if _PAPER_MM[0] <= long_px * stated <= _PAPER_MM[1]:
            return stated
    return _A4_MM / long_px
