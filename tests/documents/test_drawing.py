from __future__ import annotations

import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from docdetect.documents.drawing import (
    DRAWN_LONG_PX,
    class_colour,
    contact_sheet,
    draw_detections,
    drawing_size,
    write_image,
)
from docdetect.documents.sizes import LongSide
from docdetect.errors import OutputError
from docdetect.types import ByteArray, Detections, PageInfo

NAMES = ("qr", "signature", "stamp")


def paper(width: int, height: int) -> ByteArray:
    return np.full((height, width, 3), 255, np.uint8)


def one(box: tuple[float, float, float, float], class_id: int, size_wh: tuple[int, int]) -> Detections:
    return Detections(np.array([box]), np.array([class_id]), size_wh, np.array([0.87]))


def test_the_three_classes_are_blue_green_and_red_and_others_distinct() -> None:
    blue, green, red = (class_colour(i, name) for i, name in enumerate(NAMES))
    assert max(blue) == blue[2]
    assert max(green) == green[1]
    assert max(red) == red[0]
    others = [class_colour(i, f"class {i}") for i in range(7)]
    assert len({blue, green, red, *others}) == 10
    assert class_colour(0, "stamp") == red  # by name, whatever the order of the classes


# How people without one kind of cone see linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
SIGHTS = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(rgb: tuple[int, int, int]) -> Any:
    value = np.array(rgb) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light: Any) -> Any:
    """CIE Lab of linear RGB, under D65."""
    x, y, z = np.cbrt(TO_XYZ @ np.clip(light, 0, 1) / [0.95047, 1.0, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_colour_blind_people_can_tell_the_three_classes_apart(sight: str) -> None:
    seen = [lab(np.array(SIGHTS[sight]) @ linear(class_colour(0, name))) for name in NAMES]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 30


@pytest.mark.parametrize("class_id", range(10))
def test_white_letters_can_be_read_on_every_colour(class_id: int) -> None:
    luminance = float(TO_XYZ[1] @ linear(class_colour(class_id, NAMES[class_id] if class_id < 3 else "other")))
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_pages_are_drawn_at_their_own_size_up_to_a_limit() -> None:
    assert drawing_size(PageInfo("a.jpg", 1, (600, 900))) == LongSide(900)
    assert drawing_size(PageInfo("a.pdf", 1, (3306, 4678), 200)) == LongSide(DRAWN_LONG_PX)
    assert drawing_size(PageInfo("a.pdf", 1, (3306, 4678), 200), 1754) == LongSide(1754), "a scan has no finer pixels"


def plates(drawn: ByteArray, without: ByteArray, boxes: list[tuple[int, int, int, int]]) -> Any:
    """bool (H, W): where something was drawn that is no box."""
    changed = (drawn != without).any(axis=2)
    for left, top, right, bottom in boxes:
        changed[top - 3 : bottom + 4, left - 3 : right + 4] = False
    return changed


def test_labels_cover_no_other_mark_and_no_text_where_there_is_room_beside_it() -> None:
    page = paper(900, 1200)
    page[40:400:24, 60:840] = 0  # lines of text, closer than a label is high
    boxes = [(300, 500, 500, 560), (300, 566, 500, 640), (505, 500, 700, 640), (100, 460, 295, 640)]
    detections = Detections(np.array(boxes, np.float32), np.array([1, 2, 1, 2]), (900, 1200), np.full(4, 0.5))
    drawn = draw_detections(page, detections, NAMES)
    for left, top, right, bottom in boxes:
        assert (drawn[top + 2 : bottom - 1, left + 2 : right - 1] == 255).all(), "marks stay visible"
    assert plates(drawn, page, boxes).sum() > 4 * 600
    assert (drawn[:400] == page[:400]).all(), "text stays visible"


def test_a_mark_without_room_beside_it_is_explained_in_a_legend() -> None:
    page = paper(900, 1200)
    rows = [(0.0, 0.0, 899.0, 299.0), (0.0, 300.0, 899.0, 599.0), (0.0, 600.0, 899.0, 899.0)]
    detections = Detections(np.array(rows), np.array([0, 1, 2]), (900, 1200), np.array([0.9, 0.8, 0.7]))
    drawn = draw_detections(page, detections, NAMES)
    blank = drawn[905:]
    for class_id, name in enumerate(NAMES):
        assert (blank == class_colour(class_id, name)).all(axis=2).sum() > 500, "all three stand below the last mark"
    assert (drawn[130:170, 40:860] == 255).all(), "the mark itself is covered in a corner at most"


def test_hundreds_of_marks_are_drawn_in_seconds() -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 1900, (300, 2))
    detections = Detections(
        np.hstack([corners, corners + 60]), rng.integers(0, 3, 300), (2000, 2000), np.full(300, 0.3)
    )
    started = time.perf_counter()
    draw_detections(paper(2000, 2000), detections, NAMES)
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("scale", [0.1, 1, 4])
def test_a_box_is_drawn_around_the_mark_in_its_colour_and_the_page_is_not_touched(scale: float) -> None:
    size_wh = (round(600 * scale), round(800 * scale))
    page = paper(*size_wh)
    box = (200 * scale, 300 * scale, 400 * scale, 500 * scale)
    drawn = draw_detections(page, one(box, 2, size_wh), NAMES)
    assert (page == 255).all()
    middle_x, middle_y = round(300 * scale), round(400 * scale)
    red = class_colour(2, "stamp")
    assert tuple(drawn[middle_y, round(box[0])]) == red
    assert tuple(drawn[round(box[3]), middle_x]) == red
    assert (drawn[middle_y - 3 : middle_y + 3, middle_x - 3 : middle_x + 3] == 255).all()


def test_the_label_stands_above_the_box_and_below_it_at_the_top_of_the_page() -> None:
    def rows_with_ink(y: float) -> tuple[int, int]:
        drawn = draw_detections(paper(600, 800), one((100, y, 250, y + 60), 0, (600, 800)), NAMES)
        rows = np.flatnonzero((drawn != 255).any(axis=(1, 2)))
        return int(rows[0]), int(rows[-1])

    top, bottom = rows_with_ink(400)
    assert top < 390
    assert bottom <= 462
    top, bottom = rows_with_ink(1)
    assert bottom > 70


def test_two_boxes_in_one_place_have_labels_in_two_places() -> None:
    both = Detections(np.array([[100, 300, 300, 400]] * 2), np.array([1, 2]), (600, 800), np.array([0.5, 0.9]))
    drawn = draw_detections(paper(600, 800), both, NAMES)
    for class_id in (1, 2):
        filled = (drawn == class_colour(class_id, NAMES[class_id])).all(axis=2).sum()
        assert filled > 400


def test_cyrillic_names_are_letters_and_not_boxes() -> None:
    pictures = [
        draw_detections(paper(400, 400), one((100, 200, 200, 300), 3, (400, 400)), ("", "", "", name))
        for name in ("печать", "почасе", "ӨҰҚІҺЪ")
    ]
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[0] != pictures[2]).any()


