"""Finished pages as a PDF: pages that nothing has copied as text, lines and marks, the others as scans."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from docdetect.documents.pdf_writer import (
    PdfEllipse,
    PdfItem,
    PdfPath,
    PdfPicture,
    PdfScan,
    PdfSheet,
    PdfText,
    write_pdf,
)
from docdetect.synth.marks import Placed
from docdetect.synth.page import PagePlan, SynthPage
from docdetect.synth.paper_damage import jpeg_bytes
from docdetect.synth.sheet import Ellipse, Line, Stroke, Text
from docdetect.types import ByteArray

_PT_PER_MM = 72 / 25.4


def pages_to_pdf(pages: Sequence[SynthPage]) -> bytes:
    """The pages as one PDF; rendered at the size of their pictures, the boxes of their marks are right."""
    return write_pdf([_vector(page) if page.plan.finish.kind == "digital" else _scan(page) for page in pages])


def _scan(page: SynthPage) -> PdfScan:
    height, width = page.pixels.shape[:2]
    pt_per_px = _pt_per_px(page.plan)
    return PdfScan((width * pt_per_px, height * pt_per_px), jpeg_bytes(page.pixels, page.plan.finish.quality))


def _vector(page: SynthPage) -> PdfSheet:
    plan = page.plan
    items = [_stroke(stroke, plan.finish.grey) for stroke in plan.sheet.strokes]
    items += [_picture(placed, plan) for placed in page.drawn]
    pt_per_px = _pt_per_px(plan)
    size_pt = plan.sheet_wh[0] * pt_per_px, plan.sheet_wh[1] * pt_per_px
    return PdfSheet(size_pt, tuple(items), -90 * plan.geometry.quarter_turns % 360)


def _stroke(stroke: Stroke, grey: bool) -> PdfItem:
    if isinstance(stroke, Text):
        face = stroke.style.face
        size_pt = stroke.style.size_mm * _PT_PER_MM
        rgb = _rgb(stroke.style.colour, grey)
        return PdfText(
            stroke.x * _PT_PER_MM, stroke.y * _PT_PER_MM, stroke.text, size_pt, face.program, rgb, stroke.turn
        )
    if isinstance(stroke, Line):
        points = tuple((x * _PT_PER_MM, y * _PT_PER_MM) for x, y in stroke.points)
        fill = None if stroke.fill is None else _rgb(stroke.fill, grey)
        return PdfPath(points, stroke.width * _PT_PER_MM, _rgb(stroke.colour, grey), fill)
    x0, y0, x1, y1 = (value * _PT_PER_MM for value in stroke.box)
    if isinstance(stroke, Ellipse):
        fill = None if stroke.fill is None else _rgb(stroke.fill, grey)
        return PdfEllipse((x0, y0, x1, y1), stroke.width * _PT_PER_MM, _rgb(stroke.colour, grey), fill)
    return PdfPicture(_toned(stroke.rgba, grey), (x0, y0, x1, y1))


def _picture(placed: Placed, plan: PagePlan) -> PdfPicture:
    pt_per_px = _pt_per_px(plan)
    width, height = placed.patch.size_wh
    box = tuple(value * pt_per_px for value in (placed.x, placed.y, placed.x + width, placed.y + height))
    rgba = (placed.fine or placed.patch).rgba
    return PdfPicture(_toned(rgba, plan.finish.grey), (box[0], box[1], box[2], box[3]))


def _pt_per_px(plan: PagePlan) -> float:
    return plan.sheet.width * _PT_PER_MM / plan.sheet_wh[0]


def _rgb(colour: tuple[int, int, int], grey: bool) -> tuple[int, int, int]:
    if not grey:
        return colour
    luma = round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    return luma, luma, luma


def _toned(rgba: ByteArray, grey: bool) -> ByteArray:
    if not grey:
        return rgba
    toned: ByteArray = rgba.copy()
    toned[:, :, :3] = cv2.cvtColor(np.ascontiguousarray(rgba[:, :, :3]), cv2.COLOR_RGB2GRAY)[:, :, None]
    return toned
