"""Makes the marks of one page and what resembles them, at the page's scale, with its inks and fonts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from docdetect.synth.codes import CodeKind, draw_relative, make_qr, qr_patch
from docdetect.synth.distractors.pictures import make_not_stamp
from docdetect.synth.distractors.printed import DistractorKind, make_distractor
from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.handwriting.signatures import make_initials, make_signature
from docdetect.synth.ink import Ink, Pen, pen_ink
from docdetect.synth.layouts.draft import script_of
from docdetect.synth.patch import BlendMode, Patch, resized
from docdetect.synth.raster import draw_sheet
from docdetect.synth.sheet import RGB, Sheet, Slot, Style, Text
from docdetect.synth.stamps.impression import StampShape, make_stamp
from docdetect.synth.text import Writer

_READABLE_PX = 1.3  # px of the page for a module of most QR codes
_DENSE_PX = 0.7  # and of a few
_NAME_IN_HEAD = 0.5  # of the emblems of heads: a firm's name as a trade mark
_SCRIPT_BRAND = 0.85  # of the names that are a letterhead
_WRITTEN = {
    "field": (ScribbleKind.BLOCK, ScribbleKind.BLOCK, ScribbleKind.NOTE, ScribbleKind.NUMBER, ScribbleKind.DATE),
    "date": (ScribbleKind.DATE,),
    "tick": (ScribbleKind.TICK, ScribbleKind.CROSS),
    "note": (ScribbleKind.NOTE, ScribbleKind.NOTE, ScribbleKind.NUMBER, ScribbleKind.BRACKET, ScribbleKind.TICK),
}
LAYERS = ("print", "hand", "stamp", "signature", "code")
_RELATIVES: tuple[CodeKind, ...] = (
    "code128", "code39", "ean13", "itf", "datamatrix", "aztec", "pdf417", "crossword", "halftone",
)  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A patch on the sheet.

    Attributes:
        patch: its `kind` is "" for what is no mark.
        x, y: left top corner, px of the sheet.
        layer: position in LAYERS; lower ones are drawn first.
        mode: whether it lies on the paper as ink or covers it.
        text: payload of a QR code.
        pitch: px of a QR code's module, 0 for other marks.
        fine: the patch before it was brought to the page's scale, where it was drawn finer.
    """

    patch: Patch
    x: int
    y: int
    layer: int
    mode: BlendMode = "ink"
    text: str | None = None
    pitch: float = 0.0
    fine: Patch | None = None


