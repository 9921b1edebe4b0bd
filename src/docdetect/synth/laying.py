"""Lays marks on paper and measures where their ink can be seen: the ground truth of every made-up mark.

The box of a mark goes around all of its ink that a person can follow. A line that fades is followed from where it is
clearly dark to where it is lost, as people do who label: ink counts where it is clearly visible, and fainter ink counts
where it hangs together with such ink.
"""

from __future__ import annotations

import cv2
import numpy as np

from docdetect.synth.paper.copying import VISIBLE_DARKENING, PageDamage
from docdetect.synth.paper.geometry import Geometry
from docdetect.synth.patch import BlendMode, BoxXYXY, Patch, composite
from docdetect.types import BoolArray, ByteArray

# Share of a mark's ink that must be clearly visible in the finished picture; a mark with less is not drawn at all. In a
# 1-bit copy ink that is left hangs together with other black ink, so that more of it must be left.
_MIN_VISIBLE_SHARE = 0.3
_MIN_VISIBLE_SHARE_1_BIT = 0.5

# Least width and height of the visible ink of a mark.
_MIN_SIDE_PX = 5

# Widest gap in a line that the eye closes when it follows faint ink.
_GAP_PX = 5


def lay_on_sheet(
    pixels: ByteArray, laid: tuple[Patch, tuple[int, int], BlendMode], damage: PageDamage, geometry: Geometry
) -> BoxXYXY | None:
    """Lays a patch on a sheet and measures where its ink will be visible after the page was copied.

    Args:
        pixels: uint8 (H, W, 3) RGB of the sheet, changed in place.
        laid: the patch, the px of its left top corner, and how it is blended.
        damage: what copying does to the page.
        geometry: how the sheet lies in the picture.

    Returns:
        Left, top, right, bottom px in the picture before its quarter turns: for a mark the box of its visible ink, for
        a distractor the box of its whole patch, which is some px too large where the paper is turned or bent. None, and
        the sheet unchanged, when less than 30 % of a mark's ink would be visible, or half of it in a 1-bit copy.
    """
    patch, (x_px, y_px), mode = laid
    width, height = patch.size_wh
    left, top = max(x_px, 0), max(y_px, 0)
    region = pixels[top : max(y_px + height, 0), left : max(x_px + width, 0)]
    before = region.copy()
    if composite(pixels, patch, (x_px, y_px), mode) is None:
        return None
    if not patch.kind:
        return geometry.picture_box(region.shape[1], region.shape[0], (left, top))
    moved, (x, y) = geometry.warp_mask(_darkening(before, region, damage), (left, top))
    softened = _softened(moved, damage)
    clear = softened >= damage.visible_darkening
    box = cv2.boundingRect(_followed(softened, clear, patch, damage).view(np.uint8)) if clear.any() else (0, 0, 0, 0)
    least = _MIN_VISIBLE_SHARE if damage.threshold is None else _MIN_VISIBLE_SHARE_1_BIT
    if min(box[2:]) < _MIN_SIDE_PX or int(clear.sum()) < least * _ink_on_white(patch):
        region[:] = before
        return None
    return x + box[0], y + box[1], x + box[0] + box[2], y + box[1] + box[3]


def _followed(darkening: ByteArray, clear: BoolArray, patch: Patch, damage: PageDamage) -> BoolArray:
    """All ink that a person sees: clearly visible ink, and fainter ink that hangs together with it.

    A QR code has no faint ends, and in a 1-bit copy faint ink is gone.
    """
    if patch.kind == "qr" or damage.threshold is not None:
        return clear
    faint = (darkening >= damage.traceable_darkening).view(np.uint8)
    joined = cv2.morphologyEx(faint, cv2.MORPH_CLOSE, np.ones((_GAP_PX, _GAP_PX), np.uint8))
    count, parts = cv2.connectedComponents(joined, connectivity=8)
    begun = np.zeros(count, bool)
    begun[np.unique(parts[clear])] = True
    begun[0] = False
    followed: BoolArray = (faint > 0) & begun[parts]
    return followed | clear


def _darkening(before: ByteArray, after: ByteArray, damage: PageDamage) -> ByteArray:
    """How much darker each px became, uint8 (H, W): in luma where there are no colours, else in any channel."""
    change = cv2.subtract(before, after)
    if damage.grey:
        darker = np.asarray(cv2.cvtColor(change, cv2.COLOR_RGB2GRAY), np.uint8)
        if damage.threshold is not None:
            # Ink cannot be seen on print that a 1-bit copy makes black in any case.
            darker[before.min(axis=2) < damage.threshold] = 0
        return darker
    return np.asarray(change.max(axis=2), np.uint8)


def _softened(mask: ByteArray, damage: PageDamage) -> ByteArray:
    """The mask, uint8 (H, W), with the loss of sharpness that copying brings.

    A 1-bit copy has twice the resolution of the page, so that the darkest quarter of each px counts.
    """
    if mask.size == 0:
        return mask
    if damage.blur_px > 0.15:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), damage.blur_px), np.uint8)
    if damage.resolution < 1:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.35 / damage.resolution), np.uint8)
    if damage.threshold is not None:
        fine = cv2.resize(mask, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        fine = cv2.dilate(fine, np.ones((2, 2), np.uint8), anchor=(0, 0))
        mask = np.ascontiguousarray(fine[::2, ::2])
    return mask


def _ink_on_white(patch: Patch) -> int:
    """Number of px of the patch that would be visible on clean white paper."""
    darkness = patch.rgba[:, :, 3].astype(np.uint16) * (255 - patch.rgba[:, :, :3].min(axis=2)) // 255
    return int((darkness >= VISIBLE_DARKENING).sum())
