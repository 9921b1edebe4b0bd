"""Pictures for people: boxes with labels that stay readable on a thumbnail and on a plan, and contact sheets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from docdetect.errors import OutputError
from docdetect.files import write_bytes
from docdetect.types import ByteArray, Detections, FloatArray, SizeWH

Colour: TypeAlias = tuple[int, int, int]

Font: TypeAlias = ImageFont.FreeTypeFont

Rectangle: TypeAlias = tuple[int, int, int, int]

FONT = Path(__file__).parent / "fonts" / "DejaVuSans-Bold.ttf"
"""The font that the names of classes are drawn with."""

_COLOUR_OF_NAME: dict[str, Colour] = {"qr": (25, 90, 230), "signature": (0, 140, 60), "stamp": (215, 25, 35)}

_OTHER_COLOURS: tuple[Colour, ...] = (
    (150, 60, 190),
    (200, 100, 0),
    (0, 135, 150),
    (190, 20, 120),
    (110, 85, 50),
    (90, 100, 10),
    (75, 75, 85),
)

_LINE_FRAC, _FONT_FRAC = 1 / 500, 1 / 70  # of the page's long side

_MIN_FONT_PX = 10

_JPEG_QUALITY = 88


@dataclass(frozen=True)
class _Style:
    line_px: int
    font: Font
    pad_px: int


def class_colour(class_id: int, name: str) -> Colour:
    """RGB of a class: qr blue, signature green, stamp red; other names by their id. White text is readable on all."""
    return _COLOUR_OF_NAME.get(name, _OTHER_COLOURS[class_id % len(_OTHER_COLOURS)])


def draw_detections(
    pixels: ByteArray, detections: Detections, class_names: Sequence[str], *, plates: bool = True
) -> ByteArray:
    """A copy of the page, uint8 (H, W, 3) RGB, with its boxes and, on plates, names and confidences.

    Lines and letters grow with the page. Detections of another size of the same page are scaled to it. Plates stand
    above their box where there is room, never off the page, and not on each other while another place is free; with
    `plates=False` only the boxes are drawn, since plates would hide the marks of a small picture.
    """
    height, width = pixels.shape[:2]
    if detections.size_wh != (width, height):
        detections = detections.scaled((width, height))
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    style = _style(max(width, height))
    for box, class_id in zip(detections.xyxy, detections.class_ids, strict=True):
        colour = class_colour(int(class_id), _class_name(int(class_id), class_names))
        draw.rectangle(_drawn_box(box, (width, height), style.line_px), outline=colour, width=style.line_px)
    placed: list[Rectangle] = []
    named = enumerate(zip(detections.xyxy, detections.class_ids, strict=True)) if plates else ()
    for position, (box, class_id) in named:
        name = _class_name(int(class_id), class_names)
        text = name if detections.scores is None else f"{name} {detections.scores[position]:.2f}"
        plate = _plate(draw, text, _drawn_box(box, (width, height), style.line_px), placed, style)
        placed.append(plate)
        draw.rectangle(plate, fill=class_colour(int(class_id), name))
        draw.text((plate[0] + style.pad_px, (plate[1] + plate[3]) / 2), text, "white", style.font, anchor="lm")
    return np.array(picture)


def contact_sheet(
    pictures: Sequence[ByteArray], captions: Sequence[str], *, columns: int = 4, cell_px: int = 400
) -> ByteArray:
    """All pictures, uint8 (H, W, 3) RGB each, as a grid of squares of `cell_px` with a caption below each."""
    font = _font(max(_MIN_FONT_PX, cell_px // 26))
    gap, caption_px = max(4, cell_px // 50), cell_px // 12
    columns = max(1, min(columns, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    sheet = Image.new(
        "RGB", (gap + columns * (cell_px + gap), gap + rows * (cell_px + caption_px + gap)), (225, 228, 232)
    )
    draw = ImageDraw.Draw(sheet)
    for position, (pixels, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = gap + position % columns * (cell_px + gap)
        top = gap + position // columns * (cell_px + caption_px + gap)
        picture = Image.fromarray(pixels)
        picture.thumbnail((cell_px, cell_px), Image.Resampling.BOX, reducing_gap=None)
        sheet.paste(picture, (left + (cell_px - picture.width) // 2, top + (cell_px - picture.height) // 2))
        text = _elided(draw, caption, font, cell_px)
        draw.text((left + cell_px / 2, top + cell_px + caption_px / 2), text, (40, 40, 45), font, anchor="mm")
    return np.array(sheet)


def write_image(path: Path, pixels: ByteArray) -> None:
    """Writes uint8 (H, W, 3) RGB as PNG or JPEG, by the suffix, atomically.

    Raises:
        OutputError: another suffix, disk full, no permission.
    """
    write_bytes(path, encoded_image(path.suffix, pixels))


def encoded_image(suffix: str, pixels: ByteArray, *, dpi: float | None = None) -> bytes:
    """The picture as a PNG or JPEG file's bytes, with its px/inch where given. Raises OutputError: another suffix."""
    stream = io.BytesIO()
    picture = Image.fromarray(pixels)
    resolution = {} if dpi is None else {"dpi": (dpi, dpi)}
    if suffix.lower() == ".png":
        picture.save(stream, "PNG", compress_level=2, **resolution)  # level 6 takes thrice as long for 10 % less
    elif suffix.lower() in (".jpg", ".jpeg"):
        picture.save(stream, "JPEG", quality=_JPEG_QUALITY, **resolution)
    else:
        raise OutputError(f"pictures are written as .png or .jpg, not {suffix!r}")
    return stream.getvalue()


