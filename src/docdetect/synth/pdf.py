"""Writes finished pages as a PDF document.

A page that was never copied on paper (its `CopyProcess` is "digital") becomes text, lines and pictures as a program
would write them; every other page becomes one JPEG picture, as a scanner would write it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from docdetect.documents.pdf_writer import (
    PdfEllipse,
    PdfItem,
    PdfPage,
    PdfPath,
    PdfPicture,
    PdfScan,
    PdfText,
    write_pdf,
)
from docdetect.synth.ink import RGB
from docdetect.synth.marks import PlacedPatch
from docdetect.synth.page import PagePlan, SynthPage
from docdetect.synth.page_layout import Ellipse, Line, Stroke, Text
from docdetect.synth.paper.damage import jpeg_bytes
from docdetect.types import ByteArray

_PT_PER_MM = 72 / 25.4


def pages_to_pdf(pages: Sequence[SynthPage]) -> bytes:
    """The pages as one PDF document.

    The boxes of the marks are right for the PDF, too, when its pages are rendered at the size of the pages' pictures.
    """
    return write_pdf(
        [_vector_page(page) if page.plan.damage.kind == "digital" else _scanned_page(page) for page in pages]
    )


def _scanned_page(page: SynthPage) -> PdfScan:
    height, width = page.pixels.shape[:2]
    pt_per_px = _pt_per_px(page.plan)
    return PdfScan((width * pt_per_px, height * pt_per_px), jpeg_bytes(page.pixels, page.plan.damage.jpeg_quality))


def _vector_page(page: SynthPage) -> PdfPage:
    plan = page.plan
    items = [_pdf_item(stroke, plan.damage.grey) for stroke in plan.layout.strokes]
    items += [_pdf_picture(placed, plan) for placed in page.drawn]
    pt_per_px = _pt_per_px(plan)
    size_pt = plan.sheet_wh[0] * pt_per_px, plan.sheet_wh[1] * pt_per_px
    return PdfPage(size_pt, tuple(items), -90 * plan.geometry.quarter_turns % 360)


def _pdf_item(stroke: Stroke, grey: bool) -> PdfItem:
    if isinstance(stroke, Text):
        style = stroke.style
        x_pt, y_pt, size_pt = (length * _PT_PER_MM for length in (stroke.x_mm, stroke.y_mm, style.size_mm))
        rgb = _printed_colour(style.colour, grey)
        return PdfText(x_pt, y_pt, stroke.text, size_pt, style.face.program, rgb, stroke.turn)
    if isinstance(stroke, Line):
        points = tuple((x * _PT_PER_MM, y * _PT_PER_MM) for x, y in stroke.points)
        fill = None if stroke.fill is None else _printed_colour(stroke.fill, grey)
        return PdfPath(points, stroke.width_mm * _PT_PER_MM, _printed_colour(stroke.colour, grey), fill)
    x0, y0, x1, y1 = (value * _PT_PER_MM for value in stroke.box)
    if isinstance(stroke, Ellipse):
        fill = None if stroke.fill is None else _printed_colour(stroke.fill, grey)
        return PdfEllipse((x0, y0, x1, y1), stroke.width_mm * _PT_PER_MM, _printed_colour(stroke.colour, grey), fill)
    return PdfPicture(_printed_pixels(stroke.rgba, grey), (x0, y0, x1, y1))


def _pdf_picture(placed: PlacedPatch, plan: PagePlan) -> PdfPicture:
    pt_per_px = _pt_per_px(plan)
    width, height = placed.patch.size_wh
    corners_px = placed.x_px, placed.y_px, placed.x_px + width, placed.y_px + height
    box = tuple(value * pt_per_px for value in corners_px)
    rgba = (placed.oversampled or placed.patch).rgba
    return PdfPicture(_printed_pixels(rgba, plan.damage.grey), (box[0], box[1], box[2], box[3]))


def _pt_per_px(plan: PagePlan) -> float:
    return plan.layout.width_mm * _PT_PER_MM / plan.sheet_wh[0]


def _printed_colour(colour: RGB, grey: bool) -> RGB:
    """The colour itself, or on a grey page its luma (ITU-R BT.601)."""
    if not grey:
        return colour
    luma = round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    return luma, luma, luma


def _printed_pixels(rgba: ByteArray, grey: bool) -> ByteArray:
    """The pixels (H, W, 4) themselves, or on a grey page without their colours."""
    if not grey:
        return rgba
    greyed: ByteArray = rgba.copy()
    greyed[:, :, :3] = cv2.cvtColor(np.ascontiguousarray(rgba[:, :, :3]), cv2.COLOR_RGB2GRAY)[:, :, None]
    return greyed
