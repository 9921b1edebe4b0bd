"""At which size each page of a dataset is rendered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from docdetect.datasets.split import PageKey
from docdetect.datasets.survey import SurveyedDocument
from docdetect.documents.reader import AtDpi, ExactSize, LongSide, RenderSize
from docdetect.schema import DataConfig
from docdetect.types import SizeWH

_ASPECT_SLACK = 0.03  # page sizes are rounded to whole px and points


def render_sizes(
    config: DataConfig, documents: Sequence[SurveyedDocument], annotated_wh: Mapping[PageKey, SizeWH]
) -> dict[PageKey, RenderSize]:
    """The size of every page of every document that could be opened.

    With `size: annotations` a page is rendered exactly as large as it was annotated (when the annotated size has
    another aspect than the page, at its long side, so that nothing is distorted). A page that was not annotated gets
    the commonest long side of its document's annotated pages, else of all, else the config's resolution.

    Args:
        config: size, dpi and long_side are used.
        documents: as surveyed.
        annotated_wh: (width, height) px of the annotated pages.
    """
    overall = _commonest_long_side(list(annotated_wh.values()))
    sizes: dict[PageKey, RenderSize] = {}
    for document in documents:
        keys = [PageKey(document.file.name, number) for number in range(1, document.page_count + 1)]
        usual = _commonest_long_side([annotated_wh[key] for key in keys if key in annotated_wh]) or overall
        for key, displayed_wh in zip(keys, document.page_sizes_wh, strict=True):
            if config.size == "long_side":
                sizes[key] = LongSide(config.long_side)
            elif config.size == "annotations" and key in annotated_wh:
                sizes[key] = _as_annotated(annotated_wh[key], displayed_wh)
            elif config.size == "annotations" and usual is not None:
                sizes[key] = LongSide(usual)
            else:
                sizes[key] = AtDpi(config.dpi)
    return sizes


def same_aspect(a_wh: SizeWH, b_wh: SizeWH) -> bool:
    """Whether two (width, height) can be the same page at two sizes, rounding to whole pixels granted."""
    ratio = (a_wh[0] * b_wh[1]) / (a_wh[1] * b_wh[0])
    slack = _ASPECT_SLACK + 1 / min(*a_wh, *b_wh)
    return 1 / (1 + slack) <= ratio <= 1 + slack


def _as_annotated(annotated_wh: SizeWH, displayed_wh: SizeWH | None) -> RenderSize:
    if displayed_wh is not None and not same_aspect(annotated_wh, displayed_wh):
        return LongSide(max(annotated_wh))
    return ExactSize(*annotated_wh)


def _commonest_long_side(sizes_wh: Sequence[SizeWH]) -> int | None:
    counts = Counter(max(size_wh) for size_wh in sizes_wh)
    return min(counts, key=lambda px: (-counts[px], -px)) if counts else None
