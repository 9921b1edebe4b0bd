"""A patch: the picture of a mark or a distractor with an alpha channel, cropped to its ink, and how it lies on paper.

Everything that lies on the print of a page is a patch: signatures, stamps, codes, handwriting, logos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

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

    @classmethod
    def of_ratio(cls, ratio: FloatArray, kind: str) -> Patch:
        """The patch of a mark that was cut out of a picture. Laid on a page, its ink multiplies the page by `ratio`.

        Args:
            ratio: float32 (H, W, 3) in [0, 1], the light that ink leaves of the paper's; 1 where there is no ink.
            kind: the mark's finest class.

        Raises:
            ValueError: nothing in the picture is dark enough to count as ink.
        """
        alpha = 1 - ratio.min(axis=2, keepdims=True)
        colour = np.divide(ratio - (1 - alpha), alpha, out=np.zeros_like(ratio), where=alpha > 0)
        rgba = np.concatenate([colour, alpha], axis=2) * 255
        return cls.cropped(np.rint(np.clip(rgba, 0, 255)).astype(np.uint8), kind)

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
    premultiplied = _premultiplied(patch.rgba)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return _from_premultiplied(cv2.resize(premultiplied, size_wh, interpolation=method), patch)


def turned(patch: Patch, degrees: float) -> Patch:
    """The patch, turned counterclockwise by `degrees`; the patch itself where no ink would be left of it."""
    width, height = patch.size_wh
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size_wh = int(np.ceil(width * cos + height * sin)) + 4, int(np.ceil(width * sin + height * cos)) + 4
    matrix[:, 2] += (size_wh[0] - width) / 2, (size_wh[1] - height) / 2
    return _from_premultiplied(cv2.warpAffine(_premultiplied(patch.rgba), matrix, size_wh), patch)


def reinked(patch: Patch, ink: Ink, strength: float = 1.0) -> Patch:
    """The patch in another ink.

    Args:
        patch: a mark in one ink.
        ink: the new colour; its opacity multiplies the cover.
        strength: factor of the cover, below 1 for a fainter mark; what is fainter than `MIN_INK_ALPHA` stays as it is
            where nothing else would be left.
    """
    rgba = patch.rgba.copy()
    darkness = (255 - rgba[:, :, :3].min(axis=2)).astype(np.float32) / 255
    deepest = max(float(np.percentile(darkness[patch.ink], 90)), 0.05) if patch.ink.any() else 1.0
    cover = rgba[:, :, 3] * np.minimum(darkness / deepest, 1) * ink.opacity * strength
    rgba[:, :, :3] = ink.rgb
    rgba[:, :, 3] = np.rint(np.clip(cover, 0, 255)).astype(np.uint8)
    return patch if ink_box(rgba[:, :, 3]) is None else Patch.cropped(rgba, patch.kind)


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
    rgba = np.rint(rgba).astype(np.uint8)
    if ink_box(rgba[:, :, 3]) is None:
        return original
    return Patch.cropped(rgba, original.kind)
