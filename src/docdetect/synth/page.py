"""One page: laid out, signed and stamped, printed, damaged, and each mark's box measured on the ink that is left.

Page `number` of seed `seed` is the same page on any number of workers: every step has a generator of its own, keyed by
seed, page and step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.layouts import lay_out
from docdetect.synth.marks import Maker, Placed
from docdetect.synth.paper.damage import background, bleed_through, damage_picture, damage_sheet
from docdetect.synth.paper.geometry import Geometry
from docdetect.synth.paper.processes import PAPER_KINDS, Finish, PaperKind, draw_finish, draw_geometry
from docdetect.synth.patch import composite
from docdetect.synth.placement import draw_habits, place_marks
from docdetect.synth.raster import draw_sheet
from docdetect.synth.sheet import Sheet
from docdetect.synth.text import Writer, draw_writer
from docdetect.types import ByteArray, SizeWH

_STEPS = ("page", "text", "marks", "finish", "geometry", "sheet", "behind", "picture", "bleed")
_LEAST_VISIBLE = 0.3  # of a mark's ink; with less left the mark is not drawn at all
_LEAST_SIDE_PX = 5
_LEAST_PITCH_PX = 1.25  # of a QR code in 1-bit copies; smaller modules run together into a black square
_CLEAN = 20  # darkening, out of 255, from which ink counts on clean white paper


@dataclass(frozen=True)
class Materials:
    """What all pages of a run share.

    Attributes:
        fonts: faces for text and stamps.
        recorded: recorded words, or None.
        layouts, papers: name -> weight; how often each is drawn.
        empty: share of pages without any mark.
        turned: share of pages turned by quarters.
    """

    fonts: FontBook
    recorded: RecordedInk | None
    layouts: Mapping[str, float]
    papers: Mapping[str, float]
    empty: float = 0.15
    turned: float = 0.06


@dataclass(frozen=True)
class PageMark:
    """A mark that can be seen on a finished page.

    Attributes:
        kind: its finest class, such as "stamp_notary".
        box: left, top, right, bottom px (right and bottom exclusive) around its ink.
        text: payload of a QR code.
        placed: where it lies on the sheet.
    """

    kind: str
    box: tuple[int, int, int, int]
    text: str | None
    placed: Placed


@dataclass(frozen=True)
class PagePlan:
    """All that is decided about a page before it is drawn."""

    key: tuple[int, int]
    sheet: Sheet
    sheet_wh: SizeWH
    placed: tuple[Placed, ...]
    finish: Finish
    geometry: Geometry
    layout: str


@dataclass(frozen=True)
class SynthPage:
    """A finished page.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        marks: what can be seen on it.
        distractors: boxes, in px as those of the marks, around what was drawn to resemble a mark and is none.
        drawn: all patches that lie on it, marks and others, in drawing order.
        plan: what it was drawn from.
    """

    pixels: ByteArray
    marks: tuple[PageMark, ...]
    distractors: tuple[tuple[int, int, int, int], ...]
    drawn: tuple[Placed, ...] = field(repr=False)
    plan: PagePlan = field(repr=False)


def make_page(seed: int, number: int, long_side: int, materials: Materials, *, fine: float = 1.0) -> SynthPage:
    """Page `number` (from 0) of `seed`, its longer side `long_side` px; marks are made `fine` times finer for PDFs."""
    return draw_page(plan_page(seed, number, long_side, materials, fine=fine))


def plan_page(seed: int, number: int, long_side: int, materials: Materials, *, fine: float = 1.0) -> PagePlan:
    """Decides everything about a page."""
    key = seed, number
    rng = _generator(key, "page")
    layout = _choice(rng, materials.layouts)
    paper = _paper(_choice(rng, materials.papers))
    empty = bool(rng.random() < materials.empty)
    writer = draw_writer(_generator(key, "text"))
    draft = lay_out(layout, writer, materials.fonts)
    sheet = draft.sheet
    px_per_mm = long_side / max(sheet.width, sheet.height)
    sheet_wh = round(sheet.width * px_per_mm), round(sheet.height * px_per_mm)
    marking = Writer(_generator(key, "marks"), writer.language, writer.second)
    finer = fine if paper == "digital" else 1.0
    maker = Maker(marking, px_per_mm * finer, materials.fonts, materials.recorded, finer)
    habits = draw_habits(maker.rng, empty=empty, codes=layout == "codes")
    placed = tuple(place_marks(maker, sheet, habits, empty=empty))
    finish = draw_finish(_generator(key, "finish"), paper)
    geometry = draw_geometry(_generator(key, "geometry"), paper, sheet_wh, materials.turned)
    return PagePlan(key, sheet, sheet_wh, placed, finish, geometry, layout)


def draw_page(plan: PagePlan) -> SynthPage:
    """Draws a planned page. Marks of which too little would be seen are left out, ink and label."""
    finish, geometry = plan.finish, plan.geometry
    pixels = draw_sheet(plan.sheet, plan.sheet_wh)
    if finish.grey:
        pixels = np.asarray(cv2.merge([cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)] * 3), np.uint8)
    if finish.bleed > 0:
        pixels = bleed_through(_generator(plan.key, "bleed"), pixels, finish.bleed)
    marks, distractors, drawn = [], [], []
    for placed in plan.placed:
        if finish.threshold is not None and 0 < placed.pitch < _LEAST_PITCH_PX:
            continue
        box = _lay(pixels, placed, plan)
        if box is None:
            continue
        drawn.append(placed)
        if placed.patch.kind:
            marks.append(PageMark(placed.patch.kind, geometry.turn_box(box), placed.text, placed))
        elif placed.mode == "ink" and box[0] < box[2] and box[1] < box[3]:  # "cover" is the white label under a code
            distractors.append(geometry.turn_box(box))
    pixels = damage_sheet(_generator(plan.key, "sheet"), pixels, finish)
    behind = background(_generator(plan.key, "behind"), geometry.picture_wh, finish)
    pixels = geometry.warp_page(pixels, behind)
    pixels = damage_picture(_generator(plan.key, "picture"), pixels, finish)
    return SynthPage(geometry.turn_pixels(pixels), tuple(marks), tuple(distractors), tuple(drawn), plan)


def _lay(pixels: ByteArray, placed: Placed, plan: PagePlan) -> tuple[int, int, int, int] | None:
    """Lays a patch on the sheet, in place, and returns the box of the ink that will be seen in the picture.

    Of what is no mark it is the box of the whole patch, some px too large where the paper is turned or bent. None, and
    the sheet unchanged, when less than _LEAST_VISIBLE of the ink of a mark would be seen.
    """
    width, height = placed.patch.size_wh
    left, top = max(placed.x, 0), max(placed.y, 0)
    region = pixels[top : max(placed.y + height, 0), left : max(placed.x + width, 0)]
    before = region.copy()
    if composite(pixels, placed.patch, (placed.x, placed.y), placed.mode) is None:
        return None
    if not placed.patch.kind:
        return plan.geometry.picture_box(region.shape[1], region.shape[0], (left, top))
    darkening = _darkening(before, region, plan.finish)
    seen, (x, y) = plan.geometry.warp_mask(darkening, (left, top))
    ink = _softened(seen, plan.finish) >= plan.finish.floor
    box = cv2.boundingRect(ink.view(np.uint8)) if ink.size else (0, 0, 0, 0)
    expected = _expected_ink(placed)
    if min(box[2:]) < _LEAST_SIDE_PX or int(ink.sum()) < _LEAST_VISIBLE * expected:
        region[:] = before
        return None
    return x + box[0], y + box[1], x + box[0] + box[2], y + box[1] + box[3]


def _darkening(before: ByteArray, after: ByteArray, finish: Finish) -> ByteArray:
    """How much darker each px became, uint8 (H, W): in luma where the finish drops colours, else in any channel."""
    change = cv2.subtract(before, after)
    if finish.grey:
        darker = np.asarray(cv2.cvtColor(change, cv2.COLOR_RGB2GRAY), np.uint8)
        if finish.threshold is not None:  # what the copy makes black anyway hides the ink on it
            darker[before.min(axis=2) < finish.threshold] = 0
        return darker
    return np.asarray(change.max(axis=2), np.uint8)


def _softened(mask: ByteArray, finish: Finish) -> ByteArray:
    """The mask after what the finish does to sharpness; of 1-bit copies the darkest quarter of each px counts."""
    if mask.size == 0:
        return mask
    if finish.blur_px > 0.15:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), finish.blur_px), np.uint8)
    if finish.coarse < 1:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.35 / finish.coarse), np.uint8)
    if finish.threshold is not None:
        fine = cv2.resize(mask, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        fine = cv2.dilate(fine, np.ones((2, 2), np.uint8), anchor=(0, 0))
        mask = np.ascontiguousarray(fine[::2, ::2])
    return mask


def _expected_ink(placed: Placed) -> int:
    """Px of the whole mark that would be seen on clean white paper."""
    rgba = placed.patch.rgba
    darkness = rgba[:, :, 3].astype(np.uint16) * (255 - rgba[:, :, :3].min(axis=2)) // 255
    return int((darkness >= _CLEAN).sum())


def _generator(key: tuple[int, int], step: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([*key, _STEPS.index(step)])))


def _choice(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    names = [name for name, weight in weights.items() if weight > 0]
    shares = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _paper(name: str) -> PaperKind:
    return next(kind for kind in PAPER_KINDS if kind == name)
