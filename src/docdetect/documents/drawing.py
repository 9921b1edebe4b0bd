"""Pictures for people: pages with boxes and labels around their marks, and contact sheets.

A label stands where the page has room for it: it never covers a mark or another label, and the paper under it is as
blank as can be had near its box. A mark beside which there is no room has a number instead, and the numbers are
explained in a legend at a free place of the page.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from docdetect.documents.sizes import LongSide
from docdetect.errors import OutputError
from docdetect.files import write_bytes
from docdetect.types import ByteArray, Detections, FloatArray, IntArray, PageInfo, SizeWH

Colour: TypeAlias = tuple[int, int, int]

Font: TypeAlias = ImageFont.FreeTypeFont

FONT = Path(__file__).parent / "fonts" / "DejaVuSans-Bold.ttf"
"""The font that the names of classes are drawn with."""

Rectangle: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in whole px, all four within the rectangle."""

DRAWN_LONG_PX = 2000
"""Long side in px up to which a page is drawn at its own resolution: letters of 8 pt can be read on A4."""

# Colour-blind people can tell these apart as well: simulated for protanopia, deuteranopia and tritanopia, any two of
# them stay 30 units of CIE Lab and more apart. White letters on them have the contrast that WCAG asks for (4.5).
_COLOUR_OF_NAME: dict[str, Colour] = {"qr": (60, 50, 240), "signature": (0, 133, 98), "stamp": (220, 40, 0)}

_OTHER_COLOURS: tuple[Colour, ...] = (
    (150, 60, 190),
    (160, 90, 0),
    (0, 125, 150),
    (190, 20, 120),
    (110, 85, 50),
    (90, 100, 10),
    (75, 75, 85),
)

# Width of a frame's line, and height of letters, as shares of the page's long side.
_LINE_FRAC, _FONT_FRAC = 1 / 650, 1 / 90

_MIN_FONT_PX = 10

_JPEG_QUALITY = 88

# Grey level below which a pixel counts as ink that a label should not cover.
_INK_BELOW = 170

# A label may stand so many of its own heights away from its box; a line then leads to it.
_DISTANCES = (0.0, 0.8, 1.8)

# Places along a side of the box, as shares of the way from its beginning to its end.
_ALONG = (0.0, 1.0, 0.5, 0.25, 0.75)

# What ink under a label costs beside each height of distance, which costs 1.
_INK_COST = 25.0

_MOST_LEGEND_LINES = 40

# A plate so near to its box touches it for the eye, and needs no line between them.
_TOUCHING_PX = 3


@dataclass(frozen=True)
class _Style:
    line_px: int
    font: Font
    pad_px: int


@dataclass(frozen=True)
class _Label:
    """What is written about one mark: in full beside its box, or with its number in the legend."""

    text: str
    colour: Colour
    box: Rectangle


def class_colour(class_id: int, name: str) -> Colour:
    """RGB of a class: qr blue, signature green, stamp red; other names by their id. White text is readable on all."""
    return _COLOUR_OF_NAME.get(name, _OTHER_COLOURS[class_id % len(_OTHER_COLOURS)])


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Class name -> its colour as `#rrggbb`; names in the order of their ids."""
    return {name: "#{:02x}{:02x}{:02x}".format(*class_colour(number, name)) for number, name in enumerate(names)}


def drawing_size(info: PageInfo, stored_long_px: int | None = None) -> LongSide:
    """The size at which a page is best rendered for `draw_detections`: its own, up to `DRAWN_LONG_PX`.

    Args:
        info: the page at the size that its boxes refer to.
        stored_long_px: long side of the picture that the page is; None for a page that is drawn.
    """
    return LongSide(min(stored_long_px or max(info.size_wh), DRAWN_LONG_PX))


def shrunk(picture: ByteArray, long_side_px: int) -> ByteArray:
    """A picture, uint8 (H, W, 3), with a long side of `long_side_px` at most."""
    height, width = picture.shape[:2]
    scale = min(1.0, long_side_px / max(width, height))
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def draw_detections(
    pixels: ByteArray, detections: Detections, class_names: Sequence[str], *, plates: bool = True
) -> ByteArray:
    """A copy of a page with its boxes, and with class names and confidences on plates.

    Lines and letters grow with the page. Detections of another size of the same page are scaled to it.

    Args:
        pixels: uint8 (H, W, 3) RGB; `drawing_size` says how large.
        detections: boxes; with scores, these are written beside the names.
        class_names: by class id.
        plates: False draws the boxes only, since plates would hide the marks of a small picture.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    height, width = pixels.shape[:2]
    if detections.size_wh != (width, height):
        detections = detections.scaled((width, height))
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    style = _style(max(width, height))
    labels = list(_labels(detections, class_names, style))
    for label in labels:
        draw.rectangle(label.box, outline=label.colour, width=style.line_px)
    if not plates:
        return np.array(picture)
    places = _Places(pixels, [label.box for label in labels])
    without_room = [label for label in labels if not _write_beside(draw, label.text, label, places, style)]
    for number, label in enumerate(without_room, start=1):
        _write_number(draw, str(number), label, places, style)
    if without_room:
        _write_legend(draw, without_room, places, style)
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


