from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from docdetect.documents.drawing import class_colour, contact_sheet, draw_detections, write_image
from docdetect.errors import OutputError
from docdetect.types import ByteArray, Detections

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
        assert filled > 600


def test_cyrillic_names_are_letters_and_not_boxes() -> None:
    pictures = [
        draw_detections(paper(400, 400), one((100, 200, 200, 300), 3, (400, 400)), ("", "", "", name))
        for name in ("печать", "почасе", "ӨҰҚІҺЪ")
    ]
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[0] != pictures[2]).any()


@settings(max_examples=60, deadline=None)
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
