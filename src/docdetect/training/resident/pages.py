"""Pages in the memory of the device, as uint8, with what is labelled on them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from docdetect import machine
from docdetect.console import ProgressCallback, no_progress
from docdetect.datasets.reader import LabelledImage
from docdetect.documents.pictures import read_picture
from docdetect.errors import ConfigError
from docdetect.types import ByteArray, Detections, FloatArray, SizeWH

# Share of the free memory that pages may take; the rest is for the network.
_MEMORY_SHARE = 0.6


@dataclass(frozen=True)
class StoredPage:
    """One page.

    Attributes:
        pixels: uint8 (3, H, W) RGB on the device; on a CPU the colours of a pixel lie beside each other in memory.
        ground_truth: its marks, in px of the pixels.
        distractors: float32 (N, 4) xyxy px: places that resemble marks and are none.
        labelled: ids of the classes that are labelled; None for all.
    """

    pixels: torch.Tensor
    ground_truth: Detections
    distractors: FloatArray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    labelled: frozenset[int] | None = None

    @property
    def size_wh(self) -> SizeWH:
        return self.ground_truth.size_wh

    @property
    def upright(self) -> bool:
        return self.size_wh[1] >= self.size_wh[0]


def stored_page(
    pixels: ByteArray,
    ground_truth: Detections,
    distractors: FloatArray,
    labelled: frozenset[int] | None,
    long_side_px: int,
    device: torch.device,
) -> StoredPage:
    """The page on the device, shrunk to the long side where it is larger.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        ground_truth: its marks, in px of the pixels.
        distractors: float32 (N, 4) xyxy px of the same.
        labelled: ids of the classes that are labelled; None for all.
        long_side_px: the greatest long side.
        device: where the page is kept.
    """
    height, width = pixels.shape[:2]
    scale = long_side_px / max(height, width)
    if scale < 1:
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        factor = np.array([size_wh[0] / width, size_wh[1] / height] * 2, np.float32)
        ground_truth, distractors = ground_truth.scaled(size_wh), distractors * factor
    if device.type == "cpu":
        tensor = torch.from_numpy(np.array(pixels, np.uint8, order="C")).permute(2, 0, 1)
    else:
        tensor = torch.from_numpy(np.array(pixels.transpose(2, 0, 1), np.uint8, order="C"))
    return StoredPage(tensor.to(device, non_blocking=True), ground_truth, distractors, labelled)


def load_pages(
    images: Sequence[LabelledImage],
    long_side_px: int,
    device: torch.device,
    on_progress: ProgressCallback = no_progress,
) -> tuple[StoredPage, ...]:
    """The pages of a split on the device, in their order.

    Raises:
        ConfigError: they take more memory than is free.
        InputError: a picture cannot be read.
    """
    need = sum(_stored_bytes(image.ground_truth.size_wh, long_side_px) for image in images)
    free = free_memory(device)
    if need > _MEMORY_SHARE * free:
        raise ConfigError(
            f"train.views: the {len(images)} pages need {need / 2**30:.1f} GiB, and of the "
            f"{free / 2**30:.1f} GiB that are free they may take {_MEMORY_SHARE:.0%}",
            "Use train.views: loader, a smaller train.imgsz, or fewer pages.",
        )

    def load(image: LabelledImage) -> StoredPage:
        pixels = read_picture(image.path).pixels
        return stored_page(pixels, image.ground_truth, image.distractors, image.labelled, long_side_px, device)

    pages = []
    with ThreadPoolExecutor(machine.available_cores()) as pool:
        for done, page in enumerate(pool.map(load, images), start=1):
            pages.append(page)
            on_progress(done, len(images), "loading the pages")
    return tuple(pages)


def free_memory(device: torch.device) -> int:
    """Bytes of memory that are free on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return machine.free_memory()


def _stored_bytes(size_wh: SizeWH, long_side_px: int) -> int:
    scale = min(1.0, long_side_px / max(size_wh))
    return int(3 * size_wh[0] * scale * size_wh[1] * scale)