def encoded_image(suffix: str, pixels: ByteArray, *, dpi: float | None = None, quality: int = _JPEG_QUALITY) -> bytes:
    """The picture as a PNG or JPEG file's bytes, with its px/inch where given. Raises OutputError: another suffix."""
    stream = io.BytesIO()
    picture = Image.fromarray(pixels)
    resolution = {} if dpi is None else {"dpi": (dpi, dpi)}
    if suffix.lower() == ".png":
        picture.save(stream, "PNG", compress_level=2, **resolution)  # level 6 takes thrice as long for 10 % less
    elif suffix.lower() in (".jpg", ".jpeg"):
        picture.save(stream, "JPEG", quality=quality, **resolution)
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


def _labels(detections: Detections, class_names: Sequence[str], style: _Style) -> Iterator[_Label]:
    for position, (box, class_id) in enumerate(zip(detections.xyxy, detections.class_ids.tolist(), strict=True)):
        name = _class_name(class_id, class_names)
        text = name if detections.scores is None else f"{name} {detections.scores[position]:.2f}"
        yield _Label(text, class_colour(class_id, name), _drawn_box(box, detections.size_wh, style.line_px))


class _Places:
    """What is where on a page, so that labels find room.

    Args:
        pixels: uint8 (H, W, 3) RGB of the page without boxes.
        boxes: of the marks.
    """

    def __init__(self, pixels: ByteArray, boxes: Sequence[Rectangle]) -> None:
        self.size_wh = (pixels.shape[1], pixels.shape[0])
        is_ink = (cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) < _INK_BELOW).astype(np.uint8)
        self._ink_above_left = cv2.integral(is_ink)  # (H + 1, W + 1): ink in the rectangle up to each corner
        self._taken = [*boxes]

    def take(self, rectangle: Rectangle) -> None:
        """Keeps later labels out of a rectangle."""
        self._taken.append(rectangle)

    def free(self, places: IntArray) -> Any:
        """bool (N,): which rectangles, int64 (N, 4), lie on the page and touch nothing that is taken."""
        width, height = self.size_wh
        inside = (places[:, :2] >= 0).all(axis=1) & (places[:, 2] < width) & (places[:, 3] < height)
        return inside & (self.covered_px(places) == 0)

    def covered_px(self, places: IntArray) -> IntArray:
        """int64 (N,): pixels of each rectangle that are taken already; those taken twice count twice."""
        if not self._taken:
            return np.zeros(len(places), np.int64)
        taken = np.array(self._taken, np.int64)
        low = np.maximum(places[:, None, :2], taken[None, :, :2])
        high = np.minimum(places[:, None, 2:], taken[None, :, 2:])
        return np.asarray(np.clip(high - low + 1, 0, None).prod(axis=2).sum(axis=1), np.int64)

    def ink_frac(self, places: IntArray) -> FloatArray:
        """float32 (N,): the share of each rectangle on the page that is ink."""
        left, top, right, bottom = np.clip(places, 0, [*self.size_wh, *self.size_wh]).T
        right, bottom = np.minimum(right + 1, self.size_wh[0]), np.minimum(bottom + 1, self.size_wh[1])
        sums = self._ink_above_left
        ink = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return np.asarray(ink / np.maximum((right - left) * (bottom - top), 1), np.float32)


def _write_beside(draw: ImageDraw.ImageDraw, text: str, label: _Label, places: _Places, style: _Style) -> bool:
    """Writes a text on a plate beside the box, where there is a free place; says whether there was one."""
    plate_wh = _plate_wh(draw, text, style)
    candidates, costs = _around(label.box, plate_wh)
    free = places.free(candidates)
    if not free.any():
        return False
    costs = np.where(free, costs + _INK_COST * places.ink_frac(candidates), np.inf)
    left, top, right, bottom = candidates[int(costs.argmin())].tolist()
    _write_plate(draw, text, (left, top, right, bottom), label, style)
    places.take((left, top, right, bottom))
    return True


def _write_number(draw: ImageDraw.ImageDraw, number: str, label: _Label, places: _Places, style: _Style) -> None:
    """Writes the number of a mark beside its box, or where there is no room at all, in the corner of its box."""
    if _write_beside(draw, number, label, places, style):
        return
    width, height = _plate_wh(draw, number, style)
    corners = np.array(
        [(x, y, x + width - 1, y + height - 1) for x, y in _corners(label.box, (width, height), places.size_wh)],
        np.int64,
    )
    left, top, right, bottom = corners[int(places.covered_px(corners).argmin())].tolist()
    _write_plate(draw, number, (left, top, right, bottom), label, style)
    places.take((left, top, right, bottom))


