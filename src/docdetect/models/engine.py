"""What every engine can do, whatever runs underneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from docdetect.types import ByteArray, Detections


@dataclass(frozen=True)
class Traits:
    """How an engine computes, and how it wants to be called.

    Attributes:
        name: openvino, onnx, torch or tensorrt.
        precision: fp32, fp16, bf16 or int8, of the network; boxes are always decoded in fp32.
        lanes: calls of `detect` that may usefully run at once, each in a thread of its own.
        batch: pages per call that suit it.
    """

    name: str
    precision: str = "fp32"
    lanes: int = 1
    batch: int = 1


@runtime_checkable
class Engine(Protocol):
    """A loaded detector; `detect` may be called from several threads."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in the order of their ids."""

    @property
    def traits(self) -> Traits:
        """How it computes, and how it wants to be called."""

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """What is on each page.

        Args:
            pages: uint8 (H, W, 3) RGB, of any sizes.
            conf: lowest score that is returned, in [0, 1).
            iou: two boxes of one class that overlap more are one mark, in [0, 1]; below 1, a box that lies in a surer
                one of its class is a part of that mark.

        Returns:
            One `Detections` per page, in order: boxes in px of that page, clipped to it, by descending score. The
            same page gives the same result whatever its neighbours.
        """
