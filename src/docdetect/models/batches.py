"""Pages computed in batches of pictures of one size, for engines on GPUs and for PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from docdetect.models.head import HeadSpec, Raw, raw_to_detections
from docdetect.models.letterbox import Framing, page_to_picture
from docdetect.types import ByteArray, Detections, SizeWH

GPU_BATCH = 16
GPU_LANES = 2  # one call prepares its pictures, or decodes its boxes, while the other computes


class Batched:
    """`Engine.detect` by a function that runs the network on pictures of one size.

    Args:
        spec: how the raw outputs are read.
        framing: how pages become pictures.
        most: pictures in a batch.
        run: at most so many pictures of one size, uint8 (H, W, 3) RGB, to their raw outputs, in order.
    """

    def __init__(
        self, spec: HeadSpec, framing: Framing, most: int, run: Callable[[list[ByteArray]], list[Raw]]
    ) -> None:
        self._spec, self._framing, self._most, self._run = spec, framing, most, run

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        fits = [self._framing.of(page) for page in pages]
        results: dict[int, Detections] = {}
        for positions in same_shaped([fit.picture_wh for fit in fits], self._most):
            raws = self._run([page_to_picture(pages[position], fits[position]) for position in positions])
            for position, raw in zip(positions, raws, strict=True):
                results[position] = raw_to_detections(raw, self._spec, fits[position], conf, iou)
        return [results[position] for position in range(len(pages))]


def same_shaped(sizes: Sequence[SizeWH], most: int) -> list[list[int]]:
    """Positions of equal sizes together, at most so many; in order of their first."""
    by_size: dict[SizeWH, list[int]] = {}
    for position, size in enumerate(sizes):
        by_size.setdefault(size, []).append(position)
    return [chunk[start : start + most] for chunk in by_size.values() for start in range(0, len(chunk), most)]
