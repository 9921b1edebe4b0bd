"""Several engines as one: each looks at every page at its own size, and a mark has the mean of their confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from docdetect.boxes import nms
from docdetect.models.engines.base import Engine, Traits
from docdetect.models.head import parts
from docdetect.types import ByteArray, Detections
from docdetect.weighted_fusion import (
    LOWEST_OF_SEVERAL_LOOKS,
    SAME_MARK_OF_NETWORKS_IOU,
    is_unsure,
    mean_of_looks,
)


class EnsembleEngine:
    """Several engines used as one `Engine`.

    Args:
        engines: at least one, all with the same classes in the same order. Each scales a page to its own size.
        second_look: the first engine looks at every page, and the others only at those where something was unsure
            (`docdetect.weighted_fusion.UNSURE`).
    """

    def __init__(self, engines: Sequence[Engine], *, second_look: bool = False) -> None:
        self._engines, self._second_look = tuple(engines), second_look

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._engines[0].class_names

    @property
    def traits(self) -> Traits:
        """The traits of the first engine; the precisions of all where they differ."""
        first = self._engines[0].traits
        precisions = dict.fromkeys(engine.traits.precision for engine in self._engines)
        return replace(first, precision="+".join(precisions))

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        lowest = min(conf, LOWEST_OF_SEVERAL_LOOKS)
        first, *others = self._engines
        seen = [[found] for found in first.detect(pages, lowest, iou)]
        again = [number for number, found in enumerate(seen) if not self._second_look or is_unsure(found)]
        for engine in others if again else ():
            for number, found in zip(again, engine.detect([pages[n] for n in again], lowest, iou), strict=True):
                seen[number].append(found)
        return [_joined(looks, conf, iou) for looks in seen]


def _joined(looks: Sequence[Detections], conf: float, iou: float) -> Detections:
    """The looks at one page as one; fused boxes move, so that what is one mark is decided again."""
    fused = mean_of_looks(looks, SAME_MARK_OF_NETWORKS_IOU)
    found = fused.select(fused.known_scores > conf)
    if iou >= 1:
        return found
    found = found.select(nms(found.xyxy, found.known_scores, found.class_ids, iou))
    return found.select(~parts(found.xyxy, found.class_ids))