@settings(max_examples=60)
@given(
    size_wh=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    corners=st.lists(st.tuples(*[st.floats(-50, 800)] * 4), max_size=5),
    class_id=st.integers(0, 9),
)
def test_any_box_on_any_page_can_be_drawn(
    size_wh: tuple[int, int], corners: list[tuple[float, float, float, float]], class_id: int
) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    detections = Detections(np.array(boxes, np.float32), np.full(len(boxes), class_id), size_wh)
    drawn = draw_detections(paper(*size_wh), detections, NAMES)
    assert drawn.shape == (size_wh[1], size_wh[0], 3)
    assert drawn.dtype == np.uint8


def test_detections_of_another_size_are_scaled_to_the_page() -> None:
    drawn = draw_detections(paper(300, 400), one((200, 300, 400, 500), 0, (600, 800)), NAMES)
    assert tuple(drawn[200, 100]) == class_colour(0, "qr")


def test_a_contact_sheet_has_a_cell_for_every_picture() -> None:
    greys = [np.full((40 + 10 * n, 60, 3), 20 * n, np.uint8) for n in range(7)]
    sheet = contact_sheet(greys, [f"очень длинное имя документа номер {n}, страница {n}" for n in range(7)], columns=3)
    assert sheet.shape[1] > 3 * 400
    for n in range(7):
        assert (sheet == 20 * n).all(axis=2).sum() >= 60 * (40 + 10 * n)
    assert contact_sheet([], []).ndim == 3


@pytest.mark.parametrize("name", ["а/б/страница.png", "a.JPG"])
def test_pictures_are_written_whole_and_read_back(tmp_path: Path, name: str) -> None:
    pixels = paper(30, 20)
    pixels[5:15, 5:15] = (200, 30, 40)
    write_image(tmp_path / name, pixels)
    with Image.open(tmp_path / name) as image:
        assert np.abs(np.array(image.convert("RGB")).astype(int) - pixels).mean() < 4
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_another_suffix_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"written as .png or .jpg, not '.gif'"):
        write_image(tmp_path / "a.gif", paper(3, 3))
