"""What every engine can do, whatever runs underneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from docdetect.types import ByteArray, Detections


@runtime_checkable
class Engine(Protocol):
    """A loaded detector."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in the order of their ids."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """What is on each page.

        Args:
            pages: uint8 (H, W, 3) RGB, of any sizes.
            conf: lowest score that is returned, in [0, 1).
            iou: two boxes of one class that overlap more are one mark, in [0, 1].

        Returns:
            One `Detections` per page, in order: boxes in px of that page, clipped to it, by descending score. The
            same page gives the same result whatever its neighbours.
        """
