"""A patch: the picture of a mark or a distractor with an alpha channel, cropped to its ink, and how it lies on paper.

Everything that lies on the print of a page is a patch: signatures, stamps, codes, handwriting, logos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from docdetect.synth.ink import Ink
from docdetect.types import BoolArray, ByteArray, FloatArray, SizeWH

# Alpha from which a pixel counts as ink: a tenth of full cover, the faintest ink that a person still sees by itself.
MIN_INK_ALPHA = 26

# Alpha down to which the picture of a signature or stamp is kept, so that hairlines that fade are not cut off.
MIN_FAINT_ALPHA = 6

# Alpha that the darkest part of a drawing has at least: fine lines at a low resolution would vanish otherwise.
_LEAST_DARKEST = 2 * MIN_INK_ALPHA

# Kinds of patches that are cut to what a person sees at once: distractors and codes, which have no faint ends.
_CUT_TO_INK = ("", "qr")

BlendMode: TypeAlias = Literal["ink", "cover"]
BoxXYXY: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Patch:
    """The picture of a mark or a distractor.

    Attributes:
        rgba: uint8 (H, W, 4), straight (not premultiplied) alpha; every border row and column touches ink,
            which is faint at the ends of some signatures and stamps.
        kind: the mark's finest class, one of `config.schema.MARK_KINDS`, such as "stamp_notary"; "" for a distractor.
    """

    rgba: ByteArray
    kind: str

    def __post_init__(self) -> None:
        if self.rgba.dtype != np.uint8 or self.rgba.ndim != 3 or self.rgba.shape[2] != 4 or self.rgba.size == 0:
            raise ValueError(f"a patch is uint8 (H, W, 4), not {self.rgba.dtype} {self.rgba.shape}")

    @classmethod
    def cropped(cls, rgba: ByteArray, kind: str) -> Patch:
        """The patch around the ink of a larger picture, uint8 (H, W, 4).

        Raises:
            ValueError: nothing in the picture is dark enough to count as ink.
        """
        if ink_box(rgba[:, :, 3]) is None:
            raise ValueError("the picture has no ink")
        least = MIN_INK_ALPHA if kind in _CUT_TO_INK else MIN_FAINT_ALPHA
        left, top, width, height = cv2.boundingRect((rgba[:, :, 3] >= least).view(np.uint8))
        right, bottom = left + width, top + height
        return cls(np.ascontiguousarray(rgba[top:bottom, left:right]), kind)

    @classmethod
    def of_ink(cls, cover: ByteArray, ink: Ink, kind: str) -> Patch:
        """The patch around a drawing in one ink. A drawing that is too pale to be seen comes out darker.

        Args:
            cover: uint8 (H, W), how much of the ink lies on each pixel.
            ink: its colour and opacity.
            kind: the mark's finest class, "" for a distractor.

        Raises:
            ValueError: the drawing is empty.
        """
        strength = ink.opacity
        darkest = int(cover.max(initial=0)) * strength
        if 0 < darkest < _LEAST_DARKEST:
            strength *= _LEAST_DARKEST / darkest
        rgba = np.empty((*cover.shape, 4), np.uint8)
        rgba[:, :, :3] = ink.rgb
        rgba[:, :, 3] = np.rint(cover * strength).astype(np.uint8)
        return cls.cropped(rgba, kind)

    @property
    def size_wh(self) -> SizeWH:
        """(width, height) px."""
        return self.rgba.shape[1], self.rgba.shape[0]

    @property
    def ink(self) -> BoolArray:
        """(H, W), True where a pixel counts as ink."""
        mask: BoolArray = self.rgba[:, :, 3] >= MIN_INK_ALPHA
        return mask

    @property
    def strength(self) -> float:
        """How dark the ink is on white paper, in [0, 1]: the mean over ink pixels of cover times darkness.

        A pixel's darkness is one minus its darkest RGB channel, so that light but saturated ink (red) counts as seen.
        Fine strokes seldom fill a pixel, so that even black ballpoint stays far below 1.
        """
        mask = self.ink
        if not mask.any():
            return 0.0
        pixels = self.rgba[mask].astype(np.float32) / 255
        return float((pixels[:, 3] * (1 - pixels[:, :3].min(axis=1))).mean())


def ink_box(alpha: ByteArray) -> BoxXYXY | None:
    """The box around the ink of an alpha channel.

    Returns:
        Left, top, right, bottom px (right and bottom exclusive) around alpha (H, W) >= MIN_INK_ALPHA; None without ink.
    """
    mask = (alpha >= MIN_INK_ALPHA).view(np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    return (left, top, left + width, top + height) if width else None


def resized(patch: Patch, factor: float) -> Patch:
    """The patch `factor` times as large, cropped again; the patch itself where no ink would be left of it."""
    width, height = patch.size_wh
    size_wh = max(1, round(width * factor)), max(1, round(height * factor))
    return _at_size(patch, size_wh, cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def stretched(patch: Patch, factor: float) -> Patch:
    """The patch, wider by `factor` at the same area; the patch itself where no ink would be left of it."""
    width, height = patch.size_wh
    size_wh = max(1, round(width * np.sqrt(factor))), max(1, round(height / np.sqrt(factor)))
    return _at_size(patch, size_wh, cv2.INTER_LINEAR)


def turned(patch: Patch, degrees: float) -> Patch:
    """The patch, turned counterclockwise by `degrees`; the patch itself where no ink would be left of it."""
    matrix, size_wh = turn_about_middle(patch.size_wh, degrees, 4)
    return _from_premultiplied(cv2.warpAffine(_premultiplied(patch.rgba), matrix, size_wh), patch)


def turn_about_middle(size_wh: SizeWH, degrees: float, room_px: int) -> tuple[NDArray[np.float64], SizeWH]:
    """How a picture is turned counterclockwise about its middle into a larger one that holds all of it.

    Args:
        size_wh: (width, height) px of the picture.
        degrees: the angle.
        room_px: px by which the larger picture is wider and higher than need be.

    Returns:
        The affine matrix (2, 3) from px of the picture to px of the larger one, and the larger one's (width, height).
    """
    width, height = size_wh
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), np.float64)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    turned_wh = int(np.ceil(width * cos + height * sin)) + room_px, int(np.ceil(width * sin + height * cos)) + room_px
    matrix[:, 2] += (turned_wh[0] - width) / 2, (turned_wh[1] - height) / 2
    return matrix, turned_wh


def reinked(patch: Patch, ink: Ink) -> Patch:
    """The patch of a mark in one ink in another, whose opacity multiplies the cover.

    The patch itself where no ink would be left of it.
    """
    rgba = patch.rgba.copy()
    darkness = (255 - rgba[:, :, :3].min(axis=2)).astype(np.float32) / 255
    deepest = max(float(np.percentile(darkness[patch.ink], 90)), 0.05) if patch.ink.any() else 1.0
    cover = rgba[:, :, 3] * np.minimum(darkness / deepest, 1) * ink.opacity
    rgba[:, :, :3] = ink.rgb
    rgba[:, :, 3] = np.rint(np.clip(cover, 0, 255)).astype(np.uint8)
    return _cropped_again(rgba, patch)


def faded(patch: Patch, share: float) -> Patch:
    """The patch with `share` of its cover; the patch itself where no ink would be left of it."""
    rgba = patch.rgba.copy()
    rgba[:, :, 3] = np.rint(rgba[:, :, 3] * share).astype(np.uint8)
    return _cropped_again(rgba, patch)


def composite(page: ByteArray, patch: Patch, xy_px: tuple[int, int], mode: BlendMode = "ink") -> BoxXYXY | None:
    """Lays a patch on a page, in place.

    Args:
        page: uint8 (H, W, 3) RGB, changed.
        patch: the mark or distractor; parts that fall outside of the page are cut off.
        xy_px: where the patch's left top corner goes.
        mode: "ink" multiplies, as ink does: text below stays visible and overlapping ink darkens; "cover" hides what is
            below, as a pasted picture does.

    Returns:
        The box around the ink that lies on the page (right and bottom exclusive), or None when none does.
    """
    height, width = page.shape[:2]
    x, y = xy_px
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + patch.size_wh[0], width), min(y + patch.size_wh[1], height)
    if left >= right or top >= bottom:
        return None
    part = patch.rgba[top - y : bottom - y, left - x : right - x]
    below = page[top:bottom, left:right]
    alpha = part[:, :, 3:].astype(np.float32) / 255
    ink = part[:, :, :3].astype(np.float32)
    above = below * (ink / 255) if mode == "ink" else ink
    below[:] = np.rint(below + (above - below) * alpha).astype(np.uint8)
    box = ink_box(part[:, :, 3])
    return None if box is None else (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def _at_size(patch: Patch, size_wh: SizeWH, method: int) -> Patch:
    """The patch, interpolated to another size; the patch itself where no ink would be left of it."""
    return _from_premultiplied(cv2.resize(_premultiplied(patch.rgba), size_wh, interpolation=method), patch)


def _premultiplied(rgba: ByteArray) -> FloatArray:
    """Colour times alpha, so that interpolation does not mix in the colour of transparent pixels."""
    floats = rgba.astype(np.float32)
    floats[:, :, :3] *= floats[:, :, 3:] / 255
    return floats


def _from_premultiplied(floats: FloatArray, original: Patch) -> Patch:
    """The patch of premultiplied pixels float32 (H, W, 4); `original` where no ink is left in them."""
    alpha = np.clip(floats[:, :, 3:], 0, 255)
    colour = np.divide(floats[:, :, :3] * 255, alpha, out=np.zeros_like(floats[:, :, :3]), where=alpha > 0.5)
    rgba = np.concatenate([np.clip(colour, 0, 255), alpha], axis=2)
    return _cropped_again(np.rint(rgba).astype(np.uint8), original)


def _cropped_again(rgba: ByteArray, original: Patch) -> Patch:
    """The patch of changed pixels uint8 (H, W, 4); `original` where no ink is left in them."""
    return original if ink_box(rgba[:, :, 3]) is None else Patch.cropped(rgba, original.kind)
