"""Distractors that are blocks of print: dark boxes with white text, totals, columns of figures, typed names, notes in
frames, holograms, woodcuts and ornamental initials."""

from __future__ import annotations

from enum import Enum

import cv2
import numpy as np

from docdetect.synth.distractors.painter import WHITE, Maker, Painter, draw_kind, print_colour
from docdetect.synth.fonts import FontBook, FontFace, FontStyle, Script
from docdetect.synth.ink import RGB
from docdetect.synth.patch import Patch
from docdetect.synth.stamps.office_text import OfficeKind, office_text
from docdetect.synth.stamps.text import CITIES, SURNAMES, number, pick
from docdetect.types import ByteArray

Rng = np.random.Generator


class PrintBlockKind(str, Enum):
    """Kinds of blocks of print."""

    INVERTED = "inverted"  # a dark box with white text
    TOTAL = "total"  # a framed or dark box with a sum
    NUMBERS = "numbers"  # a block of figures
    TYPED_NAME = "typed_name"  # a name with an office, typed
    ADDRESS = "address"  # the lines of an address
    NOTE = "note"  # a printed note in a frame
    HOLOGRAM = "hologram"  # a field that shimmers in all colours
    WOODCUT = "woodcut"  # a picture of short black strokes
    INITIAL = "initial"  # an ornamental initial


def make_print_block(rng: Rng, px_per_mm: float, fonts: FontBook, *, kind: PrintBlockKind | None = None) -> Patch:
    """Draws a block of print.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page that the picture is for.
        fonts: font faces for the text.
        kind: what the block is; None for the usual mixture.
    """
    return draw_kind(_P_AND_MAKERS, rng, px_per_mm, fonts, kind)


def _lines(
    rng: Rng, px_per_mm: float, setting: tuple[list[str], FontFace, float], colour: RGB, *, box: str = ""
) -> Patch:
    """Lines of text, one below the other, in no box, in a "frame", or in a "dark" box.

    Args:
        rng: random generator.
        px_per_mm: resolution of the page.
        setting: the lines, the font face and the height of the letters in mm.
        colour: colour of the text, or of a dark box.
        box: "", "frame" or "dark".
    """
    lines, face, letters = setting
    wide = max(len(line) for line in lines) * letters * 0.95 + 4
    high = len(lines) * letters * 1.6 + 3
    painter = Painter(wide + 2, high + 2, px_per_mm)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([wide / 2, high / 2])
    if box == "dark":
        painter.fill(corners, colour)
    elif box == "frame":
        painter.outline(corners, float(rng.uniform(0.2, 0.8)), colour)
    for row, line in enumerate(lines):
        y = (row - (len(lines) - 1) / 2) * letters * 1.6
        painter.text(line, face, (0.0, y, letters, wide * 0.92), WHITE if box == "dark" else colour)
    return painter.patch()


