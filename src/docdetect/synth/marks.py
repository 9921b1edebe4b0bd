"""Draws the marks and the distractors of one page, at the page's scale and with its fonts, and puts them on the sheet.

`placement.py` decides which marks a page has and where; this module makes each of them fit its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from docdetect.synth.codes import make_qr, qr_patch
from docdetect.synth.distractors.codes import CodeDistractorKind, draw_code_distractor
from docdetect.synth.distractors.form_signs import make_pictogram, make_year
from docdetect.synth.distractors.print_blocks import PrintBlockKind, make_print_block
from docdetect.synth.distractors.seals import make_seal_distractor
from docdetect.synth.distractors.signatures import SignatureDistractorKind, make_signature_distractor
from docdetect.synth.distractors.stamps import make_stamp_distractor
from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.manuscripts import make_manuscript
from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.handwriting.signatures import SignatureStyle, make_initials, make_signature
from docdetect.synth.ink import RGB, Ink, Pen, pen_ink
from docdetect.synth.layouts.draft import script_of
from docdetect.synth.page_layout import PageLayout, Slot, Text, TextStyle
from docdetect.synth.patch import BlendMode, Patch, resized
from docdetect.synth.raster import draw_layout
from docdetect.synth.stamps.impression import StampShape, make_stamp
from docdetect.synth.text import Writer
from docdetect.types import ByteArray

# Layers of a page; a patch of an earlier layer is drawn before one of a later layer.
LAYERS = ("print", "hand", "stamp", "signature", "code")

# Initials in place of a signature: probability on a line shorter than 20 mm, and on a longer one.
_P_INITIALS_ON_SHORT_LINE = 0.25
_P_INITIALS_ON_LONG_LINE = 0.05
_SHORT_LINE_MM = 20

# Pictures in slots narrower than this are ornamental initials.
_INITIAL_MM = 26

# Rows lower than this, such as those of title blocks, are signed in small letters.
_LOW_ROW_MM = 7.5

# Least size of a QR code's module on the page: of most codes, and of a few dense ones that can hardly be read.
_USUAL_MODULE_PX = 1.3
_DENSE_MODULE_PX = 0.7

# Probabilities that a QR code is dense, that it is coloured, and that it has a logo where its error level allows one.
_P_DENSE_CODE = 0.12
_P_COLOURED_CODE = 0.12
_P_LOGO_IN_CODE = 0.5

# Quiet zone of a code whose modules are not known, as a share of its width: four modules of fifty.
_QUIET_ZONE = 0.08

# How often the modules of a code distractor are repeated before they are averaged down to their size on the page.
_MODULE_REPEATS = 4

# Probability that a letterhead's emblem is a firm's name printed as a trade mark, and no logo or coat of arms.
_P_NAME_AS_EMBLEM = 0.35

# Probability that another emblem is a printed seal or a firm's logo in a ring or a box.
_P_SEAL_AS_EMBLEM = 0.5

# Probability that a firm's name printed as its trade mark is in script type, and not in bold capitals.
_P_BRAND_IN_SCRIPT_TYPE = 0.85

# Probability that a stamp has the script of the document's languages, and not any script.
_P_STAMP_IN_SCRIPT_OF_DOCUMENT = 0.7

_CODE_DISTRACTORS: tuple[CodeDistractorKind, ...] = (
    "code128", "code39", "ean13", "itf", "datamatrix", "aztec", "pdf417", "crossword", "halftone",
)  # fmt: skip

# What people write by hand into each kind of slot; a kind that stands twice is twice as likely.
_WRITTEN_INTO = {
    "field": (ScribbleKind.BLOCK, ScribbleKind.BLOCK, ScribbleKind.NOTE, ScribbleKind.NUMBER, ScribbleKind.DATE),
    "date": (ScribbleKind.DATE,),
    "tick": (ScribbleKind.TICK, ScribbleKind.CROSS),
    "note": (ScribbleKind.NOTE, ScribbleKind.NOTE, ScribbleKind.NUMBER, ScribbleKind.BRACKET, ScribbleKind.TICK),
}


@dataclass(frozen=True)
class PlacedPatch:
    """A patch and where it lies on the sheet of paper.

    Attributes:
        patch: the picture; its `kind` is "" for a distractor.
        x_px, y_px: position of its left top corner on the sheet.
        layer: position in LAYERS.
        mode: "ink" for ink on the paper, "cover" for a label that hides the paper.
        text: payload of a QR code, None for other patches.
        module_px: width of a QR code's module, 0 for other patches.
        oversampled: the patch before it was brought to the page's scale, where it was drawn larger; PDFs hold this one.
        name: what the patch shows, such as "office stamp" or "date beside a signature", for contact sheets and counts.
    """

    patch: Patch
    x_px: int
    y_px: int
    layer: int
    mode: BlendMode = "ink"
    text: str | None = None
    module_px: float = 0.0
    oversampled: Patch | None = None
    name: str = ""


class MarkSource(Protocol):
    """Where signatures and stamps come from that are not drawn, such as marks that were cut out of real pages.

    A source is sent to worker processes, so that it must be picklable.
    """

    @property
    def digest(self) -> str:
        """SHA-256 of all marks, in hexadecimal digits: a dataset goes on only with the same marks."""
        ...

    def draw(
        self,
        rng: np.random.Generator,
        category: Literal["signature", "stamp", "qr"],
        px_per_mm: float,
        within_mm: tuple[float, float] | None,
    ) -> Patch | None:
        """A mark of this class at the page's scale.

        Args:
            rng: random generator; the same state gives the same mark.
            category: the class.
            px_per_mm: resolution of the page.
            within_mm: (width, height) that a signature must not exceed, and that a code fills; None for no limit.

        Returns:
            The mark, or None where the source has none that fits, so that one is drawn.
        """
        ...


@dataclass(frozen=True)
class MarkMaker:
    """Draws marks and distractors for one page; the writer's random generator decides everything.

    Attributes:
        writer: writes texts, and holds the random generator.
        px_per_mm: scale at which patches are drawn.
        fonts: font faces for stamps and logos.
        recorded: recorded handwriting, or None.
        oversampling: how many times larger than on the page patches are drawn.
        source: where signatures and stamps come from that are not drawn, or None.
        p_from_source: probability that a signature, a stamp or a code is asked of the source.
        mark_scale: how many times larger than usual signatures and stamps of this page are.
    """

    writer: Writer
    px_per_mm: float
    fonts: FontBook
    recorded: RecordedInk | None = None
    oversampling: float = 1.0
    source: MarkSource | None = None
    p_from_source: float = 0.5
    mark_scale: float = 1.0

    @property
    def rng(self) -> np.random.Generator:
        """The random generator for the marks of the page."""
        return self.writer.rng

    @property
    def drawn_px_per_mm(self) -> float:
        """Resolution at which signatures and stamps are drawn, so that they come out `mark_scale` times as large."""
        return self.px_per_mm * self.mark_scale

    @property
    def page_px_per_mm(self) -> float:
        """Resolution of the page, at which patches lie on it."""
        return self.px_per_mm / self.oversampling

    def box_mm(self, placed: PlacedPatch) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in mm of a patch that was placed."""
        scale = self.page_px_per_mm
        width, height = placed.patch.size_wh
        return placed.x_px / scale, placed.y_px / scale, (placed.x_px + width) / scale, (placed.y_px + height) / scale

    def size_mm(self, patch: Patch) -> tuple[float, float]:
        """(width, height) in mm of a patch that was drawn for the page."""
        width, height = patch.size_wh
        return width / self.px_per_mm, height / self.px_per_mm

    def shrunk_to(self, patch: Patch, width_mm: float, height_mm: float) -> Patch:
        """The patch, made smaller where it is wider than `width_mm` or higher than `height_mm`."""
        factor = self._largest_factor(patch, width_mm, height_mm)
        return resized(patch, factor) if factor < 1 else patch

    def at(
        self, patch: Patch, x_mm: float, y_mm: float, layer: str, mode: BlendMode = "ink", name: str = ""
    ) -> PlacedPatch:
        """The patch with its centre at (x_mm, y_mm) of the sheet; `layer` is one of LAYERS."""
        oversampled = self.oversampling != 1
        on_page = resized(patch, 1 / self.oversampling) if oversampled else patch
        width, height = on_page.size_wh
        x, y = round(x_mm * self.page_px_per_mm - width / 2), round(y_mm * self.page_px_per_mm - height / 2)
        drawn = patch if oversampled else None
        return PlacedPatch(on_page, x, y, LAYERS.index(layer), mode, oversampled=drawn, name=name)

    def signature(
        self, slot: Slot, ink: Ink | None, pen: Pen | None, *, small: bool = False, name: str = "signature"
    ) -> PlacedPatch:
        """A signature on the slot's line, no larger than people make it there, or now and then initials.

        Args:
            slot: a slot of kind "signature".
            ink, pen: None for the usual mixture.
            small: whether the signature is at most 12 to 26 mm wide, so that a seal can hold it whole.
            name: name of the patch.
        """
        rng = self.rng
        short = slot.width_mm < _SHORT_LINE_MM
        if rng.random() < (_P_INITIALS_ON_SHORT_LINE if short else _P_INITIALS_ON_LONG_LINE):
            patch = make_initials(rng, self.drawn_px_per_mm, ink=ink, pen=pen)
            room_mm = slot.width_mm * 1.5 * self.mark_scale, self._room_above(slot) * self.mark_scale
            patch = self.shrunk_to(patch, *room_mm)
        else:
            room_mm = (
                slot.width_mm * float(rng.uniform(1.0, 1.9)),
                self._room_above(slot),
            )
            if small:
                room_mm = min(room_mm[0], float(rng.uniform(12, 26))), room_mm[1]
            patch = self._from_source("signature", room_mm) or make_signature(
                rng, self.drawn_px_per_mm, ink=ink, pen=pen, recorded=self.recorded, within_mm=room_mm
            )
        _, height_mm = self.size_mm(patch)
        x_mm = slot.x_mm + rng.normal(0, 0.12) * slot.width_mm
        y_mm = slot.y_mm - height_mm * float(np.clip(rng.normal(0.22, 0.2), -0.3, 0.6))
        return self.at(patch, x_mm, y_mm, "signature", name=name)

    def drawn_signature(self, style: SignatureStyle | None, ink: Ink | None, within_mm: tuple[float, float]) -> Patch:
        """A signature no larger than `within_mm` (width, height); style None takes the usual mixture or the source."""
        patch = self._from_source("signature", within_mm) if style is None else None
        return patch or make_signature(
            self.rng, self.px_per_mm, style=style, ink=ink, recorded=self.recorded, within_mm=within_mm
        )

    def initials(self, slot: Slot, ink: Ink | None) -> PlacedPatch:
        """Initials somewhere in the slot."""
        x_mm, y_mm = self._somewhere_in(slot)
        patch = make_initials(self.rng, self.drawn_px_per_mm, ink=ink)
        return self.at(patch, x_mm, y_mm, "signature", name="initials")

    def code(self, slot: Slot, *, label: bool) -> list[PlacedPatch]:
        """A QR code as large as the slot allows, now and then coloured or with a logo.

        Args:
            slot: a slot of kind "code".
            label: whether a white label with the quiet zone lies under the code.

        Returns:
            The label, if there is one, and the code.
        """
        rng = self.rng
        side_mm = float(min(slot.width_mm, slot.height_mm))
        if (found := self._from_source("qr", (side_mm, side_mm))) is not None:
            quiet_zone_px = round(found.size_wh[0] * _QUIET_ZONE) if label else 0
            return self._on_label(self.at(found, slot.x_mm, slot.y_mm, "code"), found, slot, quiet_zone_px)
        side_px = side_mm * self.px_per_mm
        least_module_px = _DENSE_MODULE_PX if rng.random() < _P_DENSE_CODE else _USUAL_MODULE_PX
        code = make_qr(self.writer, max(21, int(side_px / self.oversampling / least_module_px)))
        colour: RGB = (0, 0, 0)
        if rng.random() < _P_COLOURED_CODE:
            red, green, blue = (int(value) for value in rng.integers(0, 130, 3))
            colour = (red, green, blue)
        logo = (int(rng.integers(255)), int(rng.integers(200)), int(rng.integers(255)))
        patch = qr_patch(code, side_px, colour, logo if rng.random() < _P_LOGO_IN_CODE else None)
        modules = code.modules.shape[0]
        module_px = side_px / self.oversampling / modules
        placed = replace(self.at(patch, slot.x_mm, slot.y_mm, "code"), text=code.text, module_px=module_px)
        return self._on_label(placed, patch, slot, round(side_px * 4 / modules) if label else 0)

    def _on_label(self, placed: PlacedPatch, patch: Patch, slot: Slot, quiet_zone_px: int) -> list[PlacedPatch]:
        """The placed code `patch`, and below it a white label that reaches beyond it by `quiet_zone_px`, unless 0."""
        if not quiet_zone_px:
            return [placed]
        width, height = (length + 2 * quiet_zone_px for length in patch.size_wh)
        white = Patch(np.full((height, width, 4), 255, np.uint8), "")
        return [self.at(white, slot.x_mm, slot.y_mm, "print", "cover"), placed]

    def code_distractor(self, slot: Slot) -> PlacedPatch:
        """A bar code, or something as dark and square as a QR code that is none."""
        rng = self.rng
        kind = _CODE_DISTRACTORS[int(rng.integers(len(_CODE_DISTRACTORS)))]
        modules = draw_code_distractor(self.writer, kind)
        width_by_height = modules.shape[1] / modules.shape[0]
        wider = 1.0 if width_by_height < 1.6 else float(rng.uniform(1.2, 2.4))
        width_px = slot.width_mm * wider * self.px_per_mm
        enlarged = _enlarged(modules)
        patch = resized(Patch.cropped(enlarged, ""), width_px / enlarged.shape[1])
        return self.at(patch, slot.x_mm, slot.y_mm, "print")

    def digital_signature(self, slot: Slot) -> PlacedPatch:
        """The printed block of an electronic signature: who signed, when, with which certificate, often in a frame."""
        rng, writer = self.rng, self.writer
        style = TextStyle(self.fonts.choose(rng, script_of(writer)), float(rng.uniform(2.0, 3.0)))
        colour: RGB = (20, 60, 150) if rng.random() < 0.5 else (20, 20, 24)
        style = style.coloured(colour)
        layout = PageLayout(float(rng.uniform(45, 80)), 60.0)
        lines = (
            writer.language.signed,
            writer.person(),
            f"{writer.digits(8)}{writer.digits(12)}",
            f"{writer.date()} {writer.digits(2)}:{writer.digits(2)}",
        )
        y = 1.5
        for line in lines[: int(rng.integers(2, 5))]:
            y = layout.paragraph((2.0, y, layout.width_mm - 4), line, style, 1.2, "left")
        if rng.random() < 0.7:
            layout.rect((0.3, 0.3, layout.width_mm - 0.3, y + 1.2), 0.35, colour)
        size_wh = round(layout.width_mm * self.px_per_mm), round(layout.height_mm * self.px_per_mm)
        pixels = draw_layout(layout, size_wh)
        rgba = np.empty((*pixels.shape[:2], 4), np.uint8)
        rgba[:, :, :3] = colour
        rgba[:, :, 3] = 255 - pixels.min(axis=2)
        return self.at(Patch.cropped(rgba, "digital_signature"), slot.x_mm, slot.y_mm, "print")

    def stamp(self, x_mm: float, y_mm: float, ink: Ink, shape: StampShape | None = None) -> PlacedPatch:
        """A stamp whose centre is at (x_mm, y_mm); `shape` None takes the usual mixture."""
        script = script_of(self.writer) if self.rng.random() < _P_STAMP_IN_SCRIPT_OF_DOCUMENT else None
        patch = self._from_source("stamp", None) if shape is None else None
        patch = patch or make_stamp(self.rng, self.drawn_px_per_mm, self.fonts, shape=shape, script=script, ink=ink)
        return self.at(patch, x_mm, y_mm, "stamp", name="stamp")

    def emblem(self, slot: Slot) -> PlacedPatch:
        """A distractor printed in a letterhead: a logo, arms, an ornament, or a name in script type."""
        if self.rng.random() < _P_NAME_AS_EMBLEM:
            patch, wider = make_signature_distractor(self.rng, self.px_per_mm, self.fonts), 3.0
        elif self.rng.random() < _P_SEAL_AS_EMBLEM:
            patch, wider = make_seal_distractor(self.rng, self.px_per_mm, self.fonts), 2.0
        else:
            patch, wider = make_stamp_distractor(self.rng, self.px_per_mm, self.fonts), 1.6
        patch = self.shrunk_to(patch, slot.width_mm * wider, slot.height_mm)
        return self.at(patch, slot.x_mm, slot.y_mm, "print", name="emblem")

    def brand(self, slot: Slot) -> PlacedPatch:
        """A firm's name in script type or in bold capitals, as large as the slot allows."""
        in_script_type = self.rng.random() < _P_BRAND_IN_SCRIPT_TYPE
        kind = SignatureDistractorKind.SCRIPT_NAME if in_script_type else SignatureDistractorKind.LETTER_NAME
        patch = make_signature_distractor(self.rng, self.px_per_mm, self.fonts, kind=kind)
        patch = resized(patch, self._largest_factor(patch, slot.width_mm, slot.height_mm))
        return self.at(patch, slot.x_mm, slot.y_mm, "print", name="brand")

    def form_sign(self, slot: Slot) -> PlacedPatch:
        """A sign that forms print beside their text: a pictogram, or the form's year in a slot of kind "year"."""
        make = make_year if slot.kind == "year" else make_pictogram
        patch = make(self.rng, self.px_per_mm, self.fonts)
        return self.at(self.shrunk_to(patch, slot.width_mm, slot.height_mm), slot.x_mm, slot.y_mm, "print")

    def handwriting(self, slot: Slot, ink: Ink, pen: Pen) -> PlacedPatch:
        """Handwriting that is no signature, in a slot of kind "field", "date", "tick" or "note"."""
        kinds = _WRITTEN_INTO[slot.kind]
        kind = kinds[int(self.rng.integers(len(kinds)))]
        patch = make_scribble(self.rng, self.px_per_mm, kind=kind, ink=ink, pen=pen, recorded=self.recorded)
        patch = self.shrunk_to(patch, slot.width_mm * 1.1, slot.height_mm * 1.3)
        y_mm = slot.y_mm - self.size_mm(patch)[1] * (0.4 if slot.kind != "tick" else 0.0)
        x_mm = slot.x_mm + float(self.rng.normal(0, 0.05)) * slot.width_mm
        return self.at(patch, x_mm, y_mm, "hand", name=f"handwriting: {kind.value}")

    def manuscript(self, slot: Slot, tool: tuple[Ink, Pen]) -> PlacedPatch:
        """Lines of handwriting that fill a slot of kind "script", written with this ink and pen."""
        patch = make_manuscript(self.rng, self.px_per_mm, (slot.width_mm, slot.height_mm), tool, self.recorded)
        return self.at(patch, slot.x_mm, slot.y_mm, "hand", name="handwritten page")

    def woodcut(self, slot: Slot) -> PlacedPatch:
        """A printed picture of short strokes, or an ornamental initial in a small slot."""
        kind = PrintBlockKind.INITIAL if slot.width_mm < _INITIAL_MM else PrintBlockKind.WOODCUT
        patch = make_print_block(self.rng, self.px_per_mm, self.fonts, kind=kind)
        patch = resized(patch, self._largest_factor(patch, slot.width_mm, slot.height_mm))
        return self.at(patch, slot.x_mm, slot.y_mm, "print", name=kind.value)

    def correction(self, kind: ScribbleKind, text: Text) -> PlacedPatch:
        """A printed line that was struck out, circled or blacked out; `kind` is STRIKE, CIRCLE or REDACTION."""
        patch = make_scribble(self.rng, self.px_per_mm, kind=kind)
        width_mm, height_mm = text.style.width(text.text), text.style.size_mm
        if kind is ScribbleKind.CIRCLE:
            patch = self.shrunk_to(patch, width_mm * 1.5, height_mm * 3)
        else:
            patch = self.shrunk_to(patch, max(width_mm, 12.0) * 1.1, height_mm * 2)
        play_mm = max(0.0, width_mm - self.size_mm(patch)[0]) / 2
        x_mm = text.x_mm + width_mm / 2 + float(self.rng.uniform(-1, 1)) * play_mm
        return self.at(patch, x_mm, text.y_mm - height_mm * 0.35, "print")

    def own_ink(self) -> Ink:
        """The ink of somebody's own pen."""
        return pen_ink(self.rng)

    def ink_like(self, stamp_ink: Ink) -> Ink:
        """The ink of a pen that has the colour of a stamp."""
        shade = int(self.rng.integers(-25, 20))
        red, green, blue = (int(np.clip(value + shade, 0, 235)) for value in stamp_ink.rgb)
        return replace(stamp_ink, rgb=(red, green, blue), opacity=float(self.rng.uniform(0.7, 1.0)))

    def _room_above(self, slot: Slot) -> float:
        """Height in mm that a signature on the slot's line may have: low rows of tables are signed in small letters."""
        if slot.height_mm < _LOW_ROW_MM:
            return slot.height_mm * float(self.rng.uniform(0.7, 1.7))
        return max(slot.height_mm * float(self.rng.uniform(1.1, 2.4)), 9.0)

    def _from_source(
        self, category: Literal["signature", "stamp", "qr"], within_mm: tuple[float, float] | None
    ) -> Patch | None:
        """A mark of the source, with the probability that there is; None where the mark is to be drawn."""
        if self.source is None or self.rng.random() >= self.p_from_source:
            return None
        return self.source.draw(self.rng, category, self.drawn_px_per_mm, within_mm)

    def _largest_factor(self, patch: Patch, width_mm: float, height_mm: float) -> float:
        """By which factor the patch can be scaled so that it just fits into `width_mm` x `height_mm`."""
        width, height = patch.size_wh
        return min(width_mm * self.px_per_mm / width, height_mm * self.px_per_mm / height)

    def _somewhere_in(self, slot: Slot) -> tuple[float, float]:
        x, y = self.rng.uniform(-0.4, 0.4, 2)
        return slot.x_mm + float(x) * slot.width_mm, slot.y_mm + float(y) * slot.height_mm


def _enlarged(modules: ByteArray) -> ByteArray:
    """The picture (H, W, 4) with every pixel repeated, so that modules keep their shape when they are averaged down."""
    return np.ascontiguousarray(modules.repeat(_MODULE_REPEATS, axis=0).repeat(_MODULE_REPEATS, axis=1))
