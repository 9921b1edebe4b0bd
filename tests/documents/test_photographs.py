"""Photographs are told from scans by the picture itself; what a camera notes is a hint."""

from __future__ import annotations

import cv2
import numpy as np

from docdetect.documents.photographs import camera_facts, camera_score, examine
from tests.support.photographs import photographed, sheet_with

MARKS = [("stamp", (250.0, 400.0, 330.0, 450.0))]
CAMERA = {0x010F: "Phonemaker", 0x0110: "Phone 7\0", 0x829A: 0.01, 0x829D: 1.8, 0x8827: 200, 0x920A: 4.2}


def test_a_slanted_sheet_on_a_desk_is_a_photograph() -> None:
    photo = examine(photographed(sheet_with(MARKS)))
    assert photo.is_photo
    assert photo.sheet is not None
    assert photo.exif_score == 0.0
    assert photo.surroundings is not None
    assert photo.surroundings.lightness is not None
    assert photo.surroundings.lightness < photo.surroundings.paper_lightness


def test_a_page_without_surroundings_is_a_scan() -> None:
    photo = examine(sheet_with(MARKS))
    assert (photo.is_photo, photo.sheet, photo.found, photo.score) == (False, None, None, 0.0)


def test_a_sheet_on_a_scanner_is_a_scan() -> None:
    """It lies askew by two degrees before a black lid, and its sides are parallel."""
    page = cv2.copyMakeBorder(sheet_with(MARKS), 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(4, 4, 4))
    turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), 2.0, 1.0)
    scan = np.asarray(cv2.warpAffine(page, turn, (page.shape[1], page.shape[0]), borderValue=(4, 4, 4)), np.uint8)
    photo = examine(scan)
    assert photo.found is not None  # the sheet is seen
    assert not photo.is_photo
    assert photo.sheet is None


def test_a_slanted_sheet_before_a_black_lid_is_a_scan() -> None:
    assert examine(photographed(sheet_with(MARKS), desk=(0, 0, 0))).sheet is None


def test_a_coloured_field_on_a_page_is_no_photograph() -> None:
    page = np.full((800, 600, 3), 225, np.uint8)
    cv2.fillPoly(page, [np.array([[60, 60], [540, 70], [530, 500], [70, 480]])], (170, 120, 140))
    photo = examine(page)
    assert not photo.is_photo
    assert photo.sheet is None


def test_what_a_camera_noted_decides_where_the_picture_alone_does_not() -> None:
    facts = camera_facts(CAMERA)
    assert (facts["make"], facts["model"], facts["has_iso"], facts["has_gps"]) == ("Phonemaker", "Phone 7", True, False)
    assert camera_score(facts) == 1.0
    black = photographed(sheet_with(MARKS), desk=(0, 0, 0))
    assert examine(black, facts).sheet is not None
    all_paper = examine(sheet_with(MARKS), facts)
    assert all_paper.is_photo
    assert all_paper.sheet is None  # nothing to correct


def test_scanners_note_who_made_them() -> None:
    assert camera_facts({}) == {"has_exif": False}
    assert camera_score(camera_facts({0x010F: "Scanmaker", 0x0110: "Flat 3", 0x0131: "Scan it"})) < 0.5
