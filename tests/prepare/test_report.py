"""Reports: figures, a JSON round trip, Markdown that stays a table, and plots."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from docdetect.annotations.cleaning import Removal, RemovalReason
from docdetect.datasets.split import PageKey, Split, SplitRow
from docdetect.files import json_text
from docdetect.prepare.report import (
    Report,
    count_splits,
    measure_boxes,
    report_from_json,
    report_to_json,
    report_to_markdown,
    splits_table,
    write_plots,
)
from docdetect.types import Detections, FailedPage, Failure, FailureKind

CLASSES = ("qr", "stamp")
TRUTH = {
    PageKey("a", 1): Detections(np.array([[0, 0, 10, 20], [50, 50, 90, 90]]), np.array([0, 1]), (100, 200)),
    PageKey("a", 2): Detections.none((100, 200), scored=False),
    PageKey("b", 1): Detections(np.array([[0, 0, 30, 20]]), np.array([0]), (200, 100)),
}
SPLIT = Split(
    (
        SplitRow(PageKey("a", 1), "train", "a"),
        SplitRow(PageKey("a", 2), "train", "a"),
        SplitRow(PageKey("a", 3), "train", "a"),
        SplitRow(PageKey("b", 1), "val", "b"),
    )
)


@pytest.fixture
def report() -> Report:
    return Report(
        classes=CLASSES,
        splits=count_splits(SPLIT, TRUTH, CLASSES),
        sizes=measure_boxes(TRUTH.values(), CLASSES),
        removals=(
            Removal("a|b.pdf", 3, "k", "qr", RemovalReason.NOT_FINITE, (math.nan, math.inf, -math.inf, 1.5)),
            Removal("c.pdf", 1, "l", "<b>", RemovalReason.CLIPPED, (-1.0, 0.0, 5.0, 5.0)),
        ),
        failures=(
            FailedPage("x.pdf", None, Failure(FailureKind.ENCRYPTED, "needs a password")),
            FailedPage("y.pdf", 4, Failure(FailureKind.TOO_LARGE, "too large")),
        ),
        left_out=2,
        warnings=("look",),
    )


def test_counts(report: Report) -> None:
    train, val = report.splits
    assert (train.split, train.documents, train.pages, train.empty_pages) == ("train", 1, 3, 2)
    assert train.marks == {"qr": 1, "stamp": 1}
    assert (val.pages, val.empty_pages, val.marks) == (1, 0, {"qr": 1, "stamp": 0})
    columns, rows = splits_table(report)
    assert columns == ("split", "groups", "documents", "pages", "without marks", "qr", "stamp")
    assert [row[1] for row in rows] == [1, 1, ""]
    assert rows[-1] == ("all", "", "", 4, 2, 2, 1)


def test_sizes_are_shares_of_the_long_side(report: Report) -> None:
    qr, stamp = report.sizes
    assert (qr.name, qr.marks) == ("qr", 2)
    assert qr.width_frac[1] == pytest.approx((10 / 200 + 30 / 200) / 2)
    assert stamp.height_frac == pytest.approx((0.2, 0.2, 0.2))


def test_json_round_trip(report: Report) -> None:
    again = report_from_json(json.loads(json_text(report_to_json(report))))
    assert math.isnan(again.removals[0].box[0])
    assert again.removals[0].box[1:] == (math.inf, -math.inf, 1.5)
    assert str(again) == str(report)


def test_markdown_names_everything_and_breaks_nothing(report: Report) -> None:
    text = report_to_markdown(report, [("Boxes", "report/boxes.png")])
    assert "a\\|b.pdf" in text
    assert "\\<b\\>" in text
    assert "2 pages without marks were left out." in text
    assert "- x.pdf: needs a password (encrypted)" in text
    assert "- y.pdf, page 4: too large (too\\_large)" in text
    assert "![Boxes](report/boxes.png)" in text
    assert "clipped to the page: 1, not finite: 1" in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") in (7, 8, 9) for line in tables)


def test_plots_are_the_same_bytes_for_the_same_figures(report: Report, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert len(write_plots(tmp_path / name, report.splits, TRUTH.values(), CLASSES)) == 3
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert path.read_bytes().startswith(b"\x89PNG")


def test_plots_of_a_dataset_without_a_mark(tmp_path: Path) -> None:
    assert len(write_plots(tmp_path, (), [], CLASSES)) == 3