@dataclass(frozen=True)
class Maker:
    """Draws marks for one page; all chance comes from the writer's generator.

    Attributes:
        writer: text, and the source of chance.
        px_per_mm: scale at which marks are drawn.
        fonts: faces for stamps.
        recorded: recorded words, or None.
        finer: how many times finer than the page that is; PDFs keep the fine patches.
    """

    writer: Writer
    px_per_mm: float
    fonts: FontBook
    recorded: RecordedInk | None = None
    finer: float = 1.0

    @property
    def rng(self) -> np.random.Generator:
        """The page's source of chance for marks."""
        return self.writer.rng

    def at(self, patch: Patch, x_mm: float, y_mm: float, layer: str, mode: BlendMode = "ink") -> Placed:
        """The patch with its centre at (x_mm, y_mm) of the sheet."""
        small = resized(patch, 1 / self.finer) if self.finer != 1 else patch
        width, height = small.size_wh
        scale = self.px_per_mm / self.finer
        x, y = round(x_mm * scale - width / 2), round(y_mm * scale - height / 2)
        fine = patch if self.finer != 1 else None
        return Placed(small, x, y, LAYERS.index(layer), mode, fine=fine)

    def signature(self, slot: Slot, ink: Ink | None, pen: Pen | None, *, small: bool = False) -> Placed:
        """A signature on the slot's line, no larger than people make it there; at times initials instead.

        A `small` one is 12 to 26 mm wide, so that a seal holds it whole.
        """
        rng = self.rng
        narrow = slot.w < 20
        if rng.random() < (0.25 if narrow else 0.05):
            patch = make_initials(rng, self.px_per_mm, ink=ink, pen=pen)
            patch = self._fitting(patch, slot.w * 1.5, max(slot.h * 1.5, 9))
        else:
            room_mm = slot.w * float(rng.uniform(1.0, 1.9)), max(slot.h * float(rng.uniform(1.1, 2.4)), 9.0)
            if small:
                room_mm = min(room_mm[0], float(rng.uniform(12, 26))), room_mm[1]
            patch = make_signature(rng, self.px_per_mm, ink=ink, pen=pen, recorded=self.recorded, within_mm=room_mm)
        height = patch.size_wh[1]
        x = slot.x + rng.normal(0, 0.12) * slot.w
        y = slot.y - (height / self.px_per_mm) * float(np.clip(rng.normal(0.22, 0.2), -0.3, 0.6))
        return self.at(patch, x, y, "signature")

    def initials(self, slot: Slot, ink: Ink | None) -> Placed:
        """Initials somewhere in the slot."""
        x, y = self._within(slot)
        return self.at(make_initials(self.rng, self.px_per_mm, ink=ink), x, y, "signature")

    def code(self, slot: Slot, *, white: bool) -> list[Placed]:
        """A QR code as large as the slot allows, now and then coloured or with a logo; on a white label if `white`."""
        rng = self.rng
        side = float(min(slot.w, slot.h)) * self.px_per_mm
        pitch = _DENSE_PX if rng.random() < 0.12 else _READABLE_PX
        code = make_qr(self.writer, max(21, int(side / self.finer / pitch)))
        colour: RGB = (0, 0, 0)
        if rng.random() < 0.12:
            red, green, blue = (int(value) for value in rng.integers(0, 130, 3))
            colour = (red, green, blue)
        logo = (int(rng.integers(255)), int(rng.integers(200)), int(rng.integers(255)))
        patch = qr_patch(code, side, colour, logo if rng.random() < 0.5 else None)
        pitch = side / self.finer / code.modules.shape[0]
        placed = replace(self.at(patch, slot.x, slot.y, "code"), text=code.text, pitch=pitch)
        if not white:
            return [placed]
        quiet = round(side * 4 / code.modules.shape[0])
        width, height = (length + 2 * quiet for length in patch.size_wh)
        label = Patch(np.full((height, width, 4), 255, np.uint8), "")
        return [self.at(label, slot.x, slot.y, "print", "cover"), placed]

    def code_relative(self, slot: Slot) -> Placed:
        """A bar code or something as dark and square that is no QR code."""
        rng = self.rng
        kind = _RELATIVES[int(rng.integers(len(_RELATIVES)))]
        rgba = draw_relative(self.writer, kind)
        wide = rgba.shape[1] / rgba.shape[0]
        limit = slot.w * (1.0 if wide < 1.6 else float(rng.uniform(1.2, 2.4))) * self.px_per_mm
        patch = resized(Patch.cropped(_fine(rgba), ""), limit / _fine_width(rgba))
        return self.at(patch, slot.x, slot.y, "print")

    def digital_signature(self, slot: Slot) -> Placed:
        """The printed block of an electronic signature: who, when, which certificate, in a frame."""
        rng, writer = self.rng, self.writer
        style = Style(self.fonts.choose(rng, script_of(writer)), float(rng.uniform(2.0, 3.0)))
        colour: RGB = (20, 60, 150) if rng.random() < 0.5 else (20, 20, 24)
        style = style.coloured(colour)
        sheet = Sheet(float(rng.uniform(45, 80)), 60.0)
        lines = (
            writer.language.signed,
            writer.person(),
            f"{writer.digits(8)}{writer.digits(12)}",
            f"{writer.date()} {writer.digits(2)}:{writer.digits(2)}",
        )
        y = 1.5
        for line in lines[: int(rng.integers(2, 5))]:
            y = sheet.paragraph((2.0, y, sheet.width - 4), line, style, 1.2, "left")
        if rng.random() < 0.7:
            sheet.rect((0.3, 0.3, sheet.width - 0.3, y + 1.2), 0.35, colour)
        size_wh = round(sheet.width * self.px_per_mm), round(sheet.height * self.px_per_mm)
        pixels = draw_sheet(sheet, size_wh)
        rgba = np.empty((*pixels.shape[:2], 4), np.uint8)
        rgba[:, :, :3] = colour
        rgba[:, :, 3] = 255 - pixels.min(axis=2)
        return self.at(Patch.cropped(rgba, "digital_signature"), slot.x, slot.y, "print")

    def stamp(self, x_mm: float, y_mm: float, ink: Ink, shape: StampShape | None = None) -> Placed:
        """A stamp around (x_mm, y_mm)."""
        script = script_of(self.writer) if self.rng.random() < 0.7 else None
        patch = make_stamp(self.rng, self.px_per_mm, self.fonts, shape=shape, script=script, ink=ink)
        return self.at(patch, x_mm, y_mm, "stamp")

    def emblem(self, slot: Slot) -> Placed:
        """What is printed in a head: a logo, arms, an ornament, a name in script type; neither stamp nor signature."""
        if self.rng.random() < _NAME_IN_HEAD:
            patch, across = make_distractor(self.rng, self.px_per_mm, self.fonts), 3.0
        else:
            patch, across = make_not_stamp(self.rng, self.px_per_mm, self.fonts), 1.6
        return self.at(self._fitting(patch, slot.w * across, slot.h), slot.x, slot.y, "print")

    def brand(self, slot: Slot) -> Placed:
        """A firm's name in script type or bold letters, as large as the slot allows."""
        kind = DistractorKind.SCRIPT_MARK if self.rng.random() < _SCRIPT_BRAND else DistractorKind.LETTER_MARK
        patch = make_distractor(self.rng, self.px_per_mm, self.fonts, kind=kind)
        return self.at(resized(patch, self._room(patch, slot.w, slot.h)), slot.x, slot.y, "print")

    def icon(self, slot: Slot) -> Placed:
        """What a form prints beside its text: a pictogram, or its year."""
        kind = DistractorKind.YEAR if slot.kind == "year" else DistractorKind.PICTOGRAM
        patch = make_distractor(self.rng, self.px_per_mm, self.fonts, kind=kind)
        return self.at(self._fitting(patch, slot.w, slot.h), slot.x, slot.y, "print")

    def handwriting(self, slot: Slot, ink: Ink, pen: Pen) -> Placed:
        """What people write by hand and is no signature, in a field, as a date, as a tick, as a note."""
        kinds = _WRITTEN[slot.kind]
        kind = kinds[int(self.rng.integers(len(kinds)))]
        patch = make_scribble(self.rng, self.px_per_mm, kind=kind, ink=ink, pen=pen, recorded=self.recorded)
        patch = self._fitting(patch, slot.w * 1.1, slot.h * 1.3)
        y = slot.y - (patch.size_wh[1] / self.px_per_mm) * (0.4 if slot.kind != "tick" else 0.0)
        return self.at(patch, slot.x + float(self.rng.normal(0, 0.05)) * slot.w, y, "hand")

    def correction(self, kind: ScribbleKind, text: Text) -> Placed:
        """A line of print struck out, circled or blacked out."""
        patch = make_scribble(self.rng, self.px_per_mm, kind=kind)
        width, height = text.style.width(text.text), text.style.size_mm
        if kind is ScribbleKind.CIRCLE:
            patch = self._fitting(patch, width * 1.5, height * 3)
        else:
            patch = self._fitting(patch, max(width, 12.0) * 1.1, height * 2)
        reach = max(0.0, width - patch.size_wh[0] / self.px_per_mm) / 2
        x = text.x + width / 2 + float(self.rng.uniform(-1, 1)) * reach
        return self.at(patch, x, text.y - height * 0.35, "print")

    def own_ink(self) -> Ink:
        """The ink of somebody's pen."""
        return pen_ink(self.rng)

    def like(self, ink: Ink) -> Ink:
        """Pen ink of the colour of a stamp."""
        shade = int(self.rng.integers(-25, 20))
        red, green, blue = (int(np.clip(value + shade, 0, 235)) for value in ink.rgb)
        return replace(ink, rgb=(red, green, blue), opacity=float(self.rng.uniform(0.7, 1.0)))

    def _fitting(self, patch: Patch, width_mm: float, height_mm: float) -> Patch:
        """The patch, shrunk where it is larger than so many mm."""
        factor = self._room(patch, width_mm, height_mm)
        return resized(patch, factor) if factor < 1 else patch

    def _room(self, patch: Patch, width_mm: float, height_mm: float) -> float:
        """How many times as large the patch may be in so many mm."""
        width, height = patch.size_wh
        return min(width_mm * self.px_per_mm / width, height_mm * self.px_per_mm / height)

    def _within(self, slot: Slot) -> tuple[float, float]:
        x, y = self.rng.uniform(-0.4, 0.4, 2)
        return slot.x + float(x) * slot.w, slot.y + float(y) * slot.h


def _fine(rgba: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Modules enlarged, so that averaging them down to their size on the page keeps their shape."""
    return np.ascontiguousarray(rgba.repeat(4, axis=0).repeat(4, axis=1))


def _fine_width(rgba: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
    return int(rgba.shape[1]) * 4
