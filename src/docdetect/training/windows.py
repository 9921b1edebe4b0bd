"""Training on windows of pages: the scale of whole pages at a fraction of their pixels.

A window is cut anew each time its page comes up, most often around a mark or around what resembles one; a network that
is trained on windows sees whole pages of the same scale in validation and in use. One of the size of an upright page
holds that page whole, with less around it than the square that Ultralytics would make of it.
"""

from __future__ import annotations

import numpy as np

from docdetect.boxes import area, clip
from docdetect.types import BoolArray, ByteArray, FloatArray, SizeWH

# Probability that a window is cut around a mark or a distractor, where the page has any.
P_AROUND_SOMETHING = 0.75
# Probability that such a window is cut around a distractor, where the page has both marks and distractors.
P_AROUND_DISTRACTOR = 0.4
# A mark of which a smaller share lies in the window does not count as a mark there.
_VISIBLE_FRAC = 0.3
_PAPER = 255


def choose_window(
    boxes: FloatArray, distractors: FloatArray, size_wh: SizeWH, window_wh: SizeWH, rng: np.random.Generator
) -> tuple[int, int]:
    """Left and top px of a window on a page: most often one that holds the middle of a mark or distractor.

    Args:
        boxes: float32 (N, 4) xyxy px of the page's marks.
        distractors: float32 (M, 4) xyxy px of what resembles marks and is none.
        size_wh: the page in px; along a side shorter than the window, the window starts at 0.
        window_wh: the window in px.
        rng: where chance comes from.
    """
    room = [max(0, size - side) for size, side in zip(size_wh, window_wh, strict=True)]
    if len(boxes) and len(distractors):
        around = distractors if rng.random() < P_AROUND_DISTRACTOR else boxes
    else:
        around = boxes if len(boxes) else distractors
    if len(around) and rng.random() < P_AROUND_SOMETHING:
        box = around[rng.integers(len(around))]
        middle = (box[:2] + box[2:]) / 2
        corner = middle - rng.uniform(0.1, 0.9, 2) * window_wh
    else:
        corner = rng.uniform(0, 1, 2) * room
    left, top = (round(float(np.clip(value, 0, most))) for value, most in zip(corner, room, strict=True))
    return left, top


def cut(
    pixels: ByteArray, boxes: FloatArray, corner: tuple[int, int], window_wh: SizeWH
) -> tuple[ByteArray, FloatArray, BoolArray]:
    """The window's pixels, the parts of the boxes in it, and which boxes are in it at all.

    Args:
        pixels: uint8 (H, W, C).
        boxes: float32 (N, 4) xyxy px on the page.
        corner: left and top px of the window on the page.
        window_wh: the window in px; white paper is added where the page ends before it.

    Returns:
        uint8 (height, width, C) of the window; float32 (M, 4) xyxy px in the window; bool (N,) with M True values.
    """
    left, top = corner
    width, height = window_wh
    piece = pixels[top : top + height, left : left + width]
    window = np.full((height, width, pixels.shape[2]), _PAPER, np.uint8)
    window[: piece.shape[0], : piece.shape[1]] = piece
    moved = boxes - np.array([left, top, left, top], np.float32)
    inside = clip(moved, window_wh)
    kept = area(inside) > _VISIBLE_FRAC * np.maximum(area(moved), 1e-6)
    return window, inside[kept], kept