def _write_legend(draw: ImageDraw.ImageDraw, labels: Sequence[_Label], places: _Places, style: _Style) -> None:
    """Writes what the numbers stand for at the blankest free place of the page."""
    lines = [(f"{number}  {label.text}", label.colour) for number, label in enumerate(labels, start=1)]
    width_px, height_px = places.size_wh
    line_h = _plate_wh(draw, "1", style)[1]
    fitting = max(1, min(_MOST_LEGEND_LINES, height_px // line_h))
    if len(lines) > fitting:
        lines = [*lines[: fitting - 1], (f"… {len(lines) - fitting + 1}", _OTHER_COLOURS[-1])]
    wide = min(width_px, max(_plate_wh(draw, text, style)[0] for text, _ in lines))
    tall = min(height_px, line_h * len(lines))
    steps_x = np.unique(np.linspace(0, width_px - wide, 24).astype(int))
    steps_y = np.unique(np.linspace(0, height_px - tall, 32).astype(int))
    grid = np.array([(x, y, x + wide - 1, y + tall - 1) for y, x in product(steps_y, steps_x)], np.int64)
    costs = places.covered_px(grid).astype(np.float64) * _INK_COST + places.ink_frac(grid)
    left, top = grid[int(costs.argmin())][:2].tolist()
    for position, (text, colour) in enumerate(lines):
        y = top + position * line_h
        draw.rectangle((left, y, left + wide - 1, min(y + line_h, height_px) - 1), fill=colour)
        draw.text((left + style.pad_px, y + line_h / 2), text, "white", style.font, anchor="lm")


def _write_plate(draw: ImageDraw.ImageDraw, text: str, plate: Rectangle, label: _Label, style: _Style) -> None:
    ends = _line_between(plate, label.box)
    if ends is not None:
        draw.line(ends, fill=label.colour, width=style.line_px)
    draw.rectangle(plate, fill=label.colour)
    draw.text((plate[0] + style.pad_px, (plate[1] + plate[3]) / 2), text, "white", style.font, anchor="lm")


def _plate_wh(draw: ImageDraw.ImageDraw, text: str, style: _Style) -> SizeWH:
    _, top, _, bottom = draw.textbbox((0, 0), "Щg", style.font)
    return round(draw.textlength(text, style.font)) + 2 * style.pad_px, round(bottom - top) + style.pad_px


def _around(box: Rectangle, plate_wh: SizeWH) -> tuple[IntArray, FloatArray]:
    """Places for a plate around a box, int64 (N, 4), above it first, and what each costs, float32 (N,)."""
    x0, y0, x1, y1 = box
    width, height = plate_wh
    places: list[tuple[int, int]] = []
    costs: list[float] = []
    for distance in _DISTANCES:
        gap = round(distance * height) + 1
        lines = [
            (_between(x0, x1 - width + 1, share), y) for y in (y0 - gap - height + 1, y1 + gap) for share in _ALONG
        ]
        sides = [
            (x, _between(y0, y1 - height + 1, share)) for x in (x1 + gap, x0 - gap - width + 1) for share in _ALONG
        ]
        for order, place in enumerate((*lines, *sides)):
            places.append(place)
            costs.append(distance + 0.02 * order)
    left_top = np.array(places, np.int64)
    return np.concatenate([left_top, left_top + np.array([width - 1, height - 1])], axis=1), np.array(costs, np.float32)


def _between(low: int, high: int, share: float) -> int:
    return round(low + share * (high - low))


def _corners(box: Rectangle, plate_wh: SizeWH, size_wh: SizeWH) -> Iterator[tuple[int, int]]:
    """Where a plate may begin in the four corners of a box, moved onto the page."""
    for x, y in product((box[0], box[2] - plate_wh[0] + 1), (box[1], box[3] - plate_wh[1] + 1)):
        yield _clamped(x, max(0, size_wh[0] - plate_wh[0])), _clamped(y, max(0, size_wh[1] - plate_wh[1]))


def _line_between(plate: Rectangle, box: Rectangle) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The ends of the line from a plate to its box; None where they touch."""
    ends = []
    for axis in (0, 1):
        low, high = max(plate[axis], box[axis]), min(plate[axis + 2], box[axis + 2])
        if low <= high:
            ends.append(((low + high) // 2,) * 2)
        else:
            ends.append((plate[axis + 2], box[axis]) if plate[axis + 2] < box[axis] else (plate[axis], box[axis + 2]))
    (plate_x, box_x), (plate_y, box_y) = ends
    if max(abs(plate_x - box_x), abs(plate_y - box_y)) <= _TOUCHING_PX:
        return None
    return (plate_x, plate_y), (box_x, box_y)


def _elided(draw: ImageDraw.ImageDraw, text: str, font: Font, width_px: int) -> str:
    """The text, its middle left out where it is wider than `width_px`."""
    kept = len(text)
    shown = text
    while kept > 2 and draw.textlength(shown, font) > width_px:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return shown
