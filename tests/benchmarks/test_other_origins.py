"""Weights beside others, set by set, and which sets the weights that come with docdetect were trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.other_origins import TRAINED_ON, OriginSet, beside_rows, box_size_rows, seen_by

from docdetect.metrics.matching import Sample
from docdetect.types import Detections

SIZE_WH = (200, 300)


def page(number: int, found: bool) -> Sample:
    box, class_id = np.array([[20, 30, 80, 60]], np.float32), np.array([1])
    marks = Detections(box, class_id, SIZE_WH)
    scored = Detections(box, class_id, SIZE_WH, np.array([0.9], np.float32))
    return Sample(f"{number}.png", 1, str(number), marks, scored if found else scored.select(np.array([], np.int64)))


def test_the_difference_is_that_of_each_set_and_class_with_enough_marks() -> None:
    all_found = OriginSet("letters", frozenset({"signature"}), tuple(page(number, True) for number in range(8)))
    half_found = replace(all_found, samples=tuple(page(number, number % 2 == 0) for number in range(8)))
    few = OriginSet("acts", frozenset({"signature"}), all_found.samples[:4])
    unlabelled = OriginSet("seals", frozenset({"stamp"}), all_found.samples)
    rows = beside_rows([half_found, few, unlabelled], [all_found, few, unlabelled])
    assert [row[:4] for row in rows[1:]] == [("letters", "signature", "8", "1.000")]
    assert float(rows[1][4]) == float(rows[1][3]) + float(rows[1][5])
    assert 0.4 < float(rows[1][4]) < 0.6


def test_weights_that_saw_more_sets_are_evaluated_on_fewer() -> None:
    assert seen_by(Path("docdetect-s.pt")) == TRAINED_ON == seen_by(Path("runs/train/mine/weights/best.pt"))
    assert seen_by(Path("data/starts/docdetect-s-office.pt")) > TRAINED_ON


def test_two_networks_are_compared_where_neither_was_trained() -> None:
    bundled, office = Path("docdetect-s.pt"), Path("data/starts/docdetect-s-office.pt")
    assert seen_by(bundled, office) == seen_by(office)
    assert seen_by(bundled, further="mine,yours") == TRAINED_ON | {"mine", "yours"}


def test_sizes_of_boxes_are_those_beside_the_marks_that_they_meet() -> None:
    """A second box on a mark does not count, nor one that is too faint or meets nothing."""
    boxes = np.array([[20, 30, 68, 60], [20, 30, 80, 60], [20, 30, 80, 60], [120, 230, 180, 260]], np.float32)
    scores = np.array([0.9, 0.5, 0.05, 0.8], np.float32)
    found = Detections(boxes, np.array([1, 1, 1, 1]), SIZE_WH, scores)
    pages = tuple(replace(page(number, True), found=found) for number in range(8))
    letters = OriginSet("letters", frozenset({"signature"}), pages)
    rows = box_size_rows([letters, replace(letters, name="acts", samples=tuple(page(n, True) for n in range(8)))])
    assert rows[1:] == [("signature", "16", "0.90, 1.00", "0.80, 1.00 (letters)", "1.00, 1.00 (acts)")]
