"""The PyTorch engine: letterbox, network, per-image non-maximum suppression, boxes back on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from docdetect.types import ByteArray, Detections, FloatArray

if TYPE_CHECKING:
    import torch

MAX_MARKS = 300  # per page, as in Ultralytics
_NMS_SECONDS = 3600.0  # Ultralytics drops the rest of a batch when its time is over: here it never is
_CLASS_OFFSET_PX = 7680.0  # keeps classes apart in NMS, as in Ultralytics; more would cost digits of the boxes


class TorchEngine:
    """A detection network of Ultralytics on one device; see `docdetect.models.engine.Engine`.

    Args:
        network: fp32 `DetectionModel` in eval mode; it is fused and moved, so it is this engine's from now on.
        imgsz: px, the long side of the picture that the network sees.
        device: where it runs.
    """

    def __init__(self, network: torch.nn.Module, *, imgsz: int, device: torch.device) -> None:
        import torchvision  # noqa: F401 - Ultralytics takes its NMS when it is imported, else its own, which differs
        from ultralytics.data.augment import LetterBox

        self._device = device
        self._network = network.fuse(verbose=False).eval().to(device)  # type: ignore[operator]
        self._stride = max(int(network.stride.max()), 32)  # type: ignore[operator]
        self._class_offset_px = max(_CLASS_OFFSET_PX, 1.5 * imgsz)
        self._letterbox = LetterBox((imgsz, imgsz), auto=True, stride=self._stride)
        self._names = tuple(str(network.names[k]) for k in range(len(network.names)))  # type: ignore[arg-type, index]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._names

    def detect(self, pages: Sequence[ByteArray], conf: float, iou: float) -> list[Detections]:
        """See `Engine.detect`."""
        pictures = [np.ascontiguousarray(self._letterbox(image=page)) for page in pages]
        results: dict[int, Detections] = {}
        for positions in self._batches(pictures):
            rows = self._rows(np.stack([pictures[position] for position in positions]), conf, iou)
            for position, found in zip(positions, rows, strict=True):
                results[position] = _on_page(found, pictures[position], pages[position])
        return [results[position] for position in range(len(pages))]

    def _batches(self, pictures: Sequence[ByteArray]) -> list[list[int]]:
        """Positions of pictures of one shape. On a CPU each alone: a batch is no faster there, and its rounding
        differs with its size."""
        if self._device.type == "cpu":
            return [[position] for position in range(len(pictures))]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for position, picture in enumerate(pictures):
            by_shape.setdefault(picture.shape, []).append(position)
        return list(by_shape.values())

    def _rows(self, batch: ByteArray, conf: float, iou: float) -> list[FloatArray]:
        """uint8 (B, H, W, 3) -> per picture (N, 6): left, top, right, bottom in its px, score, class."""
        import torch
        from ultralytics.utils.nms import non_max_suppression

        with torch.inference_mode():
            tensor = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2).contiguous().float().div_(255)
            found = non_max_suppression(
                self._network(tensor),
                conf_thres=conf,
                iou_thres=iou,
                max_det=MAX_MARKS,
                max_time_img=_NMS_SECONDS,
                max_wh=self._class_offset_px,
                end2end=getattr(self._network, "end2end", False),
            )
        return [rows.cpu().numpy() for rows in found]


def _on_page(rows: FloatArray, picture: ByteArray, page: ByteArray) -> Detections:
    """Rows of a letterboxed picture -> detections in px of the page, clipped, by descending score."""
    from ultralytics.utils.ops import scale_boxes

    height, width = page.shape[:2]
    xyxy = scale_boxes(picture.shape[:2], rows[:, :4].copy(), (height, width))
    order = np.lexsort((xyxy[:, 0], xyxy[:, 1], rows[:, 5], -rows[:, 4]))  # ties in a fixed order
    return Detections(
        xyxy[order].astype(np.float32),
        rows[order, 5].astype(np.int64),
        (width, height),
        np.clip(rows[order, 4], 0, 1).astype(np.float32),
    )
