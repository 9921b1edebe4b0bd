"""Documents whose labels sit on the wrong pages: each label is tried on the pages before and after its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from docdetect.datasets.findings import Finding, Suspicion
from docdetect.datasets.label_checks import LabelledPages, model_without
from docdetect.datasets.mark_model import MarkModel
from docdetect.datasets.measures import MAX_OFFSET, PageMeasure
from docdetect.datasets.split import PageKey
from docdetect.types import FloatArray

_MISSING_PAGE_NATS = -6.0  # a label on a page that does not exist
_BETTER_BY_NATS = 2.0  # on the average label
_BETTER_IN_ALL_NATS = 8.0
_LEAST_NATS = 0.5  # on the average label, at the better offset: they must look like marks there


def offset_findings(pages: LabelledPages) -> Iterator[Finding]:
    """One finding for each document whose labels fit the pages 1 or 2 before or after their own clearly better.

    A label's fit on a page is the evidence, in nats, that its box there holds a mark rather than text or paper, by a
    model that the labels of all other documents teach. Without such a model (one document only) nothing is found.
    """
    for document in sorted({key.document for key in pages.labels}):
        model = model_without(pages, document)
        if model is None:
            continue
        fits = {offset: _fit(pages, document, model, offset) for offset in range(-MAX_OFFSET, MAX_OFFSET + 1)}
        count = len(fits[0])
        best = max(fits, key=lambda offset: (float(fits[offset].sum()), -abs(offset)))
        gain = float(fits[best].sum() - fits[0].sum())
        if (
            best
            and count
            and gain / count > _BETTER_BY_NATS
            and gain > _BETTER_IN_ALL_NATS
            and float(fits[best].mean()) > _LEAST_NATS
        ):
            first = min(key for key in pages.labels if key.document == document and len(pages.labels[key]))
            text = (
                f"its {count} labels fit {abs(best)} page{'s' if abs(best) > 1 else ''} "
                f"{'later' if best > 0 else 'earlier'} (evidence for a mark, in nats per label: "
                f"{fits[0].mean():.1f} as labelled, {fits[best].mean():.1f} there)"
            )
            yield Finding(Suspicion.OTHER_PAGE, first, 1 - float(np.exp(-gain / 8)), text, suggested_offset=best)


def beyond_end_findings(pages: LabelledPages, page_counts: Mapping[str, int]) -> Iterator[Finding]:
    """Labels of pages that their document does not have."""
    for key in sorted(pages.labels):
        count = page_counts.get(key.document)
        if count is not None and key.page > count and len(pages.labels[key]):
            text = f"{len(pages.labels[key])} labels, but the document has {count} page{'s' if count > 1 else ''}"
            yield Finding(Suspicion.BEYOND_END, key, 1.0, text)


def _fit(pages: LabelledPages, document: str, model: MarkModel, offset: int) -> FloatArray:
    """(N,) nats of each label of the document, `offset` pages on."""
    fits = [np.zeros(0)]
    for key, page in sorted(pages.labels.items()):
        if key.document == document and len(page):
            there = pages.measures.get(PageKey(document, key.page + offset)) if key.page + offset > 0 else None
            features = _features_at(there, key.page, offset)
            missing = np.full(len(page), _MISSING_PAGE_NATS)
            fits.append(missing if features is None else model.mark_evidence(features))
    return np.concatenate(fits).astype(np.float32)


def _features_at(measure: PageMeasure | None, page: int, offset: int) -> FloatArray | None:
    """Features of the labels of `page` on the page `offset` on; None when that page does not exist."""
    if measure is None:
        return None
    if offset:
        return measure.visiting.get(page)
    return np.stack([box.features for box in measure.boxes])