def _inverted(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    lines = list(office_text(rng, Script.LATIN, OfficeKind.WORD).lines)
    if rng.random() < 0.5:
        lines.append(pick(rng, (number(rng, 6), pick(rng, CITIES[Script.LATIN]))))
    face = fonts.choose(rng, Script.GREEK, FontStyle.SANS)
    return _lines(rng, px_per_mm, (lines, face, float(rng.uniform(2, 6))), print_colour(rng), box="dark")


def _total(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    word = pick(rng, ("TOTAL", "SUMME EUR", "AMOUNT DUE", "BALANCE", "MONTANT", "TOTAL TTC", "Gesamt"))
    lines = [f"{word} {int(rng.integers(1, 9999))}.{number(rng, 2)}"]
    face = fonts.choose(rng, Script.LATIN, FontStyle.SANS if rng.random() < 0.6 else FontStyle.MONO)
    box = "dark" if rng.random() < 0.5 else "frame"
    return _lines(rng, px_per_mm, (lines, face, float(rng.uniform(2.5, 5))), print_colour(rng), box=box)


def _numbers(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    columns = int(rng.integers(1, 4))
    lines = [
        "  ".join(number(rng, int(rng.integers(3, 8))) for _ in range(columns)) for _ in range(int(rng.integers(2, 9)))
    ]
    face = fonts.choose(rng, Script.LATIN, FontStyle.MONO if rng.random() < 0.6 else FontStyle.SANS)
    return _lines(rng, px_per_mm, (lines, face, float(rng.uniform(1.8, 3.2))), print_colour(rng))


def _typed_name(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    lines = list(office_text(rng, Script.LATIN, OfficeKind.NAME).lines)
    face = fonts.choose(rng, Script.GREEK, FontStyle.MONO if rng.random() < 0.4 else None)
    shade = int(rng.integers(10, 60))
    return _lines(rng, px_per_mm, (lines, face, float(rng.uniform(1.8, 3.0))), (shade, shade, shade))


def _address(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    names = SURNAMES[Script.LATIN]
    lines = [
        f"{pick(rng, 'ABCDEJKM')}. {pick(rng, names)}",
        f"{number(rng, 3)} {pick(rng, names)} Street",
        f"{pick(rng, CITIES[Script.LATIN])} {number(rng, 5)}",
    ]
    face = fonts.choose(rng, Script.LATIN, FontStyle.MONO if rng.random() < 0.5 else FontStyle.SANS)
    box = "frame" if rng.random() < 0.35 else ""
    return _lines(rng, px_per_mm, (lines, face, float(rng.uniform(2.0, 3.0))), print_colour(rng), box=box)


def _note(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    lines = list(office_text(rng, Script.LATIN, OfficeKind.CLAUSE).lines)
    face = fonts.choose(rng, Script.GREEK)
    return _lines(rng, px_per_mm, (lines, face, float(rng.uniform(1.6, 2.6))), print_colour(rng), box="frame")


def _hologram(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A field of slanted bands in all colours, with a pattern of lines or an outline on it."""
    del fonts
    wide, high = float(rng.uniform(8, 26)), float(rng.uniform(8, 26))
    size_wh = max(8, round(wide * px_per_mm)), max(8, round(high * px_per_mm))
    x, y = np.meshgrid(np.linspace(0, 1, size_wh[0]), np.linspace(0, 1, size_wh[1]))
    hue = (x * float(rng.uniform(0.5, 3)) + y * float(rng.uniform(-2, 2)) + float(rng.random())) % 1 * 179
    bright = 190 + 55 * np.sin(2 * np.pi * (x + y) * float(rng.uniform(2, 12)))
    hsv = np.dstack([hue, np.full_like(hue, float(rng.uniform(30, 140))), np.clip(bright, 0, 255)]).astype(np.uint8)
    rgba = np.dstack([cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.full(size_wh[::-1], 255, np.uint8)])
    if rng.random() < 0.5:
        mask = np.zeros(size_wh[::-1], np.uint8)
        cv2.ellipse(mask, (size_wh[0] // 2, size_wh[1] // 2), (size_wh[0] // 2, size_wh[1] // 2), 0, 0, 360, 255, -1)
        rgba[:, :, 3] = mask
    return Patch.cropped(np.ascontiguousarray(rgba), "")


def _woodcut(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A picture in a frame, of areas that are hatched in one direction each."""
    del fonts
    wide = float(rng.uniform(18, 90))
    cover = _hatched(rng, (wide, wide * float(rng.uniform(0.5, 1.4))), px_per_mm)
    return _of_print(rng, cover)


def _initial(rng: Rng, px_per_mm: float, fonts: FontBook) -> Patch:
    """A square of hatching and tendrils with a large letter, white on black or black on white."""
    size = float(rng.uniform(9, 28))
    cover = _hatched(rng, (size, size), px_per_mm)
    side = cover.shape[0]
    face = fonts.choose(rng, Script.LATIN, FontStyle.SERIF)
    painter = Painter(size, size, px_per_mm)
    layer = painter.layer()
    layer.text(pick(rng, "ABCDEFGHILMNOPQRSTV"), face, (0.0, 0.0), size * 0.7, size * 0.8)
    letter = np.asarray(cv2.resize(layer.alpha, (cover.shape[1], side), interpolation=cv2.INTER_AREA), np.uint8)
    cover = cv2.subtract(cover, letter) if rng.random() < 0.6 else np.maximum(cover // 2, letter)
    return _of_print(rng, np.asarray(cover, np.uint8))


def _of_print(rng: Rng, cover: ByteArray) -> Patch:
    red, green, blue = print_colour(rng) if rng.random() < 0.8 else (150, 30, 30)
    rgba = np.empty((*cover.shape, 4), np.uint8)
    rgba[:, :, :3] = red, green, blue
    rgba[:, :, 3] = cover
    return Patch.cropped(rgba, "")


def _hatched(rng: Rng, size_mm: tuple[float, float], px_per_mm: float) -> ByteArray:
    """A mask uint8 (H, W) of areas with strokes in one direction each, curls over them, and a frame."""
    factor = max(1, round(9 / px_per_mm))
    scale = px_per_mm * factor
    wide, high = (max(factor * 4, round(length * scale) // factor * factor) for length in size_mm)
    x, y = np.meshgrid(np.arange(wide, dtype=np.float32) / scale, np.arange(high, dtype=np.float32) / scale)
    coarse = rng.random((4, 4)).astype(np.float32)
    areas = (cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC) * 6).astype(np.int32)
    mask = np.zeros((high, wide), np.uint8)
    for area in np.unique(areas):
        angle, pitch = float(rng.uniform(0, np.pi)), float(rng.uniform(0.5, 1.3))
        along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
        share = float(rng.choice([0.0, 0.3, 0.5, 0.7, 1.0], p=[0.2, 0.3, 0.25, 0.15, 0.1]))
        strokes = np.mod(along + 0.15 * np.sin(3 * (x - y)), pitch) < pitch * share
        mask[(areas == area) & strokes] = 255
    for _ in range(int(rng.integers(2, 9))):
        turns = np.linspace(0, float(rng.uniform(2, 8)), 40)
        radius = (0.4 + 0.35 * turns) * min(size_mm) * 0.06
        curl = np.stack([np.cos(turns), np.sin(turns)], axis=1) * radius[:, None] + rng.uniform(0, 1, 2) * size_mm
        value = 255 if rng.random() < 0.5 else 0
        cv2.polylines(mask, [np.rint(curl * scale).astype(np.int32)], False, value, max(1, round(0.4 * scale)))
    cv2.rectangle(mask, (0, 0), (wide - 1, high - 1), 255, max(1, round(float(rng.uniform(0.3, 0.9)) * scale)))
    return np.asarray(cv2.resize(mask, (wide // factor, high // factor), interpolation=cv2.INTER_AREA), np.uint8)


# Each kind with its probability and the function that draws it.
_P_AND_MAKERS: dict[PrintBlockKind, tuple[float, Maker]] = {
    PrintBlockKind.INVERTED: (0.15, _inverted),
    PrintBlockKind.TOTAL: (0.13, _total),
    PrintBlockKind.NUMBERS: (0.13, _numbers),
    PrintBlockKind.TYPED_NAME: (0.15, _typed_name),
    PrintBlockKind.ADDRESS: (0.13, _address),
    PrintBlockKind.NOTE: (0.11, _note),
    PrintBlockKind.HOLOGRAM: (0.06, _hologram),
    PrintBlockKind.WOODCUT: (0.06, _woodcut),
    PrintBlockKind.INITIAL: (0.08, _initial),
}