def _class_name(class_id: int, class_names: Sequence[str]) -> str:
    return class_names[class_id] if class_id < len(class_names) else f"class {class_id}"


def _style(long_side_px: int) -> _Style:
    font_px = max(_MIN_FONT_PX, round(long_side_px * _FONT_FRAC))
    return _Style(max(1, round(long_side_px * _LINE_FRAC)), _font(font_px), max(2, font_px // 4))


@lru_cache(maxsize=16)
def _font(size_px: int) -> Font:
    """DejaVu Sans Bold, which comes with docdetect and has Latin, Greek and Cyrillic letters."""
    return ImageFont.truetype(str(FONT), size_px)


def _drawn_box(box: FloatArray, size_wh: SizeWH, line_px: int) -> Rectangle:
    """The box in whole pixels, grown so that its line lies around the mark and not on it, kept inside the page."""
    left, top, right, bottom = (float(value) for value in box)
    grown = line_px - 1
    x0, y0 = _clamped(left - grown, size_wh[0] - 1), _clamped(top - grown, size_wh[1] - 1)
    return x0, y0, max(x0, _clamped(right + grown, size_wh[0] - 1)), max(y0, _clamped(bottom + grown, size_wh[1] - 1))


def _clamped(value: float, highest: int) -> int:
    return int(min(max(round(value), 0), highest))


def _plate(
    draw: ImageDraw.ImageDraw, text: str, box: Rectangle, placed: Sequence[Rectangle], style: _Style
) -> Rectangle:
    """Where the label stands: the first place on the page that covers neither mark nor label, or the least of both."""
    width_px, height_px = draw.im.size
    _, top, _, bottom = draw.textbbox((0, 0), "Щg", style.font)
    plate_h = min(round(bottom - top) + 2 * style.pad_px, height_px)
    plate_w = min(round(draw.textlength(text, style.font)) + 2 * style.pad_px, width_px)
    x0, y0, x1, y1 = box
    wishes = (
        (x0, y0 - plate_h),
        (x0, y1 + 1),
        (x1 - plate_w, y0 - plate_h),
        (x1 - plate_w, y1 + 1),
        (x0, y0),
        (x1, y0),
    )
    plates = []
    for x, y in wishes:
        px, py = _clamped(x, width_px - plate_w), _clamped(y, height_px - plate_h)
        plates.append((px, py, px + plate_w - 1, py + plate_h - 1))
    return min(plates, key=lambda plate: sum(_shared_px(plate, other) for other in (box, *placed)))


def _shared_px(a: Rectangle, b: Rectangle) -> int:
    """Pixels that two rectangles share."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1) * max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)


def _elided(draw: ImageDraw.ImageDraw, text: str, font: Font, width_px: int) -> str:
    """The text, its middle left out where it is wider than `width_px`."""
    kept = len(text)
    shown = text
    while kept > 2 and draw.textlength(shown, font) > width_px:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return shown
