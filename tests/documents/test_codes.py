"""Codes of every size and turn, and boxes with nothing to read in them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from PIL import Image

from docdetect.documents.codes import read_code
from docdetect.types import ByteArray, FloatArray

TEXT = "Договор № 17, https://example.org/17"


def code_on_page(side_px: int, text: str = TEXT) -> tuple[ByteArray, FloatArray]:
    """A grey page with a QR code without quiet zone at (90, 70), and its box."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    picture = Image.fromarray(np.array(code.to_image(scale=8))).convert("RGB")
    picture = picture.resize((side_px, side_px), Image.Resampling.LANCZOS)
    page = np.full((side_px + 200, side_px + 220, 3), 235, np.uint8)
    page[70 : 70 + side_px, 90 : 90 + side_px] = np.array(picture)
    return page, np.array([90, 70, 90 + side_px, 70 + side_px], np.float32)


@pytest.mark.parametrize("side_px", [80, 150, 400, 1500])
def test_codes_of_every_size(side_px: int) -> None:
    assert read_code(*code_on_page(side_px)) == TEXT


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_codes_on_pages_in_every_turn(turn: int) -> None:
    page, _ = code_on_page(120)
    turned = np.asarray(cv2.rotate(page, turn), np.uint8)
    height, width = turned.shape[:2]
    assert read_code(turned, np.array([60, 60, width - 60, height - 60], np.float32)) == TEXT


def test_of_two_codes_the_one_in_the_box_counts() -> None:
    left, box = code_on_page(120, "left")
    right, _ = code_on_page(120, "right")
    page = np.concatenate([left[:, :220], right[:, 80:]], axis=1)
    assert read_code(page, box) == "left"
    assert read_code(page, box + np.array([140, 0, 140, 0], np.float32)) == "right"


@pytest.mark.parametrize(
    "box", [(0, 0, 60, 60), (-50, -50, -10, -10), (90, 70, 90, 70), (1e6, 1e6, 2e6, 2e6), (0, 0, 320, 300)]
)
def test_boxes_without_a_code(box: tuple[float, float, float, float]) -> None:
    page = np.full((300, 320, 3), 200, np.uint8)
    assert read_code(page, np.array(box, np.float32)) is None


def test_control_characters_are_left_out() -> None:
    assert read_code(*code_on_page(200, "a\x1b[31mb\tc")) == "a[31mb\tc"
