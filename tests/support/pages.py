"""Pages of text with marks, drawn with OpenCV, for tests of what compares pages with pages."""

from __future__ import annotations

import cv2
import numpy as np

from docdetect.types import ByteArray

PAGE_WH = (700, 990)


def text_page(seed: int, *, lines: int = 40, size_wh: tuple[int, int] = PAGE_WH) -> ByteArray:
    """A page of made-up words, other ones for every seed, in one and the same layout; uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    width, height = size_wh
    page = np.full((height, width, 3), 252, np.uint8)
    for line in range(lines):
        words = ["".join(rng.choice(list("aeionrstlkm"), rng.integers(2, 9))) for _ in range(12)]
        cv2.putText(
            page, " ".join(words)[:64], (60, 60 + line * 20), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40,) * 3, 1, cv2.LINE_AA
        )
    return page


def stamped(
    page: ByteArray, centre: tuple[int, int], radius: int = 60, colour: tuple[int, int, int] = (60, 70, 190)
) -> ByteArray:
    """The page with a round stamp on it."""
    marked: ByteArray = page.copy()
    for part, thickness in ((1.0, 4), (0.72, 2)):
        cv2.circle(marked, centre, int(radius * part), colour, thickness, cv2.LINE_AA)
    for angle in range(0, 360, 20):
        turn = np.deg2rad(angle)
        place = (int(centre[0] + 0.86 * radius * np.cos(turn)) - 4, int(centre[1] + 0.86 * radius * np.sin(turn)) + 4)
        cv2.putText(marked, "X", place, cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1, cv2.LINE_AA)
    cv2.putText(marked, "ACME", (centre[0] - 22, centre[1] + 6), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 2, cv2.LINE_AA)
    return marked


def signed(page: ByteArray, box_xywh: tuple[int, int, int, int], seed: int) -> ByteArray:
    """The page with a pen stroke that fills the box."""
    x, y, width, height = box_xywh
    rng = np.random.default_rng(seed)
    steps = np.linspace(0, 1, 200)
    wave = np.sin(steps * (14 + 4 * rng.random())) * (0.3 + 0.7 * np.sin(steps * 5 + rng.random()) ** 2)
    wave = (wave - wave.min()) / np.ptp(wave)
    points = np.stack([x + 1 + steps * (width - 3), y + 1 + wave * (height - 3)], axis=1).round().astype(np.int32)
    marked: ByteArray = page.copy()
    cv2.polylines(marked, [points.reshape(-1, 1, 2)], False, (120, 40, 30), 2, cv2.LINE_AA)
    return marked


def rescanned(page: ByteArray, seed: int, *, degrees: float = 0.7, scale: float = 0.99, grey: bool = True) -> ByteArray:
    """The page as another scanner would give it: turned, scaled, shifted, noisy, paler, and grey."""
    height, width = page.shape[:2]
    warp = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    warp[:, 2] += (6, -4)
    turned = cv2.warpAffine(page, warp, (width, height), flags=cv2.INTER_AREA, borderValue=(245, 245, 245))
    if grey:
        turned = np.repeat(cv2.cvtColor(turned, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    noise = np.random.default_rng(seed).normal(0, 6, turned.shape)
    return np.asarray(np.clip(turned * 0.85 + 22 + noise, 0, 255).astype(np.uint8))
