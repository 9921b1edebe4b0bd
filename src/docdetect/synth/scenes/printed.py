"""Print and writing anywhere on a page that look like marks and are none, on pages with marks and without."""

from __future__ import annotations

from docdetect.synth.distractors.print_blocks import make_print_block
from docdetect.synth.distractors.seals import make_seal_distractor
from docdetect.synth.handwriting.manuscripts import make_formula, make_sketch
from docdetect.synth.handwriting.notes import ScribbleKind, make_scribble
from docdetect.synth.ink import random_pen
from docdetect.synth.marks import MarkMaker, PlacedPatch
from docdetect.synth.page_layout import PageLayout
from docdetect.synth.patch import resized

# Probability that a seal or logo stands at the head of the page; else it stands at the foot or in a corner.
_P_AT_HEAD = 0.6

# Probabilities of what somebody wrote on a page: a number of a file, a phrase, a date, a formula, a sketch.
_P_WRITTEN = (0.34, 0.26, 0.2, 0.1, 0.1)


def print_blocks(maker: MarkMaker, layout: PageLayout, count: int) -> list[PlacedPatch]:
    """So many blocks of print in random places: dark boxes, totals, figures, typed names, notes, woodcuts."""
    rng = maker.rng
    placed = []
    for _ in range(count):
        patch = make_print_block(rng, maker.px_per_mm, maker.fonts)
        if rng.random() < 0.2:
            patch = resized(patch, float(rng.uniform(1.2, 2.4)))
        x_mm, y_mm = float(rng.uniform(0.1, 0.9)) * layout.width_mm, float(rng.uniform(0.03, 0.97)) * layout.height_mm
        placed.append(maker.at(patch, x_mm, y_mm, "print", name="block of print"))
    return placed


def printed_seals(maker: MarkMaker, layout: PageLayout, count: int) -> list[PlacedPatch]:
    """So many printed seals and logos at the head, the foot or the side of the page, at times several in a row."""
    rng = maker.rng
    placed = []
    y_mm = float(rng.uniform(8, 30)) if rng.random() < _P_AT_HEAD else layout.height_mm - float(rng.uniform(8, 25))
    x_mm = float(rng.uniform(0.08, 0.92)) * layout.width_mm
    for _ in range(count):
        patch = make_seal_distractor(rng, maker.px_per_mm, maker.fonts)
        if rng.random() < 0.25:
            patch = resized(patch, float(rng.uniform(0.6, 2.2)))
        placed.append(maker.at(patch, x_mm, y_mm, "print", name="printed seal or logo"))
        x_mm += maker.size_mm(patch)[0] + float(rng.uniform(2, 14))
        if x_mm > layout.width_mm - 10:
            break
    return placed


def stray_writing(maker: MarkMaker, layout: PageLayout, count: int) -> list[PlacedPatch]:
    """So many numbers of files, phrases, dates, formulas and sketches by hand in random places, mostly near the top."""
    rng = maker.rng
    ink, pen = maker.own_ink(), random_pen(rng)
    placed = []
    for _ in range(count):
        what = int(rng.choice(5, p=_P_WRITTEN))
        if what >= 3:
            make = make_formula if what == 3 else make_sketch
            patch = make(rng, maker.px_per_mm, (ink, pen))
        else:
            kind = (ScribbleKind.NUMBER, ScribbleKind.PHRASE, ScribbleKind.DATE)[what]
            patch = make_scribble(
                rng, maker.drawn_px_per_mm, kind=kind, ink=ink, pen=pen, recorded=maker.recorded, swift=True
            )
        y = float(rng.uniform(0.02, 0.3)) if rng.random() < 0.5 else float(rng.uniform(0.02, 0.98))
        name = ("stray number", "stray phrase", "stray date", "formula", "sketch")[what]
        x_mm = float(rng.uniform(0.06, 0.94)) * layout.width_mm
        placed.append(maker.at(patch, x_mm, y * layout.height_mm, "hand", name=name))
    return placed
