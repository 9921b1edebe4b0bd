"""Whether a picture of a page is a photograph, and where in it the sheet of paper lies.

The picture itself is the evidence: a sheet of paper that is brighter than what is around it, seen at a slant, on
something that is neither the lid of a scanner nor the paper of a larger page. What a camera notes in the file (EXIF) is
a hint: programs that send pictures often remove it.

The limits in this file were chosen by looking at 1,837 pictures of documents and at made-up photographs, so that no
scan among them counts as a photograph: a photograph that is taken for a scan is seen as it is, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from docdetect.documents.flattening import Sheet
from docdetect.documents.sheets import find_sheet, in_cielab, small_picture
from docdetect.types import ByteArray

PHOTO_THRESHOLD = 0.5
"""The score above which a picture is a photograph."""

_MAKE, _MODEL, _SOFTWARE, _ORIENTATION, _TAKEN, _ISO = 0x010F, 0x0110, 0x0131, 0x0112, 0x9003, 0x8827

# EXIF tags that cameras write and scanners do not, by the names that the facts have for them.
_CAMERA_TAGS = {
    "has_exposure_time": 0x829A,
    "has_aperture": 0x829D,
    "has_iso": _ISO,
    "has_focal_length": 0x920A,
    "has_gps": 0x8825,
}

# The facts that speak for a camera, each as much as the others.
_NOTED = ("make", "model", "has_exposure_time", "has_aperture", "has_iso", "has_focal_length")

# Each kind of evidence has three values: with the first one it speaks against a photograph, with the second one it is
# undecided, with the third one it speaks for a photograph. Lightness is that of CIELAB, from 0 to 100.
_TILT_DEGREES = (0.5, 2.0, 5.0)  # opposite sides are not parallel: hands do not hold cameras as scanners hold sensors
_SKEW_DEGREES = (3.0, 8.0, 15.0)  # sheets lie turned by so much on no scanner
_BRIGHTER = (0.0, 6.0, 15.0)  # the paper against its surroundings: a form on a page is no brighter than the page
_PAPER_LIGHTNESS = (35.0, 45.0, 60.0)  # a light part of a page that was copied white on black is no sheet
_PURE_FRAC = (0.8, 0.5, 0.2)  # share of the surroundings that is black or white as around sheets on scanners
_TEXTURE = (4.0, 3.3, 2.5)  # fine detail of the surroundings: print has more than a desk

# Lightness up to which, and from which on, surroundings are black or white.
_BLACK, _WHITE = 8.0, 97.0

# Smallest tilt and skew in degrees that are worth correcting where the camera has noted that it took the picture, and
# the share of the picture below which the sheet is worth cutting out.
_WORTH_TILT, _WORTH_SKEW, _WORTH_AREA_FRAC = 1.0, 2.0, 0.7


@dataclass(frozen=True)
class Surroundings:
    """What is seen around a sheet, and of its paper.

    Attributes:
        paper_lightness: of the paper, from 0 to 100.
        lightness: of what is around the sheet; None where there is nothing around it.
        texture: mean difference of that from its own blur, in units of lightness.
        pure_frac: share of that which is black or white.
        light_range: how much the lightness of the paper changes over the sheet, as a share of its highest value.
        focus_variation: how much the sharpness differs over the picture: standard deviation of the variance of the
            Laplacian in 16 parts, as a share of its mean, at most 1.
    """

    paper_lightness: float
    lightness: float | None
    texture: float
    pure_frac: float
    light_range: float
    focus_variation: float


@dataclass(frozen=True)
class Photograph:
    """What speaks for and against a photograph.

    Attributes:
        exif_score: share of the facts that cameras note which the file has, in [0, 1].
        visual_score: how much the picture looks like a photograph of a sheet, in [0, 1].
        found: the sheet in the picture; None where none is seen.
        surroundings: of that sheet.
    """

    exif_score: float
    visual_score: float
    found: Sheet | None
    surroundings: Surroundings | None

    @property
    def score(self) -> float:
        """The greater one of both scores."""
        return max(self.exif_score, self.visual_score)

    @property
    def is_photo(self) -> bool:
        """Whether the picture is a photograph rather than a scan or a picture that a program made."""
        return self.score > PHOTO_THRESHOLD

    @property
    def sheet(self) -> Sheet | None:
        """The sheet whose perspective is worth correcting; None for scans, and where nothing is to be corrected."""
        if self.found is None or self.surroundings is None:
            return None
        sheet, around = self.found, self.surroundings
        if self.visual_score > PHOTO_THRESHOLD:
            return sheet
        if self.exif_score <= PHOTO_THRESHOLD or around.lightness is None:
            return None
        is_paper = around.paper_lightness - around.lightness > _BRIGHTER[1]
        is_slanted = sheet.tilt_degrees > _WORTH_TILT or sheet.skew_degrees > _WORTH_SKEW
        return sheet if is_paper and (is_slanted or sheet.area_frac < _WORTH_AREA_FRAC) else None

    def sheet_to_flatten(self, *, always: bool) -> Sheet | None:
        """The sheet to lay flat; with `always` also one in a picture that is no photograph."""
        return self.found if always and self.found is not None else self.sheet


def examine(pixels: ByteArray, facts: Mapping[str, object] | None = None) -> Photograph:
    """Looks at a picture of a page.

    Args:
        pixels: uint8 (H, W, 3) RGB, upright; 1,024 px are enough.
        facts: see `camera_facts`; None for a picture without a file.
    """
    exif_score = camera_score(facts or {})
    small = small_picture(pixels)
    found = find_sheet(small)
    if found is None:
        return Photograph(exif_score, 0.0, None, None)
    around = _surroundings(small, found)
    return Photograph(exif_score, _visual_score(found, around), found, around)


def camera_facts(tags: Mapping[int, object]) -> dict[str, object]:
    """What the EXIF tags of a picture say about the camera; without tags only `has_exif`, False."""
    facts: dict[str, object] = {"has_exif": bool(tags)}
    if not tags:
        return facts
    for name, tag in (("make", _MAKE), ("model", _MODEL), ("software", _SOFTWARE)):
        facts[name] = str(tags[tag]).strip("\0 ")[:100] if tag in tags else None
    iso = tags.get(_ISO)
    facts["iso"] = iso if isinstance(iso, int) else None
    facts |= {name: tag in tags for name, tag in _CAMERA_TAGS.items()}
    return facts | {"has_orientation": _ORIENTATION in tags, "has_datetime_original": _TAKEN in tags}


def camera_score(facts: Mapping[str, object]) -> float:
    """Share of the facts that cameras note which are there, in [0, 1]."""
    return sum(bool(facts.get(name)) for name in _NOTED) / len(_NOTED)


def _visual_score(sheet: Sheet, around: Surroundings) -> float:
    if around.lightness is None:
        return 0.0
    return min(
        max(_evidence(sheet.tilt_degrees, _TILT_DEGREES), _evidence(sheet.skew_degrees, _SKEW_DEGREES)),
        _evidence(around.paper_lightness - around.lightness, _BRIGHTER),
        _evidence(around.paper_lightness, _PAPER_LIGHTNESS),
        _evidence(around.pure_frac, _PURE_FRAC),
        _evidence(around.texture, _TEXTURE),
    )


def _evidence(value: float, values: tuple[float, float, float]) -> float:
    """0 to 1, 0.5 at the second of the values, which rise or fall."""
    sign = 1.0 if values[2] > values[0] else -1.0
    return float(np.interp(sign * value, [sign * one for one in values], (0.0, 0.5, 1.0)))


def _focus_variation(small: ByteArray) -> float:
    edges = cv2.Laplacian(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), cv2.CV_64F)
    parts = [part for row in np.array_split(edges, 4) for part in np.array_split(row, 4, axis=1) if part.size]
    sharpness = np.array([part.var() for part in parts])
    mean = float(sharpness.mean())
    return min(float(sharpness.std()) / mean, 1.0) if mean > 0 else 0.0


def _surroundings(small: ByteArray, sheet: Sheet) -> Surroundings:
    """What is seen around a sheet in a picture as `small_picture` gives it."""
    lightness = np.ascontiguousarray(in_cielab(small)[:, :, 0])
    inside = np.zeros(lightness.shape, np.uint8)
    cv2.fillConvexPoly(inside, sheet.corners_px((small.shape[1], small.shape[0])).round().astype(np.int32), 1)
    square = np.ones((9, 9), np.uint8)
    core, around = cv2.erode(inside, square) > 0, cv2.dilate(inside, square) == 0
    paper = cv2.morphologyEx(lightness, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))[core]
    highest = float(np.percentile(paper, 95)) if paper.size else 0.0
    focus = _focus_variation(small)
    light_range = (highest - float(np.percentile(paper, 10))) / highest if highest > 0 else 0.0
    paper_lightness = float(np.percentile(lightness[core], 75)) if paper.size else 0.0
    if not around.any():
        return Surroundings(paper_lightness, None, 0.0, 0.0, light_range, focus)
    seen = lightness[around]
    detail = np.abs(lightness - cv2.GaussianBlur(lightness, (0, 0), 2))[around]
    pure = (seen < _BLACK) | (seen > _WHITE)
    return Surroundings(
        paper_lightness, float(np.median(seen)), float(detail.mean()), float(pure.mean()), light_range, focus
    )
