"""Draws stamps: a rubber that `round.py` or `straight.py` cuts, with ink on it, turned and pressed on paper.

The print is as flawed as real ones: with too little ink or too much, pressed askew, moved while pressed, or set down
twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, Script
from docdetect.synth.ink import Ink, stamp_ink
from docdetect.synth.patch import MIN_INK_ALPHA, Patch, turn_about_middle
from docdetect.synth.stamps.canvas import StampCanvas
from docdetect.synth.stamps.library import library_stamp
from docdetect.synth.stamps.office import Field, grid_stamp, office_stamp
from docdetect.synth.stamps.office_text import OfficeKind, OfficeText
from docdetect.synth.stamps.professional import professional_stamp
from docdetect.synth.stamps.round import oval_seal, round_dater, round_seal
from docdetect.synth.stamps.straight import date_stamp, framed_stamp, line_stamp, triangle_stamp
from docdetect.synth.stamps.text import stamp_script
from docdetect.types import ByteArray, FloatArray

Rng = np.random.Generator


class StampShape(str, Enum):
    """Shapes of stamps."""

    ROUND = "round"  # a round seal
    OVAL = "oval"  # an oval seal
    ROUND_DATE = "round_date"  # a round stamp with a date, as post offices use it
    FRAMED = "framed"  # lines of text in a frame
    DATE = "date"  # a word and a date, or a date alone
    TRIANGLE = "triangle"  # a triangle with words along its sides or in its middle
    LINES = "lines"  # several lines of text without a frame
    OFFICE = "office"  # a word, a date, a name or a number, mostly without a frame
    GRID = "grid"  # a grid of fields to be filled in
    LIBRARY = "library"  # a small oval or circle of a library or an archive
    PROFESSIONAL = "professional"  # a surveyor's or engineer's box or ring with a gap to be signed in
    EMBOSSED = "embossed"  # a seal that is pressed into the paper without ink, so that only its shadows are seen


@dataclass(frozen=True)
class Wear:
    """Faults of a stamp's print, each from 0 (no fault) to 1 (a bad one).

    Attributes:
        uneven: the print has patches with less ink.
        dry: the print has fine specks without ink.
        tilt: one side of the stamp was not pressed on.
        bleed: the ink ran, so that lines grew and softened.
        smear: the stamp moved while it was pressed.
        double: the stamp was set down twice.
        faint: there was little ink on the pad.
        rim: the ink was squeezed to the edges of the letters, so that their middles are paler.
    """

    uneven: float = 0.0
    dry: float = 0.0
    tilt: float = 0.0
    bleed: float = 0.0
    smear: float = 0.0
    double: float = 0.0
    faint: float = 0.0
    rim: float = 0.0


def _office(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    return office_stamp(rng, fonts, script, px_per_mm)[0], "stamp_office"


def _grid(rng: Rng, fonts: FontBook, script: Script, px_per_mm: float) -> tuple[StampCanvas, str]:
    return grid_stamp(rng, fonts, script, px_per_mm)[0], "stamp_grid"


# Each shape with its probability beside a signature and the function that cuts its rubber.
_P_AND_MAKERS = {
    StampShape.ROUND: (0.43, round_seal),
    StampShape.OVAL: (0.06, oval_seal),
    StampShape.ROUND_DATE: (0.05, round_dater),
    StampShape.FRAMED: (0.11, framed_stamp),
    StampShape.DATE: (0.04, date_stamp),
    StampShape.TRIANGLE: (0.03, triangle_stamp),
    StampShape.LINES: (0.15, line_stamp),
    StampShape.OFFICE: (0.06, _office),
    StampShape.GRID: (0.01, _grid),
    StampShape.LIBRARY: (0.01, library_stamp),
    StampShape.PROFESSIONAL: (0.03, professional_stamp),
    StampShape.EMBOSSED: (0.02, round_seal),
}

_STRAIGHT = frozenset(
    (
        StampShape.FRAMED,
        StampShape.DATE,
        StampShape.LINES,
        StampShape.TRIANGLE,
        StampShape.OFFICE,
        StampShape.GRID,
        StampShape.PROFESSIONAL,
    )
)


def make_stamp(
    rng: Rng,
    px_per_mm: float,
    fonts: FontBook,
    *,
    shape: StampShape | None = None,
    script: Script | None = None,
    ink: Ink | None = None,
    wear: Wear | None = None,
) -> Patch:
    """Draws a stamp of one of the kinds of `config.schema.MARK_KINDS`; round seals are 30 to 50 mm wide.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the patch is for.
        fonts: font faces for the stamp's text.
        shape, script, ink, wear: None for the usual mixture.
    """
    shapes = list(_P_AND_MAKERS)
    chosen = shape or shapes[int(rng.choice(len(shapes), p=[_P_AND_MAKERS[one][0] for one in shapes]))]
    canvas, kind = _P_AND_MAKERS[chosen][1](rng, fonts, script or stamp_script(rng, fonts), px_per_mm)
    degrees = _random_angle(rng, straight=chosen in _STRAIGHT)
    if chosen is StampShape.EMBOSSED:
        return _embossed(rng, canvas, degrees)
    cover = printed(rng, canvas, wear or random_wear(rng), degrees)
    return Patch.of_ink(cover, ink or stamp_ink(rng), kind)


@dataclass(frozen=True)
class GridStamp:
    """The print of a grid stamp.

    Attributes:
        patch: the print.
        fields: its empty fields, by their centres from the middle of the print, which is turned; sizes are upright.
    """

    patch: Patch
    fields: tuple[Field, ...]


def make_grid_stamp(rng: Rng, px_per_mm: float, fonts: FontBook, script: Script, ink: Ink) -> GridStamp:
    """Draws a grid stamp whose empty fields are to be filled in by hand."""
    canvas, fields = grid_stamp(rng, fonts, script, px_per_mm)
    degrees = _random_angle(rng, straight=True)
    patch = Patch.of_ink(printed(rng, canvas, office_wear(rng), degrees), ink, "stamp_grid")
    turn = np.deg2rad(degrees)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    moved = tuple(
        Field(one.x_mm * cos + one.y_mm * sin, one.y_mm * cos - one.x_mm * sin, one.width_mm, one.height_mm)
        for one in fields
    )
    return GridStamp(patch, moved)


def make_office_stamp(
    rng: Rng,
    px_per_mm: float,
    fonts: FontBook,
    script: Script,
    ink: Ink,
    *,
    kind: OfficeKind | None,
    degrees: float | None,
) -> tuple[Patch, OfficeText]:
    """Draws an office stamp.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the patch is for.
        fonts: font faces for the stamp's text.
        script: script of the words.
        ink: its ink.
        kind: what the stamp says; None for the usual mixture.
        degrees: angle by which it is turned counterclockwise; None for the usual mixture.

    Returns:
        The stamp of kind "stamp_office", and its text.
    """
    canvas, text = office_stamp(rng, fonts, script, px_per_mm, kind)
    angle = _random_angle(rng, straight=True) if degrees is None else degrees
    return Patch.of_ink(printed(rng, canvas, office_wear(rng), angle), ink, "stamp_office"), text


def printed(rng: Rng, canvas: StampCanvas, wear: Wear, degrees: float) -> ByteArray:
    """Prints a canvas; where the faults would leave nothing to be seen, the print has none of them.

    Args:
        rng: random generator.
        canvas: the rubber.
        wear: faults of the print.
        degrees: angle by which the stamp is turned counterclockwise.

    Returns:
        How much ink lies on each pixel of the page, uint8 (H, W).
    """
    turned = _turned(canvas.alpha, degrees)
    cover = _averaged_down(worn(rng, turned, wear, canvas.scale), canvas.factor)
    if int(cover.max(initial=0)) < 3 * MIN_INK_ALPHA:
        cover = _averaged_down(turned, canvas.factor)
    return cover


def _random_angle(rng: Rng, *, straight: bool) -> float:
    """Angle in degrees at which a stamp is set down.

    Round stamps are set down at any angle, though mostly nearly upright; stamps with straight lines mostly lie along
    the lines of the page.
    """
    if rng.random() < (0.04 if straight else 0.2):
        return float(rng.uniform(0, 360))
    return float(rng.normal(0, (14 if rng.random() < 0.2 else 4) if straight else 11))


def _turned(alpha: ByteArray, degrees: float) -> ByteArray:
    """The mask, turned counterclockwise about its middle, in a larger mask that holds all of it."""
    matrix, size_wh = turn_about_middle((alpha.shape[1], alpha.shape[0]), degrees, 8)
    return np.asarray(cv2.warpAffine(alpha, matrix, size_wh, flags=cv2.INTER_LINEAR), np.uint8)


def _averaged_down(alpha: ByteArray, factor: int) -> ByteArray:
    """The mask `factor` times as small, each pixel the mean of those that it replaces."""
    height, width = alpha.shape
    padded = np.pad(alpha, ((0, -height % factor), (0, -width % factor)))
    size_wh = padded.shape[1] // factor, padded.shape[0] // factor
    return np.asarray(cv2.resize(padded, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def random_wear(rng: Rng) -> Wear:
    """Random faults. Most stamps print well enough, and each fault by itself is seldom bad."""

    def some(p_fault: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) if rng.random() < p_fault else 0.0

    return Wear(
        uneven=some(0.75, 0.1, 0.8),
        dry=some(0.65, 0.05, 0.6),
        tilt=some(0.22, 0.2, 0.9),
        bleed=some(0.45, 0.1, 1.0),
        smear=some(0.1, 0.2, 1.0),
        double=some(0.08, 0.2, 0.9),
        faint=some(0.28, 0.1, 0.6),
        rim=some(0.25, 0.2, 0.9),
    )


def office_wear(rng: Rng) -> Wear:
    """Random faults of a stamp that is set down hundreds of times a day: often faint, uneven and squeezed."""
    wear = random_wear(rng)
    return replace(
        wear,
        faint=float(rng.uniform(0.1, 0.7)) if rng.random() < 0.5 else wear.faint,
        rim=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.55 else 0.0,
    )


def worn(rng: Rng, alpha: ByteArray, wear: Wear, px_per_mm: float) -> ByteArray:
    """The print that a stamp with these faults leaves.

    Args:
        rng: random generator.
        alpha: uint8 (H, W), the ink of a flawless print.
        wear: the faults.
        px_per_mm: resolution of `alpha`.

    Returns:
        How much ink lies on each pixel, uint8 (H, W).
    """
    ink: FloatArray = np.asarray(alpha, np.float32) / np.float32(255)
    if wear.bleed:
        ink = _bled(ink, wear.bleed, px_per_mm)
    if wear.rim:
        ink = _squeezed(ink, wear.rim, px_per_mm)
    if wear.double:
        ink = _doubled(rng, ink, wear.double, px_per_mm)
    if wear.smear:
        ink = _smeared(rng, ink, wear.smear, px_per_mm)
    cover = np.ones(ink.shape, np.float32)
    if wear.uneven:
        patches = _noise(rng, ink.shape, 5.0 * px_per_mm)
        cover *= np.clip(1 - wear.uneven * (patches - 0.35) * 2.2, 0.06, 1)
    if wear.tilt:
        cover *= _tilted(rng, ink.shape, wear.tilt)
    if wear.dry:
        specks = _noise(rng, ink.shape, 0.28 * px_per_mm)
        # Specks without ink are larger where other faults leave less ink.
        cover *= np.clip((specks - wear.dry * (1.1 - cover * 0.5) * 0.55) * 6, 0, 1)
    return np.asarray(np.rint(np.clip(ink * cover * (1 - wear.faint), 0, 1) * 255), np.uint8)


# In the functions below, `ink` is float32 (H, W) in [0, 1], and `amount` is how bad a fault is, from 0 to 1.


def _bled(ink: FloatArray, amount: float, px_per_mm: float) -> FloatArray:
    """The print after its ink ran: lines are broader and softer."""
    blurred = cv2.GaussianBlur(ink, (0, 0), max(0.3, amount * 0.16 * px_per_mm))
    return np.asarray(np.clip(blurred * (1.0 + 0.9 * amount), 0, 1), np.float32)


def _squeezed(ink: FloatArray, amount: float, px_per_mm: float) -> FloatArray:
    """The print after its ink was squeezed from the middle of broad strokes to their edges."""
    inside = cv2.GaussianBlur(ink, (0, 0), max(0.5, 0.16 * px_per_mm))
    return np.asarray(ink * (1 - np.float32(amount * 0.85) * np.clip((inside - 0.62) / 0.3, 0, 1)), np.float32)


def _embossed(rng: Rng, canvas: StampCanvas, degrees: float) -> Patch:
    """The shadows of a seal that is pressed into the paper: the slopes that turn away from the light are grey.

    An embossed seal certifies as an inked one does, so that it is a mark. Scans show its shadows alone.
    """
    alpha = _turned(canvas.alpha, degrees).astype(np.float32) / np.float32(255)
    height = cv2.GaussianBlur(alpha, (0, 0), 0.14 * canvas.scale)
    light = float(rng.uniform(0, 2 * np.pi))
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) * np.cos(light) + cv2.Sobel(height, cv2.CV_32F, 0, 1) * np.sin(light)
    shadow = np.clip(slope / max(float(np.percentile(slope, 99.5)), 1e-6), 0, 1) * float(rng.uniform(0.45, 1.0))
    shade = int(rng.integers(60, 130))
    print_ = _averaged_down(np.rint(shadow * 255).astype(np.uint8), canvas.factor)
    return Patch.of_ink(print_, Ink((shade, shade, shade)), "stamp_official")


def _doubled(rng: Rng, ink: FloatArray, amount: float, px_per_mm: float) -> FloatArray:
    """The print with a second, fainter one beside it."""
    height, width = ink.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.normal(0, 2.5)), 1.0)
    matrix[:, 2] += rng.normal(0, 0.9 * px_per_mm, 2)
    second = cv2.warpAffine(ink, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(np.maximum(ink, second * np.float32(0.3 + 0.6 * amount)), np.float32)


def _smeared(rng: Rng, ink: FloatArray, amount: float, px_per_mm: float) -> FloatArray:
    """The print of a stamp that moved in one direction while it was pressed."""
    length = max(3, round(amount * 1.6 * px_per_mm))
    angle = float(rng.uniform(0, np.pi))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    tip = (round(length + np.cos(angle) * length), round(length + np.sin(angle) * length))
    cv2.line(kernel, (length, length), tip, 1.0, 1)
    return np.asarray(np.maximum(ink * np.float32(0.75), cv2.filter2D(ink, -1, kernel / kernel.sum())), np.float32)


def _tilted(rng: Rng, shape: tuple[int, ...], amount: float) -> FloatArray:
    """Share of the ink (H, W) that a stamp leaves which is pressed on one side: all of it there, less on the other."""
    height, width = shape
    angle = float(rng.uniform(0, 2 * np.pi))
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(np.sin(angle))
    along = x[None, :] + y[:, None]
    return np.asarray(np.clip(1.35 - amount * (along + 0.55) * 1.1, 0, 1), np.float32)


def _noise(rng: Rng, shape: tuple[int, ...], grain_px: float) -> FloatArray:
    """Smooth noise (H, W) in [0, 1] with grains of about `grain_px`."""
    height, width = shape
    small = max(3, round(height / grain_px)), max(3, round(width / grain_px))
    grains = rng.random(small, np.float32)
    return np.asarray(np.clip(cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1), np.float32)
