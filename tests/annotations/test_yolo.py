"""YOLO labels: round trips and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.annotations.yolo import detections_to_yolo, labels_from_yolo
from docdetect.errors import InputError
from docdetect.types import Detections, SizeWH

SIZES = st.tuples(st.integers(1, 20000), st.integers(1, 20000))
SHARES = st.tuples(*[st.floats(0, 1, width=32)] * 4)
ROWS = st.lists(st.tuples(SHARES, st.integers(0, 80)), max_size=6)


@given(SIZES, ROWS)
def test_round_trip(size_wh: SizeWH, rows: list[tuple[tuple[float, ...], int]]) -> None:
    corners = np.array([share for share, _ in rows], np.float64).reshape(-1, 2, 2)
    xyxy = (np.sort(corners, axis=1) * size_wh).reshape(-1, 4).astype(np.float32)
    ground_truth = Detections(xyxy, np.array([class_id for _, class_id in rows], np.int64), size_wh)
    again = labels_from_yolo(detections_to_yolo(ground_truth), size_wh, "made").boxes
    assert again.class_ids.tolist() == ground_truth.class_ids.tolist()
    assert again.scores is None
    np.testing.assert_allclose(again.xyxy, ground_truth.xyxy, atol=0.003)  # float32 px of a 20 000 px page


@given(SIZES, ROWS)
def test_all_values_are_shares(size_wh: SizeWH, rows: list[tuple[tuple[float, ...], int]]) -> None:
    corners = np.array([share for share, _ in rows], np.float64).reshape(-1, 2, 2)
    xyxy = (np.sort(corners, axis=1) * size_wh).reshape(-1, 4)
    text = detections_to_yolo(Detections(xyxy.astype(np.float32), np.zeros(len(rows), np.int64), size_wh))
    assert all(0 <= float(value) <= 1 for line in text.splitlines() for value in line.split()[1:])


def test_text_of_a_known_box() -> None:
    ground_truth = Detections(np.array([[10, 20, 30, 60]], np.float32), np.array([2], np.int64), (100, 200))
    assert detections_to_yolo(ground_truth) == "2 0.20000000 0.20000000 0.20000000 0.20000000\n"


def test_scores_are_not_written() -> None:
    found = Detections(np.array([[0, 0, 1, 1]]), np.array([0]), (2, 2), np.array([0.5]))
    assert len(detections_to_yolo(found).split()) == 5


def test_no_boxes_is_an_empty_text() -> None:
    assert detections_to_yolo(Detections.none((5, 5))) == ""
    assert len(labels_from_yolo("\ufeff\n \n", (5, 5), "x").boxes) == 0


def test_boxes_that_stick_out_are_clipped() -> None:
    found = labels_from_yolo("0 0.0 0.5 0.5 0.5", (100, 100), "x").boxes
    assert found.xyxy.tolist() == [[0, 25, 25, 75]]


def test_every_bad_line_is_listed() -> None:
    text = "0 .5 .5 .1 .1\n0 .5 .5 .1\n0.5 0 0 0 0\n-1 0 0 0 0\n0 2 0 0 0\n0 .5 .5 -0.001 .1\n0 nan 0 0 0\n0 a b c d\n"
    with pytest.raises(InputError) as caught:
        labels_from_yolo(text, (10, 10), "a.txt")
    lines = caught.value.message.splitlines()
    assert lines[0] == "a.txt: not YOLO labels"
    assert [line.split(":")[0] for line in lines[1:]] == [f"  - line {n}" for n in range(2, 9)]


def test_real_labels_are_readable(shared_data: Path) -> None:
    files = sorted((shared_data / "stamps").rglob("*.txt"))
    found = [labels_from_yolo(file.read_text(), (1000, 1000), str(file)).boxes for file in files]
    assert {int(class_id) for page in found for class_id in page.class_ids} == {2}
