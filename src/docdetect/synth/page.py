"""Makes one page: laid out, signed and stamped, drawn, damaged, and each mark's box measured on the ink that is left.

Page `number` of random seed `seed` is the same page on any number of processes: every step has a random generator of
its own, which depends on the seed, the page and the step alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from docdetect.synth.fonts import FontBook, FontStyle
from docdetect.synth.handwriting.recorded import RecordedInk
from docdetect.synth.laying import lay_on_sheet
from docdetect.synth.layouts import lay_out_page
from docdetect.synth.layouts.draft import script_of
from docdetect.synth.marks import MarkMaker, MarkSource, PlacedPatch
from docdetect.synth.page_layout import PageLayout, TextStyle
from docdetect.synth.paper.copying import (
    COPY_PROCESSES,
    CopyProcess,
    PageDamage,
    random_close_up,
    random_damage,
    random_geometry,
)
from docdetect.synth.paper.damage import background, bleed_through, damage_picture, damage_sheet
from docdetect.synth.paper.geometry import Geometry, close_up, flat
from docdetect.synth.placement import place_marks, random_mark_probabilities
from docdetect.synth.raster import draw_layout
from docdetect.synth.real_pages import RealPage, RealPages
from docdetect.synth.text import Writer, random_writer
from docdetect.types import ByteArray, SizeWH

# The steps that have random generators of their own. The position of a step is part of its generator's seed, so that
# the order must not change.
_STEPS = ("page", "text", "marks", "damage", "geometry", "sheet", "background", "picture", "bleed", "close_up", "real")

# Probability that the signatures and stamps of a page are all larger or smaller than usual, and by how much at most:
# people scan small papers and large ones, and programs save both as pictures of one size.
_P_OTHER_SCALE = 0.3
_SCALES = (0.5, 2.6)

# Probability that a fax shows the line that its machine prints at the top.
_P_FAX_HEADER = 0.7

# Least size of a QR code's module in 1-bit copies; smaller modules run together into a black square.
_MIN_MODULE_PX = 1.25


@dataclass(frozen=True)
class Materials:
    """What all pages of a dataset share.

    Attributes:
        fonts: font faces for text and stamps.
        recorded: recorded handwriting, or None.
        document_weights: kind of document (a key of `layouts.DOCUMENT_KINDS`) -> how often it is drawn.
        copy_weights: way of copying (one of `paper.copying.COPY_PROCESSES`) -> how often it is drawn.
        p_empty: probability that a page has no mark.
        p_turned: probability that a page is turned by 90, 180 or 270 degrees.
        source: where signatures and stamps come from that are not drawn, such as marks cut out of real pages, or None.
        p_from_source: probability that a signature, a stamp or a code is asked of the source.
        real: real pages that marks are laid on besides made-up ones, or None.
    """

    fonts: FontBook
    recorded: RecordedInk | None
    document_weights: Mapping[str, float]
    copy_weights: Mapping[str, float]
    p_empty: float = 0.15
    p_turned: float = 0.06
    source: MarkSource | None = None
    p_from_source: float = 0.5
    real: RealPages | None = None


@dataclass(frozen=True)
class PageMark:
    """A mark that can be seen on a finished page.

    Attributes:
        kind: the mark's finest class, such as "stamp_notary".
        box: left, top, right, bottom px (right and bottom exclusive) around the mark's visible ink.
        text: payload of a QR code, None for other marks.
        placed: the patch from which the mark was drawn, and where it lies on the sheet.
    """

    kind: str
    box: tuple[int, int, int, int]
    text: str | None
    placed: PlacedPatch


@dataclass(frozen=True)
class PagePlan:
    """Everything that is decided about a page before it is drawn.

    Attributes:
        key: (random seed, page number).
        layout: what is printed on the page.
        sheet_wh: (width, height) px of the flat sheet of paper.
        placed: marks and distractors on the sheet, in drawing order.
        damage: what copying does to the page.
        geometry: how the sheet lies in the picture.
        document_kind: key of `layouts.DOCUMENT_KINDS`, or "real" for a real page.
        real: the real page that the marks are laid on; None where the page is made up.
    """

    key: tuple[int, int]
    layout: PageLayout
    sheet_wh: SizeWH
    placed: tuple[PlacedPatch, ...]
    damage: PageDamage
    geometry: Geometry
    document_kind: str
    real: RealPage | None = None


@dataclass(frozen=True)
class SynthPage:
    """A finished page.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        marks: the marks that can be seen on the page.
        distractors: left, top, right, bottom px of the distractors (hard negatives) on the page.
        distractor_names: what each distractor shows.
        drawn: all patches that lie on the page, marks and distractors, in drawing order.
        plan: the plan that the page was drawn from.
    """

    pixels: ByteArray
    marks: tuple[PageMark, ...]
    distractors: tuple[tuple[int, int, int, int], ...]
    distractor_names: tuple[str, ...]
    drawn: tuple[PlacedPatch, ...] = field(repr=False)
    plan: PagePlan = field(repr=False)


def make_page(
    seed: int, number: int, long_side_px: int, materials: Materials, *, oversampling: float = 1.0
) -> SynthPage:
    """Makes page `number` of random seed `seed`; the arguments are those of `plan_page`."""
    return draw_page(plan_page(seed, number, long_side_px, materials, oversampling=oversampling))


def plan_page(
    seed: int, number: int, long_side_px: int, materials: Materials, *, oversampling: float = 1.0
) -> PagePlan:
    """Decides everything about a page.

    Args:
        seed: random seed of the dataset.
        number: page number from 0.
        long_side_px: length of the longer side of the page.
        materials: fonts, recorded handwriting and probabilities.
        oversampling: how many times larger than on the page marks are drawn on pages that become vector pages of a
            PDF.
    """
    key = seed, number
    rng = _generator(key, "page")
    document_kind = _weighted_choice(rng, materials.document_weights)
    copy_process = _copy_process(_weighted_choice(rng, materials.copy_weights))
    empty = bool(rng.random() < materials.p_empty)
    writer = random_writer(_generator(key, "text"))
    real = materials.real.choose(_generator(key, "real")) if materials.real is not None else None
    zoom = 1.0
    if real is not None:
        # What lies on its side on a real page is not known, so that the page is left as it is.
        document_kind, copy_process = "real", real.damage().kind
        layout = real.layout(_generator(key, "geometry"))
    else:
        layout = lay_out_page(document_kind, writer, materials.fonts).layout
        if copy_process == "fax":
            _set_fax_header(layout, writer, materials.fonts)
        zoom = random_close_up(_generator(key, "close_up"), copy_process)
    px_per_mm = long_side_px * zoom / max(layout.width_mm, layout.height_mm)
    sheet_wh = round(layout.width_mm * px_per_mm), round(layout.height_mm * px_per_mm)
    mark_writer = Writer(_generator(key, "marks"), writer.language, writer.second)
    mark_oversampling = oversampling if copy_process == "digital" else 1.0
    mark_px_per_mm = px_per_mm * mark_oversampling
    mark_scale = 1.0
    if mark_writer.rng.random() < _P_OTHER_SCALE:
        mark_scale = float(np.exp(mark_writer.rng.uniform(*np.log(_SCALES))))
    maker = MarkMaker(
        mark_writer,
        mark_px_per_mm,
        materials.fonts,
        materials.recorded,
        mark_oversampling,
        materials.source,
        materials.p_from_source,
        mark_scale,
    )
    probabilities = random_mark_probabilities(maker.rng, empty=empty, codes=document_kind == "codes")
    placed = tuple(place_marks(maker, layout, probabilities, empty=empty))
    if real is not None:
        return PagePlan(key, layout, sheet_wh, placed, real.damage(), flat(sheet_wh), document_kind, real)
    damage = random_damage(_generator(key, "damage"), copy_process)
    geometry = random_geometry(_generator(key, "geometry"), copy_process, sheet_wh, materials.p_turned)
    geometry = close_up(_generator(key, "close_up"), geometry, zoom)
    return PagePlan(key, layout, sheet_wh, placed, damage, geometry, document_kind)


def draw_page(plan: PagePlan) -> SynthPage:
    """Draws a planned page. A mark of which too little would be visible is left out, both its ink and its label."""
    damage, geometry = plan.damage, plan.geometry
    pixels = draw_layout(plan.layout, plan.sheet_wh) if plan.real is None else plan.real.pixels(plan.sheet_wh)
    untouched = pixels if plan.real is None else pixels.copy()
    if damage.grey and plan.real is None:
        pixels = np.asarray(cv2.merge([cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)] * 3), np.uint8)
    if damage.bleed > 0:
        pixels = bleed_through(_generator(plan.key, "bleed"), pixels, damage.bleed)
    marks, distractors, names, drawn = [], [], [], []
    for placed in plan.placed:
        if damage.threshold is not None and 0 < placed.module_px < _MIN_MODULE_PX:
            continue
        laid = placed.patch, (placed.x_px, placed.y_px), placed.mode
        box = lay_on_sheet(pixels, laid, damage, geometry)
        if box is None:
            continue
        drawn.append(placed)
        if placed.patch.kind:
            marks.append(PageMark(placed.patch.kind, geometry.turn_box(box), placed.text, placed))
        # A patch that covers the paper is the white label under a QR code, which is no distractor.
        elif placed.mode == "ink" and box[0] < box[2] and box[1] < box[3]:
            distractors.append(geometry.turn_box(box))
            names.append(placed.name)
    if plan.real is not None:
        finished = plan.real.finished(untouched, pixels)
        return SynthPage(finished, tuple(marks), tuple(distractors), tuple(names), tuple(drawn), plan)
    pixels = damage_sheet(_generator(plan.key, "sheet"), pixels, damage)
    behind = background(_generator(plan.key, "background"), geometry.picture_wh, damage)
    pixels = geometry.warp_page(pixels, behind)
    pixels = damage_picture(_generator(plan.key, "picture"), pixels, damage)
    finished = geometry.turn_pixels(pixels)
    return SynthPage(finished, tuple(marks), tuple(distractors), tuple(names), tuple(drawn), plan)


def _set_fax_header(layout: PageLayout, writer: Writer, fonts: FontBook) -> None:
    """Sets the line that a fax machine prints at the top edge: a date, a time, who sends, a number, a page."""
    if writer.rng.random() > _P_FAX_HEADER:
        return
    rng = writer.rng
    face = fonts.choose(rng, script_of(writer), FontStyle.MONO if rng.random() < 0.6 else FontStyle.SANS)
    style = TextStyle(face, float(rng.uniform(2.2, 3.2)))
    clock = f"{int(rng.integers(0, 24)):02d}:{int(rng.integers(0, 60)):02d}"
    text = f"{writer.date()}  {clock}  {writer.pick(writer.language.firms)}  {writer.digits(7)}  P.{writer.digits(2)}"
    layout.text(float(rng.uniform(4, 14)), float(rng.uniform(3, 6)), text, style)


def _generator(key: tuple[int, int], step: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([*key, _STEPS.index(step)])))


def _weighted_choice(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    names = [name for name, weight in weights.items() if weight > 0]
    shares = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _copy_process(name: str) -> CopyProcess:
    return next(process for process in COPY_PROCESSES if process == name)
